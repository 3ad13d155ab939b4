"""What a person sees: results on standard output, the rest on standard error; tables, numbers.

Imports nothing of weight. Neither stream is certain to be there: a reader may have gone
(``hw list | head``), a stream may be closed, an encoding may lack the characters.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

# Categories of characters that act on a terminal, or that no font shows: control characters, the
# reversal of a line, lone surrogates, private and unassigned ones, separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """The text with what is not printable shown as such: ``\\u001b`` for an escape character.

    A results folder, a data file or an argument may hold a sequence that moves the cursor or
    renames the window. Everything that goes to a terminal passes here. The form is JSON's own, so
    that a JSON document stays one.
    """
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(c if c in "\n\t" or not _is_unseen(c) else _escaped(c) for c in text)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def show(text: str, end: str = "\n") -> None:
    """Print a result. A reader who has gone (``hw list | head``) is no error."""
    try:
        print(printable(text), end=end, flush=True)
    except OSError as error:
        if not _reader_has_gone(error):
            raise
        _give_up(sys.stdout)


def show_json(document: str) -> None:
    """Print a JSON document, escaped as JSON does where the stream lacks a character: it stays the
    document that it is."""
    try:
        document.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "surrogatepass")
    except UnicodeEncodeError:
        document = "".join(c if c.isascii() else _escaped(c) for c in document)
    show(document, end="")


def say(line: str) -> None:
    """Print a line that is not a result, to standard error, if anyone is there to read it."""
    if sys.stderr is None:
        return
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


def flush() -> None:
    """Flush standard output, so that an error can still be said."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not _reader_has_gone(error):
            raise
        _give_up(sys.stdout)


def _reader_has_gone(error: OSError) -> bool:
    # Windows has no word of its own for it.
    return isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and error.errno == errno.EINVAL
    )


def _give_up(stream: Any) -> None:
    """Send the rest to nowhere: what is buffered would raise again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# What stands for a character of ours where an encoding lacks it, as those of Windows' pipes do.
_NEAREST = {"─": "-", "–": "-", "−": "-", "…": "...", "×": "x", "·": ".", "’": "'", "ℓ": "l"}


def _nearest(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_NEAREST.get(c, "?") for c in lost), error.end


codecs.register_error("hw.nearest", _nearest)


def replace_unprintable() -> None:
    """Show the nearest thing, or ``?``, for what the terminal's encoding has no character for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="hw.nearest")


# Tables and numbers


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by their widest cell; a cell may have several lines."""
    cells = [[str(c).split("\n") for c in row] for row in rows]
    widths = [
        max([len(h), *(len(line) for row in cells for line in row[i])])
        for i, h in enumerate(header)
    ]
    lines = [_line(header, widths), _line(["─" * w for w in widths], widths)]
    for row in cells:
        for k in range(max(len(c) for c in row)):
            lines.append(_line([c[k] if k < len(c) else "" for c in row], widths))
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def fill(text: str, width: int = 100) -> str:
    return textwrap.fill(" ".join(text.split()), width)


def clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def counted(count: int, one: str, several: str = "") -> str:
    """``1 claim``, ``2 claims``; ``several`` where an s does not make the plural."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def number(value: Any) -> str:
    """A metric as tables have it: four decimals, or three digits where those say little."""
    if isinstance(value, dict):
        return "…"
    if isinstance(value, int) or (abs(value) >= 1e4 and float(value).is_integer()):
        return f"{value:.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}"


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def width() -> int:
    return shutil.get_terminal_size((100, 24)).columns
