"""The gradient of f(b, w) = ReLU(b + x w), and what stands for it at the kink.

Source: Hertie E1394, Problem set 1, 1.2 Activation functions.

Off the kink f is affine on each side: (0, 0) where b + x w < 0 and (1, x) where b + x w > 0. On
the kink it has no gradient, but subgradients: s (1, x) for every s in [0, 1]. The report takes
s = 1, PyTorch's ReLU s = 0, and other ways to write the same function in PyTorch other s.

Conventions: z = b + x w; gradients are (df/db, df/dw).

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

OFF_KINK = 1e-2  # |z| of the random points: beyond any step of the differences, at |x| <= 4


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random points", low=0)
    points: int = setting(200, "random points off the kink", low=2, high=100_000)
    x: float = setting(1.5, "the input of the figure and of the one-sided slopes", above=0, high=4)


# NumPy --------------------------------------------------------------------------------------------


def f(b: Any, w: Any, x: Any) -> Any:
    """max(0, b + x w), by entry."""
    return np.maximum(0, b + x * w)


def gradient(b: Any, w: Any, x: Any) -> tuple[Array, Array]:
    """(df/db, df/dw) as the report has it: (1, x) where b + x w >= 0, else (0, 0)."""
    active = np.asarray(b + x * w >= 0, float)
    return active, active * x


def random_points(settings: Settings) -> tuple[Array, Array, Array]:
    """b, w and x, (points,) each, on both sides of the kink and off it."""
    rng = np.random.default_rng(settings.seed)
    w, x = rng.uniform(-3, 3, (2, settings.points))
    side = np.where(np.arange(settings.points) % 2, 1.0, -1.0)
    z = side * rng.uniform(OFF_KINK, 4, settings.points)
    return z - x * w, w, x


def numpy_errors(b: Array, w: Array, x: Array) -> dict[str, float]:
    """By side and parameter: the relative error against central differences."""
    differences = np.array(
        [
            central_difference(partial(_value, x_), np.array([b_, w_]))
            for b_, w_, x_ in zip(b, w, x, strict=True)
        ]
    )
    return _errors(b, w, x, differences[:, 0], differences[:, 1])


def _value(x: float, at: Array) -> float:
    """f at (b, w) = ``at``."""
    return float(f(at[0], at[1], x))


def _errors(b: Array, w: Array, x: Array, db: Array, dw: Array) -> dict[str, float]:
    active = b + x * w > 0
    found = gradient(b, w, x)
    return {
        f"{name}_{side}": relative_error(ours[rows], theirs[rows])
        for side, rows in (("inactive", ~active), ("active", active))
        for name, ours, theirs in (("b", found[0], db), ("w", found[1], dw))
    }


# PyTorch ------------------------------------------------------------------------------------------


def torch_errors(b: Array, w: Array, x: Array) -> dict[str, float]:
    """By side and parameter: the relative error against autograd."""
    import torch

    b_, w_ = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (b, w))
    x_ = torch.tensor(x, dtype=torch.float64)
    db, dw = torch.autograd.grad(torch.relu(b_ + x_ * w_).sum(), (b_, w_))
    return _errors(b, w, x, db.numpy(), dw.numpy())


def torch_at_kink(x: float) -> dict[str, tuple[float, float]]:
    """What autograd returns where b + x w = 0, by the way in which ReLU is written."""
    import torch

    zero = torch.zeros((), dtype=torch.float64)
    forms: dict[str, Callable[[Any], Any]] = {
        "relu": torch.relu,
        "where_positive": lambda z: torch.where(z > 0, z, zero),
        "where_not_negative": lambda z: torch.where(z >= 0, z, zero),
        "clamp": lambda z: z.clamp(min=0),
        "maximum": lambda z: torch.maximum(z, zero),
        "half_of_z_plus_abs": lambda z: (z + z.abs()) / 2,
    }
    found = {}
    for name, form in forms.items():
        b, w = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-x, 1.0))
        db, dw = torch.autograd.grad(form(b + x * w), (b, w))
        found[name] = (float(db), float(dw))
    return found


# The question -------------------------------------------------------------------------------------


def is_subgradient(slope: tuple[float, float], x: float) -> bool:
    """Whether ``slope`` is a subgradient of f on the kink, at (b, w) with b + x w = 0.

    f(b', w') = max(0, z') must not fall below slope . ((b', w') - (b, w)). That product has to
    depend on z' alone, else some direction with z' = 0 makes it positive: slope = s (1, x). Then
    max(0, z') >= s z' on both sides, which SymPy decides for the s at hand.
    """
    import sympy as sp

    s, along_w = map(sp.Rational, slope)  # exactly the floats
    if along_w != s * sp.Rational(x):
        return False
    up, down = sp.Symbol("u", positive=True), sp.Symbol("v", negative=True)
    return all(sp.expand(sp.Max(0, z) - s * z).is_nonnegative for z in (up, down))


def _exact() -> dict[str, bool]:
    """The four statements off the kink, by SymPy: z negative, then z positive."""
    import sympy as sp

    b, w, x = sp.symbols("b w x", real=True)
    # On each side ReLU is 0 or z: SymPy takes the derivative of that branch.
    branches = {}
    for side, sign in (("inactive", {"negative": True}), ("active", {"positive": True})):
        z = sp.Symbol("z", **sign)
        branches[side] = sp.Max(0, z).subs(z, b + x * w)
    return {
        "b_inactive": vanishes(sp.diff(branches["inactive"], b)),
        "w_inactive": vanishes(sp.diff(branches["inactive"], w)),
        "b_active": vanishes(sp.diff(branches["active"], b) - 1),
        "w_active": vanishes(sp.diff(branches["active"], w) - x),
    }


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The four branches and the kink, each as a check. ``data`` is not used."""
    outcome = Outcome()
    x = settings.x
    exact = _exact()
    points = random_points(settings)
    errors = (torch_errors if backend == "torch" else numpy_errors)(*points)
    witness = "autograd" if backend == "torch" else "central differences"
    for key, value in (
        ("b_inactive", "0"),
        ("b_active", "1"),
        ("w_inactive", "0"),
        ("w_active", "x"),
    ):
        name, side = key.split("_")
        outcome.metrics[f"error_{key}"] = errors[key]
        outcome.check(
            f"d{key}",
            f"df/d{name} = {value} where b + xw {'<' if side == 'inactive' else '>'} 0",
            exact[key] and errors[key] <= DIFFERENCE_TOLERANCE,
            f"SymPy: {'exact' if exact[key] else 'differs'}; relative error {errors[key]:.1e} "
            f"against {witness} at {settings.points} points",
        )
    _kink_checks(outcome, x)
    z = np.linspace(-2, 2, 200)  # an even number: no point on the kink
    db, dw = gradient(z - x, np.ones_like(z), x)
    outcome.plots["kink"] = {
        "z": numbers(z),
        "f": numbers(f(z - x, 1.0, x)),
        "db": numbers(db),
        "dw": numbers(dw),
        "x": x,
        "torch": {name: list(slope) for name, slope in torch_at_kink(x).items()},
        "report": [float(v) for v in gradient(-x, 1.0, x)],
    }
    return outcome


def _kink_checks(outcome: Outcome, x: float) -> None:
    """The value at b + x w = 0: the report's and PyTorch's."""
    by_b, by_w = gradient(-x, 1.0, x)
    report = float(by_b), float(by_w)
    h = 2.0**-20  # a power of two: the one-sided slopes are exact
    left = [float(-f(-x - h, 1.0, x) / h), float(-f(-x, 1.0 - h, x) / h)]
    right = [float(f(-x + h, 1.0, x) / h), float(f(-x, 1.0 + h, x) / h)]
    outcome.check(
        "kink_has_no_gradient",
        "where b + xw = 0 and x is not 0, f has no partial derivative by b nor by w",
        left[0] != right[0] and left[1] != right[1],
        f"at x = {x:g}: one-sided slopes by b {left[0] + 0.0:g} and {right[0]:g}, by w "
        f"{left[1] + 0.0:g} and {right[1]:g}",
    )
    outcome.check(
        "report_at_kink_is_subgradient",
        "the gradient given for b + xw = 0, (1, x), is a subgradient there",
        is_subgradient(report, x),
        f"({report[0]:g}, {report[1]:g}) = s (1, x) with s = {report[0]:g} in [0, 1]",
    )
    found = torch_at_kink(x)
    outcome.metrics |= {f"torch_db_at_kink_{name}": slope[0] for name, slope in found.items()}
    outcome.metrics["report_db_at_kink"] = report[0]
    slope = found["relu"]
    outcome.check(
        "torch_at_kink_is_subgradient",
        "autograd returns (0, 0) for torch.relu at b + xw = 0, a subgradient too",
        slope == (0.0, 0.0) and is_subgradient(slope, x),
        f"({slope[0]:g}, {slope[1]:g}): s = {slope[0]:g} in [0, 1]",
    )
    outcome.check(
        "torch_forms_at_kink_are_subgradients",
        "whichever way ReLU is written in PyTorch, autograd returns a subgradient at the kink",
        all(is_subgradient(slope, x) for slope in found.values()),
        "df/db: " + ", ".join(f"{name} {slope[0]:g}" for name, slope in found.items()),
    )


# Figure -------------------------------------------------------------------------------------------


def draw_kink(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """f, df/db and df/dw over z = b + x w, with the values taken at the kink."""
    from hw.figures.style import COLOURS, new_figure

    known = sole(outcomes).plots["kink"]
    z, x = np.array(known["z"]), known["x"]
    figure, axes = new_figure(1, 3, width=4.1, height=3.4)
    axes[0][0].plot(z, known["f"], color=COLOURS[0])
    axes[0][0].set_ylabel(r"$f(b, w) = \mathrm{ReLU}(b + xw)$")
    for i, (key, name) in enumerate((("db", "b"), ("dw", "w"))):
        ax = axes[0][i + 1]
        for side in (z < 0, z > 0):
            ax.plot(z[side], np.array(known[key])[side], color=COLOURS[0])
        top = known["report"][i]
        ax.plot([0, 0], [0, top], "-", lw=5, alpha=0.25, color=COLOURS[2], label="all subgradients")
        ax.plot(0, top, "D", ms=7, color=COLOURS[1], label=f"the report: {top:g}")
        value = known["torch"]["relu"][i]
        ax.plot(0, value, "o", ms=7, color=COLOURS[3], label=f"torch.relu: {value:g}")
        middle = known["torch"]["maximum"][i]
        ax.plot(0, middle, "s", ms=6, color=COLOURS[4], label=f"torch.maximum: {middle:g}")
        ax.set_ylabel(rf"$\partial f/\partial {name}$")
        ax.set_ylim(-0.1 * top, 1.15 * top)
        ax.legend(loc="center right", fontsize=8)
    for ax in axes[0]:
        ax.set_xlabel("$b + xw$")
    axes[0][2].set_title(f"$x = {x:g}$", fontsize=10)
    return titled(figure, spec)


FIGURES = {"kink": draw_kink}
