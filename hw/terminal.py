"""What a person sees: tables, numbers, progress. Plain text; colours and bars on terminals only."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from hw.outcome import Outcome
from hw.training import Watcher


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


class Bar(Watcher):
    """A progress bar with rate and remaining time, on a terminal only."""

    def __init__(self, name: str, position: int = 0) -> None:
        self.name, self.position = name, position
        self.bar: Any = None

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=epochs, desc=self.name, unit="epoch", leave=False, position=self.position
            )

    def resumed(self, epoch: int) -> None:
        if self.bar is not None:
            self.bar.initial = self.bar.n = epoch

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        if self.bar is not None:
            shown = {k: v for k, v in row.items() if k.startswith(("validation", "train_loss"))}
            self.bar.set_postfix({k: f"{v:.4f}" for k, v in shown.items()}, refresh=False)
            self.bar.update()

    def finished(self, outcome: Outcome) -> None:
        if self.bar is not None:
            self.bar.close()
