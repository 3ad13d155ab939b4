"""How far runs from one start end apart: ``one_start.json`` in the folder of a question.

It has the form of ``calibration.json``, but for the seeds: these are numbers of changes of the
start by one unit in the last place (`hw.runs.one_start`). Beside the spread over seeds it tells
which part of that is chaos and which is chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.config.catalog import Question
from hw.console import number
from hw.results.outcome import Outcome
from hw.verdicts import calibration
from hw.verdicts.calibration import Calibration, Values
from hw.verdicts.statistics import deviation, variance_ratio

FILE = "one_start.json"


@dataclass(frozen=True)
class Chaos:
    """What of the spread of a metric over seeds is there without another seed.

    seeds, one_start: standard deviations over seeds, and over changes of one start.
    runs:             how many changes there were.
    share:            of the variance over seeds, with its interval at 95 %; at most 1.
    """

    seeds: float
    one_start: float
    runs: int
    share: float
    low: float
    high: float

    def text(self) -> str:
        spread = (
            f"{self.runs} runs from one start, its last bits changed, scatter by "
            f"{number(self.one_start)} where seeds scatter by {number(self.seeds)}"
        )
        if not self.one_start:
            return f"{spread}: nothing of it is chaos"
        interval = f"{100 * self.low:.0f} to {100 * self.high:.0f} %"
        return f"{spread}: {100 * self.share:.0f} % of the variance ({interval}) is chaos"

    def as_json(self) -> dict[str, float]:
        return {
            "seeds_std": self.seeds,
            "one_start_std": self.one_start,
            "runs": self.runs,
            "share": self.share,
            "low": self.low,
            "high": self.high,
        }


def chaos(found: Calibration | None, variant: str, metric: str) -> Chaos | None:
    """Of a metric after the last epoch; None where it was not measured, or nothing scatters."""
    if found is None or found.one_start is None:
        return None
    seeds = list(found.of(variant, metric).values())
    changes = list(found.one_start.of(variant, metric).values())
    sd = deviation(seeds)
    if len(changes) < 2 or not sd:
        return None
    share, low, high = (min(1.0, x) for x in variance_ratio(changes, seeds))
    return Chaos(sd, deviation(changes), len(changes), share, low, high)


def write(folder: Path, question: Question, data: Mapping[str, Any] | None, values: Values) -> Path:
    """Write ``one_start.json`` into a question's folder. Raises `HwError`."""
    changes = {k for of in values.values() for e in of.values() for k in e["last"]}
    document = calibration.document(question, data, sorted(changes), values, {})
    return calibration.write(folder, document, FILE)


def added(
    values: Values, variants: Sequence[str], change: int, outcomes: Mapping[str, Outcome]
) -> Values:
    """The same values with those of one more change."""
    new = calibration.values_of(variants, {change: outcomes})
    return {
        variant: {
            metric: {
                when: {**values.get(variant, {}).get(metric, {}).get(when, {}), **by_change}
                for when, by_change in entry.items()
            }
            for metric, entry in metrics.items()
        }
        for variant, metrics in new.items()
    }
