from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pytest
from support import CommandLine

from hw.nn.errors import Diverged
from hw.results.outcome import Outcome
from hw.training.loop import Watcher, fit


class Scripted:
    """A learner whose losses are written down; what it is asked is recorded."""

    def __init__(self, losses: Sequence[float | Exception], test: float = 0.5) -> None:
        self.losses, self.test = list(losses), test
        self.asked: list[tuple[str, ...]] = []

    def train_epoch(self) -> dict[str, float]:
        loss = self.losses.pop(0)
        if isinstance(loss, Exception):
            raise loss
        return {"train_loss": loss}

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        self.asked.append(tuple(metrics))
        values = {"test_accuracy": self.test}
        return {name: values.get(name, float(len(self.asked))) for name in metrics}

    def parameters(self) -> dict[str, np.ndarray[Any, Any]]:
        return {}

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {name: [1] for name in names}


class Recorder(Watcher):
    wants_initial = ("validation_accuracy",)

    def __init__(self) -> None:
        self.events: list[Any] = []

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        self.events.append(("started", epochs, initial))

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.events.append(("epoch", epoch, row))

    def finished(self, outcome: Outcome) -> None:
        self.events.append(("finished", outcome))


EPOCH = ("train_loss", "validation_accuracy")


def test_history_starts_at_epoch_1_and_the_test_set_is_touched_once() -> None:
    learner = Scripted([3.0, 2.0, 1.0])
    outcome = fit(learner, 3, EPOCH, ("test_accuracy",), plots=["weights"])
    assert outcome.history == {
        "epoch": [1, 2, 3],
        "train_loss": [3.0, 2.0, 1.0],
        "validation_accuracy": [1.0, 2.0, 3.0],
    }
    assert outcome.metrics == {
        "train_loss": 1.0,
        "validation_accuracy": 3.0,
        "test_accuracy": 0.5,
    }
    assert outcome.plots == {"weights": [1]}
    assert learner.asked == [("validation_accuracy",)] * 3 + [("test_accuracy",)]


def test_a_watcher_is_told_of_everything_in_order() -> None:
    watcher = Recorder()
    outcome = fit(Scripted([3.0, 2.0]), 2, ("train_loss",), (), watcher)
    assert watcher.events == [
        ("started", 2, {"validation_accuracy": 1.0}),
        ("epoch", 1, {"train_loss": 3.0}),
        ("epoch", 2, {"train_loss": 2.0}),
        ("finished", outcome),
    ]


@pytest.mark.parametrize("last", [math.nan, math.inf, Diverged(7)])
def test_a_divergence_keeps_the_history_up_to_the_last_finite_epoch(last: Any) -> None:
    learner = Scripted([3.0, 2.0, last, 1.0])
    outcome = fit(learner, 4, EPOCH, ("test_accuracy",))
    assert outcome.diverged
    assert outcome.history["epoch"] == [1, 2]
    assert outcome.history["train_loss"] == [3.0, 2.0]
    assert outcome.metrics == {
        "diverged": 1,
        "diverged_epoch": 3,
        "train_loss": 2.0,
        "validation_accuracy": 2.0,
        # Where the learner knows: how many updates of that epoch were finite.
        **({"diverged_step": 7} if isinstance(last, Diverged) else {}),
    }
    assert ("test_accuracy",) not in learner.asked, "there is nothing to test"


def test_a_divergence_in_the_first_epoch_leaves_no_numbers() -> None:
    outcome = fit(Scripted([math.nan]), 1, EPOCH, ())
    assert outcome.metrics == {"diverged": 1, "diverged_epoch": 1}
    assert outcome.history == {"epoch": [], "train_loss": [], "validation_accuracy": []}


def test_a_divergence_that_shows_at_the_end_only() -> None:
    outcome = fit(Scripted([3.0], test=math.inf), 1, EPOCH, ("test_accuracy",), plots=["weights"])
    assert outcome.diverged
    assert outcome.history["epoch"] == [1]
    assert "test_accuracy" not in outcome.metrics
    assert outcome.plots == {}


def test_a_run_that_never_reports_a_loss_in_the_history_still_diverges(hw: CommandLine) -> None:
    # Accuracies are finite whatever the weights: only the loss tells.
    words = ("--model", "logistic_regression", "--learning-rate", "1e6", "--l2-penalty", "1e6")
    for backend in ("numpy", "torch"):
        answer = hw("run", "q1.perceptron", "--epochs", 2, "--backend", backend, *words, "--json")
        assert answer.code == 1
        metrics = answer.json["runs"][0]["metrics"]["default"]
        step = metrics.pop("diverged_step")
        assert metrics == {"diverged": 1, "diverged_epoch": 1}
        assert 0 < step <= 60
        assert f"diverged in epoch 1, after {step} finite updates of it" in answer.error
