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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.ist2023._sum_network import Network, Number, inside, sign
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.separability import SIGNS, XOR, separate
from hw.questions.derivations.lab.worlds import World
from hw.results.outcome import Outcome

HALF = Fraction(1, 2)
NUDGE = Fraction(1, 10**9)  # stands for anything positive, however small


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


def every_range(largest: int) -> Iterator[tuple[int, int, int]]:
    """All (D, A, B) with D up to ``largest``."""
    return ((D, A, B) for D in range(1, largest + 1) for A, B in ranges(D))


# Networks in exact numbers ---------------------------------------------------------------------

# A network for every A and B.
Family = Callable[[int, int], Network]


@cache
def published_sign(A: int, B: int) -> Network:
    """The report's network of (b)."""
    return Network("sign", (1, -1), (HALF - A, HALF + B), (1, 1), -1)


@cache
def published_relu(A: int, B: int) -> Network:
    """The report's network of (c)."""
    return Network("relu", (-1, 1), (A - HALF, -B - HALF), (-1, -1), 0)


def doubled(published: Family) -> Family:
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


# Whole thresholds without the doubling, S ≥ A and S ≤ B, with either kind of unit.
bare_sign: Family = cache(lambda A, B: Network("sign", (1, -1), (-A, B), (1, 1), -1))
bare_relu: Family = cache(lambda A, B: Network("relu", (-1, 1), (A, -B), (-1, -1), 0))


@cache
def margin_relu(A: int, B: int) -> Network:
    """Whole numbers, and an output of 1 - 2 relu(A - S) - 2 relu(S - B): never 0 on an input."""
    return Network("relu", (-1, 1), (A, -B), (-2, -2), 1)


PUBLISHED: dict[str, Family] = {"sign": published_sign, "relu": published_relu}


@cache
def survival(net: Network, S: int) -> tuple[Number, bool] | None:
    """How far S' may be from S: every |S' - S| < radius keeps the class; None: any does.

    Returns the radius, and whether |S' - S| = radius keeps the class too.
    """
    label = net.classify(S)
    others = [(cell.distance(S), cell.point) for cell in net.cells if cell.label != label]
    if not others:
        return None
    radius = min(distance for distance, _ in others)
    # An open interval comes arbitrarily near its end but does not reach it.
    return radius, not any(point for distance, point in others if distance == radius)


# All ranges at once, on the inputs themselves --------------------------------------------------


def all_inputs(D: int) -> np.ndarray:
    """{-1, +1}ᴰ, (2ᴰ, D)."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=D)))


def classes(w: World, family: Family, X: np.ndarray) -> np.ndarray:
    """Classes ±1 (R, N) of the inputs X (N, D) under the network of every range, in float64."""
    D = X.shape[1]
    nets = [family(A, B) for A, B in ranges(D)]
    W = w.array([[[float(weight)] * D for weight in net.weights] for net in nets])  # (R, 2, D)
    b = w.array([[float(bias) for bias in net.biases] for net in nets])
    out_weights = w.array([[float(weight) for weight in net.out_weights] for net in nets])
    out_bias = w.array([float(net.out_bias) for net in nets])
    z = w.array(X) @ W.mT + b[:, None, :]  # (R, N, 2)
    # The libraries have sign(0) = 0, the question has +1.
    one = w.ones_like(z)
    h = w.where(z >= 0, one, -one) if nets[0].activation == "sign" else w.where(z > 0, z, 0.0)
    output = (h @ out_weights[..., None])[..., 0] + out_bias[:, None]
    return np.where(as_numpy(output) >= 0, 1, -1)


def targets(X: np.ndarray) -> np.ndarray:
    """f (R, N) for every range, from the inputs X (N, D) themselves."""
    S = X.sum(axis=1)
    return np.array([np.where((A <= S) & (S <= B), 1, -1) for A, B in ranges(X.shape[1])])


@dataclass
class Findings:
    """What the networks of a family do, over all D, A and B.

    sums, inputs: (range, S) and (range, input) pairs tried; wrong: disagreements with f of each.
    one_set:      whether every network is +1 on [A - ½, B + ½] and nowhere else.
    radii:        by network, how far any S may move; closed: networks that also survive that far.
    example:      (D, A, B, S) where that far is too much.
    both:         networks with a real S' where both hidden units vote for class -1.
    """

    sums: int = 0
    inputs: int = 0
    wrong_sums: int = 0
    wrong_inputs: int = 0
    one_set: bool = True
    radii: list[Number] = field(default_factory=list)
    closed: int = 0
    example: tuple[int, int, int, int] | None = None
    both: int = 0

    @property
    def wrong(self) -> int:
        return self.wrong_sums + self.wrong_inputs

    def words(self) -> str:
        return (
            f"{self.wrong_sums} of {self.sums} sums and {self.wrong_inputs} of {self.inputs} inputs"
            " wrong"
        )


def is_whole(family: Family, largest: int) -> bool:
    """Whether all weights and biases are whole numbers; larger D have all ranges of smaller."""
    return all(family(A, B).whole() for A, B in ranges(largest))


def examine(lab: Lab, family: Family) -> Findings:
    """All D up to the bound, all A ≤ B: every S exactly, and every input in the backend."""
    found, largest = Findings(), lab.settings.largest_dimension
    for D, A, B in every_range(largest):
        net = family(A, B)
        found.sums += D + 1
        found.wrong_sums += sum(net.classify(S) != target(S, A, B) for S in sums(D))
        found.one_set &= net.positive_set() == (A - HALF, B + HALF)
        each = {S: survived for S in sums(D) if (survived := survival(net, S))}
        radius = min(radius for radius, _ in each.values())
        broken = [S for S, survived in each.items() if survived == (radius, False)]
        found.radii.append(radius)
        found.closed += not broken
        if broken and found.example is None:
            found.example = (D, A, B, broken[0])
        # Within a cell no unit changes sign.
        hidden = [net.hidden(inside(cell.low, cell.high)) for cell in net.cells]
        found.both += any(h == (-1, -1) if net.activation == "sign" else min(h) > 0 for h in hidden)
    for D in range(1, largest + 1):
        X = all_inputs(D)
        differ = classes(lab.world, family, X) != targets(X)
        found.inputs += differ.size
        found.wrong_inputs += int(differ.sum())
    return found


def perturbed(lab: Lab, family: Family, share: float) -> tuple[int, int]:
    """(tried, changed): random e with |e_i| ≤ share/(2D) added to every input of every D.

    In float64; ``share`` stays so far below 1 that rounding cannot matter.
    """
    rng = np.random.default_rng(lab.settings.seed)
    tried = changed = 0
    for D in range(1, lab.settings.largest_dimension + 1):
        X = all_inputs(D)
        expected = targets(X)
        for _ in range(lab.settings.directions):
            # Half of the draws are corners, where the sum moves most.
            e = rng.uniform(-1, 1, size=X.shape)
            e = np.where(rng.random((len(X), 1)) < 0.5, np.sign(e[:, :1]), e)
            differ = classes(lab.world, family, X + e * share / (2 * D)) != expected
            tried, changed = tried + differ.size, changed + int(differ.sum())
    return tried, changed


def survives_exactly(family: Family, largest: int, beyond: Number) -> bool:
    """Whether all networks keep f on S ± Dδ, the extremes of |e_i| ≤ δ = 1/(2D) + ``beyond``.

    Enough where the class is +1 on one interval no shorter than twice Dδ: what lies between the
    extremes then has their class.
    """
    return all(
        family(A, B).classify(S + step) == target(S, A, B)
        for D, A, B in every_range(largest)
        for S in sums(D)
        for step in (-HALF - D * beyond, HALF + D * beyond)
    )


# The statements --------------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Put the statements of (a) to (c) to the test; ``data`` is not used."""
    D, A, B = settings.figure_dimension, settings.figure_low, settings.figure_high
    if not -D <= A <= B <= D:
        raise UsageError(
            f"figure_low = {A} and figure_high = {B} are no range for figure_dimension = {D};"
            f" they must satisfy -{D} <= figure_low <= figure_high <= {D}"
        )
    lab = Lab(settings, backend)
    part_a(lab)
    for part, family in PUBLISHED.items():
        part_b_or_c(lab, part, family)
    outputs(lab)
    whole_numbers(lab)
    relu_output(lab)
    profiles = {part: profile(family(A, B), D) for part, family in PUBLISHED.items()}
    lab.plots["networks"] = {"dimension": D, "low": A, "high": B, **profiles}
    return lab.outcome


def part_a(lab: Lab) -> None:
    """D = 2, A = -1, B = 1: the XOR, beyond a single perceptron."""
    labels = [target(sum(x), -1, 1) for x in SIGNS]
    lab.plots["xor"] = {"points": [list(x) for x in SIGNS], "labels": labels}
    lab.check(
        "four_points",
        "for D = 2, A = -1, B = 1: f(-1, 1) = f(1, -1) = 1 and f(-1, -1) = f(1, 1) = -1",
        labels == [-1, 1, 1, -1],
        "; ".join(f"S{x} = {sum(x)}, f = {y}" for x, y in zip(SIGNS, labels, strict=True)),
    )
    lab.check(
        "equals_xor",
        "that function is the XOR of its two inputs",
        labels == list(XOR) == [-a * b for a, b in SIGNS] == [2 * (a != b) - 1 for a, b in SIGNS],
        f"f = -x_1 x_2 on all four points: {labels}",
    )
    answer = separate(SIGNS, labels)
    lab.check(
        "not_linearly_separable",
        "the four points are not linearly separable: no single perceptron computes f",
        not answer.separable,
        answer.words(),
    )
    separable, agree = [], True
    for D, A, B in every_range(lab.settings.certificate_dimension):
        inputs = list(itertools.product((-1, 1), repeat=D))
        found = separate(inputs, [target(sum(x), A, B) for x in inputs]).separable
        separable.append(found)
        values = [target(S, A, B) for S in sums(D)]
        agree &= found == (sum(a != b for a, b in itertools.pairwise(values)) <= 1)
    lab.metrics |= {"ranges_decided": (tried := len(separable)), "ranges_separable": sum(separable)}
    lab.check(
        "separable_if_one_sided",
        "a single perceptron computes f if and only if f changes at most once as S grows",
        agree,
        f"all {tried} ranges for D up to {lab.settings.certificate_dimension}: {sum(separable)}"
        f" with a plane, {tried - sum(separable)} with a certificate, as predicted",
    )


def part_b_or_c(lab: Lab, part: str, family: Family) -> None:
    """The report's network is f, uses three hidden patterns, and survives small perturbations."""
    largest, found = lab.settings.largest_dimension, examine(lab, family)
    unit, both = {"sign": ("sign", "-1"), "relu": ("ReLU", "positive")}[part]
    networks, least, most = len(found.radii), min(found.radii), max(found.radii)
    tried, changed = perturbed(lab, family, share=0.999)
    lab.metrics |= {
        "networks": networks,
        "inputs_tried": found.inputs,
        f"{part}_wrong": found.wrong,
        f"{part}_radius": float(least),
    }
    lab.check(
        f"{part}_network_computes_f",
        f"two {unit} units with the report's weights compute f for all D and -D ≤ A ≤ B ≤ D",
        found.wrong == 0,
        f"D = 1 to {largest}: {networks} networks, {found.words()}",
    )
    lab.check(
        f"{part}_units_exclude_each_other",
        f"the two {unit} units are never both {both}, as A ≤ B",
        found.both == 0,
        f"{found.both} of the {networks} networks do so for some real S'",
    )
    lab.check(
        f"{part}_network_is_robust",
        "an infinitesimal change of all inputs changes no class",
        least > 0 and changed == 0,
        f"exactly: +1 on [A - ½, B + ½] only ({found.one_set}), every S at least {least} from"
        f" its ends; {changed} of {tried} classes change under random |e_i| ≤ 0.999/(2D)",
    )
    below, at, above = (survives_exactly(family, largest, step) for step in (-NUDGE, 0, NUDGE))
    example = ""
    if found.example:
        D, A, B, S = found.example
        example = f"; at it D = {D}, A = {A}, B = {B} turns S = {S} into {sign(A - S) * HALF + S}"
    lab.check(
        f"{part}_largest_perturbation",
        "every class survives |e_i| < 1/(2D) for all i, and 1/(2D) is the largest such bound for"
        " each network",
        found.one_set and least == most == HALF and below and not at and not above,
        f"the distance in S is {least} for each of {networks} networks;"
        f" {found.closed} of them (A and B of D's parity) survive 1/(2D) itself{example}",
    )


def outputs(lab: Lab) -> None:
    """What the sign of the output is taken of, in every case."""
    every = [(A, B, S) for D, A, B in every_range(lab.settings.largest_dimension) for S in sums(D)]
    found = {
        part: [
            {family(A, B).output(S) for A, B, S in every if target(S, A, B) == y} for y in (1, -1)
        ]
        for part, family in PUBLISHED.items()
    }
    inner, outer = found["sign"]
    lab.check(
        "sign_output_is_class",
        "the output of the network of sign units is the class itself: its own sign changes nothing",
        inner == {1} and outer == {-1},
        f"{len(every)} cases: {listed(inner)} on class +1, {listed(outer)} on class -1",
    )
    inner, outer = found["relu"]
    lab.check(
        "relu_output_is_zero_or_negative",
        "the output of the network of ReLU units is 0 on class +1 and some -x < 0 on class -1",
        inner == {0} and max(outer) < 0,
        f"{len(every)} cases: {listed(inner)} on class +1, at most {max(outer)} on class -1",
    )


def listed(numbers: set[Any]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def whole_numbers(lab: Lab) -> None:
    """The handout's form: whole weights and biases."""
    largest = lab.settings.largest_dimension

    def biases(family: Family) -> str:
        return f"({', '.join(map(str, family(0, 0).biases))})"

    lab.check(
        "weights_are_whole",
        "all weights and biases of the two networks are whole numbers, as the handout asks",
        all(is_whole(family, largest) for family in PUBLISHED.values()),
        f"for A = B = 0 the hidden biases are {' and '.join(map(biases, PUBLISHED.values()))}",
    )
    for part, published in PUBLISHED.items():
        family = doubled(published)
        found = examine(lab, family)
        same = all(family(A, B).cells == published(A, B).cells for A, B in ranges(largest))
        lab.check(
            f"{part}_doubled_is_whole",
            "twice the hidden weights and biases: whole numbers, the same function of every real S'"
            " and the same robustness (sign(0) = +1)",
            is_whole(family, largest) and same and found.wrong == 0,
            f"for A = B = 0: weights ±2, biases {biases(family)}; {found.words()}; the class is"
            f" {'' if same else 'not '}that of the halves on the whole real line",
        )
    bare = [examine(lab, family) for family in (bare_sign, bare_relu)]
    radii = [min(found.radii) for found in bare]
    whole = is_whole(bare_sign, largest) and is_whole(bare_relu, largest)
    lab.check(
        "bare_whole_thresholds_break",
        "without the doubling, whole biases (-A, B) compute f, but no perturbation is small enough:"
        " the halves are needed",
        whole and max(radii) == 0 and not any(found.wrong for found in bare),
        f"{sum(found.wrong_inputs for found in bare)} inputs wrong; S = A lies on the threshold:"
        f" radius {radii[0]} with sign units, {radii[1]} with ReLU units",
    )


def relu_output(lab: Lab) -> None:
    """Class +1 of the ReLU network is an output of exactly 0: stable in x, but only by sign(0)."""
    every = [(A, B, S) for D, A, B in every_range(lab.settings.largest_dimension) for S in sums(D)]
    positive = [(published_relu(A, B), S) for A, B, S in every if target(S, A, B) == 1]
    negative = [published_relu(A, B).output(S) for A, B, S in every if target(S, A, B) == -1]
    # Affine between its kinks: 0 at both ends of [S - ½, S + ½] and at S.
    flat = all(
        max(net.pre_activations(S + step)) <= 0 and net.output(S + step) == 0
        for net, S in positive
        for step in (-HALF, 0, HALF)
    )
    lab.check(
        "relu_output_is_flat",
        "on class +1 the ReLU network's output is 0 in a whole neighbourhood of the input: that"
        " sign(0) decides does no harm to robustness in x",
        flat and max(negative) <= -HALF,
        f"both pre-activations are ≤ 0 on [S - ½, S + ½] for all {len(positive)} positive"
        f" (A, B, S): {flat}; on class -1 the output is at most {max(negative)}",
    )
    lost = sum(net.output(S) - NUDGE < 0 for net, S in positive)
    lab.check(
        "relu_output_needs_sign_zero",
        "it does rest on sign(0) = +1: any negative change of the output's bias loses class +1",
        lost == len(positive),
        f"with an output bias of -1e-9 {lost} of {len(positive)} positive cases turn -1",
    )
    found = examine(lab, margin_relu)
    margin = min(target(S, A, B) * margin_relu(A, B).output(S) for A, B, S in every)
    whole = is_whole(margin_relu, lab.settings.largest_dimension)
    lab.check(
        "relu_with_output_margin",
        "sign(1 - 2 relu(A - S) - 2 relu(S - B)) is f in whole numbers, as robust, and independent"
        " of sign(0)",
        whole and found.wrong == 0 and found.one_set and min(found.radii) == HALF and margin >= 1,
        f"{found.words()}; f times the output is at least {margin}; +1 on [A - ½, B + ½] only"
        f" ({found.one_set})",
    )


def profile(net: Network, D: int) -> dict[str, Any]:
    """What the figure shows of one network: on a fine grid of S', and at the D + 1 sums."""
    grid = [Fraction(k, 20) for k in range(-20 * (D + 1), 20 * (D + 1) + 1)]
    return {
        "grid": [float(S) for S in grid],
        "pre_activations": [[float(z) for z in net.pre_activations(S)] for S in grid],
        "output": [float(net.output(S)) for S in grid],
        "sums": list(sums(D)),
        "output_at_sums": [float(net.output(S)) for S in sums(D)],
        "classes": [net.classify(S) for S in sums(D)],
    }


# Figures ---------------------------------------------------------------------------------------

FIGURES = Figures()
STYLES = {1: ("C2", "o"), -1: ("C1", "s")}  # colour and marker of each class


@FIGURES.add("xor", width=4.6, height=4.4)
def draw_xor(plots: Any, ax: Any) -> None:
    """The four points of D = 2, A = -1, B = 1, and why no line parts them."""
    plot = plots["xor"]
    labelled = list(zip(plot["points"], plot["labels"], strict=True))
    for label, (colour, marker) in STYLES.items():
        across, up = zip(*(point for point, y in labelled if y == label), strict=True)
        ax.plot(across, up, ls="--", lw=1, color=colour)
        text = f"f(x) = {label:+d}"
        ax.scatter(across, up, s=110, color=colour, marker=marker, label=text, zorder=3)
    middle = {"textcoords": "offset points", "ha": "center", "va": "center"}
    for point in plot["points"]:
        ax.annotate(f"S = {sum(point)}", point, xytext=(0, 17 * point[1]), **middle)
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
    ax.set(xlim=(-1.6, 1.6), ylim=(-2.2, 1.75), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="upper center", ncols=2)


UNITS = {
    "sign": ("two sign units", ("S' - A + ½", "-S' + B + ½")),
    "relu": ("two ReLU units", ("-S' + A - ½", "S' - B - ½")),
}


@FIGURES.add("networks", 2, 2, width=4.6, height=2.8, sharex=True)
def draw_networks(plots: Any, *axes: Any) -> None:
    """Pre-activations (above) and output (below) of both networks against the sum S'."""
    plot = plots["networks"]
    A, B = plot["low"], plot["high"]
    case = f"D = {plot['dimension']}, A = {A}, B = {B}"
    for (name, (title, units)), above, below in zip(UNITS.items(), axes[:2], axes[2:], strict=True):
        part = plot[name]
        for k, (text, colour) in enumerate(zip(units, ("C0", "C3"), strict=True)):
            values = [z[k] for z in part["pre_activations"]]
            above.plot(part["grid"], values, color=colour, label=text)
        above.set_title(f"{title}, {case}")
        above.legend(loc="upper center", ncols=2)
        low, high = above.get_ylim()
        above.set_ylim(low, high + 0.25 * (high - low))  # room for the legend
        below.plot(part["grid"], part["output"], color="C6", lw=1.2)
        at_sums = list(zip(part["sums"], part["output_at_sums"], part["classes"], strict=True))
        for label, (colour, marker) in STYLES.items():
            chosen = [(S, output) for S, output, y in at_sums if y == label]
            text = f"inputs of class {label:+d}"
            below.scatter(
                [S for S, _ in chosen],
                [z for _, z in chosen],
                color=colour,
                marker=marker,
                zorder=3,
                label=text,
            )
        for ax, text in ((above, ""), (below, "A - ½ ≤ S' ≤ B + ½")):
            ax.axhline(0, color="C6", lw=0.7)
            ax.axvspan(A - 0.5, B + 0.5, color="C2", alpha=0.12, lw=0, label=text or None)
        below.legend(loc="lower center", fontsize=8)
        low, high = below.get_ylim()
        below.set_ylim(low - 0.6 * (high - low), high)
        below.set_xlabel("sum of the inputs S'")
    axes[0].set_ylabel("pre-activations")
    axes[2].set_ylabel("output before its sign")
