"""Time by turns and peak memory in fresh processes, as ratios against the plain loop.

Times are medians of processor time, with one BLAS and one torch thread: on an idle machine that is
the time on the clock, and on a busy one it does not count the waiting. All ways of a case run by
turns in one process, so that what the machine does meanwhile falls on all of them.

Memory is what a fresh process needs for one way at the real number of examples, beyond what it
takes without: the features as that way keeps them, the weights, and what training allocates.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Train, examples, prepare
from hw.errors import HwError
from hw.runs.machine import environment, peak_memory_mb, set_threads

ROOT = Path(__file__).resolve().parent.parent
# A slow way is timed on fewer examples.
FEWER = {"scikit-learn": 4}
# Adam's moments have become denormal by then, where they do.
WARM_UP = {"torch-batch-1-adam": 2000}


@dataclass(frozen=True)
class Measurement:
    """Medians of one case, by way.

    seconds: an example. memory: bytes, of ``ours`` and ``plain``; empty if not measured.
    """

    case: Case
    seconds: dict[str, float]
    memory: dict[str, int]

    @property
    def ratios(self) -> dict[str, float]:
        """How many times what ours takes each other way takes, and ours as the products."""
        ours = self.seconds["ours"]
        ratios = {f"{way}/ours": s / ours for way, s in self.seconds.items() if way != "ours"}
        if "products" in self.seconds:
            ratios["ours/products"] = 1 / ratios.pop("products/ours")
        if self.memory:
            ratios["memory plain/ours"] = self.memory["plain"] / self.memory["ours"]
        return ratios

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.case.name,
            "what": self.case.what,
            "microseconds_an_example": {way: 1e6 * s for way, s in self.seconds.items()},
            "peak_memory_mb": {way: b / 1e6 for way, b in self.memory.items()},
            "ratios": self.ratios,
        }


def measure(
    case: Case, repeats: int = 5, scikit_learn: bool = True, memory: bool = True
) -> Measurement:
    """Time every way ``repeats`` times by turns; the memory of ours and of the plain loop."""
    ways = [w for w in case.ways if w != "scikit-learn" or scikit_learn]
    sizes = {way: alone(case, way)[1] for way in ("ours", "plain")} if memory else {}
    return Measurement(case, times(case, ways, repeats), sizes)


def times(case: Case, ways: Iterable[str], repeats: int) -> dict[str, float]:
    """Seconds an example of each way that is installed: medians over ``repeats`` turns."""
    set_threads("torch" if case.kind == "torch" else "numpy", 1)
    # More rows than a timing trains on: they must not come from the processor's cache alone.
    given = examples(case, max(case.examples, min(case.population, 2 * case.examples)))
    counts, runs = {}, {}
    for way in ways:
        counts[way] = max(1, case.examples // FEWER.get(way, 1))
        try:
            runs[way] = prepare(case, way, given, counts[way])
        except ImportError:
            continue
    taken: dict[str, list[float]] = {way: [] for way in runs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn: one epoch does not converge
        for way, run in runs.items():
            for _ in range(1 + WARM_UP.get(case.name, 0) // counts[way]):
                run()
        for _ in range(repeats):
            for way, run in runs.items():
                taken[way].append(timed(run))
    return {way: statistics.median(t) / counts[way] for way, t in taken.items()}


def machine() -> str:
    """What the times depend on, in a line: libraries, BLAS kernels, instructions, cores."""
    from threadpoolctl import threadpool_info

    from hw.training import torch_products

    found = environment()
    blas = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    blas = [lib for lib in blas if "numpy" in lib["filepath"]] or blas  # SciPy brings its own
    kernels = [f"{b['internal_api']} {b['version']}, {b.get('architecture')} kernels" for b in blas]
    packages = found["packages"]
    return (
        f"NumPy {packages['numpy']} ({'; '.join(kernels) or 'BLAS unknown'}), "
        f"torch {packages['torch']} ({torch_products.library()}), "
        f"{found['machine']} with {found['instruction_set']}, "
        f"{found['cores']} cores, of which one is used"
    )


# Memory


def alone(case: Case, way: str, repeats: int = 0) -> tuple[float, int]:
    """What `alone_here` finds in a fresh process. Raises `HwError` if that fails."""
    words = json.dumps([case.__dict__, way, repeats])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measuring", words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed (out of memory?)"])[-1]
        raise HwError(f"bench: {case.name}, {way}: {last}")
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def alone_here(case: Case, way: str, repeats: int) -> tuple[float, int]:
    """The median time of ``repeats`` trainings (0.0 of none) and the bytes that ``way`` needs at
    the real number of examples, in this process, which should have done nothing else."""
    set_threads("torch" if case.kind == "torch" else "numpy", 1)
    few = min(case.examples, 4 * case.batch_size, case.population)
    # Once in small: imports, and the buffers that libraries keep.
    prepare(case, way, examples(replace(case, population=few), few), few)()
    given = examples(case, case.population)
    before = reset_peak()
    run = prepare(case, way, given, min(case.examples, case.population))
    run()
    # Ours reads the file's bytes; other ways have made of them what they need.
    memory = peak() - before + (given.stored.nbytes if way == "ours" else 0)
    return statistics.median([timed(run) for _ in range(repeats)] or [0.0]), memory


def timed(run: Train) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    run()
    return time.process_time() - start


def reset_peak() -> int:
    """Begin a new peak where the system can, and return where it begins, in bytes."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what is free but kept would hide what comes
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most memory this process has had, in bytes."""
    return int(1e6 * peak_memory_mb())


# Tables

WAYS = ("plain", "ours", "products", "scikit-learn")
RATIOS = ("plain/ours", "scikit-learn/ours", "ours/products", "memory plain/ours")
COLUMNS = ("case", *WAYS, *RATIOS, "MB ours")


def table(measurements: Iterable[Measurement]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: microseconds an example, ratios, megabytes of ours. Nothing measured, no
    column."""
    rows = []
    for m in measurements:
        cells = [
            m.case.name,
            *(f"{1e6 * m.seconds[w]:.1f}" if w in m.seconds else "" for w in WAYS),
        ]
        cells += [f"{m.ratios[r]:.1f}" if r in m.ratios else "" for r in RATIOS]
        rows.append([*cells, f"{m.memory['ours'] / 1e6:.0f}" if m.memory else ""])
    shown = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
    return [COLUMNS[i] for i in shown], [[row[i] for i in shown] for row in rows]


def markdown(measurements: Iterable[Measurement]) -> str:
    """The table of docs/performance.md, with what each case is and what bounds it."""
    measured = list(measurements)
    (_, *columns), rows = table(measured)
    lines = [
        f"| case | {' | '.join(columns)} | what bounds ours |",
        f"|---|{'---:|' * len(columns)}---|",
    ]
    for (name, *cells), m in zip(rows, measured, strict=True):
        lines.append(f"| {name}: {m.case.what} | {' | '.join(cells)} | {m.case.bound} |")
    return "\n".join(lines)


if __name__ == "__main__":
    values, chosen, times_over = json.loads(sys.argv[1])
    alone_case = Case(**{**values, "sizes": tuple(values["sizes"])})
    print(json.dumps(alone_here(alone_case, chosen, times_over)))
