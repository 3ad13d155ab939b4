"""How values travel: what is sent arrives, and what is no frame is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hw.grading.child import wire


def packed(value: object) -> tuple[bytes, bytes]:
    frame = wire.pack(value, lambda thing: type(thing).__name__)
    text, blocks = wire.HEAD.unpack(frame[: wire.HEAD.size])
    assert len(frame) == wire.HEAD.size + text + blocks
    rest = frame[wire.HEAD.size :]
    return rest[:text], rest[text:]


def sent(value: object) -> object:
    return wire.unpack(*packed(value), lambda inside: ("handle", inside))


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.lists(inside, max_size=4).map(tuple)
        | st.dictionaries(SCALARS, inside, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_plain_values_arrive(value: object) -> None:
    assert sent(value) == value


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["f8", "f4", "i8", "?"]).flatmap(
        lambda kind: arrays(kind, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    )
)
def test_arrays_arrive(array: np.ndarray) -> None:
    found = sent({"a": [array, array]})["a"]
    for copy in found:
        assert copy.dtype == array.dtype
        assert copy.flags.writeable
        np.testing.assert_array_equal(copy, array)


def test_numbers_of_numpy_are_numbers_and_objects_are_handles() -> None:
    assert sent([np.float32(0.5), np.int8(3), np.bool_(True)]) == [0.5, 3, True]
    assert sent(object()) == ("handle", "object")
    assert sent(np.array([None])) == ("handle", "ndarray")
    assert sent(np.arange(3, dtype=np.uint8)).dtype == np.int64


TEXTS = st.recursive(
    SCALARS,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["array", "list", "tuple", "dict", "handle", "x"]), inside, max_size=2
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.binary(max_size=40))
def test_anything_else_is_refused_or_a_value(document: object, blocks: bytes) -> None:
    try:
        wire.unpack(json.dumps(document).encode(), blocks, lambda inside: inside)
    except ValueError:
        return
    # No block is left over: a value that used none has none.
    assert blocks == b"" or "array" in json.dumps(document)


@pytest.mark.parametrize(
    ("document", "blocks", "words"),
    [
        ({"array": ["f8", [2]]}, bytes(8), "fewer bytes than its shape needs"),
        ({"array": ["f8", [1 << 40, 0]]}, b"", "an impossible shape"),
        ({"array": ["b1", [1]]}, b"\x02", "neither 0 nor 1"),
        ({"array": ["f8", [True]]}, bytes(8), "an impossible shape"),
        (1, b"\0", "1 bytes too many"),
    ],
)
def test_why_a_frame_is_refused(document: object, blocks: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wire.unpack(json.dumps(document).encode(), blocks, lambda inside: inside)


def test_what_cannot_be_sent() -> None:
    itself: list[object] = []
    itself.append(itself)
    with pytest.raises(ValueError, match="levels deep"):
        packed(itself)
    with pytest.raises(ValueError, match="too large"):
        packed(np.zeros(wire.MAX_BLOCKS // 8 + 1))
