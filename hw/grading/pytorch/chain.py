"""Where a network keeps its linear layers: a chain of weights from the features to the classes.

Found by shapes, in the order of the state, whatever the layers are called: D features, then hidden
units, then K classes. The numbers D, K and of hidden units asked for differ from each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
State = Mapping[str, Array]


@dataclass(frozen=True)
class Layer:
    """The paths of a layer's weight and bias. ``transposed``: the weight is (in, out)."""

    weight: str
    bias: str | None
    transposed: bool = False


@dataclass(frozen=True)
class Chain:
    """The layers by their depth, and arrays that look like weights of others."""

    layers: tuple[Layer, ...]
    unused: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """How many hidden layers there are."""
        return len(self.layers) - 1

    def read(self, state: State) -> list[tuple[Array, Array]]:
        """Weights (out, in) and biases (out,). Raises `KeyError` where one has gone."""
        found = []
        for layer in self.layers:
            W = state[layer.weight].T if layer.transposed else state[layer.weight]
            b = np.zeros(len(W), W.dtype) if layer.bias is None else state[layer.bias].reshape(-1)
            found.append((W, b))
        return found

    def sizes(self, state: State) -> list[int]:
        """Features, hidden units, classes."""
        weights = [W for W, _ in self.read(state)]
        return [weights[0].shape[1], *(len(W) for W in weights)]


def find(state: State, features: int, classes: int) -> Chain | None:
    """The chain from features to classes; None where there is none."""
    left = {path: array.shape for path, array in state.items() if array.ndim == 2}
    biases = {path: array.size for path, array in state.items() if _is_vector(array)}
    layers: list[Layer] = []
    width = features
    style: bool | None = None
    while width != classes:
        # All weights lie one way; PyTorch's own are (out, in).
        ways = (False, True) if style is None else (style, not style)
        steps = next((found for way in ways if (found := _steps(left, width, way))), [])
        # Square layers come before the one that leads on.
        steps.sort(key=lambda step: (step[2] == classes, step[2] != width))
        if not steps:
            return None
        path, transposed, out = steps[0]
        del left[path]
        bias = _bias(path, out, biases)
        biases.pop(bias or "", None)
        layers.append(Layer(path, bias, transposed))
        width, style = out, transposed
    return Chain(tuple(layers), tuple(left))


def _steps(
    left: Mapping[str, tuple[int, ...]], width: int, transposed: bool
) -> list[tuple[str, bool, int]]:
    """The weights that take so many inputs if they lie this way: path, the way, their outputs."""
    ways = ((path, shape[::-1] if transposed else shape) for path, shape in left.items())
    return [(path, transposed, out) for path, (out, inputs) in ways if inputs == width]


def _is_vector(array: Array) -> bool:
    return array.size == max(array.shape, default=0) and array.ndim in (1, 2)


def _bias(weight: str, out: int, biases: Mapping[str, int]) -> str | None:
    """The bias beside a weight, by its name, or the first one of its size."""
    beside = weight.removesuffix("weight") + "bias"
    if weight.endswith("weight"):
        return beside if biases.get(beside) == out else None
    return next((path for path, size in biases.items() if size == out), None)
