"""The spread of a question over seeds, and ``calibration.json`` in the folder of the question.

A calibration holds, for each variant and metric, the value of every seed after the last epoch and
its mean over the last ten, the curves of the seeds, and what these numbers depend on, so that one
that is out of date is noticed. A user's own (``hw calibrate``) is read and written here;
`hw.verdicts.shipped` has those that come with hw.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
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

Values = Mapping[str, Mapping[str, Mapping[str, Mapping[int, float]]]]
Seeds = Mapping[int, Mapping[str, Outcome]]


@dataclass(frozen=True)
class Calibration:
    """What a question yields over seeds.

    values:     by variant, metric, ``last`` or ``last_ten``, and seed.
    load:       reads the outcomes of the seeds, for their curves; some may be gone.
    data:       what run.json says of the data; None without data.
    depends_on: digests of what the values depend on, by name.
    seconds:    median seconds of an epoch, by variant and seed.
    versions:   of Python's packages, by name.
    steps:      of PyTorch, with which the seeds were run: ``autograd``, ``direct``.
    shipped:    whether it came with hw; else it is the user's own.
    one_start:  runs with the configured seed of which one initial weight each is one unit in the
                last place off: what of the spread is there without another seed.
    """

    seeds: tuple[int, ...]
    values: Values
    load: Callable[[], Seeds]
    data: Mapping[str, Any] | None = None
    depends_on: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    shipped: bool = False
    one_start: Calibration | None = None

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
    def outcomes(self) -> Seeds:
        """The outcomes of every seed that are still there and sound, by seed and variant."""
        return self.load()

    @property
    def source(self) -> str:
        """Of the data, ``real`` or ``stand-in``; empty without data."""
        return str(self.data["source"]) if self.data else ""

    @property
    def published(self) -> bool:
        """Whether the data are the published file (or there are none to differ)."""
        return is_published(self.data)

    def text(self) -> str:
        """The seeds in words: ``seeds 1..10``."""
        return f"seeds {spans(self.seeds)}"

    def origin(self) -> str:
        """Where the seeds come from, in words."""
        if not self.shipped:
            return f"{self.text()} of your own calibration"
        made = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        if "direct" in self.steps:
            made += ", --step direct"
        of = f", of {self.data['name']}" if self.data else ""
        other = "" if self.published else ", which is not the published file"
        return f"{self.text()} come with hw ({made}){of}{other}"


def is_published(data: Mapping[str, Any] | None) -> bool:
    """Whether data, as run.json describes them, are the published file (or there are none)."""
    return not data or str(data.get("provenance")).startswith("published file")


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


def values_of(variants: Sequence[str], seeds: Seeds) -> dict[str, dict[str, dict[str, Any]]]:
    """Every plain number of every seed, by variant, metric, ``last`` or ``last_ten``, and seed."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for variant in variants:
        mine = {s: outcomes[variant] for s, outcomes in seeds.items() if variant in outcomes}
        names = dict.fromkeys(m for o in mine.values() for m in o.metrics)
        found[variant] = {name: entry for name in names if (entry := _entry(name, mine))}
    return found


def _entry(metric: str, outcomes: Mapping[int, Outcome]) -> dict[str, dict[int, float]]:
    last = {
        seed: float(o.metrics[metric])
        for seed, o in outcomes.items()
        if isinstance(o.metrics.get(metric), int | float)
    }
    ten = {s: end for s, o in outcomes.items() if (end := last_ten(o, metric)) is not None}
    return {"last": last, **({"last_ten": ten} if ten else {})} if last else {}


def last_ten(outcome: Outcome, metric: str) -> float | None:
    """Mean over the last ten epochs; None for a metric without a history.

    After early stopping, a run ends at its best epoch and not among its last.
    """
    curve = outcome.history.get(metric, [])
    if not curve or metric == "epoch" or "best_epoch" in outcome.metrics:
        return None
    return statistics.fmean(curve[-LAST_EPOCHS:])


# A user's own: calibration.json ------------------------------------------------------------------


def make(
    question: Question,
    data: Mapping[str, Any] | None,
    seeds: Mapping[int, tuple[str, Mapping[str, Outcome]]],
) -> dict[str, Any]:
    """The document that `write` writes, from each seed's folder name and outcomes."""
    values = values_of(list(question.variants), {s: found for s, (_, found) in seeds.items()})
    folders = {seed: name for seed, (name, _) in seeds.items()}
    return document(question, data, sorted(seeds), values, folders)


def document(
    question: Question,
    data: Mapping[str, Any] | None,
    seeds: Sequence[int],
    values: Values,
    folders: Mapping[int, str],
) -> dict[str, Any]:
    """No clock is in it: the same seeds give the same bytes."""
    return {
        "question": question.id,
        "seeds": list(seeds),
        "data": dict(data) if data else None,
        "depends_on": depends_on(question, data),
        "folders": {str(seed): name for seed, name in folders.items()},
        "variants": {
            variant: {metric: _summary(entry) for metric, entry in metrics.items()}
            for variant, metrics in values.items()
        },
    }


def _summary(entry: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    last = list(entry["last"].values())
    return {
        **{when: {str(s): v for s, v in by_seed.items()} for when, by_seed in entry.items()},
        "mean": statistics.fmean(last),
        "std": deviation(last),
    }


def write(folder: Path, document: Mapping[str, Any], name: str = FILE) -> Path:
    """Write ``calibration.json`` into a question's folder. Raises `HwError`."""
    path = folder / name
    write_text(path, as_json(dict(document)))
    return path


def read(folder: Path, name: str = FILE) -> Calibration | None:
    """What `write` wrote; None where there is nothing. Raises `HwError` for a damaged file."""
    path = folder / name
    if not os.path.lexists(path):
        return None
    raw = read_json(path)
    try:
        folders = {int(s): folder.parent / _plain_name(name) for s, name in raw["folders"].items()}
        calibration = Calibration(
            seeds=tuple(int(s) for s in raw["seeds"]),
            values={
                str(variant): {
                    str(metric): {
                        when: {int(s): finite(v) for s, v in entry[when].items()}
                        for when in ("last", "last_ten")
                        if when in entry
                    }
                    for metric, entry in metrics.items()
                }
                for variant, metrics in raw["variants"].items()
            },
            load=partial(_outcomes, folders),
            data=described(raw["data"]),
            depends_on={str(k): str(v) for k, v in raw["depends_on"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HwError(f"{path}: not a calibration ({error}); calibrate again") from error
    return calibration


def described(data: Any) -> dict[str, str] | None:
    """What run.json says of data, read without trust: words, and whether they are real."""
    if not data:
        return None
    words = {str(key): str(value) for key, value in data.items()}
    return {**words, "source": words["source"]}


def _outcomes(folders: Mapping[int, Path]) -> dict[int, dict[str, Outcome]]:
    """The outcomes in the seeds' folders, as far as they can be read."""
    found = {}
    for seed, path in folders.items():
        try:
            found[seed] = Folder(path).read().outcomes
        except HwError:
            continue
    return found


def finite(value: Any) -> float:
    """A number of a JSON document. Raises `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a value is not a finite number")
    return float(value)


def _plain_name(name: Any) -> str:
    """The name of a folder beside the question's; nothing that leads elsewhere."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError("a folder is not a name")
    return name
