"""Error against the size of the training set, the size of the network, and the length of training.

Source: Hertie E1394, Problem set 1, 1.3 Overfitting. The problem asks for three sketches; here
each is an experiment, on a distribution whose error rates are known exactly.

    x uniform on [-3/2, 3/2]²,   P(y = 1 | x) = ρ + (1 - 2ρ) σ(6 (x₂ - sin 3x₁))

It is smooth, and no two examples are ever alike, as the problem demands. Labels are noisy: even
the best classifier errs at the rate E min(P, 1 - P), the *noise level*.

Conventions: R repetitions, N examples, H hidden units; z = v·tanh(Wx + b) + c, predicted class 1
where z > 0; trained on the mean binary cross-entropy of σ(z) by full-batch Adam, so that an epoch
is one step. The R networks of a curve are trained at once, as stacked arrays: W (R, 2, H),
b (R, 1, H), v (R, H, 1), c (R, 1, 1); X (R, N, 2), y (R, N, 1). Error is the share of wrong
classes. The test error is the expectation over labels at many points, which stands in for the
problem's infinite test set; sizes and stopping are chosen on validation examples, never on it.

Each repetition has data of its own, shared by all its sizes: smaller training sets are the first
examples of larger ones. Differences are thus compared within repetitions, and count as found
where their mean exceeds `ERRORS` of its standard errors.

Deviations from the handout: none. Its sketches have no numbers; "epoch 10" in its text is where
its sketched curve turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.errors import UsageError
from hw.nn.activations import sigmoid
from hw.nn.optimizers import Adam
from hw.questions.derivations.lab.statements import numbers, sole, titled
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

ERRORS = 2  # standard errors that a mean difference must exceed
STEEPNESS = 6  # how fast P(y = 1 | x) changes across the boundary
DRAWN_EPOCHS = 60  # at which the test error is taken, evenly spaced on a logarithmic axis


@dataclass(frozen=True)
class Settings:
    repetitions: int = setting(20, "training sets, each with networks of its own", low=2, high=1000)
    epochs: int = setting(1000, "steps of full-batch Adam", low=1, high=100_000)
    learning_rate: float = setting(0.02, "step size η of Adam", above=0, high=10)
    label_noise: float = setting(0.15, "ρ, the share of labels flipped", low=0, below=0.5)
    train_sizes: tuple[int, ...] = setting(
        (10, 20, 40, 80, 160, 320, 640, 1280), "training sets compared", low=2, high=100_000
    )
    hidden_size: int = setting(16, "H where training sets are compared", low=1, high=10_000)
    hidden_sizes: tuple[int, ...] = setting(
        (1, 2, 4, 8, 16, 32, 64), "networks compared", low=1, high=10_000
    )
    examples: int = setting(200, "N where networks or epochs are compared", low=2, high=100_000)
    long_hidden_size: int = setting(64, "H where epochs are compared", low=1, high=10_000)
    validation_examples: int = setting(200, "of each repetition", low=1, high=100_000)
    test_points: int = setting(2000, "points of the test error", low=1, high=1_000_000)
    seed: int = setting(0, "of all data and initial weights", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        for name in ("train_sizes", "hidden_sizes"):
            sizes = getattr(self, name)
            if len(sizes) < 2 or any(a >= b for a, b in pairwise(sizes)):
                raise UsageError(f"{name} must be two sizes or more, in rising order")


# The distribution


def probability(X: Array, noise: float) -> Array:
    """P(y = 1 | x) for X (..., 2)."""
    clean = sigmoid(STEEPNESS * (X[..., 1] - np.sin(3 * X[..., 0])))
    return noise + (1 - 2 * noise) * clean


@dataclass(frozen=True)
class Sample:
    """X (R, N, 2) and y (R, N, 1) in {0, 1}."""

    X: Array
    y: Array

    def first(self, n: int) -> Sample:
        return Sample(self.X[:, :n], self.y[:, :n])


class World:
    """All data of a run: what training sets are cut from, validation sets, and the test points."""

    def __init__(self, settings: Settings) -> None:
        # Streams of their own, so that a longer training set leaves the others as they are.
        streams = np.random.default_rng(settings.seed).spawn(4)
        self.noise = settings.label_noise
        largest = max(*settings.train_sizes, settings.examples)
        self.train = self._sample(streams[0], settings.repetitions, largest)
        self.validation = self._sample(
            streams[1], settings.repetitions, settings.validation_examples
        )
        self.points = streams[2].uniform(-1.5, 1.5, size=(settings.test_points, 2))
        self.chances = probability(self.points, self.noise)
        self.starts = streams[3]

    def _sample(self, rng: np.random.Generator, repetitions: int, n: int) -> Sample:
        # A repetition after the other: more of them leave the first as they are.
        drawn = [rng.uniform(size=(n, 3)) for _ in range(repetitions)]
        X = np.stack([3 * d[:, :2] - 1.5 for d in drawn])
        y = np.stack([d[:, 2] for d in drawn]) < probability(X, self.noise)
        return Sample(X, y[..., None].astype(float))

    @property
    def noise_level(self) -> float:
        """The lowest test error that any classifier can have."""
        return float(np.minimum(self.chances, 1 - self.chances).mean())

    def test_error(self, networks: Any) -> Array:
        """(R,): the expected share of wrong labels at the test points."""
        ones = networks.classes(self.points)
        return np.where(ones, 1 - self.chances, self.chances).mean(axis=1)

    def start(self, hidden: int, repetitions: int) -> dict[str, Array]:
        """Initial parameters: W, b ~ N(0, 1), v ~ N(0, 1/H), c = 0. The slopes of tanh then lie
        inside the square, in all directions."""
        rng = self.starts
        return {
            "W": rng.normal(size=(repetitions, 2, hidden)),
            "b": rng.normal(size=(repetitions, 1, hidden)),
            "v": rng.normal(size=(repetitions, hidden, 1)) / np.sqrt(hidden),
            "c": np.zeros((repetitions, 1, 1)),
        }


def error(networks: Any, sample: Sample) -> Array:
    """(R,): the share of examples of each network's own sample that it gets wrong."""
    return (networks.classes(sample.X) != (sample.y[..., 0] > 0.5)).mean(axis=1)


# NumPy


class NumPyNetworks:
    """R networks, gradients by hand."""

    def __init__(self, start: dict[str, Array], sample: Sample, learning_rate: float) -> None:
        self.arrays, self.sample = start, sample
        self.optimiser = Adam(start, learning_rate)
        self.transposed = np.ascontiguousarray(sample.X.swapaxes(1, 2))

    def _forward(self, X: Array) -> tuple[Array, Array]:
        p = self.arrays
        h = X @ p["W"]
        h += p["b"]
        np.tanh(h, out=h)
        return h, h @ p["v"] + p["c"]

    def gradients(self) -> dict[str, Array]:
        """Of each network's mean loss, in the shapes of the parameters."""
        X, y = self.sample.X, self.sample.y
        h, z = self._forward(X)
        g = (sigmoid(z) - y) / X.shape[1]  # (R, N, 1), in z
        found = {"v": h.swapaxes(1, 2) @ g, "c": g.sum(axis=1, keepdims=True)}
        h *= h
        np.subtract(1, h, out=h)  # tanh'
        h *= g
        h *= self.arrays["v"].swapaxes(1, 2)  # (R, N, H), in Wx + b
        return {**found, "W": self.transposed @ h, "b": h.sum(axis=1, keepdims=True)}

    def step(self) -> None:
        self.optimiser.step(self.gradients())

    def classes(self, X: Array) -> Array:
        """(R, N) booleans for X (N, 2) or (R, N, 2)."""
        return self._forward(X)[1][..., 0] > 0

    def parameters(self) -> dict[str, Array]:
        return self.arrays

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        for name, array in self.arrays.items():
            array[...] = parameters[name]


# PyTorch


class TorchNetworks:
    """The same networks as float64 tensors, gradients by autograd, Adam torch's own."""

    def __init__(self, start: dict[str, Array], sample: Sample, learning_rate: float) -> None:
        import torch

        self.torch = torch
        self.tensors = {n: torch.tensor(a, requires_grad=True) for n, a in start.items()}
        self.X, self.y = torch.from_numpy(sample.X), torch.from_numpy(sample.y)
        self.optimiser = torch.optim.Adam(self.tensors.values(), learning_rate)

    def _logits(self, X: Any) -> Any:
        p = self.tensors
        return self.torch.tanh(X @ p["W"] + p["b"]) @ p["v"] + p["c"]

    def step(self) -> None:
        self.optimiser.zero_grad()
        # Each network's own mean: their sum keeps their gradients apart.
        losses = self.torch.nn.functional.binary_cross_entropy_with_logits(
            self._logits(self.X), self.y, reduction="none"
        )
        losses.mean(dim=1).sum().backward()
        self.optimiser.step()

    def classes(self, X: Array) -> Array:
        with self.torch.no_grad():
            return (self._logits(self.torch.from_numpy(X))[..., 0] > 0).numpy()

    def parameters(self) -> dict[str, Array]:
        return {name: t.detach().numpy() for name, t in self.tensors.items()}

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        with self.torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(self.torch.from_numpy(parameters[name]))


# The three experiments. Errors are arrays (R,) a point of a curve: a curve is (points, R).

Networks = Callable[[dict[str, Array], Sample, float], Any]


def _trained(world: World, settings: Settings, networks: Networks, n: int, hidden: int) -> Any:
    model = networks(
        world.start(hidden, settings.repetitions), world.train.first(n), settings.learning_rate
    )
    for _ in range(settings.epochs):
        model.step()
    return model


def by_training_set(world: World, settings: Settings, networks: Networks) -> dict[str, Array]:
    """Curves ``train`` and ``test`` over the sizes of training sets."""
    train, test = [], []
    for n in settings.train_sizes:
        model = _trained(world, settings, networks, n, settings.hidden_size)
        train.append(error(model, world.train.first(n)))
        test.append(world.test_error(model))
    return {"train": np.array(train), "test": np.array(test)}


def by_network(world: World, settings: Settings, networks: Networks) -> dict[str, Array]:
    """Curves ``train``, ``validation`` and ``test`` over the sizes of networks."""
    curves: dict[str, list[Array]] = {"train": [], "validation": [], "test": []}
    for hidden in settings.hidden_sizes:
        model = _trained(world, settings, networks, settings.examples, hidden)
        curves["train"].append(error(model, world.train.first(settings.examples)))
        curves["validation"].append(error(model, world.validation))
        curves["test"].append(world.test_error(model))
    return {name: np.array(values) for name, values in curves.items()}


@dataclass(frozen=True)
class Long:
    """Training that goes on: curves over every epoch, the test error over some of them, the epoch
    (R,) with each repetition's lowest validation error, and the test error (R,) there."""

    train: Array
    validation: Array
    tested: list[int]
    test: Array
    stopped: Array
    stopped_test: Array


def by_epoch(world: World, settings: Settings, networks: Networks) -> Long:
    repetitions, epochs = settings.repetitions, settings.epochs
    sample = world.train.first(settings.examples)
    model = networks(
        world.start(settings.long_hidden_size, repetitions), sample, settings.learning_rate
    )
    tested = sorted({round(float(e)) for e in np.geomspace(1, epochs, DRAWN_EPOCHS)})
    train, validation, test = [], [], []
    lowest, stopped = np.full(repetitions, np.inf), np.zeros(repetitions, int)
    best = {name: p.copy() for name, p in model.parameters().items()}
    for epoch in range(1, epochs + 1):
        model.step()
        train.append(error(model, sample))
        validation.append(error(model, world.validation))
        if epoch in tested:
            test.append(world.test_error(model))
        better = validation[-1] < lowest
        if better.any():
            lowest[better], stopped[better] = validation[-1][better], epoch
            for name, p in model.parameters().items():
                best[name][better] = p[better]
    model.load_parameters(best)
    return Long(
        np.array(train),
        np.array(validation),
        tested,
        np.array(test),
        stopped,
        world.test_error(model),
    )


def exceeds(a: Array, b: Array) -> bool:
    """Whether a (R,) is above b (R,) on average, by more than `ERRORS` standard errors."""
    difference = a - b
    spread = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(difference.mean() > ERRORS * spread)


# The question


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The three experiments, and the document's statements on each. ``data`` is not used."""
    networks: Networks = TorchNetworks if backend == "torch" else NumPyNetworks
    world, outcome = World(settings), Outcome()
    outcome.metrics["noise_level"] = world.noise_level
    _judge_training_sets(outcome, world, settings, by_training_set(world, settings, networks))
    _judge_networks(outcome, world, settings, by_network(world, settings, networks))
    _judge_epochs(outcome, world, settings, by_epoch(world, settings, networks))
    return outcome


def _judge_training_sets(
    outcome: Outcome, world: World, settings: Settings, curves: dict[str, Array]
) -> None:
    sizes, train, test = settings.train_sizes, curves["train"], curves["test"]
    smallest, largest = sizes[0], sizes[-1]
    ends = f"{_mean(train[0])} with {smallest} examples, {_mean(train[-1])} with {largest}"
    outcome.check(
        "training_error_falls_with_more_data",
        "the training error falls as the training set grows",
        exceeds(train[0], train[-1]),
        f"training error {ends}; the noise level is {world.noise_level:.3f}",
    )
    outcome.check(
        "training_error_rises_to_the_noise",
        "the training error rises with the training set, from under the noise level towards it",
        exceeds(train[-1], train[0])
        and train[0].mean() < world.noise_level
        and _distance(train[-1], world) < _distance(train[0], world),
        f"training error {ends}; the noise level is {world.noise_level:.3f}",
    )
    outcome.check(
        "test_error_falls_with_more_data",
        "more training data lower the test error",
        exceeds(test[0], test[-1]),
        f"test error {_mean(test[0])} with {smallest} examples, {_mean(test[-1])} with {largest}",
    )
    rises = [(b.mean() - a.mean(), n) for (a, b), n in zip(pairwise(test), sizes[1:], strict=True)]
    most, at = max(rises)
    outcome.check(
        "more_data_leads_to_overfitting",
        "beyond some size of the training set, more data raise the test error",
        any(exceeds(b, a) for a, b in pairwise(test)),
        f"from one size to the next, test error changes by {most:+.3f} at most (to {at} examples); "
        f"by {_mean(test[-1] - test[0], '+.3f')} in all",
    )
    gaps = test - train
    outcome.check(
        "gap_closes_with_more_data",
        "the gap between test and training error, which is overfitting, closes as data are added",
        exceeds(gaps[0], gaps[-1]),
        f"gap {_mean(gaps[0])} with {smallest} examples, {_mean(gaps[-1])} with {largest}",
    )
    outcome.metrics["training_set"] = {
        f"{what}_error_{n}": float(row.mean())
        for what, curve in curves.items()
        for n, row in zip(sizes, curve, strict=True)
    }
    outcome.plots["training_set"] = {
        **_drawn(world, settings, sizes, curves),
        "about": f"{settings.hidden_size} hidden units",
    }


def _judge_networks(
    outcome: Outcome, world: World, settings: Settings, curves: dict[str, Array]
) -> None:
    sizes, train, test = settings.hidden_sizes, curves["train"], curves["test"]
    chosen = int(curves["validation"].mean(axis=1).argmin())
    outcome.check(
        "training_error_falls_with_complexity",
        "the training error falls as the network grows",
        exceeds(train[0], train[-1]),
        f"training error {_mean(train[0])} with {_units(sizes[0])}, "
        f"{_mean(train[-1])} with {_units(sizes[-1])}",
    )
    outcome.check(
        "test_error_falls_then_rises_with_complexity",
        "the test error falls at first as the network grows, and rises from some size on",
        exceeds(test[0], test[chosen]) and exceeds(test[-1], test[chosen]),
        f"test error {_mean(test[0])} with {_units(sizes[0])}, "
        f"{_mean(test[chosen])} with {_units(sizes[chosen])}, "
        f"{_mean(test[-1])} with {_units(sizes[-1])}",
    )
    least = int(test.mean(axis=1).argmin())
    outcome.check(
        "line_marks_the_size_that_the_data_support",
        "the size chosen on validation data lies inside the range, and no other size has a lower "
        "test error",
        0 < chosen < len(sizes) - 1 and not exceeds(test[chosen], test[least]),
        f"chosen: {_units(sizes[chosen])}; lowest test error: {_units(sizes[least])}, "
        f"{_mean(test[least])}",
    )
    outcome.metrics["chosen_hidden_size"] = sizes[chosen]
    outcome.metrics["network"] = {
        f"{what}_error_{hidden}": float(row.mean())
        for what, curve in curves.items()
        for hidden, row in zip(sizes, curve, strict=True)
    }
    outcome.plots["network"] = {
        **_drawn(world, settings, sizes, curves),
        "chosen": sizes[chosen],
        "about": f"{settings.examples} training examples",
    }


def _judge_epochs(outcome: Outcome, world: World, settings: Settings, long: Long) -> None:
    means = long.validation.mean(axis=1)
    turn = int(means.argmin())
    outcome.check(
        "training_error_falls_with_epochs",
        "the training error falls with more epochs",
        exceeds(long.train[0], long.train[-1]),
        f"training error {_mean(long.train[0])} after epoch 1, {_mean(long.train[-1])} after "
        f"epoch {settings.epochs}",
    )
    outcome.check(
        "validation_error_falls_then_rises_with_epochs",
        "the validation error falls at first and rises from some epoch on",
        exceeds(long.validation[0], long.validation[turn])
        and exceeds(long.validation[-1], long.validation[turn]),
        f"validation error {_mean(long.validation[0])} after epoch 1, {means[turn]:.3f} after "
        f"epoch {turn + 1}, {_mean(long.validation[-1])} after epoch {settings.epochs}",
    )
    outcome.check(
        "further_epochs_fit_the_noise",
        "where training goes on, it fits the noise: the training error falls under the noise level",
        exceeds(np.full(settings.repetitions, world.noise_level), long.train[-1]),
        f"training error {_mean(long.train[-1])} after epoch {settings.epochs}; the noise level is "
        f"{world.noise_level:.3f}",
    )
    outcome.check(
        "early_stopping_generalises_better",
        "stopping where the validation error is lowest gives a lower test error than going on",
        exceeds(long.test[-1], long.stopped_test),
        f"test error {_mean(long.stopped_test)} stopped (after epoch {np.median(long.stopped):g}, "
        f"the median), {_mean(long.test[-1])} after epoch {settings.epochs}",
    )
    outcome.metrics |= {
        "stopping_epoch": float(np.median(long.stopped)),
        "stopped_test_error": float(long.stopped_test.mean()),
        "final_test_error": float(long.test[-1].mean()),
        "final_train_error": float(long.train[-1].mean()),
    }
    rows = [epoch - 1 for epoch in long.tested]
    curves = {"train": long.train[rows], "validation": long.validation[rows], "test": long.test}
    low, middle, high = np.quantile(long.stopped, (0.25, 0.5, 0.75)).tolist()
    outcome.plots["epochs"] = {
        **_drawn(world, settings, long.tested, curves),
        "stopped": {"low": low, "middle": middle, "high": high},
        "about": f"{settings.long_hidden_size} hidden units, {settings.examples} training examples",
    }


def _mean(values: Array, form: str = ".3f") -> str:
    """The mean over repetitions with its standard error."""
    return f"{values.mean():{form}} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def _distance(errors: Array, world: World) -> float:
    return abs(float(errors.mean()) - world.noise_level)


def _units(hidden: int) -> str:
    return f"{hidden} hidden unit{'' if hidden == 1 else 's'}"


def _drawn(
    world: World, settings: Settings, x: Sequence[int], curves: Mapping[str, Array]
) -> dict[str, Any]:
    return {
        "x": list(x),
        "curves": {
            name: {
                "mean": numbers(curve.mean(axis=1)),
                "std": numbers(curve.std(axis=1, ddof=1)),
            }
            for name, curve in curves.items()
        },
        "noise_level": float(world.noise_level),
        "repetitions": settings.repetitions,
    }


# Figures

NAMES = {"train": "training error", "validation": "validation error", "test": "test error"}


def _draw(known: Mapping[str, Any], spec: Mapping[str, Any], x_label: str) -> tuple[Figure, Any]:
    """Means, and bands of one standard deviation, over a logarithmic axis; no error is below."""
    from hw.figures.style import COLOURS, new_figure

    figure, axes = new_figure(width=6.4, height=4.8)
    ax = axes[0][0]
    few = len(known["x"]) <= 20
    styles = {"train": ("-", "o"), "validation": (":", "s"), "test": ("--", "^")}
    for colour, (name, curve) in zip(COLOURS, known["curves"].items(), strict=False):
        mean, std = np.array(curve["mean"]), np.array(curve["std"])
        line, marker = styles[name]
        ax.plot(
            known["x"], mean, line, color=colour, marker=marker if few else "", ms=4,
            label=NAMES[name],
        )  # fmt: skip
        ax.fill_between(
            known["x"], np.maximum(mean - std, 0), mean + std, color=colour, alpha=0.15, lw=0
        )
    ax.axhline(
        known["noise_level"], color="#777777", lw=1, ls="-.",
        label="noise level: the least test error",
    )  # fmt: skip
    ax.set_xscale("log")
    if few:
        ax.set_xticks(known["x"], [str(x) for x in known["x"]])
        ax.minorticks_off()
    else:
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(bottom=0)
    ax.set_xlabel(x_label)
    ax.set_ylabel("error rate (share of wrong classes)")
    ax.set_title(
        f"{known['about']}; mean ± 1 standard deviation of {known['repetitions']} repetitions",
        fontsize=9,
    )
    return titled(figure, spec), ax


def _legend(figure: Figure, ax: Any) -> None:
    """Below the axes, where it hides nothing."""
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def draw_training_set(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Error over the size of the training set."""
    figure, ax = _draw(sole(outcomes).plots["training_set"], spec, "training examples")
    _legend(figure, ax)
    return figure


def draw_network(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Error over the size of the network, with the size that validation data choose."""
    known = sole(outcomes).plots["network"]
    figure, ax = _draw(known, spec, "hidden units")
    ax.axvline(known["chosen"], color="black", lw=1.2, label="chosen: lowest validation error")
    _legend(figure, ax)
    return figure


def draw_epochs(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Error over epochs, with the epoch of early stopping and how it varies."""
    known = sole(outcomes).plots["epochs"]
    figure, ax = _draw(known, spec, "epoch")
    stopped = known["stopped"]
    ax.axvspan(stopped["low"], stopped["high"], color="black", alpha=0.08, lw=0)
    ax.axvline(
        stopped["middle"], color="black", lw=1.2,
        label="early stopping: median and middle half",
    )  # fmt: skip
    _legend(figure, ax)
    return figure


FIGURES = {"training_set": draw_training_set, "network": draw_network, "epochs": draw_epochs}
