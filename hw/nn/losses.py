"""Losses from logits: finite at ±1000, and every one says whether it is per example or a mean.

Conventions: N examples, K classes; logits (N, K), labels (N,) whole numbers in 0..K-1. A single
example is a row of N = 1. Everything is computed in the type of the logits (float64 in the
NumPy questions).

No function here takes probabilities: the logarithm of a probability that underflowed is lost,
while the log-sum-exp of the logits, shifted by their maximum, is exact to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.nn.activations import sigmoid

Array = NDArray[Any]


def log_softmax(logits: Array) -> Array:
    """log p, (N, K): z - logsumexp(z), row by row."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits: Array) -> Array:
    """p, (N, K): every row sums to one."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def cross_entropy(logits: Array, labels: Array) -> Array:
    """-log p of the label, per example, (N,)."""
    return -log_softmax(logits)[np.arange(len(labels)), labels]


def mean_cross_entropy(logits: Array, labels: Array) -> float:
    """The mean of `cross_entropy` over the N examples."""
    return float(cross_entropy(logits, labels).mean())


def cross_entropy_gradient(logits: Array, labels: Array) -> Array:
    """Gradient of every example's own cross-entropy in its logits, (N, K): p - onehot.

    That of the mean is this divided by N.
    """
    gradient = softmax(logits)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient


def bce_with_logits(logits: Array, targets: Array) -> Array:
    """Binary cross-entropy of each entry, with targets in [0, 1]; the shape of ``logits``.

    -t log σ(z) - (1-t) log(1 - σ(z)) = max(z, 0) - t z + log(1 + exp(-|z|)).
    """
    return np.maximum(logits, 0) - targets * logits + np.log1p(np.exp(-np.abs(logits)))


def mean_bce_with_logits(logits: Array, targets: Array) -> float:
    """The mean of `bce_with_logits` over all entries, as torch's BCEWithLogitsLoss."""
    return float(bce_with_logits(logits, targets).mean())


def bce_with_logits_gradient(logits: Array, targets: Array) -> Array:
    """σ(z) - t: the gradient of each entry's own loss in its logit."""
    return sigmoid(logits) - targets
