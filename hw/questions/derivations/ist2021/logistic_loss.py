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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.nn.activations import sigmoid
from hw.questions.derivations.lab.calculus import (
    ROUNDING,
    chord_defect,
    first_difference,
    gap,
    second_difference,
    tolerances,
    torch_derivatives,
    witness,
)
from hw.questions.derivations.lab.statements import sole, titled, vanishes
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = (1, -1)


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


# NumPy -----------------------------------------------------------------------------------------


def loss(z: np.ndarray, y: int) -> np.ndarray:
    """L(z; y), of z's shape, in nats; finite for every finite z."""
    return np.logaddexp(0, -y * z)


def numpy_numbers(z: np.ndarray, chords: tuple[np.ndarray, ...], grid: np.ndarray) -> dict:
    def of(y: int) -> dict[str, Any]:
        s, g = sigmoid(z), sigmoid(grid)
        return {
            "one_formula_error": gap(
                one_formula(np.log(sigmoid(z)), np.log(sigmoid(-z)), y), loss(z, y)
            ),
            "first_error": gap(first_derivative(s, y), first_difference(lambda t: loss(t, y), z)),
            "second_error": gap(
                second_derivative(s, y), second_difference(lambda t: loss(t, y), z)
            ),
            "least_curvature": float(second_derivative(s, y).min()),
            "worst_defect": float(chord_defect(lambda t: loss(t, y), *chords).max()),
            "far": loss(np.array([-1000.0, 1000.0]), y).tolist(),
            "curves": [loss(grid, y), first_derivative(g, y), second_derivative(g, y)],
        }

    with np.errstate(divide="ignore"):
        naive = float(-np.log(sigmoid(np.array(-1000.0))))
    return {y: of(y) for y in LABELS} | {"naive": naive}


# PyTorch ---------------------------------------------------------------------------------------


def torch_numbers(z: np.ndarray, chords: tuple[np.ndarray, ...], grid: np.ndarray) -> dict:
    import torch
    from torch.nn.functional import logsigmoid

    points, line = torch.from_numpy(z), torch.from_numpy(grid)
    ends = [torch.from_numpy(part) for part in chords]

    def of(y: int) -> dict[str, Any]:
        def value(t: Any) -> Any:
            return -logsigmoid(y * t)

        # Elementary steps: autograd's own rule for logsigmoid is the formula under test.
        first, second = torch_derivatives(lambda t: torch.log1p(torch.exp(-y * t)), z)
        s, g = torch.sigmoid(points), torch.sigmoid(line)
        published = one_formula(torch.log(s), torch.log(torch.sigmoid(-points)), y)
        curves = [value(line), first_derivative(g, y), second_derivative(g, y)]
        return {
            "one_formula_error": gap(published, value(points)),
            "first_error": gap(first_derivative(s, y), first),
            "second_error": gap(second_derivative(s, y), second),
            "least_curvature": float(second_derivative(s, y).min()),
            "worst_defect": float(chord_defect(value, *ends).max()),
            "far": value(torch.tensor([-1000.0, 1000.0], dtype=torch.float64)).tolist(),
            "curves": [curve.numpy() for curve in curves],
        }

    naive = float(-torch.log(torch.sigmoid(torch.tensor(-1000.0, dtype=torch.float64))))
    return {y: of(y) for y in LABELS} | {"naive": naive}


# Exact -----------------------------------------------------------------------------------------


def exact() -> dict[str, Any]:
    """By label: the identities as SymPy decides them, and the signs that it can prove."""
    import sympy

    z = sympy.symbols("z", real=True)
    s = 1 / (1 + sympy.exp(-z))
    slope = sympy.diff(s, z)
    losses = {1: -sympy.log(s), -1: -sympy.log(1 - s)}
    found: dict[Any, Any] = {
        y: {
            "one_formula": vanishes(one_formula(sympy.log(s), sympy.log(1 - s), y) - value),
            "first": vanishes(sympy.diff(value, z) - first_derivative(s, y)),
            "second": vanishes(sympy.diff(value, z, 2) - second_derivative(s, y)),
        }
        for y, value in losses.items()
    }
    found["quotient"] = vanishes(sympy.diff(losses[1], z) + slope / s)
    found["is_slope"] = vanishes(sympy.diff(losses[1], z, 2) - slope)
    rest = sympy.exp(-z) / (1 + sympy.exp(-z))
    found["signs"] = {"σ": bool(s.is_positive), "1 - σ": bool(rest.is_positive)}
    return found


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Both derivatives, the sign of the second, and the chords, put to the test."""
    rng = np.random.default_rng(settings.seed)
    z, u, v = rng.normal(0, settings.scale, (3, settings.draws))
    chords = (u, v, rng.uniform(size=settings.draws))
    grid = np.linspace(-settings.limit, settings.limit, settings.points)
    n = {"numpy": numpy_numbers, "torch": torch_numbers}[backend](z, chords, grid)
    e = exact()
    first_tolerance, second_tolerance = tolerances(backend)
    by = witness(backend)
    outcome = Outcome()

    def said(holds: bool) -> str:
        return f"SymPy: the difference {'reduces' if holds else 'does not reduce'} to 0"

    both = all(e[y]["one_formula"] for y in LABELS)
    error = max(n[y]["one_formula_error"] for y in LABELS)
    outcome.check(
        "one_formula",
        "for y = ±1 the two cases of the loss are -(1+y)/2 log σ(z) - (1-y)/2 log(1 - σ(z))",
        both and error <= ROUNDING,
        f"{said(both)}; largest |difference| {error:.1e}",
    )
    outcome.check(
        "first_derivative_quotient", "L'(z; +1) = -σ'(z) / σ(z)", e["quotient"], said(e["quotient"])
    )
    for y, suffix in ((1, ""), (-1, "_negative")):
        formula = "σ(z) - 1" if y == 1 else "σ(z)"
        outcome.check(
            f"first_derivative{suffix}",
            f"L'(z; {y:+d}) = {formula}",
            e[y]["first"] and n[y]["first_error"] <= first_tolerance,
            f"{said(e[y]['first'])}; largest |difference| from {by} {n[y]['first_error']:.1e}",
        )
        outcome.check(
            f"second_derivative{suffix}",
            f"L''(z; {y:+d}) = σ(z) (1 - σ(z))",
            e[y]["second"] and n[y]["second_error"] <= second_tolerance,
            f"{said(e[y]['second'])}; largest |difference| from {by} {n[y]['second_error']:.1e}",
        )
    outcome.check(
        "second_derivative_is_sigmoid_slope",
        "L''(z; +1) is the derivative of the sigmoid",
        e["is_slope"],
        said(e["is_slope"]),
    )
    least = n[1]["least_curvature"]
    outcome.check(
        "second_derivative_nonnegative",
        "σ and 1 - σ are never negative, and so neither is L''",
        all(e["signs"].values()) and least >= 0,
        f"SymPy proves both factors positive for real z: {all(e['signs'].values())};"
        f" smallest L'' at {settings.draws} points {least:.1e}",
    )
    defect = max(n[y]["worst_defect"] for y in LABELS)
    outcome.check(
        "convex",
        "the loss is convex in z: it lies nowhere above a chord",
        # Rounding of a loss of up to about 40 nats is below 1e-14.
        defect <= ROUNDING and least >= 0,
        f"largest excess over a chord among {settings.draws} chords for either label {defect:.1e}",
    )
    far = [value + 0.0 for y in LABELS for value in n[y]["far"]]  # + 0.0: no negative zero
    outcome.check(
        "finite_far_out",
        "computed from the logit the loss is exact at z = ±1000, where log σ(z) overflows",
        far == [1000.0, 0.0, 0.0, 1000.0] and not np.isfinite(n["naive"]),
        f"L(∓1000; ±1) = {far[0]:g}, L(±1000; ±1) = {far[1]:g}; -log of the rounded σ(-1000)"
        f" = {n['naive']:g}",
    )
    for y, suffix in ((1, "positive"), (-1, "negative")):
        for key in ("first_error", "second_error", "least_curvature", "worst_defect"):
            outcome.metrics[f"{key}_{suffix}"] = n[y][key]
    outcome.plots = {
        "curves": {
            "z": grid.tolist(),
            **{f"{y:+d}": [curve.tolist() for curve in n[y]["curves"]] for y in LABELS},
        }
    }
    return outcome


# Figures ---------------------------------------------------------------------------------------


def draw_curves(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The loss and its derivatives, one panel a label."""
    from hw.figures.style import new_figure

    curves = sole(outcomes).plots["curves"]
    figure, (axes,) = new_figure(1, 2, width=4.4, sharey=True)
    for ax, y in zip(axes, LABELS, strict=True):
        names = ("loss L", "slope L'", "curvature L''")
        for curve, name, style in zip(curves[f"{y:+d}"], names, ("-", "--", "-."), strict=True):
            ax.plot(curves["z"], curve, style, label=name)
        ax.axhline(0, color="0.4", lw=0.8)
        ax.set(xlabel="z", title=f"y = {y:+d}")
    axes[0].set_ylabel("L(z; y) in nats, and its derivatives")
    axes[0].legend()
    return titled(figure, spec)


FIGURES = {"loss_and_derivatives": draw_curves}
