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
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.cli import main
from hw.results import lock
from hw.results.folder import Folder
from hw.runs import checkpoint, interruption

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "ist2024.q1.logistic_regression"  # two variants
EPOCHS = 30

# Of our own: every epoch takes $PAUSE seconds more, and is saved. In the processes of --jobs too,
# which import this file. $SLOW names an epoch that takes forever.
PROGRAM = """
import os, sys, time
sys.path.insert(0, {root!r})
from hw.runs import checkpoint

checkpoint.SNAPSHOT_SECONDS = checkpoint.WRITE_SECONDS = checkpoint.WRITE_SHARE = 0
save = checkpoint.Keeper.epoch_done

def epoch_done(self, progress):
    time.sleep(float(os.environ.get("PAUSE", 0.02)))
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
        self.results = results
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

    @property
    def folder(self) -> Folder:
        """The one results folder: its name has a digest of what is changed."""
        return Folder(next((self.results / "ist2024").glob("*"), self.results))

    @property
    def state(self) -> str:
        return self.folder.read().run.status or "not run"

    def wait(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)

    def at_work(self) -> None:
        self.wait(lambda: self.state == "running")

    def saved(self, count: int = 1) -> None:
        """Until so many variants have a checkpoint."""
        self.wait(lambda: len(list(self.results.rglob(f"{checkpoint.FOLDER}/*.npz"))) >= count)

    def gone(self) -> None:
        """Until it has ended, and with it whoever was at work, and multiprocessing's helpers."""
        self.process.wait()
        end = time.monotonic() + 20
        while members(self.process.pid) and time.monotonic() < end:
            time.sleep(0.01)
        assert not members(self.process.pid), "processes were left behind"

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
        with contextlib.suppress(ValueError):  # its output has been read
            run.process.communicate()
        run.gone()


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
def undisturbed(tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path) -> dict[str, bytes]:
    """What a run yields that is left alone."""
    results = tmp_path_factory.mktemp("undisturbed")
    words = ["run", QUESTION, "-q", "--set", f"epochs={EPOCHS}"]
    assert main([*words, "--data-dir", str(few_landscapes), "--results-dir", str(results)]) == 0
    found = files(results)
    assert len(found) > 5
    return found


ENDING = "note: ending after this epoch; Ctrl-C again ends at once"
KEPT = "error: interrupted; what was finished is kept"
JOBS = pytest.mark.parametrize("jobs", [1, 2])


def same_command_again(start: Callable[..., Started], *words: str) -> list[str]:
    """Run it to the end; what it said."""
    code, said = start(*words, PAUSE="0").end()
    assert code == 0, said
    return said


# Ctrl-C and SIGTERM


@JOBS
@pytest.mark.parametrize("everyone", [True, False], ids=["from a terminal", "to the run alone"])
def test_the_first_ctrl_c_ends_after_the_epoch(
    start: Callable[..., Started], undisturbed: dict[str, bytes], jobs: int, everyone: bool
) -> None:
    words = ("--set", f"epochs={EPOCHS}", "--jobs", str(jobs))
    run = start(*words)
    run.saved(jobs)
    (os.killpg if everyone else os.kill)(run.process.pid, signal.SIGINT)
    code, said = run.end()
    assert code == 130
    assert ENDING in said
    assert said[-1] == KEPT
    assert "the same command goes on from there" in said[-2]
    assert run.state == "interrupted"
    assert json.loads((run.folder.path / "run.json").read_text())["status"] == "interrupted"
    assert list(run.results.rglob(f"{checkpoint.FOLDER}/*.npz"))
    said = same_command_again(start, *words)
    assert sum("goes on after epoch" in line for line in said) == jobs
    assert files(run.results) == undisturbed
    assert run.state == "done"


@JOBS
def test_the_second_ctrl_c_ends_at_once(
    start: Callable[..., Started], undisturbed: dict[str, bytes], jobs: int
) -> None:
    words = ("--set", f"epochs={EPOCHS}", "--jobs", str(jobs))
    run = start(*words, SLOW="3")
    run.saved(jobs)
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.stderr is not None
    while run.process.stderr.readline() != f"{ENDING}\n":
        pass
    os.killpg(run.process.pid, signal.SIGINT)
    began = time.monotonic()
    code, said = run.end()
    assert time.monotonic() - began < 15, "an epoch takes a minute"
    assert (code, said[-1]) == (130, KEPT)
    assert run.state == "interrupted"
    same_command_again(start, *words)
    assert files(run.results) == undisturbed


@JOBS
def test_sigterm_saves_what_there_is(
    start: Callable[..., Started], undisturbed: dict[str, bytes], jobs: int
) -> None:
    words = ("--set", f"epochs={EPOCHS}", "--jobs", str(jobs))
    run = start(*words)
    run.saved(jobs)
    run.process.terminate()
    code, said = run.end()
    assert code == 143
    assert said[-1] == "error: terminated; what was finished is kept"
    assert run.state == "interrupted"
    assert list(run.results.rglob(f"{checkpoint.FOLDER}/*.npz"))
    said = same_command_again(start, *words)
    assert sum("goes on after epoch" in line for line in said) == jobs
    assert files(run.results) == undisturbed


def test_force_starts_over(start: Callable[..., Started], undisturbed: dict[str, bytes]) -> None:
    run = start()
    run.saved()
    run.process.terminate()
    run.end()
    said = same_command_again(start, "--set", f"epochs={EPOCHS}", "--force")
    assert not any("goes on after epoch" in line for line in said)
    assert files(run.results) == undisturbed


def test_where_nothing_trains_the_first_ctrl_c_ends_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with interruption.patience(), interruption.at_once(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with interruption.patience():
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested()
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert not interruption.requested()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


# SIGKILL


@JOBS
def test_killed_at_random_moments(
    start: Callable[..., Started], undisturbed: dict[str, bytes], jobs: int, no_data: Path
) -> None:
    moments = random.Random(jobs)
    words = ("--set", f"epochs={EPOCHS}", "--jobs", str(jobs))
    for _ in range(6):
        run = start(*words)
        with contextlib.suppress(AssertionError):  # it was quicker
            run.at_work()
        # An epoch takes 20 ms, and the figures take their time.
        time.sleep(moments.uniform(0, EPOCHS * 0.02 * 3 / jobs))
        with contextlib.suppress(ProcessLookupError):  # quicker still
            os.killpg(run.process.pid, signal.SIGKILL)
        run.gone()
        assert run.state in ("interrupted", "done")
        for path in run.folder.path.glob("*.json"):
            json.loads(path.read_text())
        assert isinstance(run.folder.read().outcomes, dict)
        if run.state == "done":
            assert {n: b for n, b in files(run.results).items() if "/." not in n}.items() <= (
                undisturbed.items()
            )
    same_command_again(start, *words)
    assert files(run.results) == undisturbed
    assert run.state == "done"


def test_the_list_says_so(hw: CommandLine) -> None:
    folder = hw.folder("ist2024.q1.perceptron")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"status": "running", "variants": {}}))

    def listed() -> str:
        rows = hw("list", "--json").json["questions"]
        return str(next(r["state"] for r in rows if r["id"] == "ist2024.q1.perceptron"))

    assert listed() == "interrupted"
    held = lock.acquire(folder)
    assert held is not None
    assert listed() == "running"
    held.release()
    assert listed() == "interrupted"
    for verb in ("verify", "report"):
        hw(verb)
    assert hw("run", "q1.perceptron").code == 0
    assert listed() == "done"


# Every single step of writing


def save_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SNAPSHOT_SECONDS", "WRITE_SECONDS", "WRITE_SHARE"):
        monkeypatch.setattr(checkpoint, name, 0)


STEPS = ("fsync", "replace", "unlink")


@pytest.mark.parametrize("older", [False, True], ids=["first run", "older results"])
def test_killed_at_every_step_of_writing(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    """In a copy of this process, which ends before the n-th call that changes a file."""
    words = ["run", "q1.logistic_regression", "--epochs", "3", "-q"]
    words += ["--data-dir", str(hw.data), "--results-dir"]
    assert main([*words, str(hw.results / "expected")]) == 0
    expected = files(hw.results / "expected")
    if older:
        leave_older_results(words, hw.results / "older")
    save_every_epoch(monkeypatch)
    n = 0
    while True:
        results = hw.results / str(n)
        if older:
            shutil.copytree(hw.results / "older", results)
        status = in_a_copy([*words, str(results)], n)
        if status == 0:
            break
        assert status == 9
        for run_json in results.rglob("run.json"):
            folder = Folder(run_json.parent)
            assert folder.read().run.status != "running"
            found = folder.read().outcomes
            # What run.json vouches for is there, and right.
            entries = folder.read().run.variants
            assert entries.keys() <= found.keys()
            for variant, entry in entries.items():
                old = entry.fingerprint["code"] == "older"
                assert ("older" in found[variant].metrics) == old
        assert main([*words, str(results)]) == 0
        assert files(results) == expected
        n += 1
    assert n > 20


def leave_older_results(words: list[str], results: Path) -> None:
    """Those of the same settings and of code that was other, and gave other numbers."""
    assert main([*words, str(results)]) == 0
    for path in results.rglob("run.json"):
        run = json.loads(path.read_text())
        for entry in run["variants"].values():
            entry["fingerprint"]["code"] = "older"
            entry["digest"] = ""  # as earlier versions had it
        path.write_text(json.dumps(run))
    for path in results.rglob("metrics.json"):
        metrics = {v: {**m, "older": 1} for v, m in json.loads(path.read_text()).items()}
        path.write_text(json.dumps(metrics))


def in_a_copy(words: list[str], n: int) -> int:
    """The exit code of a command in a copy of this process; 9 if it came to the n-th step."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        left = [n]

        def counted(original: Callable[..., Any]) -> Callable[..., Any]:
            def step(*args: Any, **kwargs: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return original(*args, **kwargs)

            return step

        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        os._exit(main(words))
    finally:
        os._exit(77)


# A full disk


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_is_full_at_any_moment(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    words = ["run", "q1.logistic_regression", "--epochs", "2"]
    folders = ["--data-dir", str(hw.data), "--results-dir"]
    leave_older_results([*words, "-q", *folders], hw.results / "older")
    n = 0
    refused = 0
    while True:
        results = hw.results / str(n)
        shutil.copytree(hw.results / "older", results)
        before = files(results)
        disk = FullDisk(n, error)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", disk.fsync)
            answer = hw.plain(*words, *folders, str(results))
        after = files(results)
        assert not [name for name in after if ".part" in name or ".lock" in name]
        if answer.code == 0:
            assert disk.left >= 0
            break
        refused += 1
        assert answer.code == 1
        lines = [line for line in answer.err.splitlines() if line.startswith("error:")]
        assert all(os.strerror(error) in line and "cannot write" in line for line in lines)
        assert lines
        (folder,) = {path.parent for path in results.rglob("run.json")}
        assert Folder(folder).read().run.status in ("failed", "interrupted", "done")
        if n <= 3:  # the first variant: all the old ones are as they were, or it is all new
            assert after == before
        assert hw.plain(*words, *folders, str(results)).code == 0
        n += 1
    assert refused > 8


class FullDisk:
    """Takes so many files, and no more."""

    def __init__(self, left: int, error: int) -> None:
        self.left, self.error, self.original = left, error, os.fsync

    def fsync(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.error, os.strerror(self.error))
        self.original(descriptor)


LIMITED = """
import resource, sys
sys.path.insert(0, {root!r})
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from hw.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("limit", [0, 1500, 12000])
def test_files_that_may_not_grow(hw: CommandLine, limit: int) -> None:
    """The kernel's own refusal, in the middle of a file."""
    words = ["run", "q1.perceptron", "--epochs", "40", "-q"]
    words += ["--data-dir", str(hw.data), "--results-dir", str(hw.results)]
    program = LIMITED.format(root=str(ROOT), limit=limit)
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ist2024.q1.perceptron: cannot write ")
    assert "File too large" in line
    found = {path.name for path in hw.results.rglob("*") if path.is_file()}
    assert not [name for name in found if name.endswith(".part") or name == ".lock"]
    for path in hw.results.rglob("*.json"):
        json.loads(path.read_text())
    assert main(words) == 0
    folder = next(hw.results.rglob("run.json")).parent
    assert Folder(folder).read().run.status == "done"


# Two runs


def test_two_runs_at_once(start: Callable[..., Started], undisturbed: dict[str, bytes]) -> None:
    first = start()
    first.at_work()
    code, said = start().end()
    assert code == 1
    assert f"another run (process {first.process.pid}) is at work in" in said[-1]
    assert first.end()[0] == 0
    assert files(first.results) == undisturbed
