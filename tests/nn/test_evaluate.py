"""Counts are float64's, near ties included, although float32 does the work."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from hw.datasets.features import Features, pixels
from hw.nn import evaluate
from hw.nn.evaluate import Evaluator, linear_scores, mlp_scores

ACTIVATIONS = ["relu", "tanh", "sigmoid", "leaky_relu", "identity"]


def count(scores: np.ndarray, labels: np.ndarray) -> int:
    """A loop over examples and classes; the first of equal scores wins."""
    correct = 0
    for row, label in zip(scores, labels, strict=True):
        best = 0
        for k in range(1, len(row)):
            if row[k] > row[best]:
                best = k
        correct += best == label
    return correct


def data(seed: int, n: int, width: int, classes: int, divisor: int = 256):
    rng = np.random.default_rng(seed)
    features = pixels(rng.integers(0, 256, (n, width), dtype=np.uint8), divisor)
    return features, rng.integers(0, classes, n), rng


def network(rng, width, hidden, classes):
    return {
        "W1": rng.normal(0.1, 0.1, (hidden, width)),
        "b1": rng.normal(0, 1, hidden),
        "W2": rng.normal(0.1, 0.1, (classes, hidden)),
        "b2": rng.normal(0, 1, classes),
    }


def recounted(monkeypatch) -> Callable[[], int]:
    """How many rows were decided again in float64."""
    rows = []
    take = Features.take

    def counting(self, chosen, dtype=np.float64, out=None):
        if not isinstance(chosen, slice):
            rows.append(len(chosen))
        return take(self, chosen, dtype, out)

    monkeypatch.setattr(Features, "take", counting)
    return lambda: sum(rows)


@pytest.mark.parametrize("divisor", [256, 255])  # 255: the features themselves are rounded
@pytest.mark.parametrize("n", [1, 255, 256, 600])
@pytest.mark.parametrize("width", [3, 450])
def test_linear_counts(n, width, divisor):
    features, labels, rng = data(n, n, width, 5, divisor)
    X = features.take(slice(None))
    for W in (rng.normal(size=(5, width + 1)), rng.normal(size=(5, width))):
        scores = X @ W[:, :width].T + (W[:, width] if W.shape[1] > width else 0)
        assert_allclose(linear_scores(W, X), scores, rtol=1e-12)
        assert Evaluator(features, labels).linear_correct(W) == count(scores, labels)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n", [1, 300])
def test_mlp_counts(activation, n):
    features, labels, rng = data(1, n, 450, 4)
    P = network(rng, 450, 20, 4)
    P["W1"] -= 0.1  # not all of the units on the same side of the kink
    scores = mlp_scores(P, features.take(slice(None)), activation)
    assert Evaluator(features, labels).mlp_correct(P, activation) == count(scores, labels)


@pytest.mark.parametrize("gap", [1e-6, 1e-9, 1e-11])
def test_planted_near_ties_linear(gap, monkeypatch):
    """Class 1 is class 0 plus a hair: float32 cannot tell them apart, float64 can."""
    features, _, rng = data(2, 500, 800, 3)
    W = rng.normal(size=(3, 801))
    W[2] = -10  # out of the race
    W[1] = W[0]
    W[1, 800] += gap
    # float32 alone does err here, so that the test has something to catch
    X = features.take(slice(None))
    assert (W.astype(np.float32)[0] == W.astype(np.float32)[1]).all() or gap == 1e-6
    again = recounted(monkeypatch)
    for label, expected in ((0, 0), (1, 500), (2, 0)):
        labels = np.full(500, label)
        assert count(linear_scores(W, X), labels) == expected
        assert Evaluator(features, labels).linear_correct(W) == expected
    assert again() == 1000  # twice all of them; class 2 is out of reach and needs no second look


@pytest.mark.parametrize("gap", [1e-6, 1e-9, 1e-11])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_planted_near_ties_mlp(activation, gap):
    features, _, rng = data(3, 200, 800, 3)
    P = network(rng, 800, 30, 3)
    P["W1"] -= 0.1
    P["W2"][1] = P["W2"][0]
    P["b2"][1] = P["b2"][0] + gap
    P["b2"][2] = -1e4
    for label, expected in ((0, 0), (1, 200)):
        assert Evaluator(features, np.full(200, label)).mlp_correct(P, activation) == expected


def test_rows_at_every_distance_from_a_tie():
    """Gaps from 1e-12 to 1 of both signs, set row by row: every verdict is float64's."""
    rng = np.random.default_rng(4)
    n, width = 400, 600
    gaps = 10.0 ** rng.uniform(-12, 0, n) * rng.choice([-1, 1], n)
    W = rng.normal(size=(2, width))
    X = rng.random((n, width))
    # Move one feature of each row until class 0 leads class 1 by the gap.
    difference = W[0] - W[1]
    j = np.abs(difference).argmax()
    X[:, j] += (gaps - X @ difference) / difference[j]
    features = Features(X)
    scores = linear_scores(W, X)
    # The gaps came out as set, but for float64's rounding.
    assert_allclose(scores[:, 0] - scores[:, 1], gaps, rtol=0, atol=1e-12)
    clear = np.abs(gaps) > 1e-11
    assert clear.sum() > 300
    singles = X.astype(np.float32) @ W.T.astype(np.float32)
    assert ((singles[:, 0] > singles[:, 1]) != (gaps > 0))[clear].any()  # float32 alone errs
    for row in np.flatnonzero(clear):
        one = Evaluator(Features(X[row : row + 1]), np.array([0]))
        assert one.linear_correct(W) == (gaps[row] > 0)
    zeros = np.zeros(n, int)
    chosen = Evaluator(features.select(clear), zeros[clear])
    assert chosen.linear_correct(W) == (gaps[clear] > 0).sum()


def test_exact_ties_go_to_the_lowest_class():
    features, _, _ = data(5, 50, 10, 3)
    W = np.zeros((3, 11))
    for label, expected in ((0, 50), (1, 0), (2, 0)):
        assert Evaluator(features, np.full(50, label)).linear_correct(W) == expected
    W[1:, 3] = 1  # classes 1 and 2 tie, above class 0 wherever that pixel is lit
    lit = int((features.stored[:, 3] > 0).sum())
    for label, expected in ((0, 50 - lit), (1, lit), (2, 0)):
        assert Evaluator(features, np.full(50, label)).linear_correct(W) == expected


def test_few_rows_are_decided_twice(monkeypatch):
    features, labels, rng = data(6, 1000, 784, 10)
    again = recounted(monkeypatch)
    Evaluator(features, labels).linear_correct(rng.normal(size=(10, 785)))
    assert again() < 20


@pytest.mark.filterwarnings("error")
def test_weights_beyond_float32():
    features, labels, rng = data(7, 50, 20, 3)
    W = rng.normal(size=(3, 21)) * 1e200
    expected = count(linear_scores(W, features.take(slice(None))), labels)
    assert Evaluator(features, labels).linear_correct(W) == expected
    W *= 1e-300  # and below it
    assert Evaluator(features, labels).linear_correct(W) == expected


def test_losses_equal_torch():
    features, labels, rng = data(8, 300, 50, 4)
    X = torch.tensor(features.take(slice(None)))
    W, P = rng.normal(size=(4, 51)), network(rng, 50, 6, 4)
    evaluator = Evaluator(features, labels)
    cross_entropy = torch.nn.functional.cross_entropy
    z = X @ torch.tensor(W[:, :50]).T + torch.tensor(W[:, 50])
    assert_allclose(
        evaluator.linear_loss(W), cross_entropy(z, torch.tensor(labels)).item(), rtol=1e-9
    )
    t = {name: torch.tensor(p) for name, p in P.items()}
    z = torch.tanh(X @ t["W1"].T + t["b1"]) @ t["W2"].T + t["b2"]
    assert_allclose(
        evaluator.mlp_loss(P, "tanh"), cross_entropy(z, torch.tensor(labels)).item(), rtol=1e-9
    )


def test_root_mean_squared_errors():
    features = Features(np.array([[1.0, 2.0], [3.0, -1.0]]))
    evaluator = Evaluator(features, np.array([0.0, 1.0]))
    # w·x + b = 1 + 4 + 3 = 8 and 3 - 2 + 3 = 4: errors 8 and 3
    assert_allclose(evaluator.linear_rmse(np.array([1.0, 2.0, 3.0])), math.sqrt((64 + 9) / 2))
    P = {"W1": np.array([[1.0, 2.0]]), "b1": np.array([3.0])}
    P |= {"W2": np.array([[2.0]]), "b2": np.array([-1.0])}
    # 2·8 - 1 = 15 and 2·4 - 1 = 7: errors 15 and 6
    assert_allclose(evaluator.mlp_rmse(P), math.sqrt((225 + 36) / 2))


def test_no_examples():
    empty = Evaluator(Features(np.empty((0, 3))), np.empty(0, int))
    assert empty.linear_correct(np.ones((2, 4))) == 0
    assert math.isnan(empty.linear_loss(np.ones((2, 4))))
    assert math.isnan(empty.linear_rmse(np.ones(4)))


def test_the_bound_is_above_the_error():
    """Against float64, on weights of one sign and of mixed signs: never more than the bound."""
    rng = np.random.default_rng(9)
    for width in (10, 1000, 7000):
        X = rng.random((64, width)).astype(np.float32)
        for w in (rng.random((5, width)), rng.normal(size=(5, width))):
            size = -(-width // -(-width // evaluate.CHUNK))
            single = np.zeros((64, 5), np.float32)
            for start in range(0, width, size):
                columns = slice(start, start + size)
                single += X[:, columns] @ w[:, columns].astype(np.float32).T
            depth = size + -(-width // size) + 3
            bound = (
                depth
                * evaluate.UNIT_ROUNDOFF
                * np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(w, axis=1))
            )
            error = np.abs(single - X.astype(np.float64) @ w.T)
            assert error.max() > 0
            assert (error <= bound).all()
