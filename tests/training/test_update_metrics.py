"""Metrics of the updates against plain loops; the learner goes on afterwards as if never asked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from support import floats

from hw.datasets.features import Dataset
from hw.questions.models.feedforward import Settings, learner
from hw.training.update_metrics import OF_UPDATES

BACKENDS = {"numpy": "numpy", "autograd": "torch", "direct": "torch"}
ways = pytest.mark.parametrize("way", BACKENDS)


def make(way: str, data: Dataset, **settings: Any) -> Any:
    small = {"hidden_size": 9, "batch_size": 8, "learning_rate": 0.1, "dtype": "float64"}
    step = {} if way == "numpy" else {"step": way}
    return learner(Settings(**{**small, **step, **settings}), data, BACKENDS[way])


def measured(model: Any, name: str) -> float:
    return float(model.measure([name])[name])


@ways
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_steps_along_a_steady_and_an_alternating_gradient(
    way: str, momentum: float, dots: Dataset
) -> None:
    model = make(way, dots, momentum=momentum)
    # v <- μ v + g has the fixed point g/(1-μ), and ±g/(1+μ) where g changes its sign each time.
    assert measured(model, "steady_step") == pytest.approx(1 / (1 - momentum), rel=1e-9)
    assert measured(model, "alternating_step") == pytest.approx(1 / (1 + momentum), rel=1e-9)


def test_an_optimizer_that_averages_instead_is_noticed(
    dots: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make("autograd", dots, momentum=0.9)
    rate = model.spec.learning_rate

    def averaging(parameters: Any) -> Any:
        return torch.optim.SGD(parameters, rate, 0.9, dampening=0.9)

    monkeypatch.setattr(model, "_make_optimizer", averaging)
    assert measured(model, "steady_step") == pytest.approx(1, rel=1e-9)


@ways
@pytest.mark.parametrize("p", [0.01, 0.25, 0.5])
def test_the_share_of_dropped_units_is_p_within_binomial_error(
    way: str, p: float, dots: Dataset
) -> None:
    model = make(way, dots, dropout=p, hidden_size=500)
    n = len(dots.train) * 500 * 2  # two hidden layers
    found = measured(model, "dropped_share")
    assert abs(found - p) < 4 * np.sqrt(p * (1 - p) / n)
    assert measured(make(way, dots, dropout=0.0), "dropped_share") == 0


def test_masks_that_drop_the_wrong_share_are_noticed(
    dots: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make("numpy", dots, dropout=0.25)
    draw = type(model.draws).mask
    monkeypatch.setattr(model.draws, "mask", lambda shape, keep: draw(model.draws, shape, 1 - keep))
    assert measured(model, "dropped_share") > 0.6


@ways
def test_cosine_of_successive_updates(way: str, dots: Dataset) -> None:
    case = {"momentum": 0.9, "dropout": 0.3}
    asked, walked = make(way, dots, **case), make(way, dots, **case)
    places = []
    for _ in range(1 + len(walked.batches)):
        places.append(np.concatenate([p.ravel() for p in walked.parameters().values()]))
        walked.advance(1)
    changes = np.diff(places, axis=0)
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairwise(changes)]
    assert measured(asked, "update_cosine") == pytest.approx(np.mean(cosines), rel=1e-9)
    assert np.mean(cosines) > measured(make(way, dots, dropout=0.3), "update_cosine")


def softmax_loss(parameters: dict[str, np.ndarray], X: np.ndarray, y: np.ndarray) -> float:
    z = X @ parameters["0.weight"].T + parameters["0.bias"]
    return float(np.mean(np.logaddexp.reduce(z, 1) - z[np.arange(len(y)), y]))


@ways
@pytest.mark.parametrize("rate", [1e-4, 20.0, 1000.0])
def test_overshooting_is_counted_batch_by_batch(way: str, rate: float, dots: Dataset) -> None:
    case = {"model": "logistic_regression", "learning_rate": rate}
    asked, walked = make(way, dots, **case), make(way, dots, **case)
    order = np.array(next(make(way, dots, **case).batches.orders))
    X, worse = floats(dots.train.features), 0
    for start in range(0, len(order), 8):
        rows = order[start : start + 8]
        batch = X[rows], dots.train.labels[rows]
        before = softmax_loss(walked.parameters(), *batch)
        walked.advance(1)
        worse += softmax_loss(walked.parameters(), *batch) > before
    share = worse / len(asked.batches)
    assert measured(asked, "overshooting") == share
    assert share == 0 if rate < 1 else share > 0


@ways
def test_updates_of_an_epoch(way: str, dots: Dataset) -> None:
    assert measured(make(way, dots), "updates_per_epoch") == 6  # 41 = 5 times 8, and 1


@ways
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_asking_changes_nothing(way: str, optimizer: str, dots: Dataset) -> None:
    case = {"momentum": 0.9, "dropout": 0.3, "optimizer": optimizer}
    asked, left_alone = make(way, dots, **case), make(way, dots, **case)
    for _ in range(2):
        asked.train_epoch()
        left_alone.train_epoch()
        before = asked.state()
        asked.measure([*OF_UPDATES, "validation_accuracy"])
        assert all(np.array_equal(before[name], array) for name, array in asked.state().items())
    asked.advance(9)
    left_alone.advance(9)
    for name, array in left_alone.parameters().items():
        np.testing.assert_array_equal(asked.parameters()[name], array)
