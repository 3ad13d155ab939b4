"""What a person sees: tables, numbers, progress. Plain text; colours and bars on terminals only."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any


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
