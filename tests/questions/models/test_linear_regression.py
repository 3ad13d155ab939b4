"""Linear regression against a plain loop, its closed form, and PyTorch; the checks by sabotage."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks import plain
from hw import datasets
from hw.datasets.features import Dataset, Features, Split
from hw.errors import UsageError
from hw.lockstep.compare import compare
from hw.questions.models import linear_regression as question
from hw.questions.models.linear_regression import LinearLearner, Settings
from hw.results.outcome import Outcome
from hw.training.loop import fit

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])
RTOL = 1e-9


def houses(seed: int = 0, n: int = 40, singular: bool = True) -> Dataset:
    """Random features; if ``singular``, a repeated and a constant column among them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + 20, 7))
    if singular:
        X[:, 5] = X[:, 2]
        X[:, 6] = 0
    assert X.std() > 0.5
    y = 3 + X @ rng.normal(size=7) + 0.1 * rng.normal(size=len(X))
    splits = {"train": slice(None, n), "test": slice(n, None)}
    return Dataset(
        name="houses",
        source="stand-in",
        provenance="stand-in",
        sha256="0" * 64,
        splits={name: Split(Features(X[rows].copy()), y[rows]) for name, rows in splits.items()},
        n_classes=0,
    )


def arrays(data: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    part = data.splits[split]
    return np.column_stack([part.features.stored, np.ones(len(part))]), part.labels


def rmse(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    return math.sqrt(sum((x @ w - t) ** 2 for x, t in zip(X, y, strict=True)) / len(y))


def trained(settings: Settings, data: Dataset, backend: str) -> tuple[LinearLearner, Outcome]:
    learner = question.learner(settings, data, backend)
    measure = question.MEASURE
    outcome = fit(learner, settings.epochs, measure["epoch"], measure["end"], plots={"directions"})
    return learner, outcome


def plain_run(data: Dataset, settings: Settings) -> tuple[np.ndarray, dict[str, list[float]]]:
    """The assignment's script: legacy generator, one permutation an epoch of permuted data."""
    X, y = arrays(data, "train")
    gram = X.T @ X + settings.ridge * np.eye(X.shape[1])
    best = np.linalg.solve(gram, X.T @ y)
    random = np.random.RandomState(settings.seed)
    w, seen, targets = np.zeros(X.shape[1]), X, y
    rows: dict[str, list[float]] = {"train_loss": [], "test_loss": [], "distance": []}
    for _ in range(settings.epochs):
        order = random.permutation(len(seen))
        seen, targets = seen[order], targets[order]
        plain.plain_linear_regression(w, seen, targets, settings.learning_rate)
        rows["train_loss"].append(rmse(w, X, y))
        rows["test_loss"].append(rmse(w, *arrays(data, "test")))
        rows["distance"].append(float(np.linalg.norm(w - best)))
    return w, rows


def verdicts(learner: LinearLearner) -> dict[str, bool]:
    return {check.name: check.holds for check in learner.checks()}


class TestTraining:
    @BACKENDS
    def test_equals_plain_loop(self, backend: str) -> None:
        data, settings = houses(), Settings(epochs=4, learning_rate=0.01)
        learner, outcome = trained(settings, data, backend)
        w, rows = plain_run(data, settings)
        assert_allclose(learner.weights(), w, rtol=RTOL, equal_nan=False)
        for name, values in rows.items():
            assert_allclose(outcome.history[name], values, rtol=RTOL, equal_nan=False, err_msg=name)

    def test_numpy_equals_torch(self) -> None:
        data, settings = houses(1), Settings(learning_rate=0.01)
        found = compare(
            question.learner(settings, data, "numpy"),
            question.learner(settings, data, "torch"),
            updates=100,
            tolerance=RTOL,
        )
        assert found.parting is None
        assert len(found.differences) == 101

    @BACKENDS
    def test_diverges(self, backend: str) -> None:
        _, outcome = trained(Settings(epochs=200, learning_rate=10), houses(), backend)
        assert outcome.metrics["diverged"] == 1
        assert len(outcome.history["epoch"]) < 200

    def test_no_gpu(self) -> None:
        with pytest.raises(UsageError, match="GPU"):
            question.learner(Settings(), houses(), "torch", "cuda")

    def test_seed_changes_order_only(self) -> None:
        a, b = (question.learner(Settings(seed=s), houses(), "numpy") for s in (42, 43))
        assert_allclose(a.closed_form.weights, b.closed_form.weights, rtol=0, equal_nan=False)
        a.train_epoch()
        b.train_epoch()
        assert not np.allclose(a.weights(), b.weights(), rtol=1e-6)


class TestClosedForm:
    @BACKENDS
    def test_is_ridge_regression(self, backend: str) -> None:
        data, ridge = houses(), 0.3
        X, y = arrays(data, "train")
        # Ridge regression is least squares with √λ I below X: no normal equations.
        below = math.sqrt(ridge) * np.eye(X.shape[1])
        expected = np.linalg.lstsq(np.vstack([X, below]), np.append(y, np.zeros(len(below))))[0]
        form = question.learner(Settings(ridge=ridge), data, backend).closed_form
        assert_allclose(form.weights, expected, rtol=RTOL, atol=1e-12, equal_nan=False)

    @BACKENDS
    def test_parts(self, backend: str) -> None:
        data = houses()
        X, _ = arrays(data, "train")
        form = question.learner(Settings(), data, backend).closed_form
        assert form.rank == np.linalg.matrix_rank(X) == 6
        v = np.random.default_rng(3).normal(size=8)
        row, null = form.parts(v)
        assert row**2 + null**2 == pytest.approx(v @ v, rel=RTOL)
        # Columns 2 and 5 are equal and column 6 is zero: the null space is known.
        assert null**2 == pytest.approx((v[2] - v[5]) ** 2 / 2 + v[6] ** 2, rel=RTOL)

    def test_fewer_examples_than_features(self) -> None:
        form = question.learner(Settings(), houses(n=4, singular=False), "numpy").closed_form
        assert form.rank == 4
        assert form.parts(np.ones(8))[1] > 0.1

    def test_null_direction(self) -> None:
        X, _ = arrays(houses(), "train")
        direction = question.learner(Settings(), houses(), "numpy").closed_form.null_direction()
        assert np.linalg.norm(direction) == pytest.approx(1)
        assert_allclose(X @ direction, 0, atol=1e-12)
        regular = question.learner(Settings(), houses(singular=False), "numpy").closed_form
        assert not regular.null_direction().any()


class TestChecks:
    @BACKENDS
    def test_after_training(self, backend: str) -> None:
        learner, outcome = trained(Settings(epochs=30, learning_rate=0.0003), houses(), backend)
        assert verdicts(learner) == {
            "normal_equations_singular": True,
            "closed_form_is_ridge": True,
            "infinitely_many_minimisers": True,
            "distance_falls": True,
            "distance_above_zero": True,
            "null_space_explains_distance": False,
            "sgd_stays_in_row_space": True,
            "closed_form_in_row_space": True,
            "slow_directions_explain_distance": True,
        }
        assert [c.name for c in outcome.checks] == list(verdicts(learner))
        m = outcome.metrics
        assert m["distance"] == pytest.approx(
            math.hypot(m["distance_row_space"], m["distance_null_space"]), rel=RTOL
        )
        assert m["distance_null_space"] < 1e-6 * m["distance"]

    def test_regular_matrix(self) -> None:
        learner, _ = trained(Settings(epochs=2), houses(singular=False), "numpy")
        assert not verdicts(learner)["normal_equations_singular"]
        assert not verdicts(learner)["infinitely_many_minimisers"]

    @BACKENDS
    def test_notice_another_closed_form(self, backend: str) -> None:
        learner, _ = trained(Settings(epochs=2), houses(), backend)
        weights = learner.closed_form.weights
        learner.closed_form = replace(learner.closed_form, weights=weights * 1.001)
        assert not verdicts(learner)["closed_form_is_ridge"]

    def test_notice_a_direction_that_is_not_of_the_null_space(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        learner, _ = trained(Settings(epochs=2), houses(), "numpy")
        monkeypatch.setattr(question.ClosedForm, "null_direction", lambda form: form.directions[0])
        assert not verdicts(learner)["infinitely_many_minimisers"]

    def test_notice_a_start_outside_the_row_space(self) -> None:
        # The document's explanation would be right, had the weights not started at zero.
        learner = question.learner(Settings(epochs=2, learning_rate=0.01), houses(), "numpy")
        learner.w[6] = 50  # the weight of a column of zeros
        learner.train_epoch()
        found = verdicts(learner)
        assert not found["sgd_stays_in_row_space"]
        assert found["null_space_explains_distance"]
        assert not found["slow_directions_explain_distance"]

    def test_notice_a_wrong_rate(self) -> None:
        learner = question.learner(Settings(epochs=3, learning_rate=0.001), houses(), "numpy")
        for _ in range(3):
            learner.train_epoch()
        assert verdicts(learner)["slow_directions_explain_distance"]
        learner.distances += learner.distances[-1:] * 30  # epochs that were never trained
        found = verdicts(learner)
        assert not found["slow_directions_explain_distance"]
        assert not found["distance_falls"]

    def test_decay_is_that_of_full_batches(self) -> None:
        # exp(-η σ²) against a gradient step with the whole matrix, in the limit of small steps.
        data = houses()
        learner = question.learner(Settings(learning_rate=1e-7), data, "numpy")
        learner.train_epoch()
        X, y = arrays(data, "train")
        w = torch.zeros(8, dtype=torch.float64, requires_grad=True)
        loss = 0.5 * (torch.from_numpy(X) @ w - torch.from_numpy(y)).square().sum()
        (gradient,) = torch.autograd.grad(loss, w)
        form = learner.closed_form
        exact = form.directions @ (-1e-7 * gradient.numpy() - form.weights)
        # Second order in η σ² ~ 1e-5, and the ridge's 1e-4 beside σ² > 10.
        assert_allclose(
            -learner.decay() * (form.directions @ form.weights), exact, rtol=1e-8, equal_nan=False
        )


def test_figure() -> None:
    _, outcome = trained(Settings(epochs=2), houses(), "numpy")
    figure = question.draw_directions({"default": outcome}, {"title": "Directions"})
    left, right = figure.axes
    assert "epochs" in left.get_xlabel()
    assert left.get_ylabel()
    assert right.get_ylabel()
    assert len(outcome.plots["directions"]["time"]) == 6
    assert question.draw_directions({"default": Outcome()}, {}).axes  # diverged: nothing to draw


@pytest.mark.real_data
def test_ames_equals_plain_loop(real_data: Path) -> None:
    settings = Settings()  # 150 epochs
    data = datasets.load("ames", "ist2021", real_data, mode="real")
    _, outcome = trained(settings, data, "numpy")
    _, rows = plain_run(data, settings)
    for name, values in rows.items():
        assert_allclose(outcome.history[name], values, rtol=0, atol=1e-6, equal_nan=False)
    # The script's printed line of the first epoch, and the document's ranks and curves.
    assert f"{outcome.history['train_loss'][0]:.3f}" == "0.521"
    assert f"{outcome.history['test_loss'][0]:.3f}" == "0.727"
    assert outcome.metrics["rank"] == 245
    assert 40 <= 1 + int(np.argmin(outcome.history["test_loss"])) <= 80
    holds = {check.name: check.holds for check in outcome.checks}
    assert [name for name, held in holds.items() if not held] == ["null_space_explains_distance"]
