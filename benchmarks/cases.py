"""What ``hw bench`` measures: kinds of training at the homeworks' sizes, each done in several ways.

``ours``          what ``hw run`` does.
``plain``         the assignment's own loop: `benchmarks.plain`; `benchmarks.toolkit` for PyTorch.
``products``      the matrix products alone that ours cannot do without, on data already in place.
``scikit-learn``  its nearest model, where it has one and is installed: single examples, one epoch.

Conventions: N examples, D features, K classes. Images start as bytes, as they come from a file;
making them what a way's loop needs is part of its memory, not of its time. They are the stand-ins'
images, repeated: no time depends on the values of pixels but the perceptron's (on how often it
errs), and Adam's (on how many are zero, since gradients that stay zero make denormals).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import plain
from hw.datasets import entry
from hw.datasets.features import Dataset, Features, Split, pixels
from hw.nn import per_example
from hw.nn.evaluate import Evaluator, linear_scores, mlp_scores

Array = NDArray[Any]
Train = Callable[[], Any]  # one timing; returns the parameters that it leaves, or a count


@dataclass(frozen=True)
class Case:
    """A kind of training at one size.

    kind:     ``perceptron``, ``logistic``, ``proximal``, ``linear`` or ``mlp``, in NumPy and one
              example at a time; ``count linear`` or ``count mlp``, evaluation; ``torch``.
    data:     ``landscapes``, ``fashion`` or ``ames``.
    sizes:    input, hidden layers, output.
    examples: of one timing. population: N, of the real training set, for memory.
    bound:    what its time is made of.
    """

    name: str
    kind: str
    data: str
    sizes: tuple[int, ...]
    examples: int
    population: int
    bound: str = ""
    batch_size: int = 1
    optimizer: str = "sgd"
    dropout: float = 0.0
    learning_rate: float = 0.001
    penalty: float = 0.0

    @property
    def ways(self) -> tuple[str, ...]:
        counts = self.kind.startswith("count")
        products = () if counts or self.kind in ("perceptron", "proximal") else ("products",)
        known = () if counts or self.kind == "torch" else ("scikit-learn",)
        return ("ours", "plain", *products, *known)

    @property
    def what(self) -> str:
        """Its size and how it is trained, in a few words."""
        sizes = "-".join(map(str, self.sizes))
        if self.kind == "torch":
            return f"{sizes}, batch {self.batch_size}, {self.optimizer.upper()[:4]}"
        return f"{sizes}, {'evaluation' if self.kind.startswith('count') else 'one by one'}"


LANDSCAPES, FASHION, AMES = 12630, 50000, 1465
DEEP = (6912, 200, 200, 6)
CASES = {
    case.name: case
    for case in (
        Case(
            "perceptron-landscapes", "perceptron", "landscapes", (6912, 6), 1000, LANDSCAPES,
            "memory: the weights once for the scores, two rows of them for a mistake",
        ),
        Case(
            "perceptron-fashion", "perceptron", "fashion", (784, 10), 4000, FASHION,
            "calls of NumPy: one an example, two more for a mistake",
        ),
        Case(
            "logistic-landscapes", "logistic", "landscapes", (6912, 6), 1000, LANDSCAPES,
            "the products, W being too thin for them to be efficient; then the Gram matrix",
            penalty=0.01,
        ),
        Case(
            "logistic-fashion", "logistic", "fashion", (784, 10), 4000, FASHION,
            "the loop over examples: two calls of NumPy and a softmax",
            penalty=0.01,
        ),
        Case(
            "l1-landscapes", "proximal", "landscapes", (6912, 6), 500, LANDSCAPES,
            "memory: five passes over the weights an example; no block method for a threshold",
            penalty=0.01,
        ),
        Case(
            "linear-regression", "linear", "ames", (348, 1), AMES, AMES,
            "the loop over examples: one call of NumPy each",
        ),
        Case(
            "neural-regression", "mlp", "ames", (348, 150, 1), AMES, AMES,
            "half products, half the loop over hidden units",
            learning_rate=1e-5,
        ),
        Case(
            "mlp-landscapes", "mlp", "landscapes", (6912, 100, 6), 1000, LANDSCAPES,
            "the products, at the core's peak; the plain loop: 5.5 MB of weights, seven times",
        ),
        Case(
            "mlp-fashion", "mlp", "fashion", (784, 200, 10), 3000, FASHION,
            "two thirds products, one third the loop over hidden units",
        ),
        Case(
            "accuracy-linear-landscapes", "count linear", "landscapes", (6912, 6), 1000,
            LANDSCAPES, "the float32 product, and bytes to floats",
        ),
        Case(
            "accuracy-mlp-landscapes", "count mlp", "landscapes", (6912, 100, 6), 1000,
            LANDSCAPES, "the float32 product; close calls again in float64",
        ),
        Case(
            "accuracy-mlp-fashion", "count mlp", "fashion", (784, 200, 10), 4000, FASHION,
            "the float32 product; close calls again in float64",
        ),
        Case(
            "torch-logistic", "torch", "landscapes", (6912, 6), 1280, LANDSCAPES,
            "memory: bytes to floats, then two products with six columns",
            batch_size=32, penalty=0.01,
        ),
        Case(
            "torch-mlp-64", "torch", "landscapes", DEEP, 1280, LANDSCAPES,
            "the products; then bytes to floats",
            batch_size=64, dropout=0.3, learning_rate=0.002,
        ),
        Case(
            "torch-mlp-512", "torch", "landscapes", DEEP, 2048, LANDSCAPES,
            "the products; then bytes to floats",
            batch_size=512, dropout=0.3, learning_rate=0.002,
        ),
        Case(
            "torch-batch-1", "torch", "fashion", (784, 200, 10), 800, FASHION,
            "some twenty calls of torch, a microsecond or two each",
            dropout=0.3,
        ),
        Case(
            "torch-batch-1-adam", "torch", "fashion", (784, 200, 10), 800, FASHION,
            "memory: Adam reads and writes weights, gradients and two moments at every step",
            dropout=0.3, optimizer="adam",
        ),
    )
}  # fmt: skip


# Data


@dataclass(frozen=True)
class Examples:
    """As they come from a file: bytes (N, D), or float64 columns; labels or targets (N,)."""

    stored: Array
    labels: Array

    @property
    def features(self) -> Features:
        return pixels(self.stored, 256) if self.stored.dtype == np.uint8 else Features(self.stored)

    def floats(self, dtype: Any, ones: bool = False) -> Array:
        """(N, D) numbers, or (N, D+1) with a last column of ones, and nothing beside them."""
        n, width = self.stored.shape
        X = np.ones((n, width + ones), dtype)
        scale = 1 / 256 if self.stored.dtype == np.uint8 else 1.0
        np.multiply(self.stored, X.dtype.type(scale), out=X[:, :width])
        return X


def examples(case: Case, n: int) -> Examples:
    """``n`` examples of a case's kind and width."""
    stored, labels = _stand_in(case.data)
    rows = np.resize(np.random.default_rng(0).permutation(len(labels)), n)
    width = case.sizes[0]
    if width != stored.shape[1]:
        stored = stored[:, np.resize(np.arange(stored.shape[1]), width)]
    return Examples(stored[rows], labels[rows])


@lru_cache(maxsize=2)
def _stand_in(data: str) -> tuple[Array, Array]:
    name = {"landscapes": "intel-landscapes", "fashion": "fashion-mnist", "ames": "ames"}[data]
    upstream, _ = entry(name).make_stand_in()
    stored, labels = upstream["train"]
    if data == "fashion":  # half the pixels of the real ones are zero
        dark = int(np.median(stored))
        stored = np.maximum(stored, dark) - dark
    return stored, labels


# Ways


def prepare(case: Case, way: str, given: Examples, count: int | None = None) -> Train:
    """A training of ``count`` of the examples in one way, from what the file holds.

    The NumPy trainings start from the same weights each time, those of PyTorch go on.
    Raises `ImportError` where scikit-learn is not installed.
    """
    count = case.examples if count is None else count
    if case.kind == "torch":
        return _torch(case, way, given, count)
    if way == "scikit-learn":
        return _scikit_learn(case, given, count)
    if way == "products":
        return _products(case, given, count)
    if case.kind.startswith("count"):
        return _evaluation(case, way, given, count)
    return _epoch(case, way, given, count)


def _epoch(case: Case, way: str, given: Examples, count: int) -> Train:
    """An epoch of ours or of the plain loop, from the same start each time."""
    rate, penalty = case.learning_rate, case.penalty
    loss = "half_squared_error" if case.sizes[-1] == 1 else "cross_entropy"
    ways: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
        "perceptron": (per_example.perceptron_epoch, plain.plain_perceptron, ()),
        "logistic": (per_example.logistic_epoch, plain.plain_logistic, (rate, penalty)),
        "proximal": (per_example.proximal_epoch, plain.plain_proximal, (rate, penalty)),
        "linear": (per_example.linear_regression_epoch, plain.plain_linear_regression, (rate,)),
        "mlp": (per_example.mlp_epoch, plain.plain_mlp, (rate, "relu", loss)),
    }
    ours, theirs, options = ways[case.kind]
    start = _start(case)
    data: tuple[Any, ...]
    if way == "ours":
        epoch, data = ours, (given.features, given.labels, np.arange(count))
    else:
        X = given.floats(np.float64, ones=case.kind != "mlp")[:count]
        epoch, data = theirs, (X, given.labels[:count])

    def run() -> Any:
        parameters = deepcopy(start)
        epoch(parameters, *data, *options)
        return parameters

    return run


def _start(case: Case) -> Any:
    """The assignments' start: zeros, or a network's weights normal(0.1, 0.1) and biases zero."""
    D, K = case.sizes[0], case.sizes[-1]
    if case.kind != "mlp":
        return np.zeros(D + 1 if case.kind == "linear" else (K, D + 1))
    rng, H = np.random.default_rng(2), case.sizes[1]
    W1, W2 = rng.normal(0.1, 0.1, (H, D)), rng.normal(0.1, 0.1, (K, H))
    return {"W1": W1, "b1": np.zeros(H), "W2": W2, "b2": np.zeros(K)}


def _evaluation(case: Case, way: str, given: Examples, count: int) -> Train:
    """How many examples are predicted correctly, by a model after some training."""
    # How many verdicts are close depends on the weights.
    trained = replace(case, kind={"count mlp": "mlp", "count linear": "logistic"}[case.kind])
    model = _epoch(trained, "ours", given, min(300, len(given.labels)))()
    labels = given.labels[:count]
    if way == "ours":
        evaluator = Evaluator(given.features.select(slice(count)), labels)
        correct = evaluator.mlp_correct if case.kind == "count mlp" else evaluator.linear_correct
        return lambda: correct(model)
    X = given.floats(np.float64)[:count]
    scores: Callable[..., Array] = mlp_scores if case.kind == "count mlp" else linear_scores
    return lambda: int((scores(model, X).argmax(axis=1) == labels).sum())


def _products(case: Case, given: Examples, count: int) -> Train:
    """The three products of each block: X Wᵀ, the Gram matrix X Xᵀ, and stepsᵀ X."""
    outputs = case.sizes[1]
    B = min(count, per_example.default_block_size(outputs))
    rng = np.random.default_rng(1)
    X = Examples(given.stored[:B], given.labels[:B]).floats(np.float64, ones=True)
    W, steps = rng.normal(size=(outputs, X.shape[1])), rng.normal(size=(B, outputs))
    Z, gram, update = np.empty((B, outputs)), np.empty((B, B)), np.empty(W.shape)

    def run() -> None:
        for _ in range(-(-count // B)):
            np.dot(X, W.T, out=Z)
            np.dot(X, X.T, out=gram)
            np.dot(steps.T, X, out=update)

    return run


def _torch(case: Case, way: str, given: Examples, count: int) -> Train:
    import torch

    from benchmarks.toolkit import DataLoaderLoop
    from hw.training.network_spec import NetworkSpec
    from hw.training.random_draws import TorchDraws
    from hw.training.torch_direct import DirectNetwork

    spec = NetworkSpec(
        sizes=case.sizes,
        batch_size=case.batch_size,
        learning_rate=case.learning_rate,
        dropout=case.dropout,
        optimizer=case.optimizer,
        weight_decay=case.penalty,
    )
    updates = count // case.batch_size
    if way == "products":
        return _torch_products(case, updates)
    if way == "plain":
        loop = DataLoaderLoop(spec, given.floats(np.float32), given.labels)

        def plain_epoch() -> list[Array]:
            torch.set_flush_denormal(False)  # as torch has it by itself
            loop.advance(updates)
            return loop.parameters()

        return plain_epoch
    split = Split(given.features, given.labels)
    data = Dataset("bench", "stand-in", "stand-in", "", {"train": split}, case.sizes[-1])
    network = DirectNetwork(spec, data, TorchDraws(42, 42))

    def epoch() -> list[Array]:
        torch.set_flush_denormal(True)  # as `hw.runs.machine.set_threads` does
        network.advance(updates)
        return list(network.parameters().values())

    return epoch


def _torch_products(case: Case, updates: int) -> Train:
    """Each layer's products: forward, for its weights' gradient, and for the layer below."""
    import torch

    from hw.training.torch_products import add_product, affine

    B = case.batch_size
    widths = [torch.rand(B, width) for width in case.sizes]
    layers = []
    for h, g in pairwise(widths):
        W = torch.rand(g.shape[1], h.shape[1])
        layers.append((h, g, W, torch.empty_like(W)))

    def run() -> None:
        for _ in range(updates):
            for depth, (h, g, W, gradient) in enumerate(layers):
                affine(h, W)
                add_product(gradient, g, h, beta=0)
                if depth:
                    affine(g, W.T)

    return run


def _scikit_learn(case: Case, given: Examples, count: int) -> Train:
    """Its linear classifiers fit one class against the rest: K binary problems of the same size."""
    from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    X, y = given.floats(np.float64)[:count], given.labels[:count]
    once: dict[str, Any] = {"max_iter": 1, "tol": None, "shuffle": False}
    constant = {**once, "learning_rate": "constant", "eta0": case.learning_rate}
    network = {
        "hidden_layer_sizes": case.sizes[1:-1],
        "solver": "sgd",
        "batch_size": 1,
        "learning_rate_init": case.learning_rate,
        "momentum": 0,
        "alpha": 0,
        "max_iter": 1,
        "shuffle": False,
    }
    makers: dict[str, Callable[[], Any]] = {
        "perceptron": lambda: Perceptron(**once),
        "logistic": lambda: SGDClassifier(loss="log_loss", alpha=case.penalty, **constant),
        "proximal": lambda: SGDClassifier(
            loss="log_loss", penalty="l1", alpha=case.penalty, **constant
        ),
        "linear": lambda: SGDRegressor(penalty=None, **constant),
        "mlp": lambda: (MLPRegressor if case.sizes[-1] == 1 else MLPClassifier)(**network),
    }
    make = makers[case.kind]
    return lambda: make().fit(X, y)
