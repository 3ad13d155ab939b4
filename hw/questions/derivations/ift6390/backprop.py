"""Backpropagation by hand: one hidden layer of Leaky-ReLU units, softmax output, log loss.

Source: IFT-6390, Homework 3, theoretical part, question 2, parts (a) to (q).

    h^a = b1 + W1 x,    h^s = LeakyReLU(h^a),    o^a = b2 + W2 h^s,    o^s = softmax(o^a)
    L = -log o^s_y,     R = the mean of L over n examples

Conventions: d inputs, d_h hidden units, m classes, n examples; vectors are columns in the handout
and 1-d arrays here; W1 (d_h, d), b1 (d_h,), W2 (m, d_h), b2 (m,). Classes count from 0, where the
handout counts from 1. Derivatives carry the name of what they are taken by: the gradient ``W2``
is dL/dW2, in the shape of W2.

`FORWARD` is the forward pass and `DERIVATION` the chain rule, one row for each gradient. Their
formulas run on arrays (backend numpy) and on tensors (backend torch) alike. Each gradient is held
against two witnesses: central differences of the loss as a function of that one quantity, and
PyTorch's autograd; and against its sums, written out entry by entry.

Deviations: none. At the kink LeakyReLU' is 1, as the handout has it; random points stay off it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.nn.losses import softmax
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
PARAMETERS = ("W1", "b1", "W2", "b2")


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


@dataclass(frozen=True)
class Network:
    """theta: W1 (d_h, d), b1 (d_h,), W2 (m, d_h), b2 (m,), arrays or tensors."""

    W1: Any
    b1: Any
    W2: Any
    b2: Any
    alpha: float

    def items(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in PARAMETERS]

    def replace(self, **values: Any) -> Network:
        return replace(self, **values)


# The network, forward ---------------------------------------------------------------------------


def leaky_relu(z: Array, alpha: float) -> Array:
    """max(z, alpha z), entry by entry."""
    return np.maximum(z, alpha * z)


def log_loss(o_a: Array, y: int) -> float:
    """-o^a_y + log sum_j exp(o^a_j): (d)'s form, which takes the scores. (m,) -> number."""
    top = o_a.max()
    return float(-o_a[y] + top + np.log(np.exp(o_a - top).sum()))


ARRAYS = SimpleNamespace(
    array=np.asarray,
    linear=lambda x, W, b: b + W @ x,
    leaky_relu=leaky_relu,
    softmax=softmax,
    log_loss=log_loss,
)


def library(backend: str) -> SimpleNamespace:
    """The operations of the forward pass: this module's, or PyTorch's own."""
    if backend == "numpy":
        return ARRAYS
    import torch
    from torch.nn import functional

    return SimpleNamespace(
        array=lambda values: torch.as_tensor(values, dtype=torch.float64),
        linear=functional.linear,
        leaky_relu=functional.leaky_relu,
        softmax=lambda z: torch.softmax(z, 0),
        log_loss=lambda o_a, y: functional.cross_entropy(o_a, torch.tensor(int(y))),
    )


FORWARD: dict[str, Callable[[Any, Any], Any]] = {  # (a) to (c): of a library and what is known
    "h_a": lambda lib, q: lib.linear(q.x, q.W1, q.b1),
    "h_s": lambda lib, q: lib.leaky_relu(q.h_a, q.alpha),
    "o_a": lambda lib, q: lib.linear(q.h_s, q.W2, q.b2),
    "o_s": lambda lib, q: lib.softmax(q.o_a),
}


def forward(net: Network, x: Any, /, lib: Any = ARRAYS, **given: Any) -> SimpleNamespace:
    """The parameters, x (d,), h^a (d_h,), h^s (d_h,), o^a (m,) and o^s (m,) of one example.

    ``given`` replaces any of these by a value of its own, from which the rest follows.
    """
    q = SimpleNamespace(**{**vars(net), "x": x, **given})
    for name, step in FORWARD.items():
        if name not in given:
            setattr(q, name, step(lib, q))
    return q


def tensors(net: Network) -> Network:
    """The same network as float64 tensors that record what is done with them."""
    import torch

    leaves = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in net.items()
    }
    return net.replace(**leaves)


def of_backend(net: Network, x: Array, backend: str) -> tuple[Network, Any, Any]:
    """The network and the example in the backend's own arrays, and its operations."""
    lib = library(backend)
    return net.replace(**{k: lib.array(v) for k, v in net.items()}), lib.array(x), lib


def loss_of(
    name: str, net: Network, x: Array, y: int, backend: str
) -> tuple[Callable[[Array], float], Array]:
    """L as a function of ``name`` alone, and the point to differentiate at."""
    net, x, lib = of_backend(net, x, backend)

    def loss(z: Array) -> float:
        return float(lib.log_loss(forward(net, x, lib, **{name: lib.array(z)}).o_a, y))

    return loss, as_numpy(getattr(forward(net, x, lib), name))


def risk(net: Network, X: Array, Y: Array) -> float:
    """R, the mean loss over X (n, d), Y (n,)."""
    return float(np.mean([log_loss(forward(net, x).o_a, y) for x, y in zip(X, Y, strict=True)]))


def penalty(net: Network, lambdas: tuple[float, float, float, float]) -> Any:
    """(q): l11 |W1|_1 + l12 |W1|_2^2 + l21 |W2|_1 + l22 |W2|_2^2; no bias in it."""
    l11, l12, l21, l22 = lambdas
    return (
        l11 * abs(net.W1).sum()
        + l12 * (net.W1**2).sum()
        + l21 * abs(net.W2).sum()
        + l22 * (net.W2**2).sum()
    )


# The derivation -------------------------------------------------------------------------------


def outer(a: Any, b: Any) -> Any:
    """a b^T. (n,), (k,) -> (n, k)."""
    return a[:, None] * b[None, :]


def leaky_relu_slope(z: Any, alpha: float) -> Any:
    """(l) LeakyReLU'(z): 1 for z >= 0, else alpha; entry by entry."""
    # + 0 z: of a number times booleans alone PyTorch makes float32.
    return alpha + (1 - alpha) * ((z >= 0) + 0 * z)


class Step(NamedTuple):
    """One step of the chain rule, from the gradients before it.

    check, formula:  name and words of the matrix form.
    gradient:        the matrix form, of the forward pass q and the gradients g found so far.
    entries_check, entries_formula, entry: the same of one entry, by sums over indices.
    """

    check: str
    formula: str
    gradient: Callable[[Any, Any], Any]
    entries_check: str = ""
    entries_formula: str = ""
    entry: Callable[..., Any] | None = None


DERIVATION = {
    "o_a": Step(
        "g_gradient_o_a",
        "dL/do^a = o^s - onehot(y)",
        lambda q, g: q.o_s - q.onehot,
    ),
    "W2": Step(
        "i_gradient_w2",
        "dL/dW2 = dL/do^a (h^s)^T",
        lambda q, g: outer(g.o_a, q.h_s),
        "h_elements_w2",
        "dL/dW2_kj = dL/do^a_k h^s_j",
        lambda q, g, k, j: g.o_a[k] * q.h_s[j],
    ),
    "b2": Step(
        "i_gradient_b2",
        "dL/db2 = dL/do^a",
        lambda q, g: g.o_a,
        "h_elements_b2",
        "dL/db2_k = dL/do^a_k",
        lambda q, g, k: g.o_a[k],
    ),
    "h_s": Step(
        "k_gradient_h_s",
        "dL/dh^s = W2^T dL/do^a",
        lambda q, g: q.W2.T @ g.o_a,
        "j_elements_h_s",
        "dL/dh^s_j = sum_k dL/do^a_k W2_kj",
        lambda q, g, j: sum(g.o_a[k] * q.W2[k, j] for k in range(len(g.o_a))),
    ),
    "h_a": Step(
        "m_gradient_h_a",
        "dL/dh^a = dL/dh^s times LeakyReLU'(h^a), entry by entry",
        lambda q, g: g.h_s * leaky_relu_slope(q.h_a, q.alpha),
        "l_elements_h_a",
        "dL/dh^a_j is dL/dh^s_j where h^a_j >= 0, else alpha dL/dh^s_j",
        lambda q, g, j: g.h_s[j] if q.h_a[j] >= 0 else g.h_s[j] * q.alpha,
    ),
    "W1": Step(
        "o_gradient_w1",
        "dL/dW1 = dL/dh^a x^T",
        lambda q, g: outer(g.h_a, q.x),
        "n_elements_w1",
        "dL/dW1_kj = dL/dh^a_k x_j",
        lambda q, g, k, j: g.h_a[k] * q.x[j],
    ),
    "b1": Step(
        "o_gradient_b1",
        "dL/db1 = dL/dh^a",
        lambda q, g: g.h_a,
        "n_elements_b1",
        "dL/db1_k = dL/dh^a_k",
        lambda q, g, k: g.h_a[k],
    ),
    "x": Step(
        "p_gradient_x",
        "dL/dx = W1^T dL/dh^a",
        lambda q, g: q.W1.T @ g.h_a,
        "p_elements_x",
        "dL/dx_i = sum_j dL/dh^a_j W1_ji",
        lambda q, g, i: sum(g.h_a[j] * q.W1[j, i] for j in range(len(g.h_a))),
    ),
}


def penalty_gradient(W: Any, sign: Any, l1: float, l2: float) -> Any:
    """(q) what the penalty adds to a weight matrix's gradient: l1 sign(W) + 2 l2 W."""
    return l1 * sign + 2 * l2 * W


def gradients(net: Network, x: Array, y: int, backend: str = "numpy") -> dict[str, Array]:
    """The derivation's gradients of one example by name, computed by ``backend``."""
    net, x, lib = of_backend(net, x, backend)
    onehot = lib.array(np.eye(len(net.b2))[y])
    q, g = forward(net, x, lib, onehot=onehot), SimpleNamespace()
    for name, step in DERIVATION.items():
        setattr(g, name, step.gradient(q, g))
    return {name: as_numpy(value) for name, value in vars(g).items()}


def entries(net: Network, x: Array, g: dict[str, Array]) -> dict[str, Array]:
    """(h), (j), (l), (n), (p): each gradient again from those before it, entry by entry."""
    q, known = forward(net, x), SimpleNamespace(**g)
    return {
        name: np.array([step.entry(q, known, *at) for at in np.ndindex(g[name].shape)]).reshape(
            g[name].shape
        )
        for name, step in DERIVATION.items()
        if step.entry
    }


def autograd(net: Network, x: Array, y: int) -> dict[str, Array]:
    """Every gradient by name, from PyTorch alone; ``net`` as arrays."""
    import torch

    lib = library("torch")
    q = forward(tensors(net), torch.tensor(x, dtype=torch.float64, requires_grad=True), lib)
    found = torch.autograd.grad(lib.log_loss(q.o_a, y), [getattr(q, name) for name in DERIVATION])
    return {name: g.numpy() for name, g in zip(DERIVATION, found, strict=True)}


def risk_gradients(net: Network, X: Array, Y: Array, backend: str = "numpy") -> dict[str, Array]:
    """(g) The mean over examples of the parameters' gradients: the gradient of R."""
    each = [gradients(net, x, y, backend) for x, y in zip(X, Y, strict=True)]
    return {name: np.mean([g[name] for g in each], axis=0) for name in PARAMETERS}


def by_differences(net: Network, objective: Callable[[Network], float]) -> dict[str, Array]:
    """The gradient of a function of the network by central differences, by parameter."""
    return {
        name: central_difference(lambda z, name=name: objective(net.replace(**{name: z})), value)
        for name, value in net.items()
    }


def in_one_row(by_parameter: dict[str, Array]) -> Array:
    """The gradients by all parameters in one row (n_theta,)."""
    return np.concatenate([by_parameter[name].ravel() for name in PARAMETERS])


# What the report prints in (e) --------------------------------------------------------------------


def risk_as_printed_in_line_3(net: Network, X: Array, Y: Array) -> float:
    """(e), third line: inside the sum over j of the logarithm, b2 and W2 carry y for j."""
    total = 0.0
    for x, y in zip(X, Y, strict=True):
        score = net.b2[y] + net.W2[y] @ forward(net, x).h_s
        total += score - np.log(sum(np.exp(score) for _ in range(len(net.b2))))
    return float(-total / len(Y))


def score_as_printed_in_line_4(net: Network, x: Array, y: int) -> Array | None:
    """(e), fourth line: b1 and W1 carry the class y too. None where W1 has no row y."""
    if y >= len(net.b1):
        return None
    inner = leaky_relu(net.b1[y] + net.W1[y] @ x, net.alpha)  # one number, not h^s
    return net.b2[y] + net.W2[y] * inner


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
    _forward_checks(lab, net, X, Y)
    _risk_checks(lab, net, X, Y)
    _update_checks(lab, net, X, Y)
    _gradient_checks(lab, net, X, errors)
    _penalty_checks(lab, net, X, Y)
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


def _forward_checks(lab: Lab, net: Network, X: Array, Y: Array) -> None:
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
    lab.check(
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
    lab.check(
        "a_leaky_relu_by_pieces",
        "for alpha < 1, h^s = max(h^a, alpha h^a) is h^a where h^a >= 0, else alpha h^a",
        exact and error <= EXACT_TOLERANCE,
        f"SymPy: z - alpha z has the sign of z {'on both sides' if exact else 'not everywhere'}; "
        f"relative error {error:.1e}",
    )
    o_a = [net.b2[k] + sum(net.W2[k, i] * q.h_s[i] for i in range(d_h)) for k in range(m)]
    error = relative_error(q.o_a, o_a)
    lab.check(
        "b_output_pre_activation",
        "o^a = b2 + W2 h^s with W2 (m, d_h), b2 (m,), and o^a_k = b2_k + sum_i W2_ki h^s_i",
        net.W2.shape == (m, d_h) and net.b2.shape == (m,) and error <= EXACT_TOLERANCE,
        f"W2 {net.W2.shape}, b2 {net.b2.shape}; relative error {error:.1e}",
    )
    scores, total, probabilities = _softmax_of_symbols(m)
    exact = vanishes(sum(probabilities) - 1) and all(p.is_positive for p in probabilities)
    o_s = np.array([as_numpy(state.o_s) for state in states])
    off = np.max(np.abs(o_s.sum(1) - 1))
    lab.check(
        "c_probabilities",
        "the o^s_k are positive and sum to 1",
        exact and o_s.min() > 0 and off <= ROUNDING,
        f"SymPy: positive, sum - 1 = 0; over {len(X)} examples the lowest is {o_s.min():.1e}, the "
        f"sums are off 1 by at most {off:.1e}",
    )
    lab.check(
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
    lab.check(
        "d_loss_of_the_scores",
        "L = -o^a_y + log sum_j exp(o^a_j)",
        exact and abs(loss - by_name) <= ROUNDING * max(1.0, by_name),
        f"SymPy: -log o^s_y minus it {'is' if exact else 'is not'} 0; at one example {loss:.6f} "
        f"and {by_name:.6f}",
    )


def _risk_checks(lab: Lab, net: Network, X: Array, Y: Array) -> None:
    """(e): the empirical risk, what is printed for it, and the number of parameters."""
    import sympy as sp

    d, d_h, m = lab.settings.d, lab.settings.d_h, lab.settings.m
    true = float(np.mean([-np.log(forward(net, x).o_s[y]) for x, y in zip(X, Y, strict=True)]))
    written, printed = risk(net, X, Y), risk_as_printed_in_line_3(net, X, Y)
    lab.metrics |= {"risk": true, "risk_as_printed": printed}
    lab.check(
        "e_risk_with_index_j",
        "R = -1/n sum_i [o^a_y - log sum_j exp(o^a_j)], o^a_j = b2_j + W2_j h^s: index j within",
        abs(written - true) <= ROUNDING * max(1.0, true),
        f"{written:.6f}, the mean of -log o^s_y is {true:.6f}",
    )
    score = sp.Symbol("o_y", real=True)
    constant = vanishes(sp.expand_log(sp.log(m * sp.exp(score)), force=True) - score - sp.log(m))
    lab.check(
        "e_risk_with_index_y",
        "the same with index y for j inside the logarithm's sum, as the third line prints it",
        abs(printed - true) <= ROUNDING * max(1.0, true),
        f"{printed:.6f} against {true:.6f}; "
        + (f"SymPy: it is log {m} = {math.log(m):.6f} whatever the parameters" if constant else ""),
    )
    score_4 = score_as_printed_in_line_4(net, X[0], int(Y[0]))
    right = forward(net, X[0]).o_a[Y[0]]
    found = "no row y of W1" if score_4 is None else f"shape {np.shape(score_4)}"
    lab.check(
        "e_first_layer_with_index_y",
        "o^a_y = b2_y + W2_y LeakyReLU(b1_y + W1_y x), row y of the first layer, as the last line "
        "prints it",
        score_4 is not None and np.shape(score_4) == () and np.isclose(score_4, right),
        f"{found} where o^a_y is one number, {right:.4f}: the rows of W1 are the {d_h} "
        f"hidden units, not the {m} classes",
    )
    counted = sum(value.size for _, value in net.items())
    formula = d_h * (d + 1) + m * (d_h + 1)
    lab.metrics["parameters"] = counted
    lab.check(
        "e_parameter_count",
        "n_theta = d_h (d + 1) + m (d_h + 1)",
        counted == formula,
        f"d = {d}, d_h = {d_h}, m = {m}: {counted} entries in the four arrays, {formula} by the "
        "formula",
    )


def _update_checks(lab: Lab, net: Network, X: Array, Y: Array) -> None:
    """(f) and the first display of (g): what a step of gradient descent divides by."""
    n, size, step = lab.settings.n, lab.settings.batch_size, lab.settings.learning_rate
    each = [
        in_one_row(gradients(net, x, int(y), lab.world.name)) for x, y in zip(X, Y, strict=True)
    ]
    numeric = in_one_row(by_differences(net, lambda changed: risk(changed, X, Y)))
    error = relative_error(np.mean(each, axis=0), numeric)
    lab.check(
        "g_risk_gradient_is_a_mean",
        "the gradient of R is the mean over the examples of the gradients of L",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences of R, {len(numeric)} parameters",
    )
    batch = by_differences(net, lambda changed: risk(changed, X[:size], Y[:size]))
    right = -step * in_one_row(batch)
    total = np.sum(each[:size], axis=0)
    printed, ours = -step * total / n, -step * total / size
    ratio = float(np.linalg.norm(printed) / np.linalg.norm(right))
    lab.metrics["printed_step_ratio"] = ratio
    lab.check(
        "f_batch_sum_over_n",
        "a step on a batch sums over the batch and divides by n, the size of the whole set",
        relative_error(printed, right) <= DIFFERENCE_TOLERANCE,
        f"batch of {size} out of n = {n}: the step is {ratio:.4f} of the gradient step on the "
        f"batch's risk, {size}/{n} = {size / n:.4f}",
    )
    error = relative_error(ours, right)
    lab.check(
        "f_batch_sum_over_batch_size",
        "a step on a batch divides the batch's sum by the batch's size (n, if the batch is all)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against the step on the batch's risk by central differences",
    )


def _gradient_checks(lab: Lab, net: Network, X: Array, errors: Errors) -> None:
    """(g) to (p): each gradient by name, its entries, its shape, and the shapes printed."""
    q = forward(net, X[0])
    exact = _exact_softmax_gradient(len(net.b2))
    for name, step in DERIVATION.items():
        proved = name == "o_a" and exact
        lab.check(
            step.check,
            f"{step.formula}, of shape {getattr(q, name).shape}",
            errors.hold(name) and (name != "o_a" or exact),
            errors.say(name) + ("; SymPy: exact" if proved else ""),
        )
    for name, error in errors.entries.items():
        lab.check(
            DERIVATION[name].entries_check,
            DERIVATION[name].entries_formula,
            error <= EXACT_TOLERANCE and errors.hold(name),
            f"element by element against the matrix form: relative error {error:.1e}; "
            + errors.say(name),
        )
    z = np.concatenate([X.ravel()[np.abs(X.ravel()) > OFF_KINK], [-1.0, 1.0]])
    slopes = [float(central_difference(lambda t: float(leaky_relu(t, net.alpha)), v)) for v in z]
    error = relative_error(leaky_relu_slope(z, net.alpha), slopes)
    lab.check(
        "l_leaky_relu_slope",
        "LeakyReLU'(z) is 1 for z >= 0, else alpha (at 0 by convention)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences at {len(z)} points off 0",
    )
    error = relative_error(leaky_relu(z, net.alpha) / z, slopes)
    lab.check(
        "l_ratio_for_derivative",
        "dh^s_j/dh^a_j = LeakyReLU(h^a_j) / h^a_j, a quotient printed for a derivative",
        error <= DIFFERENCE_TOLERANCE,
        f"off 0 they agree (relative error {error:.1e}): LeakyReLU is linear on each side of 0; "
        "at 0 the quotient is 0/0",
    )
    d_h, d = net.W1.shape
    lab.check(
        "o_shapes_by_d_h",
        "dL/dW1 is d_h x d_h and x has d_h entries",
        net.W1.shape == (d_h, d_h) and X[0].shape == (d_h,),
        f"d = {d}, d_h = {d_h}: W1 and its gradient are {d_h} x {d}, x has {d} entries",
    )
    lab.check(
        "o_shapes_by_d",
        "dL/dW1 is d_h x d and x has d entries; dL/db1 and dL/dh^a have d_h",
        outer(np.empty(d_h), np.empty(d)).shape == net.W1.shape
        and X[0].shape == (d,)
        and net.b1.shape == (d_h,),
        f"an outer product of {d_h} by {d} entries has the shape of W1, {net.W1.shape}",
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


def _penalty_checks(lab: Lab, net: Network, X: Array, Y: Array) -> None:
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
        lab.check(
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


def risk_curves(net: Network, X: Array, Y: Array, settings: Settings) -> dict[str, Any]:
    """R along 40 steps of gradient descent, as it is and as printed; (f)'s step over the batch."""
    true, printed = [], []
    for _ in range(41):
        true.append(risk(net, X, Y))
        printed.append(risk_as_printed_in_line_3(net, X, Y))
        slopes = risk_gradients(net, X, Y)
        net = net.replace(
            **{name: value - settings.learning_rate * slopes[name] for name, value in net.items()}
        )
    sizes = list(range(1, settings.n + 1))
    return {
        "true": numbers(true),
        "printed": numbers(printed),
        "batch_size": sizes,
        "ratio": numbers(size / settings.n for size in sizes),
        "marked": settings.batch_size,
    }


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


@FIGURES.add("risk", columns=2, width=4.6)
def draw_risk(plots: Any, left: Any, right: Any) -> None:
    """(e) and (f): the risk and the step as they are and as the report prints them."""
    from hw.figures.style import COLOURS

    known = plots["risk"]
    left.plot(known["true"], label=r"$\hat{R}$, index $j$ in the sum")
    left.plot(known["printed"], "--", label=r"as printed, index $y$: $\log m$")
    left.set_ylim(bottom=0)
    left.set(xlabel="steps of gradient descent", ylabel=r"empirical risk $\hat{R}$", title="(e)")
    left.legend()
    sizes = known["batch_size"]
    right.plot(sizes, [1.0] * len(sizes), label="divided by the batch's size")
    right.plot(sizes, known["ratio"], "--", marker="o", ms=3, label="as printed, divided by $n$")
    right.plot(known["marked"], known["measured"], "D", color=COLOURS[6], ms=6, label="measured")
    right.set(ylim=(0, 1.3), title="(f)")
    right.set(xlabel="batch size", ylabel="step / gradient step on the batch")
    right.legend(loc="lower right")
