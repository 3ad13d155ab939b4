"""The network for house prices against a plain loop and against PyTorch's own modules."""

from __future__ import annotations

import itertools
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
from hw.questions.models import neural_regression as question
from hw.questions.models.neural_regression import Settings
from hw.training.loop import fit

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])
ACTIVATIONS = pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
RTOL = 1e-9


def houses(seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(50, 6))
    assert X.std() > 0.5
    y = 1 + np.maximum(X[:, 0], 0) - X[:, 1] + 0.1 * rng.normal(size=50)
    splits = {"train": slice(None, 30), "test": slice(30, None)}
    return Dataset(
        name="houses",
        source="stand-in",
        provenance="stand-in",
        sha256="0" * 64,
        splits={name: Split(Features(X[rows].copy()), y[rows]) for name, rows in splits.items()},
        n_classes=0,
    )


def plain_run(data: Dataset, settings: Settings, epochs: int) -> dict[str, list[float]]:
    """The assignment's script: hidden then output weights, then a permutation an epoch."""
    X, y = data.train.features.stored, data.train.labels
    random = np.random.RandomState(settings.seed)
    hidden = settings.hidden_size
    W1 = random.normal(0.1, 0.1, size=(hidden, X.shape[1]))
    W2 = random.normal(0.1, 0.1, size=(1, hidden))
    p = {"W1": W1, "b1": np.zeros(hidden), "W2": W2, "b2": np.zeros(1)}
    f, _ = plain.ACTIVATIONS[settings.activation]
    rows: dict[str, list[float]] = {"train_loss": [], "test_loss": []}
    seen, targets = X, y
    for _ in range(epochs):
        order = random.permutation(len(seen))
        seen, targets = seen[order], targets[order]
        plain.plain_mlp(
            p, seen, targets, settings.learning_rate, settings.activation, "half_squared_error"
        )
        for name in ("train", "test"):
            part = data.splits[name]
            h = f(part.features.stored @ p["W1"].T + p["b1"])
            errors = (h @ p["W2"].T + p["b2"])[:, 0] - part.labels
            rows[f"{name}_loss"].append(float(np.sqrt(np.mean(errors**2))))
    return rows


class TestTraining:
    @BACKENDS
    @ACTIVATIONS
    def test_equals_plain_loop(self, backend: str, activation: str) -> None:
        data = houses()
        settings = Settings(hidden_size=5, learning_rate=0.01, activation=activation)
        learner = question.learner(settings, data, backend)
        outcome = fit(learner, 3, question.MEASURE["epoch"], question.MEASURE["end"])
        for name, values in plain_run(data, settings, 3).items():
            assert_allclose(outcome.history[name], values, rtol=RTOL, equal_nan=False, err_msg=name)

    @ACTIVATIONS
    def test_numpy_equals_torch(self, activation: str) -> None:
        data = houses(1)
        settings = Settings(hidden_size=5, learning_rate=0.01, activation=activation)
        found = compare(
            question.learner(settings, data, "numpy"),
            question.learner(settings, data, "torch"),
            updates=100,
            tolerance=RTOL,
        )
        assert found.parting is None
        assert len(found.differences) == 101

    def test_equals_torch_modules(self) -> None:
        data, settings = houses(2), Settings(hidden_size=5, learning_rate=0.02)
        learner = question.learner(settings, data, "numpy")
        start = {name: torch.from_numpy(p.copy()) for name, p in learner.parameters().items()}
        learner.advance(10)
        model = torch.nn.Sequential(
            torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)
        ).double()
        names = {"0.weight": "0.weight", "0.bias": "0.bias", "2.weight": "1.weight"}
        names["2.bias"] = "1.bias"
        model.load_state_dict({theirs: start[mine] for theirs, mine in names.items()})
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
        for row in learner.batches.order[:10]:
            optimizer.zero_grad()
            x = torch.from_numpy(data.train.features.stored[row])
            (0.5 * (model(x) - data.train.labels[row]) ** 2).sum().backward()
            optimizer.step()
        for theirs, mine in names.items():
            assert_allclose(
                learner.parameters()[mine],
                model.state_dict()[theirs].numpy(),
                rtol=RTOL,
                equal_nan=False,
                err_msg=mine,
            )

    @BACKENDS
    def test_diverges(self, backend: str) -> None:
        settings = Settings(hidden_size=5, learning_rate=10)
        learner = question.learner(settings, houses(), backend)
        outcome = fit(learner, 5, question.MEASURE["epoch"], ())
        assert outcome.metrics["diverged"] == 1

    def test_no_gpu(self) -> None:
        with pytest.raises(UsageError, match="GPU"):
            question.learner(Settings(), houses(), "torch", "cuda")


@BACKENDS
def test_variation_and_convergence_are_of_the_curve(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(hidden_size=5, learning_rate=0.01)
    ends = ("train_variation", "convergence_epoch")
    for epochs in (1, 3, 60):
        learner = question.learner(settings, houses(), backend)
        outcome = fit(learner, epochs, question.MEASURE["epoch"], ends)
        curve = outcome.history["train_loss"]
        changes = [abs(b - a) for a, b in itertools.pairwise(curve)][-50:]
        expected = sum(changes) / len(changes) if changes else 0
        assert outcome.metrics["train_variation"] == pytest.approx(expected, rel=RTOL)
        for level in (curve[0], curve[-1], 0.0):
            monkeypatch.setattr(question, "CONVERGED", level)
            reached = [t for t, loss in enumerate(curve, start=1) if loss <= level]
            found = learner.measure(["convergence_epoch"])["convergence_epoch"]
            assert found == [*reached, epochs + 1][0]


def test_variation_goes_on_after_a_stop() -> None:
    learner = question.learner(Settings(hidden_size=5, epochs=4), houses(), "numpy")
    for _ in range(2):
        learner.train_epoch()
    other = question.learner(Settings(hidden_size=5, epochs=4), houses(), "numpy")
    other.load_state(learner.state())
    for each in (learner, other):
        each.train_epoch()
    assert other.measure(["train_variation"]) == learner.measure(["train_variation"])
    assert len(other.train_losses) == 3


def test_second_weights_have_a_column_for_each_hidden_unit() -> None:
    # The document gives them one for each feature.
    shapes = {
        name: p.shape
        for name, p in question.learner(Settings(), houses(), "numpy").parameters().items()
    }
    assert shapes == {"0.weight": (150, 6), "0.bias": (150,), "1.weight": (1, 150), "1.bias": (1,)}


@pytest.mark.real_data
def test_ames_equals_plain_loop(real_data: Path) -> None:
    data, settings = datasets.load("ames", "ist2021", real_data, mode="real"), Settings()
    outcome = fit(question.learner(settings, data, "numpy"), 10, question.MEASURE["epoch"], ())
    for name, values in plain_run(data, settings, 10).items():
        assert_allclose(outcome.history[name], values, rtol=0, atol=1e-6, equal_nan=False)
