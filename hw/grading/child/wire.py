"""How values travel between the grader and a hand-in: JSON, and raw blocks of numbers. No pickle.

A frame is two lengths (8 bytes each, most significant first), a JSON text, and the bytes of the
arrays one after another. In the JSON a number, a string, true, false or null stands for itself;
everything else is an object with one key: ``list``, ``tuple``, ``dict``, ``array`` (type and shape)
or ``handle``.

Used on both sides. The grader believes nothing that comes back: `unpack` checks every length, type
and shape before it makes anything of them, and raises `ValueError` on the first that is wrong.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

HEAD = struct.Struct(">QQ")
MAX_TEXT = 32 << 20  # bytes of JSON in one frame
MAX_BLOCKS = 256 << 20  # bytes of numbers in one frame
_MAX_DEPTH = 20
_TYPES = {"f8": "<f8", "f4": "<f4", "i8": "<i8", "b1": "|b1"}

Refer = Callable[[Any], Any]


def pack(value: Any, refer: Refer) -> bytes:
    """A frame that holds ``value``; ``refer`` gives the JSON that stands for any other object."""
    blocks: list[bytes] = []
    text = json.dumps(_plain(value, blocks, refer, 0)).encode()
    size = sum(map(len, blocks))
    if len(text) > MAX_TEXT or size > MAX_BLOCKS:
        raise ValueError(f"a value of {(len(text) + size) >> 20} MB is too large to be sent")
    return b"".join([HEAD.pack(len(text), size), text, *blocks])


def unpack(text: bytes, blocks: bytes, resolve: Callable[[Any], Any]) -> Any:
    """The value of a frame. Raises `ValueError` where it is not one."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON ({type(error).__name__})") from None
    rest = memoryview(blocks)

    def value(item: Any, depth: int) -> Any:
        nonlocal rest
        if item is None or isinstance(item, bool | int | float | str):
            return item
        if depth > _MAX_DEPTH:
            raise ValueError(f"a value more than {_MAX_DEPTH} levels deep")
        if not isinstance(item, dict) or len(item) != 1:
            raise ValueError("a value of no known form")
        ((form, inside),) = item.items()
        if form == "handle":
            return resolve(inside)
        if not isinstance(inside, list):
            raise ValueError("a value of no known form")
        if form == "array":
            array, rest = _array(inside, rest)
            return array
        if form == "list":
            return [value(i, depth + 1) for i in inside]
        if form == "tuple":
            return tuple(value(i, depth + 1) for i in inside)
        if form == "dict":
            return dict(_pair(i, lambda i: value(i, depth + 1)) for i in inside)
        raise ValueError("a value of no known form")

    whole = value(plain, 0)
    if rest:
        raise ValueError(f"{len(rest)} bytes too many")
    return whole


def _pair(item: Any, value: Callable[[Any], Any]) -> tuple[Any, Any]:
    if not isinstance(item, list) or len(item) != 2:
        raise ValueError("a dict whose items are no pairs")
    key = value(item[0])
    if not isinstance(key, None | bool | int | float | str | tuple):
        raise ValueError("a dict with a key that is none")
    return key, value(item[1])


def _array(form: list[Any], blocks: memoryview) -> tuple[np.ndarray, memoryview]:
    """The array that the first bytes of ``blocks`` hold, and the bytes after it."""
    kind, shape = form if len(form) == 2 else (None, None)
    if not isinstance(kind, str) or kind not in _TYPES or not isinstance(shape, list):
        raise ValueError("an array without type and shape")
    if len(shape) > 8 or not all(type(n) is int and 0 <= n <= MAX_BLOCKS for n in shape):
        raise ValueError("an array of an impossible shape")
    dtype = np.dtype(_TYPES[kind])
    size = math.prod(shape) * dtype.itemsize
    if size > len(blocks):
        raise ValueError("an array with fewer bytes than its shape needs")
    if kind == "b1" and np.frombuffer(blocks[:size], np.uint8).max(initial=0) > 1:
        raise ValueError("a truth value that is neither 0 nor 1")
    # A copy: writable, and aligned.
    return np.frombuffer(blocks[:size], dtype).reshape(shape).copy(), blocks[size:]


def _plain(value: Any, blocks: list[bytes], refer: Refer, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError(f"a value more than {_MAX_DEPTH} levels deep cannot be sent")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "fiub":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        kind = {"f": "f4" if value.dtype.itemsize <= 4 else "f8", "b": "b1"}.get(
            value.dtype.kind, "i8"
        )
        blocks.append(np.ascontiguousarray(value, _TYPES[kind]).tobytes())
        return {"array": [kind, list(value.shape)]}
    if type(value) in (list, tuple):
        inside = [_plain(item, blocks, refer, depth + 1) for item in value]
        return {"list" if type(value) is list else "tuple": inside}
    if isinstance(value, dict):
        pairs = [
            [_plain(part, blocks, refer, depth + 1) for part in item] for item in value.items()
        ]
        return {"dict": pairs}
    return {"handle": refer(value)}
