"""Many tasks: one after the other in this process, each in a process of its own, or on a cluster.

Whatever the executor, a task gives the same result: its threads are part of it, and nothing in it
is left over from another task.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

from hw import console
from hw.config import catalog
from hw.errors import ExitCode, HwError, MissingPackage, as_expected, debugging, quoted
from hw.results import lock
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
            yield number, _attempt(_begin_and_perform, task, watcher)


def _begin_and_perform(task: Task, watcher: Watcher) -> Done:
    watcher.tell("begun")
    return perform(task, watcher)


Result = TypeVar("Result")


def _attempt(action: Callable[..., Result], task: Task, *arguments: Any) -> Result | Failed:
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
    with _shared_folder() as folder:
        shared = _share_data(tasks, folder) if folder else tasks
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


SHARED = "hw-"  # how the names of folders with decoded data begin


@contextmanager
def _shared_folder() -> Iterator[Path | None]:
    """A temporary folder of this process, which its lock tells; None where there can be none."""
    remove_shared_of_the_dead()
    with ExitStack() as stack:
        try:
            name = tempfile.TemporaryDirectory(prefix=SHARED, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(name))
            if held := lock.acquire(folder):
                stack.callback(held.release)
        except (OSError, HwError) as error:
            _say_not_shared(error)
            yield None
        else:
            yield folder


def remove_shared_of_the_dead() -> None:
    """Remove the decoded data that processes which were killed have left behind."""
    with suppress(OSError):  # no folder for temporary files at all
        for folder in Path(tempfile.gettempdir()).glob(f"{SHARED}*"):
            is_ours = (folder / lock.NAME).is_file() and not folder.is_symlink()
            if is_ours and folder.stat().st_uid == (folder / lock.NAME).stat().st_uid:
                with suppress(HwError):
                    if held := lock.acquire(folder):
                        shutil.rmtree(folder, ignore_errors=True)
                        held.release()


def _share_data(tasks: Sequence[Task], folder: Path) -> list[Task]:
    """The same tasks, with each data set decoded into a folder that all of them map; where there
    is no room for it, each process is left to decode its own."""
    from hw.datasets import mapped

    written: dict[tuple[Any, ...], Path | None] = {}
    result = []
    for task in tasks:
        source = catalog.find(task.question).data
        if source is None:
            result.append(task)
            continue
        key = (source["name"], source["view"], task.data_directory, task.data_mode)
        if key not in written:
            place = folder / str(len(written))
            data = load_task_data(task)
            assert data is not None
            try:
                written[key] = mapped.write(data, place)
            except OSError as error:
                _say_not_shared(error)
                shutil.rmtree(place, ignore_errors=True)
                written[key] = None
        result.append(replace(task, shared=written[key]))
    return result


def _say_not_shared(error: Exception) -> None:
    console.say(
        f"note: the decoded data cannot be shared by way of {tempfile.gettempdir()} "
        f"({getattr(error, 'strerror', None) or error}): every process decodes its own; TMPDIR "
        "names another folder"
    )


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
        return None if self.asked else _attempt(self._begin_and_perform, task, watcher)

    def _begin_and_perform(self, task: Task, watcher: Watcher) -> Done | Failed | None:
        watcher.tell("begun")
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
        with receiver:
            with sender, self.lock:  # the child has its own: when that closes, no more is to come
                if self.ended:
                    return "stopped"
                process.start()
                self.running.add(process)
            try:
                while (message := _received(receiver)) is not None:
                    event, about = message
                    if event == "result":
                        result: Done | Failed = about
                        return result
                    watcher.tell(event, *about)
                process.join()
                return _ending(process.exitcode)
            except BaseException:
                process.terminate()
                raise
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


def _received(receiver: Any) -> tuple[str, Any] | None:
    try:
        message: tuple[str, Any] = receiver.recv()
        return message
    except (EOFError, OSError):  # no more to come, or half of it
        return None


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name
    return "killed (out of memory?)" if name == "SIGKILL" else f"ended by {name}"


# In a worker process


def _child(sender: Connection, bell: Connection, task: Task) -> None:
    try:
        interruption.listen()
        sender.send(("result", _attempt(_perform_in_child, task, _Relay(sender), bell)))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Terminated:
        sys.exit(ExitCode.TERMINATED)


def _perform_in_child(task: Task, relay: Watcher, bell: Connection) -> Done:
    obey(bell)
    return perform(task, relay)


class _Relay(Watcher):
    """Sends what it is told to the parent process."""

    def __init__(self, sender: Connection) -> None:
        self.sender = sender

    def tell(self, event: str, *about: Any) -> None:
        if event == "finished":  # the whole outcome comes with the result
            about = (Outcome(metrics=about[0].metrics),)
        self.sender.send((event, about))


# On a cluster


SCHEDULER_TIMEOUT = "5s"
AT_LEAST_AT_ONCE = 16  # tasks that are handed to the scheduler


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
        futures: dict[Future[Done | Failed], int] = {}
        left = deque(range(len(tasks)))
        while left or futures:
            # A run at work holds its folder's lock, which is an open file: not all at once.
            while left and len(futures) < max(AT_LEAST_AT_ONCE, 2 * _threads(client)):
                number = left.popleft()
                futures[_submitted(pool, tasks[number], watchers[number])] = number
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                number = futures.pop(future)
                yield number, _cluster_result(future, tasks[number])


def _threads(client: Any) -> int:
    """Of all workers; 0 where the scheduler has gone away, which each task then says."""
    try:
        return sum(client.nthreads().values())
    except Exception:
        return 0


def _submitted(pool: Executor, task: Task, watcher: Watcher) -> Future[Done | Failed]:
    # A worker's current folder is its own.
    sent = replace(
        task,
        data_directory=task.data_directory.absolute(),
        checkpoint=task.checkpoint and task.checkpoint.absolute(),
    )
    refused = _attempt(lambda _: watcher.tell("begun"), task)
    if refused is None:
        return pool.submit(_attempt, perform, sent)
    future: Future[Done | Failed] = Future()
    future.set_result(refused)
    return future


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
