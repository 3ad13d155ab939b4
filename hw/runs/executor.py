"""Many tasks: one after the other in this process, each in a process of its own, or on a cluster.

Whatever the executor, a task gives the same result: its threads are part of it, and nothing in it
is left over from another task.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from hw import console
from hw.config import catalog
from hw.errors import ExitCode, HwError, MissingPackage, as_expected, debugging, quoted
from hw.results.outcome import Outcome
from hw.runs import interruption
from hw.runs.bell import Bell, obey
from hw.runs.interruption import Terminated
from hw.runs.worker import Done, Task, load_task_data, perform
from hw.training.loop import Watcher


@dataclass(frozen=True)
class Failed:
    """A task that could not be finished, with the one line that says why."""

    task: Task
    error: HwError


# Results come with the number of their task, in the order in which they are ready.
Results = Generator[tuple[int, Done | Failed], None, None]


def serial(tasks: Sequence[Task], watchers: Sequence[Watcher]) -> Results:
    """One task after the other, in this process. An interruption is one of what is left."""
    with interruption.patience():
        for number, (task, watcher) in enumerate(zip(tasks, watchers, strict=True)):
            interruption.check()
            yield number, _attempt(perform, task, watcher)


def _attempt(action: Callable[..., Done], task: Task, *arguments: Any) -> Done | Failed:
    try:
        return action(task, *arguments)
    except Exception as error:  # a defect in one question is no reason to drop the others
        if debugging():
            traceback.print_exc()
        return Failed(task, as_expected(error))


# A task whose process is killed is tried again this many times.
RETRIES = 2


def processes(tasks: Sequence[Task], watchers: Sequence[Watcher], jobs: int) -> Results:
    """``jobs`` tasks at a time, each in a fresh process.

    Data sets are decoded once, here, and mapped by every process. A process that is killed costs
    its own task, which is tried again, and no other: that is why there is a thread for each
    process instead of a `ProcessPoolExecutor`, all of which breaks with one of its processes.
    """
    family = _Family()
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        shared = _share_data(tasks, Path(folder))
        pool = ThreadPoolExecutor(jobs, initializer=_leave_ctrl_c_to_the_main_thread)
        try:
            with interruption.patience(family.ask):
                pairs = enumerate(zip(shared, watchers, strict=True))
                futures = {pool.submit(family.perform, task, w): n for n, (task, w) in pairs}
                stopped = False
                for number, result in _as_they_come(futures):
                    stopped = stopped or result is None
                    if result is not None:
                        yield number, result
                if stopped:
                    raise KeyboardInterrupt
        finally:
            family.end()
            pool.shutdown(cancel_futures=True)


def _share_data(tasks: Sequence[Task], folder: Path) -> list[Task]:
    """The same tasks, with each data set decoded into a folder that all of them map."""
    from hw.datasets import mapped

    written: dict[tuple[Any, ...], Path] = {}
    result = []
    for task in tasks:
        source = catalog.find(task.question).data
        if source is None:
            result.append(task)
            continue
        key = (source["name"], source["view"], task.data_directory, task.data_mode)
        if key not in written:
            data = load_task_data(task)
            assert data is not None
            written[key] = mapped.write(data, folder / str(len(written)))
        result.append(replace(task, shared=written[key]))
    return result


def _as_they_come(futures: Mapping[Future[Any], int]) -> Iterator[tuple[int, Any]]:
    for future in as_completed(futures):
        yield futures[future], future.result()


def _leave_ctrl_c_to_the_main_thread() -> None:
    # What a thread blocks, the processes that it starts block from their first moment on.
    if sys.platform != "win32":  # where Ctrl-C asks a process to end as the bell does
        # Python's own helper process first: starting it unblocks the signal again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class _Family:
    """The processes that are running, so that all of them can be ended at once."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.lock = threading.Lock()
        self.running: set[SpawnProcess] = set()
        self.asked = False
        self.ended = False
        self.bell = Bell()

    def perform(self, task: Task, watcher: Watcher) -> Done | Failed | None:
        """One task in a fresh process, again if it is killed; None if it was asked to end."""
        ends: list[str] = []
        while len(ends) <= RETRIES and not (self.ended or self.asked):
            result = self._try(task, watcher)
            if not isinstance(result, str):
                return result
            ends.append(result)
        if self.asked:
            return None
        again = f" {len(ends)} times" if len(ends) > 1 else ""
        last = ends[-1] if ends else "stopped"
        return Failed(task, HwError(f"its process was {last}{again}; try --jobs 1"))

    def _try(self, task: Task, watcher: Watcher) -> Done | Failed | str:
        """The task's result, or how its process ended without one."""
        receiver, sender = self.context.Pipe(duplex=False)
        arguments = (sender, self.bell.heard_by, task)
        process = self.context.Process(target=_child, args=arguments, daemon=True)
        with self.lock:
            if self.ended:
                return "stopped"
            process.start()
            self.running.add(process)
        sender.close()  # the child has its own: when that closes, there is no more to come
        try:
            with receiver:
                while True:
                    event, arguments = receiver.recv()
                    if event == "result":
                        result: Done | Failed = arguments
                        return result
                    getattr(watcher, event)(*arguments)
        except (EOFError, OSError):  # no more to come, or half of it
            process.join()
            return _ending(process.exitcode)
        finally:
            process.join()
            with self.lock:
                self.running.discard(process)

    def ask(self) -> None:
        """Ask every process to end after its epoch, and start no other. Called by a signal: takes
        no lock."""
        self.asked = True
        self.bell.ring()

    def end(self) -> None:
        """End every process now: after the last result, or on an interrupt."""
        with self.lock:
            self.ended = True
            running = list(self.running)
        for process in running:
            process.terminate()
        for process in running:
            process.join(timeout=5)
            if process.exitcode is None:
                process.kill()


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name
    return "killed (out of memory?)" if name == "SIGKILL" else f"ended by {name}"


# In a worker process


def _child(sender: Connection, bell: Connection, task: Task) -> None:
    try:
        obey(bell)
        sender.send(("result", _attempt(perform, task, _Relay(sender))))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Terminated:
        sys.exit(ExitCode.TERMINATED)


class _Relay(Watcher):
    """Sends what it is told to the parent process."""

    def __init__(self, sender: Connection) -> None:
        self.sender = sender

    def begun(self) -> None:
        self.sender.send(("begun", ()))

    def note(self, text: str) -> None:
        self.sender.send(("note", (text,)))

    def resumed(self, epoch: int) -> None:
        self.sender.send(("resumed", (epoch,)))

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        self.sender.send(("started", (epochs, initial)))

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.sender.send(("epoch_done", (epoch, row)))

    def finished(self, outcome: Outcome) -> None:
        self.sender.send(("finished", (Outcome(metrics=outcome.metrics),)))


# On a cluster


SCHEDULER_TIMEOUT = "5s"


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
    if not debugging():
        # It logs tracebacks of what is said here in one line.
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(scheduler, timeout=SCHEDULER_TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise HwError(
            f"no Dask scheduler answers at {quoted(scheduler)} ({reason}); "
            "start one with 'dask scheduler', and give its address"
        ) from error
    with client:
        threads = client.nthreads().values()
        if not threads:
            console.say("note: the cluster has no workers yet; waiting for the first one")
        elif max(threads) > 1:
            console.say("note: workers with one thread each are faster: 'dask worker --nthreads 1'")
        pool: Executor = client.get_executor(pure=False)
        # A worker's current folder is its own.
        sent = [
            replace(
                t,
                data_directory=t.data_directory.absolute(),
                checkpoint=t.checkpoint and t.checkpoint.absolute(),
            )
            for t in tasks
        ]
        futures = {pool.submit(_attempt, perform, t): n for n, t in enumerate(sent)}
        for future in as_completed(futures):
            number = futures[future]
            yield number, _cluster_result(future, tasks[number])


def _cluster_result(future: Future[Done | Failed], task: Task) -> Done | Failed:
    """What came back, or why nothing did."""
    if future.cancelled():
        return Failed(task, HwError("the cluster's scheduler went away; start it, and run again"))
    error = future.exception()
    if error is None:
        return future.result()
    if type(error).__name__ == "KilledWorker":
        text = "every worker that tried it was killed (out of memory?)"
    else:
        text = (
            f"the cluster could not run it ({type(error).__name__}: {error}): scheduler and "
            "workers need this project and its packages, in the same versions as here"
        )
    return Failed(task, HwError(text))
