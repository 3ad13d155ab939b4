"""The spread of a question over seeds: ``calibration.json`` in the folder of the question.

It holds, for each variant and metric, the value of every seed after the last epoch and its mean
over the last ten, and what these numbers depend on, so that one that is out of date is noticed.
No clock is in it: the same seeds give the same bytes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hw.config.catalog import Question
from hw.errors import HwError
from hw.results.files import as_json, read_json, write_text
from hw.results.fingerprint import fingerprint
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.verdicts.statistics import deviation

FILE = "calibration.json"
LAST_EPOCHS = 10
# Whatever of these has changed, the seeds are those of another experiment.
ESSENTIAL = {"settings", "data"}


@dataclass(frozen=True)
class Calibration:
    """Values by variant, metric (``last``, ``last_ten``) and seed, and the folders of the seeds.

    source: of the data, ``real`` or ``stand-in``; empty without data.
    """

    path: Path
    seeds: tuple[int, ...]
    values: Mapping[str, Mapping[str, Mapping[str, Mapping[int, float]]]]
    folders: Mapping[int, str]
    depends_on: Mapping[str, str]
    source: str = ""

    def of(self, variant: str, metric: str, when: str = "last") -> dict[int, float]:
        """By seed; empty for what no seed has."""
        return dict(self.values.get(variant, {}).get(metric, {}).get(when, {}))

    def ends(self, variant: str, metric: str) -> dict[int, float]:
        """By seed, over the last ten epochs where a metric has a history, else after the last."""
        return self.of(variant, metric, "last_ten") or self.of(variant, metric)

    def changed(self, now: Mapping[str, str]) -> list[str]:
        """What it depends on and is not as it was."""
        return [name for name in now if self.depends_on.get(name) != now[name]]

    @cached_property
    def outcomes(self) -> dict[int, dict[str, Outcome]]:
        """The curves of every seed whose folder is still there and sound."""
        found = {}
        for seed, name in self.folders.items():
            try:
                found[seed] = Folder(self.path.parent.parent / name).read().outcomes
            except HwError:
                continue
        return found

    def text(self) -> str:
        """The seeds in words: ``seeds 1..10``."""
        return f"seeds {spans(self.seeds)}"


def spans(numbers: Sequence[int]) -> str:
    """``1..4, 7``: whole numbers with their runs drawn together."""
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(
        f"{run[0]}..{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def depends_on(question: Question, data: Mapping[str, Any] | None) -> dict[str, str]:
    """What the question's results depend on as it is configured now, whatever the seed."""
    settings = {
        variant: {k: v for k, v in question.configured(variant).items() if k != "seed"}
        for variant in question.variants
    }
    inputs = {"settings": settings, "data": dict(data) if data else None, "view": question.data}
    return fingerprint(question.module, inputs, question.backend, question.data is not None)


def make(
    question: Question,
    data: Mapping[str, Any] | None,
    seeds: Mapping[int, tuple[str, Mapping[str, Outcome]]],
) -> dict[str, Any]:
    """The document that `write` writes, from each seed's folder name and outcomes."""
    variants: dict[str, dict[str, Any]] = {}
    for variant in question.variants:
        mine = {s: found[variant] for s, (_, found) in seeds.items() if variant in found}
        names = dict.fromkeys(m for o in mine.values() for m in o.metrics)
        variants[variant] = {name: entry for name in names if (entry := _entry(name, mine))}
    return {
        "question": question.id,
        "seeds": sorted(seeds),
        "data": dict(data) if data else None,
        "depends_on": depends_on(question, data),
        "folders": {str(seed): name for seed, (name, _) in seeds.items()},
        "variants": variants,
    }


def _entry(metric: str, outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
    """Last value, mean over the last ten epochs, and spread of one metric."""
    last = {
        str(seed): float(o.metrics[metric])
        for seed, o in outcomes.items()
        if isinstance(o.metrics.get(metric), int | float)
    }
    if not last:
        return {}
    values = list(last.values())
    ten = {s: end for s, o in outcomes.items() if (end := last_ten(o, metric)) is not None}
    return {
        "last": last,
        **({"last_ten": {str(s): v for s, v in ten.items()}} if ten else {}),
        "mean": statistics.fmean(values),
        "std": deviation(values),
    }


def last_ten(outcome: Outcome, metric: str) -> float | None:
    """Mean over the last ten epochs; None for a metric without a history.

    After early stopping, a run ends at its best epoch and not among its last.
    """
    curve = outcome.history.get(metric, [])
    if not curve or metric == "epoch" or "best_epoch" in outcome.metrics:
        return None
    return statistics.fmean(curve[-LAST_EPOCHS:])


def write(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write ``calibration.json`` into a question's folder. Raises `HwError`."""
    path = folder / FILE
    write_text(path, as_json(dict(document)))
    return path


def read(folder: Path) -> Calibration | None:
    """What `write` wrote; None where there is nothing. Raises `HwError` for a damaged file."""
    path = folder / FILE
    if not path.exists():
        return None
    raw = read_json(path)
    try:
        calibration = Calibration(
            path=path,
            seeds=tuple(int(s) for s in raw["seeds"]),
            values={
                str(variant): {
                    str(metric): {
                        when: {int(s): _finite(v) for s, v in entry[when].items()}
                        for when in ("last", "last_ten")
                        if when in entry
                    }
                    for metric, entry in metrics.items()
                }
                for variant, metrics in raw["variants"].items()
            },
            folders={int(s): _plain_name(name) for s, name in raw["folders"].items()},
            depends_on={str(k): str(v) for k, v in raw["depends_on"].items()},
            source=str(raw["data"]["source"]) if raw["data"] else "",
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HwError(f"{path}: not a calibration ({error}); calibrate again") from error
    return calibration


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a value is not a finite number")
    return float(value)


def _plain_name(name: Any) -> str:
    """The name of a folder beside the question's; nothing that leads elsewhere."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError("a folder is not a name")
    return name
