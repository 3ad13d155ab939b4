"""The sigmoid and its derivative, σ' = σ(1 - σ): exactly, and numerically.

Source: IST Deep Learning 2021-22, Homework 1, question 1.1, Figures 1 and 2.

Conventions: z real; σ(z) = 1 / (1 + exp(-z)); u stands for exp(-z). The formulas under test are
written once, in arithmetic alone, and are given SymPy expressions, NumPy arrays and torch tensors.

Deviations: the handout asks for a derivation on paper. Here every line of it is an identity that
SymPy decides, and σ' is compared with finite differences (NumPy) or autograd (PyTorch). NumPy's σ
is computed from exp(-|z|), which cannot overflow, rather than from its definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import ROUNDING, gap
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World
from hw.results.outcome import Outcome


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random points", low=0)
    draws: int = setting(10_000, "random points at which derivatives are compared", low=1)
    scale: float = setting(5.0, "standard deviation of the random points", above=0, high=20)
    limit: float = setting(8.0, "the figures show z from -limit to limit", above=0, high=50)
    points: int = setting(401, "points of each curve", low=3, high=10_001)


# The formulas under test -----------------------------------------------------------------------


def derivative(s: Any) -> Any:
    """σ' in terms of s = σ(z)."""
    return s * (1 - s)


def derivative_quotient(u: Any) -> Any:
    """σ' in terms of u = exp(-z)."""
    return u / (1 + u) ** 2


def complement(u: Any) -> Any:
    """1 - σ in terms of u = exp(-z)."""
    return u / (1 + u)


def slope(w: World, z: Any) -> Any:
    """σ'(z) without a formula."""
    return w.slope(lambda w, t: w.plain_sigmoid(t), z)


# check: (statement, its two sides, whether one of them is a derivative, name of the residual)
IDENTITIES = {
    "derivative_quotient": (
        "σ'(z) = exp(-z) / (1 + exp(-z))²",
        lambda w, z: (derivative_quotient(w.exp(-z)), slope(w, z)),
        True,
        "quotient_error",
    ),
    "complement": (
        "1 - σ(z) = exp(-z) / (1 + exp(-z))",
        lambda w, z: (complement(w.exp(-z)), 1 - w.sigmoid(z)),
        False,
        "complement_error",
    ),
    "derivative": (
        "σ'(z) = σ(z) (1 - σ(z))",
        lambda w, z: (derivative(w.sigmoid(z)), slope(w, z)),
        True,
        "derivative_error",
    ),
    "reflection": (
        "1 - σ(z) = σ(-z)",
        lambda w, z: (w.sigmoid(-z), 1 - w.sigmoid(z)),
        False,
        "reflection_error",
    ),
}


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every line of the derivation, and the two curves, put to the test."""
    import sympy

    lab = Lab(settings, backend)
    z = sympy.Symbol("z", real=True)
    drawn = lab.rng.normal(0, settings.scale, settings.draws)
    for name, (statement, sides, is_slope, metric) in IDENTITIES.items():
        lab.identity(name, statement, sides, z, drawn, derivative=is_slope, metric=metric)
    _curves(lab, 1 / (1 + sympy.exp(-z)), z)
    _in_floating_point(lab, 1 / (1 + sympy.exp(-z)), z)
    return lab.outcome


def _curves(lab: Lab, s: Any, z: Any) -> None:
    """The landmarks of the two curves: of SymPy's ``s`` = σ(z), and on the figures' grid."""
    import sympy

    half, quarter = sympy.Rational(1, 2), sympy.Rational(1, 4)
    grid = np.linspace(-lab.settings.limit, lab.settings.limit, lab.settings.points)
    curve = np.asarray(lab.world.sigmoid(lab.world.array(grid)))
    slopes = derivative(curve)
    limits = tuple(sympy.limit(s, z, end) for end in (-sympy.oo, sympy.oo))
    increasing = bool(sympy.diff(s, z).is_positive)
    # Past |z| = 36 σ is constant in float64, so that a strict increase cannot be asked for there.
    rises = bool(np.all(np.diff(curve) >= 0)) and curve[-1] > curve[0]
    lab.check(
        "sigmoid_curve",
        "σ rises from 0 to 1 and passes through 1/2 at z = 0",
        limits == (0, 1) and s.subs(z, 0) == half and increasing and rises,
        f"SymPy: limits {limits[0]} and {limits[1]}, σ(0) = {s.subs(z, 0)}, σ' > 0 everywhere:"
        f" {increasing}; on the grid from {curve[0]:.2e} to {curve[-1]:.6f} without a fall:"
        f" {rises}",
    )
    published = derivative(s)
    peak = published.subs(z, 0) == quarter
    # σ' falls short of 1/4 by a square, so that 1/4 is its maximum and z = 0 the only place.
    square = vanishes(quarter - published - (s - half) ** 2)
    even = vanishes(published - published.subs(z, -z))
    lab.check(
        "derivative_curve",
        "σ' is even and highest at z = 0, where it is 1/4",
        peak and square and even and slopes.max() <= 0.25 and gap(slopes, slopes[::-1]) <= ROUNDING,
        f"SymPy: σ'(0) = 1/4: {peak}, 1/4 - σ' is the square (σ - 1/2)²: {square},"
        f" σ'(-z) = σ'(z): {even}; highest on the grid {slopes.max():.6f}",
    )
    lab.plots["curves"] = {
        "z": grid.tolist(),
        "sigmoid": curve.tolist(),
        "derivative": slopes.tolist(),
    }


def _in_floating_point(lab: Lab, s: Any, z: Any) -> None:
    import sympy

    exact = float(sympy.N(sympy.diff(s, z).subs(z, 40), 30))
    right, left = (float(lab.world.sigmoid(lab.world.array(at))) for at in (40.0, -40.0))
    kept, lost = abs(right * left / exact - 1), abs(derivative(right) / exact - 1)
    lab.check(
        "reflected_product_is_precise",
        "in floating point σ(z) σ(-z) keeps the digits of σ' that σ(z) (1 - σ(z)) cancels",
        kept <= ROUNDING < lost,
        f"σ'(40) = {exact:.6e}: the reflected product is off by a relative {kept:.1e},"
        f" the published one gives {derivative(right):g}",
    )
    far = np.asarray(lab.world.sigmoid(lab.world.array([-1000.0, 1000.0])))
    lab.check(
        "finite_far_out",
        "σ is computed without overflow at z = ±1000",
        far.tolist() == [0.0, 1.0],
        f"σ(-1000) = {far[0]:g}, σ(1000) = {far[1]:g}",
    )


FIGURES = Figures()


def _curve(plots: Any, ax: Any, name: str, middle: float, text: str) -> None:
    ax.plot(plots["curves"]["z"], plots["curves"][name])
    ax.plot([0], [middle], "o", color="black", ms=4)
    ax.annotate(text, (0, middle), (9, -4), textcoords="offset points")


@FIGURES.add("sigmoid")
def draw_sigmoid(plots: Any, ax: Any) -> None:
    """Figure 1: the sigmoid between its asymptotes."""
    for level in (0, 1):
        ax.axhline(level, color="0.4", lw=0.8, ls="--")
    _curve(plots, ax, "sigmoid", 0.5, "σ(0) = 1/2")
    ax.set(xlabel="z", ylabel="σ(z)")


@FIGURES.add("derivative")
def draw_derivative(plots: Any, ax: Any) -> None:
    """Figure 2: the derivative of the sigmoid."""
    _curve(plots, ax, "derivative", 0.25, "σ'(0) = 1/4")
    ax.set(xlabel="z", ylabel="σ'(z) = σ(z) (1 - σ(z))")
    ax.set_ylim(bottom=-0.01)
