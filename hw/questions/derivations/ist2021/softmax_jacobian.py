"""The Jacobian of softmax three ways, and exactly for three classes.

Source: IST Deep Learning 2021-22, Homework 1, question 1.3.

Conventions: n draws of K logits z, (n, K); s = softmax(z), (n, K), sums to one over the last axis;
J, (n, K, K), has ∂s_j/∂z_k in row j and column k; δ_jk is 1 where j = k, else 0. The formulas under
test are written once, entry by entry, in arithmetic alone, and are given SymPy expressions, NumPy
arrays and torch tensors.

Deviations: the handout asks for a derivation on paper. Here each of its lines is an identity that
SymPy decides for K = 3, and for any K the formula, finite differences and autograd are compared
with one another. Autograd runs in PyTorch whatever the backend, through exp and sum: the built-in
softmax would differentiate itself by the formula under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import (
    FIRST,
    ROUNDING,
    gap,
    jacobian_by_differences,
    torch_jacobian,
)
from hw.questions.derivations.lab.statements import sole, titled, vanishes
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


# NumPy -----------------------------------------------------------------------------------------


def log_softmax(z: np.ndarray) -> np.ndarray:
    """log s, (n, K) -> (n, K): z less the logarithm of the summed exponentials; no overflow."""
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def softmax(z: np.ndarray) -> np.ndarray:
    """s, (n, K) -> (n, K); the largest logit is subtracted first, which cancels."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def jacobian(s: np.ndarray) -> np.ndarray:
    """J by the formula, (n, K) -> (n, K, K)."""
    return entry(s[..., :, None], s[..., None, :], np.eye(s.shape[-1]))


def numpy_numbers(z: np.ndarray, far: np.ndarray) -> dict[str, np.ndarray]:
    s, axes = softmax(z), np.eye(z.shape[1])
    return {
        "s": s,
        "log_s": log_softmax(z),
        "formula": jacobian(s),
        "differences": jacobian_by_differences(softmax, z, axes),
        "log_formula": log_derivative(s[:, None, :], axes) + 0 * s[:, :, None],
        "log_differences": jacobian_by_differences(log_softmax, z, axes),
        "far": np.stack([softmax(far), log_softmax(far)]),
    }


# PyTorch ---------------------------------------------------------------------------------------


def torch_numbers(z: np.ndarray, far: np.ndarray) -> dict[str, np.ndarray]:
    import torch

    def softmax_of(t: Any) -> Any:
        return torch.softmax(t, -1)

    def log_softmax_of(t: Any) -> Any:
        return torch.log_softmax(t, -1)

    points, end = torch.from_numpy(z), torch.from_numpy(far)
    s, axes = softmax_of(points), torch.eye(z.shape[1], dtype=torch.float64)
    numbers = {
        "s": s,
        "log_s": log_softmax_of(points),
        "formula": entry(s[:, :, None], s[:, None, :], axes),
        "differences": jacobian_by_differences(softmax_of, points, axes, torch.stack),
        "log_formula": log_derivative(s[:, None, :], axes) + 0 * s[:, :, None],
        "log_differences": jacobian_by_differences(log_softmax_of, points, axes, torch.stack),
        "far": torch.stack([softmax_of(end), log_softmax_of(end)]),
    }
    return {name: value.numpy() for name, value in numbers.items()}


def autograd_jacobian(z: np.ndarray) -> np.ndarray:
    """J, (n, K) -> (n, K, K), by autograd through exp and sum."""

    def elementary(t: Any) -> Any:
        return t.exp() / t.exp().sum(-1, keepdim=True)

    return torch_jacobian(elementary, z)


# Exact -----------------------------------------------------------------------------------------


def exact() -> dict[str, bool]:
    """Each line of the derivation for K = 3, as SymPy decides it."""
    import sympy

    z = sympy.symbols("z1:4", real=True)
    total = sum(sympy.exp(t) for t in z)
    s = [sympy.exp(t) / total for t in z]
    log_s = [t - sympy.log(total) for t in z]

    def every(residual: Any) -> bool:
        return vanishes(sympy.Matrix(3, 3, residual))

    return {
        "positive": all(bool(p.is_positive) for p in s),
        "log": vanishes(sympy.Matrix([sympy.exp(a) - p for a, p in zip(log_s, s, strict=True)])),
        "log_derivative": every(
            lambda j, k: sympy.diff(log_s[j], z[k]) - log_derivative(s[k], int(j == k))
        ),
        "trick": every(lambda j, k: sympy.diff(s[j], z[k]) - s[j] * sympy.diff(log_s[j], z[k])),
        "jacobian": every(lambda j, k: sympy.diff(s[j], z[k]) - entry(s[j], s[k], int(j == k))),
        "row_sums": vanishes(sum(sympy.diff(p, z[0]) for p in s)),
    }


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every line of the derivation, and the Jacobian three ways, put to the test."""
    rng = np.random.default_rng(settings.seed)
    z = rng.normal(0, settings.scale, (settings.draws, settings.classes))
    far = np.zeros(settings.classes)
    far[-1] = -1000.0
    n = {"numpy": numpy_numbers, "torch": torch_numbers}[backend](z, far)
    autograd = autograd_jacobian(z)
    e = exact()
    outcome = Outcome()

    def said(key: str) -> str:
        return f"SymPy, K = 3: {'reduces' if e[key] else 'does not reduce'} to 0"

    least = float(n["s"].min())
    outcome.check(
        "outputs_positive",
        "every output of softmax is strictly positive",
        e["positive"] and least > 0,
        f"SymPy proves it for K = 3: {e['positive']}; smallest of {n['s'].size} outputs"
        f" {least:.1e}",
    )
    error = gap(np.exp(n["log_s"]), n["s"])
    outcome.check(
        "log_softmax",
        "log s_j = z_j - log Σ exp(z_i)",
        e["log"] and error <= ROUNDING,
        f"{said('log')}; largest |difference| of exponentials {error:.1e}",
    )
    error = gap(n["log_formula"], n["log_differences"])
    outcome.check(
        "log_derivative",
        "∂ log s_j / ∂z_k = δ_jk - s_k",
        e["log_derivative"] and error <= FIRST,
        f"{said('log_derivative')}; largest |difference| from finite differences {error:.1e}",
    )
    error = gap(n["differences"], n["s"][:, :, None] * n["log_differences"])
    outcome.check(
        "log_trick",
        "∂s_j / ∂z_k = s_j ∂ log s_j / ∂z_k",
        e["trick"] and error <= FIRST,
        f"{said('trick')}; largest |difference| between finite differences of both {error:.1e}",
    )
    outcome.check(
        "jacobian_exact",
        "the Jacobian has s_j (1 - s_j) on the diagonal and -s_j s_k elsewhere, exactly for K = 3",
        e["jacobian"],
        f"SymPy: entry by entry, derivative less formula"
        f" {'reduces' if e['jacobian'] else 'does not reduce'} to 0 in all of 9",
    )
    pairs = {
        "formula_differences": gap(n["formula"], n["differences"]),
        "formula_autograd": gap(n["formula"], autograd),
        "differences_autograd": gap(n["differences"], autograd),
    }
    outcome.check(
        "jacobian_three_ways",
        f"for K = {settings.classes} the formula, finite differences and autograd agree",
        pairs["formula_differences"] <= FIRST
        and pairs["formula_autograd"] <= ROUNDING
        and pairs["differences_autograd"] <= FIRST,
        f"largest |difference| over {settings.draws} draws: formula and differences"
        f" {pairs['formula_differences']:.1e}, formula and autograd"
        f" {pairs['formula_autograd']:.1e}, differences and autograd"
        f" {pairs['differences_autograd']:.1e}",
    )
    outer = n["s"][:, :, None] * n["s"][:, None, :]
    error = gap(n["formula"], n["s"][:, :, None] * np.eye(settings.classes) - outer)
    asymmetry = gap(n["formula"], np.swapaxes(n["formula"], 1, 2))
    row_sum = gap(n["formula"].sum(2), 0)
    outcome.check(
        "matrix_form",
        "J = diag(s) - s sᵀ: symmetric, and every row and column sums to zero",
        e["row_sums"] and max(error, asymmetry, row_sum) <= ROUNDING,
        f"column sum for K = 3 {said('row_sums')}; largest |entry difference| {error:.1e},"
        f" asymmetry {asymmetry:.1e}, row sum {row_sum:.1e}",
    )
    s_far, log_far = float(n["far"][0, -1]), float(n["far"][1, -1])
    expected = -1000 - np.log(settings.classes - 1)
    outcome.check(
        "log_softmax_finite_far_out",
        "in floating point a positive output can round to zero; its logarithm, from the logits,"
        " does not overflow",
        s_far == 0 and abs(log_far - expected) <= ROUNDING * 1000,
        f"a logit 1000 below the others: s = {s_far:g}, log s = {log_far:.6f}",
    )
    at = np.array(settings.logits)
    outcome.metrics = {
        **{f"{name}_gap": value for name, value in pairs.items()},
        "asymmetry": asymmetry,
        "largest_row_sum": row_sum,
    }
    outcome.plots = {
        "heat_map": {
            "logits": at.tolist(),
            "softmax": softmax(at).tolist(),
            "jacobian": jacobian(softmax(at)).tolist(),
        }
    }
    return outcome


# Figures ---------------------------------------------------------------------------------------


def draw_heat_map(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The Jacobian at one logit vector: positive on the diagonal, negative off it."""
    from hw.figures.style import new_figure

    plot = sole(outcomes).plots["heat_map"]
    size = len(plot["logits"])
    side = max(3.6, 0.8 * size)
    figure, ((ax,),) = new_figure(width=side + 1.4, height=side)
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
    figure.colorbar(image, ax=ax, label=r"$\partial s_j/\partial z_k$", shrink=0.9)
    return titled(figure, spec)


FIGURES = {"heat_map": draw_heat_map}
