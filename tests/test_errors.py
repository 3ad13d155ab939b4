from __future__ import annotations

import errno
import importlib
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


SYSTEMS_WORDS = {
    "fbgemm": (
        "raise OSError('[WinError 126] The specified module could not be found. Error loading "
        '"C:\\\\torch\\\\lib\\\\fbgemm.dll" or one of its dependencies.\')',
        ["WinError 126", "fbgemm.dll", "Visual C++ Redistributable"],
    ),
    "cudnn": (
        "raise ImportError('libcudnn.so.9: cannot open shared object file: No such file')",
        ["libcudnn.so.9", "--index-url https://download.pytorch.org/whl/cpu"],
    ),
    "numpy's": (
        "try:\n    raise ImportError('DLL load failed while importing _umath')\n"
        "except ImportError as error:\n"
        "    raise ImportError('\\n\\nIMPORTANT: PLEASE READ THIS\\n') from error",
        ["DLL load failed while importing _umath", "Visual C++"],
    ),
    "half of it": (
        "raise ModuleNotFoundError('No module named broken._C', name='broken._C')",
        ["No module named broken._C", "pip install --force-reinstall broken"],
    ),
    "other binaries": (
        "raise RuntimeError('module compiled against ABI version 0x1000009')",
        ["ABI version", "pip install --force-reinstall broken"],
    ),
}


@pytest.mark.parametrize("case", SYSTEMS_WORDS)
def test_a_package_that_cannot_be_loaded_is_no_defect_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    source, words = SYSTEMS_WORDS[case]
    package = tmp_path / "site-packages" / "broken"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(package.parent)
    error = as_expected(caught(lambda: importlib.import_module("broken")))
    assert error.code == ExitCode.UNAVAILABLE
    line = str(error)
    assert line.startswith("broken is installed and cannot be loaded: ")
    assert "\n" not in line
    assert "defect" not in line
    assert all(word in line for word in words), line


def test_a_package_that_lacks_another_names_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "needy.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    error = as_expected(caught(lambda: importlib.import_module("needy")))
    assert error.code == ExitCode.UNAVAILABLE
    assert str(error).startswith("this Python has no nowhere_to_be_found")


@pytest.mark.parametrize(("value", "on"), [("", False), ("0", False), ("1", True)])
def test_zero_switches_debugging_off(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("HW_DEBUG", value)
    assert debugging() is on
