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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.statements import (
    Array,
    largest_gap,
    numbers,
    sole,
    titled,
    vanishes,
)
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


# NumPy --------------------------------------------------------------------------------------------


def score(weights: Weights, g: Callable[[Any], Any], X: Any) -> Any:
    """The network before its output activation. X (N, 2) -> (N,)."""
    return weights.c + g(weights.d + X @ weights.W.T) @ weights.v


def sigmoid(z: Any) -> Array:
    """1 / (1 + exp(-z)), without overflow at either end."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small))


def target(X: Any, beta0: Any, beta1: Any) -> Any:
    """beta0 + beta1 x1 x2. (N, 2) -> (N,)."""
    return beta0 + beta1 * X[:, 0] * X[:, 1]


# PyTorch ------------------------------------------------------------------------------------------


def torch_network(weights: Weights, g: Callable[[Any], Any]) -> Any:
    """The same network as a module, in float64, without its output activation."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(2, 2, dtype=torch.float64, device="meta").to_empty(device="cpu")
            self.output = nn.Linear(2, 1, dtype=torch.float64, device="meta").to_empty(device="cpu")

        def forward(self, x: Any) -> Any:
            return self.output(g(self.hidden(x)))[:, 0]

    network = Network()
    with torch.no_grad():
        for parameter, value in (
            (network.hidden.weight, weights.W),
            (network.hidden.bias, weights.d),
            (network.output.weight, [weights.v]),
            (network.output.bias, [weights.c]),
        ):
            parameter.copy_(torch.tensor(np.array(value, float)))
    return network


def torch_score(weights: Weights, g: Callable[[Any], Any], X: Array) -> Array:
    import torch

    with torch.no_grad():
        return torch_network(weights, g)(torch.tensor(X, dtype=torch.float64)).numpy()


def torch_sigmoid(z: Any) -> Array:
    import torch

    return torch.sigmoid(torch.tensor(z, dtype=torch.float64)).numpy()


# Exactly, by SymPy --------------------------------------------------------------------------------


def symbolic_score(weights: Weights, g: Callable[[Any], Any]) -> tuple[Any, tuple[Any, Any]]:
    """The score as an expression in the symbols x1, x2; returns it and them."""
    import sympy as sp

    x = sp.symbols("x1 x2", real=True)
    return score(weights, g, np.array([x], object))[0], x


def free_weights() -> Weights:
    """A symbol for every weight: what holds for these holds for all networks."""
    import sympy as sp

    return Weights(
        W=np.array(sp.symbols("w11 w12 w21 w22", real=True), object).reshape(2, 2),
        d=np.array(sp.symbols("d1 d2", real=True), object),
        v=np.array(sp.symbols("v1 v2", real=True), object),
        c=sp.Symbol("c", real=True),
    )


# The question -------------------------------------------------------------------------------------

CORNERS = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
SIGNS = np.array([1.0, -1.0, -1.0, 1.0])  # the mixed difference over the unit square


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """g(z) = z refuted, g(z) = z^2 proved, and the report's example. ``data`` is not used."""
    import sympy as sp

    if settings.beta1 == 0:
        raise UsageError("beta1 is 0; without a product there is nothing to show")
    outcome = Outcome()
    beta0, beta1 = settings.beta0, settings.beta1
    scores = torch_score if backend == "torch" else score
    squash = torch_sigmoid if backend == "torch" else sigmoid
    rng = np.random.default_rng(settings.seed)
    X = rng.uniform(-3, 3, (settings.points, 2))

    # g(z) = z: no choice of weights gives a product.
    anything, (x1, x2) = symbolic_score(free_weights(), identity)
    b0, b1 = sp.symbols("beta0 beta1", real=True)
    mixed = sp.diff(anything, x1, x2)
    wanted = sp.diff(b0 + b1 * x1 * x2, x1, x2)
    mixed_numbers = [
        abs(float(SIGNS @ scores(random_weights(rng), identity, CORNERS)))
        for _ in range(settings.networks)
    ]
    outcome.metrics["identity_mixed_difference"] = max(mixed_numbers)
    outcome.metrics["target_mixed_difference"] = float(SIGNS @ target(CORNERS, beta0, beta1))
    outcome.check(
        "identity_activation_makes_the_product",
        "with g(z) = z some weights make the score beta0 + beta1 x1 x2, beta1 not 0",
        not vanishes(mixed) and max(mixed_numbers) > TOLERANCE,
        f"SymPy, every weight a symbol: the score's mixed derivative is {mixed}, the model's "
        f"{wanted}; {backend}, {settings.networks} random networks: mixed difference at most "
        f"{max(mixed_numbers):.1e} against {beta1:g}",
    )
    reported = reported_weights(beta0, beta1)
    gap = largest_gap(scores(reported, identity, X), target(X, beta0, beta1))
    outcome.metrics["reported_gap"] = gap
    at = np.array([[1.0, 2.0]])
    z = float(scores(reported, identity, at)[0])
    wanted_z = float(target(at, beta0, beta1)[0])
    outcome.check(
        "reported_unit_computes_the_product",
        f"a linear unit with bias {beta0:g} and weight {beta1:g} from x1 and x2 computes "
        f"{beta0:g} + {beta1:g} x1 x2",
        gap <= TOLERANCE,
        f"at (1, 2) it computes {z:g} and not {wanted_z:g}, sigma = {float(squash(z)):.4f} and not "
        f"{float(squash(wanted_z)):.4f}; largest gap of the score over {len(X)} points {gap:.2f}",
    )
    example = float(target(at, 1, 2)[0])
    outcome.check(
        "example_values",
        "sigma(1 + 2 x1 x2) at (1, 2) is sigma(5) = 0.9933",
        example == 5 and round(float(squash(5.0)), 4) == 0.9933,
        f"1 + 2 * 1 * 2 = {example:g}, sigma = {float(squash(5.0)):.6f}: the value of the model, "
        "not of the network",
    )

    # g(z) = z^2: exactly.
    ours, _ = symbolic_score(squaring_weights(b0, b1), square)
    exact = vanishes(ours - (b0 + b1 * x1 * x2))
    weights = squaring_weights(beta0, beta1)
    gap = largest_gap(scores(weights, square, X), target(X, beta0, beta1))
    outcome.metrics["square_gap"] = gap
    outcome.check(
        "square_activation_makes_the_product",
        "g(z) = z^2 with w = (1, 1), (1, -1), output weights beta1/4, -beta1/4 and output bias "
        "beta0 makes it exactly",
        exact and gap <= TOLERANCE,
        f"SymPy: score minus beta0 + beta1 x1 x2 {'is 0' if exact else 'is not 0'} for every beta; "
        f"{backend}: largest gap {gap:.1e} over {len(X)} points",
    )
    probability = largest_gap(
        squash(scores(weights, square, X)), 1 / (1 + np.exp(-target(X, beta0, beta1)))
    )
    outcome.check(
        "square_network_is_the_logistic_model",
        "with o = sigma that network is the logistic model sigma(beta0 + beta1 x1 x2)",
        exact and probability <= TOLERANCE,
        f"largest gap of the probabilities {probability:.1e}",
    )
    outcome.plots["surfaces"] = surfaces(settings, scores, squash)
    return outcome


def random_weights(rng: np.random.Generator) -> Weights:
    return Weights(rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2), rng.normal())


# Figure -------------------------------------------------------------------------------------------


def surfaces(
    settings: Settings, scores: Callable[..., Array], squash: Callable[[Any], Array]
) -> dict[str, Any]:
    """Probabilities on a grid: the model's, our network's, the reported network's."""
    axis = np.linspace(-3, 3, settings.grid)
    X = np.stack([v.ravel() for v in np.meshgrid(axis, axis)], axis=1)
    beta0, beta1 = settings.beta0, settings.beta1
    found = {
        "model": target(X, beta0, beta1),
        "square": scores(squaring_weights(beta0, beta1), square, X),
        "identity": scores(reported_weights(beta0, beta1), identity, X),
    }
    return {
        "axis": numbers(axis),
        "beta": [beta0, beta1],
        "probability": {
            name: [numbers(row, 4) for row in squash(z).reshape(len(axis), -1)]
            for name, z in found.items()
        },
    }


def draw_surfaces(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Three decision surfaces, the line where the probability is one half marked."""
    from hw.figures.style import new_figure

    known = sole(outcomes).plots["surfaces"]
    beta0, beta1 = known["beta"]
    titles = {
        "model": rf"model: $\sigma({beta0:g} + {beta1:g}\,x_1 x_2)$",
        "square": r"network, $g(z) = z^2$",
        "identity": r"network, $g(z) = z$ (the report's)",
    }
    figure, axes = new_figure(1, 3, width=3.8, height=4.3, sharey=True)
    for ax, (name, title) in zip(axes[0], titles.items(), strict=True):
        values = np.array(known["probability"][name])
        filled = ax.contourf(
            known["axis"], known["axis"], values, levels=np.linspace(0, 1, 21), cmap="PuOr"
        )
        ax.contour(
            known["axis"], known["axis"], values, levels=[0.5], colors="black", linewidths=1.6
        )
        ax.set_title(title)
        ax.set_xlabel("$x_1$")
        ax.set_aspect("equal")
        ax.grid(False)
    axes[0][0].set_ylabel("$x_2$")
    bar = figure.colorbar(
        filled, ax=list(axes[0]), label="probability (black: one half)", shrink=0.85
    )
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1])
    return titled(figure, spec)


FIGURES = {"surfaces": draw_surfaces}
