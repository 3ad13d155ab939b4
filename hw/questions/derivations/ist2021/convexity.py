"""Convexity in the parameters of a linear model, and its loss where the logits are sines.

Source: IST Deep Learning 2021-22, Homework 1, question 1.5, equations (1.1)-(1.7), Figures 3 and 4.

Conventions: L(z; y = j) = -log softmax(z)_j, in nats, z of K logits. Linear model: z = Wφ + b with
W (K, D) and b (K,); its P = K (D + 1) parameters are one vector θ, the rows of (W b) in order. Sine
model: z_i = sin x_i with two parameters x, K = 2. A chord is (u, v, λ): two points (n, P) and a
share (n,); its defect, f(λu + (1-λ)v) - λf(u) - (1-λ)f(v), is positive where f is not convex.
Defects are judged relative to 1 + the chord's height λf(u) + (1-λ)f(v), as rounding grows with it.

Deviations: the handout asks for a proof on paper. Here its equations are identities that SymPy
decides, and its conclusion is attacked: one search, the same for both models, looks for a chord
that lies below the function, first at random over four orders of magnitude, then by climbing from
the best chords. What it finds for the sine is moved to the simplest numbers that still do, and its
defect is enclosed by interval arithmetic, so that it is proved and not only observed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import log_softmax, softmax
from hw.questions.derivations.lab.calculus import ROUNDING, chord_defect
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy, reduces
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World
from hw.results.outcome import Outcome

Chord = tuple[np.ndarray, np.ndarray, float]
Loss = Callable[[np.ndarray], np.ndarray]  # (n, P) -> (n,)
Gradient = Callable[[np.ndarray], tuple[np.ndarray, ...]]  # (n, K, D+1) -> (n,), (n, K, D+1)
# Logits of up to 1e4 carry a rounding of 1e-12, and the climb looks for the worst of it.
NOISE = 1e-11
# A shrunk counterexample must still show: a defect of a tenth of a nat.
VISIBLE = 0.1


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the examples, chords and starts", low=0)
    features: int = setting(4, "features D of the linear model", low=1, high=20)
    classes: int = setting(3, "classes K of the linear model", low=2, high=10)
    examples: int = setting(6, "examples (φ, y) whose loss is searched, each by itself", low=1)
    draws: int = setting(4000, "random chords by example", low=10)
    rounds: int = setting(10, "rounds of climbing from the best chords", low=0)
    descents: int = setting(6, "starts from which the training loss is minimised", low=2)
    steps: int = setting(500, "gradient steps of each descent", low=1)
    learning_rate: float = setting(0.5, "of those steps", above=0, high=2)
    limit: float = setting(5.0, "Figure 3 shows z from -limit to limit", above=0, high=50)
    sine_limit: float = setting(
        6.0, "Figure 4 shows x from -sine_limit to sine_limit", above=0, high=50
    )
    points: int = setting(61, "points of each surface along each axis", low=3, high=401)


# The equations under test ----------------------------------------------------------------------


def equation_1_2(a: Any, b: Any, x: Any, y: Any, t: Any) -> Any:
    """λAx + (1-λ)Ay + λb + (1-λ)b, with t for λ."""
    return t * (a @ x) + (1 - t) * (a @ y) + t * b + (1 - t) * b


def equation_1_3(f_x: Any, f_y: Any, t: Any) -> Any:
    """As printed: λf(x) + (1-λ)f(x)."""
    return t * f_x + (1 - t) * f_x


def corrected_1_3(f_x: Any, f_y: Any, t: Any) -> Any:
    """As it must read: λf(x) + (1-λ)f(y)."""
    return t * f_x + (1 - t) * f_y


def composed(g: Callable[[Any], Any], a: Any, b: Any) -> Callable[[Any], Any]:
    """f(x) = g(Ax + b), of rows x (n, N)."""
    return lambda x: g(x @ a.T + b)


# The losses: definitions in either library, the gradient by hand and by autograd ---------------


def logit_loss(w: World, z: Any) -> Any:
    """L(z; y = 1), (n, K) -> (n,)."""
    return -w.log_softmax(z)[:, 0]


def sine_loss(w: World, x: Any) -> Any:
    """L(sin x; y = 1), (n, 2) -> (n,)."""
    return -w.log_softmax(w.sin(x))[:, 0]


def linear_loss(w: World, theta: Any, phi: np.ndarray, j: int, classes: int) -> Any:
    """L(Wφ + b; y = j), (n, P) -> (n,)."""
    z = theta.reshape(-1, classes, len(phi) + 1) @ w.array([*phi, 1.0])
    return -w.log_softmax(z)[:, j]


def on_arrays(w: World, loss: Callable[[World, Any], Any]) -> Loss:
    """A loss as the search calls it, with NumPy arrays at either end."""
    return lambda points: as_numpy(loss(w, w.array(points)))


def training_gradient(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean loss (n,) and its gradient (n, K, D+1) for each of n parameter sets (n, K, D+1).

    x: (N, D+1) with a last column of ones; y: (N, K), one-hot.
    """
    z = x @ np.swapaxes(theta, 1, 2)  # (n, N, K)
    gradient = np.swapaxes(softmax(z) - y, 1, 2) @ x / len(x)
    return -(y * log_softmax(z)).sum(-1).mean(-1), gradient


def torch_gradient(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same by autograd."""
    import torch

    leaf = torch.tensor(theta, requires_grad=True)
    z = torch.from_numpy(x) @ leaf.transpose(1, 2)
    losses = -(torch.from_numpy(y) * torch.log_softmax(z, -1)).sum(-1).mean(-1)
    (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach().numpy(), gradient.numpy()


GRADIENTS = {"numpy": training_gradient, "torch": torch_gradient}


# The search ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """The worst chord, its defect relative to its height, and the share of chords violated."""

    chord: Chord
    worst: float
    share: float


def relative_defect(f: Loss, u: Any, v: Any, t: Any) -> Any:
    """Defect over 1 + height of each chord, (n,): beyond rounding only if f is not convex."""
    return chord_defect(f, u, v, t) / (1 + t * f(u) + (1 - t) * f(v))


def search(f: Loss, width: int, rng: np.random.Generator, draws: int, rounds: int) -> Found:
    """Look for a chord that violates convexity: at random, then by climbing from the best tenth.

    f: (n, ``width``) -> (n,). Points are normal with scales from 0.01 to 100, independent for the
    two ends; climbing adds noise that halves every round.
    """
    scales = 10 ** rng.uniform(-2, 2, (2, draws, 1))
    u, v = rng.normal(size=(2, draws, width)) * scales
    t = rng.uniform(size=draws)
    score = relative_defect(f, u, v, t)
    share = float((score > NOISE).mean())
    for step in range(rounds):
        best = np.argsort(-score, kind="stable")[: max(1, draws // 10)]
        u, v, t = u[best], v[best], t[best]
        size = 0.5**step * (0.1 + np.abs(u - v).mean(1, keepdims=True))
        noise = rng.normal(size=(2, 9, *u.shape)) * size
        u = np.concatenate([u, *(u + noise[0])])  # the best themselves stay in the running
        v = np.concatenate([v, *(v + noise[1])])
        t = np.concatenate([t, rng.uniform(size=9 * len(best))])
        score = relative_defect(f, u, v, t)
    top = int(np.argmax(score))
    return Found((u[top], v[top], float(t[top])), float(score[top]), share)


def shrink(f: Loss, chord: Chord) -> Chord:
    """The chord moved, one number at a time, to the simplest ones that still visibly violate.

    Simple is zero, then whole, then half, then quarter numbers, the smaller the simpler. λ becomes
    1/2 if it can.
    """
    u, v, t = chord
    numbers = np.array([t, *u, *v])

    def violates(t: float, *ends: float) -> bool:
        u, v = np.array(ends).reshape(2, 1, -1)
        return bool(chord_defect(f, u, v, np.array([t]))[0] > VISIBLE)

    def cost(number: float) -> tuple[bool, int, float, bool]:
        ratio = Fraction(number).limit_denominator(4)
        return (float(ratio) != number, ratio.denominator, abs(number), number < 0)

    moved = True
    while moved:
        moved = False
        for place, number in enumerate(numbers.tolist()):
            near = [round(number * d) / d for d in (1, 2, 4)]
            options = {*near, *(np.arange(-16, 17) / 4).tolist()} if place else {0.5}
            for simpler in sorted((x for x in options if cost(x) < cost(number)), key=cost):
                trial = numbers.copy()
                trial[place] = simpler
                if violates(*trial):
                    numbers, moved = trial, True
                    break
    t, ends = float(numbers[0]), numbers[1:] + 0.0  # + 0.0: no negative zeros
    return *ends.reshape(2, -1), t


def proved_defect(chord: Chord) -> tuple[float, float, float]:
    """Loss at the chord's inner point, height of the chord, and a proved lower bound of the defect.

    For the sine model, L(x) = log(1 + exp(sin x_2 - sin x_1)), in interval arithmetic: every
    operation rounds outward, so that the true defect lies within the interval.
    """
    from mpmath import iv

    def loss(x: list[Any]) -> Any:
        return iv.log(1 + iv.exp(iv.sin(x[1]) - iv.sin(x[0])))

    u, v, t = chord
    share = iv.mpf(t)
    ends = [[iv.mpf(float(number)) for number in end] for end in (u, v)]
    inner = loss([share * a + (1 - share) * b for a, b in zip(*ends, strict=True)])
    height = share * loss(ends[0]) + (1 - share) * loss(ends[1])
    return float(inner.mid), float(height.mid), float((inner - height).a)


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Equations (1.1)-(1.7), the search for counterexamples, and both surfaces."""
    lab = Lab(settings, backend)
    check_equations(lab)
    check_linear_model(lab)
    check_minima(lab)
    check_sine_model(lab)
    check_composition(lab)
    return lab.outcome


def check_equations(lab: Lab) -> None:
    """(1.1)-(1.3), as printed and as they must read, for A of 2 rows and 3 columns."""
    import sympy

    def letters(name: str, count: int) -> Any:
        return np.array(sympy.symbols(f"{name}1:{count + 1}", real=True))

    t = sympy.Symbol("t", real=True)
    a, b, x, y = letters("a", 6).reshape(2, 3), letters("b", 2), letters("x", 3), letters("y", 3)
    f_x, f_y, left = a @ x + b, a @ y + b, a @ (t * x + (1 - t) * y) + b
    lab.proof(
        "equation_1_2",
        "f(λx + (1-λ)y) = λAx + (1-λ)Ay + λb + (1-λ)b for f(x) = Ax + b and every real λ",
        left - equation_1_2(a, b, x, y, t),
    )
    for name, second, equation in (
        ("equation_1_3", "x", equation_1_3),
        ("equation_1_3_corrected", "y", corrected_1_3),
    ):
        found, proved = affine_counterexample(equation), vanishes(left - equation(f_x, f_y, t))
        example = (
            "no counterexample in small fractions"
            if found is None
            else "f(x) = ax + b with a = {a}, b = {b}, x = {x}, y = {y}, λ = {λ}: {left} on the"
            " left, {right} on the right".format(**found)
        )
        lab.check(
            name,
            f"f(λx + (1-λ)y) = λf(x) + (1-λ)f({second})",
            proved and found is None,
            f"{reduces(proved)}; {example}",
        )
    lab.proof(
        "equation_1_3_excess",
        "(1.3) as printed is off by (1-λ)A(x - y), and so holds only where that is zero",
        equation_1_3(f_x, f_y, t) - left - (1 - t) * (a @ (x - y)),
    )
    # The model's map: its variable is (W, b); x is the features.
    p, q = letters("p", 8), letters("q", 8)

    def logits(theta: Any) -> Any:
        return theta[:6].reshape(2, 3) @ x + theta[6:]

    lab.proof(
        "model_is_affine",
        "the logits Wφ + b are an affine function of (W, b)",
        logits(t * p + (1 - t) * q) - t * logits(p) - (1 - t) * logits(q),
    )


def affine_counterexample(equation: Callable[..., Any]) -> dict[str, Fraction] | None:
    """The first small f(x) = ax + b that breaks an equation for f(λx + (1-λ)y), or None."""
    small = [Fraction(n) for n in (0, 1, -1, 2)]
    shares = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 4)]
    for t, a, b, x, y in itertools.product(shares, small, small, small, small):
        left = a * (t * x + (1 - t) * y) + b
        right = equation(a * x + b, a * y + b, t)
        if left != right:
            return {"a": a, "b": b, "x": x, "y": y, "λ": t, "left": left, "right": right}
    return None


def check_linear_model(lab: Lab) -> None:
    """(1.4)-(1.7): no chord of L in (W, b), nor in z, lies below it."""
    settings, worst = lab.settings, -np.inf
    width = settings.classes * (settings.features + 1)
    for _ in range(settings.examples):
        phi, j = lab.rng.normal(size=settings.features), int(lab.rng.integers(settings.classes))

        def of_example(w: World, theta: Any, phi: Any = phi, j: int = j) -> Any:
            return linear_loss(w, theta, phi, j, settings.classes)

        worst = max(
            worst,
            search(
                on_arrays(lab.world, of_example), width, lab.rng, settings.draws, settings.rounds
            ).worst,
        )
    lab.check(
        "convex_in_parameters",
        "the loss of a linear model is convex in its parameters (W, b)",
        worst <= NOISE,
        f"{settings.examples * chords_tried(settings)} chords over {settings.examples} examples,"
        f" K = {settings.classes}, D = {settings.features}: largest relative defect {worst:.1e}",
    )
    f = on_arrays(lab.world, logit_loss)
    found = search(f, 2, lab.rng, settings.draws, settings.rounds)
    lab.check(
        "surface_convex",
        "the surface of Figure 3, the loss over z in the plane, is convex",
        found.worst <= NOISE,
        f"{chords_tried(settings)} chords: largest relative defect {found.worst:.1e}",
    )
    lab.metrics |= {"linear_worst_defect": worst, "surface_worst_defect": found.worst}
    lab.plots["surface"] = surface(f, settings.limit, settings.points)


def chords_tried(settings: Settings) -> int:
    """Chords that one search evaluates."""
    return settings.draws + settings.rounds * 10 * max(1, settings.draws // 10)


def check_minima(lab: Lab) -> None:
    """Tangent planes lie below the loss, and descents from everywhere end equally low."""
    settings = lab.settings
    x, y = sloped_data(lab.rng, settings)
    gradient = partial(GRADIENTS[lab.world.name], x=x, y=y)
    shortfall = tangent_shortfall(lab, gradient)
    before, after, slope, undercut = descend(lab, gradient)
    spread = float(after.max() - after.min())
    lab.check(
        "local_minimum_is_global",
        "a local minimum of the training loss in (W, b) is a global one",
        shortfall <= ROUNDING and undercut <= 100 * ROUNDING,
        f"no tangent plane above the loss in {settings.draws} draws (worst {shortfall:.1e});"
        f" {settings.descents} descents from losses of {before.min():.2f} to {before.max():.2f} end"
        f" within {spread:.1e} of {after.min():.9f} (largest slope left {slope:.1e})",
    )
    lab.metrics |= {
        "descent_spread": spread,
        "descent_slope": slope,
        "tangent_shortfall": shortfall,
    }


def sloped_data(rng: np.random.Generator, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """A small training set whose classes overlap, so that the loss has a minimum.

    Returns x (N, D+1) with a last column of ones, and y (N, K), one-hot. Every point appears with
    every label, once or twice: no direction in parameter space lowers the loss for ever.
    """
    features = rng.normal(size=(12, settings.features))
    labels = np.arange(settings.classes)
    x = np.repeat(features, settings.classes + 1, axis=0)
    y = np.concatenate([np.append(labels, rng.integers(settings.classes)) for _ in features])
    return np.column_stack([x, np.ones(len(x))]), np.eye(settings.classes)[y]


def descend(lab: Lab, gradient: Gradient) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Gradient descent on the training loss from random starts.

    Returns the losses before and after, the largest gradient entry left, and by how much one end
    undercuts what the slope at another allows: not at all if the loss is convex, converged or not.
    """
    settings = lab.settings
    theta = lab.rng.normal(0, 3, (settings.descents, settings.classes, settings.features + 1))
    before, slope = gradient(theta)
    for _ in range(settings.steps):
        theta = theta - settings.learning_rate * slope
        after, slope = gradient(theta)
    allowed = (slope[:, None] * (theta[:, None] - theta)).sum((2, 3))
    undercut = float((after[:, None] - after - allowed).max())
    return before, after, float(np.abs(slope).max()), undercut


def tangent_shortfall(lab: Lab, gradient: Gradient) -> float:
    """How far the loss falls below a tangent plane of it, relative to the terms; none if convex."""
    draws, settings = lab.settings.draws, lab.settings
    shape = (2, draws, settings.classes, settings.features + 1)
    u, v = lab.rng.normal(size=shape) * 10 ** lab.rng.uniform(-2, 2, (2, draws, 1, 1))
    (at_u, slope), (at_v, _) = gradient(u), gradient(v)
    along = (slope * (v - u)).sum((1, 2))
    return float(((at_u + along - at_v) / (1 + at_u + np.abs(along) + at_v)).max())


# Convex functions of rows (n, M) -> (n,), of four sorts: smooth or with kinks, strictly or not.
CONVEX: dict[str, Callable[[World, Any], Any]] = {
    "‖u‖²": lambda w, u: (u**2).sum(-1),
    "‖u‖₁": lambda w, u: abs(u).sum(-1),
    "max |u_i|": lambda w, u: w.amax(abs(u), -1),
    "-log softmax(u)_1": logit_loss,
}


def check_composition(lab: Lab) -> None:
    """(1.4)-(1.7) for any convex g: by letters, and for four of them by a search."""
    import sympy

    t, *numbers = sympy.symbols("t a1:7 b1:3 x1:4 y1:4", real=True)
    a, b = np.array(numbers[:6]).reshape(2, 3), np.array(numbers[6:8])
    x, y = np.array(numbers[8:11]), np.array(numbers[11:])
    g = sympy.Function("g")  # of which nothing is known

    def of_letters(u: Any) -> Any:
        return np.array([g(*map(sympy.expand, row)) for row in u])

    share = np.array([t])
    ends = (np.atleast_2d(x), np.atleast_2d(y), share)
    images = (np.atleast_2d(a @ x + b), np.atleast_2d(a @ y + b), share)
    proved = vanishes(
        chord_defect(composed(of_letters, a, b), *ends) - chord_defect(of_letters, *images)
    )
    worst = {}
    for name, convex in CONVEX.items():
        matrix, shift = lab.world.array(lab.rng.normal(size=(3, 4))), lab.rng.normal(size=3)
        f = composed(lambda u, convex=convex: convex(lab.world, u), matrix, lab.world.array(shift))
        found = search(
            lambda p, f=f: as_numpy(f(lab.world.array(p))), 4, lab.rng, lab.settings.draws, 0
        )
        worst[name] = found.worst
    lab.check(
        "composition_is_convex",
        "g(Ax + b) is convex in x for every convex g",
        proved and max(worst.values()) <= NOISE,
        "a chord's defect is that of g on the chord's image, for any g,"
        f" {reduces(proved)}; largest relative defect of {lab.settings.draws} chords, A of 3 rows"
        " and 4 columns: " + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()),
    )


def check_sine_model(lab: Lab) -> None:
    """z_i = sin x_i: the same search finds a counterexample, which is shrunk and proved."""
    settings, f = lab.settings, on_arrays(lab.world, sine_loss)
    found = search(f, 2, lab.rng, settings.draws, settings.rounds)
    lab.metrics |= {"sine_worst_defect": found.worst, "sine_violated_share": found.share}
    lab.plots["sine"] = surface(f, settings.sine_limit, settings.points)
    bound, evidence = 0.0, f"no counterexample among {chords_tried(settings)} chords"
    if found.worst > NOISE:
        u, v, t = chord = shrink(f, found.chord)
        inner, height, bound = proved_defect(chord)
        evidence = (
            f"x = {pair(u)}, y = {pair(v)}, λ = {'1/2' if t == 0.5 else t}:"
            f" L at {pair(t * u + (1 - t) * v)} is {inner:.6f}, above the chord's {height:.6f};"
            f" interval arithmetic proves an excess of at least {bound:.6f}; {found.share:.0%} of"
            " random chords violate"
        )
        lab.metrics["sine_proved_defect"] = bound
        along = np.linspace(-0.5, 1.5, 101)
        lab.plots["sine"] |= {
            "chord": [v.tolist(), u.tolist()],
            "share": t,
            "along": along.tolist(),
            "path": f(along[:, None] * u + (1 - along[:, None]) * v).tolist(),
            "ends": f(np.stack([v, u])).tolist(),
        }
    lab.check(
        "sine_not_convex", "with z_i = sin x_i the loss is not convex in x", bound > 0, evidence
    )
    formula, value = sine_curvature()
    lab.check(
        "sine_negative_curvature",
        "with z_i = sin x_i, ∂²L/∂x_1² is negative somewhere",
        value < 0,
        f"SymPy: at x = (-π/2, 0) it is exactly {formula} = {value:.6f}",
    )


def sine_curvature() -> tuple[str, float]:
    """L's second derivative in x_1 at x = (-π/2, 0), exactly: a negative number."""
    import sympy

    x1, x2 = sympy.symbols("x1 x2", real=True)
    loss = sympy.log(1 + sympy.exp(sympy.sin(x2) - sympy.sin(x1)))
    value = sympy.diff(loss, x1, 2).subs({x1: -sympy.pi / 2, x2: 0})
    value = sympy.simplify(value)
    return str(value).replace("E", "e"), float(value)


def pair(point: np.ndarray) -> str:
    """A point in brackets, whole numbers without a decimal point."""
    return f"({', '.join(f'{number:.6g}' for number in point + 0.0)})"


def surface(f: Loss, limit: float, points: int) -> dict[str, Any]:
    """f on a square grid: axis (m,) and heights (m, m), the first coordinate along columns."""
    axis = np.linspace(-limit, limit, points)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return {"axis": axis.tolist(), "heights": f(grid).reshape(points, points).tolist()}


FIGURES = Figures()


def _surface(plot: Any, old: Any, flat: Any, letter: str, logits: str) -> None:
    """A surface in perspective, in the place of ``old``, beside its contours."""
    place, figure = old.get_subplotspec(), old.figure
    old.remove()
    solid = figure.add_subplot(place, projection="3d")
    grid = np.meshgrid(plot["axis"], plot["axis"])
    heights = np.array(plot["heights"])
    solid.plot_surface(*grid, heights, cmap="viridis", rcount=60, ccount=60, linewidth=0)
    solid.view_init(elev=28, azim=-60)
    solid.set_box_aspect((1, 1, 0.75), zoom=0.88)
    solid.set(xlabel=f"${letter}_1$", ylabel=f"${letter}_2$")
    solid.set_zlabel("loss in nats", labelpad=8)
    levels = flat.contourf(*grid, heights, levels=20, cmap="viridis")
    flat.contour(*grid, heights, levels=levels.levels, colors="white", linewidths=0.4, alpha=0.6)
    figure.colorbar(levels, ax=flat, label=f"L({logits}; y = 1) in nats", shrink=0.85)
    flat.set(xlabel=f"${letter}_1$", ylabel=f"${letter}_2$", aspect="equal")
    flat.grid(False)


@FIGURES.add("loss_surface", columns=2, width=4.8, height=4.2)
def draw_logits(plots: Any, solid: Any, flat: Any) -> None:
    """Figure 3: the loss over the plane of logits."""
    _surface(plots["surface"], solid, flat, "z", "z")


@FIGURES.add("sine_surface", columns=2, width=4.8, height=4.2)
def draw_sine(plots: Any, solid: Any, flat: Any) -> None:
    """Figure 4: the loss over x with z_i = sin x_i, and the chord of the counterexample."""
    _surface(plots["sine"], solid, flat, "x", "sin x")
    if "chord" in plots["sine"]:
        (x0, y0), (x1, y1) = plots["sine"]["chord"]
        flat.plot([x0, x1], [y0, y1], "o-", color="black", ms=4, mfc="white", label="chord")
        flat.legend(loc="upper right", frameon=True, framealpha=0.9)


@FIGURES.add("sine_chord", width=5.6)
def draw_chord(plots: Any, ax: Any) -> None:
    """The counterexample seen from the side: the loss rises above its own chord."""
    plot = plots["sine"]
    if "chord" in plot:
        (v, u), (low, high), t = map(np.array, plot["chord"]), plot["ends"], plot["share"]
        ax.plot(plot["along"], plot["path"], label="loss along the line")
        ax.plot([0, 1], [low, high], "o--", label="chord", mfc="white")
        on_path = np.interp(t, plot["along"], plot["path"])
        ax.plot([t, t], [low + t * (high - low), on_path], color="black", lw=2.5, label="excess")
        ax.set_xticks([0, t, 1], [f"0\n$x=$ {pair(v)}", f"{t:g}", f"1\n$x=$ {pair(u)}"])
        ax.legend()
    ax.set(xlabel="position along the chord", ylabel="L(sin x; y = 1) in nats")
