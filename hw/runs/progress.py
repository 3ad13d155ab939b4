"""Progress bars, on terminals only."""

from __future__ import annotations

import sys
from typing import Any

from hw.results.outcome import Outcome
from hw.training.loop import Watcher


class Bar(Watcher):
    """A progress bar with rate and remaining time, on a terminal only.

    lines: the terminal lines that bars beside this one have taken; shared by all of them.
    """

    def __init__(self, name: str, lines: set[int] | None = None) -> None:
        self.name, self.lines = name, lines if lines is not None else set()
        self.line = 0
        self.bar: Any = None

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self.line = min(set(range(len(self.lines) + 1)) - self.lines)
            self.lines.add(self.line)
            self.bar = tqdm(
                total=epochs, desc=self.name, unit="epoch", leave=False, position=self.line
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
        self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.lines.discard(self.line)
