"""Per-example stochastic gradient descent, one epoch at a time, at the speed of matrix products.

Source: the update rules of the assignments (IST 2021-22, 2023-24, 2024-25, Homework 1): one
update per example, in the order given, biases a last column of ones in the linear models.

Conventions: N examples, D features, H hidden units, K classes, B examples of a block; ``order``
holds the rows of the features in the order in which they are seen, repeats allowed. Weights are
float64 and are updated in place. A linear model's W is (K, D+1), its last column the bias, or
(K, D) without one.

The block method (docs/sequential-sgd.md derives it). Example t of a block sees the weights left
by the examples before it, W_t = a^t W_0 - η Σ_{s<t} a^(t-1-s) δ_s x_sᵀ, with a = 1 - η λ. So its
pre-activations are

    z_t = a^t W_0 x_t - η Σ_{s<t} a^(t-1-s) (x_s·x_t) δ_s

and cost one matrix product for the block, one Gram matrix, and a loop over small vectors; one
more product brings W up to date. The same updates in the same order: only rounding differs from
the plain loop.

Deviations from the handouts: none in exact arithmetic. Where training leaves the finite numbers,
every function raises `Diverged`; what the weights hold is then undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Features
from hw.nn.activations import activation as activation_named
from hw.nn.errors import Diverged

Array = NDArray[Any]

# head(z, target, step) -> loss: from the pre-activations z (H,) of one example to its loss and,
# written to step (H,), η times the gradient of that loss in z. A head that has weights of its
# own updates them, after it has used the old ones. It may overwrite z.
Head = Callable[[Array, Any, Array], float]


def logistic_epoch(
    W: Array,
    features: Features,
    labels: Array,
    order: Array,
    learning_rate: float,
    l2_penalty: float = 0.0,
    block_size: int | None = None,
) -> float:
    """Multinomial logistic regression: W <- W - η ((p - onehot) xᵀ + λ W) for each example.

    The bias column, where W (K, D+1) has one, is penalised like any weight.

    Returns the mean cross-entropy (penalty not included), each example's at the moment it is
    seen. Raises `Diverged`.
    """
    head = _softmax_head(len(W), learning_rate)
    return block_epoch(W, features, labels, order, head, learning_rate * l2_penalty, block_size)


def linear_regression_epoch(
    w: Array,
    features: Features,
    targets: Array,
    order: Array,
    learning_rate: float,
    l2_penalty: float = 0.0,
    block_size: int | None = None,
) -> float:
    """Linear regression: w <- w - η ((ŷ - y) x + λ w) for each example, ŷ = w·x.

    w: (D+1,), its last entry the bias, or (D,); updated in place.

    Returns the mean of ½(ŷ - y)², each example's at the moment it is seen. Raises `Diverged`.
    """
    head = _half_squared_error_head(1, learning_rate)
    return block_epoch(
        w[None], features, targets, order, head, learning_rate * l2_penalty, block_size
    )


def mlp_epoch(
    parameters: dict[str, Array],
    features: Features,
    targets: Array,
    order: Array,
    learning_rate: float,
    activation: str = "relu",
    loss: str = "cross_entropy",
    block_size: int | None = None,
) -> float:
    """A network with one hidden layer: forward, all gradients from the old weights, update.

    parameters: ``W1`` (H, D), ``b1`` (H,), ``W2`` (K, H), ``b2`` (K,); updated in place.
    targets:    labels (N,) for ``cross_entropy``; numbers (N,) for ``half_squared_error``, with
                K = 1.
    activation: of the hidden layer, by its name in `hw.nn.activations`.

    Returns the mean loss, each example's at the moment it is seen. Raises `Diverged`.
    """
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    first = np.column_stack([W1, b1])
    second = np.column_stack([W2, b2])
    head = _hidden_layer_head(second, learning_rate, activation, loss)
    mean_loss = block_epoch(first, features, targets, order, head, 0.0, block_size)
    if not np.isfinite(second).all():
        raise Diverged(len(order))
    W1[...], b1[...] = first[:, :-1], first[:, -1]
    W2[...], b2[...] = second[:, :-1], second[:, -1]
    return mean_loss


def perceptron_epoch(W: Array, features: Features, labels: Array, order: Array) -> int:
    """The perceptron: on a mistake, +x to the row of the label and -x to the predicted row.

    The prediction is the highest score, of equal ones that of the lowest class. Returns the
    number of mistakes. Cannot diverge: a step changes a weight by one feature at most.
    """
    # A plain loop over gathered blocks. The block method loses here: nothing but a mistake
    # needs the Gram matrix, and a mistake costs two additions of a row, not a product.
    n_classes, width = W.shape
    B = min(len(order), 32) or 1
    X = np.ones((B, width))  # beyond the D features a column of ones remains: the bias
    xs, class_rows = list(X), list(W)
    scores = np.empty(n_classes)
    mistakes = 0
    for start in range(0, len(order), B):
        rows = order[start : start + B]
        features.take(rows, out=X)
        # The last block fills only the first of the buffer's rows.
        for x, label in zip(xs, labels[rows].tolist(), strict=False):
            values = W.dot(x, scores).tolist()
            predicted = values.index(max(values))
            if predicted != label:
                gold, wrong = class_rows[label], class_rows[predicted]
                np.add(gold, x, gold)
                np.subtract(wrong, x, wrong)
                mistakes += 1
    return mistakes


def proximal_epoch(
    W: Array,
    features: Features,
    labels: Array,
    order: Array,
    learning_rate: float,
    l1_penalty: float,
) -> float:
    """Logistic regression with an ℓ1 penalty, by proximal steps: makes exact zeros.

    For each example V = W - η (p - onehot) xᵀ, then W = sign(V) max(|V| - η λ, 0), the exact
    minimiser of λ |W| + |W - V|²/(2η). The bias is penalised like any weight, as it is by
    `logistic_epoch`, so that the two penalties differ in their norm only.

    Returns the mean cross-entropy (penalty not included), each example's at the moment it is
    seen. Raises `Diverged`.
    """
    # A threshold after each step is not linear in W, so the block method does not apply.
    n_classes, width = W.shape
    n = len(order)
    if n == 0:
        return math.nan
    B = min(n, 32)
    X = np.ones((B, width))  # beyond the D features a column of ones remains: the bias
    xs, x_rows = list(X), list(X[:, None])
    logits, step = np.empty((2, n_classes))
    step_column = step[:, None]
    change = np.empty(W.shape)
    head = _softmax_head(n_classes, learning_rate)
    threshold = learning_rate * l1_penalty
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n, B):
            rows = order[start : start + B]
            features.take(rows, out=X)
            for t, label in enumerate(labels[rows].tolist()):
                total += head(W.dot(xs[t], logits), label, step)
                if not math.isfinite(total):
                    raise Diverged(start + t)
                step_column.dot(x_rows[t], change)
                np.subtract(W, change, W)
                # V minus V cut to [-threshold, threshold] is the soft threshold of V, in two
                # passes over the weights; where |V| is within, it is V - V: exactly zero.
                np.clip(W, -threshold, threshold, change)
                np.subtract(W, change, W)
    if not np.isfinite(W).all():
        raise Diverged(n)
    return total / n


def block_epoch(
    W: Array,
    features: Features,
    targets: Array,
    order: Array,
    head: Head,
    shrinkage: float = 0.0,
    block_size: int | None = None,
) -> float:
    """One epoch of W <- (1 - s) W - step xᵀ for each example in turn, W being the first layer.

    W:         (H, D+1), its last column a bias, or (H, D); updated in place.
    targets:   (N,); an example's entry is passed to ``head`` as a Python number.
    head:      what follows the first layer, see `Head`; it sees every example once, in order.
    shrinkage: s = η λ, of an ℓ2 penalty λ.

    Returns the mean of the losses that ``head`` returned (nan if ``order`` is empty). Raises
    `Diverged` as soon as a block holds a loss or a step that is not finite.
    """
    outputs, width = W.shape
    n = len(order)
    if n == 0:
        return math.nan
    B = min(n, block_size or default_block_size(outputs))

    # Buffers for the whole epoch, and views of their rows: making a view costs as much as the
    # arithmetic on it.
    X = np.ones((B, width))  # beyond the D features a column of ones remains: the bias
    # Row t is W_0 x_t until example t is seen, and its step from then on. So what z_t is made of
    # lies in rows 0 to t, and one product, with row t of the coupling, adds it up.
    steps = np.empty((B, outputs))
    gram, coupling = np.empty((2, B, B))
    update = np.empty(W.shape)
    z = np.empty(outputs)
    examples = [(coupling[t, : t + 1].dot, steps[: t + 1], steps[t]) for t in range(B)]

    keep = 1.0 - shrinkage
    powers = keep ** np.arange(B + 1.0)
    ages = np.subtract.outer(np.arange(B), np.arange(B)) - 1  # t - 1 - s
    pair_factors = np.where(ages >= 0, -(keep ** np.maximum(ages, 0.0)), 0.0)

    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n, B):
            rows = order[start : start + B]
            m = len(rows)
            if m < B:  # the last block: fewer rows of the same buffers
                X, steps, gram = X[:m], steps[:m], np.empty((m, m))
                coupling, pair_factors = coupling[:m, :m], pair_factors[:m, :m]
            features.take(rows, out=X)
            np.dot(X, W.T, out=steps)
            np.dot(X, X.T, out=gram)
            np.multiply(gram, pair_factors, out=coupling)
            np.einsum("tt->t", coupling)[:] = powers[:m]

            losses = []
            for target, (dot, known, step) in zip(targets[rows].tolist(), examples, strict=False):
                dot(known, z)
                losses.append(head(z, target, step))
            total += sum(losses)
            if not (math.isfinite(total) and math.isfinite(steps.sum())):
                fine = np.isfinite(losses) & np.isfinite(steps).all(axis=1)
                # All fine one by one: it is a sum that overflowed.
                raise Diverged(start + (m - 1 if fine.all() else int(fine.argmin())))

            if shrinkage:
                steps *= powers[m - 1 :: -1, None]
                W *= powers[m]
            np.dot(steps.T, X, out=update)
            np.subtract(W, update, out=W)
    if not np.isfinite(W).all():
        raise Diverged(n)
    return total / n


def default_block_size(outputs: int) -> int:
    """Examples of a block: measured, see docs/sequential-sgd.md.

    A longer block makes the two products with W cheaper and the Gram matrix, whose cost per
    example grows with B, dearer: the more outputs, the longer the best block.
    """
    return 16 if outputs <= 16 else 48


def _softmax_head(n_classes: int, learning_rate: float) -> Head:
    """Cross-entropy of logits z: the step is η (p - onehot).

    Python's own floats: for the few classes of a homework, numpy's overhead per call is more
    than the arithmetic.
    """
    exp, log = math.exp, math.log

    def head(z: Array, label: int, step: Array) -> float:
        logits = z.tolist()
        top = max(logits)
        exponentials = [exp(v - top) for v in logits]
        total = sum(exponentials)
        scale = learning_rate / total
        entries: Any = step.data  # a memoryview: an item costs a third of what the array asks
        for k, e in enumerate(exponentials):
            entries[k] = e * scale
        entries[label] -= learning_rate
        return log(total) + top - logits[label]

    return head


def _half_squared_error_head(n_outputs: int, learning_rate: float) -> Head:
    """½(ŷ - y)² of the single output ŷ = z: the step is η (ŷ - y)."""
    if n_outputs != 1:
        raise ValueError(f"half_squared_error is of one output, not of {n_outputs}")

    def head(z: Array, target: float, step: Array) -> float:
        error = z.item() - target
        step[0] = learning_rate * error
        return 0.5 * error * error

    return head


def _hidden_layer_head(second: Array, learning_rate: float, activation: str, loss: str) -> Head:
    """A hidden activation, the layer ``second`` = [W2 | b2] (K, H+1), and a loss.

    The hidden units' gradients are taken before ``second`` is updated, in place.
    """
    n_outputs, width = second.shape
    f = activation_named(activation)
    value, derivative = f.value, f.derivative
    if activation == "relu":
        # An array of zeros spares the conversion of a zero, which costs as much as the maximum.
        value = partial(np.maximum, np.zeros(width - 1))
    loss_head = {
        "cross_entropy": _softmax_head,
        "half_squared_error": _half_squared_error_head,
    }[loss](n_outputs, learning_rate)

    hidden = np.ones(width)  # the last one stays: the unit that b2 weighs
    units = hidden[:-1]
    output, output_step = np.empty((2, n_outputs))
    back, slope = np.empty(width), np.empty(width - 1)
    units_back = back[:-1]
    change = np.empty(second.shape)
    forward, backward = second.dot, output_step.dot
    outer, hidden_row = output_step[:, None].dot, hidden[None]
    multiply, subtract = np.multiply, np.subtract

    def head(z: Array, target: Any, step: Array) -> float:
        value(z, out=units)
        forward(hidden, output)
        example_loss = loss_head(output, target, output_step)
        # With W2's bias column in the product: contiguous, the product costs half as much.
        backward(second, back)
        derivative(z, units, slope)
        multiply(units_back, slope, step)
        outer(hidden_row, change)
        subtract(second, change, second)
        return example_loss

    return head
