"""Runs that are interrupted, killed, or run out of disk: nothing lost, nothing half-written.

What is interrupted is a real process; the same command again must end with the very bytes of a run
that was left alone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CommandLine

from hw import checkpoint, interruption, results, runner
from hw.cli import main
from hw.results import Folder

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "ist2024.q1.logistic_regression"  # two variants
EPOCHS = 30

# Of our own: every epoch takes a moment, and is saved. In the processes of --jobs too, which import
# this file. $SLOW names an epoch that takes forever.
PROGRAM = """
import os, sys, time
sys.path.insert(0, {root!r})
from hw import checkpoint, training

checkpoint.SNAPSHOT_SECONDS = checkpoint.WRITE_SECONDS = checkpoint.WRITE_SHARE = 0
save = checkpoint.Keeper.epoch_done

def epoch_done(self, progress):
    time.sleep(0.02)
    save(self, progress)
    if len(self.epoch_seconds) == int(os.environ.get("SLOW", -1)):
        time.sleep(60)

checkpoint.Keeper.epoch_done = epoch_done

if __name__ == "__main__":
    from hw.cli import main
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM.format(root=str(ROOT)))
    return path


class Started:
    """A run in a process, and in a session, of its own."""

    def __init__(self, program: Path, data: Path, results: Path, *words: str, **env: str) -> None:
        self.folder = Folder(results / "ist2024" / "q1.logistic_regression")
        self.process = subprocess.Popen(
            [
                *(sys.executable, str(program), "run", QUESTION, *words),
                *("--data-dir", str(data), "--results-dir", str(results)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **env},
        )

    def wait(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)

    def at_work(self) -> None:
        self.wait(lambda: self.folder.run().get("status") == "running")

    def saved(self, count: int = 1) -> None:
        """Until so many variants have a checkpoint."""
        path = self.folder.path / checkpoint.FOLDER
        self.wait(lambda: path.is_dir() and len(list(path.glob("*.npz"))) >= count)

    def end(self) -> tuple[int, list[str]]:
        """Exit code, and what was said."""
        _, said = self.process.communicate(timeout=60)
        assert "Traceback" not in said, said
        return self.process.returncode, said.splitlines()


@pytest.fixture
def start(
    program: Path, few_landscapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def start(*words: str, **env: str) -> Started:
        words = words or ("--set", f"epochs={EPOCHS}")
        started.append(Started(program, few_landscapes, tmp_path / "results", *words, **env))
        return started[-1]

    yield start
    for run in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGKILL)
        run.process.communicate()
        # The helpers of multiprocessing, and whoever was at work, end with their parent.
        end = time.monotonic() + 20
        while members(run.process.pid) and time.monotonic() < end:
            time.sleep(0.02)
        assert not members(run.process.pid), "processes were left behind"


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Everything that must be the same from run to run, hidden files included."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


@pytest.fixture(scope="session")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path
) -> dict[str, bytes]:
    """What a run yields that is left alone."""
    results = tmp_path_factory.mktemp("undisturbed")
    words = ["run", QUESTION, "-q", "--set", f"epochs={EPOCHS}"]
    assert main([*words, "--data-dir", str(few_landscapes), "--results-dir", str(results)]) == 0
    found = files(results)
    assert len(found) > 5
    return found


def state(folder: Folder) -> str:
    return str(folder.run().get("status", "not run"))


def only(folder: Path) -> Folder:
    """The one results folder of a question with changed settings."""
    (path,) = (folder / "ist2024").iterdir()
    return Folder(path)


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """With epochs changed, the folder is one beside the question's: find it by its place."""

    def init(self: Started, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        results = args[2]
        self.wait(lambda: (results / "ist2024").is_dir() and any((results / "ist2024").iterdir()))
        self.folder = only(results)

    original = Started.__init__
    monkeypatch.setattr(Started, "__init__", init)
