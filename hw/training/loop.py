"""The one training loop: epochs, metrics, history, divergence, and where to go on from.

What an epoch is (per example, in batches, in NumPy, in PyTorch) is its `Learner`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.errors import UsageError
from hw.nn.errors import Diverged
from hw.results.outcome import Outcome
from hw.training.metrics import DERIVED

Array = NDArray[Any]


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

    def parameters(self) -> dict[str, Array]:
        """The parameters by name: arrays that the learner goes on to change."""
        ...

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Take over these values (of learners that can stop early)."""
        ...

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        """The JSON data behind the figures called ``names``, read once at the end."""
        ...

    def state(self) -> dict[str, Array]:
        """All that training from here on depends on, and the learner has changed since it was
        made, as copies: parameters, optimiser, place in the order, generators, running sums."""
        ...

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what `state` returned, to the last bit as if there had been no stop."""
        ...


@dataclass(frozen=True)
class Progress:
    """Where a run stands after an epoch: with it, `fit` goes on as if it had never stopped.

    best:   of early stopping: the epoch of the lowest validation loss, and that loss.
    arrays: the learner's state, and as ``best.NAME`` its parameters of that epoch.
    """

    epoch: int
    history: dict[str, list[float]]
    best: tuple[int, float]
    arrays: dict[str, Array]


class Watcher:
    """Told how a run goes, by `tell`. Does nothing; what prints or draws progress overrides the
    method of an event."""

    # Whether the metrics before the first epoch are worth computing.
    wants_initial: Sequence[str] = ()

    def tell(self, event: str, *about: Any) -> None:
        """One of the events below, by its name, with what it is about."""
        getattr(self, event)(*about)

    def begun(self) -> None:
        """The task, which may train or not, is about to be worked on."""

    def note(self, text: str) -> None:
        """What a user should know."""

    def started(self, epochs: int, initial: dict[str, float]) -> None: ...

    def resumed(self, epoch: int) -> None:
        """Training goes on after this epoch of an earlier run."""

    def epoch_started(self, epoch: int) -> None: ...

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...


class Relay(Watcher):
    """Does something of its own at an event, and tells another watcher of every one."""

    def __init__(self, inner: Watcher) -> None:
        self.inner = inner
        self.wants_initial = inner.wants_initial

    def tell(self, event: str, *about: Any) -> None:
        super().tell(event, *about)
        self.inner.tell(event, *about)


def measure(learner: Learner, metrics: Sequence[str], known: dict[str, float]) -> dict[str, float]:
    """The value of each metric, of which some are ``known`` from training."""
    needed = [n for name in metrics for n in DERIVED.get(name, (name,))]
    try:
        row = known | learner.measure([n for n in dict.fromkeys(needed) if n not in known])
    except KeyError as error:
        raise UsageError(
            f"no metric or split {error} here; look under 'measure' in the question's YAML file"
        ) from error
    for name in DERIVED.keys() & set(metrics):
        ahead, behind = DERIVED[name]
        row[name] = row[ahead] - row[behind]
    return {name: float(row[name]) for name in row if name in metrics or name in known}


def fit(
    learner: Learner,
    epochs: int,
    every_epoch: Sequence[str],
    at_end: Sequence[str],
    watcher: Watcher | None = None,
    plots: Collection[str] = (),
    patience: int = 0,
    start: Progress | None = None,
    after_epoch: Callable[[Callable[[], Progress]], None] | None = None,
) -> Outcome:
    """Train for ``epochs`` epochs.

    every_epoch: metrics in the history, one value an epoch, from epoch 1.
    at_end:      metrics read once, after the last epoch: the test set is touched once.
    patience:    early stopping: end once the validation loss has not been lower for so many
                 epochs, and go back to the parameters of its lowest; 0 never stops early.
    start:       where to go on from; the learner has loaded its state.
    after_epoch: called after every epoch but the last one, with what tells where the run stands;
                 what it raises ends the run.

    A run that diverges keeps its history up to the last finite epoch, and its metrics say
    ``diverged: 1``, in which epoch (``diverged_epoch``), and, where the learner knows, after how
    many finite updates of that epoch (``diverged_step``).
    """
    watcher = watcher or Watcher()
    history: dict[str, list[float]] = {"epoch": [], **{name: [] for name in every_epoch}}
    if start is not None:
        history |= {name: list(values) for name, values in start.history.items()}
    outcome = Outcome(history=history)
    best = _Best(start)
    done = start.epoch if start else 0
    wanted = () if start else watcher.wants_initial
    watcher.tell("started", epochs, learner.measure(wanted) if wanted else {})
    if start is not None:
        watcher.tell("resumed", done)
    for epoch in range(done + 1, epochs + 1):
        watcher.tell("epoch_started", epoch)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                row = measure(learner, every_epoch, learner.train_epoch())
        except Diverged as error:
            row = {"train_loss": math.inf}
            outcome.metrics["diverged_step"] = error.step
        if not all(map(math.isfinite, row.values())):
            outcome.metrics |= {"diverged": 1, "diverged_epoch": epoch}
            break
        history["epoch"].append(epoch)
        for name in every_epoch:
            history[name].append(row[name])
        watcher.tell("epoch_done", epoch, row)
        if patience and best.stops(epoch, row["validation_loss"], learner, patience):
            break
        if after_epoch is not None and epoch < epochs:
            after_epoch(partial(_progress, epoch, history, best, learner))
    outcome.metrics |= {name: values[-1] for name, values in history.items() if values[:1]}
    outcome.metrics.pop("epoch", None)
    if not outcome.diverged:
        if patience:
            outcome.metrics |= best.restore(learner, history)
        with np.errstate(over="ignore", invalid="ignore"):
            last = measure(learner, at_end, {})
        if all(map(math.isfinite, last.values())):
            outcome.metrics |= last
            outcome.plots = learner.plots(plots)
        else:  # finite on what is measured every epoch, and on nothing else
            outcome.metrics |= {"diverged": 1, "diverged_epoch": epochs}
        outcome.checks = getattr(learner, "checks", list)()
    watcher.tell("finished", outcome)
    return outcome


class _Best:
    """The epoch with the lowest validation loss so far."""

    def __init__(self, start: Progress | None = None) -> None:
        self.epoch, self.loss = 0, math.inf
        self.parameters: dict[str, Array] = {}
        if start is not None and start.best[0]:
            self.epoch, self.loss = start.best
            self.parameters = {
                name.removeprefix("best."): array
                for name, array in start.arrays.items()
                if name.startswith("best.")
            }

    def stops(self, epoch: int, loss: float, learner: Learner, patience: int) -> bool:
        """Whether it is time to stop, after this epoch with this validation loss."""
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.parameters = {name: p.copy() for name, p in learner.parameters().items()}
        return epoch - self.epoch >= patience

    def restore(self, learner: Learner, history: dict[str, list[float]]) -> dict[str, float]:
        """Give the learner its best parameters back; the metrics of that epoch."""
        learner.load_parameters(self.parameters)
        row = {name: values[self.epoch - 1] for name, values in history.items() if values}
        del row["epoch"]
        return {**row, "best_epoch": self.epoch}


def _progress(
    epoch: int, history: dict[str, list[float]], best: _Best, learner: Learner
) -> Progress:
    # The best parameters are copies already, and are replaced, never changed.
    kept = {f"best.{name}": array for name, array in best.parameters.items()}
    return Progress(
        epoch,
        {name: list(values) for name, values in history.items()},
        (best.epoch, best.loss) if best.epoch else (0, 0.0),
        {**learner.state(), **kept},
    )
