"""Parts (e) and (f) of backpropagation: the empirical risk, and a step down its gradient.

Source: IFT-6390, Homework 3, theoretical part, question 2(e), 2(f) and the first display of 2(g).

The report writes the risk out line by line, and loses an index in two of them; both lines are
computed as printed, beside the risk itself. Conventions are those of `backprop`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hw.questions.derivations.ift6390._leaky_relu_network import (
    Network,
    by_differences,
    forward,
    gradients,
    in_one_row,
    leaky_relu,
    risk,
    risk_gradients,
)
from hw.questions.derivations.lab.calculus import ROUNDING
from hw.questions.derivations.lab.lab import Lab
from hw.questions.derivations.lab.statements import (
    DIFFERENCE_TOLERANCE,
    Array,
    numbers,
    relative_error,
    vanishes,
)

Row = tuple[str, str, bool, str]  # name, statement, whether it holds, evidence


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
    score: Array = net.b2[y] + net.W2[y] * inner
    return score


def module_shapes(d: int, d_h: int, m: int) -> list[tuple[int, ...]]:
    """The shapes of all parameters of the network as PyTorch's modules have it."""
    from torch import nn

    layers = (nn.Linear(d, d_h, device="meta"), nn.LeakyReLU(), nn.Linear(d_h, m, device="meta"))
    return [tuple(parameter.shape) for parameter in nn.Sequential(*layers).parameters()]


def risk_rows(lab: Lab, net: Network, X: Array, Y: Array) -> Iterator[Row]:
    """(e): the empirical risk, what is printed for it, and the parameters."""
    import sympy as sp

    d, d_h, m = lab.settings.d, lab.settings.d_h, lab.settings.m
    true = float(np.mean([-np.log(forward(net, x).o_s[y]) for x, y in zip(X, Y, strict=True)]))
    written, printed = risk(net, X, Y), risk_as_printed_in_line_3(net, X, Y)
    lab.metrics |= {"risk": true, "risk_as_printed": printed}
    yield (
        "e_risk_with_index_j",
        "R = -1/n sum_i log o^s_y = -1/n sum_i [o^a_y - log sum_j exp(o^a_j)]",
        abs(written - true) <= ROUNDING * max(1.0, true),
        f"{written:.6f}, the mean of -log o^s_y is {true:.6f}",
    )
    score = sp.Symbol("o_y", real=True)
    constant = vanishes(sp.expand_log(sp.log(m * sp.exp(score)), force=True) - score - sp.log(m))
    yield (
        "e_risk_with_index_y",
        "the same with b_y + W_y h^s for o^a_j inside the sum over j, as the third line prints it",
        abs(printed - true) <= ROUNDING * max(1.0, true),
        f"{printed:.6f} against {true:.6f}; "
        + (f"SymPy: it is log {m} = {math.log(m):.6f} whatever the parameters" if constant else ""),
    )
    score_4 = score_as_printed_in_line_4(net, X[0], int(Y[0]))
    right = forward(net, X[0]).o_a[Y[0]]
    found = "no row y of W1" if score_4 is None else f"shape {np.shape(score_4)}"
    yield (
        "e_first_layer_with_index_y",
        "o^a_y = b2_y + W2_y LeakyReLU(b1_y + W1_y x), row y of the first layer, as the last line "
        "prints it",
        bool(score_4 is not None and np.shape(score_4) == () and np.isclose(score_4, right)),
        f"{found} where o^a_y is one number, {right:.4f}: the rows of W1 are the {d_h} "
        f"hidden units, not the {m} classes",
    )
    claimed, shapes = [(d_h, d), (d_h,), (m, d_h), (m,)], module_shapes(d, d_h, m)
    yield (
        "e_parameter_set",
        "theta is W1 (d_h x d), b1 (d_h), W2 (m x d_h), b2 (m), and nothing else",
        [value.shape for _, value in net.items()] == claimed == shapes,
        f"the parameters of PyTorch's modules have the shapes {', '.join(map(str, shapes))}",
    )
    counted = sum(value.size for _, value in net.items())
    formula = d_h * (d + 1) + m * (d_h + 1)
    lab.metrics["parameters"] = counted
    yield (
        "e_parameter_count",
        "n_theta = d_h (d + 1) + m (d_h + 1)",
        counted == formula,
        f"d = {d}, d_h = {d_h}, m = {m}: {counted} entries in the four arrays, {formula} by the "
        "formula",
    )


def update_rows(lab: Lab, net: Network, X: Array, Y: Array) -> Iterator[Row]:
    """(f) and the first display of (g): the step of gradient descent, and what it divides by."""
    n, size, rate = lab.settings.n, lab.settings.batch_size, lab.settings.learning_rate
    each = [
        in_one_row(gradients(net, x, int(y), lab.world.name)) for x, y in zip(X, Y, strict=True)
    ]
    numeric = in_one_row(by_differences(net, lambda changed: risk(changed, X, Y)))
    error = relative_error(np.mean(each, axis=0), numeric)
    yield (
        "g_risk_gradient_is_a_mean",
        "the gradient of R is the mean over the examples of the gradients of L",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against central differences of R, {len(numeric)} parameters",
    )
    error = relative_error(-rate * np.sum(each, axis=0) / n, -rate * numeric)
    yield (
        "f_step_on_the_whole_set",
        "theta - eta (1/n) times the sum of the gradients of -log o^s_y over all n examples "
        "(batch_size = n) is a step of gradient descent on R",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against the step by central differences of R",
    )
    error = relative_error(-rate * n * each[0] / n, -rate * numeric)
    yield (
        "f_summand_without_index",
        "the same sum over i of terms log o^s_y(x) that do not carry i, as they are printed",
        error <= DIFFERENCE_TOLERANCE,
        f"terms without i are all alike: n times that of the first example gives a step with a "
        f"relative error of {error:.1e}",
    )
    batch = by_differences(net, lambda changed: risk(changed, X[:size], Y[:size]))
    right = -rate * in_one_row(batch)
    total = np.sum(each[:size], axis=0)
    by_n, by_size = -rate * total / n, -rate * total / size
    ratio = float(np.linalg.norm(by_n) / np.linalg.norm(right))
    lab.metrics["printed_step_ratio"] = ratio
    error = relative_error(by_size, right)
    yield (
        "f_batch_sum_over_batch_size",
        "a step on a batch divides the batch's sum by the batch's size (n, if the batch is all)",
        error <= DIFFERENCE_TOLERANCE,
        f"relative error {error:.1e} against the step on the batch's risk by central differences; "
        f"divided by n = {n}, the step of a batch of {size} would be {ratio:.4f} of it",
    )


def risk_curves(net: Network, X: Array, Y: Array, settings: Any) -> dict[str, Any]:
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


def draw_risk(plots: Any, left: Any, right: Any) -> None:
    """(e) and (f): the risk as it is and as printed; the step divided by two numbers."""
    from hw.figures.style import COLOURS

    known = plots["risk"]
    left.plot(known["true"], label=r"$\hat{R}$, index $j$ in the sum")
    left.plot(known["printed"], "--", label=r"as printed, index $y$: $\log m$")
    left.set_ylim(bottom=0)
    left.set(xlabel="steps of gradient descent", ylabel=r"empirical risk $\hat{R}$", title="(e)")
    left.legend()
    sizes = known["batch_size"]
    right.plot(sizes, [1.0] * len(sizes), label="divided by the batch's size")
    right.plot(sizes, known["ratio"], "--", marker="o", ms=3, label="divided by $n$")
    right.plot(known["marked"], known["measured"], "D", color=COLOURS[6], ms=6, label="measured")
    right.set(ylim=(0, 1.3), title="(f)")
    right.set(xlabel="batch size", ylabel="step / gradient step on the batch")
    right.legend(loc="lower right")
