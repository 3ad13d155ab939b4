"""The network of one hidden layer and its gradients by hand: forward pass, chain rule, witnesses.

    h^a = b1 + W1 x,    h^s = LeakyReLU(h^a),    o^a = b2 + W2 h^s,    o^s = softmax(o^a)
    L = -log o^s_y,     R = the mean of L over n examples

Source and conventions are those of `backprop`, which puts all of this to the test.

`FORWARD` is the forward pass and `DERIVATION` the chain rule, one row for each gradient. Their
formulas run on arrays (backend numpy) and on tensors (backend torch) alike. `autograd`, `loss_of`
(for central differences) and `entries` know nothing of the matrix forms in `DERIVATION`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from hw.nn.losses import softmax
from hw.questions.derivations.lab.lab import as_numpy
from hw.questions.derivations.lab.statements import Array, central_difference

PARAMETERS = ("W1", "b1", "W2", "b2")


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
