"""Runs of a question from one and the same start, moved by rounding alone.

The initial parameters of the configured seed, each one unit in the last place up or down. Where a
training is not chaotic, all of them end alike; where it is, how far they end apart is what no seed
and no program can make smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from hw.config.catalog import Question
from hw.results.outcome import Outcome
from hw.runs import executor
from hw.runs.planning import Request
from hw.runs.worker import Task
from hw.training.loop import Watcher


def run(
    question: Question,
    changes: Sequence[int],
    request: Request,
    data_mode: str,
    watcher: Callable[[str], Watcher],
) -> Iterator[tuple[int, dict[str, Outcome]]]:
    """The outcomes of every variant for each of the changes (numbers from 1), as they are done.

    data_mode: ``real`` or ``stand-in``. watcher: makes one for a task of this name.

    Raises `HwError` where a task cannot be finished.
    """
    tasks = [
        Task(
            question=question.id,
            variant=variant,
            backend=question.backend,
            settings=vars(question.resolve(variant).settings),
            data_mode=data_mode,
            data_directory=request.data_directory,
            nudge=change,
        )
        for change in changes
        for variant in question.variants
    ]
    watchers = [watcher(f"{task.variant}, change {task.nudge}") for task in tasks]
    jobs = min(request.jobs, len(tasks))
    several = jobs > 1
    results = (
        executor.processes(tasks, watchers, jobs) if several else executor.serial(tasks, watchers)
    )
    found: dict[int, dict[str, Outcome]] = {change: {} for change in changes}
    with closing(results):
        for number, result in results:
            if isinstance(result, executor.Failed):
                raise result.error
            task = tasks[number]
            found[task.nudge][task.variant] = result.outcome
            if len(found[task.nudge]) == len(question.variants):
                yield task.nudge, {v: found[task.nudge][v] for v in question.variants}
