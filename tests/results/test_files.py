"""Files on a platform that neither moves nor removes one that somebody has open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from windows import Msvcrt

from hw.errors import HwError
from hw.results import files, lock

OPEN = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not OPEN.is_dir(), reason="nothing tells which files are open")


def is_open(path: Path) -> bool:
    found = [one.readlink() for one in OPEN.iterdir() if one.is_symlink()]
    return path in found


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "msvcrt", Msvcrt)

    def strict(original: Callable[..., Any]) -> Callable[..., Any]:
        def change(*paths: Path, **options: Any) -> Any:
            if any(is_open(path) for path in paths):
                raise PermissionError(13, "The process cannot access the file")
            return original(*paths, **options)

        return change

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, strict(getattr(Path, name)))


def test_a_file_is_written_and_nothing_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("one", "two"):
        files.write_text(path, text)
        assert path.read_text() == text
        assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ZeroDivisionError), files.written_beside(path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("one")
    reader = path.open()
    monkeypatch.setattr(files.time, "sleep", lambda _: reader.close())
    files.write_text(path, "two")
    assert path.read_text() == "two"


def test_one_who_never_leaves_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("one")
    waits: list[float] = []
    monkeypatch.setattr(files.time, "sleep", waits.append)
    with path.open(), pytest.raises(HwError, match=r"a\.json: The process cannot access the file"):
        files.write_text(path, "two")
    assert sum(waits) == pytest.approx(1)
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    part = tmp_path / f".a.json.1234{files.PART}"
    part.write_text("half")
    held = os.open(part, os.O_RDWR)
    assert lock.take(held)
    files.remove_parts(tmp_path)
    assert part.exists(), "somebody is writing it"
    os.close(held)
    files.remove_parts(tmp_path)
    assert not part.exists()
