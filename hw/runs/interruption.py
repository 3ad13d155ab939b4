"""Ctrl-C, SIGTERM and SIGHUP: what they end, and when.

While a model trains, the first Ctrl-C ends the run at the end of the epoch, with a checkpoint, and
the second one at once. Where there is no epoch to wait for, the first one ends it at once. SIGTERM
always does, and so does SIGHUP, which a terminal that is closed sends: the last checkpoint, which
is a second old at most, is written on the way out.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn


class Terminated(BaseException):
    """SIGTERM, as an exception, so that whatever is open is closed in order."""


class _State:
    """Of this process: signals are."""

    requested = False
    at_once = False


def requested() -> bool:
    """Whether an end is asked for that nothing has answered yet."""
    return _State.requested


def check() -> None:
    """Raises `KeyboardInterrupt` if an end is asked for."""
    if _State.requested:
        raise KeyboardInterrupt


@contextlib.contextmanager
def patience(tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Inside, the first Ctrl-C only sets `requested`, says so, and calls ``tell``."""

    def first(*_: Any) -> None:
        if _State.requested or _State.at_once:
            raise KeyboardInterrupt
        _State.requested = True
        _say("note: ending after this epoch; Ctrl-C again ends at once")
        tell()

    _State.requested = False
    before = signal.getsignal(signal.SIGINT)
    # Not in the main thread (a notebook, a worker of a cluster), signals are the caller's business.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        _State.requested = False
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Inside, there is no epoch whose end is worth waiting for."""
    check()
    before, _State.at_once = _State.at_once, True
    try:
        yield
    finally:
        _State.at_once = before


def end_on_sigterm() -> None:
    """From now on SIGTERM raises `Terminated`, and so does SIGHUP, unless nohup has it ignored."""

    def stop(*_: Any) -> NoReturn:
        raise Terminated

    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, stop)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, stop)


def listen() -> None:
    """In a process of our own: Ctrl-C, and who is asked by `hw.runs.bell`, ends after the epoch,
    however often it is asked; SIGTERM ends at once."""

    def asked(*_: Any) -> None:
        if _State.at_once:
            raise KeyboardInterrupt
        _State.requested = True

    signal.signal(signal.SIGINT, asked)
    end_on_sigterm()


def _say(line: str) -> None:
    # Past Python's buffers: a signal may arrive in the middle of printing.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), f"{line}\n".encode())
