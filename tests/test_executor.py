from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hw import catalog, executor
from hw.errors import UsageError
from hw.executor import Failed, processes, serial
from hw.outcome import Outcome
from hw.training import Watcher
from hw.worker import Done, Task, perform

ROOT = Path(__file__).resolve().parents[1]


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
    resolved = catalog.find(question).resolve(variant).as_dict()
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
    tasks = [task(few_landscapes), task(few_landscapes, epochs=0), task(few_landscapes, seed=1)]
    expected = [r.outcome for _, r in serial([tasks[0], tasks[2]], [Watcher()] * 2)]
    watchers = [Recorder() for _ in tasks]
    results = dict(processes(tasks, watchers, 2))
    assert sorted(results) == [0, 1, 2]
    assert [results[0].outcome, results[2].outcome] == expected
    assert isinstance(results[1], Failed)
    assert "epochs is 0" in str(results[1].error)
    for watcher in (watchers[0], watchers[2]):
        assert [event[0] for event in watcher.events] == ["started", "epoch", "epoch", "finished"]


def test_a_run_is_ended_by_sigterm_with_143_and_one_line(
    few_landscapes: Path, tmp_path: Path
) -> None:
    words = ["run", "q1.perceptron", "--epochs", "1000000", "--results-dir", str(tmp_path)]
    words += ["--data-dir", str(few_landscapes)]
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "training\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.startswith("error: terminated")
    assert err.count("\n") == 1


STARTED = """
import sys
from hw.cli import main
from hw.training import Watcher
from hw import terminal
terminal.Bar.epoch_done = lambda self, epoch, row: epoch > 1 or print("training", file=sys.stderr)
sys.exit(main(sys.argv[1:]))
"""
