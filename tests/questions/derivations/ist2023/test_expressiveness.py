"""Logistic regression against a ReLU network: losses against loops, checks by sabotage."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import support

from hw.questions.derivations.ist2023 import expressiveness as question
from hw.questions.derivations.ist2023._softmax_models import Data, NumPyModels, Shape, TorchModels
from hw.questions.derivations.ist2023.expressiveness import (
    XOR,
    XOR_LINEAR,
    XOR_NETWORK,
    Counterexample,
    Settings,
)
from hw.questions.derivations.lab.separability import SIGNS
from hw.questions.derivations.lab.separability import XOR as XOR_LABELS
from hw.results.outcome import Outcome

ID = "ist2023.q1.expressiveness"
SMALL: Settings = support.settings(ID)
SHAPES = [Shape(3, 0, 3), Shape(3, 4, 3)]
MODELS = pytest.mark.parametrize("models", [NumPyModels(), TorchModels()], ids=["numpy", "torch"])


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


def random_data(rng: np.random.Generator, shape: Shape) -> Data:
    return Data(rng.normal(size=(7, shape.features)), rng.integers(shape.classes, size=7))


def loss_by_loop(shape: Shape, theta: np.ndarray, data: Data) -> float:
    """Mean of log Σ exp z - z_y, one example and one unit at a time."""
    parts = shape.split(theta)
    total = 0.0
    for x, y in zip(data.X, data.y, strict=True):
        values = list(x)
        for layer in range(len(parts) // 2):
            W, b = parts[2 * layer : 2 * layer + 2]
            if layer:
                values = [max(v, 0.0) for v in values]
            values = [
                sum(w * v for w, v in zip(row, values, strict=True)) + bias
                for row, bias in zip(W, b, strict=True)
            ]
        total += math.log(sum(math.exp(z) for z in values)) - values[y]
    return total / len(data.y)


def test_another_seed_gives_other_numbers() -> None:
    other = question.compute(replace(SMALL, seed=1), None, "numpy")
    assert json.dumps(other.as_json()) != json.dumps(support.computed(ID, "numpy").as_json())


@MODELS
@pytest.mark.parametrize("shape", SHAPES, ids=["linear", "network"])
def test_losses_equal_a_loop(models: NumPyModels | TorchModels, shape: Shape) -> None:
    rng = np.random.default_rng(1)
    data = random_data(rng, shape)
    theta = rng.normal(size=(5, shape.parameters()))
    expected = [loss_by_loop(shape, each, data) for each in theta]
    np.testing.assert_allclose(models.losses(shape, theta, data), expected, rtol=1e-12)
    assert np.ptp(expected) > 0.1


@MODELS
@pytest.mark.parametrize("shape", SHAPES, ids=["linear", "network"])
def test_losses_are_finite_far_out(models: NumPyModels | TorchModels, shape: Shape) -> None:
    rng = np.random.default_rng(2)
    theta = 1000 * rng.normal(size=(5, shape.parameters()))
    assert np.isfinite(models.losses(shape, theta, random_data(rng, shape))).all()


@MODELS
@pytest.mark.parametrize("shape", SHAPES, ids=["linear", "network"])
def test_derivatives_against_finite_differences(
    models: NumPyModels | TorchModels, shape: Shape
) -> None:
    rng = np.random.default_rng(3)
    data = random_data(rng, shape)
    theta, direction = rng.normal(size=(2, 3, shape.parameters()))
    step = 1e-6
    up, down = (models.losses(shape, theta + s * direction, data) for s in (step, -step))
    gradient = models.gradient(shape, theta, data)
    np.testing.assert_allclose((up - down) / (2 * step), (gradient * direction).sum(1), rtol=1e-6)
    for at, along in zip(theta, direction, strict=True):
        rise = models.gradient(shape, at + step * along, data)
        fall = models.gradient(shape, at - step * along, data)
        curved = models.hessian(shape, at, data) @ along
        np.testing.assert_allclose(curved, (rise - fall) / (2 * step), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES, ids=["linear", "network"])
def test_backends_agree(shape: Shape) -> None:
    rng = np.random.default_rng(4)
    data = random_data(rng, shape)
    theta = rng.normal(size=(3, shape.parameters()))
    one, two = NumPyModels(), TorchModels()
    np.testing.assert_allclose(
        one.gradient(shape, theta, data), two.gradient(shape, theta, data), rtol=1e-9, atol=1e-14
    )
    # The network's Hessian is by differences of step 1e-6 in NumPy: rounding of 1e-10.
    np.testing.assert_allclose(
        one.hessian(shape, theta[0], data), two.hessian(shape, theta[0], data), atol=1e-8
    )


def test_the_counterexample_is_simple_and_right() -> None:
    lab = question.Bench(replace(SMALL, seed=0), "numpy")
    outcome = lab.outcome
    outcome.plots["segments"] = {}
    assert question.network_convexity(lab)
    gap = outcome.metrics["counterexample_gap"]
    assert gap >= SMALL.gap
    losses = outcome.plots["segments"]["counterexample"]
    assert losses[20] - (losses[0] + losses[40]) / 2 == pytest.approx(gap, rel=1e-12)


def test_the_known_counterexample() -> None:
    """One unit, relu(b) with b = 0 or 1, pushes the label's logit down by v = 0 or 1, a rises."""
    start, end = np.zeros(12), np.zeros(12)
    end[[5, 7, 11]] = 1, -1, -1  # b_2 = 1, V_12 = -1, a_2 = -1
    case = Counterexample(start, end, Data(np.array([[1, -1]]), np.array([1])))
    expected = math.log1p(math.exp(0.25)) - math.log(2)
    assert case.gap(NumPyModels()) == pytest.approx(expected, rel=1e-12)
    low, high = case.exact_gap()
    assert low <= high
    assert low == pytest.approx(expected, rel=1e-14)


def test_shrinking_keeps_the_gap_and_simplifies() -> None:
    rng, models = np.random.default_rng(5), NumPyModels()
    cases = (Counterexample(*(2 * rng.normal(size=(2, 12))), XOR) for _ in range(10_000))
    case = next(case for case in cases if case.gap(models) > 0.3)
    small = question.shrink(case, models, 0.1)
    assert small.gap(models) >= 0.1
    numbers = np.concatenate([small.start, small.end])
    assert (numbers == numbers.round()).all()
    assert (numbers != 0).sum() <= 6
    assert len(small.data.y) == 1


def test_xor_network_by_hand() -> None:
    z = NumPyModels().logits(XOR_NETWORK, question.xor_network(), XOR.X)
    assert z.tolist() == [[1, -1], [-1, 1], [-1, 1], [1, -1]]


def test_largest_separable_part_of_the_xor() -> None:
    points = SIGNS
    right, plane = question.largest_separable(points, XOR_LABELS)
    assert right == 3
    scores = [sum(w * x for w, x in zip(plane, (*p, 1), strict=True)) for p in points]
    wrong = sum((s > 0) != (y == 1) for s, y in zip(scores, XOR.y, strict=True))
    assert wrong == 1


def failed(settings: Settings = SMALL) -> set[str]:
    found = verdicts(question.compute(settings, None, "numpy"))
    return {name for name, holds in found.items() if not holds}


def test_a_loss_that_is_not_convex_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = NumPyModels.losses

    def dented(self: NumPyModels, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        return right(self, shape, theta, data) + 1e-3 * np.cos(theta[..., 0])

    monkeypatch.setattr(NumPyModels, "losses", dented)
    assert failed() >= {"linear_convex", "statement"}


def test_a_convex_network_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose hidden units are all dead is a bias alone: convex."""
    right = NumPyModels.losses

    def dead(self: NumPyModels, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        if shape.hidden:
            theta = theta.copy()
            theta[..., : -shape.classes] = 0
        return right(self, shape, theta, data)

    monkeypatch.setattr(NumPyModels, "losses", dead)
    lab = question.Bench(replace(SMALL, seed=0), "numpy")
    found = question.random_segments(lab, XOR_NETWORK, XOR)
    assert found.excess.max() <= 1e-12
    on_linear = question.random_segments(lab, XOR_LINEAR, XOR)
    assert on_linear.excess.max() <= 1e-12


def test_a_wrong_xor_network_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "xor_network", lambda: np.zeros(12))
    assert failed() >= {"network_learns_xor", "network_no_guarantee", "statement"}
