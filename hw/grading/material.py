"""The examples that both sides see: a small problem, and a few examples at the assignment's size.

The small one is made for telling programs apart: few features, scaled to mean 0 and variance 1, so
that a ReLU unit is off for every second example; sizes that differ from each other, so that a shape
names an array; a large step. At the assignment's own size are found what only large numbers show,
such as an exp that overflows, and programs whose sizes are written into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw import datasets
from hw.datasets.features import Dataset
from hw.grading.assignment import Model
from hw.grading.references import Sizes

Array = NDArray[Any]

SMALL_FEATURES, SMALL_HIDDEN, SMALL_SECOND = 29, 17, 13
N_TRAIN, N_HELD = 140, 60
SEED = 42  # of the assignments


@dataclass(frozen=True)
class Material:
    """Examples of one size for one model.

    X, y:       to learn from, (N, D) and (N,); a linear model's last feature is one.
    held:       others, to predict.
    eta, l2:    η, and λ where a penalty is asked for.
    full:       whether this is the assignment's own size.
    activation: of the hidden layers, where a class offers several.
    """

    sizes: Sizes
    X: Array
    y: Array
    held: tuple[Array, Array]
    eta: float
    l2: float
    full: bool
    activation: str = "relu"


@lru_cache(maxsize=8)
def load(name: str, view: str, mode: str, directory: Path) -> Dataset:
    """The homework's data. Raises `DataError`."""
    return datasets.load(name, view, directory, mode)


def small(data: Dataset, model: Model) -> Material:
    """A few standardised features of a few examples, of which any ten have all classes."""
    X, y = _examples(data)
    spread = X.std(axis=0)
    usable = np.flatnonzero(spread > 0.1 * spread.max())
    columns = usable[np.linspace(0, len(usable) - 1, SMALL_FEATURES).astype(int)]
    X = (X[:, columns] - X[:, columns].mean(axis=0)) / spread[columns]
    # Weights have a mean of 0.1: an example that is dark throughout would turn every unit off.
    X -= X.mean(axis=1, keepdims=True)
    # A step that is large, after which a regression of numbers does not diverge, and which is no
    # round multiple of what students write into their programs; so with the penalty.
    eta = 0.037 if data.n_classes else 0.0017
    hidden = (model.hidden and SMALL_HIDDEN, model.second and SMALL_SECOND)
    return _material(data, X, y, eta, 0.083, hidden, full=False)


def full(data: Dataset, model: Model) -> Material:
    """Some examples as the assignment's own script sees them."""
    X, y = _examples(data)
    if data.source == "stand-in" and data.n_classes:
        # Its images are all about as bright; photographs and clothes are not.
        X *= np.random.default_rng(0).uniform(0.05, 1, (len(X), 1))
    return _material(data, X, y, model.learning_rate, 0.01, (model.hidden, model.second), full=True)


def _examples(data: Dataset) -> tuple[Array, Array]:
    n, held = _counts(data)
    rows = _in_turn(data.train.labels)[: n + held] if data.n_classes else np.arange(n + held)
    return data.train.features.take(rows), data.train.labels[rows]


def _counts(data: Dataset) -> tuple[int, int]:
    n = min(N_TRAIN, len(data.train) * 7 // 10)
    return n, min(N_HELD, len(data.train) - n)


def _material(
    data: Dataset,
    X: Array,
    y: Array,
    eta: float,
    l2: float,
    hidden: tuple[int, int],
    full: bool,
) -> Material:
    if not hidden[0]:  # the loader appends a one for a linear model
        X = np.column_stack([X, np.ones(len(X))])
    n, _ = _counts(data)
    sizes = Sizes(X.shape[1], data.n_classes or 1, *hidden)
    return Material(sizes, X[:n], y[:n], (X[n:], y[n:]), eta, l2, full)


def _in_turn(labels: Array) -> Array:
    """Rows in an order in which the classes take turns while they last, each turn shuffled."""
    turn = np.empty(len(labels), int)
    for k in np.unique(labels):
        rows = np.flatnonzero(labels == k)
        turn[rows] = np.arange(len(rows))
    shuffled = np.random.default_rng(0).random(len(labels))
    return np.lexsort((shuffled, turn))
