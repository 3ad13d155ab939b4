"""Where a hand-in keeps its parameters: found by their shapes, whatever they are called.

A weight may lie transposed, a bias as a row, a column or a vector, and a bias inside its weights
as one more column (or row) of them. Where several arrays have a shape that is wanted, their names,
what they hold, and in the end what fits the first update decide.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.grading.references import Reference, Sizes

Array = NDArray[Any]
State = Mapping[str, Array]

MOST = 6  # layouts that are looked at, the likeliest first
# What students call arrays that are no parameters,
_BIAS = re.compile(r"(^|[._'\[])(b|bias|biases)(_\w*)?\d*(?=$|['\].\[])")  # and what biases are
_NO_PARAMETER = re.compile(
    r"grad|delta|veloc|momentum|cache|err|loss|best|^d|[._]d[A-Zwb]|[azh]\d*$"
)


@dataclass(frozen=True)
class Place:
    """Where one parameter lies: an array of the state, and how to read the parameter from it.

    part: ``whole``; of a weight with its bias inside, the ``weight`` or the ``bias``; and which
          column (of the array turned the right way) is the bias.
    """

    path: str
    transposed: bool = False
    part: str = "whole"
    column: int = -1

    def read(self, state: State, shape: tuple[int, ...]) -> Array:
        """Raises `LookupError` where the array has gone or has another shape by now."""
        array = np.asarray(state[self.path], np.float64)
        if array.size == 1 and self.part == "whole":
            return np.full(shape, array.reshape(-1)[0])  # a bias that begins as a single zero
        if self.part != "whole":
            array = array.T if self.transposed else array
            first = self.column == 0
            array = array[:, self.column] if self.part == "bias" else (
                array[:, 1:] if first else array[:, :-1])  # fmt: skip
        elif self.transposed:
            array = array.T
        if array.size != np.prod(shape):
            raise LookupError(f"{self.path} has the shape {state[self.path].shape} now")
        return array.reshape(shape)

    def __str__(self) -> str:
        return self.path + ("ᵀ" if self.transposed else "")


@dataclass(frozen=True)
class Layout:
    """The place of every parameter of the reference; None for a bias that there is not."""

    reference: type[Reference]
    sizes: Sizes
    places: Mapping[str, Place | None]

    def read(self, state: State) -> dict[str, Array]:
        """The parameters in the reference's names and shapes. Raises `LookupError`."""
        found = {}
        for name, place in self.places.items():
            shape = self.reference.shape(name, self.sizes)
            late = place is not None and _is_bias(name) and place.path not in state
            found[name] = np.zeros(shape) if place is None or late else place.read(state, shape)
        return found

    @property
    def missing(self) -> list[str]:
        """Parameters that a right program has, and that were not found."""
        optional = self.reference.optional
        return [n for n, place in self.places.items() if place is None and n not in optional]

    def with_late_biases(self, state: State) -> Layout:
        """The same with biases that appear once there was an update: an int 0 became an array."""
        places = dict(self.places)
        used = {place.path for place in places.values() if place is not None}
        for name in [n for n, place in places.items() if place is None]:
            shape = self.reference.shape(name, self.sizes)
            strict = name in self.reference.optional
            found = next(_biases(shape, state, used, strict), None)
            if found is not None:
                places[name] = found
                used.add(found.path)
        return replace(self, places=places)

    def single(self, state: State) -> bool:
        """Whether it keeps float32 numbers."""
        kept = [state[place.path] for place in self.places.values() if place is not None]
        return any(array.dtype == np.float32 for array in kept)


def layouts(reference: type[Reference], sizes: Sizes, state: State) -> list[Layout]:
    """The ways to read the reference's parameters from a state, the likeliest first; none where
    a weight is not to be found."""
    weights = [name for name in reference.shapes if not _is_bias(name)]
    found: list[Layout] = []
    for chosen in itertools.product(
        *(list(_weights(reference.shape(name, sizes), state)) for name in weights)
    ):
        used = {place.path for place in chosen}
        if len(used) == len(chosen):
            places = dict(zip(weights, chosen, strict=True))
            found += _with_biases(reference, sizes, state, places)
        if len(found) >= MOST:
            break
    return found[:MOST]


def _with_biases(
    reference: type[Reference], sizes: Sizes, state: State, weights: Mapping[str, Place]
) -> Iterator[Layout]:
    """The layouts with these places of the weights."""
    used = {place.path for place in weights.values()}
    biases = [name for name in reference.shapes if _is_bias(name)]
    options: list[list[Place | None]] = []
    for name in biases:
        weight = weights.get("W" + name[1:])
        if weight is not None and weight.part == "weight":
            options.append([replace(weight, part="bias")])
        else:
            shape, named = reference.shape(name, sizes), name in reference.optional
            options.append([*_biases(shape, state, used, named), None])
    for chosen in itertools.product(*options):
        paths = [place.path for place in chosen if place is not None and place.part == "whole"]
        if len(set(paths)) == len(paths):
            places = {**weights, **dict(zip(biases, chosen, strict=True))}
            yield Layout(reference, sizes, {name: places[name] for name in reference.shapes})


def has_layer(n: int, state: State) -> bool:
    """Whether some array has so many rows or columns, or one more."""
    return any({n, n + 1} & set(a.shape) for a in state.values() if a.ndim == 2)


def hidden_units(sizes: Sizes, state: State) -> int | None:
    """How many hidden units the state's weights have, whatever was asked for."""
    two = [a.shape for a in state.values() if a.ndim == 2]
    ins = {h for s in two for d, h in (s, s[::-1]) if d in (sizes.features, sizes.features + 1)}
    outs = {h for s in two for k, h in (s, s[::-1]) if k == sizes.classes}
    outs |= {a.size for a in state.values() if a.ndim == 1 and sizes.classes == 1}
    both = sorted((ins & (outs | {h - 1 for h in outs})) - {sizes.features, sizes.classes})
    return both[0] if len(both) == 1 else None


def _is_bias(name: str) -> bool:
    return name.startswith("b")


def _weights(shape: tuple[int, ...], state: State) -> Iterator[Place]:
    """Arrays of a weight's shape, the likeliest first."""
    found = []
    for path, array in state.items():
        squeezed = _squeezed(array, len(shape))
        unlikely = bool(_NO_PARAMETER.search(path))
        constant = array.size > 1 and bool((array == array.flat[0]).all())
        called_bias = bool(_BIAS.search(path.lower()))
        rank = (unlikely or called_bias, constant, array.ndim != len(shape), len(path))
        flat = array.ndim == 1 and array.size == np.prod(shape) and 1 in (len(shape), shape[0])
        if squeezed == shape or flat:
            found.append((rank, Place(path)))
        elif len(shape) == 2 and squeezed == shape[::-1]:
            found.append((rank, Place(path, transposed=True)))
        elif len(shape) == 2 and array.ndim == 2:
            for transposed in (False, True):
                turned = array.T if transposed else array
                if turned.shape == (shape[0], shape[1] + 1):
                    # A bias starts at zero.
                    column = 0 if (turned[:, 0] == 0).all() and turned[:, -1].any() else -1
                    found.append(((True, constant, True, len(path)),
                                  Place(path, transposed, "weight", column)))  # fmt: skip
                    break
    yield from (place for _, place in sorted(found, key=lambda item: item[0]))


def _biases(
    shape: tuple[int, ...], state: State, used: set[str], named: bool = False
) -> Iterator[Place]:
    """Arrays of a bias's size, the likeliest first. ``named``: only what is called a bias."""
    found = []
    for path, array in state.items():
        called = bool(_BIAS.search(path.lower()))
        # A single number may be anything, a learning rate too.
        fits = array.size == shape[0] and array.size == max(array.shape, default=1) and (
            array.size > 1 or called)  # fmt: skip
        if path in used or not (fits or (array.size == 1 and called)) or (named and not called):
            continue
        rank = (not fits, bool(_NO_PARAMETER.search(path)), "b" not in path.lower(), len(path))
        found.append((rank, Place(path)))
    yield from (place for _, place in sorted(found, key=lambda item: item[0]))


def _squeezed(array: Array, dimensions: int) -> tuple[int, ...]:
    """The shape without the ones that are too many."""
    shape = list(array.shape)
    while len(shape) > dimensions and 1 in shape:
        shape.remove(1)
    return tuple(shape)
