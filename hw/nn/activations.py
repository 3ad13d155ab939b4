"""Activation functions with the derivative that back-propagation uses, chosen by name.

Conventions: ``z`` is an array of pre-activations of any shape; every function works element by
element. The derivative is a function of z and of the value a = f(z), whichever is cheaper. At
the kink of a piecewise linear function it is the left one, as in torch: relu'(0) = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.errors import UsageError, did_you_mean

Array = NDArray[Any]

LEAK = 0.01  # slope of leaky_relu below zero, torch's default


@dataclass(frozen=True)
class Activation:
    """f and f', both writing to ``out`` where given.

    value(z, out):          a = f(z)
    derivative(z, a, out):  f'(z), with a = f(z) at hand
    lipschitz:              the largest |f'|, which bounds how far an error in z can grow
    """

    name: str
    value: Callable[..., Array]
    derivative: Callable[..., Array]
    lipschitz: float = 1.0


def relu(z: Array, out: Array | None = None) -> Array:
    """max(z, 0)."""
    return np.maximum(z, 0, out=out)


def relu_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1 where z > 0, else 0."""
    # a >= 0, so its sign is the derivative: one call that keeps the type of the floats.
    return np.sign(a, out=out)


def tanh(z: Array, out: Array | None = None) -> Array:
    """The hyperbolic tangent."""
    return np.tanh(z, out=out)


def tanh_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1 - a²."""
    out = np.multiply(a, a, out=out)
    return np.subtract(1, out, out=out)


def sigmoid(z: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-z)), finite and accurate to a few units in the last place for every z."""
    # Computed as exp(min(z, 0)) / (1 + exp(-|z|)): neither exponential can overflow, and the
    # small values on the left keep their relative precision, which (1 + tanh(z/2))/2 loses.
    return np.divide(np.exp(np.minimum(z, 0)), 1 + np.exp(-np.abs(z)), out=out)


def sigmoid_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """a (1 - a)."""
    out = np.multiply(a, a, out=out)
    return np.subtract(a, out, out=out)


def leaky_relu(z: Array, out: Array | None = None) -> Array:
    """z where z > 0, else `LEAK` z."""
    scaled = np.multiply(z, LEAK)
    return np.maximum(z, scaled, out=out)  # since 0 < LEAK < 1


def leaky_relu_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1 where z > 0, else `LEAK`."""
    slope = np.where(np.greater(z, 0), 1, LEAK).astype(z.dtype)
    if out is None:
        return slope
    out[...] = slope
    return out


def identity(z: Array, out: Array | None = None) -> Array:
    """z."""
    return np.positive(z, out=out)


def identity_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1."""
    out = np.empty_like(z) if out is None else out
    out[...] = 1
    return out


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("relu", relu, relu_derivative),
        Activation("tanh", tanh, tanh_derivative),
        Activation("sigmoid", sigmoid, sigmoid_derivative, lipschitz=0.25),
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative),
        Activation("identity", identity, identity_derivative),
    )
}


def activation(name: str) -> Activation:
    """The activation called ``name``; `UsageError` names the nearest one if there is none."""
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise UsageError(
            f"unknown activation {name!r}{did_you_mean(name, ACTIVATIONS)} (known: {known})"
        )
    return ACTIVATIONS[name]
