"""Accuracy, loss and predictions over a whole split, block by block.

Conventions: N examples, D features, H hidden units, K classes. A linear model's W is (K, D+1),
its last column the bias, or (K, D) without one. A network is the dictionary of
`hw.nn.per_example.mlp_epoch`.

Accuracies are exact counts of what float64 predicts, ties going to the lowest class, at the
price of float32: the large product runs in float32, with a bound on its error, and the examples
whose verdict could change within that bound are decided again in float64. The bound is the
classical one for any order of summation (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1): a sum of n products is off by at most γ_n Σ|x_j w_j| <= γ_n |x| |w|, where
γ_n = n u / (1 - n u) and u = 2^-24. To keep n small, the features are summed in chunks of
`CHUNK`, and the chunks are added up: n = chunk + number of chunks.

Losses are computed in float64 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Features
from hw.nn.activations import activation as activation_named
from hw.nn.losses import cross_entropy

Array = NDArray[Any]

BLOCK = 256  # rows gathered at a time
CHUNK = 200  # features summed at a time in float32, at most
UNIT_ROUNDOFF = 2.0**-24  # of float32
# Beyond rounding: products that underflow in float32, and float64's own rounding.
SLACK = 1.01
UNDERFLOW = 1e-30


def linear_scores(W: Array, X: Array) -> Array:
    """Scores (N, K) of a linear model for X (N, D), in float64."""
    width = X.shape[1]
    scores = X @ W[:, :width].T
    if W.shape[1] > width:
        scores += W[:, width]
    return scores


def mlp_scores(parameters: dict[str, Array], X: Array, activation: str = "relu") -> Array:
    """Outputs (N, K) of a network with one hidden layer for X (N, D), in float64."""
    hidden = X @ parameters["W1"].T
    hidden += parameters["b1"]
    activation_named(activation).value(hidden, hidden)
    return hidden @ parameters["W2"].T + parameters["b2"]


class Evaluator:
    """A split of data and what evaluating models on it again and again can share.

    features: N rows.
    labels:   (N,), classes or regression targets.
    """

    def __init__(self, features: Features, labels: Array) -> None:
        self.features = features
        self.labels = np.asarray(labels)
        self._norms: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def linear_correct(self, W: Array) -> int:
        """How many examples a linear model predicts correctly, exactly as in float64."""
        width = self.features.width
        # Rounding acts on each score on its own, so the bounds of two scores add up.
        norms = _norms(W)
        pair_bounds = norms[:, None] + norms
        bias = W[:, width] if W.shape[1] > width else np.zeros(len(W))
        return self._count(
            W[:, :width],
            lambda products: products + bias,  # float64, as the bias is
            lambda X: linear_scores(W, X),
            pair_bounds,
        )

    def mlp_correct(self, parameters: dict[str, Array], activation: str = "relu") -> int:
        """How many examples a network predicts correctly, exactly as in float64."""
        W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
        f = activation_named(activation)
        # After the first product all is float64, so an error e_h in a pre-activation moves the
        # difference of the outputs k and l by at most |f'| |W2_kh - W2_lh| e_h.
        with np.errstate(over="ignore", invalid="ignore"):
            norms = np.hypot(_norms(W1), b1)
            pair_bounds = f.lipschitz * (np.abs(W2[:, None] - W2) @ norms)

        def scores(products: Array) -> Array:
            products = products + b1  # float64 from here on, as b1 is
            return f.value(products, products) @ W2.T + b2

        return self._count(W1, scores, lambda X: mlp_scores(parameters, X, activation), pair_bounds)

    def linear_loss(self, W: Array) -> float:
        """Mean cross-entropy of a linear model's scores."""
        return self._mean_cross_entropy(lambda X: linear_scores(W, X))

    def mlp_loss(self, parameters: dict[str, Array], activation: str = "relu") -> float:
        """Mean cross-entropy of a network's outputs."""
        return self._mean_cross_entropy(lambda X: mlp_scores(parameters, X, activation))

    def linear_rmse(self, w: Array) -> float:
        """Root mean squared error of a linear regression, w (D+1,) or (D,)."""
        return self._rmse(lambda X: linear_scores(w[None], X))

    def mlp_rmse(self, parameters: dict[str, Array], activation: str = "relu") -> float:
        """Root mean squared error of a network with one output."""
        return self._rmse(lambda X: mlp_scores(parameters, X, activation))

    def _count(
        self,
        first: Array,
        scores_from: Callable[[Array], Array],
        exact_scores: Callable[[Array], Array],
        pair_bounds: Array,
    ) -> int:
        """Correct predictions, from the products X firstᵀ in float32 where they suffice.

        pair_bounds: (K, K); times γ |x| it bounds the error of the difference of two scores.
        """
        n, width = len(self), self.features.width
        with np.errstate(over="ignore", invalid="ignore"):
            first = first.astype(np.float32)
            size = -(-width // -(-width // CHUNK))  # chunks of equal size, rounded up
            chunks = [
                (slice(start, start + size), first[:, start : start + size].T)
                for start in range(0, width, size)
            ]
            # Also rounded: the weights, the features (unless they are pixels), the bias.
            depth = size + len(chunks) + 3
            gamma = depth * UNIT_ROUNDOFF / (1 - depth * UNIT_ROUNDOFF)
            pair_bounds = SLACK * gamma * pair_bounds + UNDERFLOW * (1 + pair_bounds)

            products = np.empty((min(n, BLOCK), len(first)), np.float32)
            partial = np.empty_like(products)
            correct = 0
            unsure = []
            for rows, X in self.features.blocks(BLOCK, np.float32):
                m = len(X)
                total, part = products[:m], partial[:m]
                for i, (columns, weights) in enumerate(chunks):
                    np.dot(X[:, columns], weights, out=part if i else total)
                    if i:
                        np.add(total, part, total)
                scores = scores_from(total)
                labels = self.labels[rows]
                lead = scores[np.arange(m), labels, None] - scores  # over every class
                margins = self._row_norms()[rows, None] * pair_bounds[labels]
                sure = lead > margins
                sure[np.arange(m), labels] = True
                right = sure.all(axis=1)
                wrong = (lead < -margins).any(axis=1)
                correct += int(right.sum())
                # Written so that a score that is not a number is decided again, too.
                unsure.append(np.flatnonzero(~(right | wrong)) + rows.start)

            again = np.concatenate(unsure) if unsure else np.empty(0, int)
            for start in range(0, len(again), BLOCK):
                chosen = again[start : start + BLOCK]
                predicted = exact_scores(self.features.take(chosen)).argmax(axis=1)
                correct += int((predicted == self.labels[chosen]).sum())
        return correct

    def _row_norms(self) -> Array:
        """|(x, 1)| of every row, (N,): computed once."""
        if self._norms is None:
            squares = [np.einsum("ij,ij->i", X, X) for _, X in self.features.blocks(BLOCK)]
            self._norms = np.sqrt(1 + np.concatenate(squares))
        return self._norms

    def _mean_cross_entropy(self, scores: Callable[[Array], Array]) -> float:
        if not len(self):
            return math.nan
        with np.errstate(over="ignore", invalid="ignore"):
            return sum(
                float(cross_entropy(scores(X), self.labels[rows]).sum())
                for rows, X in self.features.blocks(BLOCK)
            ) / len(self)

    def _rmse(self, outputs: Callable[[Array], Array]) -> float:
        if not len(self):
            return math.nan
        with np.errstate(over="ignore", invalid="ignore"):
            squares = sum(
                float(np.square(outputs(X)[:, 0] - self.labels[rows]).sum())
                for rows, X in self.features.blocks(BLOCK)
            )
        return math.sqrt(squares / len(self))


def _norms(W: Array) -> Array:
    """Euclidean norms of the rows; infinite, which makes every verdict float64's, if too large."""
    with np.errstate(over="ignore"):
        return np.sqrt(np.einsum("ij,ij->i", W, W))
