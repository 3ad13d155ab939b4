from __future__ import annotations

from pathlib import Path

import pytest

from hw.errors import (
    DataError,
    ExitCode,
    HwError,
    MissingPackage,
    UsageError,
    as_expected,
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
