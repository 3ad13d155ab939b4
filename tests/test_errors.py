from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hw.errors import (
    DataError,
    ExitCode,
    HwError,
    MissingPackage,
    UsageError,
    as_expected,
    debugging,
    did_you_mean,
    quoted,
)


@pytest.mark.parametrize(
    ("kind", "code"), [(HwError, 1), (UsageError, 2), (DataError, 4), (MissingPackage, 4)]
)
def test_exit_codes(kind: type[HwError], code: int) -> None:
    assert kind("x").code == code
    assert ExitCode.CONTRADICTED == 3


def test_the_nearest_name_is_offered_and_nothing_far_away() -> None:
    assert did_you_mean("epoch", ["epochs", "seed"]) == "; did you mean 'epochs'?"
    assert did_you_mean("zzz", ["epochs", "seed"]) == ""
    assert did_you_mean(None, ["epochs"]) == ""


def test_quoted_is_short_whatever_the_value() -> None:
    assert quoted("a") == "'a'"
    assert len(quoted("a" * 10_000)) == 200
    # Python refuses to write out whole numbers of more than 4300 digits.
    assert quoted(10**5000) == "a int"


def caught(action: object) -> Exception:
    try:
        action()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_any_exception_becomes_one_line(tmp_path: Path) -> None:
    mine = UsageError("so")
    assert as_expected(mine) is mine
    assert "not enough memory" in str(as_expected(MemoryError()))
    missing = caught(lambda: (tmp_path / "no").read_text())
    assert str(as_expected(missing)) == f"{tmp_path / 'no'}: No such file or directory"
    defect = as_expected(caught(lambda: 1 / 0))
    assert defect.code == ExitCode.FAILED
    assert "ZeroDivisionError" in str(defect)
    assert "test_errors.py:" in str(defect)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            "a/b: No space left on device; make",
        ),
        (OSError(errno.EMFILE, "Too many open files"), "'ulimit -n'"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "'ulimit -u'"),
        (OSError(errno.EFBIG, "File too large"), "'ulimit -f'"),
        (RuntimeError("can't start new thread"), "'ulimit -u'"),
    ],
)
def test_what_the_machine_lacks_is_named_with_what_helps(error: Exception, words: str) -> None:
    line = str(as_expected(error))
    assert words in line
    assert "defect" not in line


@pytest.mark.parametrize(("value", "on"), [("", False), ("0", False), ("1", True)])
def test_zero_switches_debugging_off(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("HW_DEBUG", value)
    assert debugging() is on
