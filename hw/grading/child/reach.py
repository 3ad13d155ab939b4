"""The numbers that an object holds: every array of floats that can be reached from it, by its path.

A path is what one would write after the object's name: ``W``, ``weights[0]``, ``params['W1']``,
``layers[1].bias``. Objects are entered where their class is the hand-in's own, and PyTorch's
modules by the names of their parameters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

_MAX_DEPTH, _MAX_FOUND, _MAX_ITEMS = 6, 500, 200
Place = tuple[str, Any, Callable[[Any], None]]  # path, value, and what replaces it


def state(thing: Any, own: Callable[[type], bool]) -> dict[str, np.ndarray]:
    """A copy of every float and array of floats, by its path. ``own``: whether to enter a class."""
    found: dict[str, np.ndarray] = {}
    for path, value, _ in _places(thing, own):
        if len(found) < _MAX_FOUND:
            found[path] = np.array(_numbers(value))
    return found


def put(thing: Any, path: str, array: np.ndarray, own: Callable[[type], bool]) -> None:
    """Set the numbers at ``path``, in place where they are an array.

    Raises `KeyError` and `ValueError`.
    """
    for at, value, replace in _places(thing, own):
        if at != path:
            continue
        if isinstance(value, float | np.floating):
            replace(type(value)(array))
        elif np.shape(_numbers(value)) != array.shape:
            raise ValueError(f"{path} has shape {np.shape(_numbers(value))}, not {array.shape}")
        elif isinstance(value, np.ndarray):
            if value.flags.writeable:
                value[...] = array
            else:
                replace(array.astype(value.dtype))
        else:
            torch = sys.modules["torch"]
            with torch.no_grad():
                value.copy_(torch.from_numpy(array))
        return
    raise KeyError(path)


def _numbers(value: Any) -> Any:
    """The array, the number or the tensor as NumPy has it."""
    return value.detach().cpu().numpy() if is_tensor(value) else value


def is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _holds_floats(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f"
    if is_tensor(value):
        return bool(value.is_floating_point())
    return isinstance(value, float | np.floating)


def _places(thing: Any, own: Callable[[type], bool]) -> Iterator[Place]:
    entered: set[int] = set()

    def is_new(value: Any) -> bool:
        known = id(value) in entered
        entered.add(id(value))
        return not known

    def inside(path: str, value: Any, depth: int) -> Iterator[Place]:
        if depth > _MAX_DEPTH or not is_new(value):
            return
        for name, item, replace in _parts(path, value, own):
            if _holds_floats(item):
                # A parameter stays the same tensor, and one name for it is enough. Two names of an
                # array may come to mean two arrays.
                if not is_tensor(item) or is_new(item):
                    yield name, item, replace
            else:
                yield from inside(name, item, depth + 1)

    yield from inside("", thing, 0)


def _parts(path: str, value: Any, own: Callable[[type], bool]) -> Iterator[Place]:
    if isinstance(value, dict):
        for key, item in list(value.items())[:_MAX_ITEMS]:
            yield f"{path}[{key!r}]", item, partial(value.__setitem__, key)
    elif isinstance(value, list):
        for k, item in enumerate(value[:_MAX_ITEMS]):
            yield f"{path}[{k}]", item, partial(value.__setitem__, k)
    elif isinstance(value, tuple):
        for k, item in enumerate(value[:_MAX_ITEMS]):
            yield f"{path}[{k}]", item, _refuse
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for k, item in enumerate(value.flat[:_MAX_ITEMS]):
            yield f"{path}[{k}]", item, partial(value.flat.__setitem__, k)
    elif own(type(value)) or _is_module(value):
        dot = f"{path}." if path else ""
        attributes = dict(getattr(value, "__dict__", {}))
        if _is_module(value):
            for name, item in value.named_parameters():
                yield dot + name, item, _refuse
            # PyTorch's own bookkeeping starts with an underscore.
            attributes = {k: v for k, v in attributes.items() if not k.startswith("_")}
        for name, item in attributes.items():
            yield dot + name, item, partial(setattr, value, name)


def _refuse(_: Any) -> None:
    raise ValueError("a number inside a tuple cannot be replaced")
