"""Against the assignments' own loop: nn modules, a DataLoader, autograd and torch.optim."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from support import CommandLine, floats, make_dataset
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hw.datasets.features import Dataset
from hw.questions.models.feedforward import Settings, learner

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
CASES: dict[str, dict[str, Any]] = {
    "logistic regression": {"model": "logistic_regression", "l2_decay": 0.01},
    "one layer": {"layers": 1},
    "two layers, tanh": {"layers": 2, "activation": "tanh"},
    "three layers": {"layers": 3, "l2_decay": 0.02},
    "momentum": {"momentum": 0.9},
    "momentum, decay": {"momentum": 0.5, "l2_decay": 0.05},
    "no dropout": {"dropout": 0.0},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
    "adam, decay": {"optimizer": "adam", "learning_rate": 0.01, "l2_decay": 0.1, "layers": 3},
    "global loader": {"loader": "global"},
    "running loss": {"loader": "global", "running_loss": True},
    "batch of all": {"batch_size": 1000},
    "batch of one": {"batch_size": 1},
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


class Dropout(nn.Module):
    """`nn.Dropout` as the scripts draw it, in float32, whatever the type of what it is given."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.drawn = nn.Dropout(p)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return h * self.drawn(torch.ones(h.shape))


def settings(case: dict[str, Any], **more: Any) -> Settings:
    small = {"hidden_size": 9, "batch_size": 8, "learning_rate": 0.1, "dropout": 0.3}
    return Settings(**{**small, **case, **more})


def assignments_loop(
    s: Settings, data: Dataset, epochs: int, updates: int = -1
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Parameters by name and the training loss of each epoch, as the scripts have them.

    updates: after how many to stop; -1: after all of them.
    """
    torch.manual_seed(s.seed)
    hidden = [] if s.model == "logistic_regression" else [s.hidden_size] * s.layers
    sizes = [data.n_features, *hidden, data.n_classes]
    linears = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    dtype = getattr(torch, s.dtype)
    layers: list[nn.Module] = []
    for linear in linears[:-1]:
        dropout = nn.Dropout if s.dtype == "float32" else Dropout
        layers += [linear, ACTIVATIONS[s.activation](), dropout(s.dropout)]
    model = nn.Sequential(*layers, linears[-1]).to(dtype)
    x = torch.from_numpy(floats(data.train.features)).to(dtype)
    generator = torch.Generator().manual_seed(s.seed) if s.loader == "own" else None
    train = TensorDataset(x, torch.from_numpy(data.train.labels))
    loader = DataLoader(train, batch_size=s.batch_size, shuffle=True, generator=generator)
    if s.optimizer == "adam":
        optimizer: Any = torch.optim.Adam(
            model.parameters(), s.learning_rate, weight_decay=s.l2_decay
        )
    else:
        optimizer = torch.optim.SGD(
            model.parameters(), s.learning_rate, momentum=s.momentum, weight_decay=s.l2_decay
        )
    losses, reported = [], []
    left = updates
    for _ in range(epochs):
        if not left:
            break
        losses = losses if s.running_loss else []
        for features, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(features), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            left -= 1
            if not left:
                break
        reported.append(float(np.mean(losses)))
    parameters = {}
    for i, linear in enumerate(linears):
        parameters[f"{i}.weight"] = linear.weight.detach().numpy()
        parameters[f"{i}.bias"] = linear.bias.detach().numpy()
    return parameters, reported


def close(mine: dict[str, np.ndarray], theirs: dict[str, np.ndarray], rtol: float = 1e-9) -> None:
    assert list(mine) == list(theirs)
    for name in mine:
        assert mine[name].dtype == theirs[name].dtype
        np.testing.assert_allclose(
            mine[name], theirs[name], rtol=rtol, atol=rtol / 100, equal_nan=False, err_msg=name
        )


@cases
@pytest.mark.parametrize("step", ["direct", "autograd", "numpy"])
def test_equal_to_the_assignments_loop_in_float64(
    case: dict[str, Any], step: str, dots: Dataset
) -> None:
    """Batches, dropout, losses and every parameter, over three epochs."""
    s = settings(case, dtype="float64", **({} if step == "numpy" else {"step": step}))
    model = learner(s, dots, "numpy" if step == "numpy" else "torch")
    start = {name: p.copy() for name, p in model.parameters().items()}
    losses = [model.train_epoch()["train_loss"] for _ in range(3)]
    parameters, expected = assignments_loop(s, dots, 3)
    np.testing.assert_allclose(losses, expected, rtol=1e-9, equal_nan=False)
    close(model.parameters(), parameters)
    assert all(np.abs(parameters[name] - start[name]).max() > 1e-5 for name in start)


@cases
@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_numpy_and_torch_agree_update_by_update(
    case: dict[str, Any], step: str, dots: Dataset
) -> None:
    s = settings(case, dtype="float64", step=step)
    numpy, torch_ = learner(s, dots, "numpy"), learner(s, dots, "torch")
    for _ in range(10):
        numpy.advance(1)
        torch_.advance(1)
        close(numpy.parameters(), torch_.parameters())


@cases
@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_equal_to_the_assignments_loop_in_float32(
    case: dict[str, Any], step: str, dots: Dataset
) -> None:
    s = settings(case, step=step)
    model = learner(s, dots, "torch")
    model.advance(5)
    # Five updates: rounding of float32 grows from update to update.
    parameters, _ = assignments_loop(s, dots, 5, updates=5)
    close(model.parameters(), parameters, rtol=1e-4)
    assert model.parameters()["0.weight"].dtype == np.float32


@cases
@pytest.mark.parametrize("way", ["numpy", "direct", "autograd"])
def test_measuring_is_without_dropout(case: dict[str, Any], way: str, dots: Dataset) -> None:
    s = settings(case, dtype="float64", **({} if way == "numpy" else {"step": way}))
    model = learner(s, dots, "numpy" if way == "numpy" else "torch")
    model.train_epoch()
    names = ["validation_accuracy", "validation_loss", "test_accuracy", "test_loss", "weight_norm"]
    found = model.measure(names)
    assert list(found) == names
    assert model.measure(names) == found
    p = model.parameters()
    z = floats(dots.splits["test"].features)
    depth = len(p) // 2
    for layer in range(depth):
        z = z @ p[f"{layer}.weight"].T + p[f"{layer}.bias"]
        if layer < depth - 1:
            z = np.tanh(z) if s.activation == "tanh" else np.maximum(z, 0)
    labels = dots.splits["test"].labels
    assert found["test_accuracy"] == np.mean(z.argmax(1) == labels)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    expected = -log_p[np.arange(len(z)), labels].mean()
    np.testing.assert_allclose(found["test_loss"], expected, rtol=1e-9)
    norm = np.sqrt(sum((array**2).sum() for array in p.values()))
    np.testing.assert_allclose(found["weight_norm"], norm, rtol=1e-9)


def test_the_last_batch_is_not_dropped() -> None:
    data = make_dataset(n=17)
    model = learner(settings({"batch_size": 8}), data, "torch")
    assert len(model.batches) == 3
    rows = [model.batches.next() for _ in range(3)]
    assert [len(r) for r in rows] == [8, 8, 1]
    assert sorted(np.concatenate(rows)) == list(range(17))


def test_the_seed_changes_everything_random(dots: Dataset) -> None:
    a, b = (learner(settings({}, seed=seed), dots, "torch").parameters() for seed in (1, 2))
    assert not any(np.array_equal(a[name], b[name]) for name in a)


ENDS = {
    "logistic_regression": {"overshooting"},
    "batch_size": {"updates_per_epoch"},
    "dropout": {"dropped_share"},
    "momentum": {"steady_step", "alternating_step", "update_cosine"},
}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", ENDS)
def test_end_to_end(hw: CommandLine, name: str, backend: str) -> None:
    answer = hw("run", f"q2.{name}", "--epochs", 1, "--backend", backend, "--json")
    assert answer.code == 0
    for metrics in answer.json["runs"][0]["metrics"].values():
        assert set(metrics) == ENDS[name] | {
            "train_loss", "validation_loss", "validation_accuracy", "test_accuracy", "test_loss",
        }  # fmt: skip
        assert all(np.isfinite(v) for v in metrics.values())
