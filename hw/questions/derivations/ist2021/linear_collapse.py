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
training. Training is by full batches, as the subject is where it ends and not how it gets there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import log_softmax, softmax
from hw.questions.derivations.lab.calculus import gap
from hw.questions.derivations.lab.statements import sole, titled
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Layer = tuple[Any, Any]
NETWORKS = ("linear", "identity", "relu")
NAMES = {
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
    """Output of the network for one input x (D,)."""
    for w, b in layers[:-1]:
        x = activation(w @ x + b)
    w, b = layers[-1]
    return w @ x + b


# NumPy -----------------------------------------------------------------------------------------


def logits(layers: Sequence[Layer], x: np.ndarray, relu: bool) -> np.ndarray:
    """Logits of a batch, (N, D) -> (N, K)."""
    for w, b in layers[:-1]:
        x = x @ w.T + b
        x = np.maximum(x, 0) if relu else x
    w, b = layers[-1]
    return x @ w.T + b


def train_numpy(
    layers: list[Layer], x: np.ndarray, y: np.ndarray, relu: bool, settings: Settings
) -> tuple[list[Layer], list[float]]:
    """Gradient descent with backpropagation; returns the layers and the loss before each step."""
    losses = []
    for _ in range(settings.steps):
        inputs, masks = [x], []
        for w, b in layers[:-1]:
            z = inputs[-1] @ w.T + b
            masks.append(z > 0 if relu else np.ones_like(z))
            inputs.append(z * masks[-1])
        w, b = layers[-1]
        z = inputs[-1] @ w.T + b
        losses.append(float(-(y * log_softmax(z)).sum(1).mean()))
        delta = (softmax(z) - y) / len(x)  # ∂loss/∂z, (N, out)
        gradients = []
        for index in reversed(range(len(layers))):
            gradients.append((delta.T @ inputs[index], delta.sum(0)))
            if index:
                delta = (delta @ layers[index][0]) * masks[index - 1]
        layers = [
            (w - LEARNING_RATE * dw, b - LEARNING_RATE * db)
            for (w, b), (dw, db) in zip(layers, reversed(gradients), strict=True)
        ]
    return layers, losses


# PyTorch ---------------------------------------------------------------------------------------


def train_torch(
    layers: list[Layer], x: np.ndarray, y: np.ndarray, relu: bool, settings: Settings
) -> tuple[list[Layer], list[float]]:
    """The same descent with autograd's gradients."""
    import torch

    points, labels = torch.from_numpy(x), torch.from_numpy(y.argmax(1))
    parameters = [torch.tensor(part, requires_grad=True) for layer in layers for part in layer]
    losses = []
    for _ in range(settings.steps):
        h = points
        for index in range(0, len(parameters), 2):
            h = torch.addmm(parameters[index + 1], h, parameters[index].T)
            if relu and index + 2 < len(parameters):
                h = torch.relu(h)
        loss = torch.nn.functional.cross_entropy(h, labels)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= LEARNING_RATE * gradient
    plain = [parameter.detach().numpy() for parameter in parameters]
    return list(zip(plain[::2], plain[1::2], strict=True)), losses


# Exact -----------------------------------------------------------------------------------------


def rational_layers(rng: np.random.Generator, sizes: Sequence[int]) -> list[Layer]:
    """Layers of random fractions p/q, |p| <= 9 and 1 <= q <= 5, as arrays of `Fraction`."""

    def fractions(*shape: int) -> np.ndarray:
        tops, bottoms = rng.integers(-9, 10, shape), rng.integers(1, 6, shape)
        ratios = [Fraction(int(p), int(q)) for p, q in zip(tops.flat, bottoms.flat, strict=True)]
        return np.array(ratios, dtype=object).reshape(shape)

    return [(fractions(n, d), fractions(n)) for d, n in itertools.pairwise(sizes)]


def frame(dimension: int) -> list[np.ndarray]:
    """The origin and the unit vectors: two affine maps that agree on them agree everywhere."""
    axes = np.array([[Fraction(int(i == j)) for j in range(dimension)] for i in range(dimension)])
    return [0 * axes[0], *axes]


def collapse_failures(rng: np.random.Generator, settings: Settings, linear: bool) -> int:
    """How many of the random rational networks are not the layer that they collapse to.

    ``linear``: a random linear activation, otherwise the identity.
    """
    failures = 0
    for _ in range(settings.networks):
        sizes = rng.integers(1, 6, int(rng.integers(3, settings.depth + 2))).tolist()
        layers = rational_layers(rng, sizes)
        slope, offset = rational_layers(rng, (1, 2))[0][1] if linear else (1, 0)
        one = collapse(layers, slope, offset)
        failures += any(
            (
                forward(layers, lambda a, s=slope, o=offset: s * a + o, x)
                != forward([one], same, x)
            ).any()
            for x in frame(sizes[0])
        )
    return failures


def symbolic_collapse() -> bool:
    """Two layers of letters, D = H = K = 2, and any slope and offset of g: SymPy decides."""
    import sympy

    letters = iter(sympy.symbols("p1:15"))
    layers = [
        (
            np.array([[next(letters) for _ in range(2)] for _ in range(2)]),
            np.array([next(letters) for _ in range(2)]),
        )
        for _ in range(2)
    ]
    x, (slope, offset) = np.array([next(letters) for _ in range(2)]), sympy.symbols("alpha beta")
    difference = forward(layers, lambda a: slope * a + offset, x)
    difference = difference - forward([collapse(layers, slope, offset)], same, x)
    return all(sympy.expand(entry) == 0 for entry in difference)


def through_hidden(layer: Layer, hidden: int) -> list[Layer]:
    """Two layers that with identity activation are ``layer``; needs hidden >= min(out, in)."""
    weight, bias = layer
    out, into = weight.shape
    first, second = (np.full(shape, Fraction(0)) for shape in ((hidden, into), (out, hidden)))
    if into <= out:
        first[:into], second[:, :into] = np.eye(into, dtype=int), weight
    else:
        first[:out], second[:, :out] = weight, np.eye(out, dtype=int)
    return [(first, np.full(hidden, Fraction(0))), (second, bias)]


def rank(matrix: np.ndarray) -> int:
    """Rank of a matrix of fractions, exactly."""
    import sympy

    return sympy.Matrix(matrix.tolist()).rank()


# XOR: points of the unit square, +1 where exactly one coordinate is one.
SQUARE = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
XOR, AND = np.array([-1, 1, 1, -1]), np.array([-1, -1, -1, 1])
# h = (relu(x_1 + x_2), relu(x_1 + x_2 - 1)), score h_1 - 2 h_2 - 1/2, positive for "exactly one".
XOR_LAYERS: list[Layer] = [
    (np.array([[1, 1], [1, 1]]), np.array([0, -1])),
    (np.array([[1, -2]]), np.array([Fraction(-1, 2)])),
]


def relu(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, a, 0 * a)


def same(a: np.ndarray) -> np.ndarray:
    """The identity as an activation."""
    return a


def inseparability(points: np.ndarray, labels: np.ndarray) -> tuple[int, ...] | None:
    """Multipliers μ >= 0, not all zero, with Σ μ_i y_i (x_i, 1) = 0, or None among small ones.

    If there were (w, b) with y_i (w·x_i + b) > 0 for all i, the same sum would be positive: such
    multipliers prove that no hyperplane separates the labels (Gordan's theorem).
    """
    rows = labels[:, None] * np.column_stack([points, np.ones(len(points), int)])
    for multipliers in itertools.product(range(3), repeat=len(points)):
        if any(multipliers) and not (np.array(multipliers) @ rows).any():
            return multipliers
    return None


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


# The trained networks --------------------------------------------------------------------------


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
    classes, width = y.shape[1], rows.shape[1]
    theta = np.zeros((classes, width))
    for _ in range(50):
        p = softmax(rows @ theta.T)
        gradient = ((p - y).T @ rows).ravel() / len(x)
        curvature = p[:, :, None] * np.eye(classes) - p[:, :, None] * p[:, None, :]
        hessian = np.einsum("nkl,ni,nj->kilj", curvature, rows, rows) / len(x)
        hessian = hessian.reshape(theta.size, theta.size)
        # Adding the same row to every class changes nothing: that direction is cut off.
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-10)[0]
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
    train = {"numpy": train_numpy, "torch": train_torch}[backend]
    x, y = two_rings(rng, settings.per_class)
    best_loss, best = optimum(x, y)
    start = {
        "linear": initial_layers(rng, (2, 3)),
        "identity": initial_layers(rng, (2, settings.hidden, 3)),
    }
    start["relu"] = start["identity"]
    found: dict[str, Any] = {"x": x, "y": y, "best_loss": best_loss, "best": best}
    for name in NETWORKS:
        layers, losses = train(start[name], x, y, name == "relu", settings)
        z = logits(layers, x, name == "relu")
        found[name] = {
            "layers": layers,
            "losses": losses,
            "loss": float(-(y * log_softmax(z)).sum(1).mean()),
            "accuracy": float((z.argmax(1) == y.argmax(1)).mean()),
            "probability_gap": gap(softmax(z), best),
            "collapse_gap": gap(z, logits([collapse(layers)], x, False)),
        }
    return found


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The collapse exactly and as a trained pair, and what ReLU adds."""
    rng = np.random.default_rng(settings.seed)
    outcome = Outcome()
    check_collapse(outcome, settings, rng)
    check_parameters(outcome)
    check_xor(outcome)
    check_training(outcome, settings, trained(settings, rng, backend))
    return outcome


def check_collapse(outcome: Outcome, settings: Settings, rng: np.random.Generator) -> None:
    """In rational numbers and in letters: a linear activation adds nothing."""
    symbolic = symbolic_collapse()
    for name, linear, statement in (
        ("identity_is_one_layer", False, "with identity activation an MLP is one linear layer"),
        (
            "linear_is_one_layer",
            True,
            "with any linear activation g(a) = αa + β an MLP is one linear layer",
        ),
    ):
        failures = collapse_failures(rng, settings, linear)
        outcome.check(
            name,
            statement,
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
    outcome.check(
        "every_linear_layer_is_reached",
        "conversely, with at least min(D, K) hidden units every linear layer is such an MLP",
        bool((weight == wide[0]).all() and (bias == wide[1]).all()),
        "a rational layer of D = 4, K = 3 rebuilt exactly with 3 hidden units",
    )
    narrow = collapse(rational_layers(rng, (4, 2, 3)))
    outcome.check(
        "narrow_layers_reach_less",
        "with fewer hidden units the rank of the layer is bounded by their number",
        rank(narrow[0]) <= 2 < rank(wide[0]),
        f"D = 4, K = 3: rank {rank(narrow[0])} through 2 hidden units, {rank(wide[0])} without",
    )


def check_parameters(outcome: Outcome) -> None:
    """In x only ReLU is nonlinear; in the parameters every activation is."""
    x, y, z = np.array([0, 0]), np.array([1, 1]), np.array([0, 1])
    for name, activation, words in (
        ("relu_nonlinear_in_input", relu, "not an affine function of x"),
        ("identity_linear_in_input", same, "an affine function of x"),
    ):
        middle = forward(XOR_LAYERS, activation, (x + y) * Fraction(1, 2))[0]
        mean = sum(forward(XOR_LAYERS, activation, end)[0] for end in (x, y)) / Fraction(2)
        wanted = name.startswith("relu")
        outcome.check(
            name,
            f"the output with {'ReLU' if wanted else 'the identity'} is {words}",
            (middle != mean) == wanted,
            f"with the weights that solve XOR: {middle} halfway between (0, 0) and (1, 1), mean of"
            f" the two outputs {mean}",
        )
    for name, activation, words in (
        ("relu_nonlinear_in_parameters", relu, "with ReLU"),
        ("identity_nonlinear_in_parameters", same, "even with the identity"),
    ):
        doubled = [(2 * w, 2 * b) for w, b in XOR_LAYERS]
        one, two = (forward(net, activation, z)[0] for net in (XOR_LAYERS, doubled))
        outcome.check(
            name,
            f"the output {words} is not a linear function of the weights and biases",
            two != 2 * one,
            f"all of them doubled, the output at (0, 1) goes from {one} to {two}, not to {2 * one}",
        )


def check_xor(outcome: Outcome) -> None:
    """What a linear layer cannot separate, exactly, and a network with ReLU that does."""
    proof = inseparability(SQUARE, XOR)
    outcome.check(
        "xor_not_linearly_separable",
        "some data, such as XOR, no hyperplane separates",
        proof is not None,
        f"multipliers {proof} make Σ μ_i y_i (x_i, 1) zero, which a separating (w, b) would make"
        " positive"
        if proof
        else "no multipliers found",
    )
    (xor, xor_epochs, xor_w), (conj, and_epochs, and_w) = (
        perceptron(SQUARE, labels) for labels in (XOR, AND)
    )
    outcome.check(
        "perceptron_needs_separable_data",
        "the perceptron converges on linearly separable data and never on XOR",
        conj and not xor,
        f"AND: no mistake in epoch {and_epochs}, (w, b) = {and_w}; XOR: epoch {xor_epochs} ends"
        f" with weights {xor_w} that an earlier one began with, and so it goes in circles",
    )
    scores = [forward(XOR_LAYERS, relu, point)[0] for point in SQUARE]
    right = all(score * label > 0 for score, label in zip(scores, XOR, strict=True))
    outcome.check(
        "relu_separates_xor",
        "a hidden layer of two ReLU units separates XOR",
        right,
        "scores of (0,0), (0,1), (1,0), (1,1): " + ", ".join(map(str, scores)),
    )


def check_training(outcome: Outcome, settings: Settings, found: Mapping[str, Any]) -> None:
    """Where the three networks end."""
    best = found["best_loss"]
    linear, identity, bent = (found[name] for name in NETWORKS)
    excess = {name: found[name]["loss"] - best for name in ("linear", "identity")}
    apart = {name: found[name]["probability_gap"] for name in ("linear", "identity")}
    outcome.check(
        "trained_pair_agrees",
        "trained, the linear layer and the MLP with the identity end at the same loss and the same"
        " predictions",
        all(-1e-12 <= value <= SAME_LOSS for value in excess.values())
        and max(apart.values()) <= SAME_PROBABILITY
        and linear["accuracy"] == identity["accuracy"],
        f"least loss of a linear layer {best:.9f} (Newton); linear {excess['linear']:+.1e},"
        f" identity {excess['identity']:+.1e}; probabilities off by at most"
        f" {max(apart.values()):.1e}; accuracies {linear['accuracy']:.4f} and"
        f" {identity['accuracy']:.4f}",
    )
    outcome.check(
        "trained_mlp_collapses",
        "the trained MLP with the identity is the layer W₂W₁, W₂b₁ + b₂",
        # Logits of about 10 from sums of `hidden` products.
        identity["collapse_gap"] <= 1e-11,
        f"largest |difference| of logits {identity['collapse_gap']:.1e}",
    )
    outcome.check(
        "relu_learns_what_linear_cannot",
        "with ReLU instead, the same MLP solves a problem that no linear layer can",
        bent["accuracy"] == 1 and bent["loss"] < best and linear["accuracy"] < 1,
        f"a ring within a broken ring, {3 * settings.per_class} points: ReLU loss"
        f" {bent['loss']:.6f}, accuracy {bent['accuracy']:.4f}; least loss of a linear layer"
        f" {best:.6f}, its accuracy {linear['accuracy']:.4f}",
    )
    for name in NETWORKS:
        outcome.metrics[f"train_loss_{name}"] = found[name]["loss"]
        outcome.metrics[f"train_accuracy_{name}"] = found[name]["accuracy"]
    outcome.metrics["train_loss_linear_optimum"] = best
    outcome.metrics["collapse_gap"] = identity["collapse_gap"]
    shown = np.unique(np.geomspace(1, settings.steps, 200).astype(int))
    outcome.plots = {
        "training": {
            "step": shown.tolist(),
            "optimum": best,
            **{name: [found[name]["losses"][i - 1] for i in shown] for name in NETWORKS},
        },
        "regions": regions(found, settings.points),
    }


def regions(found: Mapping[str, Any], points: int) -> dict[str, Any]:
    """Predicted classes on a square grid, (m, m) by network, with the training points."""
    axis = np.linspace(-2.8, 2.8, points)
    grid = np.column_stack([part.ravel() for part in np.meshgrid(axis, axis)])
    maps = {
        name: logits(found[name]["layers"], grid, name == "relu").argmax(1) for name in NETWORKS
    }
    return {
        "axis": axis.tolist(),
        "maps": {name: value.reshape(points, points).tolist() for name, value in maps.items()},
        "accuracies": {name: found[name]["accuracy"] for name in NETWORKS},
        "points": found["x"].tolist(),
        "labels": found["y"].argmax(1).tolist(),
    }


# Figures ---------------------------------------------------------------------------------------


def draw_regions(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """What each trained network predicts over the plane, with the data."""
    from matplotlib.colors import ListedColormap

    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["regions"]
    colours, markers = COLOURS[:3], "os^"
    figure, (axes,) = new_figure(1, 3, width=3.0, height=3.7, sharey=True)
    labels, points = np.array(plot["labels"]), np.array(plot["points"])
    low, high = plot["axis"][0], plot["axis"][-1]
    for ax, (name, classes) in zip(axes, plot["maps"].items(), strict=True):
        ax.imshow(
            classes,
            origin="lower",
            extent=(low, high, low, high),
            cmap=ListedColormap(colours),
            vmin=-0.5,
            vmax=2.5,
            alpha=0.35,
            interpolation="nearest",
        )
        for k, (colour, marker) in enumerate(zip(colours, markers, strict=True)):
            ax.plot(
                *points[labels == k].T,
                marker,
                ms=4,
                color=colour,
                mec="white",
                mew=0.4,
                label=f"class {k}",
            )
        ax.set_title(f"{NAMES[name]}\naccuracy {plot['accuracies'][name]:.3f}", fontsize=10)
        ax.set(xlabel="$x_1$")
        ax.grid(False)
    axes[0].set_ylabel("$x_2$")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return titled(figure, spec)


def draw_training(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The training losses of the three networks, and the least a linear layer can reach."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["training"]
    figure, ((ax,),) = new_figure()
    for name, style in zip(NETWORKS, ("-", "--", "-."), strict=True):
        ax.plot(plot["step"], plot[name], style, label=NAMES[name])
    ax.axhline(plot["optimum"], color=COLOURS[6], ls=":", lw=1.2, label="least of a linear layer")
    ax.set(xlabel="gradient step", ylabel="training loss in nats", xscale="log", yscale="log")
    ax.legend(loc="lower left")
    return titled(figure, spec)


FIGURES = {"regions": draw_regions, "training": draw_training}
