"""The squared error loss: its Hessian, and its convexity in the parameters of a linear model.

Source: IST Deep Learning 2021-22, Homework 1, question 2.1.

Conventions: n draws of m outputs z and m targets y, (n, m); L(z, y) = ½‖z - y‖², summed over the m
outputs. Linear model: z = Wᵀφ + b with W (D, m) and b (m,); its m (D + 1) parameters are one vector
θ, the rows of W and then b, and φ̃ is φ with a last entry of one. δ_ij is 1 where i = j, else 0. The
formulas under test are written once, and are given SymPy expressions and numbers alike.

Deviations: the report gives the Hessian's diagonal as 2. That belongs to ‖z - y‖² without its half;
with the half it is 1. The published value and the right one are put to the same test. All the
report concludes from it (positive definite, convex) is computed from the Hessian as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import (
    ROUNDING,
    chord_defect,
    gap,
    hessian_by_differences,
    tolerances,
    torch_hessian,
    witness,
)
from hw.questions.derivations.lab.statements import sole, titled, vanishes
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random draws", low=0)
    outputs: int = setting(3, "outputs m", low=1, high=10)
    features: int = setting(4, "features D of the linear model", low=1, high=10)
    draws: int = setting(500, "random points, and random chords", low=1)
    scale: float = setting(2.0, "standard deviation of the random numbers", above=0, high=10)
    reach: float = setting(3.0, "the figure moves one output by up to this much", above=0)


# The formulas under test -----------------------------------------------------------------------


def published_entry(same: Any) -> Any:
    """∂²L/∂z_i∂z_j as printed, where ``same`` is δ_ij."""
    return 2 * same


def entry(same: Any) -> Any:
    """∂²L/∂z_i∂z_j as it is, where ``same`` is δ_ij."""
    return same


def strong_slack(t: Any, squared_distance: Any) -> Any:
    """By how much every chord of L lies above it: ½λ(1-λ)‖u - v‖², with t for λ."""
    return t * (1 - t) * squared_distance / 2


# NumPy and PyTorch -----------------------------------------------------------------------------


def loss(z: Any, y: Any) -> Any:
    """½‖z - y‖², (n, m) -> (n,); the same arithmetic on arrays and on tensors."""
    return ((z - y) ** 2).sum(-1) / 2


def model_loss(theta: Any, phi: Any, y: Any) -> Any:
    """θ -> ½‖Wᵀφ + b - y‖², (n, m (D+1)) -> (n,); phi (D+1,) ends in one, y (m,)."""
    rows = theta.reshape(len(theta), len(phi), len(y))
    return loss((rows * phi[:, None]).sum(1), y)


def numpy_numbers(draws: Mapping[str, np.ndarray]) -> dict[str, Any]:
    z, y, phi = draws["z"], draws["y"], draws["phi"]

    def of_z(t: np.ndarray) -> np.ndarray:
        return loss(t, y)

    def of_theta(t: np.ndarray) -> np.ndarray:
        return model_loss(t, phi, y)

    return {
        "hessian": hessian_by_differences(of_z, z),
        "doubled": hessian_by_differences(lambda t: 2 * of_z(t), z),
        "parameters": hessian_by_differences(of_theta, draws["theta"][:1])[0],
        "defect": chord_defect(of_z, z, draws["v"], draws["t"]),
        "parameter_defect": chord_defect(of_theta, draws["theta"], draws["other"], draws["t"]),
        "line": of_z(draws["line"]),
    }


def torch_numbers(draws: Mapping[str, np.ndarray]) -> dict[str, Any]:
    import torch

    tensor = {name: torch.from_numpy(value) for name, value in draws.items()}
    y, phi = tensor["y"], tensor["phi"]

    def of_z(t: Any) -> Any:
        return loss(t, y)

    def of_theta(t: Any) -> Any:
        return model_loss(t, phi, y)

    return {
        "hessian": torch_hessian(of_z, draws["z"])[1],
        "doubled": torch_hessian(lambda t: 2 * of_z(t), draws["z"])[1],
        "parameters": torch_hessian(of_theta, draws["theta"][:1])[1][0],
        "defect": chord_defect(of_z, tensor["z"], tensor["v"], tensor["t"]).numpy(),
        "parameter_defect": chord_defect(
            of_theta, tensor["theta"], tensor["other"], tensor["t"]
        ).numpy(),
        "line": of_z(tensor["line"]).numpy(),
    }


# Exact -----------------------------------------------------------------------------------------


def exact() -> dict[str, Any]:
    """The identities for m = 3, and for m = D = 2 in the parameters, as SymPy decides them."""
    import sympy

    z, y, v = (sympy.Matrix(sympy.symbols(f"{name}1:4", real=True)) for name in "zyv")
    t = sympy.symbols("t", real=True)
    value = ((z - y).T * (z - y))[0] / 2
    hessian = sympy.hessian(value, list(z))

    def of(point: Any) -> Any:
        return value.subs(dict(zip(z, point, strict=True)), simultaneous=True)

    def by(formula: Any) -> Any:
        return sympy.Matrix(3, 3, lambda i, j: formula(int(i == j)))

    theta = sympy.Matrix(3, 2, sympy.symbols("w1:7", real=True))
    phi = sympy.Matrix([*sympy.symbols("f1:3", real=True), 1])
    error = theta.T * phi - sympy.Matrix(y[:2])
    of_parameters = sympy.hessian((error.T * error)[0] / 2, list(theta))
    kronecker = sympy.kronecker_product(phi * phi.T, sympy.eye(2))
    slack = t * of(z) + (1 - t) * of(v) - of(t * z + (1 - t) * v)
    return {
        "sum": vanishes(value - sum((a - b) ** 2 for a, b in zip(z, y, strict=True)) / 2),
        "diagonal": [str(hessian[i, i]) for i in range(3)],
        "off_diagonal": all(hessian[i, j] == 0 for i in range(3) for j in range(3) if i != j),
        "published": vanishes(hessian - by(published_entry)),
        "corrected": vanishes(hessian - by(entry)),
        "without_half": vanishes(sympy.hessian(2 * value, list(z)) - by(published_entry)),
        "positive": bool(hessian.is_positive_definite),
        "slack": vanishes(slack - strong_slack(t, ((z - v).T * (z - v))[0])),
        "kronecker": vanishes(of_parameters - kronecker),
    }


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The Hessian, as published and as it is, and the convexity that follows."""
    rng = np.random.default_rng(settings.seed)
    m, width = settings.outputs, settings.outputs * (settings.features + 1)
    y = rng.normal(0, settings.scale, m)
    z, v = rng.normal(0, settings.scale, (2, settings.draws, m))
    theta, other = rng.normal(0, settings.scale, (2, settings.draws, width))
    steps = np.linspace(-settings.reach, settings.reach, 121)
    line = np.repeat(y[None] + 1.0, len(steps), axis=0)  # every output starts one above its target
    line[:, 0] += steps
    draws = {
        "z": z,
        "y": y,
        "v": v,
        "t": rng.uniform(size=settings.draws),
        "theta": theta,
        "other": other,
        "phi": np.append(rng.normal(size=settings.features), 1.0),
        "line": line,
    }
    n = {"numpy": numpy_numbers, "torch": torch_numbers}[backend](draws)
    e = exact()
    # The loss of a quadratic grows with the square of its numbers, and rounding with the loss.
    growth = max(1.0, settings.scale**2)
    tolerance = tolerances(backend)[1] * growth
    same, by = np.eye(m), witness(backend)
    diagonal = n["hessian"][:, range(m), range(m)]
    outcome = Outcome()

    outcome.check(
        "sum_over_outputs",
        "½(z - y)ᵀ(z - y) = ½ Σ (z_i - y_i)²",
        e["sum"],
        f"SymPy, m = 3: the difference {'reduces' if e['sum'] else 'does not reduce'} to 0",
    )
    error = gap(n["hessian"] * (1 - same), 0)
    outcome.check(
        "off_diagonal_zero",
        "∂²L/∂z_i∂z_j = 0 for i ≠ j",
        e["off_diagonal"] and error <= tolerance,
        f"SymPy, m = 3: all are 0: {e['off_diagonal']}; by {by} for m = {m} at most {error:.1e}",
    )
    measured = (
        f"SymPy: ∂²L/∂z_i² = {', '.join(e['diagonal'])}; by {by} between {diagonal.min():.8f} and"
        f" {diagonal.max():.8f}"
    )
    for name, key, formula, number in (
        ("diagonal_is_two", "published", published_entry, 2),
        ("diagonal_is_one", "corrected", entry, 1),
    ):
        error = gap(n["hessian"], formula(same))
        outcome.check(
            name,
            f"∂²L/∂z_i² = {number}",
            e[key] and error <= tolerance,
            f"{measured}; largest |difference| {error:.1e}",
        )
    error = gap(n["doubled"], published_entry(same))
    outcome.check(
        "two_without_the_half",
        "2 is the diagonal for ‖z - y‖², the loss without its half",
        e["without_half"] and error <= 2 * tolerance,
        f"SymPy: {e['without_half']}; by {by} the largest |difference| is {error:.1e}",
    )
    lowest = float(np.linalg.eigvalsh(n["hessian"]).min())
    outcome.check(
        "positive_definite",
        "the Hessian in z is positive definite",
        e["positive"] and lowest > 0,
        f"SymPy, m = 3: {e['positive']}; smallest eigenvalue of {settings.draws} draws"
        f" {lowest:.8f}",
    )
    slack = strong_slack(draws["t"], ((z - v) ** 2).sum(1))
    error = gap(-n["defect"] / (1 + slack), slack / (1 + slack))
    outcome.check(
        "convex_in_outputs",
        "the loss is convex in z",
        lowest > 0 and n["defect"].max() <= ROUNDING * growth,
        f"largest excess over a chord among {settings.draws} {n['defect'].max():.1e}",
    )
    outcome.check(
        "chord_slack",
        "a chord's excess over the loss is ½λ(1-λ)‖u - v‖², half of what a diagonal of 2 gives",
        e["slack"] and error <= ROUNDING * growth,
        f"SymPy, m = 3: the difference {'reduces' if e['slack'] else 'does not reduce'} to 0;"
        f" largest relative one {error:.1e}",
    )
    spectrum = np.linalg.eigvalsh(n["parameters"])
    # Losses in the parameters grow with |φ̃|², and rounding with them.
    scale = float(draws["phi"] @ draws["phi"])
    worst = float(n["parameter_defect"].max())
    outcome.check(
        "convex_in_parameters",
        "the loss is convex in (W, b) for z = Wᵀφ + b",
        worst <= ROUNDING * growth * scale and spectrum[0] >= -tolerance * scale,
        f"largest excess over a chord among {settings.draws} {worst:.1e}; smallest eigenvalue of"
        f" the Hessian in (W, b) {spectrum[0]:.1e}",
    )
    zeros = int((spectrum <= tolerance * scale).sum())
    error = gap(n["parameters"], np.kron(np.outer(draws["phi"], draws["phi"]), same))
    outcome.check(
        "semidefinite_in_parameters",
        "in (W, b) the Hessian of one example is φ̃φ̃ᵀ ⊗ I, of rank m: convex, but not strictly",
        e["kronecker"] and error <= tolerance * scale and width - zeros == m,
        f"SymPy, m = D = 2: {e['kronecker']}; by {by} off by at most {error:.1e}, rank"
        f" {width - zeros} of {width}",
    )
    outcome.metrics = {
        "smallest_diagonal": float(diagonal.min()),
        "largest_diagonal": float(diagonal.max()),
        "smallest_eigenvalue": lowest,
        "largest_chord_defect": float(n["defect"].max()),
        "largest_parameter_chord_defect": worst,
        "parameter_hessian_rank": width - zeros,
    }
    outcome.plots = {"line": parabolas(steps, n["line"], m)}
    return outcome


def parabolas(steps: np.ndarray, values: np.ndarray, outputs: int) -> dict[str, Any]:
    """L as one output moves, beside its second-order expansion with either diagonal."""
    base = outputs / 2  # every output is one above its target, and so the slope is one
    return {
        "step": steps.tolist(),
        "loss": values.tolist(),
        "published": (base + steps + published_entry(1) * steps**2 / 2).tolist(),
        "corrected": (base + steps + entry(1) * steps**2 / 2).tolist(),
    }


# Figures ---------------------------------------------------------------------------------------


def draw_expansions(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The loss along one output, and what either diagonal says that it should be."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["line"]
    figure, ((ax,),) = new_figure()
    ax.plot(plot["step"], plot["loss"], lw=4, alpha=0.35, color=COLOURS[0], label="loss")
    ax.plot(plot["step"], plot["corrected"], "--", color=COLOURS[6], label="expansion, diagonal 1")
    ax.plot(
        plot["step"],
        plot["published"],
        "-.",
        color=COLOURS[1],
        label="expansion, diagonal 2 (published)",
    )
    ax.set(xlabel="change t of the output $z_1$", ylabel="L(z + t e₁, y)")
    ax.legend()
    return titled(figure, spec)


FIGURES = {"expansions": draw_expansions}
