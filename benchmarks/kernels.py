"""Time and memory of the training kernels, as ratios against the plain loop.

Every kernel is measured three ways in one process, by turns, from the same weights and on the
same examples: ours; the assignment's own loop (`benchmarks.plain`); and the matrix products
alone, those that the block method cannot do without, on data already in place. Where
scikit-learn is installed and has the model, a fourth. Medians of the processor time, with one
BLAS thread: on an idle machine that is the time on the clock, and on a busy one it does not
count the waiting.

Conventions: times in microseconds an example; memory in bytes: the features as each way keeps
them, plus the peak that it allocates on top while it trains.

The examples are drawn, not read: no kernel's time depends on the values of the pixels, and the
perceptron's only on how often it errs, which a noisy linear teacher makes realistic.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks import plain
from hw.datasets.features import Features, pixels
from hw.nn import sequential
from hw.nn.evaluate import Evaluator, linear_scores, mlp_scores

Array = NDArray[Any]
Run = Callable[[], Any]

RATE = 0.001
PENALTY = 0.01


@dataclass(frozen=True)
class Kernel:
    """A kind of training at one size.

    kind:    ``perceptron``, ``logistic``, ``proximal``, ``linear``, ``mlp``, or one of the
             evaluations, ``count linear`` and ``count mlp``.
    width:   D. outputs: K. hidden: H, 0 without a hidden layer. n: examples of one timing.
    """

    name: str
    kind: str
    width: int
    outputs: int
    hidden: int = 0
    n: int = 1000


KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("perceptron-landscapes", "perceptron", 6912, 6),
        Kernel("perceptron-mnist", "perceptron", 784, 10, n=4000),
        Kernel("logistic-landscapes", "logistic", 6912, 6),
        Kernel("logistic-mnist", "logistic", 784, 10, n=4000),
        Kernel("l1-landscapes", "proximal", 6912, 6),
        Kernel("linear-ames", "linear", 348, 1, n=1465),
        Kernel("network-ames", "mlp", 348, 1, 150, n=1465),
        Kernel("mlp-landscapes", "mlp", 6912, 6, 100, n=2000),
        Kernel("mlp-mnist", "mlp", 784, 10, 200, n=4000),
        Kernel("accuracy-linear-landscapes", "count linear", 6912, 6),
        Kernel("accuracy-mlp-landscapes", "count mlp", 6912, 6, 100),
        Kernel("accuracy-mlp-mnist", "count mlp", 784, 10, 200, n=4000),
    )
}


@dataclass(frozen=True)
class Measurement:
    """Medians of one kernel, by way: ``ours``, ``plain``, ``products``, ``scikit-learn``.

    seconds: an example. memory: bytes, of ``ours`` and ``plain``.
    """

    kernel: Kernel
    seconds: dict[str, float]
    memory: dict[str, int]

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as long as ours each other way takes, and ours as the products."""
        ours = self.seconds["ours"]
        ratios = {f"{way}/ours": s / ours for way, s in self.seconds.items() if way != "ours"}
        if "products" in self.seconds:
            ratios["ours/products"] = 1 / ratios.pop("products/ours")
        ratios["memory plain/ours"] = self.memory["plain"] / self.memory["ours"]
        return ratios

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.kernel.name,
            "microseconds": {way: 1e6 * s for way, s in self.seconds.items()},
            "memory": self.memory,
            "ratios": self.ratios,
        }


def measure(kernel: Kernel, repeats: int = 5, scikit_learn: bool = False) -> Measurement:
    """Time every way ``repeats`` times by turns. scikit-learn's takes long: only on request."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn: one epoch does not converge
        ways, kept = prepare(kernel)
        if scikit_learn:
            ways |= _scikit_learn(kernel)
        times: dict[str, list[float]] = {way: [] for way in ways}
        for repeat in range(repeats + 1):
            for way, run in ways.items():
                start = time.process_time()
                run()
                if repeat:  # the first round warms up
                    times[way].append(time.process_time() - start)
        memory = {way: kept[way] + _peak(ways[way]) for way in kept}
    seconds = {way: statistics.median(t) / kernel.n for way, t in times.items()}
    return Measurement(kernel, seconds, memory)


def measure_all(names: Iterable[str] = KERNELS, repeats: int = 5) -> list[Measurement]:
    return [measure(KERNELS[name], repeats) for name in names]


def table(measurements: Iterable[Measurement]) -> str:
    """The measurements as a Markdown table."""
    ways = ("plain", "ours", "products")
    lines = [
        "| kernel | " + " | ".join(ways) + " | plain/ours | ours/products | memory plain/ours |",
        "|---|" + "---:|" * 6,
    ]
    for m in measurements:
        cells = [f"{1e6 * m.seconds[w]:.1f}" if w in m.seconds else "" for w in ways]
        for ratio in ("plain/ours", "ours/products", "memory plain/ours"):
            cells.append(f"{m.ratios[ratio]:.1f}" if ratio in m.ratios else "")
        lines.append(f"| {m.kernel.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def prepare(kernel: Kernel) -> tuple[dict[str, Run], dict[str, int]]:
    """The ways of running a kernel, each from fresh weights, and the bytes of their features."""
    features, X, targets = _examples(kernel)
    ours, plain_loop = _runs(kernel, features, X, targets)
    ways = {"ours": ours, "plain": plain_loop}
    if kernel.kind in ("logistic", "linear", "mlp"):
        ways["products"] = _products(kernel, X)
    return ways, {"ours": features.stored.nbytes, "plain": X.nbytes}


def _runs(kernel: Kernel, features: Features, X: Array, targets: Array) -> tuple[Run, Run]:
    order = np.arange(kernel.n)
    K, D, H = kernel.outputs, kernel.width, kernel.hidden
    bare = X[:, :D]  # without the column of ones
    if kernel.kind.startswith("count"):
        evaluator = Evaluator(features, targets)
        W, P = _trained(kernel, features, targets)
        if H:
            return (
                lambda: evaluator.mlp_correct(P),
                lambda: (mlp_scores(P, bare).argmax(axis=1) == targets).sum(),
            )
        return (
            lambda: evaluator.linear_correct(W),
            lambda: (linear_scores(W, bare).argmax(axis=1) == targets).sum(),
        )
    match kernel.kind:
        case "perceptron":
            return (
                lambda: sequential.perceptron_epoch(np.zeros((K, D + 1)), features, targets, order),
                lambda: plain.plain_perceptron(np.zeros((K, D + 1)), X, targets),
            )
        case "logistic":
            return (
                lambda: sequential.logistic_epoch(
                    np.zeros((K, D + 1)), features, targets, order, RATE, PENALTY
                ),
                lambda: plain.plain_logistic(np.zeros((K, D + 1)), X, targets, RATE, PENALTY),
            )
        case "proximal":
            return (
                lambda: sequential.proximal_epoch(
                    np.zeros((K, D + 1)), features, targets, order, RATE, PENALTY
                ),
                lambda: plain.plain_proximal(np.zeros((K, D + 1)), X, targets, RATE, PENALTY),
            )
        case "linear":
            return (
                lambda: sequential.linear_regression_epoch(
                    np.zeros(D + 1), features, targets, order, RATE
                ),
                lambda: plain.plain_linear_regression(np.zeros(D + 1), X, targets, RATE),
            )
        case "mlp":
            loss = "half_squared_error" if K == 1 else "cross_entropy"
            rate = 1e-6 if K == 1 else RATE
            start = _network(kernel)

            def fresh() -> dict[str, Array]:
                return {name: p.copy() for name, p in start.items()}

            return (
                lambda: sequential.mlp_epoch(fresh(), features, targets, order, rate, "relu", loss),
                lambda: plain.plain_mlp(fresh(), bare, targets, rate, "relu", loss),
            )
    raise ValueError(f"unknown kind of kernel {kernel.kind!r}")


def _products(kernel: Kernel, X: Array) -> Run:
    """The three products of each block: X Wᵀ, the Gram matrix X Xᵀ, and stepsᵀ X."""
    outputs = kernel.hidden or kernel.outputs
    B = min(kernel.n, sequential.default_block_size(outputs))
    rng = np.random.default_rng(1)
    W, steps, block = rng.normal(size=(outputs, X.shape[1])), rng.normal(size=(B, outputs)), X[:B]
    Z, gram, update = np.empty((B, outputs)), np.empty((B, B)), np.empty(W.shape)

    def run() -> None:
        for _ in range(kernel.n // B):
            np.dot(block, W.T, out=Z)
            np.dot(block, block.T, out=gram)
            np.dot(steps.T, block, out=update)

    return run


def _examples(kernel: Kernel) -> tuple[Features, Array, Array]:
    """Features, the same as (n, D+1) float64 with ones, and labels or targets."""
    rng = np.random.default_rng(0)
    n, D, K = kernel.n, kernel.width, kernel.outputs
    if K == 1:  # standardised columns and a price's logarithm, as Ames has them
        features = Features(rng.normal(size=(n, D)))
        X = np.column_stack([features.stored, np.ones(n)])
        return features, X, 12 + 0.4 * rng.normal(size=n)
    features = pixels(rng.integers(0, 256, (n, D), dtype=np.uint8), 256)
    X = np.column_stack([features.take(slice(None)), np.ones(n)])
    labels = (X[:, :D] @ rng.normal(0, 1, (D, K)) - 0.5).argmax(axis=1)
    noisy = rng.random(n) < 0.3
    return features, X, np.where(noisy, rng.integers(0, K, n), labels)


def _network(kernel: Kernel) -> dict[str, Array]:
    """The assignments' start: weights normal(0.1, 0.1), biases zero."""
    rng = np.random.default_rng(2)
    H, D, K = kernel.hidden, kernel.width, kernel.outputs
    W1, W2 = rng.normal(0.1, 0.1, (H, D)), rng.normal(0.1, 0.1, (K, H))
    return {"W1": W1, "b1": np.zeros(H), "W2": W2, "b2": np.zeros(K)}


def _trained(kernel: Kernel, features: Features, targets: Array) -> tuple[Array, dict[str, Array]]:
    """A model after an epoch: how many verdicts are close depends on the weights."""
    W, P = np.zeros((kernel.outputs, kernel.width + 1)), {}
    if kernel.hidden:
        P = _network(kernel)
        sequential.mlp_epoch(P, features, targets, np.arange(kernel.n), RATE)
    else:
        sequential.logistic_epoch(W, features, targets, np.arange(kernel.n), RATE, PENALTY)
    return W, P


def _scikit_learn(kernel: Kernel) -> dict[str, Run]:
    """scikit-learn's nearest model, one epoch of single examples; nothing if not installed.

    Its linear classifiers fit one class against the rest, K binary problems of the same size.
    """
    try:
        from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError:
        return {}
    _, X, targets = _examples(kernel)
    bare = X[:, : kernel.width]
    once = {"max_iter": 1, "tol": None, "shuffle": False}
    constant = {**once, "learning_rate": "constant", "eta0": RATE}
    network = {
        "hidden_layer_sizes": (kernel.hidden,),
        "solver": "sgd",
        "batch_size": 1,
        "learning_rate_init": RATE if kernel.outputs > 1 else 1e-6,
        "momentum": 0,
        "alpha": 0,
        "max_iter": 1,
        "shuffle": False,
    }
    makers: dict[str, Callable[[], Any]] = {
        "perceptron": lambda: Perceptron(**once),
        "logistic": lambda: SGDClassifier("log_loss", alpha=PENALTY, **constant),
        "proximal": lambda: SGDClassifier("log_loss", penalty="l1", alpha=PENALTY, **constant),
        "linear": lambda: SGDRegressor(penalty=None, **constant),
        "mlp": lambda: (MLPClassifier if kernel.outputs > 1 else MLPRegressor)(**network),
    }
    if kernel.kind not in makers:
        return {}
    return {"scikit-learn": lambda: makers[kernel.kind]().fit(bare, targets)}


def _peak(run: Run) -> int:
    """Bytes that ``run`` allocates at its peak, beyond what is there already."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
