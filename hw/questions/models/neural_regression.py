"""A network with one hidden layer that predicts a number, one example at a time.

Source: IST Deep Learning 2021-22, Homework 1, question 2.2(b), Figure 7.

Conventions: N examples, D features, H hidden units; W₁ (H, D) and W₂ (1, H) drawn from
N(0.1, 0.1²), hidden weights first, biases zero; no column of ones. h = g(W₁x + b₁), ŷ = W₂h + b₂,
loss ½(ŷ - y)². All gradients of an update are taken at the old weights. The losses reported are
root mean squared errors, as the document plots them. Two metrics at the end tell of the whole curve
of the training loss: ``train_variation``, how much it changes from epoch to epoch, in the mean over
the last 50; ``convergence_epoch``, the first epoch after which it is 0.1 or less, where the
document says that it ends, and one more than there were where it never is.

Deviations from the handout: none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.errors import UsageError
from hw.nn import per_example
from hw.nn.evaluate import Evaluator
from hw.questions.models.linear_regression import RegressionLearner, root_mean_square
from hw.training.network_spec import mean_of_epoch
from hw.training.random_draws import NumPyDraws

Array = NDArray[Any]

TASK = "regression"
MEASURE = {"epoch": ("train_loss", "test_loss"), "end": ()}
METRICS = ("train_variation", "convergence_epoch")
VARIATION_EPOCHS = 50  # the last ones, over which the variation of the training loss is taken
CONVERGED = 0.1  # "the value of the loss function ends up at around 0.1"
NAMES = ("0.weight", "0.bias", "1.weight", "1.bias")


@dataclass(frozen=True)
class Settings:
    """What the assignment's script takes on its command line, and the seed that it fixes."""

    hidden_size: int = setting(150, "hidden units H", low=1, high=100_000)
    epochs: int = setting(150, "passes over the training set", low=1)
    learning_rate: float = setting(0.001, "step size η", above=0, high=1e6)
    activation: Literal["relu", "tanh", "sigmoid", "identity"] = setting("relu", "g")
    seed: int = setting(42, "of initial weights and order", low=0, high=2**32 - 1)


class NetworkLearner(RegressionLearner):
    """What both implementations share: the draws, weights before orders."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        draws = NumPyDraws(settings.seed)
        layers = draws.layers((data.n_features, settings.hidden_size, 1))
        super().__init__(data, draws.orders(len(data.train)))
        self.settings = settings
        self.train_losses: list[float] = []  # after each epoch
        self._start([array for layer in layers for array in layer])

    def train_epoch(self) -> dict[str, float]:
        super().train_epoch()
        self.train_losses.append(self._loss(self.evaluators["train"]))
        return {"train_loss": self.train_losses[-1]}

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        changes = np.abs(np.diff(self.train_losses[-1 - VARIATION_EPOCHS :]))
        converged = (t for t, loss in enumerate(self.train_losses) if loss <= CONVERGED)
        own = {
            "train_variation": float(np.mean(changes)) if len(changes) else 0.0,
            "convergence_epoch": 1 + next(converged, len(self.train_losses)),
        }
        found = super().measure([name for name in metrics if name not in own])
        return found | {name: own[name] for name in metrics if name in own}

    def state(self) -> dict[str, Array]:
        return {**super().state(), "train_losses": np.array(self.train_losses)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        super().load_state(state)
        self.train_losses = state["train_losses"].tolist()

    @abstractmethod
    def _start(self, arrays: list[Array]) -> None:
        """From W₁, b₁, W₂, b₂."""


# NumPy


class NumPyLearner(NetworkLearner):
    """The parameters as `hw.nn.per_example.mlp_epoch` has them."""

    def _start(self, arrays: list[Array]) -> None:
        self.arrays = dict(zip(("W1", "b1", "W2", "b2"), arrays, strict=True))

    def _train(self, rows: Array) -> float:
        s, train = self.settings, self.data.train
        return per_example.mlp_epoch(
            self.arrays,
            train.features,
            train.labels,
            rows,
            s.learning_rate,
            s.activation,
            loss="half_squared_error",
        )

    def _loss(self, split: Evaluator) -> float:
        return split.mlp_rmse(self.arrays, self.settings.activation)

    def parameters(self) -> dict[str, Array]:
        return dict(zip(NAMES, self.arrays.values(), strict=True))


# PyTorch


class TorchLearner(NetworkLearner):
    """The same network as float64 tensors, its gradients autograd's."""

    def _start(self, arrays: list[Array]) -> None:
        import torch

        self.torch = torch
        self.tensors = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
        train = self.data.train
        self.X, self.y = self._split(Evaluator(train.features, train.labels))
        functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
        self.activate = functions.get(self.settings.activation, lambda z: z)

    def _split(self, split: Evaluator) -> tuple[Any, Any]:
        X = self.torch.from_numpy(split.features.take(slice(None)))
        return X, self.torch.from_numpy(split.labels)

    def _outputs(self, X: Any) -> Any:
        """ŷ (B,) of X (B, D)."""
        W1, b1, W2, b2 = self.tensors
        return (self.activate(X @ W1.T + b1) @ W2.T + b2).squeeze(-1)

    def _train(self, rows: Array) -> float:
        losses = []
        for row in rows.tolist():
            loss = 0.5 * (self._outputs(self.X[row]) - self.y[row]).square()
            gradients = self.torch.autograd.grad(loss, self.tensors)
            with self.torch.no_grad():
                for p, gradient in zip(self.tensors, gradients, strict=True):
                    p.sub_(gradient, alpha=self.settings.learning_rate)
            losses.append(loss.detach())
        seen = self.torch.stack(losses)
        return mean_of_epoch(seen.mean().item(), seen)

    def _loss(self, split: Evaluator) -> float:
        with self.torch.no_grad():
            X, y = self._split(split)
            return root_mean_square(self._outputs(X) - y)

    def parameters(self) -> dict[str, Array]:
        return {n: t.detach().numpy() for n, t in zip(NAMES, self.tensors, strict=True)}


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> NetworkLearner:
    """The model in training; see `hw.training.loop.Learner`."""
    if device != "cpu":
        raise UsageError("a regression, one example at a time, has no use for a GPU")
    return (TorchLearner if backend == "torch" else NumPyLearner)(settings, data)
