"""The one training loop: epochs, metrics, history, divergence.

What an epoch is (per example, in batches, in NumPy, in PyTorch) is its `Learner`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np

from hw.nn.errors import Diverged
from hw.outcome import Outcome


class Learner(Protocol):
    """A model in training.

    Metrics are named ``<split>_accuracy`` and ``<split>_loss`` with ``train``, ``validation`` and
    ``test`` for splits, or else what the kind of question offers (``weight_norm``).

    A learner may also have ``checks() -> list[Check]``: statements put to the test with the
    trained model, asked for once, at the end.
    """

    def train_epoch(self) -> dict[str, float]:
        """One pass over the training data; returns what is known only while training, such as
        the running ``train_loss``. Raises `Diverged`."""
        ...

    def advance(self, updates: int) -> object:
        """The next ``updates`` updates, whatever epoch they fall in."""
        ...

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        """The value of each metric now."""
        ...

    def parameters(self) -> dict[str, np.ndarray[Any, Any]]:
        """The parameters by name: arrays that the learner goes on to change."""
        ...

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        """The JSON data behind the figures called ``names``, read once at the end."""
        ...


class Watcher:
    """Told how a run goes. Does nothing; those that print or draw progress override it."""

    # Whether the metrics before the first epoch are worth computing.
    wants_initial: Sequence[str] = ()

    def started(self, epochs: int, initial: dict[str, float]) -> None: ...

    def epoch_started(self, epoch: int) -> None: ...

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...


def fit(
    learner: Learner,
    epochs: int,
    every_epoch: Sequence[str],
    at_end: Sequence[str],
    watcher: Watcher | None = None,
    plots: Collection[str] = (),
) -> Outcome:
    """Train for ``epochs`` epochs.

    every_epoch: metrics in the history, one value an epoch, from epoch 1.
    at_end:      metrics read once, after the last epoch: the test set is touched once.

    A run that diverges keeps its history up to the last finite epoch, and its metrics say
    ``diverged: 1`` and in which epoch.
    """
    watcher = watcher or Watcher()
    history: dict[str, list[float]] = {"epoch": [], **{name: [] for name in every_epoch}}
    outcome = Outcome(history=history)
    wanted = watcher.wants_initial
    watcher.started(epochs, learner.measure(wanted) if wanted else {})
    for epoch in range(1, epochs + 1):
        watcher.epoch_started(epoch)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                row = learner.train_epoch()
                rest = [name for name in every_epoch if name not in row]
                row |= learner.measure(rest)
        except Diverged:
            row = {"train_loss": math.inf}
        row = {name: float(value) for name, value in row.items()}
        if not all(map(math.isfinite, row.values())):
            outcome.metrics |= {"diverged": 1, "diverged_epoch": epoch}
            break
        history["epoch"].append(epoch)
        for name in every_epoch:
            history[name].append(row[name])
        watcher.epoch_done(epoch, row)
    outcome.metrics |= {name: values[-1] for name, values in history.items() if values[:1]}
    outcome.metrics.pop("epoch", None)
    if not outcome.diverged:
        with np.errstate(over="ignore", invalid="ignore"):
            last = {name: float(value) for name, value in learner.measure(at_end).items()}
        if all(map(math.isfinite, last.values())):
            outcome.metrics |= last
            outcome.plots = learner.plots(plots)
        else:  # finite on what is measured every epoch, and on nothing else
            outcome.metrics |= {"diverged": 1, "diverged_epoch": epochs}
        outcome.checks = getattr(learner, "checks", list)()
    watcher.finished(outcome)
    return outcome
