"""Bit for bit the program that a student writes from the handout: a Module, a DataLoader, an
optimizer, one thread. Its parameters and its printed losses after every epoch are the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from support import make_dataset
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hw.datasets.features import Dataset, Features
from hw.questions.models import digits_pytorch, feedforward
from hw.training import torch_network
from hw.training.torch_network import TorchNetwork

EPOCHS = 3
# 333 examples: no batch size below divides them. 40 features, 16 and more units: wide enough for
# the libraries' vectorised products.
N, WIDTH = 333, 40
CASES: dict[str, dict[str, Any]] = {
    "logistic regression": {"model": "logistic_regression"},
    "logistic regression, decay": {"model": "logistic_regression", "l2_decay": 0.01},
    "one layer": {},
    "two layers, tanh": {"layers": 2, "activation": "tanh", "dropout": 0.5},
    "four layers, decay": {"layers": 4, "l2_decay": 0.01, "hidden_size": 17},
    "momentum": {"momentum": 0.9, "learning_rate": 0.01},
    "momentum, decay": {"momentum": 0.5, "l2_decay": 0.01, "layers": 2},
    "adam": {"optimizer": "adam", "learning_rate": 0.005},
    "adam, decay": {"optimizer": "adam", "learning_rate": 0.005, "l2_decay": 0.05, "layers": 3},
    "no dropout": {"dropout": 0.0, "layers": 2},
    "global loader": {"loader": "global"},
    "running loss": {"loader": "global", "running_loss": True},
    "running loss, batch of one": {"loader": "global", "running_loss": True, "batch_size": 1},
    "batch of one": {"batch_size": 1, "momentum": 0.9, "learning_rate": 0.01},
    "batch of all": {"batch_size": 1000},
    "large batches": {"batch_size": 200, "hidden_size": 120, "layers": 2},
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset(n=N, width=WIDTH)


@dataclass
class Program:
    """What a plain program leaves: parameters, and a row of printed numbers for every epoch."""

    model: nn.Sequential
    rows: list[dict[str, float]] = field(default_factory=list)


def tensors(data: Dataset, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = data.splits[split].features
    assert pixels.table is not None
    x = torch.tensor((pixels.stored * pixels.table[1]).astype(np.float32))
    return x, torch.tensor(data.splits[split].labels)


def settings(case: dict[str, Any]) -> feedforward.Settings:
    small = {"hidden_size": 32, "layers": 1, "batch_size": 16, "learning_rate": 0.1}
    return feedforward.Settings(**{**small, **case})


def program_of_the_homeworks(s: feedforward.Settings, data: Dataset) -> Program:
    torch.manual_seed(s.seed)
    widths = [WIDTH, *[s.hidden_size] * (s.layers if s.model == "mlp" else 0)]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        activation = nn.ReLU() if s.activation == "relu" else nn.Tanh()
        layers += [nn.Linear(narrow, wide), activation, nn.Dropout(s.dropout)]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], data.n_classes))
    optimizer: torch.optim.Optimizer
    if s.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=s.learning_rate,
                                     weight_decay=s.l2_decay)  # fmt: skip
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=s.learning_rate, momentum=s.momentum,
                                    weight_decay=s.l2_decay)  # fmt: skip
    own = torch.Generator().manual_seed(s.seed) if s.loader == "own" else None
    loader = DataLoader(TensorDataset(*tensors(data, "train")), s.batch_size, shuffle=True,
                        generator=own)  # fmt: skip
    criterion = nn.CrossEntropyLoss()
    held_out, labels = tensors(data, "validation")
    done, losses = Program(model), []
    for _ in range(EPOCHS):
        losses = losses if s.running_loss else []
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            scores = model(held_out)
            right = int((scores.argmax(dim=1) == labels).sum())
            done.rows.append(
                {
                    "train_loss": torch.tensor(losses).mean().item(),
                    "validation_loss": criterion(scores, labels).item(),
                    "validation_accuracy": right / len(labels),
                }
            )
    return done


def program_of_digits(s: digits_pytorch.Settings, data: Dataset) -> Program:
    torch.manual_seed(s.seed)
    first, second = s.hidden_sizes
    model = nn.Sequential(
        nn.Linear(WIDTH, first), nn.Sigmoid(),
        nn.Linear(first, second), nn.Sigmoid(),
        nn.Linear(second, data.n_classes),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=s.learning_rate)
    criterion = nn.BCEWithLogitsLoss()
    loader = DataLoader(TensorDataset(*tensors(data, "train")), s.batch_size)
    held_out, labels = tensors(data, "validation")
    done = Program(model)
    for _ in range(EPOCHS):
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), nn.functional.one_hot(y, data.n_classes).float())
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            scores = model(held_out)
            targets = nn.functional.one_hot(labels, data.n_classes).float()
            right = int((scores.argmax(dim=1) == labels).sum())
            done.rows.append(
                {
                    "train_loss": torch.tensor(losses).mean().item(),
                    "validation_loss": criterion(scores, targets).item(),
                    "validation_accuracy": right / len(labels),
                }
            )
    return done


def hold(model: TorchNetwork, program: Program) -> None:
    """Every row equal, then every parameter, to the last bit."""
    for row in program.rows:
        found = model.train_epoch()
        assert found | model.measure([name for name in row if name not in found]) == row
    mine, theirs = list(model.model.parameters()), list(program.model.parameters())
    assert len(mine) == len(theirs)
    assert all(p.dtype == torch.float32 for p in mine)
    for p, q in zip(mine, theirs, strict=True):
        assert torch.equal(p, q)


def of_the_homeworks(s: feedforward.Settings, data: Dataset) -> TorchNetwork:
    made = feedforward.learner(s, data, "torch")
    assert type(made) is TorchNetwork, "autograd is the default"
    return made


@cases
def test_equal_to_the_last_bit(case: dict[str, Any], data: Dataset) -> None:
    s = settings(case)
    hold(of_the_homeworks(s, data), program_of_the_homeworks(s, data))


@cases
def test_a_resumed_run_is_equal_to_the_last_bit(case: dict[str, Any], data: Dataset) -> None:
    s = settings(case)
    program = program_of_the_homeworks(s, data)
    stopped = of_the_homeworks(s, data)
    for _ in range(2):
        stopped.train_epoch()
    resumed = of_the_homeworks(s, data)
    resumed.load_state(stopped.state())
    hold(resumed, Program(program.model, program.rows[2:]))


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_digits_are_equal_to_the_last_bit(batch_size: int, data: Dataset) -> None:
    s = digits_pytorch.Settings(hidden_sizes=(32, 20), batch_size=batch_size)
    made = digits_pytorch.learner(s, data, "torch")
    assert type(made) is TorchNetwork, "autograd is the default"
    hold(made, program_of_digits(s, data))


def test_two_networks_train_side_by_side(data: Dataset) -> None:
    s = settings({"loader": "global", "layers": 2})
    program = program_of_the_homeworks(s, data)
    one, other = of_the_homeworks(s, data), of_the_homeworks(s, data)
    torch.manual_seed(7)
    untouched = torch.get_rng_state()
    for _ in range(EPOCHS * len(one.batches)):
        one.advance(1)
        other.advance(1)
    assert torch.equal(torch.get_rng_state(), untouched)
    for p, q, r in zip(one.model.parameters(), other.model.parameters(),
                       program.model.parameters(), strict=True):  # fmt: skip
        assert torch.equal(p, r)
        assert torch.equal(q, r)


def test_denormal_numbers_are_kept_as_pytorch_keeps_them(data: Dataset) -> None:
    model = of_the_homeworks(settings({}), data)
    torch.set_flush_denormal(True)
    model.advance(1)
    assert float(torch.tensor(1e-39) * 0.5) > 0


def test_a_split_too_large_for_one_pass_has_the_same_loss(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = of_the_homeworks(settings({}), data)
    names = ["train_accuracy", "train_loss"]
    whole = model.measure(names)
    monkeypatch.setattr(torch_network, "LARGEST_PASS", 50 * WIDTH)
    parts = model.measure(names)
    assert parts["train_accuracy"] == whole["train_accuracy"]
    assert parts["train_loss"] == pytest.approx(whole["train_loss"], rel=1e-6)


@pytest.mark.parametrize("fault", ["another mask", "another order", "another rate", "no momentum"])
def test_a_planted_fault_is_found(
    fault: str, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = settings({"momentum": 0.9, "learning_rate": 0.01})
    program = program_of_the_homeworks(s, data)
    model = of_the_homeworks(s, data)
    if fault == "another mask":
        model.draws.mask((1, 1), 0.5)
    elif fault == "another order":
        next(model.batches.orders)
    elif fault == "another rate":
        model.optimizer.param_groups[0]["lr"] *= 1 + 1e-6
    else:
        model.optimizer.param_groups[0]["momentum"] = 0
    with pytest.raises(AssertionError):
        hold(model, program)


def test_features_that_are_floats(data: Dataset) -> None:
    """A file of floats, as the homeworks' own, is what bytes become."""
    splits = {
        name: type(split)(Features(split.features.take(slice(None))), split.labels)
        for name, split in data.splits.items()
    }
    floats = Dataset(**{**data.__dict__, "splits": splits})
    s = settings({"layers": 2})
    hold(of_the_homeworks(s, floats), program_of_the_homeworks(s, data))
