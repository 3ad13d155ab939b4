"""The critical points of f(x, y) = x^2 y + x y^2 - 6 x y, and their kinds.

Source: Hertie E1394, Problem set 1, 1.1 Optimization.

Twice: exactly, by SymPy (the gradient's zeros, the Hessian's determinant and trace there), and
numerically, by Newton's method on the gradient from random starts. NumPy has the derivatives
written out; PyTorch has f alone, and takes both derivatives by autograd.

Conventions: a point is (x, y); the gradient is (2,), the Hessian (2, 2); a critical point with a
determinant below 0 is a saddle, above 0 a minimum (f_xx > 0) or a maximum (f_xx < 0).

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import torch_hessian
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.statements import (
    Array,
    central_difference,
    numbers,
    relative_error,
    vanishes,
)
from hw.results.outcome import Outcome

Point = tuple[Fraction, Fraction]
Derivatives = Callable[[Array], tuple[Array, Array]]  # at (n, 2): gradients, Hessians

# A start whose Hessian is singular to rounding stays where it is, and so is dropped below.
SINGULAR = 1e-9
# What the report finds, with the Hessians that it prints.
CLAIMED_SADDLES: dict[Point, tuple[tuple[int, int], tuple[int, int]]] = {
    (Fraction(0), Fraction(0)): ((0, -6), (-6, 0)),
    (Fraction(6), Fraction(0)): ((0, 6), (6, 12)),
    (Fraction(0), Fraction(6)): ((12, 6), (6, 0)),
}
CLAIMED_MINIMUM = Fraction(3, 2), Fraction(3)
# What we put in its place.
MINIMUM = Fraction(2), Fraction(2)


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of Newton's starts", low=0)
    starts: int = setting(400, "random starts of Newton's method", low=1, high=100_000)
    low: float = setting(-3.0, "starts lie in [low, high] x [low, high]", low=-100, high=-1)
    high: float = setting(9.0, "see low", low=7, high=100)
    iterations: int = setting(60, "Newton steps a start", low=1, high=1000)
    grid: int = setting(81, "points a side of the contour plot", low=11, high=401)


def f(x: Any, y: Any) -> Any:
    """x^2 y + x y^2 - 6 x y, of numbers, arrays, tensors, fractions or symbols."""
    return x**2 * y + x * y**2 - 6 * x * y


def gradient(x: Any, y: Any) -> tuple[Any, Any]:
    """(2 x y + y^2 - 6 y, x^2 + 2 x y - 6 x), as the report has it."""
    return 2 * x * y + y**2 - 6 * y, x**2 + 2 * x * y - 6 * x


def hessian(x: Any, y: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((2 y, 2 x + 2 y - 6), (2 x + 2 y - 6, 2 x)), as the report has it."""
    mixed = 2 * x + 2 * y - 6
    return (2 * y, mixed), (mixed, 2 * x)


def determinant(point: Point) -> Fraction:
    (a, b), (c, d) = hessian(*point)
    return Fraction(a * d - b * c)


def numpy_derivatives(points: Array) -> tuple[Array, Array]:
    """Gradients (n, 2) and Hessians (n, 2, 2) at ``points`` (n, 2), from the formulas."""
    rows = [np.stack(row, -1) for row in hessian(*points.T)]
    return np.stack(gradient(*points.T), -1), np.stack(rows, -2)


def torch_derivatives(points: Array) -> tuple[Array, Array]:
    """`numpy_derivatives` by autograd, from f."""
    return torch_hessian(lambda at: f(*at.T), points)


def newton(derivatives: Derivatives, starts: Array, iterations: int) -> Array:
    """Newton's method on the gradient from each of ``starts`` (n, 2); where they end, (n, 2)."""
    at = starts.copy()
    for _ in range(iterations):
        slope, curvature = derivatives(at)
        moving = np.abs(np.linalg.det(curvature)) > SINGULAR
        at[moving] -= np.linalg.solve(curvature[moving], slope[moving][:, :, None])[:, :, 0]
    return at


def distinct(ends: Array, tolerance: float = 1e-6) -> list[tuple[float, float]]:
    """The different zeros of the gradient among ``ends`` (n, 2), in order."""
    found: list[Array] = []
    for point in ends:
        zero = np.isfinite(point).all() and np.linalg.norm(gradient(*point)) < tolerance
        if zero and all(np.linalg.norm(point - other) > 1e3 * tolerance for other in found):
            found.append(point)
    return sorted((float(round(x, 6)) + 0.0, float(round(y, 6)) + 0.0) for x, y in found)


def exact_points() -> list[Point]:
    """Every real zero of the gradient, by SymPy, in order."""
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    slope = [sp.diff(f(x, y), v) for v in (x, y)]
    solutions = sp.solve(slope, [x, y], dict=True)
    return sorted((Fraction(str(s[x])), Fraction(str(s[y]))) for s in solutions)


def kind(point: Point) -> str:
    """What the second derivatives make of a critical point."""
    d = determinant(point)
    if d < 0:
        return "saddle"
    if d == 0:
        return "undecided"
    return "minimum" if hessian(*point)[0][0] > 0 else "maximum"


# The question -------------------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Each step of the report's solution as a check. ``data`` is not used."""
    lab = Lab(settings, backend)
    derivatives = torch_derivatives if backend == "torch" else numpy_derivatives
    points = exact_points()
    _derivative_checks(lab, derivatives)
    _substitution_checks(lab)
    _point_checks(lab, derivatives, points)
    starts = lab.rng.uniform(settings.low, settings.high, size=(settings.starts, 2))
    found = distinct(newton(derivatives, starts, settings.iterations))
    lab.check(
        "newton_finds_the_same",
        "Newton's method from random starts finds these critical points and no other",
        len(found) == len(points) and np.allclose(found, np.array(points, float), atol=1e-6),
        f"{backend}, {settings.starts} starts: {', '.join(f'({a:g}, {b:g})' for a, b in found)}",
    )
    lab.metrics |= {
        "critical_points": len(points),
        "newton_points": len(found),
        "minimum_value": float(f(*MINIMUM)),
        "minimum_determinant": float(determinant(MINIMUM)),
        "printed_minimum_slope": float(gradient(*CLAIMED_MINIMUM)[1]),
    }
    # f on a grid around the points, the points with their kinds, and the report's minimum.
    axis = np.linspace(-2, 8, settings.grid)
    lab.plots["surface"] = {
        "axis": numbers(axis),
        "values": [numbers(row, 5) for row in f(axis[None, :], axis[:, None])],
        "points": [[float(x), float(y), kind((x, y))] for x, y in points],
        "printed": [float(v) for v in CLAIMED_MINIMUM],
    }
    return lab.outcome


def _derivative_checks(lab: Lab, derivatives: Derivatives) -> None:
    """The gradient and the Hessian: exactly, and against central differences of one order less."""
    import sympy as sp

    samples = lab.rng.uniform(lab.settings.low, lab.settings.high, size=(5, 2))
    x, y = sp.symbols("x y", real=True)
    surface = sp.Matrix([f(x, y)])
    formulas = {
        "gradient": (
            "the gradient is (2xy + y^2 - 6y, x^2 + 2xy - 6x)",
            surface.jacobian((x, y)) - sp.Matrix([gradient(x, y)]),
            lambda *at: [f(*at)],
        ),
        "hessian": (
            "the Hessian is [[2y, 2x + 2y - 6], [2x + 2y - 6, 2x]]",
            sp.hessian(surface[0], (x, y)) - sp.Matrix(hessian(x, y)),
            gradient,
        ),
    }
    for order, (name, (statement, exact, below)) in enumerate(formulas.items()):
        errors = []
        for at in samples:
            rows = derivatives(at[None])[order].reshape(-1, 2)
            expected = [
                central_difference(lambda z, i=i, below=below: float(below(*z)[i]), at)
                for i in range(len(rows))
            ]
            errors.append(relative_error(rows, expected))
        lab.formula(name, statement, vanishes(exact), differences=max(errors))


def _substitution_checks(lab: Lab) -> None:
    """The first equation, f_x = 0, and the second, f_y = 0, in each of the cases that it leaves."""
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    lab.proof(
        "first_equation_factors",
        "the first equation is y (2x + y - 6) = 0, so y = 0 or y = 6 - 2x",
        gradient(x, y)[0] - y * (2 * x + y - 6),
    )
    without_y = sp.factor(gradient(x, 0)[1])
    lab.check(
        "case_y_is_zero",
        "with y = 0 the second equation is x (x - 6) = 0, so x = 0 or x = 6",
        vanishes(without_y - x * (x - 6)) and sp.solveset(without_y, x) == sp.FiniteSet(0, 6),
        f"SymPy: {without_y}",
    )
    substituted = sp.expand(gradient(x, 6 - 2 * x)[1])
    lab.check(
        "substitution_as_printed",
        "with y = 6 - 2x the second equation is 2x (2x - 3) = 0, so x = 0 or x = 3/2",
        sp.solveset(substituted, x) == sp.solveset(2 * x * (2 * x - 3), x),
        f"it is {substituted} = {sp.factor(substituted)}, zero at "
        f"{', '.join(str(v) for v in sorted(sp.solve(substituted, x)))}",
    )
    lab.check(
        "substitution",
        "with y = 6 - 2x the second equation is -3x (x - 2) = 0, so x = 0 or x = 2",
        vanishes(substituted + 3 * x * (x - 2)),
        f"SymPy: x^2 + 2x (6 - 2x) - 6x = {sp.factor(substituted)}",
    )


def _point_checks(lab: Lab, derivatives: Derivatives, points: list[Point]) -> None:
    """What the report says of each critical point, and what we put in place of its minimum."""

    def curvature(point: Point) -> Any:
        return derivatives(np.array([point], float))[1][0]

    def facts(point: Point) -> str:
        """Gradient, Hessian and determinant: exactly, and the backend's determinant."""
        return (
            f"gradient {_show(gradient(*point))}, Hessian {_matrix(point)}, determinant "
            f"{determinant(point)} (in floats {float(np.linalg.det(curvature(point))):.6g})"
        )

    lab.check(
        "four_critical_points",
        "there are four critical points",
        len(points) == 4,
        f"SymPy: {', '.join(map(_show, points))}",
    )
    for point, matrix in CLAIMED_SADDLES.items():
        lab.check(
            f"saddle_{point[0]}_{point[1]}",
            f"{_show(point)} is a saddle point, the Hessian {_matrix(point, matrix)} having the "
            "determinant -36",
            point in points
            and hessian(*point) == matrix
            and kind(point) == "saddle"
            and determinant(point) == -36,
            facts(point),
        )
    printed = CLAIMED_MINIMUM
    lab.check(
        "printed_minimum_is_none",
        f"{_show(printed)} is no critical point, and so no minimum",
        printed not in points and any(gradient(*printed)),
        facts(printed),
    )
    lab.check(
        "hessian_as_printed",
        f"the Hessian at {_show(printed)} is [[6, 3], [3, 3]], of determinant 9",
        hessian(*printed) == ((6, 3), (3, 3)) and determinant(printed) == 9,
        f"{_matrix(printed)}, determinant {determinant(printed)}; without a zero gradient it "
        "classifies nothing",
    )
    lab.check(
        "minimum",
        f"the fourth critical point is {_show(MINIMUM)}, a local minimum, determinant 12",
        set(points) - set(CLAIMED_SADDLES) == {MINIMUM}
        and kind(MINIMUM) == "minimum"
        and determinant(MINIMUM) == 12
        and bool((np.linalg.eigvalsh(curvature(MINIMUM)) > 0).all()),
        f"{facts(MINIMUM)}, f = {f(*MINIMUM)}",
    )


def _show(point: Point) -> str:
    return f"({point[0]}, {point[1]})"


def _matrix(point: Point, printed: Any = None) -> str:
    """The Hessian at a point, or what is ``printed`` for it."""
    (a, b), (c, d) = printed or hessian(*point)
    return f"[[{a}, {b}], [{c}, {d}]]"


FIGURES = Figures()

# Lines close together around 0 and the minimum's -8, where everything happens.
LEVELS = (-100, -60, -36, -20, -12, -7, -5, -3, -1.5, 0, 3, 8, 16, 30, 60, 100, 160)
BOUND = 60


@FIGURES.add("contours", width=6.2, height=5.2)
def draw_contours(plots: Any, ax: Any) -> None:
    """Contour lines of f with its critical points, and the report's minimum."""
    from hw.figures.style import COLOURS

    known = plots["surface"]
    grid, values = (known["axis"], known["axis"]), np.array(known["values"])
    clipped, shades = np.clip(values, -BOUND, BOUND), np.linspace(-BOUND, BOUND, 25)
    filled = ax.contourf(*grid, clipped, levels=shades, cmap="PuOr", alpha=0.55)
    lines = ax.contour(*grid, values, levels=LEVELS, colors="0.35", linewidths=0.7)
    ax.clabel(lines, fontsize=7, fmt="%g")
    label, ticks = f"$f(x, y)$, clipped at ±{BOUND}", range(-BOUND, BOUND + 1, 20)
    ax.figure.colorbar(filled, ax=ax, label=label, ticks=ticks)
    looks = {
        "saddle": ("X", COLOURS[1]),
        "minimum": ("o", COLOURS[0]),
        "maximum": ("^", "k"),
        "undecided": ("s", "k"),
    }
    for name, (marker, colour) in looks.items():
        here = [(x, y) for x, y, found in known["points"] if found == name]
        if here:
            style = {"ms": 10, "color": colour, "mec": "white", "ls": "none"}
            ax.plot(*zip(*here, strict=True), marker, label=name, **style)
    box = {"boxstyle": "round,pad=0.15", "color": "white", "alpha": 0.85, "lw": 0}
    text = {"fontsize": 9, "fontweight": "bold", "bbox": box}
    for x, y, _ in known["points"]:
        # The order puts it above the labels of the contours.
        place = {"xytext": (8, 7), "textcoords": "offset points", "zorder": 4.5}
        ax.annotate(f"({x:g}, {y:g})", (x, y), **place, **text)
    x, y = known["printed"]
    style = {"ms": 8, "mfc": "none", "mec": "k", "mew": 1.5, "ls": "none"}
    ax.plot(x, y, "D", label=f"printed as the minimum: ({x:g}, {y:g})", **style)
    ax.grid(False)
    ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
    ax.legend(loc="upper right", frameon=True, framealpha=0.9)
