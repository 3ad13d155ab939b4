"""How time and memory grow: with examples, features, hidden units, and runs.

Each point is a fresh process that trains one network (`mlp` of `benchmarks.cases`) for one epoch,
ours or by the plain loop; for runs, one ``hw run`` of so many seeds on two processes. Exponents are
slopes of least squares on log-log, over all points and over the three largest, where what is
constant weighs least.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.measuring import ROOT, alone
from hw.errors import HwError
from hw.figures.style import COLOURS, look, new_figure

BASE = {"n": 2000, "width": 2048, "hidden": 64}
POINTS: dict[str, tuple[int, ...]] = {
    "examples": (1000, 2000, 4000, 8000, 16000),
    "features": (512, 1024, 2048, 4096, 8192),
    "hidden units": (32, 64, 128, 256, 512, 1024),
    "runs": (2, 4, 8, 16),
}


@dataclass(frozen=True)
class Series:
    """One way along one axis.

    seconds: of an epoch, or of all runs. memory: bytes, of the largest process.
    """

    axis: str
    way: str
    sizes: list[int]
    seconds: list[float]
    memory: list[int]

    def exponent(self, values: Sequence[float], last: int = 0) -> float:
        x, y = np.log(self.sizes[-last:]), np.log(np.asarray(values, dtype=float)[-last:])
        return float(np.polyfit(x, y, 1)[0])

    def as_json(self) -> dict[str, Any]:
        return {
            "axis": self.axis,
            "way": self.way,
            "sizes": self.sizes,
            "seconds": self.seconds,
            "peak_memory_mb": [b / 1e6 for b in self.memory],
            "exponents": {
                "time": self.exponent(self.seconds),
                "time_of_the_three_largest": self.exponent(self.seconds, 3),
                "memory": self.exponent(self.memory),
                "memory_of_the_three_largest": self.exponent(self.memory, 3),
            },
        }


def measure(say: Callable[[str], None], quick: bool = False) -> list[Series]:
    """Every axis, ours and plain; ``say`` is told what is next."""
    found = []
    for axis, all_sizes in POINTS.items():
        sizes = list(all_sizes[:2] if quick else all_sizes)
        for way in ("ours",) if axis == "runs" else ("ours", "plain"):
            say(f"growth with {axis}: {way}")
            points = [_runs(size) if axis == "runs" else _point(axis, size, way) for size in sizes]
            found.append(Series(axis, way, sizes, [s for s, _ in points], [b for _, b in points]))
    return found


def _point(axis: str, size: int, way: str) -> tuple[float, int]:
    n = size if axis == "examples" else BASE["n"]
    width = size if axis == "features" else BASE["width"]
    hidden = size if axis == "hidden units" else BASE["hidden"]
    case = Case("growth", "mlp", "landscapes", (width, hidden, 6), n, n, learning_rate=1e-5)
    return alone(case, way, repeats=2)


def _runs(count: int) -> tuple[float, int]:
    """Seconds on the clock, and the largest process, of ``count`` runs, two at a time."""
    seeds = ",".join(map(str, range(count)))
    with tempfile.TemporaryDirectory() as folder:
        words = ["q1.perceptron", "--epochs", "5", "--data", "stand-in", "--jobs", "2", "-q"]
        folders = ["--data-dir", folder, "--results-dir", folder]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "hw", "run", *words, "--seeds", seeds, *folders],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HW_OFFLINE": "1"},
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise HwError(f"growth: {count} runs ended with exit code {done.returncode}")
        # The system's own count of the largest child is of all that came before, too.
        written = Path(folder).rglob("run.json")
        variants = [json.loads(p.read_text())["variants"] for p in written]
    peaks = [v.get("peak_memory_mb", 0) for entry in variants for v in entry.values()]
    return seconds, int(1e6 * max(peaks))


# Results

COLUMNS = ["grows with", "from … to", "way", "time", "(largest three)", "memory", "(largest three)"]


def rows(measured: Sequence[Series]) -> list[list[str]]:
    """The exponents."""
    found = []
    for s in measured:
        exponents = s.as_json()["exponents"].values()
        cells = [s.axis, f"{s.sizes[0]} … {s.sizes[-1]}", s.way]
        found.append([*cells, *(f"{e:.2f}" for e in exponents)])
    return found


def markdown(measured: Sequence[Series]) -> str:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---:|---:|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(measured))])


@look()
def draw(measured: Sequence[Series], path: Path) -> None:
    """Time and memory against each axis, log-log, written to ``path``."""
    axes_names = list(dict.fromkeys(s.axis for s in measured))
    figure, axes = new_figure(2, len(axes_names), width=2.5, height=2.3)
    for column, name in enumerate(axes_names):
        for s in (s for s in measured if s.axis == name):
            colour = COLOURS[s.way == "plain"]
            values = (s.seconds, [b / 1e6 for b in s.memory])
            for ax, found, what in zip(axes[:, column], values, QUANTITIES, strict=True):
                label = f"{s.way}, exponent {s.exponent(found):.2f}"
                ax.loglog(s.sizes, found, "o-", ms=3, color=colour, label=label)
                ax.set_xticks(s.sizes[::2], [str(size) for size in s.sizes[::2]])
                ax.set_xlabel(name)
                ax.set_ylabel(what)
                ax.minorticks_off()
        for ax in axes[:, column]:
            low, high = ax.get_ylim()
            ax.set_ylim(min(low, high / 8), 3 * high)  # room for what is constant, and the legend
            ax.legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=75)


QUANTITIES = ("time, s", "peak memory, MB")
