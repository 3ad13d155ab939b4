"""Standard output for results, standard error for everything else. Imports nothing of weight.

Neither is certain to be there: a reader may have gone (``hw list | head``), a stream may be
closed, an encoding may lack the characters.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any


def show(text: str, end: str = "\n") -> None:
    """Print a result. A reader who has gone (``hw list | head``) is no error."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _give_up(sys.stdout)


def say(line: str) -> None:
    """Print a line that is not a result, to standard error, if anyone is there to read it."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


def flush() -> None:
    """Flush standard output, so that an error can still be said."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)


def _give_up(stream: Any) -> None:
    """Send the rest to nowhere: what is buffered would raise again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def replace_unprintable() -> None:
    """Show ``?`` for what the terminal's encoding has no character for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
