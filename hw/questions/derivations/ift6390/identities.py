"""Identities and derivatives of the functions that networks are made of.

Source: IFT-6390, Homework 3, theoretical part, question 1, parts (a) to (l).

Each part is one statement in `SIDES`, left and right, which is read in three worlds. SymPy must
simplify the difference to 0 (functions with a kink: on x > 0, on x < 0 and at x = 0, where they
have a value there). Beside it stands the largest gap in float64: NumPy takes derivatives by
central differences, PyTorch by autograd.

Conventions: x a number; **x**, **s** = S(**x**), **g** = dL/d**y** vectors of n entries; a
Jacobian has the entry dy_i/dx_j in row i and column j. At their kinks abs' and rect' are 0, as
the handout allows.

Deviations: none. (l) is answered for the sigmoid too, where the report answers softmax only. Its
cost is counted exactly, by numbers that count what is done with them; the times that are measured
beside it are drawn and nothing else.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.nn.activations import sigmoid
from hw.nn.losses import softmax
from hw.questions.derivations.ift6390._linear_products import (
    NUMPY_PRODUCTS,
    count_operations,
    draw_vjp_cost,
    matrix_product,
    sigmoid_product,
    sigmoid_vjp,
    softmax_jacobian,
    softmax_product,
    softmax_vjp,
    timings,
)
from hw.questions.derivations.lab.lab import Figures, as_numpy
from hw.questions.derivations.lab.statements import (
    STEP,
    Array,
    central_difference,
    largest_gap,
    log_slope,
    numbers,
    vanishes,
)
from hw.results.outcome import Outcome

# Both sides of a part agree to a few units in the last place of numbers up to 30 (closed forms,
# autograd), or to what central differences of step 1e-5 can tell.
CLOSED_TOLERANCE = 1e-12
SLOPE_TOLERANCE = 1e-8
SYMBOLIC_N = 3  # the length of SymPy's vectors: the smallest with two "other" entries


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of the random points", low=0)
    n_points: int = setting(200, "random points of each numeric check", low=1, high=100_000)
    radius: float = setting(8.0, "the points lie in [-radius, radius]", above=0.01, high=30)
    n: int = setting(5, "length of the random vectors", low=2, high=64)
    counted_sizes: tuple[int, ...] = setting(
        (8, 16, 32, 64, 128), "vector lengths n at which operations are counted", low=2, high=512
    )
    product_sizes: tuple[int, ...] = setting(
        (128, 256, 512, 1024, 2048),
        "vector lengths n at which the product with the whole Jacobian is timed",
        low=2,
        high=8192,
    )
    linear_sizes: tuple[int, ...] = setting(
        tuple(2**k for k in range(6, 21, 2)),
        "vector lengths n at which the O(n) product is timed",
        low=2,
        high=2**24,
    )
    repeats: int = setting(5, "timings of which the shortest counts", low=1, high=1000)


# The functions, in NumPy ----------------------------------------------------------------------


def softplus(x: Array) -> Array:
    """ln(1 + exp(x)), without overflow."""
    return np.logaddexp(0, x)


def positive(x: Array) -> Array:
    """The indicator 1_{x > 0}."""
    return (x > 0).astype(float)


def negative(x: Array) -> Array:
    """The indicator 1_{x < 0}."""
    return (x < 0).astype(float)


def rectifier(x: Array) -> Array:
    """max(0, x)."""
    return np.maximum(0, x)


# Both sides of every part -----------------------------------------------------------------------

# Of a world: points `real` (any number), `x` (off 0), `all` (0 among them), vectors `v`, `off` (no
# entry 0) and `g`, s = S(v) and y = sigma(v); functions; and derivatives found without a formula.
SIDES: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "a": lambda w: (w.sigmoid(w.real), (w.tanh(w.real / 2) + 1) / 2),
    "a_misprint": lambda w: (w.sigmoid(w.real), w.tanh(w.real / 2 + 1) / 2),
    "b": lambda w: (w.log_sigmoid(w.real), -w.softplus(-w.real)),
    "c": lambda w: (w.slope(w.sigmoid, w.real), w.sigmoid(w.real) * (1 - w.sigmoid(w.real))),
    "d": lambda w: (w.slope(w.tanh, w.real), 1 - w.other_tanh(w.real) ** 2),
    "e": lambda w: (w.sign(w.all), w.positive(w.all) - w.negative(w.all)),
    "f": lambda w: (w.slope(w.abs, w.x), w.sign(w.x)),
    "g": lambda w: (w.slope(w.rectifier, w.x), w.positive(w.x)),
    "rect_as_indicator": lambda w: (w.rectifier(w.all), w.positive(w.all)),
    "rect_as_product": lambda w: (w.rectifier(w.all), w.all * w.positive(w.all)),
    "h": lambda w: (w.gradient(lambda z: z @ z, w.v), 2 * w.v),
    "i": lambda w: (w.gradient(lambda z: w.abs(z).sum(), w.off), w.sign(w.off)),
    "j": lambda w: (
        w.jacobian(w.softmax),
        w.s[:, None] * w.eye - w.s[:, None] * w.s[None, :],
    ),
    "k": lambda w: (w.jacobian(w.softmax), w.softmax_jacobian(w.s)),
    "l_softmax": lambda w: (softmax_vjp(w.s, w.g), w.pulled_back("softmax")),
    "l_sigmoid": lambda w: (sigmoid_vjp(w.y, w.g), w.pulled_back("sigmoid")),
    "l_softmax_for_sigmoid": lambda w: (softmax_vjp(w.y, w.g), w.pulled_back("sigmoid")),
}


def sympy_world() -> SimpleNamespace:
    """Symbols in arrays of objects, functions as the handout defines them, SymPy's derivatives."""
    import sympy as sp

    def symbols(name: str, **assumptions: bool) -> Array:
        return np.array(sp.symbols(f"{name}1:{SYMBOLIC_N + 1}", **assumptions), object)

    def elementwise(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        apply: Callable[[Any], Any] = np.frompyfunc(f, 1, 1)
        return apply

    def sigma(z: Any) -> Any:
        return 1 / (1 + exp(-z))

    def tanh(z: Any) -> Any:
        return (exp(z) - exp(-z)) / (exp(z) + exp(-z))

    def jacobian(f: Callable[[Any], Any]) -> Array:
        return np.array([[sp.diff(value, z) for z in v] for value in f(v)], object)

    exp, log = elementwise(sp.exp), elementwise(sp.log)
    v, g = symbols("x", real=True), symbols("g", real=True)
    off = np.array([sp.Symbol("p", positive=True), sp.Symbol("q", negative=True)], object)
    functions = {"softmax": lambda z: exp(z) / exp(z).sum(), "sigmoid": sigma}
    return SimpleNamespace(
        **functions,
        real=np.array([sp.Symbol("x", real=True)], object),
        x=off,
        all=np.array([*off, sp.S.Zero], object),
        v=v,
        off=np.array([*symbols("p", positive=True), *symbols("q", negative=True)], object),
        g=g,
        s=functions["softmax"](v),
        y=sigma(v),
        eye=np.eye(SYMBOLIC_N, dtype=int),
        tanh=tanh,
        other_tanh=tanh,
        log_sigmoid=lambda z: log(sigma(z)),
        softplus=lambda z: log(1 + exp(z)),
        sign=elementwise(sp.sign),
        abs=elementwise(sp.Abs),
        positive=elementwise(lambda z: sp.Piecewise((1, z > 0), (0, True))),
        negative=elementwise(lambda z: sp.Piecewise((1, z < 0), (0, True))),
        rectifier=elementwise(lambda z: sp.Max(0, z)),
        softmax_jacobian=softmax_jacobian,  # the code under test runs on symbols
        slope=lambda f, at: np.array([sp.diff(f(z), z) for z in at], object),
        gradient=lambda f, at: np.array([sp.diff(f(at), z) for z in at], object),
        jacobian=jacobian,
        pulled_back=lambda name: jacobian(functions[name]).T @ g,
    )


def points(settings: Settings) -> tuple[Array, Array, Array]:
    """x (n_points,) and **x** (n,), both off the kink at 0, and **g** (n,)."""
    rng = np.random.default_rng(settings.seed)
    # 1e-3 is 100 steps of the central differences away from the kink.
    x = rng.uniform(1e-3, settings.radius, settings.n_points)
    x *= rng.choice((-1.0, 1.0), settings.n_points)
    v = rng.uniform(0.01, 2, settings.n) * rng.choice((-1.0, 1.0), settings.n)
    return x, v, rng.normal(size=settings.n)


def numbers_world(
    x: Any, with_zero: Any, v: Any, g: Any, functions: dict[str, Any], **others: Any
) -> SimpleNamespace:
    """A world of numbers, arrays or tensors: x and v serve as real numbers and off 0 alike."""
    s, y = functions["softmax"](v), functions["sigmoid"](v)
    places = {"real": x, "x": x, "all": with_zero, "v": v, "off": v, "g": g, "s": s, "y": y}
    return SimpleNamespace(**places, **functions, **others)


def numpy_world(x: Array, v: Array, g: Array) -> SimpleNamespace:
    """Arrays; derivatives by central differences, products with the whole Jacobian."""

    def jacobian(f: Callable[[Array], Array]) -> Array:
        def entry(i: int, at: Array) -> float:
            return float(f(at)[i])

        return np.array([central_difference(partial(entry, i), v) for i in range(len(v))])

    def pulled_back(name: str) -> Array:
        if name == "softmax":
            return softmax_product(softmax(v), g)
        return sigmoid_product(sigmoid(v), g)

    return numbers_world(
        x,
        np.append(x, 0.0),
        v,
        g,
        {"softmax": softmax, "sigmoid": sigmoid},
        eye=np.eye(len(v)),
        # As the handout defines it, an independent route to np.tanh.
        tanh=lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
        other_tanh=np.tanh,
        log_sigmoid=lambda z: np.log(sigmoid(z)),
        softplus=softplus,
        sign=np.sign,
        abs=np.abs,
        positive=positive,
        negative=negative,
        rectifier=rectifier,
        softmax_jacobian=softmax_jacobian,
        slope=lambda f, at: (f(at + STEP) - f(at - STEP)) / (2 * STEP),
        gradient=lambda f, at: central_difference(lambda z: float(f(z)), at),
        jacobian=jacobian,
        pulled_back=pulled_back,
    )


def torch_world(x_: Array, v_: Array, g_: Array) -> SimpleNamespace:
    """Tensors and PyTorch's own functions; derivatives by autograd."""
    import torch
    from torch.nn import functional

    x, v, g = (torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in (x_, v_, g_))
    zero = torch.zeros((), dtype=torch.float64)
    jacobian: Callable[..., Any] = torch.autograd.functional.jacobian
    functions = {"softmax": lambda z: torch.softmax(z, 0), "sigmoid": torch.sigmoid}
    return numbers_world(
        x,
        torch.cat([x.detach(), zero[None]]),
        v,
        g,
        functions,
        eye=torch.eye(len(v), dtype=torch.float64),
        tanh=torch.tanh,
        other_tanh=torch.tanh,
        log_sigmoid=functional.logsigmoid,
        softplus=lambda z: functional.softplus(z, threshold=100),
        sign=torch.sign,
        abs=torch.abs,
        positive=lambda z: torch.heaviside(z.detach(), zero),
        negative=lambda z: torch.heaviside(-z.detach(), zero),
        rectifier=functional.relu,
        softmax_jacobian=lambda s: torch.diag(s) - torch.outer(s, s),
        slope=lambda f, at: torch.autograd.grad(f(at).sum(), at)[0],
        gradient=lambda f, at: torch.autograd.grad(f(at), at)[0],
        jacobian=lambda f: jacobian(f, v),
        # What autograd itself makes of J^T g.
        pulled_back=lambda name: torch.autograd.grad(functions[name](v), v, g.detach())[0],
    )


def residuals_in(world: SimpleNamespace) -> dict[str, float]:
    """The largest gap between both sides of each part, of numbers."""
    return {part: largest_gap(*map(as_numpy, sides(world))) for part, sides in SIDES.items()}


# The question -----------------------------------------------------------------------------------

STATEMENTS = {  # check: (part, statement)
    "a_sigmoid_by_tanh": ("a", "sigma(x) = (tanh(x/2) + 1) / 2"),
    "a_one_inside_tanh": ("a_misprint", "sigma(x) = tanh(x/2 + 1) / 2"),
    "b_log_sigmoid": ("b", "ln sigma(x) = -softplus(-x)"),
    "c_sigmoid_derivative": ("c", "sigma' = sigma (1 - sigma)"),
    "d_tanh_derivative": ("d", "tanh' = 1 - tanh^2"),
    "e_sign_by_indicators": ("e", "sign(x) = 1_{x>0} - 1_{x<0}"),
    "f_abs_derivative": ("f", "the derivative of |x| is sign(x), away from 0"),
    "g_rectifier_derivative": ("g", "the derivative of rect(x) is 1_{x>0}, away from 0"),
    "rectifier_is_x_times_indicator": (
        "rect_as_product",
        "rect(x) = max(0, x) = 1_{x>0}(x), read as the product of 1_{x>0} and x",
    ),
    "h_squared_norm_gradient": ("h", "the gradient of the squared L2 norm is 2x"),
    "i_l1_norm_gradient": ("i", "the gradient of the L1 norm is sign(x), where no entry is 0"),
    "j_softmax_partials": ("j", "dS_i/dx_j = S_i 1_{i=j} - S_i S_j"),
    "k_softmax_jacobian": ("k", "the Jacobian of softmax is diag(S) - S S^T"),
}
ONE, TWO = np.ones(1), np.full(1, 2.0)
EXAMPLES = {  # what evidence adds to a part
    "a_misprint": lambda: f"; at x = 0: {float(sigmoid(0 * ONE)[0])} against {np.tanh(1) / 2:.4f}",
    "rect_as_product": lambda: (
        f"; as the value of the indicator 1_{{x>0}} at x the right side would be "
        f"{float(positive(TWO)[0])} at x = 2, where rect is {float(rectifier(TWO)[0])}"
    ),
}
BY_SLOPE = {"c", "d", "f", "g", "h", "i", "j", "k"}  # parts with a derivative in them


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every part as a check, its numeric residual as a metric. ``data`` is not used."""
    for key in ("counted_sizes", "product_sizes", "linear_sizes"):
        if len(set(getattr(settings, key))) < 2:
            raise UsageError(f"{key}: a growth over n needs two lengths or more")
    outcome = Outcome()
    symbols = sympy_world()
    exact = {part: vanishes(operator.sub(*sides(symbols))) for part, sides in SIDES.items()}
    numeric = torch_world if backend == "torch" else numpy_world
    residuals = residuals_in(numeric(*points(settings)))
    outcome.metrics |= {f"residual_{part}": value for part, value in residuals.items()}

    def agree(part: str) -> bool:
        by_difference = backend == "numpy" and part in BY_SLOPE
        return residuals[part] <= (SLOPE_TOLERANCE if by_difference else CLOSED_TOLERANCE)

    def evidence(part: str) -> str:
        found = "is 0" if exact[part] else "is not 0"
        return f"SymPy: the difference {found}; {backend}: largest gap {residuals[part]:.1e}"

    for name, (part, statement) in STATEMENTS.items():
        shown = evidence(part) + EXAMPLES.get(part, lambda: "")()
        outcome.check(name, statement, exact[part] and agree(part), shown)
    _vjp_checks(outcome, settings, exact, residuals, evidence, agree)
    outcome.plots["functions"] = function_curves()
    outcome.timing = timings(settings, backend)
    return outcome


def _vjp_checks(
    outcome: Outcome,
    settings: Settings,
    exact: Mapping[str, bool],
    residuals: Mapping[str, float],
    evidence: Callable[[str], str],
    agree: Callable[[str], bool],
) -> None:
    """(l): equal to the whole product, at a cost that grows like n."""
    sizes = sorted(set(settings.counted_sizes))
    counts = {
        name: [count_operations(product, n) for n in sizes]
        for name, product in NUMPY_PRODUCTS.items()
    }
    slopes = {name: log_slope(sizes, operations) for name, operations in counts.items()}
    outcome.metrics |= {f"operations_slope_{name}": slope for name, slope in slopes.items()}
    outcome.plots["operations"] = {"n": sizes, "counts": counts, "slopes": slopes}
    for name in ("softmax", "sigmoid"):
        linear, full = counts[f"{name}_linear"], counts[f"{name}_full"]
        # Exactly affine in n: equal steps of n cost equal steps of operations.
        per_entry = {
            (b - a) / (m - n)
            for (n, a), (m, b) in itertools.pairwise(zip(sizes, linear, strict=True))
        }
        part = f"l_{name}"
        outcome.check(
            f"l_{name}_in_linear_time",
            f"for y = {'S(x)' if name == 'softmax' else 'sigma(x)'} the product of the "
            "transposed Jacobian with a vector needs O(n) operations",
            exact[part] and agree(part) and len(per_entry) == 1,
            f"{evidence(part)}; operations at n = {sizes[-1]}: {linear[-1]} against {full[-1]}, "
            f"slopes over n {slopes[f'{name}_linear']:.2f} and {slopes[f'{name}_full']:.2f}",
        )
    general = [count_operations(matrix_product, n) for n in sizes]
    outcome.check(
        "l_general_product_is_quadratic",
        "for a general f the product of the transposed Jacobian with a vector takes O(n^2) time",
        general == [2 * n**2 - n for n in sizes],
        f"operations at n = {', '.join(map(str, sizes))}: {', '.join(map(str, general))}, "
        "which is n (2n - 1): n inner products of n entries",
    )
    part = "l_softmax_for_sigmoid"
    outcome.check(
        "l_sigmoid_needs_its_own_product",
        "softmax's product does not serve for y = sigma(x)",
        not (exact[part] or agree(part)),
        f"with sigma's y in softmax's product: {evidence(part)}; sigma's own Jacobian is "
        "diagonal, the product y (1 - y) g",
    )


# Figures ----------------------------------------------------------------------------------------


def function_curves(half: int = 120, radius: float = 5.0) -> dict[str, Any]:
    """The functions of the handout with their derivatives, on a grid that leaves out 0."""
    x = np.linspace(-radius, radius, 2 * half)  # an even number: no point at the kinks
    zeros = np.zeros_like(x)
    s = softmax(np.stack([x, zeros, zeros + 1], axis=1))  # S of (x, 0, 1)
    one = np.array([1.0, 0.0, 0.0])
    curves = {
        "sigmoid": (sigmoid(x), sigmoid(x) * (1 - sigmoid(x))),
        "tanh": (np.tanh(x), 1 - np.tanh(x) ** 2),
        "softplus": (softplus(x), sigmoid(x)),
        "sign": (np.sign(x), zeros),
        "indicator": (positive(x), zeros),
        "rectifier": (rectifier(x), positive(x)),
        "abs": (np.abs(x), np.sign(x)),
    }
    return {
        "x": numbers(x),
        "curves": {
            name: {"value": numbers(value), "derivative": numbers(slope)}
            for name, (value, slope) in curves.items()
        },
        "softmax": {
            "value": [numbers(s[:, i]) for i in range(3)],
            "derivative": [numbers(s[:, i] * (one[i] - s[:, 0])) for i in range(3)],
        },
    }


TITLES = {
    "sigmoid": "sigmoid",
    "tanh": "hyperbolic tangent",
    "softplus": "softplus",
    "sign": "sign",
    "indicator": r"indicator $1_{x>0}$",
    "rectifier": "rectifier",
    "abs": "absolute value",
}
BROKEN = ("sign", "indicator", "rectifier", "abs")  # they, or their derivatives, jump at 0


FIGURES = Figures()


@FIGURES.add("functions", rows=2, columns=4, width=3.1, height=2.7)
def draw_functions(plots: Any, *panels: Any) -> None:
    """One panel a function: the function solid, its derivative dashed."""
    from hw.figures.style import COLOURS

    known = plots["functions"]
    x = np.array(known["x"])
    for ax, (name, curve) in zip(panels, known["curves"].items(), strict=False):
        for key, style, colour in (("value", "-", COLOURS[0]), ("derivative", "--", COLOURS[1])):
            sides = (x < 0, x > 0) if name in BROKEN else (np.full(x.shape, True),)
            for nth, side in enumerate(sides):
                ax.plot(
                    x[side],
                    np.array(curve[key])[side],
                    style,
                    color=colour,
                    label=("function" if key == "value" else "derivative") if not nth else None,
                )
        if name in ("sign", "indicator"):
            ax.plot(0, 0, "o", color=COLOURS[0], ms=4)  # the value at the jump
        ax.set_title(TITLES[name])
    ax = panels[7]
    for i, colour in enumerate((COLOURS[0], COLOURS[2], COLOURS[3])):
        ax.plot(x, known["softmax"]["value"][i], color=colour, label=f"$S_{i + 1}$")
        ax.plot(x, known["softmax"]["derivative"][i], "--", color=colour)
    ax.set_title("softmax of $(x, 0, 1)$")
    ax.set_ylim(top=1.3)
    ax.legend(loc="upper center", ncols=3, fontsize=8, handlelength=1.2, columnspacing=1)
    panels[0].legend(loc="upper left", fontsize=8)
    for ax in panels:
        ax.set_xlabel("$x$")
    for ax in panels[::4]:
        ax.set_ylabel("value")


FIGURES["vjp_cost"] = draw_vjp_cost  # of one panel or two, and of times, which are no plot data
