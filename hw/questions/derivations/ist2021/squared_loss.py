"""The squared error loss: its Hessian, and its convexity in the parameters of a linear model.

Source: IST Deep Learning 2021-22, Homework 1, question 2.1.

Conventions: n draws of m outputs z and m targets y, (n, m); L(z, y) = ½‖z - y‖², summed over the m
outputs. Linear model: z = Wᵀφ + b with W (D, m) and b (m,); its m (D + 1) parameters are one vector
θ, the rows of W and then b, and φ̃ is φ with a last entry of one. δ_ij is 1 where i = j, else 0. The
formulas are written once, and are given arrays of SymPy expressions and of numbers alike.

Deviations: the report gives the Hessian's diagonal as 2. That belongs to ‖z - y‖² without its half;
with the half it is 1. The published value and the right one are put to the same test. All the
report concludes from it (positive definite, convex) is computed from the Hessian as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.calculus import ROUNDING, chord_defect, gap
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy, reduces
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome


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


def loss(z: Any, y: Any) -> Any:
    """½‖z - y‖², (..., m) -> (...)."""
    return ((z - y) ** 2).sum(-1) / 2


def model_loss(theta: Any, phi: Any, y: Any) -> Any:
    """θ -> ½‖Wᵀφ + b - y‖², (..., m (D+1)) -> (...); phi (D+1,) ends in one, y (m,)."""
    rows = theta.reshape(*theta.shape[:-1], len(phi), len(y))
    return loss((rows * phi[:, None]).sum(-2), y)


# check: (statement, the Hessian's entries that it tells of, as a function of δ_ij, and what it says
# that they are, times how much of the loss is meant)
HESSIANS = {
    "off_diagonal_zero": ("∂²L/∂z_i∂z_j = 0 for i ≠ j", lambda same: 1 - same, lambda same: 0, 1),
    "diagonal_is_two": ("∂²L/∂z_i² = 2", lambda same: 1, lambda same: published_entry(same), 1),
    "diagonal_is_one": ("∂²L/∂z_i² = 1", lambda same: 1, lambda same: entry(same), 1),
    "two_without_the_half": (
        "2 is the diagonal for ‖z - y‖², the loss without its half",
        lambda same: 1,
        lambda same: published_entry(same),
        2,
    ),
}


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The Hessian, as published and as it is, and the convexity that follows."""
    import sympy

    lab = Lab(settings, backend)
    m, width = settings.outputs, settings.outputs * (settings.features + 1)
    y = lab.rng.normal(0, settings.scale, m)
    z, v = lab.rng.normal(0, settings.scale, (2, settings.draws, m))
    theta, other = lab.rng.normal(0, settings.scale, (2, settings.draws, width))
    t = lab.rng.uniform(size=settings.draws)
    phi = np.append(lab.rng.normal(size=settings.features), 1.0)
    # The loss of a quadratic grows with the square of its numbers, and rounding with the loss.
    growth = max(1.0, settings.scale**2)
    letters, targets = (np.array(sympy.symbols(f"{name}1:4", real=True)) for name in "zy")
    lab.proof(
        "sum_over_outputs",
        "½(z - y)ᵀ(z - y) = ½ Σ (z_i - y_i)²",
        (letters - targets) @ (letters - targets) / 2 - loss(letters, targets),
    )
    constants = {"sympy": targets, backend: lab.world.array(y)}

    def hessian(w: World, z: Any, times: int = 1) -> Any:
        return w.hessian(lambda w, t: times * loss(t, constants[w.name]), z)

    for name, (statement, told, formula, times) in HESSIANS.items():
        lab.identity(
            name,
            statement,
            lambda w, z, told=told, formula=formula, times=times: (
                told(w.eye(z.shape[-1])) * hessian(w, z, times),
                formula(w.eye(z.shape[-1])),
            ),
            letters,
            z,
            derivative=2,
            growth=times * growth,
        )
    exact = sympy.Matrix(hessian(world("sympy"), letters))
    _convex_in_outputs(lab, exact, as_numpy(hessian(lab.world, lab.world.array(z))))
    _chords(lab, (letters, targets), (z, v, t), y, growth)
    _convex_in_parameters(lab, (theta, other, t), phi, y, growth)
    steps = np.linspace(-settings.reach, settings.reach, 121)
    lab.plots["line"] = parabolas(lab.world, steps, y)
    return lab.outcome


def _convex_in_outputs(lab: Lab, exact: Any, hessian: np.ndarray) -> None:
    diagonal = hessian[:, range(lab.settings.outputs), range(lab.settings.outputs)]
    proved, lowest = bool(exact.is_positive_definite), float(np.linalg.eigvalsh(hessian).min())
    lab.check(
        "positive_definite",
        "the Hessian in z is positive definite",
        proved and lowest > 0,
        f"SymPy, m = 3: {proved}; smallest eigenvalue of {len(hessian)} draws {lowest:.8f}",
    )
    lab.metrics |= {
        "smallest_diagonal": float(diagonal.min()),
        "largest_diagonal": float(diagonal.max()),
        "smallest_eigenvalue": lowest,
    }


def _chords(lab: Lab, letters: Any, drawn: Any, y: np.ndarray, growth: float) -> None:
    """``letters``: z and y in symbols; ``drawn``: the ends z and v of chords, and t."""
    import sympy

    symbols, target = letters
    other = np.array(sympy.symbols("v1:4", real=True))
    share = sympy.Symbol("t", real=True)
    proved = vanishes(
        chord_defect(lambda p: loss(p, target), symbols, other, share)
        + strong_slack(share, ((symbols - other) ** 2).sum())
    )
    z, v, t = drawn
    at = lab.world.array(y)
    defect = as_numpy(chord_defect(lambda p: loss(p, at), *map(lab.world.array, drawn)))
    slack = strong_slack(t, ((z - v) ** 2).sum(1))
    error = gap(-defect / (1 + slack), slack / (1 + slack))
    lab.check(
        "convex_in_outputs",
        "the loss is convex in z",
        lab.metrics["smallest_eigenvalue"] > 0 and defect.max() <= ROUNDING * growth,
        f"largest excess over a chord among {len(z)} {defect.max():.1e}",
    )
    lab.check(
        "chord_slack",
        "a chord's excess over the loss is ½λ(1-λ)‖u - v‖², half of what a diagonal of 2 gives",
        proved and error <= ROUNDING * growth,
        f"{reduces(proved)}; largest relative one {error:.1e}",
    )
    lab.metrics["largest_chord_defect"] = float(defect.max())


def _convex_in_parameters(lab: Lab, drawn: Any, phi: Any, y: np.ndarray, growth: float) -> None:
    """``drawn``: the ends of chords, two parameter sets, and t."""
    import sympy

    features = np.array([*sympy.symbols("f1:3", real=True), sympy.Integer(1)])
    given = {
        "sympy": (features, np.array(sympy.symbols("y1:3", real=True))),
        lab.world.name: (lab.world.array(phi), lab.world.array(y)),
    }

    def of_theta(w: World, theta: Any) -> Any:
        return model_loss(theta, *given[w.name])

    letters = np.array(sympy.symbols("w1:7", real=True))
    found = world("sympy").hessian(of_theta, letters)
    proved = vanishes(found - np.kron(np.outer(features, features), np.eye(2, dtype=int)))
    hessian = as_numpy(lab.world.hessian(of_theta, lab.world.array(drawn[0][:1])))[0]
    spectrum = np.linalg.eigvalsh(hessian)
    defect = chord_defect(lambda p: of_theta(lab.world, p), *map(lab.world.array, drawn))
    worst = float(defect.max())
    # Losses in the parameters grow with |φ̃|², and rounding with them.
    growth *= float(phi @ phi)
    lab.check(
        "convex_in_parameters",
        "the loss is convex in (W, b) for z = Wᵀφ + b",
        worst <= ROUNDING * growth and spectrum[0] >= -lab.world.second * growth,
        f"largest excess over a chord among {len(defect)} {worst:.1e}; smallest eigenvalue of"
        f" the Hessian in (W, b) {spectrum[0]:.1e}",
    )
    rank = int((spectrum > lab.world.second * growth).sum())
    error = gap(hessian, np.kron(np.outer(phi, phi), np.eye(len(y))))
    lab.check(
        "semidefinite_in_parameters",
        "in (W, b) the Hessian of one example is φ̃φ̃ᵀ ⊗ I, of rank m: convex, but not strictly",
        proved and error <= lab.world.second * growth and rank == len(y),
        f"SymPy, m = D = 2: {proved}; by {lab.world.witness} off by at most {error:.1e}, rank"
        f" {rank} of {len(spectrum)}",
    )
    lab.metrics |= {"largest_parameter_chord_defect": worst, "parameter_hessian_rank": rank}


def parabolas(w: World, steps: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """L as one output moves, beside its second-order expansion with either diagonal."""
    line = np.repeat(y[None] + 1.0, len(steps), axis=0)  # every output starts one above its target
    line[:, 0] += steps
    base = len(y) / 2 + steps  # the loss there, and a slope of one
    return {
        "step": steps.tolist(),
        "loss": as_numpy(loss(w.array(line), w.array(y))).tolist(),
        "published": (base + published_entry(1) * steps**2 / 2).tolist(),
        "corrected": (base + entry(1) * steps**2 / 2).tolist(),
    }


FIGURES = Figures()


@FIGURES.add("expansions")
def draw_expansions(plots: Any, ax: Any) -> None:
    """The loss along one output, and what either diagonal says that it should be."""
    from hw.figures.style import COLOURS

    for name, style, text, options in (
        ("loss", "-", "loss", {"lw": 4, "alpha": 0.35, "color": COLOURS[0]}),
        ("corrected", "--", "expansion, diagonal 1", {"color": COLOURS[6]}),
        ("published", "-.", "expansion, diagonal 2 (published)", {"color": COLOURS[1]}),
    ):
        ax.plot(plots["line"]["step"], plots["line"][name], style, label=text, **options)
    ax.set(xlabel="change t of the output $z_1$", ylabel="L(z + t e₁, y)")
    ax.legend()
