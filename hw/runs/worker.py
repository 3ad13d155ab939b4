"""One task: one variant of one question, in whichever process it is given to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.datasets.features import Dataset
from hw.results.fingerprint import made_by
from hw.results.outcome import Outcome
from hw.runs import checkpoint, interruption
from hw.runs.machine import peak_memory_mb, set_threads
from hw.training.loop import Learner, Progress, Relay, Watcher, fit
from hw.training.nudge import nudge


@dataclass(frozen=True)
class Task:
    """What to compute; picklable, and all that a result depends on besides code and data.

    settings: every setting, resolved and checked.
    threads:  of BLAS and of torch: part of the task, so that a result does not depend on how
              many tasks run beside it.
    precision: of torch's float32 matrix products: ``highest``, ``high`` or ``medium``.
    shared:   a folder with the data, decoded by another process.
    checkpoint: the file to save progress in, and to go on from; with the fingerprint of what the
              result depends on.
    nudge:    if not 0, which change of the initial parameters by one unit in the last place.
    """

    question: str
    variant: str
    backend: str
    settings: Mapping[str, Any]
    data_mode: str
    data_directory: Path
    device: str = "cpu"
    threads: int = 1
    precision: str = "highest"
    shared: Path | None = None
    checkpoint: Path | None = None
    fingerprint: str = ""
    nudge: int = 0


@dataclass
class Done:
    """A finished task."""

    task: Task
    outcome: Outcome
    data: dict[str, str] | None
    seconds: float
    peak_memory_mb: float  # 0 where the platform does not say it
    made_by: dict[str, str]  # the code and the versions of the process that computed it
    epoch_seconds: list[float] = field(default_factory=list)


@lru_cache(maxsize=2)
def load_data(name: str, view: str, directory: Path, mode: str, state: str = "") -> Dataset:
    """The data set, decoded once in a process.

    state: of a data set of one's own: two homeworks may have one of the same name, and its file
           may change.
    """
    from hw import datasets

    return datasets.load(name, view, directory, mode)


def load_source(source: Mapping[str, Any], directory: Path, mode: str) -> Dataset:
    """The data set that a question names."""
    from hw import datasets

    state = datasets.entry(source["name"]).state
    return load_data(source["name"], source["view"], directory, mode, state)


def load_task_data(task: Task) -> Dataset | None:
    """What the task's question learns from; None for a question without data."""
    if task.shared is not None:
        from hw.datasets import mapped

        return mapped.read(task.shared)
    source = catalog.find(task.question).data
    if source is None:
        return None
    return load_source(source, task.data_directory, task.data_mode)


def estimate(task: Task) -> float:
    """Seconds that a task takes on one core of a recent machine, roughly; 0 where its kind of
    question does not say."""
    question = catalog.find(task.question)
    data = load_task_data(task)
    if data is None or not hasattr(question.module, "estimate"):
        return 0.0
    settings = question.module.Settings(**task.settings)
    return float(question.module.estimate(settings, data, task.backend))


def perform(task: Task, watcher: Watcher | None = None) -> Done:
    """Compute one task, from its checkpoint on if it has one. Raises `HwError`, and
    `KeyboardInterrupt` after an epoch when `hw.runs.interruption` asks for an end."""
    watcher = watcher or Watcher()
    question = catalog.find(task.question)
    maker = made_by(question.module, task.backend, question.data is not None)
    set_threads(task.backend, task.threads, task.precision)
    began = time.perf_counter()
    with interruption.at_once():
        data = load_task_data(task)
    settings = question.module.Settings(**task.settings)
    clock = _Clock(watcher)
    if question.trains:

        def learner() -> Learner:
            made: Learner = question.module.learner(settings, data, task.backend, task.device)
            if task.nudge:
                nudge(made, task.nudge)
            return made

        with interruption.at_once():
            model, start = _resume(task, learner, clock)
        keeper = checkpoint.Keeper(
            task.checkpoint, task.fingerprint, clock.seconds, partial(watcher.tell, "note")
        )
        try:
            outcome = fit(
                model,
                settings.epochs,
                question.measures("epoch"),
                question.measures("end"),
                clock,
                plots={str(f.get("draw", "curves")) for f in question.figures},
                patience=getattr(settings, "patience", 0),
                start=start,
                after_epoch=keeper.epoch_done,
            )
        except BaseException:  # an interruption: what there is of the last second
            keeper.flush()
            raise
    else:
        with interruption.at_once():
            outcome = question.module.compute(settings, data, task.backend)
    return Done(
        task=task,
        outcome=outcome,
        data=data.describe() if data else None,
        seconds=time.perf_counter() - began + clock.earlier,
        peak_memory_mb=peak_memory_mb(),
        made_by=maker,
        epoch_seconds=clock.seconds,
    )


def _resume(
    task: Task, learner: Callable[[], Learner], clock: _Clock
) -> tuple[Learner, Progress | None]:
    """A learner, and the epoch of its checkpoint if there is one that fits."""
    model = learner()
    if task.checkpoint is None:
        return model, None
    try:
        found = checkpoint.read(task.checkpoint, task.fingerprint)
        if found is None:
            return model, None
        start, seconds = found
        model.load_state(start.arrays)
    except (checkpoint.Unusable, LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = error if isinstance(error, checkpoint.Unusable) else "it does not fit the model"
        clock.tell("note", f"its checkpoint is ignored: {reason}; starting over")
        checkpoint.remove(task.checkpoint)
        return learner(), None
    clock.seconds += seconds
    clock.earlier = sum(seconds)
    return model, start


class _Clock(Relay):
    """Times every epoch on its way to another watcher."""

    def __init__(self, inner: Watcher) -> None:
        super().__init__(inner)
        self.seconds: list[float] = []  # of all epochs
        self.earlier = 0.0  # of them, how long those took that an earlier run did
        self.started_at = 0.0

    def epoch_started(self, epoch: int) -> None:
        self.started_at = time.perf_counter()

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.seconds.append(time.perf_counter() - self.started_at)
