"""Networks of two hidden units that tell whether the sum of D signs lies in a range.

Source: IST Deep Learning 2023-24, Homework 1, question 3.1 (a) to (c), a group's report.

Conventions: inputs x in {-1, +1}ᴰ with the sum S = Σ x_i, which has the parity of D; whole numbers
-D ≤ A ≤ B ≤ D; the function f(x) = +1 if A ≤ S ≤ B and -1 otherwise; sign(0) = +1. A hidden unit of
every network here has one and the same weight for all inputs, so that the network is a function of
S alone, and on perturbed inputs of the real number S' = Σ (x_i + e_i). In arrays, R ranges are
evaluated at once on N = 2ᴰ inputs: weights (R, 2, D), biases (R, 2), classes (R, N).

The report's networks, and how they are put to the test:

    (b)  h = sign((S - A + ½, -S + B + ½)),    output sign(h_1 + h_2 - 1)
    (c)  h = relu((-S + A - ½, S - B - ½)),    output sign(-h_1 - h_2)

- As a single perceptron cannot: by a certificate (`lab.separability`), not by a failed training.
- Exhaustively: for all A ≤ B and all D up to a bound, on every value of S in rational arithmetic,
  and on all 2ᴰ inputs with the weight matrices written out. The latter is exact too: all numbers
  are multiples of ½ far below 2⁵³, so that float64 adds and multiplies them without rounding.
- On the whole real line: the class is constant between finitely many breakpoints (where a hidden
  unit or the output vanishes), so that evaluating there and between them decides it for every S'.
  Both networks turn out to be +1 on [A - ½, B + ½] and nowhere else. That gives the robustness: any
  e with |e_i| ≤ δ moves S by at most Dδ, and all e_i = ±δ do so. Whichever A and B, some input has
  its S at a distance of exactly ½ from A - ½ or B + ½, so the class of every input survives
  whenever δ < 1/(2D), and this is the largest such bound.

Deviations from the handout: that year's sheet asks for weights and biases that are whole numbers;
the report's biases are halves. Twice the hidden layer is the same function in whole numbers, and is
tested beside it. Whole thresholds without the doubling, b = (-A, B), compute f but break under any
perturbation, however small: that is what the halves are for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.separability import separate
from hw.questions.derivations.lab.statements import sole, titled
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALF = Fraction(1, 2)
Number = Fraction | int


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random perturbations", low=0)
    largest_dimension: int = setting(10, "all D from 1 to this are exhausted", low=2, high=12)
    certificate_dimension: int = setting(
        3, "all ranges up to this D are decided for a single perceptron", low=2, high=4
    )
    directions: int = setting(5, "random perturbations of every input", low=1, high=1000)
    figure_dimension: int = setting(6, "D of the figure of the networks", low=1, high=12)
    figure_low: int = setting(-2, "A of the figure of the networks", low=-12, high=12)
    figure_high: int = setting(2, "B of the figure of the networks", low=-12, high=12)


def target(S: Number, A: int, B: int) -> int:
    """f as a function of the sum S."""
    return 1 if A <= S <= B else -1


def sums(D: int) -> range:
    """The values of S: -D, -D + 2, ..., D."""
    return range(-D, D + 1, 2)


def ranges(D: int) -> Iterator[tuple[int, int]]:
    """All (A, B) with -D ≤ A ≤ B ≤ D."""
    return itertools.combinations_with_replacement(range(-D, D + 1), 2)


def sign(z: Any) -> int:
    return 1 if z >= 0 else -1


def relu(z: Any) -> Any:
    return z if z > 0 else 0


@dataclass(frozen=True)
class Network:
    """A network of two hidden units in exact numbers; row k of its first weights is w_k (1 … 1).

    weights: (w_1, w_2); biases: of the hidden units; activation: of theirs, ``sign`` or ``relu``.
    out_weights, out_bias: of the output, whose activation is the sign.
    """

    activation: str
    weights: tuple[Number, Number]
    biases: tuple[Number, Number]
    out_weights: tuple[Number, Number]
    out_bias: Number

    def pre_activations(self, S: Any) -> tuple[Any, ...]:
        (w_1, w_2), (b_1, b_2) = self.weights, self.biases
        return w_1 * S + b_1, w_2 * S + b_2

    def hidden(self, S: Any) -> tuple[Any, ...]:
        activation = sign if self.activation == "sign" else relu
        return tuple(map(activation, self.pre_activations(S)))

    def output(self, S: Any) -> Any:
        """What the output's sign is taken of."""
        (v_1, v_2), (h_1, h_2) = self.out_weights, self.hidden(S)
        return v_1 * h_1 + v_2 * h_2 + self.out_bias

    def classify(self, S: Any) -> int:
        return sign(self.output(S))

    def whole(self) -> bool:
        """Whether every weight and bias is a whole number."""
        numbers = (*self.weights, *self.biases, *self.out_weights, self.out_bias)
        return all(number.denominator == 1 for number in numbers)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The real line of S' cut into points and open intervals of constant class, in order.

        Between the zeros of the hidden units every hidden output is constant (sign) or affine
        (ReLU), so that the output is affine and has at most one zero more, which is found exactly.
        """
        pairs = zip(self.weights, self.biases, strict=True)
        kinks = sorted({Fraction(-b, 1) / w for w, b in pairs})
        cuts = set(kinks)
        # The first and the last piece go on to infinity; two points of each tell its line.
        for low, high in itertools.pairwise([None, *kinks, None]):
            one = high - 1 if low is None else low + 1 if high is None else (2 * low + high) / 3
            two = high - 2 if low is None else low + 2 if high is None else (low + 2 * high) / 3
            slope = (self.output(two) - self.output(one)) / (two - one)
            if slope:
                zero = one - self.output(one) / slope
                if (low is None or low < zero) and (high is None or zero < high):
                    cuts.add(zero)
        points = sorted(cuts)
        found = [Cell(None, points[0], self.classify(points[0] - 1))]
        for low, high in itertools.pairwise(points):
            found.append(Cell(low, low, self.classify(low)))
            found.append(Cell(low, high, self.classify((low + high) / 2)))
        found.append(Cell(points[-1], points[-1], self.classify(points[-1])))
        found.append(Cell(points[-1], None, self.classify(points[-1] + 1)))
        return tuple(found)


class Cell(NamedTuple):
    """A point (low = high) or an open interval (None: unbounded) of S' with one class."""

    low: Fraction | None
    high: Fraction | None
    label: int

    @property
    def point(self) -> bool:
        return self.low is not None and self.low == self.high

    def distance(self, S: Number) -> Number:
        """From S to the cell or, if it is an interval, to its nearer end; 0 inside."""
        below = 0 if self.low is None else self.low - S
        above = 0 if self.high is None else S - self.high
        return max(below, above, 0)


@cache
def published_sign(A: int, B: int) -> Network:
    """The report's network of (b)."""
    return Network("sign", (1, -1), (HALF - A, HALF + B), (1, 1), -1)


@cache
def published_relu(A: int, B: int) -> Network:
    """The report's network of (c)."""
    return Network("relu", (-1, 1), (A - HALF, -B - HALF), (-1, -1), 0)


def doubled(published: Callable[[int, int], Network]) -> Callable[[int, int], Network]:
    """The same network with twice the hidden weights and biases: whole numbers.

    A sign keeps its value under a positive factor; a ReLU's is multiplied by it, which the sign at
    the output does not see as the output's bias is 0.
    """

    @cache
    def build(A: int, B: int) -> Network:
        net = published(A, B)
        (w_1, w_2), (b_1, b_2) = net.weights, net.biases
        return replace(net, weights=(2 * w_1, 2 * w_2), biases=(2 * b_1, 2 * b_2))

    return build


@cache
def bare_sign(A: int, B: int) -> Network:
    """Whole thresholds without the doubling: S ≥ A and S ≤ B."""
    return Network("sign", (1, -1), (-A, B), (1, 1), -1)


@cache
def bare_relu(A: int, B: int) -> Network:
    return Network("relu", (-1, 1), (A, -B), (-1, -1), 0)


@cache
def margin_relu(A: int, B: int) -> Network:
    """Whole numbers, and an output of 1 - 2 relu(A - S) - 2 relu(S - B): never 0 on an input."""
    return Network("relu", (-1, 1), (A, -B), (-2, -2), 1)


# A network for every A and B.
Family = Callable[[int, int], Network]


def positive_set(net: Network) -> tuple[Fraction, Fraction] | None:
    """(low, high) if the class is +1 on [low, high] and nowhere else."""
    positive = [k for k, cell in enumerate(net.cells) if cell.label == 1]
    if not positive or positive != list(range(positive[0], positive[-1] + 1)):
        return None
    first, last = net.cells[positive[0]], net.cells[positive[-1]]
    if not (first.point and last.point) or first.low is None or last.high is None:
        return None
    return first.low, last.high


class Survival(NamedTuple):
    """How far S' may be from S: every |S' - S| < radius keeps the class.

    closed: whether |S' - S| = radius keeps it too.
    """

    radius: Number
    closed: bool


@cache
def survival(net: Network, S: int) -> Survival | None:
    """The largest change of the sum S that leaves the network's class as it is; None: any."""
    label = net.classify(S)
    others = [(cell.distance(S), cell.point) for cell in net.cells if cell.label != label]
    if not others:
        return None
    radius = min(distance for distance, _ in others)
    # An open interval comes arbitrarily near its end but does not reach it.
    return Survival(radius, not any(point for distance, point in others if distance == radius))


# All ranges at once, on the inputs themselves


def all_inputs(D: int) -> np.ndarray:
    """{-1, +1}ᴰ, (2ᴰ, D)."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=D)))


def stacked(family: Family, D: int) -> tuple[str, tuple[np.ndarray, ...]]:
    """All ranges' networks: activation; W (R, 2, D), b (R, 2), output weights (R, 2), bias (R,)."""
    nets = [family(A, B) for A, B in ranges(D)]
    W = np.array([[[float(w)] * D for w in net.weights] for net in nets])
    b = np.array([[float(x) for x in net.biases] for net in nets])
    out_weights = np.array([[float(x) for x in net.out_weights] for net in nets])
    out_bias = np.array([float(net.out_bias) for net in nets])
    return nets[0].activation, (W, b, out_weights, out_bias)


def numpy_classes(family: Family, X: np.ndarray) -> np.ndarray:
    """Classes ±1 (R, N) of the inputs X (N, D) under the network of every range."""
    activation, (W, b, out_weights, out_bias) = stacked(family, X.shape[1])
    z = X @ W.swapaxes(-1, -2) + b[:, None, :]  # (R, N, 2)
    h = np.where(z >= 0, 1.0, -1.0) if activation == "sign" else np.maximum(z, 0)
    output = (h @ out_weights[:, :, None])[..., 0] + out_bias[:, None]
    return np.where(output >= 0, 1, -1)


def torch_classes(family: Family, X: np.ndarray) -> np.ndarray:
    """The same in PyTorch, float64."""
    import torch

    activation, arrays = stacked(family, X.shape[1])
    W, b, out_weights, out_bias = map(torch.from_numpy, arrays)
    z = torch.from_numpy(X) @ W.mT + b[:, None, :]
    # torch.sign(0) is 0, the question's is +1.
    h = (z >= 0).double() * 2 - 1 if activation == "sign" else torch.relu(z)
    output = (h @ out_weights[..., None])[..., 0] + out_bias[:, None]
    return ((output >= 0).long() * 2 - 1).numpy()


CLASSES = {"numpy": numpy_classes, "torch": torch_classes}


def targets(X: np.ndarray) -> np.ndarray:
    """f (R, N) for every range, from the inputs X (N, D) themselves."""
    S = X.sum(axis=1)
    return np.array([np.where((A <= S) & (S <= B), 1, -1) for A, B in ranges(X.shape[1])])


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Put the statements of (a) to (c) to the test; ``data`` is not used."""
    D, A, B = settings.figure_dimension, settings.figure_low, settings.figure_high
    if not -D <= A <= B <= D:
        raise UsageError(
            f"figure_low = {A} and figure_high = {B} are no range for figure_dimension = {D};"
            f" they must satisfy -{D} <= figure_low <= figure_high <= {D}"
        )
    classes = CLASSES[backend]
    outcome = Outcome()
    part_a(outcome, settings)
    for part, family in (("sign", published_sign), ("relu", published_relu)):
        part_b_or_c(outcome, settings, classes, part, family)
    whole_numbers(outcome, settings, classes)
    relu_output(outcome, settings, classes)
    outcome.plots["networks"] = {
        "dimension": D,
        "low": A,
        "high": B,
        "sign": profile(published_sign(A, B), D),
        "relu": profile(published_relu(A, B), D),
    }
    return outcome


# (a): a single perceptron


def part_a(outcome: Outcome, settings: Settings) -> None:
    """D = 2, A = -1, B = 1: the XOR, beyond a single perceptron."""
    points = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    labels = [target(sum(x), -1, 1) for x in points]
    outcome.plots["xor"] = {"points": [list(x) for x in points], "labels": labels}
    outcome.check(
        "four_points",
        "for D = 2, A = -1, B = 1: f(-1, 1) = f(1, -1) = 1 and f(-1, -1) = f(1, 1) = -1",
        labels == [-1, 1, 1, -1],
        "; ".join(f"S{x} = {sum(x)}, f = {y}" for x, y in zip(points, labels, strict=True)),
    )
    products = [-a * b for a, b in points]
    outcome.check(
        "equals_xor",
        "that function is the XOR of its two inputs",
        labels == products and labels == [1 if a != b else -1 for a, b in points],
        f"f = -x_1 x_2 on all four points: {labels}",
    )
    answer = separate(points, labels)
    outcome.check(
        "not_linearly_separable",
        "the four points are not linearly separable: no single perceptron computes f",
        not answer.separable,
        f"certificate λ = {answer.certificate}: Σ λ_i y_i (x_i, 1) = 0 with λ ≥ 0, so that no"
        " (w, β) has y_i (w·x_i + β) > 0 for all i"
        if answer.certificate
        else f"the plane {answer.plane} separates them",
    )
    tested, separable, agree = 0, 0, True
    for D in range(1, settings.certificate_dimension + 1):
        inputs = list(itertools.product((-1, 1), repeat=D))
        for A, B in ranges(D):
            found = separate(inputs, [target(sum(x), A, B) for x in inputs]).separable
            tested, separable = tested + 1, separable + found
            values = [target(S, A, B) for S in sums(D)]
            changes = sum(a != b for a, b in itertools.pairwise(values))
            agree &= found == (changes <= 1)
    outcome.metrics["ranges_decided"] = tested
    outcome.metrics["ranges_separable"] = separable
    outcome.check(
        "separable_if_one_sided",
        "a single perceptron computes f if and only if f changes at most once as S grows",
        agree,
        f"all {tested} ranges for D up to {settings.certificate_dimension}: {separable} with a"
        f" plane, {tested - separable} with a certificate, as predicted",
    )


# (b) and (c): two hidden units


class Count(NamedTuple):
    """Networks, and (range, S) and (range, input) pairs tried, with the disagreements with f."""

    networks: int
    sums: int
    wrong_sums: int
    inputs: int
    wrong_inputs: int


def exhaust(family: Family, largest: int, classes: Callable[..., np.ndarray]) -> Count:
    """Compare with f for all D up to ``largest`` and all A ≤ B: on all S exactly, on all inputs."""
    networks = tried = wrong = inputs = wrong_inputs = 0
    for D in range(1, largest + 1):
        for A, B in ranges(D):
            net = family(A, B)
            networks += 1
            for S in sums(D):
                tried += 1
                wrong += net.classify(S) != target(S, A, B)
        X = all_inputs(D)
        differ = classes(family, X) != targets(X)
        inputs += differ.size
        wrong_inputs += int(differ.sum())
    return Count(networks, tried, wrong, inputs, wrong_inputs)


class Robustness(NamedTuple):
    """Over all D, A, B and S: the smallest and the largest radius of one network in S'.

    one_set:  whether every network is +1 on [A - ½, B + ½] and nowhere else.
    closed:   networks that also survive at the radius itself.
    example:  (D, A, B, S) where the radius itself is too much.
    """

    least: Number
    most: Number
    one_set: bool
    closed: int
    networks: int
    example: tuple[int, int, int, int] | None


def robustness(family: Family, largest: int) -> Robustness:
    """Exactly, for all D up to ``largest``, all A ≤ B and all S."""
    radii, one_set, closed, example = [], True, 0, None
    for D in range(1, largest + 1):
        for A, B in ranges(D):
            net = family(A, B)
            one_set &= positive_set(net) == (A - HALF, B + HALF)
            each = {S: found for S in sums(D) if (found := survival(net, S))}
            radius = min(found.radius for found in each.values())
            broken = [S for S, found in each.items() if found == Survival(radius, False)]
            radii.append(radius)
            closed += not broken
            if broken and example is None:
                example = (D, A, B, broken[0])
    return Robustness(min(radii), max(radii), one_set, closed, len(radii), example)


def perturbed(
    family: Family, settings: Settings, classes: Callable[..., np.ndarray], share: float
) -> tuple[int, int]:
    """(tried, changed): random e with |e_i| ≤ share/(2D) added to every input of every D.

    In float64; ``share`` stays so far below 1 that rounding cannot matter.
    """
    rng = np.random.default_rng(settings.seed)
    tried = changed = 0
    for D in range(1, settings.largest_dimension + 1):
        X = all_inputs(D)
        expected = targets(X)
        for _ in range(settings.directions):
            # Half of the draws are corners, where the sum moves most.
            e = rng.uniform(-1, 1, size=X.shape)
            e = np.where(rng.random((len(X), 1)) < 0.5, np.sign(e[:, :1]), e)
            differ = classes(family, X + e * share / (2 * D)) != expected
            tried += differ.size
            changed += int(differ.sum())
    return tried, changed


def survives_exactly(family: Family, largest: int, delta: Callable[[int], Fraction]) -> bool:
    """Whether all networks keep f on S ± Dδ, the extremes of |e_i| ≤ δ, with δ = delta(D).

    Enough where the class is +1 on one interval no shorter than twice Dδ: what lies between the
    extremes then has their class.
    """
    return all(
        family(A, B).classify(S + step) == target(S, A, B)
        for D in range(1, largest + 1)
        for A, B in ranges(D)
        for S in sums(D)
        for step in (-D * delta(D), D * delta(D))
    )


def part_b_or_c(
    outcome: Outcome,
    settings: Settings,
    classes: Callable[..., np.ndarray],
    part: str,
    family: Family,
) -> None:
    """The report's network is f, uses three hidden patterns, and survives small perturbations."""
    largest = settings.largest_dimension
    unit = {"sign": "sign", "relu": "ReLU"}[part]
    count = exhaust(family, largest, classes)
    outcome.metrics |= {
        "networks": count.networks,
        "inputs_tried": count.inputs,
        f"{part}_wrong": count.wrong_sums + count.wrong_inputs,
    }
    outcome.check(
        f"{part}_network_computes_f",
        f"two {unit} units with the report's weights compute f for all D and -D ≤ A ≤ B ≤ D",
        count.wrong_sums == count.wrong_inputs == 0,
        f"D = 1 to {largest}: {count.networks} networks, {count.wrong_sums} of {count.sums} sums"
        f" and {count.wrong_inputs} of {count.inputs} inputs wrong",
    )
    if part == "sign":
        both = never_both(family, largest, lambda h: h == (-1, -1))
        statement = "the two sign units are never both -1"
    else:
        both = never_both(family, largest, lambda h: min(h) > 0)
        statement = "the two ReLU units are never both positive"
    outcome.check(
        f"{part}_units_exclude_each_other",
        f"{statement}, as A ≤ B",
        both == 0,
        f"{both} of the {count.networks} networks do so for some real S'",
    )

    found = robustness(family, largest)
    tried, changed = perturbed(family, settings, classes, share=0.999)
    outcome.metrics[f"{part}_radius"] = float(found.least)
    outcome.check(
        f"{part}_network_is_robust",
        "an infinitesimal change of all inputs changes no class",
        found.least > 0 and changed == 0,
        f"exactly: +1 on [A - ½, B + ½] only ({found.one_set}), every S at least {found.least} from"
        f" its ends; {changed} of {tried} classes change under random |e_i| ≤ 0.999/(2D)",
    )
    below = survives_exactly(family, largest, lambda D: HALF / D - Fraction(1, 10**9))
    at = survives_exactly(family, largest, lambda D: HALF / D)
    above = survives_exactly(family, largest, lambda D: HALF / D + Fraction(1, 10**9))
    example = ""
    if found.example:
        D, A, B, S = found.example
        example = f"; at it D = {D}, A = {A}, B = {B} turns S = {S} into {sign(A - S) * HALF + S}"
    outcome.check(
        f"{part}_largest_perturbation",
        "every class survives |e_i| < 1/(2D) for all i, and 1/(2D) is the largest such bound for"
        " each network",
        found.one_set and found.least == found.most == HALF and below and not at and not above,
        f"the distance in S is {found.least} for each of {found.networks} networks;"
        f" {found.closed} of them (A and B of D's parity) survive 1/(2D) itself{example}",
    )


def never_both(family: Family, largest: int, bad: Callable[[Any], bool]) -> int:
    """Networks with a real S' where ``bad`` holds of the hidden outputs."""
    count = 0
    for D in range(1, largest + 1):
        for A, B in ranges(D):
            net = family(A, B)
            points = [cell.low for cell in net.cells if cell.low is not None and cell.point]
            between = [(a + b) / 2 for a, b in itertools.pairwise(points)]
            outside = [points[0] - 1, points[-1] + 1]
            count += any(bad(net.hidden(S)) for S in (*points, *between, *outside))
    return count


# Whole numbers


def whole_numbers(outcome: Outcome, settings: Settings, classes: Callable[..., np.ndarray]) -> None:
    """The handout's form: whole weights and biases."""
    largest = settings.largest_dimension

    def all_whole(*families: Family) -> bool:
        return all(family(A, B).whole() for family in families for A, B in ranges(largest))

    outcome.check(
        "weights_are_whole",
        "all weights and biases of the two networks are whole numbers, as the handout asks",
        all_whole(published_sign, published_relu),
        "for A = B = 0 the hidden biases are "
        + " and ".join(
            f"({', '.join(map(str, family(0, 0).biases))})"
            for family in (published_sign, published_relu)
        ),
    )
    for part, published in (("sign", published_sign), ("relu", published_relu)):
        family = doubled(published)
        count = exhaust(family, largest, classes)
        same = all(family(A, B).cells == published(A, B).cells for A, B in ranges(largest))
        net = family(0, 0)
        outcome.check(
            f"{part}_doubled_is_whole",
            "twice the hidden weights and biases: whole numbers, the same function of every real S'"
            " and the same robustness (sign(0) = +1)",
            all_whole(family) and same and count.wrong_sums == count.wrong_inputs == 0,
            f"for A = B = 0: weights ±2, biases ({', '.join(map(str, net.biases))});"
            f" {count.wrong_sums + count.wrong_inputs} wrong of {count.sums} sums and"
            f" {count.inputs} inputs; the class is that of the halves on the whole real line",
        )
    counts = {family: exhaust(family, largest, classes) for family in (bare_sign, bare_relu)}
    radii = [robustness(family, largest).least for family in counts]
    outcome.check(
        "bare_whole_thresholds_break",
        "without the doubling, whole biases (-A, B) compute f, but no perturbation is small enough:"
        " the halves are needed",
        all(c.wrong_sums == c.wrong_inputs == 0 for c in counts.values())
        and max(radii) == 0
        and all_whole(*counts),
        f"{sum(c.wrong_inputs for c in counts.values())} inputs wrong; S = A lies on the threshold:"
        f" radius {radii[0]} with sign units, {radii[1]} with ReLU units",
    )


# (c): an output of exactly 0


def relu_output(outcome: Outcome, settings: Settings, classes: Callable[..., np.ndarray]) -> None:
    """Class +1 of the ReLU network is an output of exactly 0: stable in x, but only by sign(0)."""
    largest = settings.largest_dimension
    flat, gap, positives = True, [], 0
    for D in range(1, largest + 1):
        for A, B in ranges(D):
            net = published_relu(A, B)
            for S in sums(D):
                if target(S, A, B) == 1:
                    # Affine between its kinks: 0 at both ends of [S - ½, S + ½] and at S.
                    ends = [net.pre_activations(S + step) for step in (-HALF, 0, HALF)]
                    flat &= all(max(z) <= 0 for z in ends)
                    flat &= all(net.output(S + step) == 0 for step in (-HALF, 0, HALF))
                    positives += 1
                else:
                    gap.append(net.output(S))
    outcome.check(
        "relu_output_is_flat",
        "on class +1 the ReLU network's output is 0 in a whole neighbourhood of the input: that"
        " sign(0) decides does no harm to robustness in x",
        flat and max(gap) <= -HALF,
        f"both pre-activations are ≤ 0 on [S - ½, S + ½] for all {positives} positive (A, B, S);"
        f" on class -1 the output is at most {max(gap)}",
    )
    nudge = Fraction(-1, 10**9)
    nudged = [
        published_relu(A, B).output(S) + nudge < 0
        for D in range(1, largest + 1)
        for A, B in ranges(D)
        for S in sums(D)
        if target(S, A, B) == 1
    ]
    outcome.check(
        "relu_output_needs_sign_zero",
        "it does rest on sign(0) = +1: any negative change of the output's bias loses class +1",
        all(nudged),
        f"with an output bias of -1e-9 all {sum(nudged)} of {len(nudged)} positive cases turn -1",
    )
    count = exhaust(margin_relu, largest, classes)
    found = robustness(margin_relu, largest)
    outputs = [
        (target(S, A, B) * margin_relu(A, B).output(S))
        for D in range(1, largest + 1)
        for A, B in ranges(D)
        for S in sums(D)
    ]
    whole = all(margin_relu(A, B).whole() for A, B in ranges(largest))
    outcome.check(
        "relu_with_output_margin",
        "sign(1 - 2 relu(A - S) - 2 relu(S - B)) is f in whole numbers, as robust, and independent"
        " of sign(0)",
        whole
        and count.wrong_sums == count.wrong_inputs == 0
        and found.one_set
        and found.least == HALF
        and min(outputs) >= 1,
        f"{count.wrong_inputs} of {count.inputs} inputs wrong; f times the output is at least"
        f" {min(outputs)}; +1 on [A - ½, B + ½] only ({found.one_set})",
    )


# Figures


def profile(net: Network, D: int) -> dict[str, Any]:
    """What the figure shows of one network: on a fine grid of S', and at the D + 1 sums."""
    steps = 20
    grid = [Fraction(k, steps) for k in range(-steps * (D + 1), steps * (D + 1) + 1)]
    return {
        "grid": [float(S) for S in grid],
        "pre_activations": [[float(z) for z in net.pre_activations(S)] for S in grid],
        "output": [float(net.output(S)) for S in grid],
        "sums": list(sums(D)),
        "output_at_sums": [float(net.output(S)) for S in sums(D)],
        "classes": [net.classify(S) for S in sums(D)],
    }


def draw_xor(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The four points of D = 2, A = -1, B = 1, and why no line parts them."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["xor"]
    figure, axes = new_figure(width=4.6, height=4.4)
    ax = axes[0, 0]
    styles = {1: (COLOURS[2], "o", "f(x) = +1"), -1: (COLOURS[1], "s", "f(x) = -1")}
    for label, (colour, marker, text) in styles.items():
        chosen = [
            point for point, y in zip(plot["points"], plot["labels"], strict=True) if y == label
        ]
        across, up = zip(*chosen, strict=True)
        ax.plot(across, up, ls="--", lw=1, color=colour)
        ax.scatter(across, up, s=110, color=colour, marker=marker, label=text, zorder=3)
    for point in plot["points"]:
        ax.annotate(
            f"S = {sum(point)}",
            point,
            textcoords="offset points",
            ha="center",
            va="center",
            xytext=(0, 17 * point[1]),
        )
    # Placed below, where no segment runs.
    ax.annotate(
        "The segments that join the points of\neach class cross: no line leaves one\n"
        "class on either side.",
        (0, -0.05),
        xytext=(0, -2.1),
        ha="center",
        fontsize=8,
        arrowprops={"arrowstyle": "->", "lw": 0.8},
    )
    ax.set_xlim(-1.6, 1.6)
    ax.set_ylim(-2.2, 1.75)
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.set_aspect("equal")
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$")
    ax.legend(loc="upper center", ncols=2)
    return titled(figure, spec)


def draw_networks(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Pre-activations (above) and output (below) of both networks against the sum S'."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["networks"]
    A, B = plot["low"], plot["high"]
    figure, axes = new_figure(2, 2, width=4.6, height=2.8, sharex=True)
    formulas = {
        "sign": ("two sign units", ("S' - A + ½", "-S' + B + ½")),
        "relu": ("two ReLU units", ("-S' + A - ½", "S' - B - ½")),
    }
    case = f"D = {plot['dimension']}, A = {A}, B = {B}"
    for column, (name, (title, units)) in enumerate(formulas.items()):
        part = plot[name]
        above, below = axes[:, column]
        for k, text in enumerate(units):
            values = [z[k] for z in part["pre_activations"]]
            above.plot(part["grid"], values, color=COLOURS[(0, 3)[k]], label=text)
        above.set_title(f"{title}, {case}")
        above.legend(loc="upper center", ncols=2)
        low, high = above.get_ylim()
        above.set_ylim(low, high + 0.25 * (high - low))  # room for the legend
        below.plot(part["grid"], part["output"], color=COLOURS[6], lw=1.2)
        for label, colour, marker in ((1, COLOURS[2], "o"), (-1, COLOURS[1], "s")):
            chosen = [k for k, y in enumerate(part["classes"]) if y == label]
            below.scatter(
                [part["sums"][k] for k in chosen],
                [part["output_at_sums"][k] for k in chosen],
                color=colour,
                marker=marker,
                zorder=3,
                label=f"inputs of class {label:+d}",
            )
        for ax in (above, below):
            ax.axhline(0, color=COLOURS[6], lw=0.7)
            ax.axvspan(
                A - 0.5,
                B + 0.5,
                color=COLOURS[2],
                alpha=0.12,
                lw=0,
                label="A - ½ ≤ S' ≤ B + ½" if ax is below else None,
            )
        below.legend(loc="lower center", fontsize=8)
        low, high = below.get_ylim()
        below.set_ylim(low - 0.6 * (high - low), high)
        below.set_xlabel("sum of the inputs S'")
    axes[0, 0].set_ylabel("pre-activations")
    axes[1, 0].set_ylabel("output before its sign")
    return titled(figure, spec)


FIGURES = {"xor": draw_xor, "networks": draw_networks}
