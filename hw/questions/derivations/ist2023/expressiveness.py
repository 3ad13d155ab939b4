"""Logistic regression against a ReLU network: which expresses more, and which is easier to train.

Source: IST Deep Learning 2023-24, Homework 1, question 1.2(a), a group's report: true or false, is
logistic regression less expressive than a multi-layer perceptron with ReLUs, but easier to train
because its problem is convex? The report says true; here each part of it is put to the test.

Conventions: those of `_softmax_models`, which has both models, θ flat and the loss the mean
cross-entropy in nats. The XOR is on {-1, +1}², class 1 where x_1 ≠ x_2.

- Convexity is tested on random segments: L((1-t)θ + tθ') ≤ (1-t) L(θ) + t L(θ'). For the linear
  model a violation is looked for in vain, as its Hessian is a mean of (diag(p) - ppᵀ) ⊗ x̃x̃ᵀ with
  x̃ = (x, 1), and uᵀ(diag(p) - ppᵀ)u = Σ_{i<j} p_i p_j (u_i - u_j)² ≥ 0. For the network one is
  found, then shrunk: parameters are moved to 0 or to small whole numbers, and examples left out, as
  long as the middle of the segment stays above its chord. What is left has rational logits, so that
  interval arithmetic encloses its gap.
- Beyond the linear model means a certificate (`lab.separability`), never a failed training;
  within the network means weights.

Two refinements of the report's words. That the linear model can be trained to a global optimum
means that every stationary point is one; on separable data there is none, and the loss falls
towards 0 as the weights grow. And a network can be stuck for good, not only seem so: with every
ReLU dead on all examples, the gradient is 0 at a local minimum that is not the global one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import softmax
from hw.questions.derivations.ist2023._softmax_models import MODELS, Data, NumPyModels, Shape
from hw.questions.derivations.lab.calculus import ROUNDING
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.separability import AND as AND_LABELS
from hw.questions.derivations.lab.separability import SIGNS, separate
from hw.questions.derivations.lab.separability import XOR as XOR_LABELS
from hw.results.outcome import Outcome

LOG_2 = float(np.log(2))


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of every random draw", low=0)
    examples: int = setting(20, "N of the random data", low=1, high=10_000)
    features: int = setting(3, "D of the random data", low=1, high=100)
    classes: int = setting(3, "K of the random data", low=2, high=20)
    segments: int = setting(4000, "random segments for each model", low=100, high=1_000_000)
    hessians: int = setting(100, "random parameters whose Hessian is computed", low=1, high=10_000)
    scale: float = setting(2.0, "standard deviation of random parameters", above=0, high=100)
    gap: float = setting(
        0.1, "how far above its chord the shrunk counterexample stays, in nats", above=0, high=0.2
    )
    starts: int = setting(20, "random starts of gradient descent on the XOR", low=2, high=1000)
    steps: int = setting(2000, "steps of gradient descent", low=1, high=1_000_000)
    learning_rate: float = setting(0.5, "step size of gradient descent", above=0, high=1)
    grid: int = setting(61, "points to a side of the decision surfaces", low=5, high=400)


XOR, AND = (
    Data(np.array(SIGNS), (np.array(labels) + 1) // 2) for labels in (XOR_LABELS, AND_LABELS)
)


XOR_LINEAR, XOR_NETWORK = Shape(2, 0, 2), Shape(2, 2, 2)


class Bench(Lab):
    """A `Lab` with the models of the backend."""

    settings: Settings

    def __init__(self, settings: Settings, backend: str) -> None:
        super().__init__(settings, backend)
        self.models: Any = MODELS[backend]()


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Put the parts of the statement to the test; ``data`` is not used."""
    lab = Bench(settings, backend)
    expressive = expressiveness(lab)
    convex, not_convex = linear_convexity(lab), network_convexity(lab)
    optima(lab)
    lab.check(
        "statement",
        "logistic regression is less expressive than a multi-layer perceptron with ReLUs, but its"
        " training problem is convex and the other's is not: true",
        expressive and convex and not_convex,
        f"less expressive: {expressive}; convex: {convex}; the network's not: {not_convex}",
    )
    return lab.outcome


# Expressiveness


def xor_network() -> np.ndarray:
    """θ (12,) of a network for the XOR: logits (|S| - 1, 1 - |S|) with S = x_1 + x_2.

    Its two hidden units are relu(S) and relu(-S).
    """
    return np.array([1, 1, -1, -1, 0, 0, 1, 1, -1, -1, -1, 1])


def linear_parameters(plane: tuple[int, ...]) -> np.ndarray:
    """θ (6,) with logits (0, w·x + β): class 1 where the plane (w_1, w_2, β) is positive."""
    w_1, w_2, bias = plane
    return np.array([0, 0, w_1, w_2, 0, bias])


def expressiveness(lab: Bench) -> bool:
    """The XOR is beyond the linear model and within the network, which contains the other."""
    answer = separate(SIGNS, XOR_LABELS)
    beyond = lab.check(
        "linear_only_separable",
        "logistic regression classifies linearly separable data only: not the XOR",
        not answer.separable,
        answer.words(),
    )
    right, plane = largest_separable(SIGNS, XOR_LABELS)
    best = linear_parameters(plane)
    lab.metrics["linear_best_xor_accuracy"] = accuracy(XOR_LINEAR, best, XOR)

    theta = xor_network()
    # Whole numbers throughout: the logits are exact.
    z = NumPyModels().logits(XOR_NETWORK, theta, XOR.X)
    margins = [int(row[y] - row[1 - y]) for row, y in zip(z, XOR.y, strict=True)]
    within = lab.check(
        "network_learns_xor",
        "a multi-layer perceptron with ReLUs separates data that no hyperplane does: the XOR",
        min(margins) > 0,
        f"logits (|x_1+x_2| - 1, 1 - |x_1+x_2|) from two ReLUs: margins {margins}, exactly; the"
        f" best hyperplane has {right} of 4 right",
    )
    lab.metrics["network_xor_accuracy"] = accuracy(XOR_NETWORK, theta, XOR)
    lab.plots["surfaces"] = surfaces(lab, best, theta)

    # relu(u) - relu(-u) = u: K pairs of hidden units copy the logits of any linear model.
    D, K = lab.settings.features, lab.settings.classes
    linear, network = Shape(D, 0, K), Shape(D, 2 * K, K)
    X = lab.rng.normal(size=(lab.settings.examples, D))
    worst = 0.0
    for _ in range(20):
        theta = lab.settings.scale * lab.rng.normal(size=linear.parameters())
        copied = lab.models.logits(network, as_network(linear, theta), X)
        worst = max(worst, float(np.abs(copied - lab.models.logits(linear, theta, X)).max()))
    contains = lab.check(
        "network_contains_linear",
        "every linear model is such a network: relu(u) - relu(-u) = u, logit by logit",
        worst < ROUNDING,
        f"largest difference of the logits over 20 draws {worst:.1e}; D = {D}, K = {K},"
        f" H = {2 * K}",
    )
    return beyond and within and contains


def largest_separable(
    points: Sequence[tuple[int, ...]], labels: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """The most points that a hyperplane can get right, and such a hyperplane."""
    for size in range(len(points), 0, -1):
        for chosen in itertools.combinations(zip(points, labels, strict=True), size):
            plane = separate(*zip(*chosen, strict=True)).plane
            if plane:
                return size, plane
    return 0, (0,) * (len(points[0]) + 1)


def as_network(shape: Shape, theta: np.ndarray) -> np.ndarray:
    """The network of 2K hidden units with the logits of the linear model θ."""
    W, b = shape.split(theta)
    one = np.eye(shape.classes)
    V = np.concatenate([one, -one], axis=1)
    return np.concatenate([W.ravel(), -W.ravel(), b, -b, V.ravel(), 0 * b])


def accuracy(shape: Shape, theta: np.ndarray, data: Data) -> float:
    return float((NumPyModels().logits(shape, theta, data.X).argmax(-1) == data.y).mean())


def surfaces(lab: Bench, linear: np.ndarray, network: np.ndarray) -> dict[str, Any]:
    """Probability of class 1 on a grid of the plane, for both lab.models."""
    axis = np.linspace(-2, 2, lab.settings.grid)
    X = np.array([(a, b) for b in axis for a in axis])
    side = (lab.settings.grid, lab.settings.grid)
    return {
        "axis": axis.tolist(),
        "points": XOR.X.tolist(),
        "labels": XOR.y.tolist(),
        "linear": softmax(lab.models.logits(XOR_LINEAR, linear, X))[:, 1].reshape(side).tolist(),
        "network": softmax(lab.models.logits(XOR_NETWORK, network, X))[:, 1].reshape(side).tolist(),
        "linear_accuracy": accuracy(XOR_LINEAR, linear, XOR),
        "network_accuracy": accuracy(XOR_NETWORK, network, XOR),
    }


# Convexity


@dataclass(frozen=True)
class Segments:
    """Random segments: ends (S, P), places t (S,), and the loss minus the chord there (S,)."""

    start: np.ndarray
    end: np.ndarray
    t: np.ndarray
    excess: np.ndarray
    largest_loss: float


def random_segments(lab: Bench, shape: Shape, data: Data) -> Segments:
    """L((1-t)θ + tθ') - (1-t) L(θ) - t L(θ') at random; at the middle for every other one.

    The ends of the first half are drawn alike. The others begin at any scale from a tenth to ten
    times that, and are up to a hundred times shorter: a slight dent shows only on short segments,
    and where the loss is nearly flat.
    """
    size = (lab.settings.segments, shape.parameters())
    start, end = (lab.settings.scale * lab.rng.normal(size=size) for _ in range(2))
    varied = slice(lab.settings.segments // 2, None)
    places, lengths = 10 ** lab.rng.uniform(
        [[-1], [-2]], [[1], [0]], size=(2, lab.settings.segments)
    )
    start[varied] *= places[varied, None]
    end[varied] = start[varied] + lengths[varied, None] * end[varied]
    t = lab.rng.uniform(size=lab.settings.segments)
    t[::2] = 0.5
    at_start, at_end = lab.models.losses(shape, start, data), lab.models.losses(shape, end, data)
    between = lab.models.losses(shape, start + t[:, None] * (end - start), data)
    excess = between - (1 - t) * at_start - t * at_end
    return Segments(start, end, t, excess, float(max(at_start.max(), at_end.max())))


def along(
    models: Any, shape: Shape, data: Data, start: np.ndarray, end: np.ndarray
) -> list[list[float]]:
    """The loss on 41 points of each of the segments (S, P): (S, 41)."""
    t = np.linspace(0, 1, 41)[:, None]
    start, end = np.atleast_2d(start)[:, None, :], np.atleast_2d(end)[:, None, :]
    return models.losses(shape, start + t * (end - start), data).tolist()


def linear_convexity(lab: Bench) -> bool:
    """No segment contradicts, no Hessian does, and the identity says why none can."""
    N, D, K = lab.settings.examples, lab.settings.features, lab.settings.classes
    data = Data(lab.rng.normal(size=(N, D)), lab.rng.integers(K, size=N))
    shape = Shape(D, 0, K)
    found = random_segments(lab, shape, data)
    on_xor = random_segments(lab, XOR_LINEAR, XOR)
    worst = max(float(found.excess.max()), float(on_xor.excess.max()))
    allowed = ROUNDING * (1 + max(found.largest_loss, on_xor.largest_loss))
    lab.metrics["linear_largest_excess"] = worst
    lab.plots["segments"] = {
        "t": np.linspace(0, 1, 41).tolist(),
        "linear": along(lab.models, XOR_LINEAR, XOR, on_xor.start[:12], on_xor.end[:12]),
    }
    convex = lab.check(
        "linear_convex",
        "the cross-entropy of logistic regression is convex in its parameters",
        worst <= allowed,
        f"{2 * lab.settings.segments} random segments, no counterexample: the largest loss minus"
        f" chord is {worst:.1e}, within rounding"
        if worst <= allowed
        else f"counterexample: a segment where the loss is {worst:.3g} above its chord",
    )

    smallest, ratio = float("inf"), float("inf")
    for _ in range(lab.settings.hessians):
        theta = lab.settings.scale * lab.rng.normal(size=shape.parameters())
        values = np.linalg.eigvalsh(lab.models.hessian(shape, theta, data))
        smallest = min(smallest, float(values[0]))
        ratio = min(ratio, float(values[0] / max(values[-1], 1e-300)))
    lab.metrics["linear_smallest_eigenvalue"] = smallest
    identity = [quadratic_form_identity(size) for size in (2, 3, 4)]
    hessian = lab.check(
        "linear_hessian_psd",
        "the Hessian shows it: the mean of (diag(p) - ppᵀ) ⊗ x̃x̃ᵀ is positive semi-definite",
        ratio >= -ROUNDING and all(identity),
        f"uᵀ(diag(p) - ppᵀ)u - Σ_(i<j) p_i p_j (u_i - u_j)² expands to 0 for K = 2, 3, 4; smallest"
        f" eigenvalue over {lab.settings.hessians} draws {smallest:.1e} (0 but for rounding: adding"
        " one vector to all rows of W changes nothing)",
    )
    return convex and hessian


def quadratic_form_identity(K: int) -> bool:
    """uᵀ(diag(p) - ppᵀ)u = Σ_{i<j} p_i p_j (u_i - u_j)² for Σ p = 1, in symbols."""
    from sympy import expand, symbols

    u = symbols(f"u1:{K + 1}")
    p = list(symbols(f"p1:{K}"))
    p.append(1 - sum(p))
    mean = sum(a * b for a, b in zip(p, u, strict=True))
    form = sum(a * b**2 for a, b in zip(p, u, strict=True)) - mean**2
    pairs = itertools.combinations(range(K), 2)
    return expand(form - sum(p[i] * p[j] * (u[i] - u[j]) ** 2 for i, j in pairs)) == 0


@dataclass(frozen=True)
class Counterexample:
    """A segment of networks (two θ (12,)) and the examples on which its middle is too high."""

    start: np.ndarray
    end: np.ndarray
    data: Data

    def gap(self, models: Any) -> float:
        """The loss at the middle minus the mean of the losses at the ends."""
        middle = (self.start + self.end) / 2
        losses = models.losses(XOR_NETWORK, np.array([self.start, middle, self.end]), self.data)
        return float(losses[1] - (losses[0] + losses[2]) / 2)

    def exact_gap(self) -> tuple[float, float]:
        """The same, enclosed by interval arithmetic on rational logits: (low, high)."""
        from mpmath import mp
        from mpmath.ctx_iv import MPIntervalContext

        iv = MPIntervalContext()
        iv.dps = 30

        def loss(theta: list[Fraction]) -> Any:
            z = NumPyModels().logits(
                XOR_NETWORK, np.array(theta, dtype=object), self.data.X.astype(object)
            )
            total = iv.mpf(0)
            for row, y in zip(z, self.data.y, strict=True):
                differences = [Fraction(a - row[y]) for a in row]
                total += iv.log(
                    sum(iv.exp(iv.mpf(d.numerator) / d.denominator) for d in differences)
                )
            return total / len(self.data.y)

        start, end = ([Fraction(float(x)) for x in theta] for theta in (self.start, self.end))
        middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
        gap = loss(middle) - (loss(start) + loss(end)) / 2
        with mp.workdps(30):
            return float(mp.mpf(gap.a)), float(mp.mpf(gap.b))

    def words(self) -> str:
        """The examples, the parameters of both ends that are not 0, and the logits that result."""
        names = [
            name + "".join(str(i + 1) for i in index)
            for name, size in XOR_NETWORK.sizes().items()
            for index in np.ndindex(*size)
        ]
        ends = [
            ", ".join(f"{n} = {v:g}" for n, v in zip(names, theta, strict=True) if v) or "all 0"
            for theta in (self.start, self.end)
        ]
        examples = ", ".join(
            f"x = ({x[0]:g}, {x[1]:g}) of class {y}"
            for x, y in zip(self.data.X, self.data.y, strict=True)
        )
        thetas = np.array([self.start, (self.start + self.end) / 2, self.end])
        z = NumPyModels().logits(XOR_NETWORK, thetas, self.data.X)
        rows = range(len(self.data.y))
        differences = (z[:, rows, 1 - self.data.y] - z[:, rows, self.data.y]).T
        inputs = " and ".join(", ".join(f"{d:g}" for d in row) for row in differences)
        return (
            f"{examples}; θ: {ends[0]}; θ': {ends[1]}; other parameters 0. Losses log(1 + e^d) with"
            f" d = {inputs} at θ, the middle and θ'"
        )


def shrink(case: Counterexample, models: Any, gap: float) -> Counterexample:
    """A simpler counterexample with at least the given gap: smaller whole numbers, fewer examples.

    Greedy: examples are left out, then each parameter is tried at 0, ±1, ±2 … and kept where the
    gap stays, until nothing changes. Every change makes a parameter simpler, so this ends.
    """

    def simplicity(value: float) -> tuple[bool, float, bool]:
        return (value != round(value), abs(value), value < 0)

    def fewer(case: Counterexample) -> Counterexample | None:
        for i in range(len(case.data.y) if len(case.data.y) > 1 else 0):
            rest = np.arange(len(case.data.y)) != i
            smaller = replace(case, data=Data(case.data.X[rest], case.data.y[rest]))
            if smaller.gap(models) >= gap:
                return smaller
        return None

    def simpler(case: Counterexample) -> Counterexample | None:
        for name, k in itertools.product(("start", "end"), range(XOR_NETWORK.parameters())):
            theta = getattr(case, name)
            tries = sorted({0, 1, -1, 2, -2, round(theta[k])}, key=simplicity)
            for value in tries:
                if simplicity(value) >= simplicity(theta[k]):
                    break
                other = theta.copy()
                other[k] = value
                changed = replace(case, **{name: other})
                if changed.gap(models) >= gap:
                    return changed
        return None

    while (smaller := fewer(case) or simpler(case)) is not None:
        case = smaller
    return case


def network_convexity(lab: Bench) -> bool:
    """A segment on which the network's loss rises above its chord, shrunk to simple numbers."""
    found = random_segments(lab, XOR_NETWORK, XOR)
    above = int((found.excess > 1e-6).sum())
    lab.metrics["network_segments_above_chord"] = above
    lab.metrics["network_largest_excess"] = float(found.excess.max())
    middles = np.where(found.t == 0.5, found.excess, -np.inf)
    worst = int(middles.argmax())
    case = Counterexample(found.start[worst], found.end[worst], XOR)
    if case.gap(lab.models) >= lab.settings.gap:
        case = shrink(case, lab.models, lab.settings.gap)
    low, high = case.exact_gap()
    lab.plots["segments"] |= {
        "network": along(lab.models, XOR_NETWORK, XOR, found.start[:12], found.end[:12]),
        "counterexample": along(lab.models, XOR_NETWORK, case.data, case.start, case.end)[0],
    }
    lab.metrics["counterexample_gap"] = low
    not_convex = lab.check(
        "network_not_convex",
        "the cross-entropy of a multi-layer perceptron with ReLUs is not convex in its parameters",
        0 < low <= high,
        f"{case.words()}: the middle is {low:.6f} above the chord (by interval"
        f" arithmetic); {above} of {lab.settings.segments} random segments rise above theirs",
    )
    smallest = min(
        float(np.linalg.eigvalsh(symmetric(lab.models.hessian(XOR_NETWORK, theta, XOR)))[0])
        for theta in found.start[: min(lab.settings.hessians, lab.settings.segments)]
    )
    lab.metrics["network_smallest_eigenvalue"] = smallest
    indefinite = lab.check(
        "network_hessian_indefinite",
        "the argument by the Hessian fails for the network: it has negative eigenvalues",
        smallest < -1e-3,
        f"smallest eigenvalue over {lab.settings.hessians} random parameters on the XOR:"
        f" {smallest:.3g}",
    )
    return not_convex and indefinite


def symmetric(H: np.ndarray) -> np.ndarray:
    return (H + H.T) / 2


# Optima


def descend(lab: Bench, shape: Shape) -> np.ndarray:
    """Losses on the XOR (starts,) after gradient descent from random starts."""
    theta = lab.rng.normal(size=(lab.settings.starts, shape.parameters()))
    for _ in range(lab.settings.steps):
        theta = theta - lab.settings.learning_rate * lab.models.gradient(shape, theta, XOR)
    return lab.models.losses(shape, theta, XOR)


def optima(lab: Bench) -> None:
    """Where training can end: one loss for the linear model, several for the network."""
    # At θ = 0 all probabilities are ½: the gradient is Σ (½ - [y = k]) x̃ / N, in whole halves.
    residual = [[Fraction(1, 2) - (y == k) for k in range(2)] for y in XOR.y]
    inputs = [(*map(int, x), 1) for x in XOR.X]
    gradient = [
        sum(r[k] * x[i] for r, x in zip(residual, inputs, strict=True))
        for k in range(2)
        for i in range(3)
    ]
    draws = lab.settings.scale * lab.rng.normal(
        size=(lab.settings.segments, XOR_LINEAR.parameters())
    )
    lowest = float(lab.models.losses(XOR_LINEAR, draws, XOR).min())
    linear = descend(lab, XOR_LINEAR)
    spread = float(np.abs(linear - LOG_2).max())
    lab.metrics["linear_descent_spread"] = spread
    lab.check(
        "linear_global_optimum",
        "logistic regression can be trained to a global optimum: every stationary point is one",
        not any(gradient) and lowest >= LOG_2 - ROUNDING and spread < 1e-6,
        f"XOR: the gradient at θ = 0 is exactly 0, the loss there log 2 = {LOG_2:.6f}; none of"
        f" {lab.settings.segments} draws is below ({lowest:.6f}); all {lab.settings.starts}"
        f" descents end within {spread:.1e} of it",
    )

    plane = separate(SIGNS, AND_LABELS).plane or (0, 0, 0)
    growing = [k * linear_parameters(plane) for k in (1, 2, 4, 8, 16)]
    falling = [float(lab.models.losses(XOR_LINEAR, theta, AND)) for theta in growing]
    lab.check(
        "separable_has_no_optimum",
        "where the data are separable there is no optimum to reach: the loss is positive everywhere"
        " and falls towards 0 as the weights grow",
        all(a > b > 0 for a, b in itertools.pairwise(falling)) and falling[-1] < 1e-6,
        f"AND, plane {plane} times 1, 2, 4, 8, 16: " + ", ".join(f"{x:.2g}" for x in falling),
    )

    # W = 0, b = -1: on ±1 inputs both ReLUs stay dead while every parameter moves by less than ⅓.
    dead = np.array([0, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0.0])
    slope = float(np.abs(lab.models.gradient(XOR_NETWORK, dead, XOR)).max())
    near = dead + lab.rng.uniform(-1 / 3, 1 / 3, size=(lab.settings.segments, len(dead)))
    nearby = float(lab.models.losses(XOR_NETWORK, near, XOR).min())
    good = float(lab.models.losses(XOR_NETWORK, 10 * xor_network(), XOR))
    network = descend(lab, XOR_NETWORK)
    stuck = int((network > network.min() + 0.1).sum())
    lab.metrics["network_descents_stuck"] = stuck
    lab.metrics["network_descent_loss_min"] = float(network.min())
    lab.metrics["network_descent_loss_max"] = float(network.max())
    lab.check(
        "network_no_guarantee",
        "with a multi-layer perceptron one cannot be sure to reach a global optimum: there are"
        " local minima that are none",
        slope == 0 and nearby >= LOG_2 - ROUNDING and good < LOG_2,
        f"both ReLUs dead (b = -1): gradient {slope:g}, loss log 2, no lower one among"
        f" {lab.settings.segments} draws within ⅓; yet weights with loss {good:.1e} exist; {stuck}"
        f" of {lab.settings.starts} descents end more than 0.1 above the best",
    )


# Figures ---------------------------------------------------------------------------------------

FIGURES = Figures()
LEGEND = {False: "random segments below their chord", True: "random segments that rise above it"}


def chord(losses: list[float], t: list[float]) -> list[float]:
    """The straight line between the losses at both ends."""
    return [(1 - at) * losses[0] + at * losses[-1] for at in t]


@FIGURES.add("segments", 2, 2, width=4.4, height=2.8, sharex=True)
def draw_segments(plots: Any, *axes: Any) -> None:
    """Loss and chord on one segment of each model, and loss minus chord on many."""
    plot = plots["segments"]
    t = plot["t"]
    rows = (
        ("linear", "logistic regression", plot["linear"][0], "a random segment"),
        ("network", "ReLU network", plot["counterexample"], "the shrunk counterexample"),
    )
    for k, (above, below, (name, title, losses, text)) in enumerate(
        zip(axes[:2], axes[2:], rows, strict=True)
    ):
        above.plot(t, losses, color=f"C{k}", label=f"loss, {text}")
        above.plot(t, chord(losses, t), color="C6", ls="--", lw=1, label="chord")
        above.set_title(title)
        low, high = above.get_ylim()
        above.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
        above.legend(loc="upper center", fontsize=8)
        seen = set()
        for each in plot[name]:
            excess = [a - b for a, b in zip(each, chord(each, t), strict=True)]
            rises = max(excess) > ROUNDING
            label = None if rises in seen else LEGEND[rises]
            below.plot(t, excess, color="C1" if rises else "0.6", lw=1.1, label=label)
            seen.add(rises)
        below.axhline(0, color="C6", lw=0.8)
        low, high = below.get_ylim()
        below.set_ylim(low - 0.3 * (high - low), high)
        below.set_xlabel("t, from θ to θ'")
        below.legend(loc="lower center", fontsize=8)
    axes[0].set_ylabel("cross-entropy")
    axes[2].set_ylabel("cross-entropy minus chord")


@FIGURES.add("surfaces", 1, 2, width=4.2, height=3.9, sharey=True)
def draw_surfaces(plots: Any, *axes: Any) -> None:
    """Probability of class 1 over the plane, with the four points of the XOR."""
    plot = plots["surfaces"]
    titles = {"linear": "logistic regression, a best line", "network": "network of two ReLUs"}
    labelled = list(zip(plot["points"], plot["labels"], strict=True))
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        plane = (plot["axis"], plot["axis"], plot[name])
        # Purple to orange: told apart with any colour vision, white where p = ½.
        levels = [k / 20 for k in range(21)]
        filled = ax.contourf(*plane, levels=levels, cmap="PuOr_r", vmin=0, vmax=1)
        ax.contour(*plane, levels=[0.5], colors="black")
        for label, marker, colour in ((0, "s", "#b2abd2"), (1, "o", "#fdb863")):
            across, up = zip(*(point for point, y in labelled if y == label), strict=True)
            look = {"color": colour, "edgecolors": "black", "label": f"class {label}"}
            ax.scatter(across, up, marker=marker, s=80, zorder=3, **look)
        right = round(4 * plot[f"{name}_accuracy"])
        ax.set_title(f"{title}:\n{right} of 4 right")
        ax.set(aspect="equal", xlabel="$x_1$")
        ax.grid(False)
        ax.legend(loc="upper center", ncols=2, frameon=True, fontsize=8)
    axes[0].set_ylabel("$x_2$")
    bar = {"label": "probability of class 1", "shrink": 0.85}
    axes[0].figure.colorbar(filled, ax=list(axes), **bar)
