"""The network with g(z) = z(1 - z): its algebra against loops, its checks by sabotage."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import support

from hw.errors import UsageError
from hw.questions.derivations.ist2024 import _quadratic_network as network
from hw.questions.derivations.ist2024 import quadratic_activation as question
from hw.questions.derivations.ist2024._quadratic_network import NumPyAlgebra, Theta, TorchAlgebra
from hw.questions.derivations.ist2024.quadratic_activation import Settings
from hw.questions.derivations.lab.lab import as_numpy
from hw.results.outcome import Outcome

ID = "ist2024.q3.quadratic_activation"
SMALL: Settings = support.settings(ID)
WRONG = {"c3_published", "inputs_can_be_independent"}
ALGEBRAS = pytest.mark.parametrize(
    "algebra", [NumPyAlgebra(), TorchAlgebra()], ids=["numpy", "torch"]
)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


def draw_theta(rng: np.random.Generator, K: int, D: int, *lead: int) -> Theta:
    shapes = ((K, D), (K,), (K,), ())
    return Theta(*(rng.normal(size=(*lead, *shape)) for shape in shapes))


def features_by_loop(x: np.ndarray) -> list[float]:
    """φ as the handout writes it, entry by entry."""
    D = len(x)
    products = [2 * x[i] * x[j] for i, j in combinations(range(D), 2)]
    return [1.0, *x, *(x[i] ** 2 for i in range(D)), *products]


def output_by_loop(theta: Theta, x: np.ndarray) -> float:
    total = float(theta.v0)
    for w, b, v in zip(theta.W, theta.b, theta.v, strict=True):
        z = sum(wi * xi for wi, xi in zip(w, x, strict=True)) + b
        total += v * z * (1 - z)
    return total


def test_another_seed_gives_other_numbers_and_the_same_verdicts() -> None:
    other = question.compute(replace(SMALL, seed=1), None, "numpy")
    assert json.dumps(other.as_json()) != json.dumps(support.computed(ID, "numpy").as_json())
    assert verdicts(other) == verdicts(support.computed(ID, "numpy"))


@ALGEBRAS
def test_algebra_equals_loops(algebra: NumPyAlgebra | TorchAlgebra) -> None:
    rng = np.random.default_rng(3)
    K, D = 4, 3
    theta, X = draw_theta(rng, K, D), rng.normal(size=(5, D))
    own = Theta(*map(algebra.array, theta))
    features = as_numpy(algebra.phi(algebra.array(X)))
    np.testing.assert_allclose(features, [features_by_loop(x) for x in X], rtol=1e-14)
    expected = [output_by_loop(theta, x) for x in X]
    found = as_numpy(algebra.predict(own, algebra.array(X)))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    c = as_numpy(algebra.coefficients(own))
    np.testing.assert_allclose(features @ c, expected, rtol=1e-12)
    M = as_numpy(algebra.matrix(algebra.coefficients(own), D))
    expected_M = -sum(v * np.outer(w, w) for w, v in zip(theta.W, theta.v, strict=True))
    np.testing.assert_allclose(M, expected_M, rtol=1e-12)


@ALGEBRAS
def test_gradient_against_finite_differences(algebra: NumPyAlgebra | TorchAlgebra) -> None:
    rng = np.random.default_rng(4)
    theta, X, y = draw_theta(rng, 4, 3, 2), rng.normal(size=(6, 3)), rng.normal(size=6)

    def loss(parts: Theta) -> np.ndarray:
        own = Theta(*map(algebra.array, parts))
        return as_numpy(algebra.loss_and_gradient(own, algebra.array(X), algebra.array(y))[0])

    own = Theta(*map(algebra.array, theta))
    _, gradient = algebra.loss_and_gradient(own, algebra.array(X), algebra.array(y))
    direction = draw_theta(rng, 4, 3, 2)
    step = 1e-6
    up, down = (
        loss(Theta(*(p + s * d for p, d in zip(theta, direction, strict=True))))
        for s in (step, -step)
    )
    slopes = sum(
        (as_numpy(g) * d).reshape(2, -1).sum(1) for g, d in zip(gradient, direction, strict=True)
    )
    np.testing.assert_allclose((up - down) / (2 * step), slopes, rtol=1e-6)


def test_backends_agree_on_descent() -> None:
    settings = replace(SMALL, steps=100)
    runs = []
    for algebra in (NumPyAlgebra(), TorchAlgebra()):
        rng = np.random.default_rng(5)
        X = algebra.array(rng.normal(size=(30, 3)))
        y = algebra.array(rng.normal(size=30))
        runs.append(network.gradient_descent(settings, algebra, rng, X, y)["losses"])
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-9)


@ALGEBRAS
@pytest.mark.parametrize("D", [1, 2, 5])
def test_constructions_by_the_features(algebra: NumPyAlgebra | TorchAlgebra, D: int) -> None:
    """The network built from c computes cᵀφ: judged by outputs, not by the coefficients."""
    rng = np.random.default_rng(6)
    c, X = rng.normal(size=network.feature_count(D)), rng.normal(size=(20, D))
    expected = np.array([features_by_loop(x) for x in X]) @ c
    own = algebra.array(c)
    theta = algebra.construct(own, *algebra.eigen(own, D), D + 1)
    assert theta.W.shape == (D + 1, D)
    found = as_numpy(algebra.predict(theta, algebra.array(X)))
    np.testing.assert_allclose(found, expected, atol=1e-10)
    published = algebra.construct(own, *algebra.eigen(own, D), D + 1, 1)
    wrong = as_numpy(algebra.predict(published, algebra.array(X)))
    assert np.abs(wrong - expected).max() > 0.1

    singular = network.random_target(algebra, rng, D, D - 1)
    expected = np.array([features_by_loop(x) for x in X]) @ as_numpy(singular)
    exact = algebra.construct_unshifted(singular, D, D + 1)
    found = as_numpy(algebra.predict(exact, algebra.array(X)))
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_singular_target_has_the_rank_asked_for() -> None:
    algebra, rng = NumPyAlgebra(), np.random.default_rng(7)
    for rank in range(5):
        c = network.random_target(algebra, rng, 4, rank)
        values = np.linalg.eigvalsh(algebra.matrix(c, 4))
        assert int((abs(values) > 1e-9).sum()) == rank


def failed(settings: Settings = SMALL) -> set[str]:
    found = verdicts(question.compute(settings, None, "numpy"))
    return {name for name, holds in found.items() if not holds}


def test_a_wrong_phi_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_factor(self: NumPyAlgebra, X: np.ndarray) -> np.ndarray:
        i, j = np.triu_indices(X.shape[-1], 1)
        return np.concatenate([np.ones_like(X[..., :1]), X, X * X, X[..., i] * X[..., j]], axis=-1)

    monkeypatch.setattr(NumPyAlgebra, "phi", without_factor)
    assert failed() >= WRONG | {"hidden_linear_in_phi", "output_linear_in_phi", "vech_matches_phi"}


def test_a_wrong_sign_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = NumPyAlgebra.construct

    def negated(self: NumPyAlgebra, *arguments: object, sign: int = -1) -> Theta:
        # ``sign`` may come as the fifth argument, after c, λ, Q and K.
        *rest, sign = arguments if len(arguments) == 5 else (*arguments, sign)
        return right(self, *rest, -sign)

    monkeypatch.setattr(NumPyAlgebra, "construct", negated)
    found = failed()
    assert "corrected_construction" in found
    assert "published_construction" in found
    assert found >= {"every_c_within_epsilon", "no_shift_above_d_units"}


def test_a_slightly_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = NumPyAlgebra.loss_and_gradient

    def off(self: NumPyAlgebra, theta: Theta, X: object, y: object) -> tuple[object, Theta]:
        loss, gradient = right(self, theta, X, y)
        return loss, gradient._replace(v0=gradient.v0 + 5)

    monkeypatch.setattr(NumPyAlgebra, "loss_and_gradient", off)
    assert failed() >= {"closed_form_is_global_minimum", "gradient_descent_agrees"}


def test_divergence_stays_finite() -> None:
    outcome = question.compute(replace(SMALL, learning_rate=10.0), None, "numpy")
    assert outcome.metrics["diverged"] == 1
    json.dumps(outcome.as_json(), allow_nan=False)
    assert not verdicts(outcome)["gradient_descent_agrees"]


@pytest.mark.parametrize("change", [{"fit_units": 2}, {"examples": 10}])
def test_settings_that_contradict_each_other(change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        question.compute(replace(SMALL, **change), None, "numpy")
