"""Linear classifiers of images: the perceptron and logistic regression, one example at a time.

Source: IST Deep Learning, Homework 1 of 2024-25 (question 1.1 and 1.2), 2023-24 (1.1) and
2021-22 (3.1).

Conventions: N examples, D features, K classes; x is an example with a last feature 1, so that the
last column of W (K, D+1) is the bias, trained and penalised like any weight; p = softmax(W x).
W starts at zero; examples come in the order of NumPy's legacy generator; of equal scores, the
lowest class wins.

- perceptron: on a mistake, W[y] += x and W[ŷ] -= x;
- logistic regression: W <- W - η ((p - onehot(y)) xᵀ + λ₂ W);
- with an ℓ1 penalty: after m gradient steps every weight moves towards zero by m ηλ₁ and stops
  there, the proximal step, which is what makes exact zeros. m = 1 is the textbook's, but one noisy
  gradient moves a weight much further than ηλ₁, so that hardly any weight rests at zero; with m an
  epoch, weights that the data do not ask for stay there (the truncated gradient of Langford, Li and
  Zhang, Journal of Machine Learning Research 10, 2009, equation 5).

Deviations from the handout: none in the updates. ℓ1 is a thought experiment in the handout
(2024-25, 1.2(d)); here it is run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset, Features
from hw.errors import UsageError
from hw.nn import per_example
from hw.nn.errors import Diverged
from hw.nn.evaluate import Evaluator
from hw.results.outcome import Outcome
from hw.training.network_spec import mean_of_epoch
from hw.training.per_example import SequentialLearner
from hw.training.random_draws import NumPyDraws

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

MEASURE = {"epoch": ("train_accuracy", "validation_accuracy"), "end": ("test_accuracy",)}


@dataclass(frozen=True)
class Settings:
    """What the assignment's script takes on its command line, and the seed that it fixes."""

    model: Literal["perceptron", "logistic_regression"] = setting(
        "logistic_regression", "which linear classifier"
    )
    epochs: int = setting(20, "passes over the training set", low=1)
    learning_rate: float = setting(0.001, "step size η; the perceptron has none", above=0, high=1e6)
    l2_penalty: float = setting(0.0, "λ₂, of ½λ₂‖W‖² per example", low=0)
    l1_penalty: float = setting(0.0, "λ₁, of λ₁Σ|W| per example, by proximal steps", low=0)
    proximal_every: int = setting(
        1, "gradient steps m between two proximal steps; 0: once an epoch", low=0
    )
    seed: int = setting(42, "of the order of the examples", low=0, high=2**32 - 1)
    step: Literal["autograd", "direct"] = setting(
        "autograd", "PyTorch: autograd's update, or the hand-derived one, which is faster"
    )

    def __post_init__(self) -> None:
        if self.l1_penalty and self.l2_penalty:
            raise UsageError("l1_penalty and l2_penalty: one of them must be 0")
        if self.model == "perceptron" and (self.l1_penalty or self.l2_penalty):
            raise UsageError("the perceptron takes no penalty")


class LinearLearner(SequentialLearner):
    """What both implementations share: the order of the examples, and when a proximal step is
    due."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        super().__init__(data, NumPyDraws(settings.seed).orders(len(data.train)))
        self.settings = settings

    def _until_proximal(self, rows: Array) -> Iterator[tuple[Array, int]]:
        """``rows`` in pieces, each with how many gradient steps the proximal step after it
        stands for; 0 where none is due. Proximal steps are counted from the epoch's start, and
        an epoch ends with one."""
        if not self.settings.l1_penalty:
            yield rows, 0
            return
        period = self.settings.proximal_every or self.n
        position = self.batches.position - len(rows)  # of the first row, in the epoch
        while len(rows):
            begun = position - position % period
            end = min(begun + period, self.n)
            piece, rows = rows[: end - position], rows[end - position :]
            position += len(piece)
            yield piece, end - begun if position == end else 0


# NumPy


class NumPyLearner(LinearLearner):
    """W as one (K, D+1) array."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        super().__init__(settings, data)
        self.W = np.zeros((data.n_classes, data.n_features + 1))

    def _train(self, rows: Array) -> float | None:
        s, train = self.settings, self.data.train
        if s.model == "perceptron":
            per_example.perceptron_epoch(self.W, train.features, train.labels, rows)
            return None
        if s.l1_penalty and s.proximal_every == 1:
            return per_example.proximal_epoch(
                self.W, train.features, train.labels, rows, s.learning_rate, s.l1_penalty
            )
        losses = 0.0
        seen = 0
        for chunk, steps in self._until_proximal(rows):
            try:
                losses += len(chunk) * per_example.logistic_epoch(
                    self.W, train.features, train.labels, chunk, s.learning_rate, s.l2_penalty
                )
            except Diverged as error:
                raise Diverged(seen + error.step) from None
            seen += len(chunk)
            if steps:
                threshold = steps * s.learning_rate * s.l1_penalty
                magnitude = np.maximum(np.abs(self.W) - threshold, 0)
                np.copysign(magnitude, self.W, out=self.W)
        return losses / len(rows)

    def _correct(self, split: Evaluator) -> int:
        return split.linear_correct(self.W)

    def _loss(self, split: Evaluator) -> float:
        return split.linear_loss(self.W)

    def parameters(self) -> dict[str, Array]:
        return {"0.weight": self.W[:, :-1], "0.bias": self.W[:, -1]}

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return _plots(names, self.parameters()["0.weight"], self.data)


# PyTorch


class TorchLearner(LinearLearner):
    """The same model as one `nn.Linear` in float64, from zero; ``step`` says who works out the
    gradient of logistic regression."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        import torch

        super().__init__(settings, data)
        self.torch = torch
        self.model = torch.nn.utils.skip_init(
            torch.nn.Linear, data.n_features, data.n_classes, dtype=torch.float64
        )
        for p in self.model.parameters():
            torch.nn.init.zeros_(p)
        self.weight, self.bias = self.model.weight.detach(), self.model.bias.detach()
        if settings.model == "perceptron":
            self.update = self._perceptron
        elif settings.step == "direct":
            self.update = self._logistic_by_hand
        else:
            self.update = self._logistic
            self.optimizer = torch.optim.SGD(
                self.model.parameters(), settings.learning_rate, weight_decay=settings.l2_penalty
            )

    def _train(self, rows: Array) -> float | None:
        train = self.data.train
        losses: list[Any] = []
        for piece, steps in self._until_proximal(rows):
            for start in range(0, len(piece), 256):
                block = piece[start : start + 256]
                X = self.torch.from_numpy(train.features.take(block))
                labels = train.labels[block].tolist()
                losses += [self.update(x, label) for x, label in zip(X, labels, strict=True)]
            if steps:
                self._proximal(steps)
        if self.settings.model == "perceptron":
            return None
        seen = self.torch.stack(losses)
        return mean_of_epoch(seen.mean().item(), seen)

    def _logistic(self, x: Any, label: int) -> Any:
        """One update from x (D,); the loss before it."""
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.model(x), self.torch.tensor(label))
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _logistic_by_hand(self, x: Any, label: int) -> Any:
        """One update of η((p - onehot)xᵀ + λ₂W); the loss before it."""
        torch, s = self.torch, self.settings
        log_p = torch.log_softmax(torch.mv(self.weight, x).add_(self.bias), 0)
        loss = -log_p[label]
        g = log_p.exp_()
        g[label] -= 1
        shrink = 1 - s.learning_rate * s.l2_penalty
        torch.addr(self.weight, g, x, beta=shrink, alpha=-s.learning_rate, out=self.weight)
        self.bias.mul_(shrink).sub_(g, alpha=s.learning_rate)
        return loss

    def _perceptron(self, x: Any, label: int) -> None:
        guess = int(self.torch.mv(self.weight, x).add_(self.bias).argmax())
        if guess != label:
            self.weight[label] += x
            self.weight[guess] -= x
            self.bias[label] += 1
            self.bias[guess] -= 1

    def _proximal(self, steps: int) -> None:
        threshold = steps * self.settings.learning_rate * self.settings.l1_penalty
        for p in (self.weight, self.bias):
            p.copy_(self.torch.nn.functional.softshrink(p, threshold))

    def _scores(self, features: Features, block: int = 1024) -> Any:
        """(N, K) in float64, block by block."""
        blocks = [
            self.torch.from_numpy(x) @ self.weight.T + self.bias for _, x in features.blocks(block)
        ]
        return self.torch.cat(blocks)

    def _correct(self, split: Evaluator) -> int:
        guesses = self._scores(split.features).argmax(1).numpy()
        return int((guesses == split.labels).sum())

    def _loss(self, split: Evaluator) -> float:
        labels = self.torch.from_numpy(split.labels)
        scores = self._scores(split.features)
        return float(self.torch.nn.functional.cross_entropy(scores, labels))

    def parameters(self) -> dict[str, Array]:
        return {"0.weight": self.weight.numpy(), "0.bias": self.bias.numpy()}

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return _plots(names, self.parameters()["0.weight"], self.data)


def learner(
    settings: Settings, data: Dataset, backend: str, device: str = "cpu"
) -> SequentialLearner:
    """The model in training; see `hw.training.loop.Learner`."""
    if device != "cpu":
        raise UsageError("a linear classifier, one example at a time, has no use for a GPU")
    return (TorchLearner if backend == "torch" else NumPyLearner)(settings, data)


COSTS = {"numpy": (4e-6, 0.4e-9), "torch": (30e-6, 0.7e-9), "autograd": (190e-6, 1e-9)}


def estimate(settings: Settings, data: Dataset, backend: str) -> float:
    """Seconds of a run, roughly: a per-example constant, and so much per weight."""
    autograd = backend == "torch" and settings.step == "autograd"
    way = "autograd" if autograd and settings.model != "perceptron" else backend
    per_example, per_weight = COSTS[way]
    cost = per_example + per_weight * data.n_features * data.n_classes
    return settings.epochs * len(data.train) * cost


# Figures


def _plots(names: Collection[str], weight: Array, data: Dataset) -> dict[str, Any]:
    return {"weights": _pictures(weight, data)} if "weights" in names else {}


def _pictures(weight: Array, data: Dataset) -> dict[str, Any]:
    """The weights of each class as a picture of whole numbers, -127..127, 0 for an exact zero.

    A picture shows no more, and 41 472 numbers with 16 digits each would weigh a megabyte.
    """
    top = float(np.abs(weight).max()) or 1.0
    shape = data.image_shape or (1, weight.shape[1])
    levels = (np.sign(weight) * np.ceil(np.abs(weight) / top * 127)).astype(int)
    return {
        "largest": top,
        "shape": list(shape),
        "classes": list(data.class_names) or [str(k) for k in range(len(weight))],
        "levels": levels.tolist(),
    }


def draw_weights(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """A row for each variant, a column for each class: how strongly each pixel speaks for it.

    Blue speaks for the class, red against it, and white is a weight of exactly zero; colour
    pictures show the mean over their channels.
    """
    from hw.figures.style import new_figure

    shown = {v: o.plots["weights"] for v, o in outcomes.items() if "weights" in o.plots}
    columns = max((len(w["classes"]) for w in shown.values()), default=1)
    figure, axes = new_figure(max(1, len(shown)), columns, width=1.7, height=1.8)
    for row, (variant, weights) in zip(axes, shown.items(), strict=False):
        shape = tuple(weights["shape"])
        for ax, name, levels in zip(row, weights["classes"], weights["levels"], strict=False):
            picture = np.array(levels, dtype=float).reshape(shape)
            if picture.ndim == 3:
                picture = picture.mean(axis=2)
            bound = np.quantile(np.abs(picture), 0.995) or 1.0
            ax.imshow(picture, cmap="RdBu", vmin=-bound, vmax=bound, interpolation="nearest")
            ax.set_title(f"{name}" if variant == next(iter(shown)) else "", fontsize=10)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(False)
        row[0].set_ylabel(variant, fontsize=11)
    return figure


FIGURES = {"weights": draw_weights}
