"""A network from scratch that reads digits: sigmoid layers, softmax, mean squared error.

Source: Hertie E1394, Problem set 1, part 2, task 1(a).

    z_l = W_l a_(l-1),   a_0 = x,   a_l = σ(z_l) below the last layer L,   s = softmax(z_L)
    C = 1/K Σ_k (s_k - y_k)²,   c = ∂C/∂s = 2 (s - y) / K

    ∂C/∂z_L = s ⊙ (c - sᵀc)          ``jacobian``: softmax's Jacobian, diag(s) - ssᵀ, times c
    δ_L     = c ⊙ s ⊙ (1 - s)        ``diagonal``: the course's template keeps its diagonal only
    δ_l     = W_(l+1)ᵀ δ_(l+1) ⊙ σ'(z_l),   W_l <- W_l - η δ_l a_(l-1)ᵀ

Conventions: D pixels, K classes, L layers; W_l (out, in), no biases; y one-hot. Weights are
uniform in ±½, drawn layer by layer after ``np.random.seed(seed)``. One update an example, in the
order of the split, which is never shuffled; all gradients of an update are taken at the old
weights. Losses are means of C over a split, measured after each epoch, like the accuracies.

Deviations from the handout: ``jacobian`` is not the template's, but the gradient of C. The
template's step is none: it leaves out how each class's share lowers all others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.errors import UsageError
from hw.nn.evaluate import Evaluator
from hw.questions.derivations.lab.statements import titled
from hw.results.outcome import Check, Outcome
from hw.training.per_example import SequentialLearner
from hw.training.random_draws import CentredDraws

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

MEASURE = {
    "epoch": ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"),
    "end": (),
}


@dataclass(frozen=True)
class Settings:
    """The arguments of the template's class, and which derivative of softmax it uses."""

    hidden_sizes: tuple[int, ...] = setting(
        (128, 64), "units of each hidden layer", low=1, high=100_000
    )
    epochs: int = setting(50, "passes over the training set", low=1)
    learning_rate: float = setting(1.5, "step size η", above=0, high=1e6)
    softmax_derivative: Literal["diagonal", "jacobian"] = setting(
        "diagonal", "the template's s(1 - s), or the whole Jacobian"
    )
    seed: int = setting(1, "of initial weights", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        if not self.hidden_sizes:
            raise UsageError("hidden_sizes: at least one hidden layer")


class DigitsLearner(SequentialLearner):
    """What both implementations share: the draws, and weights that are named as layers."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        draws = CentredDraws(settings.seed)
        sizes = (data.n_features, *settings.hidden_sizes, data.n_classes)
        super().__init__(data, draws.orders(len(data.train)))
        self.settings = settings
        self.names = [f"{layer}.weight" for layer in range(len(sizes) - 1)]
        self.onehot = np.eye(data.n_classes)
        self._start(draws.weights(sizes))

    @abstractmethod
    def _start(self, weights: list[Array]) -> None:
        """From the initial weights, first layer first."""

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {"examples": examples(self.data)} if "examples" in names else {}

    def checks(self) -> list[Check]:
        data = self.data
        shown = sorted({int(label) for split in data.splits.values() for label in split.labels})
        levels = {
            float(v) for s in data.splits.values() for v in np.unique(s.features.take(slice(None)))
        }
        return [
            Check(
                "images_are_of_ten_digits",
                "the images have 28x28 pixels, and show the digits from 0 to 9",
                data.image_shape == (28, 28) and shown == list(range(10)),
                f"{' x '.join(map(str, data.image_shape))} pixels of {len(levels)} levels of "
                f"grey; classes {', '.join(map(str, shown))}",
            )
        ]


def examples(data: Dataset) -> list[dict[str, Any]]:
    """The first training image of each class that there is, as rows of pixels from 0 to 255."""
    shape, found = data.image_shape or (1, data.n_features), []
    for digit in range(data.n_classes):
        rows = np.flatnonzero(data.train.labels == digit)[:1]
        for image in data.train.features.take(rows):
            pixels = np.rint(255 * image).astype(int).reshape(shape)
            found.append({"label": digit, "pixels": pixels.tolist()})
    return found


# NumPy


def sigmoid(z: Array) -> Array:
    """1 / (1 + e⁻ᶻ), as the template has it; where e⁻ᶻ overflows this is 0."""
    return 1 / (1 + np.exp(-z))


def softmax(z: Array) -> Array:
    """Shares (..., K), computed from z - max z."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def output_error(s: Array, y: Array, derivative: str) -> Array:
    """δ_L (K,) from the shares s (K,) and the one-hot y (K,)."""
    slope = 2 * (s - y) / s.shape[0]
    if derivative == "diagonal":
        return slope * (s * (1 - s))
    return s * (slope - s @ slope)


def forward(weights: list[Array], x: Array) -> tuple[list[Array], Array]:
    """What every layer is fed, and the shares."""
    fed = [x]
    for W in weights[:-1]:
        fed.append(sigmoid(np.dot(W, fed[-1])))
    return fed, softmax(np.dot(weights[-1], fed[-1]))


def backward(
    weights: list[Array], fed: list[Array], s: Array, y: Array, derivative: str
) -> list[Array]:
    """δ_1 to δ_L, from the old weights: a layer's step is η δ aᵀ, with what it was fed, a."""
    errors = [output_error(s, y, derivative)]
    for W, a in zip(weights[:0:-1], fed[:0:-1], strict=True):
        errors.append(np.dot(W.T, errors[-1]) * (a * (1 - a)))  # σ' = σ (1 - σ)
    return errors[::-1]


class NumPyLearner(DigitsLearner):
    def _start(self, weights: list[Array]) -> None:
        self.weights = weights
        self.steps = [np.empty_like(W) for W in weights]  # η δ aᵀ, in the same memory each time

    def _train(self, rows: Array) -> None:
        s, labels = self.settings, self.data.train.labels
        with np.errstate(over="ignore"):  # of the sigmoid
            for x, label in zip(self.data.train.features.take(rows), labels[rows], strict=True):
                fed, output = forward(self.weights, x)
                errors = backward(
                    self.weights, fed, output, self.onehot[label], s.softmax_derivative
                )
                for W, step, delta, a in zip(self.weights, self.steps, errors, fed, strict=True):
                    np.multiply(delta[:, None], a, out=step)
                    step *= s.learning_rate
                    W -= step

    def _shares(self, split: Evaluator) -> Array:
        """The network's output (N, K) for a whole split."""
        a = split.features.take(slice(None))
        with np.errstate(over="ignore"):
            for W in self.weights[:-1]:
                a = sigmoid(a @ W.T)
        return softmax(a @ self.weights[-1].T)

    def _correct(self, split: Evaluator) -> int:
        return int((self._shares(split).argmax(axis=1) == split.labels).sum())

    def _loss(self, split: Evaluator) -> float:
        return float(np.square(self._shares(split) - self.onehot[split.labels]).mean())

    def parameters(self) -> dict[str, Array]:
        return dict(zip(self.names, self.weights, strict=True))


# PyTorch


class TorchLearner(DigitsLearner):
    """The same network as float64 tensors; the gradient of C is autograd's, the template's step,
    which is the gradient of nothing, is written out."""

    def _start(self, weights: list[Array]) -> None:
        import torch

        self.torch = torch
        autograd = self.settings.softmax_derivative == "jacobian"
        self.tensors = [torch.tensor(W, requires_grad=autograd) for W in weights]
        self.targets = torch.from_numpy(self.onehot)
        self._train_one = self._by_autograd if autograd else self._by_hand

    def _outputs(self, x: Any) -> list[Any]:
        """Every layer's output for x (D,) or (N, D); the last are the shares."""
        a: list[Any] = []
        for W in self.tensors[:-1]:
            a.append(self.torch.sigmoid((a[-1] if a else x) @ W.T))
        return [*a, self.torch.softmax(a[-1] @ self.tensors[-1].T, dim=-1)]

    def _by_autograd(self, x: Any, y: Any) -> list[Any]:
        cost = self.torch.nn.functional.mse_loss(self._outputs(x)[-1], y)
        return list(self.torch.autograd.grad(cost, self.tensors))

    def _by_hand(self, x: Any, y: Any) -> list[Any]:
        *hidden, s = self._outputs(x)
        delta = 2 / len(s) * (s - y) * s * (1 - s)
        found = []
        for layer in reversed(range(len(self.tensors))):
            found.append(self.torch.outer(delta, hidden[layer - 1] if layer else x))
            if layer:
                a = hidden[layer - 1]
                delta = (delta @ self.tensors[layer]) * a * (1 - a)
        return found[::-1]

    def _train(self, rows: Array) -> None:
        train = self.data.train
        X = self.torch.from_numpy(train.features.take(rows))
        for x, label in zip(X, train.labels[rows].tolist(), strict=True):
            found = self._train_one(x, self.targets[label])
            with self.torch.no_grad():
                for W, gradient in zip(self.tensors, found, strict=True):
                    W.sub_(gradient, alpha=self.settings.learning_rate)

    def _shares(self, split: Evaluator) -> Any:
        with self.torch.no_grad():
            return self._outputs(self.torch.from_numpy(split.features.take(slice(None))))[-1]

    def _correct(self, split: Evaluator) -> int:
        return int((self._shares(split).argmax(dim=1).numpy() == split.labels).sum())

    def _loss(self, split: Evaluator) -> float:
        return float((self._shares(split) - self.targets[split.labels]).square().mean())

    def parameters(self) -> dict[str, Array]:
        return {n: t.detach().numpy() for n, t in zip(self.names, self.tensors, strict=True)}


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> DigitsLearner:
    """The model in training; see `hw.training.loop.Learner`."""
    if device != "cpu":
        raise UsageError("a small network, one example at a time, has no use for a GPU")
    return (TorchLearner if backend == "torch" else NumPyLearner)(settings, data)


# Figure


def draw_examples(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """A training image of each digit, as the network is given them."""
    from hw.figures.style import new_figure

    known = next(iter(outcomes.values())).plots["examples"]  # the same in every variant
    figure, axes = new_figure(2, 5, width=1.5, height=1.7)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, example in zip(axes.flat, known, strict=False):
        ax.imshow(example["pixels"], cmap="gray_r", vmin=0, vmax=255)
        ax.set_title(str(example["label"]))
    return titled(figure, spec)


FIGURES = {"examples": draw_examples}
