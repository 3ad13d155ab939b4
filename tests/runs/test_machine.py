"""What the machine says of itself, and what it cannot say everywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.results.folder import Folder
from hw.runs import machine


def no_proc(*_: Any) -> bytes:
    raise FileNotFoundError


def test_peak_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    known = machine.peak_memory_mb()
    assert 10 < known < 100_000
    monkeypatch.setattr(Path, "read_bytes", no_proc)
    asked = machine.peak_memory_mb()
    assert 0.5 < asked / known < 2
    monkeypatch.setattr(sys, "platform", "darwin")  # which counts in bytes
    assert machine.peak_memory_mb() == pytest.approx(asked / 1024, rel=0.1)


def test_a_process_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    status = b"Name:\t\xff\xfe\nVmHWM:\t    2000 kB\n"
    monkeypatch.setattr(Path, "read_bytes", lambda _: status)
    assert machine.peak_memory_mb() == pytest.approx(2.048)


def test_where_nothing_is_known_of_memory_a_run_is_none_the_worse(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    monkeypatch.setattr(machine, "Path", lambda _: Path("/nowhere"))
    monkeypatch.setitem(sys.modules, "resource", None)
    assert machine.peak_memory_mb() == 0
    assert hw("run", "q1.perceptron", "--epochs", "1").code == 0
    (path,) = (hw.results / "ist2024").iterdir()
    assert Folder(path).read().run.variants["default"].peak_memory_mb == 0
