"""Many tasks: one after the other in this process, each in a process of its own, or on a cluster.

Whatever the executor, a task gives the same result: its threads are part of it, and nothing in it
is left over from another task.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hw.errors import HwError, MissingPackage, as_expected
from hw.outcome import Outcome
from hw.training import Watcher
from hw.worker import Done, Task, load_task_data, perform


@dataclass(frozen=True)
class Failed:
    """A task that could not be finished, with the one line that says why."""

    task: Task
    error: HwError


# Results come with the number of their task, in the order in which they are ready.
Results = Iterator[tuple[int, Done | Failed]]


def serial(tasks: Sequence[Task], watchers: Sequence[Watcher]) -> Results:
    """One task after the other, in this process."""
    for number, (task, watcher) in enumerate(zip(tasks, watchers, strict=True)):
        yield number, _attempt(perform, task, watcher)


def _attempt(action: Callable[..., Done], task: Task, *arguments: Any) -> Done | Failed:
    try:
        return action(task, *arguments)
    except Exception as error:  # a defect in one question is no reason to drop the others
        if os.environ.get("HW_DEBUG"):
            traceback.print_exc()
        return Failed(task, as_expected(error))


# A task that was running when its process was killed is tried again this many times.
RETRIES = 2


def processes(tasks: Sequence[Task], watchers: Sequence[Watcher], jobs: int) -> Results:
    """``jobs`` tasks at a time, each in a fresh process.

    Data sets are decoded once, here, and mapped by every process. A process that is killed breaks
    the whole pool: a new one takes over what was not finished.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    begun: set[int] = set()
    reader = threading.Thread(target=_deliver, args=(messages, watchers, begun), daemon=True)
    reader.start()
    tries = [0] * len(tasks)
    try:
        with tempfile.TemporaryDirectory(prefix="hw-") as folder:
            left = dict(enumerate(_share_data(tasks, Path(folder))))
            while left:
                pool = ProcessPoolExecutor(
                    jobs, context, initializer=_begin, initargs=(messages,), max_tasks_per_child=1
                )
                try:
                    futures = {pool.submit(_relay, t, n): n for n, t in left.items()}
                    for number, result in _as_they_come(futures):
                        if isinstance(result, BrokenProcessPool):
                            break
                        del left[number]
                        yield number, result
                finally:
                    _end(pool)
                # Only what had begun can have broken the pool.
                for number in begun & left.keys():
                    tries[number] += 1
                    if tries[number] > RETRIES:
                        text = (
                            f"its process was killed {RETRIES + 1} times (out of memory?); "
                            "try --jobs 1"
                        )
                        yield number, Failed(left.pop(number), HwError(text))
                begun.clear()
    finally:
        messages.put(None)
        reader.join(timeout=5)


def _share_data(tasks: Sequence[Task], folder: Path) -> list[Task]:
    """The same tasks, with each data set decoded into a folder that all of them map."""
    from hw.datasets import shared

    written: dict[int, Path] = {}
    result = []
    for task in tasks:
        data = load_task_data(task)
        if data is None:
            result.append(task)
            continue
        if id(data) not in written:
            written[id(data)] = shared.write(data, folder / str(len(written)))
        result.append(replace(task, shared=written[id(data)]))
    return result


def _as_they_come(futures: dict[Future[Any], int]) -> Iterator[tuple[int, Any]]:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        # Results first: they are worth keeping even if the pool broke at the same moment.
        for future in sorted(done, key=lambda f: f.exception() is not None):
            error = future.exception()
            if error is not None and not isinstance(error, BrokenProcessPool):
                raise error
            yield futures[future], error or future.result()


def _end(pool: ProcessPoolExecutor) -> None:
    """End every process of the pool now: after the last result, or on an interrupt."""
    running = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in running:
        process.terminate()
    for process in running:
        process.join(timeout=5)


# In a worker process

_messages: Any = None


def _begin(messages: Any) -> None:
    """Ctrl-C is the parent's to handle."""
    global _messages
    _messages = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Relay(Watcher):
    """Sends what it is told to the parent process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        _messages.put((self.number, "started", (epochs, initial)))

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        _messages.put((self.number, "epoch_done", (epoch, row)))

    def finished(self, outcome: Outcome) -> None:
        _messages.put((self.number, "finished", (Outcome(metrics=outcome.metrics),)))


def _relay(task: Task, number: int) -> Done | Failed:
    _messages.put((number, "begun", ()))
    return _attempt(perform, task, _Relay(number))


def _deliver(messages: Any, watchers: Sequence[Watcher], begun: set[int]) -> None:
    while (message := messages.get()) is not None:
        number, event, arguments = message
        if event == "begun":
            begun.add(number)
        else:
            getattr(watchers[number], event)(*arguments)


# On a cluster


def dask(tasks: Sequence[Task], watchers: Sequence[Watcher], scheduler: str) -> Results:
    """The tasks on the Dask cluster whose scheduler listens at ``scheduler``.

    Its workers need this project, its packages, the data folder under the same path, and one
    thread each (docs/cluster.md). Dask runs the tasks of a worker that dies on another one.

    Raises `MissingPackage` without ``distributed``, `HwError` where no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingPackage(
            "--executor dask needs distributed: pip install '.[cluster]'"
        ) from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise HwError(
            f"no Dask scheduler answers at {scheduler!r} ({error}); "
            "start one with 'dask scheduler', and give its address"
        ) from error
    with client:
        pool: Executor = client.get_executor(pure=False, retries=RETRIES)
        futures = {pool.submit(_attempt, perform, t): n for n, t in enumerate(tasks)}
        yield from _as_they_come(futures)
