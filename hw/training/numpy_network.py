"""Feed-forward networks in NumPy, in mini-batches: the twin of `hw.training.torch_network`.

The same batches, masks and initial weights, from the same draws; gradients and optimizers are
hand-derived, in `hw.nn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Dataset
from hw.nn import losses, network
from hw.nn.optimizers import SGD, Adam, optimizer
from hw.training.batch_learner import BatchLearner
from hw.training.network_spec import Draws, NetworkSpec, draw_masks

Array = NDArray[Any]


class NumPyNetwork(BatchLearner):
    """A `Learner`; see the module's docstring."""

    def __init__(self, spec: NetworkSpec, data: Dataset, draws: Draws) -> None:
        super().__init__(spec, data, draws)
        self.dtype = np.dtype(spec.dtype)
        arrays = [array for layer in draws.layers(spec.sizes) for array in layer]
        self.arrays = {
            name: np.array(array, self.dtype)
            for name, array in zip(spec.names, arrays, strict=True)
        }
        self.optimizer = self._make_optimizer(self.arrays)
        self.targets = {name: self._targets(split.labels) for name, split in data.splits.items()}

    def _make_optimizer(self, arrays: dict[str, Array]) -> SGD | Adam:
        spec = self.spec
        return optimizer(
            spec.optimizer,
            arrays,
            spec.learning_rate,
            momentum=spec.momentum,
            weight_decay=spec.weight_decay,
        )

    def _targets(self, labels: Array) -> Array:
        """Labels, or one-hot rows for binary cross-entropy."""
        if self.spec.loss == "bce":
            return np.eye(self.spec.sizes[-1], dtype=self.dtype)[labels]
        return labels

    def advance(self, updates: int) -> Array:
        features, targets = self.data.train.features, self.targets["train"]
        seen = np.empty(updates)
        for update in range(updates):
            rows = self.batches.next()
            drawn = draw_masks(self.draws, self.spec, len(rows))
            masks = [np.asarray(m, self.dtype) for m in drawn] if self.spec.dropout else None
            logits, trace = network.forward(
                self.arrays, features.take(rows, self.dtype), self.spec.activation, masks
            )
            seen[update], gradient = self._loss_and_gradient(logits, targets[rows])
            self.optimizer.step(network.backward(self.arrays, trace, gradient))
        return seen

    def _loss_and_gradient(self, logits: Array, targets: Array) -> tuple[float, Array]:
        """The batch's mean loss and its gradient in the logits."""
        if self.spec.loss == "bce":
            gradient = losses.bce_with_logits_gradient(logits, targets)
            return losses.mean_bce_with_logits(logits, targets), gradient / logits.size
        gradient = losses.cross_entropy_gradient(logits, targets)
        return losses.mean_cross_entropy(logits, targets), gradient / len(logits)

    def _evaluate(self, split: str, block: int = 1000) -> tuple[float, float]:
        examples, targets = self.data.splits[split], self.targets[split]
        correct, total = 0, 0.0
        for rows, x in examples.features.blocks(block, self.dtype):
            logits, _ = network.forward(self.arrays, x, self.spec.activation)
            correct += int((logits.argmax(axis=1) == examples.labels[rows]).sum())
            total += self._reported_loss(logits, targets[rows]) * len(logits)
        return correct / len(examples), total / len(examples)

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

    def positions(self, gradients: Sequence[float]) -> list[float]:
        """See `BatchLearner.positions`; in float64."""
        place, found = np.zeros(1), []
        walker = self._make_optimizer({"place": place})
        for gradient in gradients:
            walker.step({"place": np.array([gradient])})
            found.append(float(place[0]))
        return found

    def _optimizer_state(self) -> dict[str, Array]:
        return self.optimizer.state()

    def _load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        self.optimizer.load_state(state)
