"""Backpropagation by hand: one hidden layer of Leaky-ReLU units, softmax output, log loss.

Source: IFT-6390, Homework 3, theoretical part, question 2, parts (a) to (q).

    h^a = b1 + W1 x,    h^s = LeakyReLU(h^a),    o^a = b2 + W2 h^s,    o^s = softmax(o^a)
    L = -log o^s_y,     R = the mean of L over n examples

Conventions: d inputs, d_h hidden units, m classes, n examples; vectors are columns in the handout
and 1-d arrays here; W1 (d_h, d), b1 (d_h,), W2 (m, d_h), b2 (m,). Classes count from 0, where the
handout counts from 1. Derivatives carry the name of what they are taken by: ``gradient_W2`` is
dL/dW2, in the shape of W2.

Each named gradient is held against two witnesses: central differences of the loss as a function
of that one quantity, and PyTorch's autograd. The formulas are operators only, so that the same
lines run on arrays (backend numpy) and on tensors (backend torch).

Deviations: none. At the kink LeakyReLU' is 1, as the handout has it; random points stay off it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.statements import (
    DIFFERENCE_TOLERANCE,
    EXACT_TOLERANCE,
    Array,
    central_difference,
    numbers,
    relative_error,
    sole,
    titled,
    vanishes,
)
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


@dataclass(frozen=True)
class Network:
    """theta: W1 (d_h, d), b1 (d_h,), W2 (m, d_h), b2 (m,), arrays or tensors."""

    W1: Any
    b1: Any
    W2: Any
    b2: Any
    alpha: float

    def items(self) -> list[tuple[str, Any]]:
        return [("W1", self.W1), ("b1", self.b1), ("W2", self.W2), ("b2", self.b2)]

    def replace(self, **values: Any) -> Network:
        return Network(**{**self.__dict__, **values})


# The network, forward ---------------------------------------------------------------------------


def leaky_relu(z: Array, alpha: float) -> Array:
    """max(z, alpha z), entry by entry."""
    return np.maximum(z, alpha * z)


def softmax(o_a: Array) -> Array:
    """exp(o^a_k) / sum_j exp(o^a_j). (m,) -> (m,)."""
    e = np.exp(o_a - o_a.max())
    return e / e.sum()


def log_loss(o_a: Array, y: int) -> float:
    """-o^a_y + log sum_j exp(o^a_j): (d)'s form, which takes the scores. (m,) -> number."""
    top = o_a.max()
    return float(-o_a[y] + top + np.log(np.exp(o_a - top).sum()))


def forward(net: Network, x: Array) -> dict[str, Array]:
    """h^a (d_h,), h^s (d_h,), o^a (m,) and o^s (m,) of one example x (d,)."""
    h_a = net.b1 + net.W1 @ x
    h_s = leaky_relu(h_a, net.alpha)
    o_a = net.b2 + net.W2 @ h_s
    return {"h_a": h_a, "h_s": h_s, "o_a": o_a, "o_s": softmax(o_a)}


def risk(net: Network, X: Array, Y: Array) -> float:
    """R, the mean loss over X (n, d), Y (n,)."""
    return float(np.mean([log_loss(forward(net, x)["o_a"], y) for x, y in zip(X, Y, strict=True)]))


def penalty(net: Network, lambdas: tuple[float, float, float, float]) -> Any:
    """(q): l11 |W1|_1 + l12 |W1|_2^2 + l21 |W2|_1 + l22 |W2|_2^2; no bias in it."""
    l11, l12, l21, l22 = lambdas
    return (
        l11 * abs(net.W1).sum()
        + l12 * (net.W1**2).sum()
        + l21 * abs(net.W2).sum()
        + l22 * (net.W2**2).sum()
    )


# The gradients, in the order of the derivation ---------------------------------------------------


def gradient_o_a(o_s: Any, onehot: Any) -> Any:
    """(g) dL/do^a = o^s - onehot_m(y). (m,), (m,) -> (m,)."""
    return o_s - onehot


def gradient_W2(g_o_a: Any, h_s: Any) -> Any:
    """(i) dL/dW2 = dL/do^a (h^s)^T. (m,), (d_h,) -> (m, d_h)."""
    return g_o_a[:, None] * h_s[None, :]


def gradient_b2(g_o_a: Any) -> Any:
    """(i) dL/db2 = dL/do^a. (m,) -> (m,)."""
    return g_o_a


def gradient_h_s(W2: Any, g_o_a: Any) -> Any:
    """(k) dL/dh^s = W2^T dL/do^a. (m, d_h), (m,) -> (d_h,)."""
    return W2.T @ g_o_a


def leaky_relu_slope(z: Any, alpha: float) -> Any:
    """(l) LeakyReLU'(z): 1 for z >= 0, else alpha; entry by entry."""
    # + 0 z: of a number times booleans alone PyTorch makes float32.
    return alpha + (1 - alpha) * ((z >= 0) + 0 * z)


def gradient_h_a(g_h_s: Any, h_a: Any, alpha: float) -> Any:
    """(m) dL/dh^a = dL/dh^s * LeakyReLU'(h^a), entry by entry. (d_h,), (d_h,) -> (d_h,)."""
    return g_h_s * leaky_relu_slope(h_a, alpha)


def gradient_W1(g_h_a: Any, x: Any) -> Any:
    """(o) dL/dW1 = dL/dh^a x^T. (d_h,), (d,) -> (d_h, d)."""
    return g_h_a[:, None] * x[None, :]


def gradient_b1(g_h_a: Any) -> Any:
    """(o) dL/db1 = dL/dh^a. (d_h,) -> (d_h,)."""
    return g_h_a


def gradient_x(W1: Any, g_h_a: Any) -> Any:
    """(p) dL/dx = W1^T dL/dh^a. (d_h, d), (d_h,) -> (d,)."""
    return W1.T @ g_h_a


def penalty_gradient(W: Any, sign: Any, l1: float, l2: float) -> Any:
    """(q) what the penalty adds to a weight matrix's gradient: l1 sign(W) + 2 l2 W."""
    return l1 * sign + 2 * l2 * W


NAMES = ("o_a", "W2", "b2", "h_s", "h_a", "W1", "b1", "x")  # in the order of the derivation


def backward(net: Network, x: Any, onehot: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """Every gradient by name, for one example x (d,) whose forward pass left ``state``."""
    g_o_a = gradient_o_a(state["o_s"], onehot)
    g_h_s = gradient_h_s(net.W2, g_o_a)
    g_h_a = gradient_h_a(g_h_s, state["h_a"], net.alpha)
    return {
        "o_a": g_o_a,
        "W2": gradient_W2(g_o_a, state["h_s"]),
        "b2": gradient_b2(g_o_a),
        "h_s": g_h_s,
        "h_a": g_h_a,
        "W1": gradient_W1(g_h_a, x),
        "b1": gradient_b1(g_h_a),
        "x": gradient_x(net.W1, g_h_a),
    }


def risk_gradients(net: Network, X: Array, Y: Array) -> dict[str, Array]:
    """(g) The mean over examples of the parameters' gradients: the gradient of R."""
    m = len(net.b2)
    each = [backward(net, x, np.eye(m)[y], forward(net, x)) for x, y in zip(X, Y, strict=True)]
    return {name: np.mean([g[name] for g in each], axis=0) for name, _ in net.items()}


def risk_differences(net: Network, X: Array, Y: Array) -> Array:
    """The gradient of R by central differences, all parameters in one row (n_theta,)."""

    def risk_of(name: str, value: Array) -> float:
        return risk(net.replace(**{name: value}), X, Y)

    return np.concatenate(
        [central_difference(partial(risk_of, name), value).ravel() for name, value in net.items()]
    )


def elementwise(net: Network, x: Array, g: Mapping[str, Array]) -> dict[str, Array]:
    """(h), (j), (l), (n), (p): the derivation's sums and products, one entry at a time."""
    state = forward(net, x)
    m, d_h = net.W2.shape
    d = len(x)
    W2, h_s = np.empty((m, d_h)), np.empty(d_h)
    h_a, W1, g_x = np.empty(d_h), np.empty((d_h, d)), np.empty(d)
    for j in range(d_h):
        for k in range(m):
            W2[k, j] = g["o_a"][k] * state["h_s"][j]
        h_s[j] = sum(g["o_a"][k] * net.W2[k, j] for k in range(m))
        h_a[j] = g["h_s"][j] if state["h_a"][j] >= 0 else g["h_s"][j] * net.alpha
        for i in range(d):
            W1[j, i] = g["h_a"][j] * x[i]
    for i in range(d):
        g_x[i] = sum(g["h_a"][j] * net.W1[j, i] for j in range(d_h))
    b2, b1 = g["o_a"].copy(), g["h_a"].copy()
    return {"W2": W2, "b2": b2, "h_s": h_s, "h_a": h_a, "W1": W1, "b1": b1, "x": g_x}


# What the report prints in (e) --------------------------------------------------------------------


def risk_as_printed_in_line_3(net: Network, X: Array, Y: Array) -> float:
    """(e), third line: inside the sum over j of the logarithm, b2 and W2 carry y for j."""
    total = 0.0
    for x, y in zip(X, Y, strict=True):
        score = net.b2[y] + net.W2[y] @ forward(net, x)["h_s"]
        total += score - np.log(sum(np.exp(score) for _ in range(len(net.b2))))
    return float(-total / len(Y))


def score_as_printed_in_line_4(net: Network, x: Array, y: int) -> Array | None:
    """(e), fourth line: b1 and W1 carry the class y too. None where W1 has no row y."""
    if y >= len(net.b1):
        return None
    inner = leaky_relu(net.b1[y] + net.W1[y] @ x, net.alpha)  # one number, not h^s
    return net.b2[y] + net.W2[y] * inner


# Random networks, and the loss as a function of one quantity -------------------------------------


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


def loss_of(name: str, net: Network, x: Array, y: int) -> tuple[Callable[[Array], float], Array]:
    """L as a function of ``name`` alone, and the point to differentiate at."""
    state = forward(net, x)
    if name == "o_a":
        return lambda z: log_loss(z, y), state["o_a"]
    if name == "h_s":
        return lambda z: log_loss(net.b2 + net.W2 @ z, y), state["h_s"]
    if name == "h_a":
        return (
            lambda z: log_loss(net.b2 + net.W2 @ leaky_relu(z, net.alpha), y),
            state["h_a"],
        )
    if name == "x":
        return lambda z: log_loss(forward(net, z)["o_a"], y), x
    return (
        lambda z: log_loss(forward(net.replace(**{name: z}), x)["o_a"], y),
        getattr(net, name),
    )


# PyTorch ------------------------------------------------------------------------------------------


def as_tensors(net: Network) -> Network:
    """The same network as float64 tensors that record what is done with them."""
    import torch

    values = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in net.items()
    }
    return Network(**values, alpha=net.alpha)


def torch_forward(net: Network, x: Any) -> dict[str, Any]:
    """`forward` with PyTorch's own functions; ``net`` as tensors."""
    import torch
    from torch.nn import functional

    h_a = functional.linear(x, net.W1, net.b1)
    h_s = functional.leaky_relu(h_a, net.alpha)
    o_a = functional.linear(h_s, net.W2, net.b2)
    return {"h_a": h_a, "h_s": h_s, "o_a": o_a, "o_s": torch.softmax(o_a, 0)}


def torch_loss(o_a: Any, y: int) -> Any:
    import torch
    from torch.nn import functional

    return functional.cross_entropy(o_a, torch.tensor(int(y)))


def autograd(net: Network, x: Array, y: int) -> dict[str, Array]:
    """Every gradient by name, from PyTorch alone; ``net`` as arrays."""
    import torch

    tensors = as_tensors(net)
    x_ = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    state = torch_forward(tensors, x_)
    wanted = {**state, **dict(tensors.items()), "x": x_}
    found = torch.autograd.grad(torch_loss(state["o_a"], y), [wanted[name] for name in NAMES])
    return {name: g.numpy() for name, g in zip(NAMES, found, strict=True)}


def torch_backward(net: Network, x: Array, y: int) -> dict[str, Array]:
    """The derivation's own lines (`backward`), on tensors."""
    import torch

    tensors = as_tensors(net)
    x_ = torch.tensor(x, dtype=torch.float64)
    with torch.no_grad():
        onehot = torch.eye(len(net.b2), dtype=torch.float64)[int(y)]
        found = backward(tensors, x_, onehot, torch_forward(tensors, x_))
    return {name: g.numpy() for name, g in found.items()}


def torch_loss_of(
    name: str, net: Network, x: Array, y: int
) -> tuple[Callable[[Array], float], Array]:
    """`loss_of` with PyTorch's forward pass."""
    import torch
    from torch.nn import functional

    tensors = as_tensors(net)
    x_ = torch.tensor(x, dtype=torch.float64)
    state = {key: value.detach() for key, value in torch_forward(tensors, x_).items()}
    rest: dict[str, Callable[[Any], Any]] = {
        "o_a": lambda z: z,
        "h_s": lambda z: functional.linear(z, tensors.W2, tensors.b2),
        "h_a": lambda z: functional.linear(
            functional.leaky_relu(z, net.alpha), tensors.W2, tensors.b2
        ),
        "x": lambda z: torch_forward(tensors, z)["o_a"],
    }
    scores = rest.get(name, lambda z: torch_forward(tensors.replace(**{name: z}), x_)["o_a"])
    at = x if name == "x" else state[name].numpy() if name in state else getattr(net, name)

    def loss(z: Array) -> float:
        with torch.no_grad():
            return float(torch_loss(scores(torch.from_numpy(z)), y))

    return loss, at


def gradients(net: Network, x: Array, y: int, backend: str) -> dict[str, Array]:
    """The derivation's gradients by name, computed by ``backend``."""
    if backend == "torch":
        return torch_backward(net, x, y)
    return backward(net, x, np.eye(len(net.b2))[y], forward(net, x))


# The question -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Errors:
    """The largest relative error of each named gradient over the random networks."""

    difference: dict[str, float]
    autograd: dict[str, float]
    elementwise: dict[str, float]

    def hold(self, name: str) -> bool:
        return (
            self.difference[name] <= DIFFERENCE_TOLERANCE and self.autograd[name] <= EXACT_TOLERANCE
        )

    def say(self, name: str) -> str:
        return (
            f"relative error {self.difference[name]:.1e} against central differences, "
            f"{self.autograd[name]:.1e} against autograd"
        )


def gradient_errors(settings: Settings, backend: str) -> Errors:
    """Each named gradient against its two witnesses, and its matrix form against its sums."""
    rng = np.random.default_rng(settings.seed)
    loss = torch_loss_of if backend == "torch" else loss_of
    difference: dict[str, list[float]] = {name: [] for name in NAMES}
    automatic: dict[str, list[float]] = {name: [] for name in NAMES}
    by_entry: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(settings.points):
        net, X, Y = draw(settings, rng)
        x, y = X[0], int(Y[0])
        found = gradients(net, x, y, backend)
        reference = autograd(net, x, y)
        entries = elementwise(net, x, found)
        for name in NAMES:
            difference[name].append(
                relative_error(found[name], central_difference(*loss(name, net, x, y)))
            )
            automatic[name].append(relative_error(found[name], reference[name]))
            if name in entries:
                by_entry[name].append(relative_error(found[name], entries[name]))
    return Errors(
        *(
            {name: float(np.max(values)) for name, values in group.items() if values}
            for group in (difference, automatic, by_entry)
        )
    )


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Parts (a) to (q), each as checks. ``data`` is not used."""
    if settings.batch_size >= settings.n:
        raise UsageError(
            f"batch_size is {settings.batch_size}; (f) needs a batch smaller than n = {settings.n}"
        )
    if settings.d == settings.d_h:
        raise UsageError(f"d and d_h are both {settings.d}; (o)'s shapes need them to differ")
    outcome = Outcome()
    net, X, Y = draw(settings, np.random.default_rng(settings.seed))
    errors = gradient_errors(settings, backend)
    for kind in ("difference", "autograd"):
        for name, value in getattr(errors, kind).items():
            outcome.metrics[f"{kind}_error_{name.lower()}"] = value
    _forward_checks(outcome, net, X, Y, backend)
    _risk_checks(outcome, net, X, Y, settings)
    _update_checks(outcome, net, X, Y, settings, backend)
    _gradient_checks(outcome, net, X, errors)
    _penalty_checks(outcome, net, X, Y, settings, backend)
    outcome.plots["gradient_check"] = step_curves(net, X[0], int(Y[0]), backend)
    outcome.plots["risk"] = risk_curves(net, X, Y, settings) | {
        "measured": outcome.metrics["printed_step_ratio"]
    }
    outcome.checks.sort(key=lambda check: check.name[0])  # (a) to (q)
    return outcome


def _forward_checks(outcome: Outcome, net: Network, X: Array, Y: Array, backend: str) -> None:
    """(a) to (d): the forward pass, and the loss as a function of o^a."""
    import sympy as sp

    x, y = X[0], int(Y[0])
    d_h, d = net.W1.shape
    m = len(net.b2)
    state = {key: np.asarray(value) for key, value in _state(net, x, backend).items()}
    h_a = np.array([net.b1[j] + sum(net.W1[j, i] * x[i] for i in range(d)) for j in range(d_h)])
    error = relative_error(state["h_a"], h_a)
    outcome.check(
        "a_hidden_pre_activation",
        "h^a = b1 + W1 x with b1 of d_h entries, and h^a_j = b1_j + sum_i W1_ji x_i",
        net.b1.shape == state["h_a"].shape == (d_h,) and error <= EXACT_TOLERANCE,
        f"W1 {net.W1.shape}, b1 {net.b1.shape}, h^a {state['h_a'].shape}; matrix form against "
        f"sums: relative error {error:.1e}",
    )
    pieces = np.where(state["h_a"] >= 0, state["h_a"], net.alpha * state["h_a"])
    error = relative_error(state["h_s"], pieces)
    gap = sp.Symbol("gap", positive=True)  # 1 - alpha
    up, down = sp.Symbol("u", positive=True), sp.Symbol("v", negative=True)
    exact = all(
        vanishes(sp.Max(z - leaky, 0) - expected)
        for z, leaky, expected in (
            (up, (1 - gap) * up, gap * up),  # z - alpha z > 0: the larger one is z
            (down, (1 - gap) * down, sp.S.Zero),
        )
    )
    outcome.check(
        "a_leaky_relu_by_pieces",
        "for alpha < 1, h^s = max(h^a, alpha h^a) is h^a where h^a >= 0, else alpha h^a",
        exact and error <= EXACT_TOLERANCE,
        f"SymPy: z - alpha z has the sign of z {'on both sides' if exact else 'not everywhere'}; "
        f"relative error {error:.1e}",
    )
    o_a = np.array(
        [net.b2[k] + sum(net.W2[k, i] * state["h_s"][i] for i in range(d_h)) for k in range(m)]
    )
    error = relative_error(state["o_a"], o_a)
    outcome.check(
        "b_output_pre_activation",
        "o^a = b2 + W2 h^s with W2 (m, d_h), b2 (m,), and o^a_k = b2_k + sum_i W2_ki h^s_i",
        net.W2.shape == (m, d_h) and net.b2.shape == (m,) and error <= EXACT_TOLERANCE,
        f"W2 {net.W2.shape}, b2 {net.b2.shape}; relative error {error:.1e}",
    )
    scores = sp.symbols(f"o1:{m + 1}", real=True)
    total = sum(map(sp.exp, scores))
    probabilities = [sp.exp(o) / total for o in scores]
    exact = vanishes(sum(probabilities) - 1) and all(p.is_positive for p in probabilities)
    sums = [float(np.sum(_state(net, row, backend)["o_s"])) for row in X]
    lowest = min(float(np.min(_state(net, row, backend)["o_s"])) for row in X)
    outcome.check(
        "c_probabilities",
        "the o^s_k are positive and sum to 1",
        exact and lowest > 0 and np.allclose(sums, 1, rtol=0, atol=1e-12),
        f"SymPy: positive, sum - 1 = 0; over {len(X)} examples the lowest is {lowest:.1e}, the "
        f"sums are off 1 by at most {np.max(np.abs(np.array(sums) - 1)):.1e}",
    )
    outcome.check(
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
    by_name = -math.log(float(state["o_s"][y]))
    loss = (
        float(torch_loss(_tensor(state["o_a"]), y))
        if backend == "torch"
        else log_loss(state["o_a"], y)
    )
    outcome.check(
        "d_loss_of_the_scores",
        "L = -o^a_y + log sum_j exp(o^a_j)",
        exact and abs(loss - by_name) <= 1e-12 * max(1.0, by_name),
        f"SymPy: -log o^s_y minus it {'is' if exact else 'is not'} 0; at one example {loss:.6f} "
        f"and {by_name:.6f}",
    )


def _tensor(value: Array) -> Any:
    import torch

    return torch.tensor(value, dtype=torch.float64)


def _state(net: Network, x: Array, backend: str) -> dict[str, Any]:
    if backend != "torch":
        return forward(net, x)
    found = torch_forward(as_tensors(net), _tensor(x))
    return {key: value.detach().numpy() for key, value in found.items()}


def _risk_checks(outcome: Outcome, net: Network, X: Array, Y: Array, settings: Settings) -> None:
    """(e): the empirical risk, what is printed for it, and the number of parameters."""
    import sympy as sp

    true = float(np.mean([-np.log(forward(net, x)["o_s"][y]) for x, y in zip(X, Y, strict=True)]))
    written = risk(net, X, Y)
    outcome.metrics["risk"] = true
    outcome.check(
        "e_risk_with_index_j",
        "R = -1/n sum_i [o^a_y - log sum_j exp(o^a_j)], o^a_j = b2_j + W2_j h^s: index j within",
        abs(written - true) <= 1e-12 * max(1.0, true),
        f"{written:.6f}, the mean of -log o^s_y is {true:.6f}",
    )
    m = settings.m
    score = sp.Symbol("o_y", real=True)
    constant = vanishes(sp.expand_log(sp.log(m * sp.exp(score)), force=True) - score - sp.log(m))
    printed = risk_as_printed_in_line_3(net, X, Y)
    outcome.metrics["risk_as_printed"] = printed
    outcome.check(
        "e_risk_with_index_y",
        "the same with index y for j inside the logarithm's sum, as the third line prints it",
        abs(printed - true) <= 1e-12 * max(1.0, true),
        f"{printed:.6f} against {true:.6f}; "
        + (f"SymPy: it is log {m} = {math.log(m):.6f} whatever the parameters" if constant else ""),
    )
    x, y = X[0], int(Y[0])
    score_4 = score_as_printed_in_line_4(net, x, y)
    right = forward(net, x)["o_a"][y]
    fits = score_4 is not None and np.shape(score_4) == () and np.isclose(score_4, right)
    found = "no row y of W1" if score_4 is None else f"shape {np.shape(score_4)}"
    outcome.check(
        "e_first_layer_with_index_y",
        "o^a_y = b2_y + W2_y LeakyReLU(b1_y + W1_y x), row y of the first layer, as the last line "
        "prints it",
        fits,
        f"{found} where o^a_y is one number, {right:.4f}: the rows of W1 are the {settings.d_h} "
        f"hidden units, not the {m} classes",
    )
    counted = sum(value.size for _, value in net.items())
    d, d_h = settings.d, settings.d_h
    formula = d_h * (d + 1) + m * (d_h + 1)
    outcome.metrics["parameters"] = counted
    outcome.check(
        "e_parameter_count",
        "n_theta = d_h (d + 1) + m (d_h + 1)",
        counted == formula,
        f"d = {d}, d_h = {d_h}, m = {m}: {counted} entries in the four arrays, {formula} by the "
        "formula",
    )


def _update_checks(
    outcome: Outcome, net: Network, X: Array, Y: Array, settings: Settings, backend: str
) -> None:
    """(f) and the first display of (g): what a step of gradient descent divides by."""
    n, size = settings.n, settings.batch_size
    each = [
        np.concatenate(
            [gradients(net, x, int(y), backend)[name].ravel() for name, _ in net.items()]
        )
        for x, y in zip(X, Y, strict=True)
    ]
    numeric = risk_differences(net, X, Y)
    error = relative_error(np.mean(each, axis=0), numeric)
    outcome.check(
        "g_risk_gradient_is_a_mean",
        "the gradient of R is the mean over the examples of the gradients of L",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences of R, {len(numeric)} parameters",
    )
    batch_risk = risk_differences(net, X[:size], Y[:size])
    step = settings.learning_rate
    right = -step * batch_risk
    total = np.sum(each[:size], axis=0)
    printed, ours = -step * total / n, -step * total / size
    error = relative_error(printed, right)
    ratio = float(np.linalg.norm(printed) / np.linalg.norm(right))
    outcome.metrics["printed_step_ratio"] = ratio
    outcome.check(
        "f_batch_sum_over_n",
        "a step on a batch sums over the batch and divides by n, the size of the whole set",
        error <= DIFFERENCE_TOLERANCE,
        f"batch of {size} out of n = {n}: the step is {ratio:.4f} of the gradient step on the "
        f"batch's risk, {size}/{n} = {size / n:.4f}",
    )
    error = relative_error(ours, right)
    outcome.check(
        "f_batch_sum_over_batch_size",
        "a step on a batch divides the batch's sum by the batch's size (n, if the batch is all)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against the step on the batch's risk by central differences",
    )


# check: (gradient, part's formula)
MATRIX_FORMS = {
    "g_gradient_o_a": ("o_a", "dL/do^a = o^s - onehot(y)"),
    "i_gradient_W2": ("W2", "dL/dW2 = dL/do^a (h^s)^T"),
    "i_gradient_b2": ("b2", "dL/db2 = dL/do^a"),
    "k_gradient_h_s": ("h_s", "dL/dh^s = W2^T dL/do^a"),
    "m_gradient_h_a": ("h_a", "dL/dh^a = dL/dh^s times LeakyReLU'(h^a), entry by entry"),
    "o_gradient_W1": ("W1", "dL/dW1 = dL/dh^a x^T"),
    "o_gradient_b1": ("b1", "dL/db1 = dL/dh^a"),
    "p_gradient_x": ("x", "dL/dx = W1^T dL/dh^a"),
}
ELEMENT_FORMS = {
    "h_elements_W2": ("W2", "dL/dW2_kj = dL/do^a_k h^s_j"),
    "h_elements_b2": ("b2", "dL/db2_k = dL/do^a_k"),
    "j_elements_h_s": ("h_s", "dL/dh^s_j = sum_k dL/do^a_k W2_kj"),
    "l_elements_h_a": ("h_a", "dL/dh^a_j is dL/dh^s_j where h^a_j >= 0, else alpha dL/dh^s_j"),
    "n_elements_W1": ("W1", "dL/dW1_kj = dL/dh^a_k x_j"),
    "n_elements_b1": ("b1", "dL/db1_k = dL/dh^a_k"),
    "p_elements_x": ("x", "dL/dx_i = sum_j dL/dh^a_j W1_ji"),
}


def _gradient_checks(outcome: Outcome, net: Network, X: Array, errors: Errors) -> None:
    """(g) to (p): each gradient by name, its elements, its shape, and the shapes printed."""
    shapes = {
        "o_a": net.b2.shape,
        "W2": net.W2.shape,
        "b2": net.b2.shape,
        "h_s": net.b1.shape,
        "h_a": net.b1.shape,
        "W1": net.W1.shape,
        "b1": net.b1.shape,
        "x": X[0].shape,
    }
    exact = _exact_softmax_gradient(len(net.b2))
    for check, (name, statement) in MATRIX_FORMS.items():
        outcome.check(
            check.lower(),
            f"{statement}, of shape {shapes[name]}",
            errors.hold(name) and (name != "o_a" or exact),
            errors.say(name) + ("; SymPy: exact" if name == "o_a" and exact else ""),
        )
    for check, (name, statement) in ELEMENT_FORMS.items():
        error = errors.elementwise[name]
        outcome.check(
            check.lower(),
            statement,
            error <= EXACT_TOLERANCE and errors.hold(name),
            f"element by element against the matrix form: relative error {error:.1e}; "
            + errors.say(name),
        )
    z = np.concatenate([X.ravel()[np.abs(X.ravel()) > OFF_KINK], [-1.0, 1.0]])
    slopes = np.array(
        [float(central_difference(lambda t: float(leaky_relu(t, net.alpha)), v)) for v in z]
    )
    error = relative_error(leaky_relu_slope(z, net.alpha), slopes)
    outcome.check(
        "l_leaky_relu_slope",
        "LeakyReLU'(z) is 1 for z >= 0, else alpha (at 0 by convention)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences at {len(z)} points off 0",
    )
    error = relative_error(leaky_relu(z, net.alpha) / z, slopes)
    outcome.check(
        "l_ratio_for_derivative",
        "dh^s_j/dh^a_j = LeakyReLU(h^a_j) / h^a_j, a quotient printed for a derivative",
        error <= DIFFERENCE_TOLERANCE,
        f"off 0 they agree (relative error {error:.1e}): LeakyReLU is linear on each side of 0; "
        "at 0 the quotient is 0/0",
    )
    d_h, d = net.W1.shape
    outcome.check(
        "o_shapes_by_d_h",
        "dL/dW1 is d_h x d_h and x has d_h entries",
        shapes["W1"] == (d_h, d_h) and shapes["x"] == (d_h,),
        f"d = {d}, d_h = {d_h}: W1 and its gradient are {d_h} x {d}, x has {d} entries",
    )
    outcome.check(
        "o_shapes_by_d",
        "dL/dW1 is d_h x d and x has d entries; dL/db1 and dL/dh^a have d_h",
        (np.empty(d_h)[:, None] * np.empty(d)[None, :]).shape == net.W1.shape
        and X[0].shape == (d,)
        and net.b1.shape == (d_h,),
        f"an outer product of {d_h} by {d} entries has the shape of W1, {net.W1.shape}",
    )


def _exact_softmax_gradient(m: int) -> bool:
    """(g) by SymPy, for each class y and each score k."""
    import sympy as sp

    scores = sp.symbols(f"o1:{m + 1}", real=True)
    total = sum(map(sp.exp, scores))
    return vanishes(
        *(
            sp.diff(-scores[y] + sp.log(total), scores[k])
            - (sp.exp(scores[k]) / total - int(k == y))
            for y in range(m)
            for k in range(m)
        )
    )


def _penalty_checks(
    outcome: Outcome, net: Network, X: Array, Y: Array, settings: Settings, backend: str
) -> None:
    """(q): the penalised risk's gradient, all four lambdas in the objective."""
    import torch

    lambdas = settings.lambdas
    if backend == "torch":
        each = [gradients(net, x, int(y), "torch") for x, y in zip(X, Y, strict=True)]
        plain = {name: np.mean([g[name] for g in each], axis=0) for name, _ in net.items()}
    else:
        plain = risk_gradients(net, X, Y)
    tensors = as_tensors(net)
    losses = [
        torch_loss(torch_forward(tensors, _tensor(x))["o_a"], y) for x, y in zip(X, Y, strict=True)
    ]
    objective = torch.stack(losses).mean() + penalty(tensors, lambdas)
    found = torch.autograd.grad(objective, [value for _, value in tensors.items()])
    automatic = {name: g.numpy() for (name, _), g in zip(net.items(), found, strict=True)}
    added = {
        "W1": penalty_gradient(net.W1, np.sign(net.W1), *lambdas[:2]),
        "W2": penalty_gradient(net.W2, np.sign(net.W2), *lambdas[2:]),
    }
    error: dict[str, tuple[float, float]] = {}
    for name, value in net.items():
        ours = plain[name] + added.get(name, 0.0)

        def objective_of(z: Array, name: str = name) -> float:
            changed = net.replace(**{name: z})
            return risk(changed, X, Y) + float(penalty(changed, lambdas))

        error[name] = (
            relative_error(ours, central_difference(objective_of, value)),
            relative_error(ours, automatic[name]),
        )
        outcome.metrics[f"penalised_difference_error_{name.lower()}"] = error[name][0]
    values = f"lambda = {', '.join(f'{v:g}' for v in lambdas)}"
    for name, index in (("W1", "1"), ("W2", "2")):
        difference, automatically = error[name]
        outcome.check(
            f"q_penalty_adds_to_{name.lower()}",
            f"the penalty adds lambda_{index}1 sign({name}) + 2 lambda_{index}2 {name} to the "
            f"gradient by {name}",
            difference <= DIFFERENCE_TOLERANCE and automatically <= EXACT_TOLERANCE,
            f"{values}: relative error {difference:.1e} against central differences, "
            f"{automatically:.1e} against autograd",
        )
    worst = [max(error[name][kind] for name in ("b1", "b2")) for kind in (0, 1)]
    outcome.check(
        "q_biases_unchanged",
        "the penalty leaves the gradients by the biases as they were",
        worst[0] <= DIFFERENCE_TOLERANCE and worst[1] <= EXACT_TOLERANCE,
        f"{values}: relative error {worst[0]:.1e} against central differences, {worst[1]:.1e} "
        "against autograd",
    )


# Figures ------------------------------------------------------------------------------------------


def step_curves(net: Network, x: Array, y: int, backend: str) -> dict[str, Any]:
    """By gradient: the relative error of central differences over their step."""
    found = gradients(net, x, y, backend)
    loss = torch_loss_of if backend == "torch" else loss_of
    curves = {}
    for name in NAMES:
        f, at = loss(name, net, x, y)
        curves[name] = numbers(
            relative_error(found[name], central_difference(f, at, step)) for step in STEPS
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


GRADIENT_LABELS = {
    "o_a": r"$\mathbf{o}^a$",
    "W2": r"$\mathbf{W}^{(2)}$",
    "b2": r"$\mathbf{b}^{(2)}$",
    "h_s": r"$\mathbf{h}^s$",
    "h_a": r"$\mathbf{h}^a$",
    "W1": r"$\mathbf{W}^{(1)}$",
    "b1": r"$\mathbf{b}^{(1)}$",
    "x": r"$\mathbf{x}$",
}


def draw_gradient_check(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """A correct gradient: errors fall like the step squared, until rounding takes over."""
    from hw.figures.style import COLOURS, new_figure

    known = sole(outcomes).plots["gradient_check"]
    figure, axes = new_figure(width=5.8, height=4.0)
    ax = axes[0][0]
    markers = "os^vDPX*"
    for i, (name, errors) in enumerate(known["errors"].items()):
        shown = [(h, e) for h, e in zip(known["step"], errors, strict=True) if e > 0]
        ax.plot(
            *zip(*shown, strict=True),
            marker=markers[i],
            ms=4,
            lw=1.2,
            color=COLOURS[i % len(COLOURS)],
            ls="-" if i < len(COLOURS) else "--",
            label=GRADIENT_LABELS[name],
        )
    h = np.array([1e-1, 1e-3])
    ax.plot(h, 5e-3 * h**2, ":", color="0.3", lw=1.2)
    ax.annotate(
        "slope of $h^2$", (1e-2, 5e-7), xytext=(2, -14), textcoords="offset points", color="0.3"
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("step $h$ of the central differences")
    ax.set_ylabel("relative error of the gradient")
    ax.legend(ncols=4, fontsize=8, loc="upper center")
    return titled(figure, spec)


def draw_risk(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """(e) and (f): the risk and the step as they are and as the report prints them."""
    from hw.figures.style import COLOURS, new_figure

    known = sole(outcomes).plots["risk"]
    figure, axes = new_figure(1, 2, width=4.6)
    left, right = axes[0]
    steps = range(len(known["true"]))
    left.plot(steps, known["true"], label=r"$\hat{R}$, index $j$ in the sum")
    left.plot(steps, known["printed"], "--", label=r"as printed, index $y$: $\log m$")
    left.set_ylim(bottom=0)
    left.set_xlabel("steps of gradient descent")
    left.set_ylabel(r"empirical risk $\hat{R}$")
    left.set_title("(e)")
    left.legend()
    sizes = known["batch_size"]
    right.plot(sizes, [1.0] * len(sizes), label="divided by the batch's size")
    right.plot(sizes, known["ratio"], "--", marker="o", ms=3, label="as printed, divided by $n$")
    right.plot(known["marked"], known["measured"], "D", color=COLOURS[6], ms=6, label="measured")
    right.set_ylim(0, 1.3)
    right.set_xlabel("batch size")
    right.set_ylabel("step / gradient step on the batch")
    right.set_title("(f)")
    right.legend(loc="lower right")
    return titled(figure, spec)


FIGURES = {"gradient_check": draw_gradient_check, "risk": draw_risk}
