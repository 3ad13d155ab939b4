"""A pickle reader that can build arrays, lists, dicts, tuples, numbers and strings, nothing else.

Python's own unpickler calls what a file names, and takes memory that a file claims (an index into
its memo, a length); a list of forbidden names does not mend that. The few instructions below are
all that CIFAR-10's batches need, in the published file (Python 2: protocol 2,
``numpy.core.multiarray``, byte strings) and in files written by Python 3 (``numpy._core``, byte
strings as encoded text, protocols up to 4). Nothing is imported and nothing is called.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

# A published batch has about 50000 instructions; a bomb of single bytes has millions.
MAX_INSTRUCTIONS = 500_000

_MARK = object()
_CONSTANTS = {b"N"[0]: None, 0x88: True, 0x89: False}
# opcode -> struct of its little-endian argument
_NUMBERS = {b"K"[0]: "<B", b"M"[0]: "<H", b"J"[0]: "<i", b"G"[0]: ">d"}
# opcode -> (struct of its length, whether it is text)
_STRINGS = {
    b"X"[0]: ("<I", True),
    0x8C: ("<B", True),
    0x8D: ("<Q", True),
    b"T"[0]: ("<i", False),
    b"U"[0]: ("<B", False),
    b"B"[0]: ("<I", False),
    b"C"[0]: ("<B", False),
    0x8E: ("<Q", False),
}
_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): "reconstruct",
    ("numpy._core.multiarray", "_reconstruct"): "reconstruct",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
}


class _Global:
    """A name that a pickle may mention; never the thing itself."""

    def __init__(self, role: str) -> None:
        self.role = role


class _Array:
    """An array before its state has come, then what it holds; see `_resolve`."""

    value: Any = None


class _Dtype:
    def __init__(self, code: str) -> None:
        self.code = code


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin1")
    if isinstance(value, str):
        return value
    raise ValueError("a name in the pickle is no text")


def _call(function: Any, arguments: Any) -> Any:
    """What REDUCE may do: the calls with which arrays and byte strings are written."""
    role = function.role if isinstance(function, _Global) else ""
    if not isinstance(arguments, tuple):
        raise ValueError("malformed pickle")
    if role == "bytes" and not arguments:
        return b""  # Python 3's way to write the empty byte string for Python 2
    if role == "encode" and len(arguments) == 2 and isinstance(arguments[0], str):
        if _text(arguments[1]) in ("latin1", "latin-1"):
            return arguments[0].encode("latin1")
    elif role == "reconstruct" and arguments:
        if isinstance(arguments[0], _Global) and arguments[0].role == "ndarray":
            return _Array()  # the shape given here is a placeholder; the state has the real one
    elif role == "dtype" and arguments:
        return _Dtype(_text(arguments[0]))
    raise ValueError("the pickle asks for a call that builds no array")


def _build(target: Any, state: Any) -> None:
    """What BUILD may do: give an array its shape and bytes, a dtype its byte order."""
    if isinstance(target, _Dtype):
        return  # bytes have no order; other dtypes are refused below
    if not isinstance(target, _Array) or not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("the pickle sets a state that is no array's")
    _, shape, dtype, fortran, data = state
    if not isinstance(dtype, _Dtype) or dtype.code not in ("u1", "|u1", "uint8"):
        raise ValueError("an array in the pickle is not of unsigned bytes")
    sound = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if (
        not sound
        or len(shape) > 4
        or not isinstance(data, bytes)
        or type(fortran)
        not in (
            bool,
            int,
        )
    ):
        raise ValueError("malformed array in the pickle")
    if math.prod(shape) != len(data):
        raise ValueError("an array in the pickle has another size than its shape says")
    target.value = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


def loads(data: bytes | bytearray) -> Any:
    """The object that the pickle ``data`` holds.

    Raises `ValueError` (or `IndexError`, `struct.error`) for anything malformed or unwelcome;
    time and memory are bounded by ``len(data)``.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    at = 0
    encodable = len(data)  # else one long text, encoded again and again, takes any memory
    view = memoryview(data)

    def number(form: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return value

    def line() -> str:
        nonlocal at
        end = data.index(b"\n", at, at + 200)
        text = bytes(view[at:end]).decode("ascii")
        at = end + 1
        return text

    def since_mark() -> list[Any]:
        for i in range(len(stack) - 1, -1, -1):
            if stack[i] is _MARK:
                items = stack[i + 1 :]
                del stack[i:]
                return items
        raise ValueError("malformed pickle")

    def name(module: str, attribute: str) -> _Global:
        try:
            return _Global(_GLOBALS[module, attribute])
        except KeyError:
            raise ValueError(f"the pickle names {module[:30]}.{attribute[:30]}") from None

    def set_items(target: Any, items: list[Any]) -> None:
        # Only text as keys: hashing nested tuples takes exponential time.
        if type(target) is not dict or len(items) % 2:
            raise ValueError("malformed pickle")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | bytes):
                raise ValueError("a key in the pickle is no text")
            target[key] = value

    def extend(target: Any, items: list[Any]) -> None:
        if type(target) is not list:
            raise ValueError("malformed pickle")
        target.extend(items)

    for _ in range(MAX_INSTRUCTIONS):
        op = data[at]
        at += 1
        if op in _NUMBERS:
            stack.append(number(_NUMBERS[op]))
        elif op == 0x71 or op == 0x72:  # BINPUT, LONG_BINPUT
            memo[number("<B" if op == 0x71 else "<I")] = stack[-1]
        elif op == 0x94:  # MEMOIZE
            memo[len(memo)] = stack[-1]
        elif op in _STRINGS:
            form, is_text = _STRINGS[op]
            length = number(form)
            if not 0 <= length <= len(data) - at:
                raise ValueError("truncated pickle")
            piece = view[at : at + length]
            at += length
            stack.append(str(piece, "utf-8") if is_text else bytes(piece))
        elif op == 0x68 or op == 0x6A:  # BINGET, LONG_BINGET
            index = number("<B" if op == 0x68 else "<I")
            if index not in memo:
                raise ValueError("malformed pickle")
            stack.append(memo[index])
        elif op in _CONSTANTS:
            stack.append(_CONSTANTS[op])
        elif op == 0x28:  # MARK
            stack.append(_MARK)
        elif op == 0x5D:  # EMPTY_LIST
            stack.append([])
        elif op == 0x7D:  # EMPTY_DICT
            stack.append({})
        elif op == 0x29:  # EMPTY_TUPLE
            stack.append(())
        elif op == 0x74:  # TUPLE
            stack.append(tuple(since_mark()))
        elif op in (0x85, 0x86, 0x87):  # TUPLE1, TUPLE2, TUPLE3
            count = op - 0x84
            if len(stack) < count:
                raise ValueError("malformed pickle")
            stack[-count:] = [tuple(stack[-count:])]
        elif op == 0x61:  # APPEND
            item = stack.pop()
            extend(stack[-1], [item])
        elif op == 0x65:  # APPENDS
            items = since_mark()
            extend(stack[-1], items)
        elif op == 0x73:  # SETITEM
            value, key = stack.pop(), stack.pop()
            set_items(stack[-1], [key, value])
        elif op == 0x75:  # SETITEMS
            items = since_mark()
            set_items(stack[-1], items)
        elif op == 0x63:  # GLOBAL
            stack.append(name(line(), line()))
        elif op == 0x93:  # STACK_GLOBAL
            attribute, module = _text(stack.pop()), _text(stack.pop())
            stack.append(name(module, attribute))
        elif op == 0x52:  # REDUCE
            arguments, function = stack.pop(), stack.pop()
            result = _call(function, arguments)
            encodable -= len(result) if isinstance(result, bytes) else 0
            if encodable < 0:
                raise ValueError("the pickle holds less than it says")
            stack.append(result)
        elif op == 0x62:  # BUILD
            state = stack.pop()
            _build(stack[-1], state)
        elif op == 0x8A:  # LONG1
            length = data[at]
            if at + 1 + length > len(data):
                raise ValueError("truncated pickle")
            stack.append(int.from_bytes(view[at + 1 : at + 1 + length], "little", signed=True))
            at += 1 + length
        elif op == 0x80:  # PROTO
            at += 1
        elif op == 0x95:  # FRAME
            at += 8
        elif op == 0x2E:  # STOP
            if len(stack) != 1 or stack[0] is _MARK:
                raise ValueError("malformed pickle")
            return _resolve(stack[0])
        else:
            raise ValueError(f"the pickle has an instruction that no array needs, {op:#x}")
    raise ValueError("the pickle is too long")


def _resolve(value: Any) -> Any:
    """The arrays themselves instead of their stand-ins, at the two levels where CIFAR has them."""
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array in the pickle has no contents")
        return value.value
    if type(value) is dict:
        return {
            key: _resolve(item) if isinstance(item, _Array) else item for key, item in value.items()
        }
    return value
