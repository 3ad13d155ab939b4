"""Three witnesses: a plain loop over examples, NumPy, and PyTorch by hand and by autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import CommandLine, floats

from hw.datasets.features import Dataset
from hw.questions.models.mlp import Settings, learner

NAMES = ["0.weight", "0.bias", "1.weight", "1.bias"]
ACTIVATIONS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "identity": (lambda z: z, np.ones_like),
}
activations = pytest.mark.parametrize("activation", ACTIVATIONS)


def settings(activation: str, **more: Any) -> Settings:
    return Settings(hidden_size=6, learning_rate=0.05, activation=activation, **more)  # type: ignore[arg-type]


def plain_loop(s: Settings, data: Dataset, epochs: int) -> tuple[list[np.ndarray], list[float]]:
    """Parameters and the mean loss of each epoch, one example at a time, from the handout."""
    np.random.seed(s.seed)
    W1 = np.random.normal(0.1, 0.1, (s.hidden_size, data.n_features))
    W2 = np.random.normal(0.1, 0.1, (data.n_classes, s.hidden_size))
    b1, b2 = np.zeros(s.hidden_size), np.zeros(data.n_classes)
    X, labels, losses = floats(data.train.features), data.train.labels, []
    g, slope = ACTIVATIONS[s.activation]
    for _ in range(epochs):
        order = np.random.permutation(len(X))
        X, labels = X[order], labels[order]
        epoch = []
        for x, y in zip(X, labels, strict=True):
            z1 = W1 @ x + b1
            h = g(z1)
            z2 = W2 @ h + b2
            p = np.exp(z2 - z2.max())
            p /= p.sum()
            epoch.append(-np.log(p[y]))
            d2 = p.copy()
            d2[y] -= 1
            d1 = (W2.T @ d2) * slope(z1)
            W2 = W2 - s.learning_rate * np.outer(d2, h)
            b2 = b2 - s.learning_rate * d2
            W1 = W1 - s.learning_rate * np.outer(d1, x)
            b1 = b1 - s.learning_rate * d1
        losses.append(float(np.mean(epoch)))
    return [W1, b1, W2, b2], losses


@pytest.mark.parametrize(
    ("backend", "step"), [("numpy", "autograd"), ("torch", "autograd"), ("torch", "direct")]
)
@activations
def test_loss_after_the_epoch(activation: str, backend: str, step: str, dots: Dataset) -> None:
    """Of all training examples at the weights that the epoch ends with, beside the mean over it."""
    s = settings(activation, step=step)
    (W1, b1, W2, b2), losses = plain_loop(s, dots, 2)
    z = ACTIVATIONS[activation][0](floats(dots.train.features) @ W1.T + b1) @ W2.T + b2
    rows = np.arange(len(z))
    expected = np.mean(np.logaddexp.reduce(z, 1) - z[rows, dots.train.labels])
    model = learner(s, dots, backend)
    model.train_epoch()
    close(model.train_epoch()["train_loss"], losses[-1])
    close(model.measure(["train_loss_measured"])["train_loss_measured"], expected)
    assert abs(expected - losses[-1]) > 1e-3


def close(mine: Any, theirs: Any) -> None:
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, equal_nan=False)


@activations
@pytest.mark.parametrize(
    ("backend", "step"), [("numpy", "direct"), ("torch", "direct"), ("torch", "autograd")]
)
def test_equal_to_a_plain_loop_over_two_epochs(
    activation: str, backend: str, step: str, dots: Dataset
) -> None:
    s = settings(activation, step=step)
    model = learner(s, dots, backend)
    losses = [model.train_epoch()["train_loss"] for _ in range(2)]
    expected, expected_losses = plain_loop(s, dots, 2)
    close(losses, expected_losses)
    found = model.parameters()
    assert list(found) == NAMES
    for name, theirs in zip(NAMES, expected, strict=True):
        close(found[name], theirs)
    assert losses[1] < losses[0]


@activations
@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_numpy_and_torch_agree_update_by_update(activation: str, step: str, dots: Dataset) -> None:
    numpy = learner(settings(activation), dots, "numpy")
    torch = learner(settings(activation, step=step), dots, "torch")
    start = {name: p.copy() for name, p in numpy.parameters().items()}
    for _ in range(10):
        numpy.advance(1)
        torch.advance(1)
        found, expected = numpy.parameters(), torch.parameters()
        assert list(found) == list(expected) == NAMES
        for name in NAMES:
            close(found[name], expected[name])
    assert all(np.abs(found[name] - start[name]).max() > 1e-6 for name in NAMES)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_metrics_are_those_of_the_parameters(backend: str, dots: Dataset) -> None:
    model = learner(settings("relu"), dots, backend)
    model.train_epoch()
    W1, b1, W2, b2 = (model.parameters()[name] for name in NAMES)
    found = model.measure(["validation_accuracy", "test_accuracy", "test_loss"])
    for name in ("validation", "test"):
        split = dots.splits[name]
        z = np.maximum(floats(split.features) @ W1.T + b1, 0) @ W2.T + b2
        assert found[f"{name}_accuracy"] == np.mean(z.argmax(1) == split.labels)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    close(found["test_loss"], -log_p[np.arange(len(z)), split.labels].mean())


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_end_to_end(hw: CommandLine, backend: str) -> None:
    words = ("--epochs", 2, "--backend", backend, "--hidden-size", 5, "--json")
    answer = hw("run", "q1.mlp", *words)
    assert answer.code == 0
    (metrics,) = answer.json["runs"][0]["metrics"].values()
    assert set(metrics) == {
        "train_loss", "train_accuracy", "validation_accuracy", "test_accuracy",
    }  # fmt: skip
    assert all(np.isfinite(v) for v in metrics.values())
