"""Many tasks: one after the other in this process, or each in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from hw.errors import HwError
from hw.outcome import Outcome
from hw.training import Watcher
from hw.worker import Done, Task, perform


@dataclass(frozen=True)
class Failed:
    """A task that could not be finished, with the one line that says why."""

    task: Task
    error: HwError


WatcherFor = Callable[[Task], Watcher]


def serial(tasks: Sequence[Task], watcher_for: WatcherFor) -> Iterator[Done | Failed]:
    """One task after the other."""
    for task in tasks:
        try:
            yield perform(task, watcher_for(task))
        except HwError as error:
            yield Failed(task, error)


# A task that was running when its process was killed is tried again this many times.
RETRIES = 2


def processes(
    tasks: Sequence[Task], jobs: int, watcher_for: WatcherFor
) -> Iterator[Done | Failed]:
    """``jobs`` tasks at a time, each in a fresh process, results as they come.

    Fresh processes, because the legacy random generators are global to a process. A process
    that is killed breaks the whole pool: a new one takes over what was not finished.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    watchers = {number: watcher_for(task) for number, task in enumerate(tasks)}
    begun: set[int] = set()
    reader = threading.Thread(target=_deliver, args=(messages, watchers, begun), daemon=True)
    reader.start()
    left = dict(enumerate(tasks))
    tries = dict.fromkeys(left, 0)
    try:
        while left:
            pool = ProcessPoolExecutor(
                jobs, context, initializer=_begin, initargs=(messages,), max_tasks_per_child=1
            )
            try:
                futures = {pool.submit(_perform, n, t): n for n, t in left.items()}
                for number, result in _as_they_come(futures):
                    if isinstance(result, BrokenProcessPool):
                        break
                    del left[number]
                    yield result
            finally:
                _end(pool)
            # Only what had begun can have broken the pool.
            for number in begun & left.keys():
                tries[number] += 1
                if tries[number] > RETRIES:
                    error = HwError(
                        f"{tasks[number].question}: its process was killed {RETRIES + 1} times "
                        "(out of memory?); try --jobs 1"
                    )
                    yield Failed(left.pop(number), error)
            begun.clear()
    finally:
        messages.put(None)
        reader.join(timeout=5)


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


_messages: Any = None


def _begin(messages: Any) -> None:
    """In a worker process: Ctrl-C is the parent's to handle."""
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


def _perform(number: int, task: Task) -> Done | Failed:
    _messages.put((number, "begun", ()))
    try:
        return perform(task, _Relay(number))
    except HwError as error:
        return Failed(task, error)


def _deliver(messages: Any, watchers: dict[int, Watcher], begun: set[int]) -> None:
    while (message := messages.get()) is not None:
        number, event, arguments = message
        if event == "begun":
            begun.add(number)
        else:
            getattr(watchers[number], event)(*arguments)
