"""Expected errors: one line that says what, where and what to do, with an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1  # a run failed, or the results folder cannot be written
    USAGE = 2  # a command line or a configuration that cannot be meant
    CONTRADICTED = 3  # a published claim is contradicted
    UNAVAILABLE = 4  # data, or an optional package, is not available
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
    """An optional package is not installed."""

    code = ExitCode.UNAVAILABLE


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, or the empty string."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
