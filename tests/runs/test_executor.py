"""Many tasks at once: the same results as one after the other, whatever happens to a process."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.config import catalog
from hw.datasets import mapped
from hw.errors import DataError, HwError, UsageError
from hw.results.outcome import Outcome
from hw.runs import executor, runner
from hw.runs.executor import Failed, processes, serial
from hw.runs.planning import Request, Run, plan
from hw.runs.worker import Done, Task, load_data, perform
from hw.training.loop import Watcher

ROOT = Path(__file__).resolve().parents[2]


class Recorder(Watcher):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        self.events.append(("started", epochs))

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.events.append(("epoch", epoch, set(row)))

    def finished(self, outcome: Outcome) -> None:
        self.events.append(("finished", set(outcome.metrics)))


def task(data: Path, question: str = "ist2024.q1.perceptron", **settings: Any) -> Task:
    variant = next(iter(catalog.find(question).variants))
    resolved = vars(catalog.find(question).resolve(variant).settings)
    return Task(question, variant, "numpy", {**resolved, "epochs": 2, **settings}, "auto", data)


def test_serial_yields_each_result_with_its_number(few_landscapes: Path) -> None:
    tasks = [task(few_landscapes), task(few_landscapes, seed=1)]
    watchers = [Recorder(), Recorder()]
    results = list(serial(tasks, watchers))
    assert [number for number, _ in results] == [0, 1]
    for (_, done), t, watcher in zip(results, tasks, watchers, strict=True):
        assert isinstance(done, Done)
        assert done.task is t
        assert len(done.epoch_seconds) == 2
        assert [event[0] for event in watcher.events] == ["started", "epoch", "epoch", "finished"]
    assert results[0][1].outcome != results[1][1].outcome


@pytest.mark.parametrize(
    ("error", "text"), [(UsageError("no"), "no"), (ZeroDivisionError("0"), "a defect of hw")]
)
def test_a_failure_does_not_stop_the_next_task(
    few_landscapes: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    def fails_once(task: Task, watcher: Watcher) -> Done:
        if task.settings["seed"] == 1:
            raise error
        return perform(task, watcher)

    monkeypatch.setattr(executor, "perform", fails_once)
    tasks = [task(few_landscapes, seed=1), task(few_landscapes)]
    (_, failed), (_, done) = serial(tasks, [Watcher(), Watcher()])
    assert isinstance(failed, Failed)
    assert text in str(failed.error)
    assert isinstance(done, Done)


def test_processes_give_the_same_and_tell_the_watchers(few_landscapes: Path) -> None:
    refused = task(few_landscapes, l2_penalty=0.5)
    tasks = [task(few_landscapes), refused, task(few_landscapes, seed=1)]
    expected = [r.outcome for _, r in serial([tasks[0], tasks[2]], [Watcher()] * 2)]
    watchers = [Recorder() for _ in tasks]
    results = dict(processes(tasks, watchers, 2))
    assert sorted(results) == [0, 1, 2]
    assert [results[0].outcome, results[2].outcome] == expected
    assert isinstance(results[1], Failed)
    assert isinstance(results[1].error, UsageError)
    assert str(results[1].error) == "the perceptron takes no penalty"
    for watcher in (watchers[0], watchers[2]):
        assert [event[0] for event in watcher.events] == ["started", "epoch", "epoch", "finished"]


def test_a_run_is_ended_by_sigterm_with_143_and_one_line(
    few_landscapes: Path, tmp_path: Path
) -> None:
    words = ["run", "q1.perceptron", "-q", "--epochs", "1000000", "--results-dir", str(tmp_path)]
    words += ["--data-dir", str(few_landscapes)]
    command = [sys.executable, "-c", STARTED, *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "training\n"
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 143
    assert err.startswith("error: terminated")
    assert err.count("\n") == 1


STARTED = """
import sys
from hw.cli import main
from hw.training.loop import Watcher
from hw.runs import progress
progress.Bar.epoch_done = lambda self, epoch, row: epoch > 1 or print("training", file=sys.stderr)
sys.exit(main(sys.argv[1:]))
"""


# The same results as one after the other, whatever happens to a process

TWO_TASKS = "ist2024.q1.logistic_regression"


class Events(Watcher):
    """Counts what it is told, and does something at each start and each epoch."""

    def __init__(self, act: Callable[[str], None] = lambda event: None) -> None:
        self.act = act
        self.starts = 0
        self.epochs: list[int] = []

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        self.starts += 1
        self.act("started")

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.epochs.append(epoch)
        self.act("epoch")


def request_for(results: Path, data: Path, *questions: str, **options: Any) -> Request:
    overrides = {"epochs": "2"} | options.pop("overrides", {})
    return Request(questions, overrides, data_directory=data, results_directory=results, **options)


def carry_out(request: Request, watchers: dict[str, Watcher] | None = None) -> list[Run]:
    """Runs without figures; ``watchers`` by variant."""
    runs = plan(request)
    known = watchers or {}
    runner.execute(runs, request, lambda line: None, lambda _, v: known.get(v, Watcher()), False)
    return runs


def files(folder: Path) -> dict[str, bytes]:
    """Everything that must be the same from run to run."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def kill_children() -> None:
    for process in multiprocessing.active_children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGKILL)


@pytest.fixture(scope="module")
def two_results(tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path) -> dict[str, bytes]:
    """The two tasks, one after the other."""
    results = tmp_path_factory.mktemp("serial")
    carry_out(request_for(results, few_landscapes, TWO_TASKS))
    return files(results)


# Results


def test_as_processes_the_results_are_the_same_bytes(tmp_path: Path, few_landscapes: Path) -> None:
    questions = [TWO_TASKS, "ist2024.q2.momentum"]
    for jobs in (1, 2):
        request = request_for(tmp_path / str(jobs), few_landscapes, *questions, jobs=jobs)
        assert {r.status for r in carry_out(request)} == {"done"}
    found = files(tmp_path / "1")
    assert len(found) >= 6
    assert files(tmp_path / "2") == found


def test_processes_report_every_epoch(tmp_path: Path, few_landscapes: Path) -> None:
    request = request_for(tmp_path, few_landscapes, TWO_TASKS, jobs=2)
    watchers: dict[str, Watcher] = {v: Events() for v in plan(request)[0].variants}
    carry_out(request, watchers)
    assert [w.epochs for w in watchers.values() if isinstance(w, Events)] == [[1, 2], [1, 2]]


def test_each_data_set_is_written_once_and_mapped(
    tmp_path: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More data sets than are kept in memory: an old one's place must not be taken for it."""
    names = {
        "ist2024.q1.perceptron": "intel-landscapes",
        "ist2021.q3.perceptron": "fashion-mnist",
        "ist2023.q1.perceptron": "octmnist",
        "ist2021.q2.linear_regression": "ames",
        "ist2024.q1.mlp": "intel-landscapes",
        "ist2021.q3.mlp": "fashion-mnist",
    }
    tasks = [Task(q, "default", "numpy", {}, "stand-in", no_data) for q in names]
    load_data.cache_clear()
    shared = executor._share_data(tasks, tmp_path)
    assert load_data.cache_info().misses == 4
    folders = [task.shared for task in shared]
    assert len(set(folders)) == 4
    for folder, name in zip(folders, names.values(), strict=True):
        assert folder is not None
        assert mapped.read(folder).name == name
    data = executor.load_task_data(shared[0])
    assert data is not None
    memory: Any = data.train.features.stored
    while not isinstance(memory, np.memmap):
        memory = memory.base if isinstance(memory, np.ndarray) else memory.obj


@pytest.mark.parametrize("what", ["no room", "no folder"])
def test_where_data_cannot_be_shared_every_process_decodes_its_own(
    tmp_path: Path,
    few_landscapes: Path,
    two_results: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    module, name = (mapped, "write") if what == "no room" else (tempfile, "TemporaryDirectory")
    monkeypatch.setattr(module, name, full)
    (run,) = carry_out(request_for(tmp_path, few_landscapes, TWO_TASKS, jobs=2))
    assert run.status == "done"
    assert files(tmp_path) == two_results
    (line,) = capsys.readouterr().err.splitlines()
    assert os.strerror(errno.ENOSPC) in line
    assert "TMPDIR" in line


def test_a_process_that_cannot_be_started_costs_its_own_task(
    few_landscapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refusals = SpawnProcess.start, [OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))]

    def refused(process: SpawnProcess) -> None:
        if refusals:
            raise refusals.pop()
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", refused)
    tasks = [task(few_landscapes), task(few_landscapes, seed=1)]
    results = dict(processes(tasks, [Watcher(), Watcher()], 1))
    assert isinstance(results[0], Failed)
    assert "--jobs 1" in str(results[0].error)
    assert isinstance(results[1], Done)


def test_what_a_watcher_raises_ends_its_process(few_landscapes: Path) -> None:
    def fails(event: str) -> None:
        raise HwError("no more")

    tasks = [task(few_landscapes, epochs=10**6), task(few_landscapes)]
    results = dict(processes(tasks, [Events(fails), Watcher()], 2))
    assert isinstance(results[0], Failed)
    assert str(results[0].error) == "no more"
    assert isinstance(results[1], Done)
    assert not multiprocessing.active_children()


def test_an_expected_error_in_a_process_arrives(tmp_path: Path) -> None:
    """Its kind decides the exit code."""
    task = Task(
        TWO_TASKS, "unregularised", "numpy", {}, "real", tmp_path, shared=tmp_path / "nothing"
    )
    result = executor._Family().perform(task, Watcher())
    assert isinstance(result, Failed)
    assert "nothing" in str(result.error)
    (failed,) = executor.serial([Task(TWO_TASKS, "", "numpy", {}, "real", tmp_path)], [Watcher()])
    assert isinstance(failed[1], Failed)
    assert isinstance(failed[1].error, DataError)


# Processes that are killed


def test_a_killed_process_is_started_again(
    tmp_path: Path, few_landscapes: Path, two_results: dict[str, bytes]
) -> None:
    killed = threading.Event()

    def kill_once(event: str) -> None:
        if event == "epoch" and not killed.is_set():
            killed.set()
            kill_children()  # both, whatever they are at

    request = request_for(tmp_path, few_landscapes, TWO_TASKS, jobs=2)
    watchers: dict[str, Watcher] = {v: Events(kill_once) for v in plan(request)[0].variants}
    runs = carry_out(request, watchers)
    assert killed.is_set()
    assert runs[0].status == "done"
    assert files(tmp_path) == two_results


def test_a_task_that_is_always_killed_fails_alone(
    tmp_path: Path, few_landscapes: Path, two_results: dict[str, bytes]
) -> None:
    request = request_for(tmp_path, few_landscapes, TWO_TASKS, jobs=1)
    poisoned, sound = plan(request)[0].variants
    said: list[str] = []
    watchers = {poisoned: Events(lambda event: kill_children()), sound: Events()}
    run, *_ = runs = plan(request)
    # As processes, but one after the other: the only child there is, is the poisoned task's.
    tasks = []
    for variant in (poisoned, sound):
        data = load_data("intel-landscapes", "ist2024", few_landscapes, "real")
        run.data = data.describe()
        tasks.append(runner._task(run, variant, request))
    results = dict(executor.processes(tasks, list(watchers.values()), 1))
    assert len(runs) == 1
    failed = results[0]
    assert isinstance(failed, Failed)
    assert str(failed.error) == ("its process was killed (out of memory?) 3 times; try --jobs 1")
    assert watchers[poisoned].starts == executor.RETRIES + 1
    assert not isinstance(results[1], Failed)
    assert watchers[sound].epochs == [1, 2]
    assert not said


def test_another_task_keeps_what_it_has_done(tmp_path: Path, few_landscapes: Path) -> None:
    """One process is killed: the task of the other one goes on as if nothing had happened."""
    request = request_for(tmp_path, few_landscapes, TWO_TASKS, overrides={"epochs": "40"})
    run = plan(request)[0]
    first, second = run.variants
    run.data = load_data("intel-landscapes", "ist2024", few_landscapes, "real").describe()
    tasks = [runner._task(run, v, request) for v in (first, second)]
    family = executor._Family()
    other = Events()
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(family.perform(tasks[1], other)))
    killed = threading.Event()

    def kill_this(event: str) -> None:
        if killed.is_set():
            return
        killed.set()
        (mine,) = family.running
        os.kill(mine.pid or 0, signal.SIGKILL)
        thread.start()

    result = family.perform(tasks[0], Events(kill_this))
    thread.join(timeout=60)
    assert not isinstance(result, Failed)
    assert not isinstance(done[0], Failed)
    assert other.starts == 1
    assert not family.running


# Interruptions


@contextlib.contextmanager
def long_run(data: Path, results: Path, jobs: int = 2) -> Iterator[subprocess.Popen[str]]:
    """``hw run`` in a session of its own, at work on two tasks that would take hours."""
    words = ["run", TWO_TASKS, "--epochs", "1000000", "--jobs", str(jobs)]
    folders = ["--data-dir", str(data), "--results-dir", str(results)]
    process = subprocess.Popen(
        [sys.executable, "-m", "hw", *words, *folders],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def session(leader: int) -> list[int]:
    """The processes of a session that are still alive, without its leader."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z" and int(path.parent.name) != leader:
                found.append(int(path.parent.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@needs_proc
@pytest.mark.parametrize("pause", [0.0, 1.5], ids=["as they start", "at work"])
def test_ctrl_c_ends_all(tmp_path: Path, few_landscapes: Path, pause: float) -> None:
    with long_run(few_landscapes, tmp_path) as process:
        # Two tasks, and the helper that Python's multiprocessing starts.
        wait_until(lambda: len(session(process.pid)) >= 3, 30, "no processes were started")
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        lines = [line for line in err.splitlines() if not line.startswith("note:")]
        assert lines == ["error: interrupted; what was finished is kept"]
        wait_until(lambda: not session(process.pid), 10, "processes were left behind")


@needs_proc
def test_sigterm_ends_all(tmp_path: Path, few_landscapes: Path) -> None:
    with long_run(few_landscapes, tmp_path) as process:
        wait_until(lambda: len(session(process.pid)) >= 3, 30, "no processes were started")
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert process.returncode == 143
        assert "Traceback" not in err
        wait_until(lambda: not session(process.pid), 10, "processes were left behind")


@needs_proc
def test_processes_do_not_outlive_a_parent_that_is_killed(
    tmp_path: Path, few_landscapes: Path
) -> None:
    with long_run(few_landscapes, tmp_path) as process:
        wait_until(lambda: len(session(process.pid)) >= 3, 30, "no processes were started")
        time.sleep(1)
        process.kill()
        process.wait()
        wait_until(lambda: not session(process.pid), 10, "processes were left behind")


def test_what_is_not_wanted_any_more_is_ended(tmp_path: Path, few_landscapes: Path) -> None:
    """--fail-fast leaves the loop over the results: the other task must not run to its end."""
    request = request_for(
        tmp_path, few_landscapes, TWO_TASKS, overrides={"epochs": "1000000"}, jobs=2
    )
    run = plan(request)[0]
    run.data = load_data("intel-landscapes", "ist2024", few_landscapes, "real").describe()
    long, broken = (runner._task(run, v, request) for v in run.variants)
    broken = executor.replace(broken, settings={**broken.settings, "epochs": "many"})
    results = executor.processes([long, broken], [Watcher(), Watcher()], 2)
    number, failed = next(results)
    assert number == 1
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, HwError)
    results.close()
    assert not multiprocessing.active_children()
