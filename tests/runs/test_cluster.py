"""``--executor dask``: a scheduler and two workers, each a process, on the loopback interface."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.runs import executor
from hw.runs.executor import Failed
from hw.runs.worker import Task
from hw.training.loop import Watcher

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "ist2024.q1.logistic_regression"  # two tasks


@dataclass
class Cluster:
    """Processes that a test may kill."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    about = folder / "scheduler.json"
    where = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = start("dask_scheduler", *where, "--port", "0", "--scheduler-file", str(about))
    started = [scheduler]
    try:
        wait_until(about.exists, 30)
        worker = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder), *where]
        for _ in range(2):
            started.append(start("dask_worker", "--scheduler-file", str(about), *worker))
        address = json.loads(about.read_text())["address"]
        with client_of(address) as client:
            client.wait_for_workers(2, timeout=30)
        yield Cluster(address, scheduler, started[1:])
    finally:
        for process in reversed(started):
            process.kill()
        for process in started:
            process.wait()


def start(program: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def client_of(address: str) -> Iterator[Any]:
    from distributed import Client

    with Client(address, timeout="10s", set_as_default=False) as client:
        yield client


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def files(folder: Path) -> dict[str, bytes]:
    """Everything that must be the same from run to run."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def on_cluster(data: Path, results: Path, address: str, *words: str) -> subprocess.Popen[str]:
    folders = ["--data-dir", str(data), "--results-dir", str(results)]
    where = ["--executor", "dask", "--scheduler", address]
    return subprocess.Popen(
        [sys.executable, "-m", "hw", "run", QUESTION, *words, *where, *folders],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.figures
def test_on_a_cluster_the_results_are_the_same_bytes(
    cluster: Cluster, hw: CommandLine, tmp_path: Path
) -> None:
    assert hw("run", QUESTION, "--epochs", 2).code == 0
    process = on_cluster(hw.data, tmp_path / "dask", cluster.address, "--epochs", "2")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "error" not in err
    assert "done" in out
    expected = files(hw.results)
    assert len(expected) >= 5
    assert files(tmp_path / "dask") == expected


def test_an_expected_error_on_a_worker_arrives(cluster: Cluster, tmp_path: Path) -> None:
    """A worker that has no data says so; the other task is done."""
    tasks = [
        Task("ist2021.q1.sigmoid", "default", "numpy", {}, "auto", tmp_path),
        Task("ist2024.q1.perceptron", "default", "numpy", {}, "real", tmp_path),
    ]
    results = dict(executor.dask(tasks, [Watcher(), Watcher()], cluster.address))
    assert not isinstance(results[0], Failed), results[0]
    failed = results[1]
    assert isinstance(failed, Failed)
    assert type(failed.error).__name__ == "DataError"
    assert str(tmp_path) in str(failed.error)


@pytest.mark.figures
def test_a_worker_that_is_killed_costs_nothing(hw: CommandLine, tmp_path: Path) -> None:
    """And where the scheduler goes, the run ends with one line for each task."""
    epochs = ("--epochs", "600")
    assert hw("run", QUESTION, *epochs).code == 0
    with running_cluster(tmp_path) as cluster:
        with client_of(cluster.address) as client:
            process = on_cluster(hw.data, tmp_path / "dask", cluster.address, *epochs)
            wait_until(lambda: all(client.processing().values()), 30)
            time.sleep(0.2)
            cluster.workers[0].kill()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert files(tmp_path / "dask") == files(hw.results)

        process = on_cluster(hw.data, tmp_path / "lost", cluster.address, "--epochs", "1000000")
        with client_of(cluster.address) as client:
            wait_until(lambda: any(client.processing().values()), 30)
        cluster.scheduler.kill()
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "Traceback" not in err
        assert err.count("error: ") == 2
        assert "the cluster's scheduler went away" in err


def test_without_a_scheduler_at_the_address(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "SCHEDULER_TIMEOUT", "1s")
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()
    answer = hw("run", QUESTION, "--executor", "dask", "--scheduler", address)
    assert time.monotonic() - began < 20
    assert answer.code == 1
    assert f"no Dask scheduler answers at '{address}'" in answer.error
    assert [line for line in answer.err.splitlines() if not line.startswith("note:")] == [
        answer.error
    ]


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "http://127.0.0.1:1", "127.0.0.1:x"])
def test_an_address_that_is_none(hw: CommandLine, address: str) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    answer = hw("run", QUESTION, "--executor", "dask", "--scheduler", address)
    assert answer.code == 1
    assert "no Dask scheduler answers at" in answer.error


def test_without_the_package(hw: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    answer = hw("run", QUESTION, "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert answer.code == 4
    assert "pip install '.[cluster]'" in answer.error


def test_executor_and_address_belong_together(hw: CommandLine) -> None:
    assert hw("run", QUESTION, "--executor", "dask").code == 2
    assert hw("run", QUESTION, "--scheduler", "tcp://127.0.0.1:1").code == 2
