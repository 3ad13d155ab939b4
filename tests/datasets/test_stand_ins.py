"""Stand-ins: right shapes, the same every time, and models in their known order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw import datasets

NOWHERE = Path("no-such-folder")


@pytest.mark.parametrize("name", list(datasets.CATALOGUE))
def test_shapes_types_and_sameness(name: str) -> None:
    entry = datasets.CATALOGUE[name]
    start = time.process_time()
    upstream, digest = datasets.entry(name).make_stand_in()
    assert time.process_time() - start < 2  # about 0.3 for the largest
    again, same = datasets.entry(name).make_stand_in()
    assert digest == same
    assert set(upstream) == set(entry.counts)
    for split, (features, labels) in upstream.items():
        assert features.shape == (len(labels), entry.width)
        assert len(labels) <= entry.counts[split]
        np.testing.assert_array_equal(features, again[split][0])
        if entry.n_classes:
            assert features.dtype == np.uint8
            assert labels.dtype == np.int64
            assert set(labels) == set(range(entry.n_classes))
            assert features.std() > 20
        else:
            assert features.dtype == labels.dtype == np.float64
    rows = np.concatenate([features for features, _ in upstream.values()])
    assert len(np.unique(rows, axis=0)) == len(rows)  # no test example is a training example


@pytest.mark.parametrize(
    ("name", "view"),
    [(entry.name, view) for entry in datasets.CATALOGUE.values() for view in entry.views],
)
def test_views_work_in_proportion(name: str, view: str) -> None:
    data = datasets.load(name, view, NOWHERE)
    assert data.source == data.provenance == "stand-in"
    assert data.describe()["source"] == "stand-in"
    sizes = {split: len(part) for split, part in data.splits.items()}
    assert min(sizes.values()) >= 200
    assert sizes["train"] == max(sizes.values())
    assert data.n_features == datasets.CATALOGUE[name].width
    if view == "e1394-scratch":
        assert sizes == {"train": 800, "validation": 200}
    if view == "e1394-torch":
        assert sizes == {"train": 1000, "validation": 1000}
    if view == "ist2023":
        assert sizes["test"] == 529


def test_octmnist_is_unbalanced_as_the_real_one() -> None:
    upstream, _ = datasets.entry("octmnist").make_stand_in()
    shares = np.bincount(upstream["train"][1]) / len(upstream["train"][1])
    np.testing.assert_allclose(shares, [0.344, 0.105, 0.079, 0.472], atol=0.03)
    assert np.bincount(upstream["test"][1]).tolist() == [250] * 4


def test_images_are_smooth() -> None:
    """Neighbouring pixels agree far better than distant ones: figures show shapes, not dust."""
    for name in ("mnist", "intel-landscapes", "cifar-10"):
        entry = datasets.CATALOGUE[name]
        pictures = datasets.entry(name).make_stand_in()[0]["train"][0][:50].astype(float)
        pictures = pictures.reshape(50, *entry.image_shape)
        if name == "cifar-10":
            pictures = np.moveaxis(pictures, 1, -1)
        near = np.abs(np.diff(pictures, axis=1)).mean()
        far = np.abs(pictures[:, 12:] - pictures[:, :-12]).mean()
        assert near < far / 2


def test_ames_has_singular_normal_equations() -> None:
    upstream, _ = datasets.entry("ames").make_stand_in()
    X, y = upstream["train"]
    ones = np.hstack([X, np.ones((len(X), 1))])
    gram = ones.T @ ones
    eigenvalues = np.linalg.eigvalsh(gram)
    assert (eigenvalues < 1e-10 * eigenvalues[-1]).sum() > 50
    assert (X.std(axis=0) == 0).sum() >= 52
    assert 11 < y.mean() < 13
    assert 0.2 < y.std() < 0.6
    # Least squares explains most of the unseen prices, not all.
    w = np.linalg.solve(gram + 1e-6 * np.eye(len(gram)), ones.T @ y)
    X_test, y_test = upstream["test"]
    residual = y_test - np.hstack([X_test, np.ones((len(X_test), 1))]) @ w
    assert 0.05 < residual.std() < 0.75 * y_test.std()


# --- the order of the models, by plain loops of the IST protocol ---------------------------------


def linear(train: Any, K: int, epochs: int, perceptron: bool, lr: float = 0.001) -> list[Any]:
    """Weights (K, D + 1) after each epoch."""
    X, y = train
    rng = np.random.RandomState(42)
    W, eye, epochs_weights = np.zeros((K, X.shape[1])), np.eye(K), []
    for _ in range(epochs):
        for i in rng.permutation(len(X)):
            scores = W @ X[i]
            if perceptron:
                guess = scores.argmax()
                if guess != y[i]:
                    W[y[i]] += X[i]
                    W[guess] -= X[i]
            else:
                p = np.exp(scores - scores.max())
                W -= lr * np.outer(p / p.sum() - eye[y[i]], X[i])
        epochs_weights.append(W.copy())
    return epochs_weights


def mlp(train: Any, K: int, epochs: int, hidden: int = 40, lr: float = 0.001) -> tuple[Any, ...]:
    X, y = train[0].astype(np.float32), train[1]  # for speed; the order needs no more
    rng = np.random.RandomState(42)
    W1 = rng.normal(0.1, 0.1, (hidden, X.shape[1])).astype(np.float32)
    W2 = rng.normal(0.1, 0.1, (K, hidden)).astype(np.float32)
    b1, b2 = np.zeros(hidden, np.float32), np.zeros(K, np.float32)
    eye = np.eye(K, dtype=np.float32)
    for _ in range(epochs):
        for i in rng.permutation(len(X)):
            a = W1 @ X[i] + b1
            h = np.maximum(a, 0)
            z = W2 @ h + b2
            p = np.exp(z - z.max())
            d = p / p.sum() - eye[y[i]]
            back = (W2.T @ d) * (a > 0)
            W2 -= lr * np.outer(d, h)
            b2 -= lr * d
            b1 -= lr * back
            W1 -= np.outer(lr * back, X[i])
    return W1, b1, W2, b2


@pytest.mark.parametrize(
    ("name", "view", "epochs"), [("intel-landscapes", "ist2024", 8), ("octmnist", "ist2023", 20)]
)
def test_perceptron_trails_and_mlp_leads(name: str, view: str, epochs: int) -> None:
    data = datasets.load(name, view, NOWHERE)
    K = data.n_classes
    X, y = data.train.features.take(slice(None)), data.train.labels
    with_ones = np.hstack([X, np.ones((len(X), 1))])
    held_out = data.splits["validation"]
    X_val, y_val = held_out.features.take(slice(None)), held_out.labels
    val_ones = np.hstack([X_val, np.ones((len(X_val), 1))])

    def accuracy(scores: np.ndarray) -> float:
        return float((scores.argmax(axis=1) == y_val).mean())

    # The perceptron jumps from epoch to epoch; its mean over the last ones is what it can do.
    few = 6
    perceptron = np.mean(
        [accuracy(val_ones @ W.T) for W in linear((with_ones, y), K, few, True)[-3:]]
    )
    logistic = accuracy(val_ones @ linear((with_ones, y), K, few, False)[-1].T)
    W1, b1, W2, b2 = mlp((X, y), K, epochs)
    network = accuracy(np.maximum(X_val @ W1.T + b1, 0) @ W2.T + b2)
    chance = np.bincount(y_val).max() / len(y_val)
    assert perceptron + 0.03 < logistic < network - 0.1
    assert chance < logistic
    assert network < 0.99
