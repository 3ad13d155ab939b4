"""Expected errors: one line that says what, where and what to do, with an exit code."""

from __future__ import annotations

import difflib
import errno
import os
import traceback
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1  # a run failed, or the results folder cannot be written
    USAGE = 2  # a command line or a configuration that cannot be meant
    CONTRADICTED = 3  # a published claim is contradicted
    UNAVAILABLE = 4  # data, or a package, is not available
    INTERRUPTED = 130
    TERMINATED = 143


class HwError(Exception):
    """An expected error: its message is the one line that a user sees."""

    code = ExitCode.FAILED


class UsageError(HwError):
    """The command line or a configuration file is wrong."""

    code = ExitCode.USAGE


class DataError(HwError):
    """A data set is missing, unreadable or not what its name promises."""

    code = ExitCode.UNAVAILABLE


class MissingPackage(HwError):
    """A package is not installed, or is and cannot be loaded."""

    code = ExitCode.UNAVAILABLE


def debugging() -> bool:
    """Whether the user asks for tracebacks (``HW_DEBUG=1``)."""
    return os.environ.get("HW_DEBUG", "") not in ("", "0")


# What the machine has not enough of, and what helps.
_SHORT_OF = {
    errno.ENOSPC: "make room, or choose another disk with --results-dir or TMPDIR",
    errno.EDQUOT: "make room, or choose another disk with --results-dir or TMPDIR",
    errno.EFBIG: "'ulimit -f' says how large a file may be; try --jobs 1",
    errno.EMFILE: "'ulimit -n' says how many one process may have; try --jobs 1",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs, or use --jobs 1",
    errno.EAGAIN: "'ulimit -u' says how many processes and threads there may be; try --jobs 1",
}


def as_expected(error: Exception) -> HwError:
    """Any exception as one line: what the system refused, or else a defect and its place."""
    if isinstance(error, HwError):
        return error
    if isinstance(error, MemoryError):
        return HwError("not enough memory; close other programs, or use --jobs 1")
    package = _package_being_loaded(error)
    if isinstance(error, ModuleNotFoundError) and _root(error.name) not in ("hw", package):
        return MissingPackage(
            f"this Python has no {error.name}: use .venv/bin/python, which 'make all' installs, or "
            "pip install -r requirements.txt"
        )
    if package:
        return _unloadable(package, error)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return HwError(f"{error}; {_SHORT_OF[errno.EAGAIN]}")
    if isinstance(error, OSError) and error.strerror:
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        # A full disk without a name is that of standard output, which no option moves.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename
        remedy = "" if full else _SHORT_OF.get(error.errno or 0, "")
        return HwError(f"{words}; {remedy}" if remedy else words)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return HwError(
        f"{type(error).__name__}: {error}{place}: a defect of hw, please report it "
        "(HW_DEBUG=1 shows the traceback)"
    )


# What is known to keep an installed package from loading, by a word of the system's own message.
_REMEDIES = {
    "WinError 126": "install Microsoft's Visual C++ Redistributable "
    "(https://aka.ms/vs/17/release/vc_redist.x64.exe), then install {name} again",
    "DLL load failed": "install Microsoft's Visual C++ Redistributable "
    "(https://aka.ms/vs/17/release/vc_redist.x64.exe), then install {name} again",
    "libcu": "take the build for the CPU: pip install --force-reinstall {name} "
    "--index-url https://download.pytorch.org/whl/cpu",
}
_REINSTALL = "install it again: pip install --force-reinstall {name}"


def _unloadable(package: str, error: BaseException) -> MissingPackage:
    """The line for a package that is installed and cannot be loaded, in the system's own words."""
    from importlib import metadata  # which takes its time, and is seldom needed

    while error.__cause__:  # NumPy wraps it in a page of advice
        error = error.__cause__
    words = " ".join(str(error).split()) or type(error).__name__
    name = metadata.packages_distributions().get(package, [package])[0]
    remedy = next((r for word, r in _REMEDIES.items() if word in words), _REINSTALL)
    return MissingPackage(
        f"{name} is installed and cannot be loaded: {words[:300]}; {remedy.format(name=name)}"
    )


def _package_being_loaded(error: Exception) -> str:
    """The installed package in the middle of whose import an error was raised, or the empty string.

    Where one imports another, it is the inner one.
    """
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code, root = frame.f_code, _root(frame.f_globals.get("__name__"))
        installed = {"site-packages", "dist-packages"} & set(Path(code.co_filename).parts)
        if code.co_name == "<module>" and installed and root != "hw":
            found = root
    return found


def _root(module: str | None) -> str:
    return (module or "hw").partition(".")[0]


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, or the empty string."""
    # Nothing that was meant is longer, and the search is quadratic in the length.
    word = name[:100] if isinstance(name, str) else quoted(name)
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def quoted(value: object, width: int = 200) -> str:
    """``repr(value)`` for a message: never long, and never an error itself."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= width else text[: width - 1] + "…"
