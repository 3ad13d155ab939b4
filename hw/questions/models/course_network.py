"""A fully connected network from scratch, in mini-batches that are never shuffled.

Source: IFT-6390, Homework 3, practical part.

Conventions: layers in order of depth; weights drawn after ``np.random.seed(seed)``, uniform in
±1/√fan_in, biases zero; batches of consecutive examples in file order; softmax and cross-entropy,
whose reported value is that of probabilities clipped to [10⁻⁶, 1 - 10⁻⁶], measured over the whole
split after every epoch. ``accuracy_gap`` is training minus validation accuracy.

Assumptions: the documents state neither learning rate nor batch size nor the seed of the first
question; 0.03, 100 and 0 are what is taken here.

Deviations from the handout: the course's own split of CIFAR-10 is not public, so accuracies cannot
be compared digit by digit, and float32 is used for speed (``dtype``; every check is in float64).
Early stopping and dropout are what question 1.2.2 proposes; the course's class has neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.errors import UsageError
from hw.training import network
from hw.training.network_spec import NetworkSpec, seconds_per_epoch
from hw.training.random_draws import UniformDraws
from hw.training.update_metrics import OF_UPDATES

if TYPE_CHECKING:
    from hw.training.loop import Learner

MEASURE = {
    "epoch": (
        "train_accuracy",
        "validation_accuracy",
        "train_loss",
        "validation_loss",
        "accuracy_gap",
    ),
    "end": ("test_accuracy",),
}
METRICS = tuple(OF_UPDATES)


@dataclass(frozen=True)
class Settings:
    """The arguments of the course's class, and the two remedies of question 1.2.2."""

    hidden_sizes: tuple[int, ...] = setting(
        (512, 256), "units of each hidden layer", low=1, high=100_000
    )
    activation: Literal["relu", "sigmoid", "tanh", "leaky_relu"] = setting(
        "relu", "of the hidden layers"
    )
    epochs: int = setting(50, "passes over the training set", low=1)
    batch_size: int = setting(100, "examples of an update", low=1)
    learning_rate: float = setting(0.03, "step size η", above=0, high=1e6)
    dropout: float = setting(0.0, "probability of setting a hidden unit to zero", low=0, below=1)
    patience: int = setting(
        0, "early stopping: epochs without a lower validation loss; 0: never", low=0
    )
    seed: int = setting(0, "of initial weights, and of dropout", low=0, high=2**32 - 1)
    dtype: Literal["float32", "float64"] = setting("float32", "of weights and features")
    step: Literal["autograd", "direct"] = setting(
        "autograd", "PyTorch: autograd's update, or the hand-derived one, which is faster"
    )

    def __post_init__(self) -> None:
        if not self.hidden_sizes:
            raise UsageError("hidden_sizes: at least one hidden layer")

    def network(self, data: Dataset) -> NetworkSpec:
        """The network for a data set."""
        return NetworkSpec(
            sizes=(data.n_features, *self.hidden_sizes, data.n_classes),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            activation=self.activation,
            dropout=self.dropout,
            dtype=self.dtype,
            train_loss="measured",
            clip=1e-6,
        )


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Learner:
    """The model in training; see `hw.training.loop.Learner`."""
    spec, draws = settings.network(data), UniformDraws(settings.seed)
    return network.make(spec, data, draws, backend, device, settings.step)


def estimate(settings: Settings, data: Dataset, backend: str) -> float:
    """Seconds of a run, roughly."""
    autograd = backend == "torch" and settings.step == "autograd"
    return settings.epochs * seconds_per_epoch(settings.network(data), len(data.train), autograd)
