"""The Jacobian of softmax three ways, and exactly for three classes.

Source: IST Deep Learning 2021-22, Homework 1, question 1.3.

Conventions: n draws of K logits z, (n, K); s = softmax(z), (n, K), sums to one over the last axis;
J, (n, K, K), has ∂s_j/∂z_k in row j and column k; δ_jk is 1 where j = k, else 0. The formulas under
test are written once, in arithmetic alone, and are given arrays of SymPy expressions, NumPy arrays
and torch tensors.

Deviations: the handout asks for a derivation on paper. Here each of its lines is an identity that
SymPy decides for K = 3, and for any K the formula, finite differences and autograd are compared
with one another. Autograd runs in PyTorch whatever the backend, through exp and sum: the built-in
softmax would differentiate itself by the formula under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import FIRST, ROUNDING, gap, jacobian_by_differences
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy, reduces
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random logits", low=0)
    draws: int = setting(500, "random logit vectors", low=1)
    classes: int = setting(6, "classes K of the random logits", low=2, high=100)
    scale: float = setting(2.0, "standard deviation of the random logits", above=0, high=10)
    logits: tuple[float, ...] = setting(
        (2.0, 1.0, 0.5, 0.0, -1.0), "where the heat map shows the Jacobian", low=-700, high=700
    )


# The formulas under test -----------------------------------------------------------------------


def log_derivative(s_k: Any, same: Any) -> Any:
    """∂ log s_j / ∂z_k, where ``same`` is δ_jk."""
    return same - s_k


def entry(s_j: Any, s_k: Any, same: Any) -> Any:
    """∂s_j / ∂z_k, where ``same`` is δ_jk: s_j (1 - s_k) on the diagonal, -s_j s_k off it."""
    return s_j * (same - s_k)


def jacobian(s: Any, unit: Any) -> Any:
    """J by the formula, (..., K) -> (..., K, K), with the unit matrix of size K."""
    return entry(s[..., :, None], s[..., None, :], unit)


def slopes(w: World, z: Any) -> Any:
    """J without a formula."""
    return w.jacobian(lambda w, t: w.softmax(t), z)


def log_slopes(w: World, z: Any) -> Any:
    """∂ log s_j / ∂z_k without a formula."""
    return w.jacobian(lambda w, t: w.log_softmax(t), z)


# check: (statement, its two sides, which derivatives they are)
IDENTITIES = {
    "log_softmax": (
        "log s_j = z_j - log Σ exp(z_i)",
        lambda w, z: (w.exp(w.log_softmax(z)), w.softmax(z)),
        0,
    ),
    "log_derivative": (
        "∂ log s_j / ∂z_k = δ_jk - s_k",
        lambda w, z: (
            log_derivative(w.softmax(z)[..., None, :], w.eye(z.shape[-1])),
            log_slopes(w, z),
        ),
        1,
    ),
    "log_trick": (
        "∂s_j / ∂z_k = s_j ∂ log s_j / ∂z_k",
        lambda w, z: (slopes(w, z), w.softmax(z)[..., :, None] * log_slopes(w, z)),
        1,
    ),
}


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every line of the derivation, and the Jacobian three ways, put to the test."""
    import sympy

    lab = Lab(settings, backend)
    z = np.array(sympy.symbols("z1:4", real=True))
    drawn = lab.rng.normal(0, settings.scale, (settings.draws, settings.classes))
    for name, (statement, sides, order) in IDENTITIES.items():
        lab.identity(name, statement, sides, z, drawn, derivative=order)
    exact, s = slopes(world("sympy"), z), world("sympy").softmax(z)
    lab.proof(
        "jacobian_exact",
        "the Jacobian has s_j (1 - s_j) on the diagonal and -s_j s_k elsewhere, exactly for K = 3",
        exact - jacobian(s, np.eye(3, dtype=int)),
    )
    _outputs_positive(lab, s, drawn)
    _three_ways(lab, exact, drawn)
    _far_out(lab)
    at = world("numpy").softmax(np.array(settings.logits))
    lab.plots["heat_map"] = {
        "logits": list(settings.logits),
        "softmax": at.tolist(),
        "jacobian": jacobian(at, np.eye(at.size)).tolist(),
    }
    return lab.outcome


def _outputs_positive(lab: Lab, s: Any, drawn: np.ndarray) -> None:
    outputs = lab.world.softmax(lab.world.array(drawn))
    proved, least = all(bool(p.is_positive) for p in s), float(outputs.min())
    lab.check(
        "outputs_positive",
        "every output of softmax is strictly positive",
        proved and least > 0,
        f"SymPy proves it for K = 3: {proved}; smallest of {drawn.size} outputs {least:.1e}",
    )


def _three_ways(lab: Lab, exact: Any, drawn: np.ndarray) -> None:
    """J by the formula, by finite differences and by autograd; ``exact`` is SymPy's for K = 3."""
    w, unit = lab.world, np.eye(lab.settings.classes)
    z, axes = w.array(drawn), w.array(unit)
    s, formula = as_numpy(w.softmax(z)), as_numpy(jacobian(w.softmax(z), axes))
    differences = as_numpy(jacobian_by_differences(w.softmax, z, axes, w.stack))
    autograd = as_numpy(slopes(world("torch"), drawn))
    pairs = {
        "formula and differences": (gap(formula, differences), FIRST),
        "formula and autograd": (gap(formula, autograd), ROUNDING),
        "differences and autograd": (gap(differences, autograd), FIRST),
    }
    lab.check(
        "jacobian_three_ways",
        f"for K = {lab.settings.classes} the formula, finite differences and autograd agree",
        all(error <= tolerance for error, tolerance in pairs.values()),
        f"largest |difference| over {lab.settings.draws} draws: "
        + ", ".join(f"{pair} {error:.1e}" for pair, (error, _) in pairs.items()),
    )
    error = gap(formula, s[:, :, None] * unit - s[:, :, None] * s[:, None, :])
    asymmetry, row_sum = gap(formula, np.swapaxes(formula, 1, 2)), gap(formula.sum(2), 0)
    column = vanishes(exact.sum(0)[0])
    lab.check(
        "matrix_form",
        "J = diag(s) - s sᵀ: symmetric, and every row and column sums to zero",
        column and max(error, asymmetry, row_sum) <= ROUNDING,
        f"column sum for K = 3, {reduces(column)}; largest |entry difference| {error:.1e},"
        f" asymmetry {asymmetry:.1e}, row sum {row_sum:.1e}",
    )
    for pair, (error, _) in pairs.items():
        lab.metrics[f"{pair.replace(' and ', '_')}_gap"] = error
    lab.metrics |= {"asymmetry": asymmetry, "largest_row_sum": row_sum}


def _far_out(lab: Lab) -> None:
    far = np.zeros(lab.settings.classes)
    far[-1] = -1000.0
    at = lab.world.array(far)
    s, log_s = (float(f(at)[-1]) for f in (lab.world.softmax, lab.world.log_softmax))
    expected = -1000 - np.log(lab.settings.classes - 1)
    lab.check(
        "log_softmax_finite_far_out",
        "in floating point a positive output can round to zero; its logarithm, from the logits,"
        " does not overflow",
        s == 0 and abs(log_s - expected) <= ROUNDING * 1000,
        f"a logit 1000 below the others: s = {s:g}, log s = {log_s:.6f}",
    )


FIGURES = Figures()


@FIGURES.add("heat_map")
def draw_heat_map(plots: Any, ax: Any) -> None:
    """The Jacobian at one logit vector: positive on the diagonal, negative off it."""
    plot = plots["heat_map"]
    size = len(plot["logits"])
    side = max(3.6, 0.8 * size)
    ax.figure.set_size_inches(side + 1.4, side)
    top = max(max(abs(value) for value in row) for row in plot["jacobian"]) or 1.0
    image = ax.imshow(plot["jacobian"], cmap="PuOr_r", vmin=-top, vmax=top)
    if size <= 12:  # more would not be legible
        for j, row in enumerate(plot["jacobian"]):
            for k, value in enumerate(row):
                ink = "white" if abs(value) > 0.7 * top else "black"
                ax.text(k, j, f"{value:.3f}", ha="center", va="center", color=ink, fontsize=9)
        ticks = range(size)
        ax.set_xticks(ticks, [f"$z_{k + 1}={z:g}$" for k, z in enumerate(plot["logits"])])
        ax.set_yticks(ticks, [f"$s_{j + 1}={s:.3f}$" for j, s in enumerate(plot["softmax"])])
        ax.tick_params(axis="x", labelsize=8)
    ax.grid(False)
    ax.set(xlabel="logit $z_k$", ylabel="output $s_j$")
    ax.figure.colorbar(image, ax=ax, label=r"$\partial s_j/\partial z_k$", shrink=0.9)
