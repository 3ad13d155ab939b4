"""A perceptron of many layers with a linear activation is one linear layer; with ReLU it is more.

Source: IST Deep Learning 2021-22, Homework 1, question 3.2, part (a).

Conventions: a layer is (W, b) with W (out, in) and b (out,); a network is a list of layers with the
activation g between any two of them, z = W₂ g(W₁x + b₁) + b₂ for two. Examples x (N, D), labels y
(N, K) one-hot; the training loss is the mean multinomial logistic loss in nats, of logits z. A
linear activation is g(a) = αa + β; α = 1, β = 0 is the identity.

Deviations: the handout asks for an argument. Here the collapse is computed in rational numbers,
where equal means equal, and then as a trained pair: a linear layer and a network with identity
activation descend on the same three-class data, a ring within a broken ring, and are compared with
the optimum of the linear layer, which Newton's method finds. The same network with ReLU descends
beside them. What a linear layer cannot do is shown on XOR by a certificate, not by a failed
training. What is decided in rational numbers is the same with either backend; the trainings are
implemented twice. Training is by full batches, as the subject is where it ends and not how it gets
there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import log_softmax, softmax
from hw.questions.derivations.ist2021.softmax_jacobian import jacobian
from hw.questions.derivations.lab.calculus import gap
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.separability import separate
from hw.questions.derivations.lab.statements import vanishes
from hw.results.outcome import Outcome

Layer = tuple[Any, Any]
NETWORKS = {
    "linear": "one linear layer",
    "identity": "two layers, identity activation",
    "relu": "two layers, ReLU",
}
# Descents end this near the optimum. The loss is flat there: it is off by about the square of what
# the probabilities are off by.
SAME_LOSS, SAME_PROBABILITY = 1e-5, 5e-3
LEARNING_RATE = 0.5  # less would need more steps, more overshoots with many hidden units


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of rational networks, data and initial weights", low=0)
    networks: int = setting(20, "random rational networks", low=1, high=1000)
    depth: int = setting(4, "most layers of a rational network", low=2, high=10)
    per_class: int = setting(60, "training points by class", low=40, high=2000)
    hidden: int = setting(16, "hidden units of the trained networks", low=8, high=64)
    # Fewer steps would end short of the optimum.
    steps: int = setting(3000, "gradient steps of each training", low=3000, high=100_000)
    points: int = setting(101, "points of the decision maps along each axis", low=5, high=401)


# The formula under test ------------------------------------------------------------------------


def collapse(layers: Sequence[Layer], slope: Any = 1, offset: Any = 0) -> Layer:
    """The single layer that a network with g(a) = slope a + offset is.

    From the input on: W <- slope W_l W and b <- W_l (slope b + offset) + b_l. Any numbers that
    NumPy or PyTorch can multiply, fractions included.
    """
    weight, bias = layers[0]
    for w, b in layers[1:]:
        weight, bias = slope * (w @ weight), w @ (slope * bias + offset) + b
    return weight, bias


def forward(layers: Sequence[Layer], activation: Callable[[Any], Any], x: Any) -> Any:
    """Output of the network for one input (D,) or a batch (N, D), of any numbers."""
    for w, b in layers[:-1]:
        x = activation(x @ w.T + b)
    w, b = layers[-1]
    return x @ w.T + b


def relu(a: Any) -> Any:
    return np.where(a > 0, a, 0 * a)


def same(a: Any) -> Any:
    """The identity as an activation."""
    return a


# Exact -----------------------------------------------------------------------------------------


def rational_layers(rng: np.random.Generator, sizes: Sequence[int]) -> list[Layer]:
    """Layers of random fractions p/q, |p| <= 9 and 1 <= q <= 5, as arrays of `Fraction`."""

    def fractions(*shape: int) -> np.ndarray:
        tops, bottoms = rng.integers(-9, 10, shape), rng.integers(1, 6, shape)
        ratios = [Fraction(int(p), int(q)) for p, q in zip(tops.flat, bottoms.flat, strict=True)]
        return np.array(ratios, dtype=object).reshape(shape)

    return [(fractions(n, d), fractions(n)) for d, n in itertools.pairwise(sizes)]


def collapse_failures(lab: Lab, linear: bool) -> int:
    """How many of the random rational networks are not the layer that they collapse to.

    ``linear``: a random linear activation, otherwise the identity. Two affine maps that agree on
    the origin and the unit vectors agree everywhere.
    """
    failures = 0
    for _ in range(lab.settings.networks):
        sizes = lab.rng.integers(1, 6, int(lab.rng.integers(3, lab.settings.depth + 2))).tolist()
        layers = rational_layers(lab.rng, sizes)
        slope, offset = rational_layers(lab.rng, (1, 2))[0][1] if linear else (1, 0)
        x = np.eye(sizes[0] + 1, sizes[0], k=-1, dtype=int)
        deep = forward(layers, lambda a, s=slope, o=offset: s * a + o, x)
        failures += bool((deep != forward([collapse(layers, slope, offset)], same, x)).any())
    return failures


def symbolic_collapse() -> bool:
    """Two layers of letters, D = H = K = 2, and any slope and offset of g: SymPy decides."""
    import sympy

    letters = iter(sympy.symbols("p1:15"))
    w1, b1, w2, b2, x = (np.array([next(letters) for _ in range(size)]) for size in (4, 2, 4, 2, 2))
    layers = [(w1.reshape(2, 2), b1), (w2.reshape(2, 2), b2)]
    slope, offset = sympy.symbols("alpha beta")
    one = collapse(layers, slope, offset)
    return vanishes(forward(layers, lambda a: slope * a + offset, x) - forward([one], same, x))


def through_hidden(layer: Layer, hidden: int) -> list[Layer]:
    """Two layers that with identity activation are ``layer``; needs hidden >= min(out, in)."""
    weight, bias = layer
    out, into = weight.shape
    if into <= out:
        first, second = np.eye(hidden, into, dtype=int), weight @ np.eye(into, hidden, dtype=int)
    else:
        first, second = np.eye(hidden, out, dtype=int) @ weight, np.eye(out, hidden, dtype=int)
    return [(first, np.zeros(hidden, int)), (second, bias)]


def rank(matrix: np.ndarray) -> int:
    """Rank of a matrix of fractions, exactly."""
    import sympy

    return int(sympy.Matrix(matrix.tolist()).rank())


# XOR: points of the unit square, +1 where exactly one coordinate is one.
SQUARE = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
XOR, AND = np.array([-1, 1, 1, -1]), np.array([-1, -1, -1, 1])
# h = (relu(x_1 + x_2), relu(x_1 + x_2 - 1)), score h_1 - 2 h_2 - 1/2, positive for "exactly one".
XOR_LAYERS: list[Layer] = [
    (np.array([[1, 1], [1, 1]]), np.array([0, -1])),
    (np.array([[1, -2]]), np.array([Fraction(-1, 2)])),
]


def perceptron(points: np.ndarray, labels: np.ndarray) -> tuple[bool, int, tuple[int, ...]]:
    """Run the perceptron from zero until an epoch without a mistake, or until it goes in circles.

    In whole numbers: an epoch that begins with weights that an earlier one began with repeats it
    for ever. Returns whether it converged, after how many epochs, and the weights (w, b).
    """
    x = np.column_stack([points, np.ones(len(points), int)])
    w, seen, epochs = np.zeros(x.shape[1], int), set(), 0
    while tuple(w) not in seen:
        seen.add(tuple(w))
        mistakes = 0
        for row, label in zip(x, labels, strict=True):
            if label * (w @ row) <= 0:
                w, mistakes = w + label * row, mistakes + 1
        epochs += 1
        if not mistakes:
            return True, epochs, tuple(map(int, w))
    return False, epochs, tuple(map(int, w))


def half_spaces(layer: Layer, k: int) -> Layer:
    """Normals (K-1, D) and offsets (K-1,): class k is predicted where normal·x + offset > 0."""
    weight, bias = layer
    others = [j for j in range(len(bias)) if j != k]
    return weight[k] - weight[others], bias[k] - bias[others]


# The trained networks --------------------------------------------------------------------------


def numpy_gradients(
    layers: Sequence[Layer], x: np.ndarray, y: np.ndarray, bent: bool
) -> tuple[float, list[Layer]]:
    """Training loss and its gradients by backpropagation; ``bent``: with ReLU."""
    inputs = [x]
    for w, b in layers[:-1]:
        z = inputs[-1] @ w.T + b
        inputs.append(np.maximum(z, 0) if bent else z)
    z = forward(layers[-1:], same, inputs[-1])
    delta = (softmax(z) - y) / len(x)  # ∂loss/∂z, (N, out)
    gradients: list[Layer] = []
    for (w, _), h in zip(reversed(layers), reversed(inputs), strict=True):
        gradients.insert(0, (delta.T @ h, delta.sum(0)))
        delta = (delta @ w) * (h > 0 if bent else 1)
    return float(-(y * log_softmax(z)).sum(1).mean()), gradients


def torch_gradients(
    layers: Sequence[Layer], x: np.ndarray, y: np.ndarray, bent: bool
) -> tuple[float, list[Layer]]:
    """The same by autograd."""
    import torch

    leaves = [torch.tensor(part, requires_grad=True) for layer in layers for part in layer]
    h = torch.from_numpy(x)
    for w, b in zip(leaves[:-2:2], leaves[1:-2:2], strict=True):
        h = torch.addmm(b, h, w.T)
        h = torch.relu(h) if bent else h
    z = torch.addmm(leaves[-1], h, leaves[-2].T)
    loss = torch.nn.functional.cross_entropy(z, torch.from_numpy(y.argmax(1)))
    found = [gradient.numpy() for gradient in torch.autograd.grad(loss, leaves)]
    return loss.item(), list(zip(found[::2], found[1::2], strict=True))


GRADIENTS = {"numpy": numpy_gradients, "torch": torch_gradients}


def train(
    backend: str, layers: list[Layer], x: np.ndarray, y: np.ndarray, bent: bool, steps: int
) -> tuple[list[Layer], list[float]]:
    """Gradient descent; returns the layers and the loss before each step."""
    losses = []
    for _ in range(steps):
        loss, gradients = GRADIENTS[backend](layers, x, y, bent)
        losses.append(loss)
        layers = [
            (w - LEARNING_RATE * dw, b - LEARNING_RATE * db)
            for (w, b), (dw, db) in zip(layers, gradients, strict=True)
        ]
    return layers, losses


def two_rings(rng: np.random.Generator, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Points x (3n, 2) and one-hot labels (3n, 3): a ring, and the two halves of one around it.

    A gap separates any two classes; no line separates the inner ring from the outer.
    """
    radius = np.concatenate(
        [rng.uniform(0.8, 1.2, per_class), rng.uniform(1.7, 2.3, 2 * per_class)]
    )
    half = rng.uniform(-0.47, 0.47, 2 * per_class) * np.pi
    half[:per_class] += np.pi
    angle = np.concatenate([rng.uniform(0, 2 * np.pi, per_class), half])
    x = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return x, np.repeat(np.eye(3), per_class, axis=0)


def optimum(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Least training loss of a linear layer, and its probabilities (N, K), by Newton's method."""
    rows = np.column_stack([x, np.ones(len(x))])
    theta = np.zeros((y.shape[1], rows.shape[1]))
    for _ in range(50):
        p = softmax(rows @ theta.T)
        gradient = ((p - y).T @ rows).ravel() / len(x)
        curvature = jacobian(p, np.eye(len(theta)))
        hessian = np.einsum("nkl,ni,nj->kilj", curvature, rows, rows) / len(x)
        # Adding the same row to every class changes nothing: that direction is cut off.
        step = np.linalg.lstsq(hessian.reshape(theta.size, -1), gradient, rcond=1e-10)[0]
        theta = theta - step.reshape(theta.shape)
    z = rows @ theta.T
    return float(-(y * log_softmax(z)).sum(1).mean()), softmax(z)


def initial_layers(rng: np.random.Generator, sizes: Sequence[int]) -> list[Layer]:
    """Normal weights of standard deviation 1/√in and zero biases."""
    return [
        (rng.normal(0, 1 / np.sqrt(d), (n, d)), np.zeros(n)) for d, n in itertools.pairwise(sizes)
    ]


def trained(settings: Settings, rng: np.random.Generator, backend: str) -> dict[str, Any]:
    """The three networks after training on the same data, and what the linear layer can do."""
    x, y = two_rings(rng, settings.per_class)
    best_loss, best = optimum(x, y)
    linear = initial_layers(rng, (2, 3))
    deep = initial_layers(rng, (2, settings.hidden, 3))
    found: dict[str, Any] = {"x": x, "y": y, "best_loss": best_loss}
    for name, start in zip(NETWORKS, (linear, deep, deep), strict=True):
        activation = relu if name == "relu" else same
        layers, losses = train(backend, start, x, y, name == "relu", settings.steps)
        z = forward(layers, activation, x)
        found[name] = {
            "logits": lambda points, layers=layers, g=activation: forward(layers, g, points),
            "losses": losses,
            "loss": float(-(y * log_softmax(z)).sum(1).mean()),
            "accuracy": float((z.argmax(1) == y.argmax(1)).mean()),
            "probability_gap": gap(softmax(z), best),
            "collapse_gap": gap(z, forward([collapse(layers)], same, x)),
        }
    return found


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The collapse exactly and as a trained pair, and what ReLU adds."""
    lab = Lab(settings, backend)
    check_collapse(lab)
    check_parameters(lab)
    check_xor(lab)
    check_training(lab, trained(settings, lab.rng, backend))
    check_regions(lab)
    return lab.outcome


def check_collapse(lab: Lab) -> None:
    """In rational numbers and in letters: a linear activation adds nothing."""
    symbolic, settings = symbolic_collapse(), lab.settings
    for name, words in (
        ("identity", "identity activation"),
        ("linear", "any linear activation g(a) = αa + β"),
    ):
        failures = collapse_failures(lab, name == "linear")
        lab.check(
            f"{name}_is_one_layer",
            f"with {words} an MLP is one linear layer",
            failures == 0 and symbolic,
            f"{settings.networks - failures} of {settings.networks} rational networks of 2 to"
            f" {settings.depth} layers equal W₂W₁x + W₂b₁ + b₂ and its like exactly;"
            f" SymPy, two layers of letters: {symbolic}",
        )
    # Rows 1, k, k², k³ for three different k are independent: rank 3.
    wide = (
        np.array([[Fraction(k) ** power for power in range(4)] for k in (1, 2, 3)]),
        np.array([Fraction(1, k) for k in (1, 2, 3)]),
    )
    weight, bias = collapse(through_hidden(wide, 3))
    lab.check(
        "every_linear_layer_is_reached",
        "conversely, with at least min(D, K) hidden units every linear layer is such an MLP",
        bool((weight == wide[0]).all() and (bias == wide[1]).all()),
        "a rational layer of D = 4, K = 3 rebuilt exactly with 3 hidden units",
    )
    narrow = collapse(rational_layers(lab.rng, (4, 2, 3)))
    lab.check(
        "narrow_layers_reach_less",
        "with fewer hidden units the rank of the layer is bounded by their number",
        rank(narrow[0]) <= 2 < rank(wide[0]),
        f"D = 4, K = 3: rank {rank(narrow[0])} through 2 hidden units, {rank(wide[0])} without",
    )


def check_parameters(lab: Lab) -> None:
    """In x only ReLU is nonlinear; in the parameters every activation is."""
    doubled = [(2 * w, 2 * b) for w, b in XOR_LAYERS]
    for name, kind, with_it, activation in (
        ("relu", "nonlinear", "with ReLU", relu),
        ("identity", "linear", "with the identity", same),
    ):
        scores = forward(XOR_LAYERS, activation, SQUARE * Fraction(1))[:, 0]
        middle = forward(XOR_LAYERS, activation, np.full(2, Fraction(1, 2)))[0]
        mean = (scores[0] + scores[3]) / 2
        lab.check(
            f"{name}_{kind}_in_input",
            f"the output {with_it} is {'not ' if kind == 'nonlinear' else ''}an affine function"
            " of x",
            (middle != mean) == (kind == "nonlinear"),
            f"with the weights that solve XOR: {middle} halfway between (0, 0) and (1, 1), mean of"
            f" the two outputs {mean}",
        )
        one, two = scores[1], forward(doubled, activation, SQUARE[1])[0]
        lab.check(
            f"{name}_nonlinear_in_parameters",
            f"the output {'even ' if kind == 'linear' else ''}{with_it} is not a linear function of"
            " the weights and biases",
            two != 2 * one,
            f"all of them doubled, the output at (0, 1) goes from {one} to {two}, not to {2 * one}",
        )


def check_xor(lab: Lab) -> None:
    """What a linear layer cannot separate, exactly, and a network with ReLU that does."""
    answer = separate(SQUARE.tolist(), XOR.tolist())
    lab.check(
        "xor_not_linearly_separable",
        "some data, such as XOR, no hyperplane separates",
        not answer.separable,
        f"multipliers {answer.certificate} make Σ λ_i y_i (x_i, 1) zero, which a separating (w, b)"
        " would make positive",
    )
    (xor, xor_epochs, xor_w), (conj, and_epochs, and_w) = (
        perceptron(SQUARE, labels) for labels in (XOR, AND)
    )
    lab.check(
        "perceptron_needs_separable_data",
        "the perceptron converges on linearly separable data and never on XOR",
        conj and not xor,
        f"AND: no mistake in epoch {and_epochs}, (w, b) = {and_w}; XOR: epoch {xor_epochs} ends"
        f" with weights {xor_w} that an earlier one began with, and so it goes in circles",
    )
    scores = forward(XOR_LAYERS, relu, SQUARE)[:, 0]
    lab.check(
        "relu_separates_xor",
        "a hidden layer of two ReLU units separates XOR",
        bool((scores * XOR > 0).all()),
        "scores of (0,0), (0,1), (1,0), (1,1): " + ", ".join(map(str, scores)),
    )


def check_regions(lab: Lab) -> None:
    """Where a linear layer of four classes predicts each, in rational numbers."""
    layer, points = rational_layers(lab.rng, (2, 4))[0], rational_layers(lab.rng, (2, 300))[0][0]
    scores = forward([layer], same, points)
    classes = np.array([scores[n].tolist().index(max(scores[n])) for n in range(len(scores))])
    alone = (scores == scores.max(1, keepdims=True)).sum(1) == 1  # not on a boundary
    agree = convex = True
    for k in range(4):
        normals, offsets = half_spaces(layer, k)

        def inside(x: Any, normals: Any = normals, offsets: Any = offsets) -> Any:
            return (forward([(normals, offsets)], same, x) > 0).all(1)

        agree &= bool((inside(points)[alone] == (classes[alone] == k)).all())
        mine = points[alone & (classes == k)]
        third = Fraction(1, 3)
        convex &= bool(inside(third * mine + (1 - third) * mine[::-1]).all())
    lab.check(
        "regions_are_intersections",
        "a perceptron of several classes predicts each of them in an intersection of half-spaces",
        agree and convex,
        f"{len(points)} rational points, {len({*classes.tolist()})} of 4 classes predicted: the"
        f" class of highest score is the one whose three inequalities hold: {agree}; points between"
        f" two of a class are of it: {convex}",
    )


def check_training(lab: Lab, found: Mapping[str, Any]) -> None:
    """Where the three networks end."""
    best, settings = found["best_loss"], lab.settings
    linear, identity, bent = (found[name] for name in NETWORKS)
    excess = [network["loss"] - best for network in (linear, identity)]
    apart = max(linear["probability_gap"], identity["probability_gap"])
    lab.check(
        "trained_pair_agrees",
        "trained, the linear layer and the MLP with the identity end at the same loss and the same"
        " predictions",
        all(-1e-12 <= value <= SAME_LOSS for value in excess)
        and apart <= SAME_PROBABILITY
        and linear["accuracy"] == identity["accuracy"],
        f"least loss of a linear layer {best:.9f} (Newton); linear {excess[0]:+.1e},"
        f" identity {excess[1]:+.1e}; probabilities off by at most {apart:.1e}; accuracies"
        f" {linear['accuracy']:.4f} and {identity['accuracy']:.4f}",
    )
    lab.check(
        "trained_mlp_collapses",
        "the trained MLP with the identity is the layer W₂W₁, W₂b₁ + b₂",
        # Logits of about 10 from sums of `hidden` products.
        identity["collapse_gap"] <= 1e-11,
        f"largest |difference| of logits {identity['collapse_gap']:.1e}",
    )
    lab.check(
        "relu_learns_what_linear_cannot",
        "with ReLU instead, the same MLP solves a problem that no linear layer can",
        bent["accuracy"] == 1 and bent["loss"] < best and linear["accuracy"] < 1,
        f"a ring within a broken ring, {3 * settings.per_class} points: ReLU loss"
        f" {bent['loss']:.6f}, accuracy {bent['accuracy']:.4f}; least loss of a linear layer"
        f" {best:.6f}, its accuracy {linear['accuracy']:.4f}",
    )
    for name in NETWORKS:
        lab.metrics[f"train_loss_{name}"] = found[name]["loss"]
        lab.metrics[f"train_accuracy_{name}"] = found[name]["accuracy"]
    lab.metrics["train_loss_linear_optimum"] = best
    lab.metrics["collapse_gap"] = identity["collapse_gap"]
    shown = np.unique(np.geomspace(1, settings.steps, 200).astype(int))
    lab.plots["training"] = {"step": shown.tolist(), "optimum": best} | {
        name: [found[name]["losses"][i - 1] for i in shown] for name in NETWORKS
    }
    lab.plots["regions"] = regions(found, settings.points)


def regions(found: Mapping[str, Any], points: int) -> dict[str, Any]:
    """Predicted classes on a square grid, (m, m) by network, with the training points."""
    axis = np.linspace(-2.8, 2.8, points)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return {
        "axis": axis.tolist(),
        "maps": {
            name: found[name]["logits"](grid).argmax(1).reshape(points, points).tolist()
            for name in NETWORKS
        },
        "accuracies": {name: found[name]["accuracy"] for name in NETWORKS},
        "points": found["x"].tolist(),
        "labels": found["y"].argmax(1).tolist(),
    }


FIGURES = Figures()


@FIGURES.add("regions", columns=3, width=3.0, height=3.7, sharey=True)
def draw_regions(plots: Any, *axes: Any) -> None:
    """What each trained network predicts over the plane, with the data."""
    from matplotlib.colors import ListedColormap

    from hw.figures.style import COLOURS

    plot = plots["regions"]
    labels, points = np.array(plot["labels"]), np.array(plot["points"])
    map_style = {
        "origin": "lower",
        "extent": 2 * (plot["axis"][0], plot["axis"][-1]),
        "cmap": ListedColormap(COLOURS[:3]),
        "vmin": -0.5,
        "vmax": 2.5,
        "alpha": 0.35,
        "interpolation": "nearest",
    }
    for ax, (name, classes) in zip(axes, plot["maps"].items(), strict=True):
        ax.imshow(classes, **map_style)
        for k, marker in enumerate("os^"):
            shown = {"ms": 4, "color": COLOURS[k], "mec": "white", "mew": 0.4}
            ax.plot(*points[labels == k].T, marker, label=f"class {k}", **shown)
        ax.set_title(f"{NETWORKS[name]}\naccuracy {plot['accuracies'][name]:.3f}", fontsize=10)
        ax.set(xlabel="$x_1$")
        ax.grid(False)
    axes[0].set_ylabel("$x_2$")
    handles, names = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, names, loc="outside lower center", ncols=3)


@FIGURES.add("training")
def draw_training(plots: Any, ax: Any) -> None:
    """The training losses of the three networks, and the least a linear layer can reach."""
    plot = plots["training"]
    for name, style in zip(NETWORKS, ("-", "--", "-."), strict=True):
        ax.plot(plot["step"], plot[name], style, label=NETWORKS[name])
    ax.axhline(plot["optimum"], color="black", ls=":", lw=1.2, label="least of a linear layer")
    ax.set(xlabel="gradient step", ylabel="training loss in nats", xscale="log", yscale="log")
    ax.legend(loc="lower left")
