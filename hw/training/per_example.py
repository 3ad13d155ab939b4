"""Per-example SGD in NumPy, as a `Learner`: what the linear models and the MLP have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from hw.datasets.features import Dataset
from hw.nn.evaluate import Evaluator
from hw.training.metrics import OF_PARAMETERS, by_split
from hw.training.network_spec import Batches, prefixed, unprefixed
from hw.training.random_draws import Orders

Array = NDArray[Any]


class SequentialLearner(ABC):
    """Walks the training set one example at a time, in the order of each epoch.

    Subclasses say what an update is (`_train`), how a split is scored (`_correct`, `_loss`), and
    what the parameters are.
    """

    def __init__(self, data: Dataset, orders: Orders) -> None:
        self.data = data
        self.n = len(data.train)
        self.batches = Batches(orders, self.n, 1)
        self.evaluators = {
            name: Evaluator(split.features, split.labels) for name, split in data.splits.items()
        }

    def train_epoch(self) -> dict[str, float]:
        loss = self.advance(self.n)
        return {} if loss is None else {"train_loss": loss}

    def advance(self, updates: int) -> float | None:
        """The next ``updates`` examples; the mean of their losses where the model has one."""
        total, seen = 0.0, 0
        loss: float | None = None
        while seen < updates:
            rows = self.batches.next(updates - seen)
            seen += len(rows)
            loss = self._train(rows)
            total += 0.0 if loss is None else loss * len(rows)
        return None if loss is None else total / updates

    @abstractmethod
    def _train(self, rows: Array) -> float | None:
        """One update for each of these rows; the mean of the losses, each before its update."""

    @abstractmethod
    def _correct(self, split: Evaluator) -> int:
        """How many examples are predicted correctly."""

    @abstractmethod
    def _loss(self, split: Evaluator) -> float: ...

    @abstractmethod
    def parameters(self) -> dict[str, Array]: ...

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        for name, array in self.parameters().items():
            array[...] = parameters[name]

    def state(self) -> dict[str, Array]:
        return {**prefixed("parameters", self.parameters()), **self.batches.state()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        self.load_parameters(unprefixed("parameters", state))
        self.batches.load_state(state)

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, wanted in by_split(metrics).items():
            if not name:
                found |= {metric: OF_PARAMETERS[metric](self.parameters()) for metric in wanted}
                continue
            split = self.evaluators[name]
            if "accuracy" in wanted:
                found[f"{name}_accuracy"] = self._correct(split) / len(split)
            for what in wanted & {"loss", "loss_measured"}:
                found[f"{name}_{what}"] = self._loss(split)
        return found

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {}
