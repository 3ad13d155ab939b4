"""Backpropagation by hand: one hidden layer of Leaky-ReLU units, softmax output, log loss.

Source: IFT-6390, Homework 3, theoretical part, question 2, parts (a) to (q).

Conventions: d inputs, d_h hidden units, m classes, n examples; vectors are columns in the handout
and 1-d arrays here; W1 (d_h, d), b1 (d_h,), W2 (m, d_h), b2 (m,). Classes count from 0, where the
handout counts from 1. Derivatives carry the name of what they are taken by: the gradient ``W2``
is dL/dW2, in the shape of W2.

The network and the derivation are in `_leaky_relu_network`, the risk of (e) and the step of (f) in
`_empirical_risk`. Each gradient is held against two witnesses: central differences of the loss as
a function of that one quantity, and PyTorch's autograd; and against its sums, written out entry by
entry.

Deviations: none. At the kink LeakyReLU' is 1, as the handout has it; random points stay off it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.ift6390._empirical_risk import (
    Row,
    draw_risk,
    risk_curves,
    risk_rows,
    update_rows,
)
from hw.questions.derivations.ift6390._leaky_relu_network import (
    DERIVATION,
    FORWARD,
    PARAMETERS,
    Network,
    autograd,
    by_differences,
    entries,
    forward,
    gradients,
    leaky_relu,
    leaky_relu_slope,
    library,
    loss_of,
    of_backend,
    outer,
    penalty,
    penalty_gradient,
    risk,
    risk_gradients,
    tensors,
)
from hw.questions.derivations.lab.calculus import ROUNDING
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.statements import (
    DIFFERENCE_TOLERANCE,
    EXACT_TOLERANCE,
    Array,
    central_difference,
    numbers,
    relative_error,
    vanishes,
)
from hw.results.outcome import Outcome

OFF_KINK = 1e-2  # |h^a| and |W| of every random point: far beyond a step of the differences
STEPS = tuple(10.0**-k for k in range(1, 13))  # of the figure on gradient checks


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random networks and examples", low=0)
    d: int = setting(5, "inputs", low=1, high=64)
    d_h: int = setting(6, "hidden units", low=1, high=64)
    m: int = setting(4, "classes", low=2, high=64)
    n: int = setting(12, "examples", low=2, high=1000)
    batch_size: int = setting(4, "examples of a batch in (f)", low=1, high=1000)
    points: int = setting(3, "random networks at which gradients are checked", low=1, high=20)
    alpha: float = setting(0.1, "slope of LeakyReLU below 0", below=1)
    learning_rate: float = setting(0.1, "step of (f)'s update", above=0)
    lambda_11: float = setting(0.02, "L1 penalty of W1", low=0)
    lambda_12: float = setting(0.03, "squared L2 penalty of W1", low=0)
    lambda_21: float = setting(0.05, "L1 penalty of W2", low=0)
    lambda_22: float = setting(0.07, "squared L2 penalty of W2", low=0)

    @property
    def lambdas(self) -> tuple[float, float, float, float]:
        return self.lambda_11, self.lambda_12, self.lambda_21, self.lambda_22


# The question -------------------------------------------------------------------------------------


def draw(settings: Settings, rng: np.random.Generator) -> tuple[Network, Array, Array]:
    """A network, X (n, d) and Y (n,), with every kink at least `OFF_KINK` away."""
    while True:
        net = Network(
            W1=rng.normal(size=(settings.d_h, settings.d)),
            b1=rng.normal(size=settings.d_h),
            W2=rng.normal(size=(settings.m, settings.d_h)),
            b2=rng.normal(size=settings.m),
            alpha=settings.alpha,
        )
        for W in (net.W1, net.W2):  # the L1 norm's kinks are at 0
            W[np.abs(W) < OFF_KINK] = OFF_KINK
        X = rng.normal(size=(settings.n, settings.d))
        nearest = np.abs(X @ net.W1.T + net.b1).min(axis=1)
        while (nearest < OFF_KINK).any():
            X[nearest < OFF_KINK] = rng.normal(size=((nearest < OFF_KINK).sum(), settings.d))
            nearest = np.abs(X @ net.W1.T + net.b1).min(axis=1)
        return net, X, rng.integers(settings.m, size=settings.n)


@dataclass(frozen=True)
class Errors:
    """The largest relative error of each named gradient over the random networks."""

    difference: dict[str, float]
    autograd: dict[str, float]
    entries: dict[str, float]

    def hold(self, name: str) -> bool:
        return (
            self.difference[name] <= DIFFERENCE_TOLERANCE and self.autograd[name] <= EXACT_TOLERANCE
        )

    def say(self, name: str) -> str:
        return (
            f"relative error {self.difference[name]:.1e} against central differences, "
            f"{self.autograd[name]:.1e} against autograd"
        )


def gradient_errors(cases: Sequence[tuple[Network, Array, Array]], backend: str) -> Errors:
    """Each named gradient against its two witnesses, and its matrix form against its sums."""

    def errors(net: Network, x: Array, y: int) -> tuple[dict[str, float], ...]:
        found = gradients(net, x, y, backend)
        differences = {
            name: central_difference(*loss_of(name, net, x, y, backend)) for name in found
        }
        return tuple(
            {name: relative_error(found[name], value) for name, value in witness.items()}
            for witness in (differences, autograd(net, x, y), entries(net, x, found))
        )

    kinds = zip(*(errors(net, X[0], int(Y[0])) for net, X, Y in cases), strict=True)
    return Errors(
        *({name: float(np.max([e[name] for e in kind])) for name in kind[0]} for kind in kinds)
    )


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Parts (a) to (q), each as checks. ``data`` is not used."""
    if settings.batch_size >= settings.n:
        raise UsageError(
            f"batch_size is {settings.batch_size}; (f) needs a batch smaller than n = {settings.n}"
        )
    if settings.d == settings.d_h:
        raise UsageError(f"d and d_h are both {settings.d}; (o)'s shapes need them to differ")
    lab = Lab(settings, backend)
    cases = [draw(settings, lab.rng) for _ in range(settings.points)]
    net, X, Y = cases[0]
    errors = gradient_errors(cases, backend)
    for kind in ("difference", "autograd"):
        for name, value in getattr(errors, kind).items():
            lab.metrics[f"{kind}_error_{name.lower()}"] = value
    parts = (
        _forward_rows(lab, net, X, Y),
        risk_rows(lab, net, X, Y),
        update_rows(lab, net, X, Y),
        _gradient_rows(net, X, errors),
        _shape_rows(net, X),
        _penalty_rows(lab, net, X, Y),
    )
    for row in chain.from_iterable(parts):
        lab.check(*row)
    lab.plots["gradient_check"] = step_curves(net, X[0], int(Y[0]), backend)
    lab.plots["risk"] = risk_curves(net, X, Y, settings) | {
        "measured": lab.metrics["printed_step_ratio"]
    }
    lab.outcome.checks.sort(key=lambda check: check.name[0])  # (a) to (q)
    return lab.outcome


def _softmax_of_symbols(m: int) -> tuple[tuple[Any, ...], Any, list[Any]]:
    """SymPy's scores o1 to om, the sum of their exponentials, and their softmax."""
    import sympy as sp

    scores = sp.symbols(f"o1:{m + 1}", real=True)
    total = sum(map(sp.exp, scores))
    return scores, total, [sp.exp(o) / total for o in scores]


def _forward_rows(lab: Lab, net: Network, X: Array, Y: Array) -> Iterator[Row]:
    """(a) to (d): the forward pass, and the loss as a function of o^a."""
    import sympy as sp

    x, y = X[0], int(Y[0])
    (d_h, d), m = net.W1.shape, len(net.b2)
    states = []
    for row in X:
        ours, at, lib = of_backend(net, row, lab.world.name)
        states.append(forward(ours, at, lib))
    q = SimpleNamespace(**{name: as_numpy(getattr(states[0], name)) for name in FORWARD})
    h_a = np.array([net.b1[j] + sum(net.W1[j, i] * x[i] for i in range(d)) for j in range(d_h)])
    error = relative_error(q.h_a, h_a)
    yield (
        "a_hidden_pre_activation",
        "h^a = b1 + W1 x with b1 of d_h entries, and h^a_j = b1_j + sum_i W1_ji x_i",
        net.b1.shape == q.h_a.shape == (d_h,) and error <= EXACT_TOLERANCE,
        f"W1 {net.W1.shape}, b1 {net.b1.shape}, h^a {q.h_a.shape}; matrix form against "
        f"sums: relative error {error:.1e}",
    )
    error = relative_error(q.h_s, np.where(q.h_a >= 0, q.h_a, net.alpha * q.h_a))
    gap = sp.Symbol("gap", positive=True)  # 1 - alpha
    up, down = sp.Symbol("u", positive=True), sp.Symbol("v", negative=True)
    exact = vanishes(  # z - alpha z > 0: the larger one is z
        sp.Max(up - (1 - gap) * up, 0) - gap * up, sp.Max(down - (1 - gap) * down, 0)
    )
    yield (
        "a_leaky_relu_by_pieces",
        "for alpha < 1, h^s = max(h^a, alpha h^a) is h^a where h^a >= 0, else alpha h^a",
        exact and error <= EXACT_TOLERANCE,
        f"SymPy: z - alpha z has the sign of z {'on both sides' if exact else 'not everywhere'}; "
        f"relative error {error:.1e}",
    )
    o_a = [net.b2[k] + sum(net.W2[k, i] * q.h_s[i] for i in range(d_h)) for k in range(m)]
    error = relative_error(q.o_a, o_a)
    yield (
        "b_output_pre_activation",
        "o^a = b2 + W2 h^s with W2 (m, d_h), b2 (m,), and o^a_k = b2_k + sum_i W2_ki h^s_i",
        net.W2.shape == (m, d_h) and net.b2.shape == (m,) and error <= EXACT_TOLERANCE,
        f"W2 {net.W2.shape}, b2 {net.b2.shape}; relative error {error:.1e}",
    )
    scores, total, probabilities = _softmax_of_symbols(m)
    exact = vanishes(sum(probabilities) - 1) and all(p.is_positive for p in probabilities)
    o_s = np.array([as_numpy(state.o_s) for state in states])
    off = np.max(np.abs(o_s.sum(1) - 1))
    yield (
        "c_probabilities",
        "the o^s_k are positive and sum to 1",
        exact and o_s.min() > 0 and off <= ROUNDING,
        f"SymPy: positive, sum - 1 = 0; over {len(X)} examples the lowest is {o_s.min():.1e}, the "
        f"sums are off 1 by at most {off:.1e}",
    )
    yield (
        "c_a_bias_for_each_input",
        "there is a bias b_i for each input x_i and a weight W_ij for each pair of variables",
        d in (len(net.b1), len(net.b2)) and net.W1.shape == (d, d),
        f"{d} inputs; b1 has {len(net.b1)} entries, b2 {len(net.b2)}, and W1 is {d_h} x {d}: "
        "biases belong to units, weights to a unit and an input of it",
    )
    exact = all(
        vanishes(sp.expand_log(-sp.log(p), force=True) + o - sp.log(total))
        for o, p in zip(scores, probabilities, strict=True)
    )
    by_name, loss = -math.log(q.o_s[y]), float(lib.log_loss(states[0].o_a, y))
    yield (
        "d_loss_of_the_scores",
        "L = -o^a_y + log sum_j exp(o^a_j)",
        exact and abs(loss - by_name) <= ROUNDING * max(1.0, by_name),
        f"SymPy: -log o^s_y minus it {'is' if exact else 'is not'} 0; at one example {loss:.6f} "
        f"and {by_name:.6f}",
    )


def _gradient_rows(net: Network, X: Array, errors: Errors) -> Iterator[Row]:
    """(g) to (p): each gradient by name and by its entries, and the slope of LeakyReLU."""
    q = forward(net, X[0])
    exact = _exact_softmax_gradient(len(net.b2))
    for name, step in DERIVATION.items():
        proved = name == "o_a" and exact
        yield (
            step.check,
            f"{step.formula}, of shape {getattr(q, name).shape}",
            errors.hold(name) and (name != "o_a" or exact),
            errors.say(name) + ("; SymPy: exact" if proved else ""),
        )
    for name, error in errors.entries.items():
        yield (
            DERIVATION[name].entries_check,
            DERIVATION[name].entries_formula,
            error <= EXACT_TOLERANCE and errors.hold(name),
            f"element by element against the matrix form: relative error {error:.1e}; "
            + errors.say(name),
        )
    z = np.concatenate([X.ravel()[np.abs(X.ravel()) > OFF_KINK], [-1.0, 1.0]])
    slopes = [float(central_difference(lambda t: float(leaky_relu(t, net.alpha)), v)) for v in z]
    error = relative_error(leaky_relu_slope(z, net.alpha), slopes)
    yield (
        "l_leaky_relu_slope",
        "LeakyReLU'(z) is 1 for z >= 0, else alpha (at 0 by convention)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences at {len(z)} points off 0",
    )
    error = relative_error(leaky_relu(z, net.alpha) / z, slopes)
    yield (
        "l_ratio_for_derivative",
        "dh^s_j/dh^a_j = LeakyReLU(h^a_j) / h^a_j, a quotient printed for a derivative",
        error <= DIFFERENCE_TOLERANCE,
        f"off 0 they agree (relative error {error:.1e}): LeakyReLU is linear on each side of 0; "
        "at 0 the quotient is 0/0",
    )


def _shape_rows(net: Network, X: Array) -> Iterator[Row]:
    """(m), (o), (p): the factor of (m), and what is printed of shapes and indices."""
    d_h, d = net.W1.shape
    factors = [leaky_relu_slope(forward(net, x).h_a, net.alpha) for x in X]
    off = np.max(np.min([np.abs(np.array(factors) - slope) for slope in (1, net.alpha)], axis=0))
    yield (
        "m_slope_vector",
        "the factor of dL/dh^s is a vector of d_h entries, each 1 or alpha",
        all(f.shape == (d_h,) for f in factors) and off <= ROUNDING,
        f"{len(X)} examples: shape {factors[0].shape}, for the first one {numbers(factors[0])}",
    )
    in_order = sum(f.tolist() == sorted(f.tolist(), reverse=True) for f in factors)
    yield (
        "m_ones_before_alphas",
        "the factor is [1, 1, ..., 1, alpha, ..., alpha], its ones before its alphas",
        in_order == len(X),
        f"so for {in_order} of {len(X)} examples; for the first one it is {numbers(factors[0])}",
    )
    yield (
        "o_shapes_by_d_h",
        "dL/dW1 is d_h x d_h and x has d_h entries",
        net.W1.shape == (d_h, d_h) and X[0].shape == (d_h,),
        f"d = {d}, d_h = {d_h}: W1 and its gradient are {d_h} x {d}, x has {d} entries",
    )
    yield (
        "o_shapes_by_d",
        "dL/dW1 is d_h x d and x has d entries; dL/db1 and dL/dh^a have d_h",
        outer(np.empty(d_h), np.empty(d)).shape == net.W1.shape
        and X[0].shape == (d,)
        and net.b1.shape == (d_h,),
        f"an outer product of {d_h} by {d} entries has the shape of W1, {net.W1.shape}",
    )
    printed, unit = net.W1[0] * X[0][0] + net.b1[0], forward(net, X[0]).h_a[0]
    yield (
        "p_summand_as_printed",
        "h^a_j = W_k x_i + b_j, of which the derivative by x_i is taken",
        np.shape(printed) == () and bool(np.isclose(printed, unit)),
        f"row k of W1 times the number x_i has shape {np.shape(printed)}, where h^a_j is one "
        f"number, W_j x + b_j = {unit:.4f}",
    )


def _exact_softmax_gradient(m: int) -> bool:
    """(g) by SymPy, for each class y and each score k."""
    import sympy as sp

    scores, total, probabilities = _softmax_of_symbols(m)
    return vanishes(
        *(
            sp.diff(-scores[y] + sp.log(total), scores[k]) - (probabilities[k] - int(k == y))
            for y in range(m)
            for k in range(m)
        )
    )


def _penalty_rows(lab: Lab, net: Network, X: Array, Y: Array) -> Iterator[Row]:
    """(q): the penalised risk's gradient, all four lambdas in the objective."""
    import torch

    lambdas = lab.settings.lambdas
    ours = risk_gradients(net, X, Y, lab.world.name)
    for name, l1_and_l2 in (("W1", lambdas[:2]), ("W2", lambdas[2:])):
        W = getattr(net, name)
        ours[name] = ours[name] + penalty_gradient(W, np.sign(W), *l1_and_l2)
    leaves, lib = tensors(net), library("torch")
    losses = [
        lib.log_loss(forward(leaves, lib.array(x), lib).o_a, y) for x, y in zip(X, Y, strict=True)
    ]
    objective = torch.stack(losses).mean() + penalty(leaves, lambdas)
    automatic = torch.autograd.grad(objective, [value for _, value in leaves.items()])
    numeric = by_differences(
        net, lambda changed: risk(changed, X, Y) + float(penalty(changed, lambdas))
    )
    error = {
        name: np.array([relative_error(ours[name], w) for w in (numeric[name], found.numpy())])
        for name, found in zip(PARAMETERS, automatic, strict=True)
    }
    lab.metrics |= {
        f"penalised_difference_error_{name.lower()}": float(e[0]) for name, e in error.items()
    }
    statements = {
        f"q_penalty_adds_to_w{i}": (
            f"the penalty adds lambda_{i}1 sign(W{i}) + 2 lambda_{i}2 W{i} to the gradient by W{i}",
            error[f"W{i}"],
        )
        for i in (1, 2)
    }
    statements["q_biases_unchanged"] = (
        "the penalty leaves the gradients by the biases as they were",
        np.maximum(error["b1"], error["b2"]),
    )
    for check, (statement, (difference, automatically)) in statements.items():
        yield (
            check,
            statement,
            bool(difference <= DIFFERENCE_TOLERANCE and automatically <= EXACT_TOLERANCE),
            f"lambda = {', '.join(f'{v:g}' for v in lambdas)}: relative error {difference:.1e} "
            f"against central differences, {automatically:.1e} against autograd",
        )


# Figures ------------------------------------------------------------------------------------------


def step_curves(net: Network, x: Array, y: int, backend: str) -> dict[str, Any]:
    """By gradient: the relative error of central differences over their step."""
    curves = {}
    for name, found in gradients(net, x, y, backend).items():
        f, at = loss_of(name, net, x, y, backend)
        curves[name] = numbers(
            relative_error(found, central_difference(f, at, step)) for step in STEPS
        )
    return {"step": list(STEPS), "errors": curves}


FIGURES = Figures()


@FIGURES.add("gradient_check", width=5.8, height=4.0)
def draw_gradient_check(plots: Any, ax: Any) -> None:
    """A correct gradient: errors fall like the step squared, until rounding takes over."""
    from hw.figures.style import COLOURS

    known = plots["gradient_check"]
    for i, (name, marker) in enumerate(zip(DERIVATION, "os^vDPX*", strict=True)):
        shown = [(h, e) for h, e in zip(known["step"], known["errors"][name], strict=True) if e > 0]
        above = "(" + name[1] + ")" if name[1:].isdigit() else name[2:]
        ax.plot(
            *zip(*shown, strict=True),
            marker=marker,
            ms=4,
            lw=1.2,
            color=COLOURS[i % len(COLOURS)],
            ls="-" if i < len(COLOURS) else "--",
            label=rf"$\mathbf{{{name[0]}}}^{{{above}}}$",
        )
    h = np.array([1e-1, 1e-3])
    ax.plot(h, 5e-3 * h**2, ":", color="0.3", lw=1.2)
    ax.annotate(
        "slope of $h^2$", (1e-2, 5e-7), xytext=(2, -14), textcoords="offset points", color="0.3"
    )
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="step $h$ of the central differences", ylabel="relative error of the gradient")
    ax.legend(ncols=4, fontsize=8, loc="upper center")


FIGURES.add("risk", columns=2, width=4.6)(draw_risk)
