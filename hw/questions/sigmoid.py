"""The sigmoid and its derivative, σ' = σ(1 - σ): exactly, and numerically.

Source: IST Deep Learning 2021-22, Homework 1, question 1.1, Figures 1 and 2.

Conventions: z real; σ(z) = 1 / (1 + exp(-z)); u stands for exp(-z). The formulas under test are
written once, in arithmetic alone, and are given SymPy expressions, NumPy arrays and torch tensors.

Deviations: the handout asks for a derivation on paper. Here every line of it is an identity that
SymPy decides, and σ' is compared with finite differences (NumPy) or autograd (PyTorch). σ itself is
computed from exp(-|z|), which cannot overflow, rather than from its definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config import setting
from hw.outcome import Outcome
from hw.questions._calculus import (
    ROUNDING,
    first_difference,
    gap,
    tolerances,
    torch_derivatives,
    witness,
)
from hw.questions._symbolic import sole, titled, vanishes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


# NumPy -----------------------------------------------------------------------------------------


def sigmoid(z: np.ndarray) -> np.ndarray:
    """σ(z), of z's shape, without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1 + e)


def numpy_numbers(z: np.ndarray, grid: np.ndarray) -> dict[str, Any]:
    s, u = sigmoid(z), np.exp(-z)
    slope = first_difference(sigmoid, z)
    return {
        "derivative_error": gap(derivative(s), slope),
        "quotient_error": gap(derivative_quotient(u), slope),
        "complement_error": gap(complement(u), 1 - s),
        "reflection_error": gap(sigmoid(-z), 1 - s),
        "curve": sigmoid(grid),
        "slope": derivative(sigmoid(grid)),
        "far": sigmoid(np.array([-1000.0, 1000.0])),
        "cancelled": float(derivative(sigmoid(np.array(40.0)))),
        "kept": float(sigmoid(np.array(40.0)) * sigmoid(np.array(-40.0))),
    }


# PyTorch ---------------------------------------------------------------------------------------


def torch_numbers(z: np.ndarray, grid: np.ndarray) -> dict[str, Any]:
    import torch

    points, line = torch.from_numpy(z), torch.from_numpy(grid)
    s, u = torch.sigmoid(points), torch.exp(-points)
    # From the definition: autograd's own rule for torch.sigmoid is the formula under test.
    slope, _ = torch_derivatives(lambda t: 1 / (1 + torch.exp(-t)), z)
    forty = torch.tensor(40.0, dtype=torch.float64)
    return {
        "derivative_error": gap(derivative(s), slope),
        "quotient_error": gap(derivative_quotient(u), slope),
        "complement_error": gap(complement(u), 1 - s),
        "reflection_error": gap(torch.sigmoid(-points), 1 - s),
        "curve": torch.sigmoid(line).numpy(),
        "slope": derivative(torch.sigmoid(line)).numpy(),
        "far": torch.sigmoid(torch.tensor([-1000.0, 1000.0], dtype=torch.float64)).numpy(),
        "cancelled": float(derivative(torch.sigmoid(forty))),
        "kept": float(torch.sigmoid(forty) * torch.sigmoid(-forty)),
    }


# Exact -----------------------------------------------------------------------------------------


def exact() -> dict[str, Any]:
    """Each identity as SymPy decides it, the landmarks of the two curves, and σ'(40)."""
    import sympy

    z = sympy.symbols("z", real=True)
    u, s = sympy.exp(-z), 1 / (1 + sympy.exp(-z))
    slope = sympy.diff(s, z)
    published = derivative(s)
    return {
        "derivative": vanishes(slope - published),
        "quotient": vanishes(slope - derivative_quotient(u)),
        "complement": vanishes(1 - s - complement(u)),
        "reflection": vanishes(1 - s - s.subs(z, -z)),
        "limits": tuple(sympy.limit(s, z, end) for end in (-sympy.oo, sympy.oo)),
        "middle": s.subs(z, 0) == sympy.Rational(1, 2),
        "increasing": bool(slope.is_positive),
        "peak": published.subs(z, 0) == sympy.Rational(1, 4),
        # σ' falls short of 1/4 by a square, so that 1/4 is its maximum and z = 0 the only place.
        "square": vanishes(sympy.Rational(1, 4) - published - (s - sympy.Rational(1, 2)) ** 2),
        "even": vanishes(published - published.subs(z, -z)),
        "slope_at_40": float(sympy.N(slope.subs(z, 40), 30)),
    }


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every line of the derivation, and the two curves, put to the test."""
    rng = np.random.default_rng(settings.seed)
    z = rng.normal(0, settings.scale, settings.draws)
    grid = np.linspace(-settings.limit, settings.limit, settings.points)
    n = {"numpy": numpy_numbers, "torch": torch_numbers}[backend](z, grid)
    e = exact()
    tolerance, _ = tolerances(backend)
    outcome = Outcome()

    def identity(
        name: str, statement: str, holds: bool, error: float, limit: float, by: str
    ) -> None:
        word = "reduces" if holds else "does not reduce"
        outcome.check(
            name,
            statement,
            holds and error <= limit,
            f"SymPy: the difference {word} to 0; largest |difference| from {by}"
            f" at {settings.draws} points {error:.1e}",
        )

    identity(
        "derivative_quotient",
        "σ'(z) = exp(-z) / (1 + exp(-z))²",
        e["quotient"],
        n["quotient_error"],
        tolerance,
        witness(backend),
    )
    identity(
        "complement",
        "1 - σ(z) = exp(-z) / (1 + exp(-z))",
        e["complement"],
        n["complement_error"],
        ROUNDING,
        "1 - σ",
    )
    identity(
        "derivative",
        "σ'(z) = σ(z) (1 - σ(z))",
        e["derivative"],
        n["derivative_error"],
        tolerance,
        witness(backend),
    )

    curve, slope = n["curve"], n["slope"]
    # Past |z| = 36 σ is constant in float64, so that a strict increase cannot be asked for there.
    rises = bool(np.all(np.diff(curve) >= 0)) and curve[-1] > curve[0]
    outcome.check(
        "sigmoid_curve",
        "σ rises from 0 to 1 and passes through 1/2 at z = 0",
        e["limits"] == (0, 1) and e["middle"] and e["increasing"] and rises,
        f"SymPy: limits {e['limits'][0]} and {e['limits'][1]}, σ(0) = 1/2: {e['middle']},"
        f" σ' > 0 everywhere: {e['increasing']}; on the grid from {curve[0]:.2e} to"
        f" {curve[-1]:.6f} without a fall: {rises}",
    )
    outcome.check(
        "derivative_curve",
        "σ' is even and highest at z = 0, where it is 1/4",
        e["peak"]
        and e["square"]
        and e["even"]
        and slope.max() <= 0.25
        and gap(slope, slope[::-1]) <= ROUNDING,
        f"SymPy: σ'(0) = 1/4: {e['peak']}, 1/4 - σ' is the square (σ - 1/2)²: {e['square']},"
        f" σ'(-z) = σ'(z): {e['even']}; highest on the grid {slope.max():.6f}",
    )
    identity(
        "reflection", "1 - σ(z) = σ(-z)", e["reflection"], n["reflection_error"], ROUNDING, "1 - σ"
    )
    lost = abs(n["cancelled"] / e["slope_at_40"] - 1)
    kept = abs(n["kept"] / e["slope_at_40"] - 1)
    outcome.check(
        "reflected_product_is_precise",
        "in floating point σ(z) σ(-z) keeps the digits of σ' that σ(z) (1 - σ(z)) cancels",
        kept <= ROUNDING < lost,
        f"σ'(40) = {e['slope_at_40']:.6e}: the reflected product is off by a relative {kept:.1e},"
        f" the published one gives {n['cancelled']:g}",
    )
    outcome.check(
        "finite_far_out",
        "σ is computed without overflow at z = ±1000",
        n["far"].tolist() == [0.0, 1.0],
        f"σ(-1000) = {n['far'][0]:g}, σ(1000) = {n['far'][1]:g}",
    )
    errors = ("derivative_error", "quotient_error", "complement_error", "reflection_error")
    outcome.metrics = {name: n[name] for name in errors}
    outcome.plots = {
        "curves": {"z": grid.tolist(), "sigmoid": curve.tolist(), "derivative": slope.tolist()}
    }
    return outcome


# Figures ---------------------------------------------------------------------------------------


def draw_sigmoid(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Figure 1: the sigmoid between its asymptotes."""
    from hw.plotting import new_figure

    curves = sole(outcomes).plots["curves"]
    figure, ((ax,),) = new_figure()
    for level in (0, 1):
        ax.axhline(level, color="0.4", lw=0.8, ls="--")
    ax.plot(curves["z"], curves["sigmoid"])
    ax.plot([0], [0.5], "o", color="black", ms=4)
    ax.annotate("σ(0) = 1/2", (0, 0.5), (9, -4), textcoords="offset points")
    ax.set(xlabel="z", ylabel="σ(z)")
    return titled(figure, spec)


def draw_derivative(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Figure 2: the derivative of the sigmoid."""
    from hw.plotting import new_figure

    curves = sole(outcomes).plots["curves"]
    figure, ((ax,),) = new_figure()
    ax.plot(curves["z"], curves["derivative"])
    ax.plot([0], [0.25], "o", color="black", ms=4)
    ax.annotate("σ'(0) = 1/4", (0, 0.25), (9, -4), textcoords="offset points")
    ax.set(xlabel="z", ylabel="σ'(z) = σ(z) (1 - σ(z))")
    ax.set_ylim(bottom=-0.01)
    return titled(figure, spec)


FIGURES = {"sigmoid": draw_sigmoid, "derivative": draw_derivative}
