"""Damaged files by the thousand: a sound array comes out, or a `DataError`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_files import cifar_members, idx, npz, tar
from support import gz

from hw.datasets import formats, unpickle
from hw.datasets.formats import Spec
from hw.errors import DataError

SPEC = Spec("u", (4, 5), 1000, exact=np.uint8)
ARRAYS = {"images": SPEC, "labels": Spec("ui", (), 1000)}
PIXELS = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
IDX = idx(PIXELS)
NPZ = npz(images=PIXELS, labels=np.arange(3))
STORED = npz(False, images=PIXELS, labels=np.arange(3))
BATCH = cifar_members(n=2)
PICKLES = [cifar_members(protocol, n=2)["test_batch"] for protocol in (2, 4)]
TAR = tar(BATCH)

# Where structure lies: everywhere in small files, at the start of the headers in the tar.
edits = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.integers(0, 255), st.sampled_from("sidr")), max_size=6
)
cuts = st.none() | st.integers(0, 1 << 20)


def damage(data: bytes, changes: list[tuple[int, int, str]], cut: int | None) -> bytes:
    raw = bytearray(data)
    for place, byte, kind in changes:
        at = place % len(raw) if raw else 0
        if kind == "s" and raw:
            raw[at] = byte
        elif kind == "i":
            raw[at:at] = bytes([byte]) * (1 + byte % 4)
        elif kind == "d":
            del raw[at : at + 1 + byte % 8]
        else:  # repeat a piece elsewhere
            raw[at:at] = raw[at : at + byte]
    return bytes(raw if cut is None else raw[: cut % (len(raw) + 1)])


def fuzz(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def attempt(reader: Callable[[Path], Any], path: Path, content: bytes) -> Any:
    path.unlink(missing_ok=True)  # file systems flush a file that is written over
    path.write_bytes(content)
    try:
        return reader(path)
    except DataError as error:
        message = str(error)
    assert "\n" not in message
    assert message.startswith(str(path))
    return None


@fuzz(2500)
@given(changes=edits, cut=cuts, outside=st.booleans())
def test_idx(tmp_path: Path, changes: Any, cut: int | None, outside: bool) -> None:
    """Damage outside: to the compressed bytes; inside: to what they unpack to."""
    if outside:
        content = damage(gz(IDX, 1), changes, cut)
    else:
        content = gz(damage(IDX, changes, cut), 1)
    array = attempt(lambda p: formats.read_idx(p, SPEC), tmp_path / "f", content)
    if array is not None:
        assert array.dtype == np.uint8
        assert array.shape[1:] == (4, 5)


@fuzz(2500)
@given(changes=edits, cut=cuts, base=st.sampled_from([NPZ, STORED]))
def test_npz(tmp_path: Path, changes: Any, cut: int | None, base: bytes) -> None:
    content = damage(base, changes, cut)
    arrays = attempt(lambda p: formats.read_npz(p, ARRAYS), tmp_path / "f", content)
    if arrays is not None:
        assert arrays["images"].dtype == np.uint8
        assert arrays["images"].shape[1:] == (4, 5)
        assert arrays["labels"].dtype.kind in "ui"


@fuzz(1000)
@given(changes=edits, cut=cuts, outside=st.booleans(), member=st.integers(0, 5))
def test_tar(tmp_path: Path, changes: Any, cut: int | None, outside: bool, member: int) -> None:
    size = len(TAR) // 6
    # Positions within a header block of one of the members, where damage tells.
    near = [(member * (size // 512 * 512) + place % 700, *rest) for place, *rest in changes]
    if outside:
        content = damage(gz(TAR, 1), changes, cut)
    else:
        content = gz(damage(TAR, near, cut), 1)
    arrays = attempt(lambda p: formats.read_cifar(p, 3072, 10, 10000), tmp_path / "f", content)
    if arrays is not None:
        assert arrays["train_images"].dtype == np.uint8
        assert arrays["train_images"].shape == (len(arrays["train_labels"]), 3072)


@fuzz(5000)
@given(changes=edits, cut=cuts, base=st.sampled_from(PICKLES), tail=st.booleans())
def test_pickles(changes: Any, cut: int | None, base: bytes, tail: bool) -> None:
    """`unpickle` keeps its own promise, without the border that `refusing` is."""
    # The pixels are most of the file; damage around them, where the instructions are.
    start = base.index(b"labels")
    places = [((len(base) - 200 if tail else start) + p % 300, b, kind) for p, b, kind in changes]
    data = damage(base, places, cut)
    try:
        value = unpickle.loads(data)
    except (ValueError, IndexError, struct.error):
        return
    assert isinstance(value, dict | list | tuple | np.ndarray | int | float | bytes | str | None)


@fuzz(3000)
@given(data=st.binary(max_size=60))
def test_pickles_of_random_bytes(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError, struct.error)):
        unpickle.loads(b"(" + data)  # an open mark is no value


@fuzz(1000)
@given(data=st.binary(max_size=200))
def test_random_files(tmp_path: Path, data: bytes) -> None:
    for content in (data, gz(data, 1)):
        for reader in (
            lambda p: formats.read_idx(p, SPEC),
            lambda p: formats.read_npz(p, ARRAYS),
            lambda p: formats.read_cifar(p, 3072, 10, 10000),
        ):
            assert attempt(reader, tmp_path / "f", content) is None
