"""Part (l) of the identities: products with a Jacobian in linear time, and what they cost.

Source: IFT-6390, Homework 3, theoretical part, question 1(l).

The cost is counted exactly, by numbers that count what is done with them; the times that are
measured beside it are drawn and nothing else. Conventions are those of `identities`.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.nn.losses import softmax
from hw.questions.derivations.lab.statements import Array, log_slope, numbers, sole, titled
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def softmax_jacobian(s: Array) -> Array:
    """diag(s) - s s^T, (n, n), of s = S(x) (n,)."""
    jacobian: Array = np.diag(s) - np.outer(s, s)
    return jacobian


def sigmoid_jacobian(y: Array) -> Array:
    """diag(y (1 - y)), (n, n), of y = sigma(x) (n,)."""
    return np.diag(y * (1 - y))


# (l) The product (dy/dx)^T g of n entries without the n^2 of the Jacobian. Operators only, so that
# the same lines serve arrays, tensors, SymPy's symbols and the numbers that count.


def sigmoid_vjp(y: Any, g: Any) -> Any:
    """y (1 - y) g, entry by entry: the Jacobian is diagonal. y, g: (n,) -> (n,)."""
    return y * (1 - y) * g


def softmax_vjp(s: Any, g: Any) -> Any:
    """s (g - s^T g): one inner product, then entry by entry. s, g: (n,) -> (n,)."""
    return s * (g - s @ g)


def sigmoid_product(y: Array, g: Array) -> Array:
    """The same with the whole Jacobian, n^2 entries."""
    return sigmoid_jacobian(y).T @ g


def softmax_product(s: Array, g: Array) -> Array:
    """The same with the whole Jacobian, n^2 entries."""
    return softmax_jacobian(s).T @ g


def matrix_product(y: Array, g: Array) -> Array:
    """A product with any matrix, here one that has y in each column: (n, n) times (n,)."""
    return np.tile(y, (len(y), 1)).T @ g


NUMPY_PRODUCTS = {
    "sigmoid_linear": sigmoid_vjp,
    "softmax_linear": softmax_vjp,
    "sigmoid_full": sigmoid_product,
    "softmax_full": softmax_product,
}


class Counted:
    """A number that adds every +, - and * made with it to a shared tally."""

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: list[int]) -> None:
        self.value, self.tally = value, tally

    def _do(self, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Counted:
        self.tally[0] += 1
        left, right = (getattr(z, "value", z) for z in (left, right))
        return Counted(operation(left, right), self.tally)

    def __add__(self, other: Any) -> Counted:
        return self._do(operator.add, self, other)

    def __sub__(self, other: Any) -> Counted:
        return self._do(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Counted:
        return self._do(operator.sub, other, self)

    def __mul__(self, other: Any) -> Counted:
        return self._do(operator.mul, self, other)

    __radd__, __rmul__ = __add__, __mul__


def count_operations(product: Callable[[Any, Any], Any], n: int) -> int:
    """How many additions, subtractions and multiplications ``product`` makes for n entries."""
    tally = [0]
    y, g = (np.array([Counted(0.5, tally) for _ in range(n)], object) for _ in range(2))
    product(y, g)
    return tally[0]


def seconds(product: Callable[[Any, Any], Any], y: Any, g: Any, repeats: int) -> float:
    """The shortest of ``repeats`` timings of ``product(y, g)``."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        product(y, g)
        best = min(best, time.perf_counter() - start)
    return best


def timings(settings: Any, backend: str) -> dict[str, dict[str, Any]]:
    """By product: n, seconds, and the slope over the larger half of the sizes on log-log axes.

    The smaller sizes measure the cost of a call, not of its arithmetic. The whole Jacobian
    (softmax's; any other of its size costs the same) is ready before the clock starts.
    """
    prepare: Callable[[Array], Any] = np.asarray
    if backend == "torch":
        import torch

        prepare = torch.from_numpy
    rng = np.random.default_rng(settings.seed)
    products: dict[str, tuple[tuple[int, ...], Callable[[Any, Any], Any]]] = {
        "sigmoid_linear": (settings.linear_sizes, sigmoid_vjp),
        "softmax_linear": (settings.linear_sizes, softmax_vjp),
        "full": (settings.product_sizes, lambda jacobian, g: jacobian.T @ g),
    }
    found = {}
    for name, (lengths, product) in products.items():
        sizes = sorted(set(lengths))
        times = []
        for n in sizes:
            s, g = softmax(rng.normal(size=n)), prepare(rng.normal(size=n))
            first = prepare(softmax_jacobian(s) if name == "full" else s)
            times.append(seconds(product, first, g, settings.repeats))
        upper = slice(min(len(sizes) // 2, len(sizes) - 2), None)
        slope = log_slope(sizes[upper], times[upper])
        found[name] = {"n": sizes, "seconds": numbers(times), "slope": slope}
    return found


def draw_vjp_cost(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Operations and, where they were measured, seconds over n, on logarithmic axes."""
    from hw.figures.style import COLOURS, new_figure

    outcome = sole(outcomes)
    operations, timing = outcome.plots["operations"], outcome.timing
    looks = {
        "sigmoid_linear": (COLOURS[5], "o", "sigmoid, $y(1-y)g$"),
        "softmax_linear": (COLOURS[0], "s", r"softmax, $s(g-s^\top g)$"),
        "sigmoid_full": (COLOURS[4], "^", "sigmoid, whole Jacobian"),
        "softmax_full": (COLOURS[1], "v", "softmax, whole Jacobian"),
        "full": (COLOURS[1], "v", "product with the whole Jacobian"),
    }
    figure, axes = new_figure(1, 2 if timing else 1)
    panels = [
        (
            axes[0][0],
            {
                name: (operations["n"], counts, operations["slopes"][name])
                for name, counts in operations["counts"].items()
            },
        ),
    ]
    axes[0][0].set_title("additions and multiplications, counted")
    axes[0][0].set_ylabel("operations")
    if timing:
        panels.append(
            (
                axes[0][1],
                {
                    name: (known["n"], known["seconds"], known["slope"])
                    for name, known in timing.items()
                },
            )
        )
        axes[0][1].set_title("time, measured (slopes: larger half of $n$)")
        axes[0][1].set_ylabel("seconds")
    for ax, lines in panels:
        for name, (n, cost, slope) in lines.items():
            colour, marker, text = looks[name]
            ax.plot(n, cost, marker=marker, ms=5, color=colour, label=f"{text}: slope {slope:.2f}")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xlabel("vector length $n$")
        low, high = ax.get_ylim()
        ax.set_ylim(low, high * (high / low) ** 0.35)  # room for the legend
        ax.legend(fontsize=8, loc="upper left")
    return titled(figure, spec)
