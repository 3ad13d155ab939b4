"""The gradient of f(b, w) = ReLU(b + x w), and what stands for it at the kink.

Source: Hertie E1394, Problem set 1, 1.2 Activation functions.

Off the kink f is affine on each side: (0, 0) where b + x w < 0 and (1, x) where b + x w > 0. On
the kink it has no gradient, but subgradients: s (1, x) for every s in [0, 1]. The report takes
s = 1, PyTorch's ReLU s = 0, and other ways to write the same function in PyTorch other s.

Conventions: z = b + x w; gradients are (df/db, df/dw).

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.statements import (
    STEP,
    Array,
    numbers,
    relative_error,
    vanishes,
)
from hw.results.outcome import Outcome

OFF_KINK = 1e-2  # |z| of the random points: beyond any step of the differences, at |x| <= 4


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random points", low=0)
    points: int = setting(200, "random points off the kink", low=2, high=100_000)
    x: float = setting(1.5, "the input of the figure and of the one-sided slopes", above=0, high=4)


def f(b: Any, w: Any, x: Any) -> Any:
    """max(0, b + x w), by entry."""
    return np.maximum(0, b + x * w)


def gradient(b: Any, w: Any, x: Any) -> tuple[Array, Array]:
    """(df/db, df/dw) as the report has it: (1, x) where b + x w >= 0, else (0, 0)."""
    active = np.asarray(b + x * w >= 0, float)
    return active, active * x


def random_points(settings: Settings, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """b, w and x, (points,) each, on both sides of the kink and off it."""
    w, x = rng.uniform(-3, 3, (2, settings.points))
    side = np.where(np.arange(settings.points) % 2, 1.0, -1.0)
    z = side * rng.uniform(OFF_KINK, 4, settings.points)
    return z - x * w, w, x


# The two derivatives without a formula, at (n,) points -------------------------------------------


def numpy_slopes(b: Array, w: Array, x: Array) -> tuple[Array, Array]:
    """(df/db, df/dw) by central differences of f."""
    by_b = f(b + STEP, w, x) - f(b - STEP, w, x)
    by_w = f(b, w + STEP, x) - f(b, w - STEP, x)
    return by_b / (2 * STEP), by_w / (2 * STEP)


def torch_slopes(relu: Callable[[Any], Any], b: Any, w: Any, x: Any) -> tuple[Array, Array]:
    """(df/db, df/dw) by autograd, from ``relu`` of tensors."""
    import torch

    b, w = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (b, w))
    by_b, by_w = torch.autograd.grad(relu(b + torch.as_tensor(x) * w).sum(), (b, w))
    return by_b.numpy(), by_w.numpy()


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
    return {name: _floats(torch_slopes(form, -x, 1.0, x)) for name, form in forms.items()}


def _floats(slope: tuple[Any, Any]) -> tuple[float, float]:
    return float(slope[0]), float(slope[1])


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


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The four branches and the kink, each as a check. ``data`` is not used."""
    lab = Lab(settings, backend)
    _off_the_kink(lab)
    _on_the_kink(lab)
    x = settings.x
    z = np.linspace(-2, 2, 200)  # an even number: no point on the kink
    db, dw = gradient(z - x, np.ones_like(z), x)
    lab.plots["kink"] = {
        "z": numbers(z),
        "f": numbers(f(z - x, 1.0, x)),
        "db": numbers(db),
        "dw": numbers(dw),
        "x": x,
        "torch": {name: list(slope) for name, slope in torch_at_kink(x).items()},
        "report": [float(v) for v in gradient(-x, 1.0, x)],
    }
    return lab.outcome


def _off_the_kink(lab: Lab) -> None:
    """The gradient on each side: by SymPy, which takes that branch's, and at random points."""
    import sympy as sp

    by_autograd = lab.world.name == "torch"
    points = random_points(lab.settings, lab.rng)
    ours = gradient(*points)
    theirs = torch_slopes(lab.world.relu, *points) if by_autograd else numpy_slopes(*points)
    b, w, x = sp.symbols("b w x", real=True)
    z = points[0] + points[2] * points[1]
    sides = {
        "inactive": ("<", z < 0, sp.Symbol("z", negative=True), (sp.S.Zero, sp.S.Zero)),
        "active": (">", z > 0, sp.Symbol("z", positive=True), (sp.S.One, x)),
    }
    for i, by in enumerate((b, w)):
        for side, (sign, rows, symbol, values) in sides.items():
            branch = sp.Max(0, symbol).subs(symbol, b + x * w)
            error = relative_error(ours[i][rows], theirs[i][rows])
            lab.metrics[f"error_{by}_{side}"] = error
            lab.formula(
                f"d{by}_{side}",
                f"df/d{by} = {values[i]} where b + xw {sign} 0",
                vanishes(sp.diff(branch, by) - values[i]),
                **{"autograd" if by_autograd else "differences": error},
            )


def _on_the_kink(lab: Lab) -> None:
    """The value at b + x w = 0: the report's and PyTorch's."""
    x = lab.settings.x
    report = _floats(gradient(-x, 1.0, x))
    h = 2.0**-20  # a power of two: the one-sided slopes are exact
    left = [float(-f(-x - h, 1.0, x) / h), float(-f(-x, 1.0 - h, x) / h)]
    right = [float(f(-x + h, 1.0, x) / h), float(f(-x, 1.0 + h, x) / h)]
    lab.check(
        "kink_has_no_gradient",
        "where b + xw = 0 and x is not 0, f has no partial derivative by b nor by w",
        left[0] != right[0] and left[1] != right[1],
        f"at x = {x:g}: one-sided slopes by b {left[0] + 0.0:g} and {right[0]:g}, by w "
        f"{left[1] + 0.0:g} and {right[1]:g}",
    )
    lab.check(
        "report_at_kink_is_subgradient",
        "the gradient given for b + xw = 0, (1, x), is a subgradient there",
        is_subgradient(report, x),
        f"({report[0]:g}, {report[1]:g}) = s (1, x) with s = {report[0]:g} in [0, 1]",
    )
    found = torch_at_kink(x)
    lab.metrics |= {f"torch_db_at_kink_{name}": slope[0] for name, slope in found.items()}
    lab.metrics["report_db_at_kink"] = report[0]
    slope = found["relu"]
    lab.check(
        "torch_at_kink_is_subgradient",
        "autograd returns (0, 0) for torch.relu at b + xw = 0, a subgradient too",
        slope == (0.0, 0.0) and is_subgradient(slope, x),
        f"({slope[0]:g}, {slope[1]:g}): s = {slope[0]:g} in [0, 1]",
    )
    lab.check(
        "torch_forms_at_kink_are_subgradients",
        "whichever way ReLU is written in PyTorch, autograd returns a subgradient at the kink",
        all(is_subgradient(slope, x) for slope in found.values()),
        "df/db: " + ", ".join(f"{name} {slope[0]:g}" for name, slope in found.items()),
    )


FIGURES = Figures()


@FIGURES.add("kink", 1, 3, width=4.1, height=3.4)
def draw_kink(plots: Any, value: Any, by_b: Any, by_w: Any) -> None:
    """f, df/db and df/dw over z = b + x w, with the values taken at the kink."""
    from hw.figures.style import COLOURS

    known = plots["kink"]
    z, at_kink = np.array(known["z"]), known["torch"]
    value.plot(z, known["f"], color=COLOURS[0])
    value.set(xlabel="$b + xw$", ylabel=r"$f(b, w) = \mathrm{ReLU}(b + xw)$")
    for i, (ax, name) in enumerate(((by_b, "b"), (by_w, "w"))):
        for side in (z < 0, z > 0):
            ax.plot(z[side], np.array(known[f"d{name}"])[side], color=COLOURS[0])
        top = known["report"][i]
        ax.plot([0, 0], [0, top], "-", lw=5, alpha=0.25, color=COLOURS[2], label="all subgradients")
        for text, slope, marker, size, colour in (
            ("the report", top, "D", 7, COLOURS[1]),
            ("torch.relu", at_kink["relu"][i], "o", 7, COLOURS[3]),
            ("torch.maximum", at_kink["maximum"][i], "s", 6, COLOURS[4]),
        ):
            ax.plot(0, slope, marker, ms=size, color=colour, label=f"{text}: {slope:g}")
        ax.set(xlabel="$b + xw$", ylabel=rf"$\partial f/\partial {name}$")
        ax.set_ylim(-0.1 * top, 1.15 * top)
        ax.legend(loc="center right", fontsize=8)
    by_w.set_title(f"$x = {known['x']:g}$", fontsize=10)
