"""Capacity: no product from g(z) = z, an exact one from g(z) = z^2; sabotage."""

from functools import partial

import numpy as np
import pytest

from hw.errors import UsageError
from hw.questions.derivations.e1394 import capacity
from hw.questions.derivations.lab.worlds import world

SETTINGS = capacity.Settings(points=50, networks=5, grid=11)
SCORES = [partial(capacity.score, world(name)) for name in ("numpy", "torch")]


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in capacity.compute(settings, None, backend).checks}


@pytest.mark.parametrize("scores", SCORES)
def test_square_network_by_hand(scores):
    X = np.array([[1.0, 2.0], [-3.0, 0.5], [0.0, 4.0]])
    found = scores(capacity.squaring_weights(1.0, 2.0), capacity.square, X)
    assert np.allclose(found, [1 + 2 * 2, 1 + 2 * -1.5, 1], rtol=1e-14, atol=0)


@pytest.mark.parametrize("scores", SCORES)
def test_score_against_a_naive_loop(scores):
    rng = np.random.default_rng(0)
    weights, X = capacity.random_weights(rng), rng.normal(size=(4, 2))
    expected = [
        weights.c
        + sum(
            weights.v[i] * (weights.d[i] + sum(weights.W[i, j] * x[j] for j in range(2))) ** 2
            for i in range(2)
        )
        for x in X
    ]
    assert np.allclose(scores(weights, capacity.square, X), expected, rtol=1e-12, atol=1e-12)


def test_best_affine_score_misses_the_product():
    # On a symmetric square x1 x2 is orthogonal to 1, x1 and x2: least squares find nothing.
    axis = np.linspace(-1, 1, 11)
    X = np.array([(a, b) for a in axis for b in axis])
    design = np.column_stack([np.ones(len(X)), X])
    fitted = np.linalg.lstsq(design, 2 * X[:, 0] * X[:, 1], rcond=None)[0]
    assert np.abs(fitted).max() < 1e-12


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_slightly_wrong_weight_fails(monkeypatch, backend):
    right = capacity.squaring_weights

    def wrong(beta0, beta1):
        weights = right(beta0, beta1)
        return capacity.Weights(weights.W, weights.d, weights.v * np.array([1.0005, 1]), weights.c)

    monkeypatch.setattr(capacity, "squaring_weights", wrong)
    found = verdicts(backend)
    assert not found["square_activation_makes_the_product"]
    assert not found["square_network_is_the_logistic_model"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_activation_with_a_product_would_be_found(monkeypatch, backend):
    monkeypatch.setattr(capacity, "identity", capacity.square)
    assert verdicts(backend)["identity_activation_makes_the_product"]


def test_without_a_product_there_is_nothing_to_show():
    with pytest.raises(UsageError, match="beta1"):
        capacity.compute(capacity.Settings(beta1=0.0), None, "numpy")


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_unit_that_multiplied_would_be_found(monkeypatch, backend):
    assert verdicts(backend)["reported_unit_is_affine"]
    monkeypatch.setattr(capacity, "reported_weights", capacity.squaring_weights)
    monkeypatch.setattr(capacity, "identity", capacity.square)
    assert not verdicts(backend)["reported_unit_is_affine"]


def test_a_squashing_that_leaves_the_interval_fails(monkeypatch):
    assert verdicts()["sigmoid_is_between_0_and_1"]
    right = capacity.squash
    monkeypatch.setattr(capacity, "squash", lambda w, z: 1.0005 * right(w, z))
    assert not verdicts()["sigmoid_is_between_0_and_1"]
