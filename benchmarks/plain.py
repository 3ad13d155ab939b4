"""The assignments' per-example loops, as a student writes them from the handout.

They are the baseline of `hw bench` and the witness of the tests: one matrix-vector
product, one gradient and one update for each example, nothing shared between examples.

Conventions: X (N, D) float64, its last column ones for a linear model with a bias; y (N,) labels
or targets; η ``learning_rate``. Weights are updated in place and the mean of the per-example
losses, each at the moment its example is seen, is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def softmax_and_loss(z: Array, label: int) -> tuple[Array, float]:
    """p = softmax(z) and -log p[label]."""
    z = z - z.max()
    e = np.exp(z)
    return e / e.sum(), float(np.log(e.sum()) - z[label])


def plain_perceptron(W: Array, X: Array, y: Array) -> int:
    """Returns the number of mistakes."""
    mistakes = 0
    for x, label in zip(X, y, strict=True):
        predicted = int(np.argmax(W @ x))
        if predicted != label:
            W[label] += x
            W[predicted] -= x
            mistakes += 1
    return mistakes


def plain_logistic(
    W: Array, X: Array, y: Array, learning_rate: float, l2_penalty: float = 0.0
) -> float:
    losses = []
    for x, label in zip(X, y, strict=True):
        p, example_loss = softmax_and_loss(W @ x, label)
        losses.append(example_loss)
        p[label] -= 1
        gradient = np.outer(p, x)
        if l2_penalty:
            gradient += l2_penalty * W
        W -= learning_rate * gradient
    return float(np.mean(losses))


def plain_proximal(W: Array, X: Array, y: Array, learning_rate: float, l1_penalty: float) -> float:
    losses = []
    for x, label in zip(X, y, strict=True):
        p, example_loss = softmax_and_loss(W @ x, label)
        losses.append(example_loss)
        p[label] -= 1
        V = W - learning_rate * np.outer(p, x)
        W[...] = np.sign(V) * np.maximum(np.abs(V) - learning_rate * l1_penalty, 0)
    return float(np.mean(losses))


def plain_linear_regression(
    w: Array, X: Array, y: Array, learning_rate: float, l2_penalty: float = 0.0
) -> float:
    losses = []
    for x, target in zip(X, y, strict=True):
        error = w @ x - target
        losses.append(0.5 * error**2)
        w -= learning_rate * (error * x + l2_penalty * w)
    return float(np.mean(losses))


# name -> (f(z), f'(z))
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    ),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, 0.01 * z),
        lambda z: np.where(z > 0, 1.0, 0.01),
    ),
    "identity": (lambda z: z, np.ones_like),
}


def plain_mlp(
    parameters: dict[str, Array],
    X: Array,
    y: Array,
    learning_rate: float,
    activation: str = "relu",
    loss: str = "cross_entropy",
) -> float:
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    f, slope = ACTIVATIONS[activation]
    losses = []
    for x, target in zip(X, y, strict=True):
        z1 = W1 @ x + b1
        h1 = f(z1)
        z2 = W2 @ h1 + b2
        if loss == "cross_entropy":
            p, example_loss = softmax_and_loss(z2, target)
            losses.append(example_loss)
            grad_z2 = p
            grad_z2[target] -= 1
        else:
            grad_z2 = z2 - target
            losses.append(0.5 * float(grad_z2[0]) ** 2)
        grad_h1 = W2.T @ grad_z2
        grad_z1 = grad_h1 * slope(z1)
        W2 -= learning_rate * np.outer(grad_z2, h1)
        b2 -= learning_rate * grad_z2
        W1 -= learning_rate * np.outer(grad_z1, x)
        b1 -= learning_rate * grad_z1
    return float(np.mean(losses))
