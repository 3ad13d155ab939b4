"""Three witnesses: a plain loop over examples, NumPy, and PyTorch by hand and by autograd."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from support import CommandLine, floats, make_dataset

from hw.datasets.features import Dataset
from hw.errors import UsageError
from hw.questions.models.linear_classifier import Settings, draw_weights, learner
from hw.results.outcome import Outcome
from hw.training.loop import fit

MODELS = {
    "perceptron": Settings(model="perceptron"),
    "plain": Settings(learning_rate=0.1),
    "l2": Settings(learning_rate=0.1, l2_penalty=0.05),
    "l1": Settings(learning_rate=0.1, l1_penalty=0.05),
    "l1, every 3": Settings(learning_rate=0.1, l1_penalty=0.05, proximal_every=3),
    "l1, every epoch": Settings(learning_rate=0.1, l1_penalty=0.01, proximal_every=0),
}
models = pytest.mark.parametrize("s", MODELS.values(), ids=MODELS)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max())
    return e / e.sum()


def shrink(W: np.ndarray, threshold: float) -> np.ndarray:
    return np.sign(W) * np.maximum(np.abs(W) - threshold, 0)


def plain_loop(s: Settings, data: Dataset, epochs: int) -> tuple[np.ndarray, list[float]]:
    """W and the mean loss of each epoch, one example at a time, from the handout."""
    X = np.column_stack([floats(data.train.features), np.ones(len(data.train))])
    labels = data.train.labels
    W, losses = np.zeros((data.n_classes, X.shape[1])), []
    np.random.seed(s.seed)
    for _ in range(epochs):
        order = np.random.permutation(len(X))
        X, labels = X[order], labels[order]  # the scripts shuffle the data themselves
        epoch = []
        for i, (x, y) in enumerate(zip(X, labels, strict=True), start=1):
            if s.model == "perceptron":
                guess = int(np.argmax(W @ x))
                if guess != y:
                    W[y] += x
                    W[guess] -= x
                continue
            p = softmax(W @ x)
            epoch.append(-np.log(p[y]))
            p[y] -= 1
            W = W - s.learning_rate * (np.outer(p, x) + s.l2_penalty * W)
            period = s.proximal_every or len(X)
            if s.l1_penalty and (i % period == 0 or i == len(X)):
                since = i - (i - 1) // period * period
                W = shrink(W, since * s.learning_rate * s.l1_penalty)
        losses.append(float(np.mean(epoch)) if epoch else float("nan"))
    return W, losses


def whole(parameters: dict[str, np.ndarray]) -> np.ndarray:
    return np.column_stack([parameters["0.weight"], parameters["0.bias"]])


def close(mine: Any, theirs: Any) -> None:
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, equal_nan=False)


@models
@pytest.mark.parametrize(
    ("backend", "step"), [("numpy", "direct"), ("torch", "direct"), ("torch", "autograd")]
)
def test_equal_to_a_plain_loop_over_two_epochs(
    s: Settings, backend: str, step: str, dots: Dataset
) -> None:
    model = learner(replace(s, step=step), dots, backend)
    rows = [model.train_epoch() for _ in range(2)]
    W, losses = plain_loop(s, dots, 2)
    close(whole(model.parameters()), W)
    assert np.abs(W).max() > 0.01
    if s.model == "perceptron":
        assert rows == [{}, {}]
    else:
        close([row["train_loss"] for row in rows], losses)
        assert losses[1] < losses[0]


@models
@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_numpy_and_torch_agree_update_by_update(s: Settings, step: str, dots: Dataset) -> None:
    numpy = learner(s, dots, "numpy")
    torch = learner(Settings(**{**vars(s), "step": step}), dots, "torch")
    assert type(numpy) is not type(torch)
    for _ in range(10):
        mine, theirs = numpy.advance(1), torch.advance(1)
        assert (mine is None) == (theirs is None) == (s.model == "perceptron")
        if mine is not None:
            close(mine, theirs)
        found, expected = numpy.parameters(), torch.parameters()
        assert list(found) == list(expected) == ["0.weight", "0.bias"]
        for name in found:
            close(found[name], expected[name])
    assert any(p.any() for p in numpy.parameters().values())


def test_updates_do_not_depend_on_how_they_are_counted(dots: Dataset) -> None:
    s = MODELS["l1, every 3"]
    at_once, one_by_one = learner(s, dots, "numpy"), learner(s, dots, "numpy")
    at_once.advance(50)  # over the end of the first epoch
    for _ in range(50):
        one_by_one.advance(1)
    close(whole(at_once.parameters()), whole(one_by_one.parameters()))


@models
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_metrics_are_those_of_the_parameters(s: Settings, backend: str, dots: Dataset) -> None:
    model = learner(s, dots, backend)
    model.train_epoch()
    W = whole(model.parameters())
    names = ["train_accuracy", "validation_accuracy", "test_accuracy", "test_loss"]
    found = model.measure([*names, "weight_norm", "zero_share"])
    for name, split in dots.splits.items():
        scores = floats(split.features) @ W[:, :-1].T + W[:, -1]
        assert found[f"{name}_accuracy"] == np.mean(scores.argmax(1) == split.labels)
    log_p = [np.log(softmax(z))[y] for z, y in zip(scores, split.labels, strict=True)]
    close(found["test_loss"], -np.mean(log_p))
    close(found["weight_norm"], np.sqrt((W**2).sum()))
    assert found["zero_share"] == np.mean(W == 0)
    assert (found["zero_share"] > 0) == bool(s.l1_penalty) or s.model == "perceptron"


def test_of_equal_scores_the_lowest_class_wins() -> None:
    data = make_dataset(n=1)
    for backend in ("numpy", "torch"):
        model = learner(MODELS["perceptron"], data, backend)
        assert model.measure(["train_accuracy"])["train_accuracy"] == (data.train.labels[0] == 0)
        model.train_epoch()
        changed = np.flatnonzero(whole(model.parameters()).any(axis=1))
        assert set(changed) == ({0, data.train.labels[0]} if data.train.labels[0] else set())


def test_the_seed_changes_the_order_only(dots: Dataset) -> None:
    runs = [learner(Settings(learning_rate=0.1, seed=seed), dots, "numpy") for seed in (1, 2)]
    orders = [next(model.batches.orders) for model in runs]
    assert not np.array_equal(*orders)
    assert sorted(orders[0]) == sorted(orders[1])


def test_penalties_that_do_not_go_together() -> None:
    with pytest.raises(UsageError, match="one of them must be 0"):
        Settings(l1_penalty=1.0, l2_penalty=1.0)
    with pytest.raises(UsageError, match="perceptron"):
        Settings(model="perceptron", l2_penalty=1.0)


def test_a_gpu_is_refused(dots: Dataset) -> None:
    with pytest.raises(UsageError, match="GPU"):
        learner(Settings(), dots, "torch", "cuda")


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_pictures_of_the_weights(backend: str, dots: Dataset) -> None:
    outcome = fit(learner(MODELS["l1"], dots, backend), 1, (), (), plots={"weights"})
    picture = outcome.plots["weights"]
    levels = np.array(picture["levels"])
    assert levels.shape == (4, 7)
    assert np.abs(levels).max() == 127
    W = learner(MODELS["l1"], dots, backend)
    W.train_epoch()
    np.testing.assert_array_equal(levels == 0, W.parameters()["0.weight"] == 0)
    figure = draw_weights({"l1": outcome, "none": Outcome()}, {"name": "weights"})
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["perceptron", "logistic_regression", "l1_sparsity"])
def test_end_to_end(hw: CommandLine, name: str, backend: str) -> None:
    answer = hw("run", f"q1.{name}", "--epochs", 1, "--backend", backend, "--json")
    assert answer.code == 0
    for metrics in answer.json["runs"][0]["metrics"].values():
        assert {"train_accuracy", "validation_accuracy", "test_accuracy"} <= set(metrics)
        assert all(0 <= v <= 1 for k, v in metrics.items() if k.endswith("accuracy"))
        assert all(np.isfinite(v) for v in metrics.values())


def test_orders_compose(dots: Dataset) -> None:
    first, second = islice(learner(Settings(), dots, "numpy").batches.orders, 2)
    random = np.random.RandomState(42)
    a, b = random.permutation(41), random.permutation(41)
    np.testing.assert_array_equal(first, a)
    np.testing.assert_array_equal(second, a[b])
