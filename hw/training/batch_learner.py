"""Learners that train in mini-batches: what the NumPy and the PyTorch network have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Dataset
from hw.training import update_metrics
from hw.training.metrics import OF_PARAMETERS, by_split
from hw.training.network_spec import (
    Batches,
    Draws,
    NetworkSpec,
    mean_of_epoch,
    prefixed,
    unprefixed,
)

Array = NDArray[Any]


class Losses(Protocol):
    """The loss of each update, (updates,): an array or a tensor."""

    def tolist(self) -> list[float]: ...


class BatchLearner(ABC):
    """A `hw.training.loop.Learner` that walks through the batches of `Batches`.

    Subclasses say what an update is (`advance`), how a split is scored (`_evaluate`), and what the
    parameters and the optimizer's state are.
    """

    def __init__(self, spec: NetworkSpec, data: Dataset, draws: Draws) -> None:
        self.spec, self.data, self.draws = spec, data, draws
        n = len(data.train)
        self.batches = Batches(draws.orders(n), n, spec.batch_size)
        self.all_losses: list[float] = []  # of every update since the first, for a running mean

    def train_epoch(self) -> dict[str, float]:
        losses = self.advance(len(self.batches)).tolist()
        if self.spec.train_loss == "measured":
            return {}
        averaged = losses
        if self.spec.train_loss == "running":
            self.all_losses += losses
            averaged = self.all_losses
        return {"train_loss": mean_of_epoch(self._mean(averaged), losses)}

    @abstractmethod
    def advance(self, updates: int) -> Losses:
        """Make the next ``updates`` updates; the loss of each, before it."""

    def _mean(self, losses: list[float]) -> float:
        return float(np.mean(losses))

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for split, wanted in by_split(metrics).items():
            if split:
                accuracy, loss = self._evaluate(split)
                found |= {f"{split}_accuracy": accuracy, f"{split}_loss": loss}
                continue
            for name in wanted:
                if name in update_metrics.OF_UPDATES:
                    found[name] = update_metrics.measure(self, name)
                else:
                    found[name] = OF_PARAMETERS[name](self.parameters())
        return {name: found[name] for name in metrics}

    @abstractmethod
    def _evaluate(self, split: str) -> tuple[float, float]:
        """Accuracy and mean loss, without dropout."""

    @abstractmethod
    def parameters(self) -> dict[str, Array]: ...

    @abstractmethod
    def load_parameters(self, parameters: Mapping[str, Array]) -> None: ...

    @abstractmethod
    def positions(self, gradients: Sequence[float]) -> list[float]:
        """Where a fresh optimizer like the learner's takes a number that starts at 0, after each
        of these gradients."""

    @abstractmethod
    def _optimizer_state(self) -> dict[str, Array]: ...

    @abstractmethod
    def _load_optimizer_state(self, state: Mapping[str, Array]) -> None: ...

    def state(self) -> dict[str, Array]:
        return {
            **prefixed("parameters", self.parameters()),
            **prefixed("optimizer", self._optimizer_state()),
            **self.batches.state(),
            "losses": np.array(self.all_losses, dtype=np.float64),
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        self.load_parameters(unprefixed("parameters", state))
        self._load_optimizer_state(unprefixed("optimizer", state))
        self.batches.load_state(state)
        self.all_losses = state["losses"].tolist()

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {}
