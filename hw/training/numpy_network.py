"""Feed-forward networks in NumPy, in mini-batches: the twin of `hw.training.torch_network`.

The same batches, masks and initial weights, from the same draws; gradients and optimisers are
hand-derived, in `hw.nn`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Dataset
from hw.nn import losses, network
from hw.nn.optimizers import optimiser
from hw.training.metrics import by_split
from hw.training.network_spec import (
    Batches,
    Draws,
    NetworkSpec,
    draw_masks,
    mean_of_epoch,
    prefixed,
    unprefixed,
)
from hw.training.per_example import EXTRAS

Array = NDArray[Any]


class NumPyNetwork:
    """A `Learner`; see the module's docstring."""

    def __init__(self, spec: NetworkSpec, data: Dataset, draws: Draws) -> None:
        self.spec, self.data, self.draws = spec, data, draws
        self.dtype = np.dtype(spec.dtype)
        arrays = [array for layer in draws.layers(spec.sizes) for array in layer]
        self.arrays = {
            name: np.array(array, self.dtype)
            for name, array in zip(spec.names, arrays, strict=True)
        }
        self.optimiser = optimiser(
            spec.optimizer,
            self.arrays,
            spec.learning_rate,
            momentum=spec.momentum,
            weight_decay=spec.weight_decay,
        )
        n = len(data.train)
        self.batches = Batches(draws.orders(n), n, spec.batch_size)
        self.targets = {name: self._targets(split.labels) for name, split in data.splits.items()}
        self.losses: list[float] = []
        self.all_losses: list[float] = []

    def _targets(self, labels: Array) -> Array:
        """Labels, or one-hot rows for binary cross-entropy."""
        if self.spec.loss == "bce":
            return np.eye(self.spec.sizes[-1], dtype=self.dtype)[labels]
        return labels

    def train_epoch(self) -> dict[str, float]:
        self.losses = []
        self.advance(len(self.batches))
        if self.spec.train_loss == "measured":
            return {}
        if self.spec.train_loss == "running":
            self.all_losses += self.losses
            return {"train_loss": mean_of_epoch(np.mean(self.all_losses), self.losses)}
        return {"train_loss": mean_of_epoch(np.mean(self.losses), self.losses)}

    def advance(self, updates: int) -> None:
        """The next ``updates`` batches."""
        features, targets = self.data.train.features, self.targets["train"]
        for _ in range(updates):
            rows = self.batches.next()
            drawn = draw_masks(self.draws, self.spec, len(rows))
            masks = [np.asarray(m, self.dtype) for m in drawn] if self.spec.dropout else None
            logits, trace = network.forward(
                self.arrays, features.take(rows, self.dtype), self.spec.activation, masks
            )
            loss, gradient = self._loss_and_gradient(logits, targets[rows])
            self.losses.append(loss)
            self.optimiser.step(network.backward(self.arrays, trace, gradient))

    def _loss_and_gradient(self, logits: Array, targets: Array) -> tuple[float, Array]:
        """The batch's mean loss and its gradient in the logits."""
        if self.spec.loss == "bce":
            gradient = losses.bce_with_logits_gradient(logits, targets)
            return losses.mean_bce_with_logits(logits, targets), gradient / logits.size
        gradient = losses.cross_entropy_gradient(logits, targets)
        return losses.mean_cross_entropy(logits, targets), gradient / len(logits)

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for split, wanted in by_split(metrics).items():
            if not split:
                found |= {metric: EXTRAS[metric](self.arrays) for metric in wanted}
                continue
            accuracy, loss = self._evaluate(split)
            found |= {f"{split}_accuracy": accuracy, f"{split}_loss": loss}
        return {name: found[name] for name in metrics}

    def _evaluate(self, name: str, block: int = 1000) -> tuple[float, float]:
        """Accuracy and mean loss, without dropout."""
        split, targets = self.data.splits[name], self.targets[name]
        correct, total = 0, 0.0
        for rows, x in split.features.blocks(block, self.dtype):
            logits, _ = network.forward(self.arrays, x, self.spec.activation)
            correct += int((logits.argmax(axis=1) == split.labels[rows]).sum())
            total += self._reported_loss(logits, targets[rows]) * len(logits)
        return correct / len(split), total / len(split)

    def _reported_loss(self, logits: Array, targets: Array) -> float:
        clip = self.spec.clip
        if clip:
            p = np.clip(losses.softmax(logits), clip, 1 - clip)
            return float(-np.log(p[np.arange(len(p)), targets]).mean())
        if self.spec.loss == "bce":
            return losses.mean_bce_with_logits(logits, targets)
        return losses.mean_cross_entropy(logits, targets)

    def parameters(self) -> dict[str, Array]:
        return self.arrays

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Take over these values."""
        for name, array in self.arrays.items():
            array[...] = parameters[name]

    def state(self) -> dict[str, Array]:
        return {
            **prefixed("parameters", self.arrays),
            **prefixed("optimiser", self.optimiser.state()),
            **self.batches.state(),
            "losses": np.array(self.all_losses, dtype=np.float64),
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        self.load_parameters(unprefixed("parameters", state))
        self.optimiser.load_state(unprefixed("optimiser", state))
        self.batches.load_state(state)
        self.all_losses = state["losses"].tolist()

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {}
