"""IFT-6390's network against modules, autograd and torch.optim in float64."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from support import floats, make_dataset
from torch import nn

from hw.datasets.features import Dataset
from hw.errors import UsageError
from hw.questions.models.course_network import Settings, learner

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
}
WAYS = {
    "numpy": ("numpy", "direct"),
    "torch, direct": ("torch", "direct"),
    "torch, autograd": ("torch", "autograd"),
}
BATCH = 8


@pytest.fixture
def data() -> Dataset:
    return make_dataset(n=43, width=9)


def settings(**changed: Any) -> Settings:
    small = {"hidden_sizes": (7, 5), "batch_size": BATCH, "learning_rate": 0.2, "dtype": "float64"}
    return Settings(**{**small, **changed})


def drawn(s: Settings, sizes: list[int]) -> tuple[list[np.ndarray], np.random.RandomState]:
    """Weights (out, in) as the course's class draws them, in (in, out), and what draws the rest."""
    random = np.random.RandomState(s.seed)
    return [random.uniform(-1, 1, (a, b)).T / np.sqrt(a) for a, b in pairwise(sizes)], random


def course_loop(s: Settings, data: Dataset, epochs: int) -> nn.Sequential:
    """Batches in file order; dropout's masks from NumPy, one for each hidden layer of a batch."""
    sizes = [data.n_features, *s.hidden_sizes, data.n_classes]
    weights, random = drawn(s, sizes)
    layers: list[nn.Module] = []
    for weight in weights:
        linear = nn.Linear(*weight.T.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            linear.bias.zero_()
        layers += [linear, ACTIVATIONS[s.activation]()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), s.learning_rate)
    x = torch.from_numpy(floats(data.train.features))
    y = torch.from_numpy(data.train.labels)
    for _ in range(epochs):
        for start in range(0, len(x), BATCH):
            h = x[start : start + BATCH]
            for module in model:
                h = module(h)
                if s.dropout and not isinstance(module, nn.Linear):
                    kept = random.uniform(size=tuple(h.shape)) < 1 - s.dropout
                    h = h * torch.from_numpy(kept / (1 - s.dropout))
            optimizer.zero_grad()
            nn.functional.cross_entropy(h, y[start : start + BATCH]).backward()
            optimizer.step()
    return model


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("way", WAYS)
def test_equal_to_the_courses_loop(
    way: str, activation: str, dropout: float, data: Dataset
) -> None:
    backend, step = WAYS[way]
    s = settings(activation=activation, dropout=dropout, step=step, seed=3)
    model = course_loop(s, data, epochs=3)
    ours = learner(s, data, backend)
    for _ in range(3):
        ours.train_epoch()
    expected = [p.detach().numpy() for p in model.parameters()]
    for (name, found), value in zip(ours.parameters().items(), expected, strict=True):
        assert np.allclose(found, value, rtol=1e-11, atol=1e-12), name

    # Without dropout, and with the course's clipping of probabilities.
    for split in ("train", "validation"):
        x = torch.from_numpy(floats(data.splits[split].features))
        labels = data.splits[split].labels
        with torch.no_grad():
            h = model(x)
        p = np.clip(torch.softmax(h, 1).numpy(), 1e-6, 1 - 1e-6)
        found = ours.measure([f"{split}_loss", f"{split}_accuracy"])
        loss = -np.log(p[np.arange(len(labels)), labels]).mean()
        assert found[f"{split}_loss"] == pytest.approx(loss, rel=1e-11)
        assert found[f"{split}_accuracy"] == (p.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_clipped_losses_stay_finite_and_count_at_most_so_much(backend: str, data: Dataset) -> None:
    model = learner(settings(), data, backend)
    model.load_parameters({n: 1e3 * (v + 1) for n, v in model.parameters().items()})
    assert 0 <= model.measure(["train_loss"])["train_loss"] <= -np.log(1e-6) + 1e-9


def test_no_hidden_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one hidden layer"):
        Settings(hidden_sizes=())
