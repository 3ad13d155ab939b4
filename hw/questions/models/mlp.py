"""A network with one hidden layer and hand-written backpropagation, one example at a time.

Source: IST Deep Learning, Homework 1 of 2024-25 (question 1.3), 2023-24 (1.2(b)) and 2021-22
(3.2(b)).

Conventions: N examples, D features, H hidden units, K classes; W₁ (H, D), W₂ (K, H) drawn from
N(0.1, 0.1²), hidden weights first, biases zero; h = g(W₁x + b₁), p = softmax(W₂h + b₂); loss
-log p_y. All gradients of an update are taken at the old weights. The loss of an epoch is the mean
of the losses of its examples, each at the moment it is seen.

Deviations from the handout: none. The block method (docs/sequential-sgd.md) makes the same
updates in the same order; on images this network is chaotic, so that from a few thousand updates
on, two correct programs agree only within a band (docs/architecture.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.nn import per_example
from hw.nn.evaluate import Evaluator
from hw.training import network
from hw.training.network_spec import NetworkSpec
from hw.training.per_example import SequentialLearner
from hw.training.random_draws import NumPyDraws

if TYPE_CHECKING:
    from hw.training.loop import Learner

Array = NDArray[Any]

MEASURE = {
    "epoch": ("train_loss", "train_accuracy", "validation_accuracy"),
    "end": ("test_accuracy",),
}


@dataclass(frozen=True)
class Settings:
    """What the assignment's script takes on its command line, and the seed that it fixes."""

    hidden_size: int = setting(100, "hidden units H", low=1, high=100_000)
    epochs: int = setting(20, "passes over the training set", low=1)
    learning_rate: float = setting(0.001, "step size η", above=0, high=1e6)
    activation: Literal["relu", "tanh", "sigmoid", "identity"] = setting("relu", "g")
    seed: int = setting(42, "of initial weights and order", low=0, high=2**32 - 1)
    step: Literal["autograd", "direct"] = setting(
        "autograd", "PyTorch: autograd's update, or the hand-derived one, which is faster"
    )


# NumPy


class NumPyLearner(SequentialLearner):
    """The parameters as `hw.nn.per_example.mlp_epoch` has them."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        draws = NumPyDraws(settings.seed)
        layers = draws.layers((data.n_features, settings.hidden_size, data.n_classes))
        super().__init__(data, draws.orders(len(data.train)))
        self.settings = settings
        (W1, b1), (W2, b2) = layers
        self.arrays = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def _train(self, rows: Array) -> float:
        s, train = self.settings, self.data.train
        return per_example.mlp_epoch(
            self.arrays, train.features, train.labels, rows, s.learning_rate, s.activation
        )

    def _correct(self, split: Evaluator) -> int:
        return split.mlp_correct(self.arrays, self.settings.activation)

    def _loss(self, split: Evaluator) -> float:
        return split.mlp_loss(self.arrays, self.settings.activation)

    def parameters(self) -> dict[str, Array]:
        a = self.arrays
        return {
            "0.weight": a["W1"],
            "0.bias": a["b1"],
            "1.weight": a["W2"],
            "1.bias": a["b2"],
        }


# PyTorch


def torch_learner(settings: Settings, data: Dataset, device: str) -> Learner:
    """The same updates as batches of one example in float64."""
    spec = NetworkSpec(
        sizes=(data.n_features, settings.hidden_size, data.n_classes),
        batch_size=1,
        learning_rate=settings.learning_rate,
        activation=settings.activation,
        dtype="float64",
    )
    return network.make(spec, data, NumPyDraws(settings.seed), "torch", device, settings.step)


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Learner:
    """The model in training; see `hw.training.loop.Learner`."""
    if backend == "torch":
        return torch_learner(settings, data, device)
    return NumPyLearner(settings, data)


COSTS = {"numpy": (10e-6, 0.15e-9), "direct": (80e-6, 0.7e-9), "autograd": (180e-6, 2e-9)}


def estimate(settings: Settings, data: Dataset, backend: str) -> float:
    """Seconds of a run, roughly: a per-example constant, and so much per weight."""
    weights = settings.hidden_size * (data.n_features + data.n_classes)
    per_example, per_weight = COSTS[settings.step if backend == "torch" else backend]
    return settings.epochs * len(data.train) * (per_example + per_weight * weights)
