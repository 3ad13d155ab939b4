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

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.nn.activations import sigmoid
from hw.nn.optimizers import Adam
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.statements import Array, numbers
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

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


# The networks


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


def logits(w: World, p: Mapping[str, Any], X: Any) -> tuple[Any, Any]:
    """tanh(Wx + b), (R, N, H), and z, (R, N, 1), for X (N, 2) or (R, N, 2), in either library."""
    h = X @ p["W"]
    h += p["b"]
    # NumPy works in place, which autograd could not: a new array makes a step 1.6 times as long.
    h = np.tanh(h, out=h) if w.name == "numpy" else w.tanh(h)
    return h, h @ p["v"] + p["c"]


class Networks(ABC):
    """R networks with the parameters ``p`` in the library's arrays, and their training sets."""

    backend: str

    def __init__(self, start: dict[str, Array], sample: Sample, learning_rate: float) -> None:
        self.w = world(self.backend)
        self.sample = sample
        self.p = {name: self.w.array(a) for name, a in start.items()}

    @abstractmethod
    def step(self) -> None:
        """One step of Adam on every network's mean loss."""

    def classes(self, X: Array) -> Array:
        """(R, N) booleans for X (N, 2) or (R, N, 2)."""
        return np.asarray(as_numpy(logits(self.w, self.p, self.w.array(X))[1])[..., 0] > 0)

    def parameters(self) -> dict[str, Array]:
        """The parameters themselves as NumPy sees them: what is written there is theirs."""
        return {name: as_numpy(p) for name, p in self.p.items()}

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        for name, array in self.parameters().items():
            array[...] = parameters[name]


class NumPyNetworks(Networks):
    """Gradients by hand."""

    backend = "numpy"

    def __init__(self, start: dict[str, Array], sample: Sample, learning_rate: float) -> None:
        super().__init__(start, sample, learning_rate)
        self.optimiser = Adam(self.p, learning_rate)
        self.transposed = np.ascontiguousarray(sample.X.swapaxes(1, 2))

    def gradients(self) -> dict[str, Array]:
        """Of each network's mean loss, in the shapes of the parameters."""
        X, y = self.sample.X, self.sample.y
        h, z = logits(self.w, self.p, X)
        g = (sigmoid(z) - y) / X.shape[1]  # (R, N, 1), in z
        found = {"v": h.swapaxes(1, 2) @ g, "c": g.sum(axis=1, keepdims=True)}
        h *= h
        np.subtract(1, h, out=h)  # tanh'
        h *= g
        h *= self.p["v"].swapaxes(1, 2)  # (R, N, H), in Wx + b
        return {**found, "W": self.transposed @ h, "b": h.sum(axis=1, keepdims=True)}

    def step(self) -> None:
        self.optimiser.step(self.gradients())


class TorchNetworks(Networks):
    """Gradients by autograd, in float64, and Adam torch's own."""

    backend = "torch"

    def __init__(self, start: dict[str, Array], sample: Sample, learning_rate: float) -> None:
        super().__init__(start, sample, learning_rate)
        self.X, self.y = self.w.array(sample.X), self.w.array(sample.y)
        leaves = [p.requires_grad_() for p in self.p.values()]
        self.optimiser = self.w.optim.Adam(leaves, learning_rate)

    def step(self) -> None:
        self.optimiser.zero_grad()
        # Each network's own mean: their sum keeps their gradients apart.
        losses = self.w.nn.functional.binary_cross_entropy_with_logits(
            logits(self.w, self.p, self.X)[1], self.y, reduction="none"
        )
        losses.mean(dim=1).sum().backward()
        self.optimiser.step()

    def classes(self, X: Array) -> Array:
        with self.w.no_grad():
            return super().classes(X)


# The three experiments. Errors are arrays (R,) a point of a curve: a curve is (points, R).

Curves = dict[str, Array]


def error(networks: Any, sample: Sample) -> Array:
    """(R,): the share of examples of each network's own sample that it gets wrong."""
    wrong = networks.classes(sample.X) != (sample.y[..., 0] > 0.5)
    return np.asarray(wrong.mean(axis=1))


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


class Experiment:
    """All data of a run, and the networks trained on them.

    Training sets are cut from ``train``; there are a validation set a repetition and test points.
    """

    def __init__(self, settings: Settings, kind: type[Networks] = NumPyNetworks) -> None:
        self.settings, self.kind = settings, kind
        # Streams of their own, so that a longer training set leaves the others as they are.
        train, validation, points, self.starts = np.random.default_rng(settings.seed).spawn(4)
        self.train = self._sample(train, max(*settings.train_sizes, settings.examples))
        self.validation = self._sample(validation, settings.validation_examples)
        self.points = points.uniform(-1.5, 1.5, size=(settings.test_points, 2))
        self.chances = probability(self.points, settings.label_noise)
        # The lowest test error that any classifier can have.
        self.noise_level = float(np.minimum(self.chances, 1 - self.chances).mean())

    def _sample(self, rng: np.random.Generator, n: int) -> Sample:
        # A repetition after the other: more of them leave the first as they are.
        drawn = [rng.uniform(size=(n, 3)) for _ in range(self.settings.repetitions)]
        X = np.stack([3 * d[:, :2] - 1.5 for d in drawn])
        y = np.stack([d[:, 2] for d in drawn]) < probability(X, self.settings.label_noise)
        return Sample(X, y[..., None].astype(float))

    def start(self, hidden: int) -> dict[str, Array]:
        """Initial parameters: W, b ~ N(0, 1), v ~ N(0, 1/H), c = 0. The slopes of tanh then lie
        inside the square, in all directions."""
        rng, repetitions = self.starts, self.settings.repetitions
        return {
            "W": rng.normal(size=(repetitions, 2, hidden)),
            "b": rng.normal(size=(repetitions, 1, hidden)),
            "v": rng.normal(size=(repetitions, hidden, 1)) / np.sqrt(hidden),
            "c": np.zeros((repetitions, 1, 1)),
        }

    def networks(self, n: int, hidden: int) -> Networks:
        """Untrained networks of ``hidden`` units and the first ``n`` examples."""
        return self.kind(self.start(hidden), self.train.first(n), self.settings.learning_rate)

    def test_error(self, networks: Any) -> Array:
        """(R,): the expected share of wrong labels at the test points."""
        ones = networks.classes(self.points)
        return np.asarray(np.where(ones, 1 - self.chances, self.chances).mean(axis=1))

    def by_size(self, sizes: Iterable[tuple[int, int]]) -> Curves:
        """Curves ``train``, ``validation`` and ``test`` over pairs of N and H."""
        curves: dict[str, list[Array]] = {"train": [], "validation": [], "test": []}
        for n, hidden in sizes:
            model = self.networks(n, hidden)
            for _ in range(self.settings.epochs):
                model.step()
            curves["train"].append(error(model, model.sample))
            curves["validation"].append(error(model, self.validation))
            curves["test"].append(self.test_error(model))
        return {name: np.array(values) for name, values in curves.items()}

    def by_epoch(self) -> Long:
        repetitions, epochs = self.settings.repetitions, self.settings.epochs
        model = self.networks(self.settings.examples, self.settings.long_hidden_size)
        tested = sorted({round(float(e)) for e in np.geomspace(1, epochs, DRAWN_EPOCHS)})
        train, validation, test = [], [], []
        lowest, stopped = np.full(repetitions, np.inf), np.zeros(repetitions, int)
        best = {name: p.copy() for name, p in model.parameters().items()}
        for epoch in range(1, epochs + 1):
            model.step()
            train.append(error(model, model.sample))
            validation.append(error(model, self.validation))
            if epoch in tested:
                test.append(self.test_error(model))
            better = validation[-1] < lowest
            lowest[better], stopped[better] = validation[-1][better], epoch
            for name, p in model.parameters().items():
                best[name][better] = p[better]
        model.load_parameters(best)
        curves = np.array(train), np.array(validation), tested, np.array(test)
        return Long(*curves, stopped, self.test_error(model))


def exceeds(a: Array, b: Array) -> bool:
    """Whether a (R,) is above b (R,) on average, by more than `ERRORS` standard errors."""
    difference = a - b
    spread = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(difference.mean() > ERRORS * spread)


# The question


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The three experiments, and the document's statements on each. ``data`` is not used."""
    lab = Lab(settings, backend)
    run = Experiment(settings, TorchNetworks if backend == "torch" else NumPyNetworks)
    lab.metrics["noise_level"] = run.noise_level
    curves = run.by_size((n, settings.hidden_size) for n in settings.train_sizes)
    del curves["validation"]
    _judge_training_sets(lab, run, curves)
    _judge_networks(lab, run, run.by_size((settings.examples, h) for h in settings.hidden_sizes))
    _judge_epochs(lab, run, run.by_epoch())
    return lab.outcome


STATEMENTS = {  # check: what the document says, or we in its place
    "training_error_falls_with_more_data": "the training error falls as the training set grows",
    "training_error_rises_to_the_noise": (
        "the training error rises with the training set, from under the noise level towards it"
    ),
    "test_error_falls_with_more_data": "more training data lower the test error",
    "more_data_leads_to_overfitting": (
        "beyond some size of the training set, more data raise the test error"
    ),
    "training_is_the_lower_line_by_data": (
        "the training error lies under the test error, and at no size of the training set above it"
    ),
    "gap_closes_with_more_data": (
        "the gap between test and training error, which is overfitting, closes as data are added"
    ),
    "training_is_the_lower_line_by_complexity": (
        "the training error lies under the test error, and at no size of the network above it"
    ),
    "training_error_falls_with_complexity": "the training error falls as the network grows",
    "test_error_falls_then_rises_with_complexity": (
        "the test error falls at first as the network grows, and rises from some size on"
    ),
    "line_marks_the_size_that_the_data_support": (
        "the size chosen on validation data lies inside the range, and no other size has a lower "
        "test error"
    ),
    "training_error_falls_with_epochs": "the training error falls with more epochs",
    "validation_error_falls_then_rises_with_epochs": (
        "the validation error falls at first and rises from some epoch on"
    ),
    "further_epochs_fit_the_noise": (
        "where training goes on, it fits the noise: the training error falls under the noise level"
    ),
    "lowest_validation_error_is_the_optimum": (
        "no other epoch has a lower test error than where the validation error turns"
    ),
    "early_stopping_generalises_better": (
        "stopping where the validation error is lowest gives a lower test error than going on"
    ),
}


class Judge:
    """Judges statements on curves, each point of which has a place: ``with 80 examples``."""

    def __init__(self, lab: Lab, places: Sequence[str]) -> None:
        self.lab, self.places = lab, places

    def check(self, name: str, holds: bool, evidence: str) -> None:
        self.lab.check(name, STATEMENTS[name], holds, evidence)

    def at(self, curve: Array, *points: int) -> str:
        return ", ".join(f"{_mean(curve[i])} {self.places[i]}" for i in points)

    def falls(self, name: str, what: str, curve: Array) -> None:
        """From the first point to the last."""
        self.check(name, exceeds(curve[0], curve[-1]), f"{what} error {self.at(curve, 0, -1)}")

    def lies_under(self, name: str, train: Array, test: Array) -> None:
        """The training error under the test error: on average, and at no point above it."""
        nearest = int((test - train).mean(axis=1).argmin())
        above = any(exceeds(a, b) for a, b in zip(train, test, strict=True))
        holds = not above and exceeds(test.mean(axis=0), train.mean(axis=0))
        gap = f"{_mean((test - train)[nearest])} {self.places[nearest]}"
        self.check(name, holds, f"test minus training error is least, {gap}")

    def turns(self, name: str, what: str, curve: Array, turn: int) -> None:
        """The curve falls from the first point to ``turn`` and rises from there to the last."""
        holds = exceeds(curve[0], curve[turn]) and exceeds(curve[-1], curve[turn])
        self.check(name, holds, f"{what} error {self.at(curve, 0, turn, -1)}")


def _judge_training_sets(lab: Lab, run: Experiment, curves: Curves) -> None:
    sizes, train, test = run.settings.train_sizes, curves["train"], curves["test"]
    judge, noise = Judge(lab, [f"with {n} examples" for n in sizes]), run.noise_level
    judge.falls("training_error_falls_with_more_data", "training", train)
    first, last = (abs(float(train[i].mean()) - noise) for i in (0, -1))
    judge.check(
        "training_error_rises_to_the_noise",
        exceeds(train[-1], train[0]) and bool(train[0].mean() < noise) and last < first,
        f"training error {judge.at(train, 0, -1)}; the noise level is {noise:.3f}",
    )
    judge.falls("test_error_falls_with_more_data", "test", test)
    rises = test[1:].mean(axis=1) - test[:-1].mean(axis=1)
    most, where = max(zip(rises, sizes[1:], strict=True))
    judge.check(
        "more_data_leads_to_overfitting",
        any(exceeds(b, a) for a, b in pairwise(test)),
        f"from one size to the next, test error changes by {most:+.3f} at most (to {where} "
        f"examples); by {_mean(test[-1] - test[0], '+.3f')} in all",
    )
    judge.lies_under("training_is_the_lower_line_by_data", train, test)
    judge.falls("gap_closes_with_more_data", "test minus training", test - train)
    lab.metrics["training_set"] = _means(sizes, curves)
    about = f"{run.settings.hidden_size} hidden units"
    lab.plots["training_set"] = _drawn(run, sizes, curves, about=about)


def _judge_networks(lab: Lab, run: Experiment, curves: Curves) -> None:
    sizes, test = run.settings.hidden_sizes, curves["test"]
    units = [f"{hidden} hidden unit{'' if hidden == 1 else 's'}" for hidden in sizes]
    judge = Judge(lab, [f"with {size}" for size in units])
    chosen, least = (int(curves[of].mean(axis=1).argmin()) for of in ("validation", "test"))
    judge.lies_under("training_is_the_lower_line_by_complexity", curves["train"], test)
    judge.falls("training_error_falls_with_complexity", "training", curves["train"])
    judge.turns("test_error_falls_then_rises_with_complexity", "test", test, chosen)
    judge.check(
        "line_marks_the_size_that_the_data_support",
        0 < chosen < len(sizes) - 1 and not exceeds(test[chosen], test[least]),
        f"chosen: {units[chosen]}; lowest test error: {judge.at(test, least)}",
    )
    lab.metrics["chosen_hidden_size"] = sizes[chosen]
    lab.metrics["network"] = _means(sizes, curves)
    about = f"{run.settings.examples} training examples"
    lab.plots["network"] = _drawn(run, sizes, curves, chosen=sizes[chosen], about=about)


def _judge_epochs(lab: Lab, run: Experiment, long: Long) -> None:
    settings, train, validation = run.settings, long.train, long.validation
    judge = Judge(lab, [f"after epoch {e}" for e in range(1, settings.epochs + 1)])
    turn = int(validation.mean(axis=1).argmin())
    judge.falls("training_error_falls_with_epochs", "training", train)
    judge.turns("validation_error_falls_then_rises_with_epochs", "validation", validation, turn)
    judge.check(
        "further_epochs_fit_the_noise",
        exceeds(np.full(settings.repetitions, run.noise_level), train[-1]),
        f"training error {judge.at(train, -1)}; the noise level is {run.noise_level:.3f}",
    )
    # The test error is known at the epochs that are drawn; the turn is compared at the nearest.
    near = min(range(len(long.tested)), key=lambda i: abs(long.tested[i] - 1 - turn))
    least = int(long.test.mean(axis=1).argmin())
    judge.check(
        "lowest_validation_error_is_the_optimum",
        not exceeds(long.test[near], long.test[least]),
        f"validation error is lowest at epoch {turn + 1}; test error "
        f"{_mean(long.test[near])} at epoch {long.tested[near]}, and at its lowest "
        f"{_mean(long.test[least])} at epoch {long.tested[least]}",
    )
    low, middle, high = np.quantile(long.stopped, (0.25, 0.5, 0.75)).tolist()
    judge.check(
        "early_stopping_generalises_better",
        exceeds(long.test[-1], long.stopped_test),
        f"test error {_mean(long.stopped_test)} stopped (after epoch {middle:g}, the median), "
        f"{judge.at(long.test, -1)}",
    )
    lab.metrics |= {
        "stopping_epoch": middle,
        "stopped_test_error": float(long.stopped_test.mean()),
        "final_test_error": float(long.test[-1].mean()),
        "final_train_error": float(train[-1].mean()),
    }
    rows = [epoch - 1 for epoch in long.tested]
    curves = {"train": train[rows], "validation": validation[rows], "test": long.test}
    stopped = {"low": low, "middle": middle, "high": high}
    about = f"{settings.long_hidden_size} hidden units, {settings.examples} training examples"
    lab.plots["epochs"] = _drawn(run, long.tested, curves, stopped=stopped, about=about)


def _mean(values: Array, form: str = ".3f") -> str:
    """The mean over repetitions with its standard error."""
    return f"{values.mean():{form}} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def _means(x: Sequence[int], curves: Curves) -> dict[str, float]:
    """The points of the curves by name, ``test_error_80``."""
    return {
        f"{what}_error_{size}": float(row.mean())
        for what, curve in curves.items()
        for size, row in zip(x, curve, strict=True)
    }


def _drawn(run: Experiment, x: Sequence[int], curves: Curves, **more: Any) -> dict[str, Any]:
    bands = {
        name: {"mean": numbers(curve.mean(axis=1)), "std": numbers(curve.std(axis=1, ddof=1))}
        for name, curve in curves.items()
    }
    known = {"noise_level": run.noise_level, "repetitions": run.settings.repetitions}
    return {"x": list(x), "curves": bands, **known, **more}


FIGURES = Figures()
SIZE = {"width": 6.4, "height": 4.8}
STYLES = {  # curve: its name, line and marker
    "train": ("training error", "-", "o"),
    "validation": ("validation error", ":", "s"),
    "test": ("test error", "--", "^"),
}


def _draw(
    ax: Any, known: Mapping[str, Any], x_label: str, mark: float | None = None, label: str = ""
) -> None:
    """Means, and bands of one standard deviation, over a logarithmic axis; no error is below.

    ``mark`` is where a vertical line is drawn and ``label`` its name.
    """
    from hw.figures.style import COLOURS

    x, few = known["x"], len(known["x"]) <= 20
    for colour, (name, curve) in zip(COLOURS, known["curves"].items(), strict=False):
        mean, std = np.array(curve["mean"]), np.array(curve["std"])
        text, line, marker = STYLES[name]
        ax.plot(x, mean, line, color=colour, marker=marker if few else "", ms=4, label=text)
        low, high = np.maximum(mean - std, 0), mean + std
        ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    noise = {"color": "#777777", "lw": 1, "ls": "-."}
    ax.axhline(known["noise_level"], label="noise level: the least test error", **noise)
    if mark is not None:
        ax.axvline(mark, color="black", lw=1.2, label=label)
    ax.set_xscale("log")
    if few:
        ax.set_xticks(x, [str(size) for size in x])
        ax.minorticks_off()
    else:
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(bottom=0)
    ax.set(xlabel=x_label, ylabel="error rate (share of wrong classes)")
    repeated = f"mean ± 1 standard deviation of {known['repetitions']} repetitions"
    ax.set_title(f"{known['about']}; {repeated}", fontsize=9)
    # Below the axes, where it hides nothing.
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)


@FIGURES.add("training_set", **SIZE)
def draw_training_set(plots: Any, ax: Any) -> None:
    """Error over the size of the training set."""
    _draw(ax, plots["training_set"], "training examples")


@FIGURES.add("network", **SIZE)
def draw_network(plots: Any, ax: Any) -> None:
    """Error over the size of the network, with the size that validation data choose."""
    known = plots["network"]
    _draw(ax, known, "hidden units", known["chosen"], "chosen: lowest validation error")


@FIGURES.add("epochs", **SIZE)
def draw_epochs(plots: Any, ax: Any) -> None:
    """Error over epochs, with the epoch of early stopping and how it varies."""
    known = plots["epochs"]
    stopped = known["stopped"]
    _draw(ax, known, "epoch", stopped["middle"], "early stopping: median and middle half")
    ax.axvspan(stopped["low"], stopped["high"], color="black", alpha=0.08, lw=0)
