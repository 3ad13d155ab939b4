"""The binary logistic loss: its two derivatives for either label, and its convexity.

Source: IST Deep Learning 2021-22, Homework 1, question 1.2.

Conventions: z real, y = ±1, σ(z) = 1 / (1 + exp(-z)), s stands for σ(z). The loss of one example is
L(z; y) = -log σ(z) for y = +1 and -log(1 - σ(z)) for y = -1. The formulas under test are written
once, in arithmetic alone, and are given SymPy expressions, NumPy arrays and torch tensors.

Deviations: the report works out y = +1 only; y = -1 is worked out here too, as the handout's
question is about both. The loss is computed from the logit, log(1 + exp(-yz)), and so stays finite
where σ(z) rounds to 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import ROUNDING, chord_defect
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

LABELS = {1: "positive", -1: "negative"}


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random points", low=0)
    draws: int = setting(10_000, "random points, and random chords", low=1)
    scale: float = setting(5.0, "standard deviation of the random points", above=0, high=10)
    limit: float = setting(6.0, "the figure shows z from -limit to limit", above=0, high=50)
    points: int = setting(401, "points of each curve", low=3, high=10_001)


# The formulas under test -----------------------------------------------------------------------


def one_formula(log_s: Any, log_rest: Any, y: int) -> Any:
    """Both cases of the loss in one line, from log σ(z) and log(1 - σ(z))."""
    return -(1 + y) * log_s / 2 - (1 - y) * log_rest / 2


def first_derivative(s: Any, y: int) -> Any:
    """L' in terms of s = σ(z); the case y = -1 is ours."""
    return s - 1 if y == 1 else s


def second_derivative(s: Any, y: int) -> Any:
    """L'' in terms of s = σ(z), the same for both labels; the case y = -1 is ours."""
    return s * (1 - s)


def loss(w: World, z: Any, y: int) -> Any:
    """L(z; y), of z's shape, in nats; finite for every finite z. SymPy has it as it is defined."""
    if w.name == "sympy":
        return -w.log(w.sigmoid(z) if y == 1 else 1 - w.sigmoid(z))
    return -w.log_sigmoid(y * z)


def in_one(w: World, z: Any, y: int) -> Any:
    """The loss by the one formula; in floating point 1 - σ(z) is σ(-z), which keeps its digits."""
    rest = 1 - w.sigmoid(z) if w.name == "sympy" else w.sigmoid(-z)
    return one_formula(w.log(w.sigmoid(z)), w.log(rest), y)


def both(of: Any) -> Any:
    """A function of the label for y = +1 and, as a second row, for y = -1."""
    return lambda w, z: w.stack([of(w, z, y) for y in LABELS])


def derivatives(w: World, z: Any, y: int, order: int) -> tuple[Any, Any]:
    """L' or L'' by the formula, and without it."""
    s, of_label = w.sigmoid(z), lambda w, t: loss(w, t, y)
    if order == 1:
        return first_derivative(s, y), w.slope(of_label, z)
    return second_derivative(s, y), w.curvature(of_label, z)


# check: (label, order, statement)
DERIVATIVES = {
    "first_derivative": (1, 1, "L'(z; +1) = σ(z) - 1"),
    "first_derivative_negative": (-1, 1, "L'(z; -1) = σ(z)"),
    "second_derivative": (1, 2, "L''(z; +1) = σ(z) (1 - σ(z))"),
    "second_derivative_negative": (-1, 2, "L''(z; -1) = σ(z) (1 - σ(z))"),
}


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Both derivatives, the sign of the second, and the chords, put to the test."""
    import sympy

    lab = Lab(settings, backend)
    z = sympy.Symbol("z", real=True)
    drawn, u, v = lab.rng.normal(0, settings.scale, (3, settings.draws))
    chords = [lab.world.array(part) for part in (u, v, lab.rng.uniform(size=settings.draws))]
    lab.identity(
        "one_formula",
        "for y = ±1 the two cases of the loss are -(1+y)/2 log σ(z) - (1-y)/2 log(1 - σ(z))",
        lambda w, z: (both(in_one)(w, z), both(loss)(w, z)),
        z,
        drawn,
    )
    for name, (y, order, statement) in DERIVATIVES.items():
        lab.identity(
            name,
            statement,
            lambda w, z, y=y, order=order: derivatives(w, z, y, order),
            z,
            drawn,
            derivative=order,
            metric=f"{('first', 'second')[order - 1]}_error_{LABELS[y]}",
        )
    for y in LABELS:
        defect = chord_defect(lambda t, y=y: loss(lab.world, t, y), *chords)
        curvature = second_derivative(lab.world.sigmoid(lab.world.array(drawn)), y)
        lab.metrics[f"worst_defect_{LABELS[y]}"] = float(defect.max())
        lab.metrics[f"least_curvature_{LABELS[y]}"] = float(curvature.min())
    s = world("sympy").sigmoid(z)
    slope, value = sympy.diff(s, z), loss(world("sympy"), z, 1)
    lab.proof(
        "first_derivative_quotient", "L'(z; +1) = -σ'(z) / σ(z)", sympy.diff(value, z) + slope / s
    )
    lab.proof(
        "second_derivative_is_sigmoid_slope",
        "L''(z; +1) is the derivative of the sigmoid",
        sympy.diff(value, z, 2) - slope,
    )
    _convexity(lab, bool(s.is_positive and s.subs(z, -z).is_positive))
    _far_out(lab)
    grid = lab.world.array(np.linspace(-settings.limit, settings.limit, settings.points))
    s = lab.world.sigmoid(grid)
    lab.plots["curves"] = {"z": grid.tolist()} | {
        f"{y:+d}": [
            as_numpy(curve).tolist()
            for curve in (loss(lab.world, grid, y), first_derivative(s, y), second_derivative(s, y))
        ]
        for y in LABELS
    }
    return lab.outcome


def _convexity(lab: Lab, positive: bool) -> None:
    """``positive``: whether SymPy proves that σ and 1 - σ, which is σ(-z), are."""
    least = lab.metrics["least_curvature_positive"]
    lab.check(
        "second_derivative_nonnegative",
        "σ and 1 - σ are never negative, and so neither is L''",
        positive and least >= 0,
        f"SymPy proves both factors positive for real z: {positive};"
        f" smallest L'' at {lab.settings.draws} points {least:.1e}",
    )
    defect = max(lab.metrics[f"worst_defect_{name}"] for name in LABELS.values())
    lab.check(
        "convex",
        "the loss is convex in z: it lies nowhere above a chord",
        # Rounding of a loss of up to about 40 nats is below 1e-14.
        defect <= ROUNDING and least >= 0,
        f"largest excess over a chord among {lab.settings.draws} chords for either label"
        f" {defect:.1e}",
    )


def _far_out(lab: Lab) -> None:
    at = lab.world.array([-1000.0, 1000.0])
    far = [float(value) + 0.0 for row in both(loss)(lab.world, at) for value in row]  # no -0.0
    with np.errstate(divide="ignore"):
        naive = float(-lab.world.log(lab.world.sigmoid(at[0])))
    lab.check(
        "finite_far_out",
        "computed from the logit the loss is exact at z = ±1000, where log σ(z) overflows",
        far == [1000.0, 0.0, 0.0, 1000.0] and not np.isfinite(naive),
        f"L(∓1000; ±1) = {far[0]:g}, L(±1000; ±1) = {far[1]:g}; -log of the rounded σ(-1000)"
        f" = {naive:g}",
    )


FIGURES = Figures()


@FIGURES.add("loss_and_derivatives", columns=2, width=4.4, sharey=True)
def draw_curves(plots: Any, *axes: Any) -> None:
    """The loss and its derivatives, one panel a label."""
    for ax, y in zip(axes, LABELS, strict=True):
        names = ("loss L", "slope L'", "curvature L''")
        for curve, name, style in zip(
            plots["curves"][f"{y:+d}"], names, ("-", "--", "-."), strict=True
        ):
            ax.plot(plots["curves"]["z"], curve, style, label=name)
        ax.axhline(0, color="0.4", lw=0.8)
        ax.set(xlabel="z", title=f"y = {y:+d}")
    axes[0].set_ylabel("L(z; y) in nats, and its derivatives")
    axes[0].legend()
