"""The gradients and updates that questions 2 to 4 train with: by hand, and in the programs.

Source: IST Deep Learning 2021-22, Homework 1, questions 2.2(a), 2.2(b), 3.1(a), 3.1(b), 3.2(b), 4.1
and 4.2.

Conventions: D features x, H hidden units h, M outputs z of a layer, K classes; W has a row for each
output and a column for each input; L is the loss, ŷ a prediction, y a target or one-hot, p =
softmax(z), η the learning rate. The formulas under test are written once, in arithmetic alone, and
are given arrays of SymPy expressions, NumPy arrays and torch tensors. n draws are n rows; what
belongs to one draw (W, b, h, ...) is one vector, which `cut` takes apart.

Deviations: the report states the gradients of a layer for any loss above it. To first order every
loss is d·z, d = ∂L/∂z, and so d is drawn here and the loss is d·z. ReLU's slope is compared away
from its kink; the report's 0 at the kink is a convention. Updates are compared with an epoch of the
very learners that questions 2 and 3 train with, in either backend; each is written here once more,
as a plain loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.datasets.features import Dataset, Features, Split
from hw.nn.losses import softmax
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.statements import relative_error, vanishes
from hw.questions.derivations.lab.worlds import World
from hw.questions.models import (
    feedforward,
    linear_classifier,
    linear_regression,
    mlp,
    neural_regression,
)
from hw.results.outcome import Outcome

Shapes = Mapping[str, tuple[int, ...]]
Parts = Mapping[str, Any]
OFF_THE_KINK = 0.05  # ReLU's inputs are drawn further from 0 than the stencils reach
SAME_UPDATES = 1e-9  # relative: two programs for the same updates differ by rounding, which grows


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random draws", low=0)
    draws: int = setting(200, "random points at which gradients are compared", low=1)
    examples: int = setting(30, "examples of the epochs that are compared", low=4, high=1000)
    hidden: int = setting(4, "hidden units of the networks that are compared", low=1, high=50)
    learning_rate: float = setting(0.05, "η of those epochs", above=0, high=0.1)


# The formulas under test ------------------------------------------------------------------------


def output_gradient(prediction: Any, y: Any) -> Any:
    """∂L/∂ŷ = ŷ - y, of L = ½(ŷ - y)²."""
    return prediction - y


def weight_gradient(dz: Any, h: Any) -> Any:
    """∂L/∂W = ∂L/∂z hᵀ, (..., M) and (..., H) -> (..., M, H)."""
    return dz[..., :, None] * h[..., None, :]


def bias_gradient(dz: Any) -> Any:
    """∂L/∂b = ∂L/∂z, (..., M)."""
    return dz


def below_gradient(W: Any, dz: Any) -> Any:
    """∂L/∂h = Wᵀ ∂L/∂z, (..., M, H) and (..., M) -> (..., H)."""
    return (W * dz[..., :, None]).sum(-2)


def gated_gradient(dh: Any, z_is_positive: Any) -> Any:
    """∂L/∂z = ∂L/∂h · g'(z), g' = 0 where z ≤ 0 and 1 where z > 0."""
    return dh * z_is_positive


def softmax_gradient(p: Any, y: Any) -> Any:
    """∂L/∂z = p - y, of L = -Σ y_k log p_k."""
    return p - y


def updated(parameter: Any, gradient: Any, learning_rate: float) -> Any:
    """W - η ∂L/∂W."""
    return parameter - learning_rate * gradient


def perceptron_updated(W: Any, x: Any, gold: int, predicted: int) -> Any:
    """x added to the gold class's row and taken off the predicted one's, if they differ."""
    W = W.copy()
    if predicted != gold:
        W[gold] += x
        W[predicted] -= x
    return W


# Gradients --------------------------------------------------------------------------------------


def cut(vector: Any, shapes: Shapes) -> dict[str, Any]:
    """The parts of vectors (..., P), each (..., *shape)."""
    parts, start = {}, 0
    for name, shape in shapes.items():
        end = start + math.prod(shape)
        parts[name] = vector[..., start:end].reshape(*vector.shape[:-1], *shape)
        start = end
    return parts


def slope(w: World, f: Callable[[World, Parts], Any], p: Parts, name: str, shape: Any) -> Any:
    """∂f/∂p[name] of ``f``, a number for each draw, (..., 1), without a formula: (..., *shape)."""
    lead = p[name].shape[: len(p[name].shape) - len(shape)]

    def of_part(w: World, t: Any) -> Any:
        return f(w, {**p, name: t.reshape(*t.shape[:-1], *shape)})

    return w.jacobian(of_part, p[name].reshape(*lead, -1)).reshape(*lead, *shape)


def layer(p: Parts) -> Any:
    """z = W h + b, (..., M)."""
    return (p["W"] * p["h"][..., None, :]).sum(-1) + p["b"]


def dot(a: Any, b: Any) -> Any:
    """(..., 1)."""
    return (a * b).sum(-1, keepdims=True)


def positive(w: World, z: Any) -> Any:
    """1 where z > 0, else 0; of letters whose sign is known, too."""
    if w.name == "sympy":
        return np.array([int(bool(entry > 0)) for entry in z])
    return w.where(z > 0, z * 0 + 1, z * 0)


def relu(w: World, z: Any) -> Any:
    """max(z, 0): by the library, which knows nothing of `gated_gradient`."""
    if w.name == "sympy":
        return np.array([w.maximum(entry, 0) for entry in z])
    return w.maximum(z, z * 0)


def of_layer(w: World, p: Parts) -> Any:
    """d·z: to first order, any loss above a layer."""
    return dot(p["d"], layer(p))


def one_hot(w: World, y: Any) -> Any:
    """K numbers that sum to one, from K - 1."""
    return w.concatenate([y, 1 - y.sum(-1, keepdims=True)], -1)


LAYER: Shapes = {"W": (2, 3), "b": (2,), "h": (3,), "d": (2,)}
RELU: Shapes = {"z": (2,), "d": (2,)}
# check: (statement, shapes of a draw, its part to differentiate in, loss, what the report says)
IDENTITIES: dict[str, tuple[str, Shapes, str, Any, Any]] = {
    "output_gradient": (
        "∂L/∂ŷ = ŷ - y for L = ½(ŷ - y)²",
        {"prediction": (1,), "y": (1,)},
        "prediction",
        lambda w, p: (p["prediction"] - p["y"]) ** 2 / 2,
        lambda w, p: output_gradient(p["prediction"], p["y"]),
    ),
    "prediction_gradient": (
        "∂ŷ/∂w_i = x_i for ŷ = Σ x_i w_i",
        {"w": (3,), "x": (3,)},
        "w",
        lambda w, p: dot(p["w"], p["x"]),
        lambda w, p: p["x"],
    ),
    "prediction_bias_gradient": (
        "∂ŷ/∂b = 1 for ŷ = Σ x_i w_i + b: the bias is the weight of a column of ones",
        {"w": (3,), "b": (1,), "x": (3,)},
        "b",
        lambda w, p: dot(p["w"], p["x"]) + p["b"],
        lambda w, p: p["b"] * 0 + 1,
    ),
    "weight_gradient": (
        "∂L/∂W_l = ∂L/∂z_l h_{l-1}ᵀ",
        LAYER,
        "W",
        of_layer,
        lambda w, p: weight_gradient(p["d"], p["h"]),
    ),
    "bias_gradient": (
        "∂L/∂b_l = ∂L/∂z_l",
        LAYER,
        "b",
        of_layer,
        lambda w, p: bias_gradient(p["d"]),
    ),
    "below_gradient": (
        "∂L/∂h_l = W_{l+1}ᵀ ∂L/∂z_{l+1}",
        LAYER,
        "h",
        of_layer,
        lambda w, p: below_gradient(p["W"], p["d"]),
    ),
    "gated_gradient": (
        "∂L/∂z_l = ∂L/∂h_l · g'(z_l), where g' of ReLU is 0 for z < 0 and 1 for z > 0",
        RELU,
        "z",
        lambda w, p: dot(p["d"], relu(w, p["z"])),
        lambda w, p: gated_gradient(p["d"], positive(w, p["z"])),
    ),
    "softmax_gradient": (
        "∂L/∂z = p - y for L = -Σ y_k log p_k, p = softmax(z) and Σ y_k = 1",
        {"z": (3,), "y": (2,)},
        "z",
        lambda w, p: -dot(one_hot(w, p["y"]), w.log_softmax(p["z"])),
        lambda w, p: softmax_gradient(w.softmax(p["z"]), one_hot(w, p["y"])),
    ),
}


def letters(shapes: Shapes) -> Any:
    """A symbol for each number of a draw; where ReLU's input is drawn, one of either sign."""
    import sympy

    names = [f"{name}{i}" for name, shape in shapes.items() for i in range(math.prod(shape))]
    signs = {"z0": {"positive": True}, "z1": {"negative": True}} if shapes is RELU else {}
    return np.array([sympy.Symbol(name, **signs.get(name, {"real": True})) for name in names])


def draw(lab: Lab, shapes: Shapes) -> np.ndarray:
    """(draws, P) numbers, none of them near ReLU's kink."""
    size = sum(map(math.prod, shapes.values()))
    drawn = lab.rng.normal(size=(lab.settings.draws, size))
    return drawn + OFF_THE_KINK * np.where(drawn > 0, 1, -1)


def check_gradients(lab: Lab) -> None:
    """Every formula against SymPy's derivative and against the backend's."""
    for name, (statement, shapes, part, loss, says) in IDENTITIES.items():

        def sides(w: World, v: Any, row: Any = (shapes, part, loss, says)) -> tuple[Any, Any]:
            shapes, part, loss, says = row
            p = cut(v, shapes)
            return says(w, p), slope(w, loss, p, part, shapes[part])

        lab.identity(name, statement, sides, letters(shapes), draw(lab, shapes), derivative=1)


# What the report says of whole models -----------------------------------------------------------


def check_normal_equations(lab: Lab) -> None:
    """(XᵀX)⁻¹Xᵀy, where XᵀX can be inverted."""
    import sympy

    X = sympy.Matrix(3, 2, sympy.symbols("x1:7", real=True))
    y, w = (sympy.Matrix(sympy.symbols(names, real=True)) for names in ("y1:4", "w1:3"))
    loss = (X * w - y).dot(X * w - y) / 2
    best = (X.T * X).inv() * X.T * y
    flat = vanishes(sympy.Matrix([loss]).jacobian(w).subs(dict(zip(w, best, strict=True))))
    bent = vanishes(sympy.hessian(loss, list(w)) - X.T * X)
    drawn, target = lab.rng.normal(size=(8, 3)), lab.rng.normal(size=8)
    A, b = lab.world.array(drawn), lab.world.array(target[:, None])
    formula = as_numpy(lab.world.linalg.inv(A.T @ A) @ A.T @ b)
    solver = as_numpy(lab.world.linalg.lstsq(A, b)[0])
    error = relative_error(formula, solver)
    lab.check(
        "normal_equations",
        "w = (XᵀX)⁻¹Xᵀy has the least squared error, where XᵀX can be inverted",
        flat and bent and error <= 1e-10,
        f"SymPy, three examples of two features: the gradient vanishes there: {flat}, the Hessian"
        f" is XᵀX: {bent}; off a least-squares solver by a relative {error:.1e}",
    )


def drawn_data(lab: Lab, labels: np.ndarray, n_classes: int) -> Dataset:
    """A small training set of three features; its other splits are never looked at."""
    X = lab.rng.normal(size=(len(labels), 3))
    split = Split(Features(X), labels)
    splits = dict.fromkeys(("train", "validation", "test"), split)
    return Dataset(
        name="drawn",
        source="stand-in",
        provenance="drawn at random",
        sha256="0" * 64,
        splits=splits,
        n_classes=n_classes,
    )


def plain_linear(p: Parts, x: np.ndarray, y: float, rate: float) -> Parts:
    """2.2(a): w <- w - η (ŷ - y) x, the bias as the weight of a one."""
    dy = output_gradient(p["0.weight"] @ x + p["0.bias"], y)
    return {
        "0.weight": updated(p["0.weight"], dy * x, rate),
        "0.bias": updated(p["0.bias"], dy, rate),
    }


def plain_network(p: Parts, x: np.ndarray, y: Any, rate: float, of_output: Any) -> Parts:
    """2.2(b): forward, then the report's gradients from the top down, then every update."""
    z1 = p["0.weight"] @ x + p["0.bias"]
    h1 = np.maximum(z1, 0)
    d2 = of_output(p["1.weight"] @ h1 + p["1.bias"], y)
    d1 = gated_gradient(below_gradient(p["1.weight"], d2), z1 > 0)
    gradients = {
        "0.weight": weight_gradient(d1, x),
        "0.bias": bias_gradient(d1),
        "1.weight": weight_gradient(d2, h1),
        "1.bias": bias_gradient(d2),
    }
    return {name: updated(p[name], gradients[name], rate) for name in p}


def of_class(z: Any, y: int) -> Any:
    """∂L/∂z of the cross-entropy for the label ``y``."""
    return softmax_gradient(softmax(z), np.eye(len(z))[y])


def plain_logistic(p: Parts, x: np.ndarray, y: int, rate: float) -> Parts:
    """3.1(b): W <- W + η (onehot(y) - p) xᵀ, the bias as the weight of a one."""
    dz = of_class(p["0.weight"] @ x + p["0.bias"], y)
    return {
        "0.weight": updated(p["0.weight"], weight_gradient(dz, x), rate),
        "0.bias": updated(p["0.bias"], bias_gradient(dz), rate),
    }


def plain_perceptron(p: Parts, x: np.ndarray, y: int, rate: float) -> Parts:
    """3.1(a): the rows of the gold and of the predicted class, on a mistake."""
    W = np.column_stack([p["0.weight"], p["0.bias"]])
    x = np.append(x, 1.0)
    W = perceptron_updated(W, x, y, int(np.argmax(W @ x)))
    return {"0.weight": W[:, :-1], "0.bias": W[:, -1]}


# check: (statement, the learner's module, its settings besides η and seed, a plain loop's update)
UPDATES: dict[str, tuple[str, Any, dict[str, Any], Any]] = {
    "linear_regression_updates": (
        "linear regression trains by w <- w - η (ŷ - y) x, its bias the weight of a column of ones",
        linear_regression,
        {},
        plain_linear,
    ),
    "neural_regression_updates": (
        "the network for prices trains by W_l <- W_l - η ∂L/∂W_l and b_l <- b_l - η ∂L/∂b_l with"
        " these gradients",
        neural_regression,
        {"hidden_size": None},
        lambda *given: plain_network(*given, of_output=output_gradient),
    ),
    "perceptron_updates": (
        "on a mistake the perceptron adds φ(x) to the gold class's weights and takes it off the"
        " predicted class's; else it changes nothing",
        linear_classifier,
        {"model": "perceptron"},
        plain_perceptron,
    ),
    "logistic_regression_updates": (
        "logistic regression trains by W <- W + η (onehot(y) - p) xᵀ",
        linear_classifier,
        {"model": "logistic_regression"},
        plain_logistic,
    ),
    "mlp_updates": (
        "the multi-layer perceptron trains by the same backpropagation, with p - y for ŷ - y",
        mlp,
        {"hidden_size": None},
        lambda *given: plain_network(*given, of_output=of_class),
    ),
}


def check_updates(lab: Lab) -> None:
    """An epoch of each learner against a plain loop over the report's formulas."""
    n, rate = lab.settings.examples, lab.settings.learning_rate
    for name, (statement, module, chosen, plain) in UPDATES.items():
        regression = module in (linear_regression, neural_regression)
        labels = lab.rng.normal(size=n) if regression else lab.rng.integers(0, 3, n)
        data = drawn_data(lab, labels, 0 if regression else 3)
        chosen = {k: lab.settings.hidden if v is None else v for k, v in chosen.items()}
        settings = module.Settings(learning_rate=rate, seed=lab.settings.seed, **chosen)
        learner = module.learner(settings, data, lab.world.name)
        p = {k: np.array(v, np.float64) for k, v in learner.parameters().items()}
        learner.advance(n)
        for row in learner.batches.order:
            p = plain(p, data.train.features.stored[row], labels[row], rate)
        error = max(relative_error(v, p[k]) for k, v in learner.parameters().items())
        lab.check(
            name,
            statement,
            error <= SAME_UPDATES,
            f"after {n} examples the weights of {module.__name__.rpartition('.')[2]}"
            f" ({lab.world.name}) are off a plain loop's by a relative {error:.1e}",
        )


def check_shapes(lab: Lab) -> None:
    """The shapes of question 2.2(b)'s and question 4's weights, read off the programs."""
    data, h = drawn_data(lab, lab.rng.integers(0, 3, 4), 3), lab.settings.hidden
    d, k = data.n_features, 3
    network = neural_regression.learner(
        neural_regression.Settings(hidden_size=h),
        drawn_data(lab, lab.rng.normal(size=4), 0),
        lab.world.name,
    )
    found = {name: p.shape for name, p in network.parameters().items()}
    said = {"0.weight": (h, d), "0.bias": (h,), "1.bias": (1,)}
    lab.check(
        "regression_shapes",
        "W₁ is hidden × features, b₁ has an entry for each hidden unit and b₂ has one",
        found.items() >= said.items(),
        f"{d} features, {h} hidden units: " + ", ".join(f"{n} {s}" for n, s in found.items()),
    )
    shapes = {}
    for name, layers in (("logistic_regression", 1), *(("mlp", layers) for layers in (1, 2, 3))):
        settings = feedforward.Settings(model=name, layers=layers, hidden_size=h)
        learner: Any = feedforward.learner(settings, data, lab.world.name)
        weights = [p.shape for n, p in learner.parameters().items() if n.endswith("weight")]
        shapes[name, layers] = [tuple(shape) for shape in weights]
    lab.check(
        "linear_model_shape",
        "the weights of the toolkit's logistic regression are classes × features",
        shapes["logistic_regression", 1] == [(k, d)],
        f"{k} classes, {d} features: {shapes['logistic_regression', 1]}",
    )
    lab.check(
        "feedforward_shapes",
        "a network's first weights are hidden × features, its last classes × hidden, and with two"
        " (three) hidden layers there is one (are two) of hidden × hidden between",
        all(shapes["mlp", n] == [(h, d), *[(h, h)] * (n - 1), (k, h)] for n in (1, 2, 3)),
        "; ".join(f"{n} hidden: {shapes['mlp', n]}" for n in (1, 2, 3)),
    )


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Every gradient, every update and every shape, put to the test."""
    lab = Lab(settings, backend)
    check_gradients(lab)
    check_normal_equations(lab)
    check_updates(lab)
    check_shapes(lab)
    return lab.outcome


FIGURES = Figures()
