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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.statements import (
    DIFFERENCE_TOLERANCE,
    Array,
    central_difference,
    numbers,
    relative_error,
    sole,
    titled,
    vanishes,
)
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[Fraction, Fraction]

# A start whose Hessian is singular to rounding stays where it is, and so is dropped below.
SINGULAR = 1e-9
# What the report finds.
CLAIMED_SADDLES: tuple[Point, ...] = tuple(
    (Fraction(x), Fraction(y)) for x, y in ((0, 0), (6, 0), (0, 6))
)
CLAIMED_MINIMUM: Point = (Fraction(3, 2), Fraction(3))
# What we put in its place.
MINIMUM: Point = (Fraction(2), Fraction(2))


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of Newton's starts", low=0)
    starts: int = setting(400, "random starts of Newton's method", low=1, high=100_000)
    low: float = setting(-3.0, "starts lie in [low, high] x [low, high]", low=-100, high=-1)
    high: float = setting(9.0, "see low", low=7, high=100)
    iterations: int = setting(60, "Newton steps a start", low=1, high=1000)
    grid: int = setting(81, "points a side of the contour plot", low=11, high=401)


# NumPy: f and its derivatives, written out --------------------------------------------------------


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
    return a * d - b * c


def numpy_derivatives(point: Array) -> tuple[Array, Array]:
    """Gradient (2,) and Hessian (2, 2) at ``point`` (2,)."""
    return np.array(gradient(*point)), np.array(hessian(*point))


# PyTorch: f alone ---------------------------------------------------------------------------------


def torch_derivatives(point: Array) -> tuple[Array, Array]:
    """`numpy_derivatives` by autograd, from f."""
    import torch

    at = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(f(at[0], at[1]), at, create_graph=True)
    rows = [torch.autograd.grad(entry, at, retain_graph=True)[0] for entry in slope]
    return slope.detach().numpy(), torch.stack(rows).numpy()


def torch_newton(starts: Array, iterations: int) -> Array:
    """`numpy_newton`, all derivatives by autograd, all starts at once."""
    import torch

    at = torch.tensor(starts, dtype=torch.float64)
    for _ in range(iterations):
        at = at.detach().requires_grad_()
        (slope,) = torch.autograd.grad(f(at[:, 0], at[:, 1]).sum(), at, create_graph=True)
        rows = [torch.autograd.grad(slope[:, i].sum(), at, retain_graph=True)[0] for i in (0, 1)]
        curvature = torch.stack(rows, dim=1)
        moving = curvature.det().abs() > SINGULAR
        step = torch.zeros_like(at)
        step[moving] = torch.linalg.solve(curvature[moving], slope[moving])
        at = at.detach() - step.detach()
    return at.detach().numpy()


def numpy_newton(starts: Array, iterations: int) -> Array:
    """Newton's method on the gradient from each of ``starts`` (n, 2); where they end, (n, 2)."""
    at = starts.copy()
    for _ in range(iterations):
        slope = np.stack(gradient(*at.T), axis=1)
        (a, b), (c, d) = hessian(*at.T)
        curvature = np.stack([np.stack([a, b], 1), np.stack([c, d], 1)], axis=1)
        moving = np.abs(a * d - b * c) > SINGULAR
        step = np.zeros_like(at)
        step[moving] = np.linalg.solve(curvature[moving], slope[moving][:, :, None])[:, :, 0]
        at -= step
    return at


def distinct(ends: Array, tolerance: float = 1e-6) -> list[tuple[float, float]]:
    """The different zeros of the gradient among ``ends`` (n, 2), in order."""
    zeros = [
        point
        for point in ends
        if np.isfinite(point).all() and np.linalg.norm(gradient(*point)) < tolerance
    ]
    found: list[Array] = []
    for point in zeros:
        if all(np.linalg.norm(point - other) > 1e3 * tolerance for other in found):
            found.append(point)
    return sorted((float(round(x, 6)) + 0.0, float(round(y, 6)) + 0.0) for x, y in found)


# Exactly, by SymPy --------------------------------------------------------------------------------


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


def show(point: Point) -> str:
    return f"({point[0]}, {point[1]})"


# The question -------------------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Each step of the report's solution as a check. ``data`` is not used."""
    import sympy as sp

    outcome = Outcome()
    derivatives = torch_derivatives if backend == "torch" else numpy_derivatives
    rng = np.random.default_rng(settings.seed)
    points = exact_points()
    x, y = sp.symbols("x y", real=True)

    samples = rng.uniform(settings.low, settings.high, size=(5, 2))
    slope_error = max(
        relative_error(derivatives(p)[0], central_difference(lambda z: float(f(*z)), p))
        for p in samples
    )
    slopes = zip((x, y), gradient(x, y), strict=True)
    exact = vanishes(*(sp.diff(f(x, y), v) - written for v, written in slopes))
    outcome.check(
        "gradient",
        "the gradient is (2xy + y^2 - 6y, x^2 + 2xy - 6x)",
        exact and slope_error <= DIFFERENCE_TOLERANCE,
        f"SymPy: {'exact' if exact else 'differs'}; {backend}: relative error {slope_error:.1e} "
        "against central differences",
    )
    curve_error = max(
        relative_error(
            derivatives(p)[1],
            [central_difference(partial(_slope, i), p) for i in (0, 1)],
        )
        for p in samples
    )
    exact = vanishes(sp.hessian(f(x, y), (x, y)) - sp.Matrix(hessian(x, y)))
    outcome.check(
        "hessian",
        "the Hessian is [[2y, 2x + 2y - 6], [2x + 2y - 6, 2x]]",
        exact and curve_error <= DIFFERENCE_TOLERANCE,
        f"SymPy: {'exact' if exact else 'differs'}; {backend}: relative error {curve_error:.1e} "
        "against central differences",
    )
    substituted = sp.expand(gradient(x, 6 - 2 * x)[1])
    outcome.check(
        "substitution_as_printed",
        "with y = 6 - 2x the second equation is 2x (2x - 3) = 0, so x = 0 or x = 3/2",
        sp.solveset(substituted, x) == sp.solveset(2 * x * (2 * x - 3), x),
        f"it is {substituted} = {sp.factor(substituted)}, zero at "
        f"{', '.join(str(v) for v in sorted(sp.solve(substituted, x)))}",
    )
    outcome.check(
        "substitution",
        "with y = 6 - 2x the second equation is -3x (x - 2) = 0, so x = 0 or x = 2",
        vanishes(substituted + 3 * x * (x - 2)),
        f"SymPy: x^2 + 2x (6 - 2x) - 6x = {sp.factor(substituted)}",
    )
    outcome.check(
        "four_critical_points",
        "there are four critical points",
        len(points) == 4,
        f"SymPy: {', '.join(map(show, points))}",
    )
    for point in CLAIMED_SADDLES:
        outcome.check(
            f"saddle_{point[0]}_{point[1]}",
            f"{show(point)} is a saddle point, the Hessian's determinant being -36",
            point in points and kind(point) == "saddle" and determinant(point) == -36,
            _facts(point, derivatives),
        )
    outcome.check(
        "minimum_as_printed",
        f"{show(CLAIMED_MINIMUM)} is a critical point, a local minimum",
        CLAIMED_MINIMUM in points and kind(CLAIMED_MINIMUM) == "minimum",
        _facts(CLAIMED_MINIMUM, derivatives)
        + ("" if CLAIMED_MINIMUM in points else ": not a critical point"),
    )
    outcome.check(
        "hessian_as_printed",
        f"the Hessian at {show(CLAIMED_MINIMUM)} is [[6, 3], [3, 3]], of determinant 9",
        hessian(*CLAIMED_MINIMUM) == ((6, 3), (3, 3)) and determinant(CLAIMED_MINIMUM) == 9,
        f"{_matrix(CLAIMED_MINIMUM)}, determinant {determinant(CLAIMED_MINIMUM)}; without a zero "
        "gradient it classifies nothing",
    )
    curvature = derivatives(np.array(MINIMUM, float))[1]
    outcome.check(
        "minimum",
        f"the fourth critical point is {show(MINIMUM)}, a local minimum, determinant 12",
        set(points) - set(CLAIMED_SADDLES) == {MINIMUM}
        and kind(MINIMUM) == "minimum"
        and determinant(MINIMUM) == 12
        and bool((np.linalg.eigvalsh(curvature) > 0).all()),
        f"{_facts(MINIMUM, derivatives)}, f = {f(*MINIMUM)}",
    )
    starts = rng.uniform(settings.low, settings.high, size=(settings.starts, 2))
    ends = (torch_newton if backend == "torch" else numpy_newton)(starts, settings.iterations)
    found = distinct(ends)
    outcome.check(
        "newton_finds_the_same",
        "Newton's method from random starts finds these critical points and no other",
        len(found) == len(points) and np.allclose(found, np.array(points, float), atol=1e-6),
        f"{backend}, {settings.starts} starts: {', '.join(f'({a:g}, {b:g})' for a, b in found)}",
    )
    outcome.metrics |= {
        "critical_points": len(points),
        "newton_points": len(found),
        "minimum_value": float(f(*MINIMUM)),
        "minimum_determinant": float(determinant(MINIMUM)),
        "printed_minimum_slope": float(gradient(*CLAIMED_MINIMUM)[1]),
    }
    outcome.plots["surface"] = surface(settings, points)
    return outcome


def _slope(i: int, at: Array) -> float:
    """Entry ``i`` of the gradient at ``at`` (2,)."""
    return float(gradient(*at)[i])


def _matrix(point: Point) -> str:
    (a, b), (c, d) = hessian(*point)
    return f"[[{a}, {b}], [{c}, {d}]]"


def _facts(point: Point, derivatives: Callable[[Array], tuple[Array, Array]]) -> str:
    """Gradient, Hessian and determinant at ``point``: exactly, and the backend's determinant."""
    gx, gy = gradient(*point)
    numeric = float(np.linalg.det(derivatives(np.array(point, float))[1]))
    return (
        f"gradient ({gx}, {gy}), Hessian {_matrix(point)}, determinant {determinant(point)} "
        f"(in floats {numeric:.6g})"
    )


# Figure -------------------------------------------------------------------------------------------


def surface(settings: Settings, points: list[Point]) -> dict[str, Any]:
    """f on a grid around the points, the points with their kinds, and the report's minimum."""
    axis = np.linspace(-2, 8, settings.grid)
    return {
        "axis": numbers(axis),
        "values": [numbers(row, 5) for row in f(axis[None, :], axis[:, None])],
        "points": [[float(x), float(y), kind((x, y))] for x, y in points],
        "printed": [float(v) for v in CLAIMED_MINIMUM],
    }


def draw_contours(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Contour lines of f with its critical points, and the report's minimum."""
    from hw.figures.style import COLOURS, new_figure

    known = sole(outcomes).plots["surface"]
    values = np.array(known["values"])
    figure, axes = new_figure(width=6.2, height=5.2)
    ax = axes[0][0]
    # Lines close together around 0 and the minimum's -8, where everything happens.
    levels = sorted({-100, -60, -36, -20, -12, -7, -5, -3, -1.5, 0, 3, 8, 16, 30, 60, 100, 160})
    bound = 60.0
    filled = ax.contourf(
        known["axis"],
        known["axis"],
        np.clip(values, -bound, bound),
        levels=np.linspace(-bound, bound, 25),
        cmap="PuOr",
        alpha=0.55,
    )
    lines = ax.contour(
        known["axis"], known["axis"], values, levels=levels, colors="0.35", linewidths=0.7
    )
    ax.clabel(lines, fontsize=7, fmt="%g")
    figure.colorbar(filled, ax=ax, label="$f(x, y)$, clipped at ±60", ticks=range(-60, 61, 20))
    looks = {
        "saddle": ("X", COLOURS[1]),
        "minimum": ("o", COLOURS[0]),
        "maximum": ("^", "k"),
        "undecided": ("s", "k"),
    }
    for name, (marker, colour) in looks.items():
        here = [(x, y) for x, y, found in known["points"] if found == name]
        if here:
            ax.plot(
                *zip(*here, strict=True),
                marker,
                ms=10,
                color=colour,
                mec="white",
                ls="none",
                label=name,
            )
    for x, y, _ in known["points"]:
        ax.annotate(
            f"({x:g}, {y:g})",
            (x, y),
            xytext=(8, 7),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            zorder=4.5,  # above the labels of the contours
            bbox={"boxstyle": "round,pad=0.15", "color": "white", "alpha": 0.85, "lw": 0},
        )
    x, y = known["printed"]
    ax.plot(
        x,
        y,
        "D",
        ms=8,
        mfc="none",
        mec="k",
        mew=1.5,
        ls="none",
        label=f"printed as the minimum: ({x:g}, {y:g})",
    )
    ax.grid(False)
    ax.set_xlabel("$x$")
    ax.set_ylabel("$y$")
    ax.set_aspect("equal")
    ax.legend(loc="upper right", frameon=True, framealpha=0.9)
    return titled(figure, spec)


FIGURES = {"contours": draw_contours}
