"""One run at a time in a results folder."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine
from windows import Msvcrt

from hw.errors import HwError
from hw.results import lock
from hw.results.lock import InUse, acquire, is_held

NOBODY = 65534
pytest.importorskip("fcntl", reason="this platform has no flock")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["flock", "msvcrt"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of this platform, and those of one without them."""
    if request.param == "msvcrt":
        monkeypatch.setattr(lock, "fcntl", None)
        monkeypatch.setattr(lock, "msvcrt", Msvcrt)


HOLDER = """
import sys
from pathlib import Path
from hw.results.lock import acquire
held = acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
if sys.argv[2:] == ["release"]:
    held.release()
"""


@contextlib.contextmanager
def holder(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        with process:  # closes its streams, and waits
            pass


@pytest.mark.usefixtures("kernel")
def test_a_second_one_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with holder(folder) as process:
        assert is_held(folder)
        with pytest.raises(InUse, match=rf"process {process.pid}\) is at work in .*a/b; wait"):
            acquire(folder)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("how", ["release", "end", "kill"])
def test_a_process_that_is_gone_holds_nothing(tmp_path: Path, how: str) -> None:
    with holder(tmp_path, how) as process:
        if how == "kill":
            process.send_signal(signal.SIGKILL)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)
        assert (tmp_path / ".lock").exists() == (how != "release")
        assert not is_held(tmp_path)
        held = acquire(tmp_path)
        assert held is not None
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
        assert is_held(tmp_path)
        held.release()
        held.release()
        assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("kernel")
def test_two_folders_are_two_locks(tmp_path: Path) -> None:
    with holder(tmp_path / "one"):
        held = acquire(tmp_path / "two")
        assert held is not None
        held.release()
        assert not is_held(tmp_path / "two")


def test_who_only_asks_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no shared locks: whoever asks has the lock for a moment."""
    asking = acquire(tmp_path)
    assert asking is not None
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "msvcrt", Msvcrt)
    monkeypatch.setattr(lock.time, "sleep", lambda _: asking.release())
    held = acquire(tmp_path)
    assert held is not None
    held.release()


def test_a_lock_that_is_released_while_one_waits_at_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened before, locked after its file was removed: a lock that nobody else would see."""
    first = acquire(tmp_path)
    assert first is not None
    flock, calls = lock.fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        if not calls:
            first.release()
        calls.append(operation)
        flock(descriptor, operation)

    monkeypatch.setattr(lock.fcntl, "flock", late)
    held = acquire(tmp_path)
    monkeypatch.undo()
    assert len(calls) == 2
    assert held is not None
    with pytest.raises(InUse):
        acquire(tmp_path)
    held.release()


def test_without_locks_runs_go_on(
    hw: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr(lock.fcntl, "flock", none)
        assert acquire(tmp_path) is None
        assert is_held(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(lock, "fcntl", None)
        assert acquire(tmp_path) is None
        assert is_held(tmp_path)
        assert hw("run", "q1.perceptron", "--epochs", 1).code == 0


def test_a_folder_that_cannot_be_written_has_no_lock() -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are its user's alone
        folder = Path(name)
        folder.chmod(0o555)
        if user == 0:  # who may write everywhere
            os.seteuid(NOBODY)
        try:
            assert acquire(folder) is None
        finally:
            os.seteuid(user)
            folder.chmod(0o700)


def test_a_run_at_a_folder_in_use_is_refused(hw: CommandLine) -> None:
    folder = hw.folder("ist2024.q1.perceptron")
    with holder(folder) as process:
        answer = hw("run", "q1.perceptron")
        assert answer.code == 1
        assert answer.error == (
            f"error: ist2024.q1.perceptron: another run (process {process.pid}) is at work in "
            f"{folder}; wait for it to end, or choose another folder with --results-dir"
        )
        assert [p.name for p in folder.iterdir()] == [".lock"]
        # Its neighbours, changed settings among them, are free.
        assert hw("run", "q1.perceptron", "--epochs", 1).code == 0
    assert hw("run", "q1.perceptron").code == 0
    assert not (folder / ".lock").exists()


def test_what_is_up_to_date_can_be_asked_for_while_it_is_in_use(hw: CommandLine) -> None:
    words = ("run", "q1.perceptron")
    assert hw(*words).code == 0
    with holder(hw.folder("ist2024.q1.perceptron")):
        answer = hw(*words)
        assert answer.code == 0
        assert "up to date" in answer.err
        assert hw(*words, "--force").code == 1


def test_a_run_of_several_seeds_locks_the_folder_of_their_sum(hw: CommandLine) -> None:
    words = ("run", "q1.perceptron", "--epochs", 1, "--seeds", "1,2")
    answer = hw(*words, "--json")
    total = Path(answer.json["over_seeds"][0]["folder"])
    assert not list(hw.results.rglob(".lock"))
    with holder(total):
        answer = hw(*words, "--force")
        assert answer.code == 1
        assert "is at work in" in answer.error


@contextlib.contextmanager
def as_another_user() -> Iterator[None]:
    """As nobody, who owns nothing here. Only root can become another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may write, as a group's shared directory is."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are its user's alone
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder


def test_another_users_lock_locks(shared: Path) -> None:
    held = acquire(shared)
    assert held is not None
    with as_another_user(), pytest.raises(InUse, match=f"process {os.getpid()}"):
        acquire(shared)
    held.release()
    (shared / ".lock").write_text("")
    (shared / ".lock").chmod(0o644)
    with as_another_user():  # a file that was left lying about holds nothing
        held = acquire(shared)
        assert held is not None
        held.release()


def test_another_users_lock_that_cannot_be_read_is_refused(shared: Path) -> None:
    (shared / ".lock").write_text("")
    (shared / ".lock").chmod(0o600)
    with as_another_user(), pytest.raises(InUse, match="another user's and cannot be read"):
        acquire(shared)


@pytest.mark.parametrize("kind", ["link", "dangling link", "loop", "folder", "fifo"])
def test_what_is_no_lock_is_left_alone_and_said(tmp_path: Path, kind: str) -> None:
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / ".lock"
    {
        "link": lambda: path.symlink_to(thesis),
        "dangling link": lambda: path.symlink_to(tmp_path / "nothing"),
        "loop": lambda: path.symlink_to(path),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
    }[kind]()
    with pytest.raises(HwError, match="is not the lock of a run; remove it"):
        acquire(folder)
    assert not is_held(folder) or kind == "folder"
    assert thesis.read_text() == "years of work"
    assert not (tmp_path / "nothing").exists()
