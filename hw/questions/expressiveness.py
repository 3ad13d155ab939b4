"""Logistic regression against a ReLU network: which can express more, and which is easier to train.

Source: IST Deep Learning 2023-24, Homework 1, question 1.2(a), a group's report: a true-or-false
on whether logistic regression is less expressive than a multi-layer perceptron with ReLUs, but
easier to train because its problem is convex. The report says true; here each part is put to the test.

Conventions: N examples, D features, K classes, H hidden units. Inputs X (N, D), labels y (N,) in
0 … K-1; the loss is the mean cross-entropy of the softmax, in nats. Parameters are flat vectors,
θ (..., P), whose leading axes are independent models:

    linear   z = Wx + b                     θ = (W (K, D), b (K,))
    network  z = V relu(Wx + b) + a         θ = (W (H, D), b (H,), V (K, H), a (K,))

The XOR is on {-1, +1}², class 1 where x_1 ≠ x_2.

- Convexity is tested on random segments: L((1-t)θ + tθ') ≤ (1-t) L(θ) + t L(θ'). For the linear
  model a violation must be looked for in vain, as its Hessian is a mean of (diag(p) - ppᵀ) ⊗ x̃x̃ᵀ,
  x̃ = (x, 1), and uᵀ(diag(p) - ppᵀ)u = Σ_{i<j} p_i p_j (u_i - u_j)² ≥ 0. For the network one is
  found, and then shrunk: parameters are moved to 0 or to small whole numbers, and examples left
  out, as long as the middle of the segment stays above its chord. What is left has integer logits,
  and its gap is enclosed by interval arithmetic.
- Beyond the linear model means a certificate (`hw.questions._exact`); within the network, weights.

Two refinements of the report's words. "Can be trained to a global optimum" means that every
stationary point is one; on separable data there is none to be reached, the loss falls towards 0 as
the weights grow. And a network may be stuck for good: with every ReLU dead on all examples the
gradient is 0 at a local minimum which is not the global one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hw.config import setting
from hw.outcome import Outcome
from hw.questions._exact import separate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

XOR_POINTS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
XOR_LABELS = (0, 1, 1, 0)
AND_LABELS = (0, 0, 0, 1)
LOG_2 = float(np.log(2))
# A convex loss may exceed its chord by rounding: some 1e-16 of losses of order 10.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of every random draw", low=0)
    examples: int = setting(20, "N of the random data", low=1, high=10_000)
    features: int = setting(3, "D of the random data", low=1, high=100)
    classes: int = setting(3, "K of the random data", low=2, high=20)
    segments: int = setting(4000, "random segments for each model", low=100, high=1_000_000)
    hessians: int = setting(200, "random parameters whose Hessian is computed", low=1, high=10_000)
    scale: float = setting(2.0, "standard deviation of random parameters", above=0, high=100)
    gap: float = setting(
        0.05, "how far above its chord the shrunk counterexample stays, in nats", above=0, high=0.2
    )
    grid: int = setting(61, "points to a side of the decision surfaces", low=5, high=400)


@dataclass(frozen=True)
class Data:
    """Inputs (N, D), labels (N,) and the number of classes."""

    X: np.ndarray
    y: np.ndarray
    classes: int

    @property
    def features(self) -> int:
        return self.X.shape[1]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; ``hidden`` is 0 for the linear one."""

    features: int
    hidden: int
    classes: int

    def sizes(self) -> list[tuple[int, ...]]:
        D, H, K = self.features, self.hidden, self.classes
        return [(H, D), (H,), (K, H), (K,)] if H else [(K, D), (K,)]

    def parameters(self) -> int:
        return sum(int(np.prod(size)) for size in self.sizes())

    def split(self, theta: Any) -> list[Any]:
        """The matrices and biases in θ (..., P), each (..., *size)."""
        parts, start = [], 0
        for size in self.sizes():
            stop = start + int(np.prod(size))
            parts.append(theta[..., start:stop].reshape(*theta.shape[:-1], *size))
            start = stop
        return parts


class NumPyModel:
    """Logits, loss and derivatives in NumPy."""

    def logits(self, shape: Shape, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        """z (..., N, K) for parameters θ (..., P) and inputs X (N, D)."""
        hidden = X
        *layers, (W, b) = itertools.batched_pairs(shape.split(theta))
        return hidden


def xor() -> Data:
    return Data(np.array(XOR_POINTS, dtype=float), np.array(XOR_LABELS), 2)
