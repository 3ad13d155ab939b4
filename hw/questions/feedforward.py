"""Feed-forward networks and logistic regression in a toolkit, in mini-batches.

Source: IST Deep Learning, Homework 1 of 2024-25 (question 2), 2023-24 (question 2) and 2021-22
(question 4).

Conventions: a hidden layer is linear, activation, dropout; ``layers`` counts hidden layers, each
of ``hidden_size`` units; logistic regression has none. Weights and biases start as `nn.Linear`'s
after ``torch.manual_seed(seed)``; batches are those of the assignment's DataLoader; the training
loss of an epoch is the mean of its batches' losses, validation and test loss are means over their
split, without dropout. The ℓ2 penalty is the optimiser's weight decay: λ times every parameter,
biases included, is added to its gradient.

Deviations from the handouts: with Adam the momentum is ignored (the 2024-25 script passes it on,
and fails).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hw.config import setting
from hw.datasets.features import Dataset
from hw.draws import TorchDraws
from hw.learners.spec import NetworkSpec

if TYPE_CHECKING:
    from hw.training import Learner

MEASURE = {
    "epoch": ("train_loss", "validation_loss", "validation_accuracy"),
    "end": ("test_accuracy", "test_loss"),
}


@dataclass(frozen=True)
class Settings:
    """What the assignments' scripts take on their command lines, and what they fix."""

    model: Literal["logistic_regression", "mlp"] = setting("mlp", "with hidden layers or without")
    epochs: int = setting(200, "passes over the training set", low=1)
    batch_size: int = setting(64, "examples of an update; more than there are: all", low=1)
    hidden_size: int = setting(200, "units of each hidden layer", low=1, high=100_000)
    layers: int = setting(2, "hidden layers", low=1, high=100)
    learning_rate: float = setting(0.002, "step size η", above=0, high=1e6)
    l2_decay: float = setting(0.0, "weight decay λ", low=0)
    dropout: float = setting(0.3, "probability of setting a hidden unit to zero", low=0, below=1)
    momentum: float = setting(0.0, "of SGD; Adam ignores it", low=0, below=1)
    activation: Literal["relu", "tanh"] = setting("relu", "of the hidden layers")
    optimizer: Literal["sgd", "adam"] = setting("sgd", "SGD or Adam")
    seed: int = setting(42, "of initial weights, dropout and order", low=0, high=2**32 - 1)
    loader: Literal["own", "global"] = setting(
        "own", "where the DataLoader's seeds come from: its own generator, or the global one"
    )
    running_loss: bool = setting(
        False, "training loss as the mean over all batches since the first (2021-22)"
    )
    dtype: Literal["float32", "float64"] = setting("float32", "of weights and features")
    step: Literal["direct", "autograd"] = setting(
        "direct", "PyTorch: the hand-derived update, or autograd's"
    )

    def network(self, data: Dataset) -> NetworkSpec:
        """The network for a data set."""
        hidden = () if self.model == "logistic_regression" else (self.hidden_size,) * self.layers
        return NetworkSpec(
            sizes=(data.n_features, *hidden, data.n_classes),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            activation=self.activation,
            dropout=self.dropout if hidden else 0.0,
            optimizer=self.optimizer,
            momentum=self.momentum if self.optimizer == "sgd" else 0.0,
            weight_decay=self.l2_decay,
            dtype=self.dtype,
            running_loss=self.running_loss,
        )

    def draws(self) -> TorchDraws:
        """Everything random, from one seed."""
        # The scripts give the loader's generator the number that they seed torch with.
        return TorchDraws(self.seed, self.seed if self.loader == "own" else None)


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Learner:
    """The model in training; see `hw.training.Learner`."""
    spec, draws = settings.network(data), settings.draws()
    if backend == "numpy":
        from hw.learners.numpy_network import NumPyNetwork

        return NumPyNetwork(spec, data, draws)
    from hw.learners.torch_network import TorchNetwork

    return TorchNetwork(spec, data, draws, device, settings.step)
