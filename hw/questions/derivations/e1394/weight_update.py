"""The gradient-descent update of the first layer's weights, two ReLU layers below a softmax.

Source: Hertie E1394, Problem set 1, 1.5 Neural network theory.

    a1 = b1 + W1 x,   h1 = ReLU(a1),   a2 = b2 + W2 h1,   h2 = ReLU(a2),   a3 = b3 + W3 h2
    f = softmax(a3),  J = 1/2 sum_k (y_k - f_k)^2

    dJ/da3_k  = f_k ((f_k - y_k) - sum_l f_l (f_l - y_l))       softmax's whole Jacobian
    dJ/da2_m  = 1[a2_m > 0] sum_k w3_km dJ/da3_k
    dJ/da1_i  = 1[a1_i > 0] sum_m w2_mi dJ/da2_m  =  dJ/db1_i
    dJ/dw1_ij = x_j dJ/da1_i,   w1_ij <- w1_ij - eta dJ/dw1_ij

Conventions: d inputs, H1 and H2 hidden units, K classes; one example x (d,), y one-hot (K,);
W1 (H1, d), W2 (H2, H1), W3 (K, H2). ReLU' is 0 at 0; random points stay off it.

The report differentiates L = (y - f)^2, "the square of the difference", where its item 3 has J. Its
result for L is -2 (y - f) sum_m w3_m w2_m x, with three faults, each of which can be planted alone
in the derivation above (`FAULTS`). It carries no class: it is read for every single class and for
their sum, and agrees in none of these readings.

Deviations: none. With L = 2J every gradient is twice as long; the report's is halved before it is
compared with that of J, so that the factor is not held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.statements import (
    EXACT_TOLERANCE,
    Array,
    central_difference,
    numbers,
    relative_error,
    vanishes,
)
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

OFF_KINK = 1e-2  # |a1| and |a2| of every random point
FAULTS = {  # by name: what the report does in place of the right step
    "softmax_slope": "1 for softmax's Jacobian",
    "class_sum": "one class for their sum",
    "relu_gates": "1 for ReLU' everywhere",
}


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random networks", low=0)
    d: int = setting(4, "inputs", low=1, high=64)
    h1: int = setting(6, "units of the first hidden layer", low=2, high=64)
    h2: int = setting(5, "units of the second hidden layer", low=2, high=64)
    k: int = setting(3, "classes", low=2, high=64)
    points: int = setting(3, "random networks with an example each", low=1, high=50)
    learning_rate: float = setting(0.1, "eta of the update", above=0)


@dataclass(frozen=True)
class Network:
    """w1 (H1, d), b1 (H1,), w2 (H2, H1), b2 (H2,), w3 (K, H2), b3 (K,)."""

    w1: Any
    b1: Any
    w2: Any
    b2: Any
    w3: Any
    b3: Any

    def replace(self, **values: Any) -> Network:
        return Network(**{**self.__dict__, **values})

    def copy(self, w: World) -> Network:
        """The same parameters as arrays of their own in the world ``w``."""
        return Network(**{name: w.array(np.copy(v)) for name, v in self.__dict__.items()})


Case = tuple[Network, Array, Array]  # a network, x and y
Derive = Callable[..., tuple[Array, Array]]


# The network, in the arrays of either library -----------------------------------------------------


def softmax(w: World, a: Any) -> Any:
    """(K,) -> (K,). PyTorch's own; that of `hw.nn` where the library has none."""
    return w.library.softmax(a, -1) if w.name == "torch" else w.softmax(a)


def forward(w: World, net: Network, x: Any) -> tuple[Any, Any, Any]:
    """a1 (H1,), a2 (H2,) and f (K,)."""
    a1 = net.b1 + net.w1 @ x
    a2 = net.b2 + net.w2 @ w.where(a1 > 0, a1, 0.0)
    return a1, a2, softmax(w, net.b3 + net.w3 @ w.where(a2 > 0, a2, 0.0))


def loss(w: World, net: Network, x: Array, y: Array) -> Any:
    """J = 1/2 sum_k (y_k - f_k)^2; ``net`` in the arrays of ``w``."""
    return 0.5 * ((w.array(y) - forward(w, net, w.array(x))[2]) ** 2).sum()


def draw(settings: Settings, rng: np.random.Generator) -> Case:
    """A network and an example off the kinks, with open and closed units in both layers."""
    sizes = settings.d, settings.h1, settings.h2, settings.k
    while True:
        values: dict[str, Array] = {}
        for layer, (a, b) in enumerate(pairwise(sizes), start=1):
            values[f"w{layer}"] = rng.normal(size=(b, a)) / np.sqrt(a)
            values[f"b{layer}"] = rng.normal(size=b)
        net = Network(**values)
        x, y = rng.normal(size=settings.d), np.eye(settings.k)[rng.integers(settings.k)]
        a1, a2, f = forward(world("numpy"), net, x)
        mixed = all((a > OFF_KINK).any() and (a < -OFF_KINK).any() for a in (a1, a2))
        clear = min(np.abs(a1).min(), np.abs(a2).min()) > OFF_KINK
        # A saturated softmax has gradients near 0, of which differences see only rounding.
        if mixed and clear and f.max() < 0.95:
            return net, x, y


# The derivation. Operators only: the same lines serve arrays, tensors and SymPy's symbols.


def softmax_slope(f: Any, g: Any) -> Any:
    """Softmax's transposed Jacobian times ``g``: f (g - f^T g). (K,), (K,) -> (K,)."""
    return f * (g - f @ g)


def gradient_b1(
    net: Network, f: Any, y: Any, gates: Sequence[Any], faults: Collection[str] = (), only: int = 0
) -> Any:
    """dJ/db1 (H1,) from f (K,), y (K,) and ReLU' of both layers, (H1,) and (H2,).

    ``faults`` are planted, by name; ``only`` is the class that "class_sum" leaves.
    """
    g_f = f - y  # (K,)
    g_a3 = g_f if "softmax_slope" in faults else softmax_slope(f, g_f)  # (K,)
    g_h2 = net.w3[only] * g_a3[only] if "class_sum" in faults else net.w3.T @ g_a3  # (H2,)
    g_a2 = g_h2 if "relu_gates" in faults else gates[1] * g_h2  # (H2,)
    g_h1 = net.w2.T @ g_a2  # (H1,)
    return g_h1 if "relu_gates" in faults else gates[0] * g_h1


def gradient_w1(g_b1: Any, x: Any) -> Any:
    """dJ/dw1_ij = x_j dJ/db1_i. (H1,), (d,) -> (H1, d)."""
    return g_b1[:, None] * x[None, :]


def gradients(
    w: World, net: Network, x: Array, y: Array, faults: Collection[str] = (), only: int = 0
) -> tuple[Array, Array]:
    """dJ/db1 (H1,) and dJ/dw1 (H1, d) by the derivation, of arrays and in the world ``w``."""
    net, x, y = net.copy(w), w.array(x), w.array(y)
    a1, a2, f = forward(w, net, x)
    g_b1 = gradient_b1(net, f, y, [1.0 * (a > 0) for a in (a1, a2)], faults, only)
    return as_numpy(g_b1), as_numpy(gradient_w1(g_b1, x))


# The witnesses ------------------------------------------------------------------------------------


def autograd(net: Network, x: Array, y: Array) -> tuple[Array, Array]:
    """dJ/db1 and dJ/dw1 by PyTorch alone."""
    w = world("torch")
    net = net.copy(w)
    leaves = net.b1.requires_grad_(), net.w1.requires_grad_()
    g_b1, g_w1 = w.autograd.grad(loss(w, net, x, y), leaves)
    return g_b1.numpy(), g_w1.numpy()


def sgd_step(net: Network, x: Array, y: Array, learning_rate: float) -> Array:
    """w1 (H1, d) after one step of ``torch.optim.SGD``."""
    w = world("torch")
    net = net.copy(w)
    optimiser = w.optim.SGD([net.w1.requires_grad_()], lr=learning_rate)
    loss(w, net, x, y).backward()
    optimiser.step()
    return as_numpy(net.w1)


# Exactly, by SymPy --------------------------------------------------------------------------------


def exact_derivation(d: int = 2, h1: int = 2, h2: int = 2, k: int = 2) -> bool:
    """Whether the derivation equals SymPy's derivatives of J, for a network of these sizes.

    ReLU is s a with a symbol s for its slope, 0 or 1 and constant off the kink: one proof for all
    patterns of open and closed units.
    """
    import sympy as sp

    def symbols(name: str, *shape: int) -> Array:
        count = int(np.prod(shape))
        return np.array(sp.symbols(f"{name}_1:{count + 1}", real=True), object).reshape(shape)

    shapes = {"u": (h1, d), "b": (h1,), "v": (h2, h1), "c": (h2,), "w": (k, h2), "e": (k,)}
    net = Network(*(symbols(name, *shape) for name, shape in shapes.items()))
    x, y, s1, s2 = symbols("x", d), symbols("y", k), symbols("s", h1), symbols("t", h2)
    a3 = net.b3 + net.w3 @ (s2 * (net.b2 + net.w2 @ (s1 * (net.b1 + net.w1 @ x))))
    # J as a function of the scores z, then the chain rule through the affine a3.
    z = sp.symbols(f"z1:{k + 1}", real=True)
    total = sum(map(sp.exp, z))
    f = np.array([sp.exp(v) / total for v in z], object)
    J = sum((yk - fk) ** 2 for yk, fk in zip(y, f, strict=True)) / 2
    slope = [sp.diff(J, v) for v in z]
    g_b1 = gradient_b1(net, f, y, (s1, s2))
    ours = [*g_b1, *gradient_w1(g_b1, x).ravel()]
    wanted = [
        sum(g * sp.diff(a, parameter) for g, a in zip(slope, a3, strict=True))
        for parameter in (*net.b1, *net.w1.ravel())
    ]
    exponentials = {sp.exp(v): sp.Symbol(f"E{i}", positive=True) for i, v in enumerate(z)}
    return all(
        sp.cancel((o - w).subs(exponentials)) == 0 for o, w in zip(ours, wanted, strict=True)
    )


def chain_rule_differences(h1: int = 2, h2: int = 2) -> list[Any]:
    """The report's product of slopes minus SymPy's derivative of L, for each first-layer unit.

    One output f = o(a3), o a quadratic with free coefficients; ReLU as in `exact_derivation`.
    """
    import sympy as sp

    b, s, w3, t = (
        sp.symbols(f"{n}1:{c + 1}") for n, c in zip("bswt", (h1, h1, h2, h2), strict=True)
    )
    w2 = sp.Matrix(h2, h1, sp.symbols(f"v1:{h1 * h2 + 1}"))
    x, y, c0, c1, c2 = sp.symbols("x y c0 c1 c2")
    hidden = w2 * sp.Matrix([s[i] * (b[i] + x) for i in range(h1)])
    a3 = sum(w3[m] * t[m] * (x + hidden[m]) for m in range(h2))
    f = c0 + c1 * a3 + c2 * a3**2
    outer = -2 * (y - f) * (c1 + 2 * c2 * a3)
    return [
        sp.expand(
            sp.diff((y - f) ** 2, b[i])
            - outer * sum(w3[m] * t[m] * w2[m, i] for m in range(h2)) * s[i]
        )
        for i in range(h1)
    ]


# The question -------------------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The steps of the report's derivation, its result, and ours. ``data`` is not used."""
    lab = Lab(settings, backend)
    cases = [draw(settings, lab.rng) for _ in range(settings.points)]
    derive = partial(gradients, lab.world)
    _step_checks(lab, cases[0])
    for check in (_fault_checks, _printed_checks, _our_checks):
        check(lab, cases, derive)
    net, x, y = cases[0]
    lab.plots["update"] = {
        "autograd": numbers(autograd(net, x, y)[1].ravel()),
        "ours": numbers(derive(net, x, y)[1].ravel()),
        "printed": numbers(derive(net, x, y, set(FAULTS) - {"class_sum"})[1].ravel()),
        "faults": {name: lab.metrics[f"error_of_{name}"] for name in FAULTS},
        "ladder": ladder(cases, derive),
    }
    return lab.outcome


def ladder(cases: list[Case], derive: Derive) -> list[list[Any]]:
    """How far dJ/dw1 is off as the faults of the report are mended one after another."""
    names = list(FAULTS)
    return [
        [mended, _off(cases, derive, names[i:])] for i, mended in enumerate(["as printed", *names])
    ]


def _off(
    cases: list[Case],
    derive: Derive,
    faults: Collection[str],
    only: int | None = None,
    parameter: int = 1,
) -> float:
    """How far dJ/db1 (``parameter`` 0) or dJ/dw1 (1) is off autograd's, at most.

    In lengths of autograd's, without the bound of `relative_error`. ``only`` is the class that is
    left where one is; None: the example's own.
    """
    errors = []
    for net, x, y in cases:
        found = derive(net, x, y, faults, int(y.argmax()) if only is None else only)[parameter]
        true = autograd(net, x, y)[parameter]
        errors.append(float(np.linalg.norm(found - true) / np.linalg.norm(true)))
    return max(errors)


def _step_checks(lab: Lab, case: Case) -> None:
    """The report's ingredients: rule, activations, and the derivatives along the chain."""
    import sympy as sp

    net, x, _ = case
    rate = lab.settings.learning_rate
    error = relative_error(sgd_step(*case, rate), net.w1 - rate * autograd(*case)[1])
    lab.check(
        "update_rule",
        "gradient descent: w at step r + 1 is w at step r minus the rate times dJ/dw",
        error <= EXACT_TOLERANCE,
        f"relative error {error:.1e} against a step of torch.optim.SGD",
    )
    torch = world("torch")
    reference = as_numpy(forward(torch, net.copy(torch), torch.array(x))[2])
    error = relative_error(forward(world("numpy"), net, x)[2], reference)
    z = sp.symbols("z1:4", real=True)
    f = [sp.exp(v) / sum(map(sp.exp, z)) for v in z]
    lab.check(
        "softmax_formula",
        "f_k = exp(a3_k) / sum_l exp(a3_l)",
        vanishes(sum(f) - 1) and error <= EXACT_TOLERANCE,
        f"SymPy: sums to 1; relative error {error:.1e} against torch.softmax",
    )
    up, down = sp.Symbol("u", positive=True), sp.Symbol("v", negative=True)
    heaviside = {up: sp.S.One, down: sp.S.Zero}
    yk, fk = sp.symbols("y_k f_k", real=True)
    slope = sp.diff((yk - fk) ** 2 / 2, fk)
    jacobian = sp.Matrix(f).jacobian(z)
    first_row = jacobian.subs(dict(zip(z, (sp.log(2), 0, 0), strict=True))).row(0)
    weights, h, b = sp.symbols("w_1:4"), sp.symbols("h_1:4"), sp.Symbol("b")
    affine = b + sum(wi * hi for wi, hi in zip(weights, h, strict=True))
    # check: (statement, what must vanish for it to hold, evidence)
    steps = {
        "relu_is_a_step": (
            "ReLU(z) = max(0, z) is 1 for z > 0, else 0",
            [sp.Max(0, s) - value for s, value in heaviside.items()],
            f"at z = 2 it is {max(0, 2)}, not 1: the step is its slope",
        ),
        "relu_slope_is_a_step": (
            "ReLU'(z) is 1 for z > 0, and 0 for z < 0",
            [sp.diff(sp.Max(0, s), s) - value for s, value in heaviside.items()],
            "SymPy: exact on both sides of 0",
        ),
        "loss_slope_as_printed": (
            "for L = (y - f)^2 the slope by f is -2 (y - f)",
            [sp.diff((yk - fk) ** 2, fk) + 2 * (yk - fk)],
            f"SymPy: {sp.diff((yk - fk) ** 2, fk)}",
        ),
        "one_loss_throughout": (
            "the cost of item 3, J = 1/2 sum_k (y_k - f_k)^2, has the slope -2 (y_k - f_k) that "
            "the derivation goes on with",
            [slope + 2 * (yk - fk)],
            f"SymPy: it has the slope {slope}",
        ),
        "loss_slope": (
            "for J = 1/2 sum_k (y_k - f_k)^2 the slope by f_k is -(y_k - f_k)",
            [slope + (yk - fk)],
            f"SymPy: {slope}",
        ),
        "softmax_slope_is_one": (
            "the derivative of the softmax output by its score is 1",
            [jacobian - sp.eye(3)],
            f"SymPy: at scores (log 2, 0, 0) the Jacobian's first row is {tuple(first_row)}, not "
            "(1, 0, 0)",
        ),
        "softmax_jacobian": (
            "the derivative of f_k by a3_l is f_k (1[k = l] - f_l)",
            [jacobian - (sp.diag(*f) - sp.Matrix(f) * sp.Matrix(f).T)],
            "SymPy: exact for 3 classes, every class by every score",
        ),
        "affine_steps": (
            "a unit's input has the slope w by what it is weighted with, and 1 by its bias",
            [sp.Matrix([affine]).jacobian((*h, b)) - sp.Matrix([[*weights, 1]])],
            "SymPy: exact",
        ),
        "slope_without_input_index": (
            "the slope of a2_m by h1_i is w2_m, the same for every i",
            [sp.diff(affine, h[0]) - sp.diff(affine, h[1])],
            f"SymPy: by h1_1 it is {sp.diff(affine, h[0])}, by h1_2 {sp.diff(affine, h[1])}",
        ),
        "chain_rule": (
            "for one output f = o(a3): dL/db1_i = dL/df o'(a3) sum_m da3/dh2_m g'(a2_m) "
            "da2_m/dh1_i g'(a1_i) da1_i/db1_i",
            chain_rule_differences(),
            "SymPy: exact for two units a layer, ReLU open or closed, and any quadratic o",
        ),
    }
    for name, (statement, differences, evidence) in steps.items():
        lab.check(name, statement, vanishes(*differences), evidence)


def _fault_checks(lab: Lab, cases: list[Case], derive: Derive) -> None:
    """Each fault alone in the right derivation, and its share in the report's error."""
    words = {
        "softmax_slope": "another gradient results if 1 stands for softmax's Jacobian",
        "class_sum": "the sum over the classes may be left out",
        "relu_gates": "the condition z > 0, under which ReLU' is 1, may be left out",
    }
    hidden = [a for net, x, _ in cases for a in forward(world("numpy"), net, x)[:2]]
    closed, units = sum(int((a <= 0).sum()) for a in hidden), sum(map(len, hidden))
    extra = {"relu_gates": f"; {closed} of {units} hidden units are closed"}
    for name in FAULTS:
        error = lab.metrics[f"error_of_{name}"] = _off(cases, derive, [name])
        # What the report says of each step alone is judged there; softmax's is.
        alone = name == "softmax_slope"
        lab.check(
            "softmax_slope_matters" if alone else f"harmless_{name}",
            f"in dJ/dw1, {words[name]}",
            (error > EXACT_TOLERANCE) == alone,
            f"this alone puts the gradient off by {error:.2f} of its length{extra.get(name, '')}",
        )


def _printed_checks(lab: Lab, cases: list[Case], derive: Derive) -> None:
    """The report's results for b1 and w1, in every reading of their missing class index."""
    readings = {f"class {c}": (set(FAULTS), c) for c in range(lab.settings.k)}
    readings["summed"] = (set(FAULTS) - {"class_sum"}, 0)
    for i, name in enumerate(("b1", "w1")):
        errors = {reading: _off(cases, derive, *how, i) for reading, how in readings.items()}
        best = min(errors, key=lambda reading: errors[reading])
        lab.metrics[f"printed_error_{name}"] = errors[best]
        lab.check(
            f"printed_{name}_is_off",
            f"-2 (y - f) sum_m w3_m w2_m{' x' if name == 'w1' else ''} is not dL/d{name}, L = "
            "(y - f)^2, however its missing class is read",
            errors[best] > EXACT_TOLERANCE,
            f"off autograd's gradient by {errors['summed']:.1f} of its length if summed over the "
            f"classes, by {errors[best]:.1f} in the best reading ({best})",
        )


def _our_checks(lab: Lab, cases: list[Case], derive: Derive) -> None:
    """The derivation against central differences, autograd, SymPy and an optimiser's step."""
    w, exact = lab.world, exact_derivation()
    for i, (name, left) in enumerate({"b1": "b1_i =", "w1": "w1_ij = x_j"}.items()):
        differences, automatic = [], []
        for net, x, y in cases:

            def objective(z: Array, case: Case = (net, x, y), name: str = name) -> float:
                return float(loss(w, case[0].replace(**{name: z}).copy(w), *case[1:]))

            ours = derive(net, x, y)[i]
            expected = central_difference(objective, getattr(net, name))
            differences.append(relative_error(ours, expected))
            automatic.append(relative_error(ours, autograd(net, x, y)[i]))
        lab.metrics[f"difference_error_{name}"] = max(differences)
        lab.metrics[f"autograd_error_{name}"] = max(automatic)
        lab.formula(
            f"{name}_derived",
            f"dJ/d{left} 1[a1_i > 0] sum_m w2_mi "
            "1[a2_m > 0] sum_k w3_km f_k ((f_k - y_k) - sum_l f_l (f_l - y_l))",
            exact,
            differences=max(differences),
            autograd=max(automatic),
        )
    net, x, y = cases[0]
    rate = lab.settings.learning_rate
    ours = net.w1 - rate * derive(net, x, y)[1]
    error = relative_error(ours, sgd_step(net, x, y, rate))
    before, after = (float(loss(world("numpy"), n, x, y)) for n in (net, net.replace(w1=ours)))
    lab.metrics |= {"loss_before": before, "loss_after": after}
    lab.check(
        "w1_update",
        "the update w1_ij <- w1_ij - eta dJ/dw1_ij with this gradient",
        error <= EXACT_TOLERANCE,
        f"eta = {rate:g}: relative error {error:.1e} against a step of torch.optim.SGD; J goes "
        f"from {before:.6f} to {after:.6f}",
    )


FIGURES = Figures()
BARS = {
    "as printed": "as printed",
    "softmax_slope": "+ softmax's\nJacobian",
    "class_sum": "+ sum over\nclasses",
    "relu_gates": "+ ReLU\ngates",
}


@FIGURES.add("update", 1, 2, width=4.8, height=3.8)
def draw_update(plots: Any, left: Any, right: Any) -> None:
    """Entry by entry against autograd, and the error as the report's faults are mended."""
    from hw.figures.style import COLOURS

    known = plots["update"]
    left.axline((0, 0), slope=1, color="0.6", lw=1)
    for name, marker, size, colour, label in (
        ("printed", "X", 6, COLOURS[1], "the report's, halved for J = L/2, summed over classes"),
        ("ours", "o", 5, COLOURS[0], "derived here"),
    ):
        entries = known["autograd"], known[name]
        left.plot(*entries, marker, ms=size, color=colour, ls="none", label=label)
    left.set_xlabel(r"$\partial J/\partial w^{[1]}_{ij}$ by autograd")
    left.set_ylabel(r"$\partial J/\partial w^{[1]}_{ij}$ by formula")
    left.legend(fontsize=8, loc="best")
    names, errors = zip(*known["ladder"], strict=True)
    colours = [COLOURS[1]] * (len(errors) - 1) + [COLOURS[0]]
    bars = right.bar(range(len(errors)), errors, color=colours, width=0.6)
    right.bar_label(bars, [f"{e:.1f}" if e > 1e-6 else "0" for e in errors], fontsize=8)
    right.set_xticks(range(len(errors)), [BARS[name] for name in names], fontsize=7.5)
    right.set_ylabel("error, in lengths of the true gradient")
    right.set_title("faults mended one after another", fontsize=10)
    right.grid(False, axis="x")
