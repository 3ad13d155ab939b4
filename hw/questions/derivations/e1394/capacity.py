"""Two hidden units for the logistic model sigma(beta0 + beta1 x1 x2).

Source: Hertie E1394, Problem set 1, 1.4 Capacity of neural network.

    score(x1, x2) = c + v1 g(a1) + v2 g(a2),    a_i = d_i + w_i1 x1 + w_i2 x2,    o = sigma(score)

The report takes g(z) = z. Then the score is affine in (x1, x2), whatever the weights, and its
mixed difference over a rectangle is 0, where that of beta0 + beta1 x1 x2 is beta1 times the area.
With g(z) = z^2, w = (1, 1) and (1, -1), d = 0, v = (beta1, -beta1) / 4 and c = beta0 it is
(beta1 / 4) ((x1 + x2)^2 - (x1 - x2)^2) + beta0 = beta0 + beta1 x1 x2, exactly.

Conventions: W (2, 2) hidden weights, one row a unit; d (2,) hidden biases; v (2,) output weights;
c the output bias; points X (N, 2).

Deviations: none. The report gives the first hidden unit "the weights" beta0 = 1 and beta1 = 2 and
the second none; drawn is what a unit with these weights computes, 1 + 2 x1 + 2 x2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy, reduces
from hw.questions.derivations.lab.statements import Array, largest_gap, numbers, vanishes
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

TOLERANCE = 1e-12  # scores reach 30 in float64: a few units in their last place


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random points and networks", low=0)
    points: int = setting(500, "random points in [-3, 3] x [-3, 3]", low=4, high=100_000)
    networks: int = setting(50, "random networks with g(z) = z", low=1, high=10_000)
    beta0: float = setting(1.0, "the constant of the logistic model", low=-10, high=10)
    beta1: float = setting(2.0, "the factor of x1 x2; not 0", low=-10, high=10)
    grid: int = setting(61, "points a side of the decision surfaces", low=11, high=401)


@dataclass(frozen=True)
class Weights:
    """W (2, 2), d (2,), v (2,), c: arrays of numbers or of symbols."""

    W: Any
    d: Any
    v: Any
    c: Any


def identity(z: Any) -> Any:
    return z


def square(z: Any) -> Any:
    return z * z


def squaring_weights(beta0: Any, beta1: Any) -> Weights:
    """The weights that with g(z) = z^2 make the score beta0 + beta1 x1 x2."""
    return Weights(
        W=np.array([[1, 1], [1, -1]]),
        d=np.array([0, 0]),
        v=np.array([beta1 / 4, -beta1 / 4]),
        c=beta0,
    )


def reported_weights(beta0: float, beta1: float) -> Weights:
    """The report's: bias beta0 and weight beta1 from both inputs into one unit, 0 elsewhere."""
    return Weights(
        W=np.array([[beta1, beta1], [0.0, 0.0]]),
        d=np.array([beta0, 0.0]),
        v=np.array([1.0, 0.0]),
        c=0.0,
    )


def random_weights(rng: np.random.Generator) -> Weights:
    return Weights(rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2), rng.normal())


def free_weights() -> Weights:
    """A symbol for every weight: what holds for these holds for all networks."""
    import sympy as sp

    symbols = np.array(sp.symbols("w11 w12 w21 w22 d1 d2 v1 v2 c", real=True), object)
    return Weights(symbols[:4].reshape(2, 2), symbols[4:6], symbols[6:8], symbols[8])


def score(w: World, weights: Weights, g: Callable[[Any], Any], X: Any) -> Any:
    """The network before its output activation, in each world. X (N, 2) -> (N,)."""
    W, d, v, c = (w.array(a) for a in (weights.W, weights.d, weights.v, weights.c))
    return as_numpy(c + g(d + w.array(X) @ W.T) @ v)


def target(X: Any, beta0: Any, beta1: Any) -> Any:
    """beta0 + beta1 x1 x2. (N, 2) -> (N,)."""
    return beta0 + beta1 * X[:, 0] * X[:, 1]


def squash(w: World, z: Any) -> Array:
    """The world's sigma, of numbers."""
    return as_numpy(w.sigmoid(w.array(z)))


# The question -------------------------------------------------------------------------------------

CORNERS = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
SIGNS = np.array([1.0, -1.0, -1.0, 1.0])  # the mixed difference over the unit square


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """g(z) = z refuted, g(z) = z^2 proved, and the report's example. ``data`` is not used."""
    if settings.beta1 == 0:
        raise UsageError("beta1 is 0; without a product there is nothing to show")
    lab = Lab(settings, backend)
    X = lab.rng.uniform(-3, 3, (settings.points, 2))
    _identity_checks(lab, X)
    _square_checks(lab, X)
    beta = settings.beta0, settings.beta1
    axis = np.linspace(-3, 3, settings.grid)
    grid = np.stack([v.ravel() for v in np.meshgrid(axis, axis)], axis=1)
    scores = {
        "model": target(grid, *beta),
        "square": score(lab.world, squaring_weights(*beta), square, grid),
        "identity": score(lab.world, reported_weights(*beta), identity, grid),
    }
    lab.plots["surfaces"] = {
        "axis": numbers(axis),
        "beta": list(beta),
        "probability": {
            name: [numbers(row, 4) for row in squash(lab.world, z).reshape(len(axis), -1)]
            for name, z in scores.items()
        },
    }
    return lab.outcome


def _identity_checks(lab: Lab, X: Array) -> None:
    """g(z) = z: no choice of weights gives a product, and the report's does not."""
    import sympy as sp

    w, beta = lab.world, (lab.settings.beta0, lab.settings.beta1)
    x1, x2, b0, b1 = sp.symbols("x1 x2 beta0 beta1", real=True)
    at = np.array([[x1, x2]], object)
    found, wanted = (
        sp.diff(z[0], x1, x2)
        for z in (score(world("sympy"), free_weights(), identity, at), target(at, b0, b1))
    )
    most = max(
        abs(float(SIGNS @ score(w, random_weights(lab.rng), identity, CORNERS)))
        for _ in range(lab.settings.networks)
    )
    lab.metrics["identity_mixed_difference"] = most
    lab.metrics["target_mixed_difference"] = float(SIGNS @ target(CORNERS, *beta))
    lab.check(
        "identity_activation_makes_the_product",
        "with g(z) = z some weights make the score beta0 + beta1 x1 x2, beta1 not 0",
        not vanishes(found) and most > TOLERANCE,
        f"SymPy, every weight a symbol: the score's mixed derivative is {found}, the model's "
        f"{wanted}; {w.name}, {lab.settings.networks} random networks: mixed difference at most "
        f"{most:.1e} against {beta[1]:g}",
    )
    reported = partial(score, w, reported_weights(*beta), identity)
    gap = lab.metrics["reported_gap"] = largest_gap(reported(X), target(X, *beta))
    one = np.array([[1.0, 2.0]])
    z, wanted_z = float(reported(one)[0]), float(target(one, *beta)[0])
    lab.check(
        "reported_unit_is_affine",
        f"a linear unit with bias {beta[0]:g} and weight {beta[1]:g} from x1 and x2 computes "
        f"{beta[0]:g} + {beta[1]:g} x1 + {beta[1]:g} x2, and not {beta[0]:g} + {beta[1]:g} x1 x2",
        largest_gap(reported(X), beta[0] + beta[1] * X.sum(axis=1)) <= TOLERANCE < gap,
        f"at (1, 2) it computes {z:g} and not {wanted_z:g}, sigma = {float(squash(w, z)):.4f} and "
        f"not {float(squash(w, wanted_z)):.4f}; largest gap of the score over {len(X)} points "
        f"{gap:.2f}",
    )
    u = sp.symbols("u", real=True)
    logistic = 1 / (1 + sp.exp(-u))
    ends = [sp.limit(logistic, u, end) for end in (-sp.oo, sp.oo)]
    values = squash(w, np.linspace(-30, 30, 601))
    lab.check(
        "sigmoid_is_between_0_and_1",
        "o(z) = 1 / (1 + e^-z) maps every z to a value between 0 and 1",
        ends == [0, 1]
        and vanishes(sp.diff(logistic, u) - logistic * (1 - logistic))
        and bool(((values > 0) & (values < 1)).all()),
        f"SymPy: it rises, o' = o (1 - o), from {ends[0]} to {ends[1]}; {w.name}: from "
        f"{values.min():.1e} to 1 - {1 - values.max():.1e} over z from -30 to 30",
    )
    example, sigma = float(target(one, 1, 2)[0]), float(squash(w, 5.0))
    lab.check(
        "example_values",
        "sigma(1 + 2 x1 x2) at (1, 2) is sigma(5) = 0.9933",
        example == 5 and round(sigma, 4) == 0.9933,
        f"1 + 2 * 1 * 2 = {example:g}, sigma = {sigma:.6f}: the value of the model, not of the "
        "network",
    )


def _square_checks(lab: Lab, X: Array) -> None:
    """g(z) = z^2: the product, exactly."""
    import sympy as sp

    w, beta = lab.world, (lab.settings.beta0, lab.settings.beta1)
    x1, x2, b0, b1 = sp.symbols("x1 x2 beta0 beta1", real=True)
    at = np.array([[x1, x2]], object)
    symbolic = score(world("sympy"), squaring_weights(b0, b1), square, at)
    exact = vanishes(symbolic[0] - target(at, b0, b1)[0])
    ours = score(w, squaring_weights(*beta), square, X)
    gap = lab.metrics["square_gap"] = largest_gap(ours, target(X, *beta))
    lab.check(
        "square_activation_makes_the_product",
        "g(z) = z^2 with w = (1, 1), (1, -1), output weights beta1/4, -beta1/4 and output bias "
        "beta0 makes it exactly",
        exact and gap <= TOLERANCE,
        f"{reduces(exact)} for every beta; {w.name}: largest gap {gap:.1e} over {len(X)} points",
    )
    probability = largest_gap(squash(w, ours), 1 / (1 + np.exp(-target(X, *beta))))
    lab.check(
        "square_network_is_the_logistic_model",
        "with o = sigma that network is the logistic model sigma(beta0 + beta1 x1 x2)",
        exact and probability <= TOLERANCE,
        f"largest gap of the probabilities {probability:.1e}",
    )


FIGURES = Figures()


@FIGURES.add("surfaces", 1, 3, width=3.8, height=4.3, sharey=True)
def draw_surfaces(plots: Any, *axes: Any) -> None:
    """Three decision surfaces, the line where the probability is one half marked."""
    known = plots["surfaces"]
    beta0, beta1 = known["beta"]
    titles = {
        "model": rf"model: $\sigma({beta0:g} + {beta1:g}\,x_1 x_2)$",
        "square": r"network, $g(z) = z^2$",
        "identity": r"network, $g(z) = z$ (the report's)",
    }
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        surface = known["axis"], known["axis"], np.array(known["probability"][name])
        filled = ax.contourf(*surface, levels=np.linspace(0, 1, 21), cmap="PuOr")
        ax.contour(*surface, levels=[0.5], colors="black", linewidths=1.6)
        ax.set(title=title, xlabel="$x_1$", aspect="equal")
        ax.grid(False)
    axes[0].set_ylabel("$x_2$")
    label = "probability (black: one half)"
    bar = axes[0].figure.colorbar(filled, ax=list(axes), label=label, shrink=0.85)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1])
