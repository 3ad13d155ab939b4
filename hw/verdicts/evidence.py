"""What there is to judge a question by: its results folder as configured, and its calibration."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from hw.config.catalog import Question
from hw.console import number
from hw.errors import HwError
from hw.results.folder import Folder
from hw.results.identity import Identity
from hw.results.outcome import Outcome
from hw.results.run_file import Entry
from hw.verdicts import calibration as calibrations
from hw.verdicts import one_start, shipped
from hw.verdicts.calibration import (
    ESSENTIAL,
    LAST_EPOCHS,
    Calibration,
    is_published,
)
from hw.verdicts.statistics import (
    NUMBERS,
    Band,
    binomial_error,
    deviation,
    normal_factor,
    pair_band,
    robust_deviation,
    seeds_band,
)

ON_OTHER_DATA = "on other data"


@dataclass(frozen=True)
class Evidence:
    """The results of one question.

    problem:    why there is nothing to judge; empty if there is.
    source:     ``real``, ``stand-in``, or empty for a question without data.
    published:  whether the data are the published file (or there are none to differ).
    stale:      variants whose settings have changed since they ran; not judged.
    notes:      what a reader must know: results or a calibration out of date.
    """

    question: Question
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    problem: str = ""
    source: str = ""
    published: bool = True
    data: Mapping[str, Any] | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_seeds(self) -> int:
        """Of how many seeds the outcomes are the mean."""
        return max((int(o.metrics.get("n_seeds", 1)) for o in self.outcomes.values()), default=1)

    @property
    def borrowed(self) -> bool:
        """Whether the calibration is of other data than these results: then it tells how far a
        run scatters, and not where it ends."""
        theirs = self.calibration.data if self.calibration else None
        both = self.outcomes and self.data and theirs
        return bool(both) and _sha256(self.data) != _sha256(theirs)

    @property
    def of_published_data(self) -> bool:
        """Whether these results, or else the seeds, are of the published file."""
        if self.outcomes or self.calibration is None:
            return self.published
        return self.calibration.published

    @property
    def calibrated_by(self) -> str:
        """The basis of what is judged by the calibration; empty without one."""
        if self.calibration is None:
            return ""
        name = "shipped calibration" if self.calibration.shipped else "calibration"
        return f"{name}, {ON_OTHER_DATA}" if self.borrowed else name

    def value(self, variant: str, metric: str) -> float | None:
        """The metric at the end; None where the run has none."""
        outcome = self.outcomes.get(variant)
        value = outcome.metrics.get(metric) if outcome else None
        return float(value) if isinstance(value, int | float) else None

    def curve(self, variant: str, metric: str) -> list[float]:
        """The metric after every epoch; empty without a history."""
        outcome = self.outcomes.get(variant)
        return list(outcome.history.get(metric, [])) if outcome else []

    def end(self, variant: str, metric: str) -> float | None:
        """Over the last ten epochs where the metric has a history, else after the last."""
        outcome = self.outcomes.get(variant)
        mean = calibrations.last_ten(outcome, metric) if outcome else None
        return self.value(variant, metric) if mean is None else mean

    def tail(self, variant: str, metric: str) -> tuple[list[float], str]:
        """The last ten epochs of a metric, and of which: empty where there is no curve.

        Where it is measured once at the end, as test accuracy is, that of the validation split
        (or else the training split) stands for it: what swings is the model.
        """
        split, _, kind = metric.partition("_")
        for name in (metric, f"validation_{kind}", f"train_{kind}"):
            values = self.curve(variant, name)[-LAST_EPOCHS:]
            if len(values) > 1 and (name == metric or split in ("test", "validation", "train")):
                return values, name
        return [], ""

    def swing(self, variant: str, metric: str) -> tuple[float, str] | None:
        """Standard deviation over the last ten epochs, and of which metric."""
        values, name = self.tail(variant, metric)
        return (deviation(values), name) if values else None

    def size(self, metric: str, value: float, count: int = 0) -> int:
        """Examples that a share was taken of; 0 for what is no share, or of an unknown number.

        A share that is no whole number of them tells that the file has another size.
        """
        split, _, kind = metric.partition("_")
        if kind != "accuracy" or self.question.data is None:
            return 0
        sizes = split_sizes(self.question.data["name"], self.question.data["view"])
        n = count or sizes.get(split, 0)
        whole = 0 <= value <= 1 and abs(value * n - round(value * n)) < 1e-6 * max(1, n)
        return n if whole or self.n_seeds > 1 else 0

    def band(self, variant: str, metric: str, count: int = 0) -> Band | None:
        """Where another run of the same may end up; None where nothing tells."""
        return (
            self._calibrated(variant, metric)
            or self._of_own_seeds(variant, metric)
            or self._of_one_run(variant, metric, count)
        )

    def _calibrated(self, variant: str, metric: str) -> Band | None:
        found = self.calibration.of(variant, metric) if self.calibration else {}
        if len(found) < 2:
            return None
        values, ours = list(found.values()), self.value(variant, metric)
        n, sd = len(values), deviation(values)
        if self.borrowed and ours is not None:
            text = f"{n} seeds scatter by {number(sd)} on other data than these"
            return pair_band(ours, sd, n, self.calibrated_by, text)
        mean = statistics.fmean(values)
        text = f"{n} seeds: {number(mean)} ± {number(sd)}"
        if sd > 3 * robust_deviation(values):
            text += f", some of them far off (median {number(statistics.median(values))})"
        if chaos := one_start.chaos(self.calibration, variant, metric):
            text += f" (from one start ± {number(chaos.one_start)})"
        return seeds_band(mean, sd, n, self.calibrated_by, text, values)

    def _of_own_seeds(self, variant: str, metric: str) -> Band | None:
        n, sd = self.n_seeds, self.value(variant, f"{metric}_std")
        mean = self.value(variant, f"{metric}_mean")
        if n < 2 or sd is None or mean is None:
            return None
        return seeds_band(mean, sd, n, "seeds", f"{n} seeds: {number(mean)} ± {number(sd)}")

    def _of_one_run(self, variant: str, metric: str, count: int) -> Band | None:
        """Binomial error of the split together with the swing of the last ten epochs.

        The error counts once, though two runs are compared: they are measured on the same
        examples and err on many of the same ones. The swing counts twice: both end somewhere in it.
        """
        ours = self.value(variant, metric)
        if ours is None:
            return None
        n, swing = self.size(metric, ours, count), self.swing(variant, metric)
        if not n and swing is None:
            return None
        error = binomial_error(ours, n) if n else 0.0
        sd = math.hypot(error, math.sqrt(2) * (swing[0] if swing else 0.0))
        parts = [f"binomial error {number(error)} of n = {n}"] if n else []
        if swing:
            parts.append(f"swing {number(swing[0])} of {swing[1]} over the last ten epochs")
        text = f"band ±{number(normal_factor(NUMBERS) * sd)}: {' and '.join(parts)}"
        basis = " and ".join([*(["binomial"] if n else []), *(["swing"] if swing else [])])
        return Band(ours, sd, normal_factor(NUMBERS), basis, text, sd)


def _sha256(data: Mapping[str, Any] | None) -> str:
    return str(data.get("sha256")) if data else ""


@cache
def split_sizes(name: str, view: str) -> dict[str, int]:
    """Examples of each split of a homework's view of the published data set.

    By cutting arrays of the published counts that hold nothing, so that no number stands twice.
    """
    import numpy as np

    from hw.datasets.registry import entry

    published = entry(name)
    upstream = {
        split: (np.zeros((n, 1), np.uint8), np.arange(n) % max(1, published.n_classes))
        for split, n in published.counts.items()
    }
    return {split: len(part) for split, part in published.view(view).cut(upstream).items()}


def gather(question: Question, results: Path) -> Evidence:
    """The evidence in the folder of the question as configured. Never raises `HwError`: a folder
    that cannot be read is a question without results, and says why."""
    folder = Folder(question.folder(results))
    there = folder.read()
    data = there.run.data
    notes: list[str] = []
    if not there.run.status:
        calibration = _calibration(question, folder.path, None, notes)
        return Evidence(question, problem="not run", calibration=calibration, notes=tuple(notes))
    try:
        outcomes = there.outcomes
    except HwError as error:
        notes.append(str(error))
        calibration = _shipped_calibration(question, notes)
        return Evidence(question, problem=str(error), calibration=calibration, notes=tuple(notes))
    if question.data is not None and data is None:
        problem = f"{folder.path / 'run.json'} does not say which data it ran on; run it again"
        return Evidence(question, problem=problem, notes=(problem,))
    changed = Identity.as_configured(question).changed_since(there)
    stale = [v for v in outcomes if "settings" in changed.get(v, ())]
    if stale:
        notes.append(f"settings have changed since it ran ({', '.join(stale)}); run it again")
    elif any("code" in parts for parts in changed.values()):
        notes.append("its code has changed since it ran; run it again to be sure")
    data = data if question.data is not None else None
    return Evidence(
        question=question,
        outcomes={v: o for v, o in outcomes.items() if v in question.variants and v not in stale},
        source=data["source"] if data else "",
        published=is_published(data),
        data=data,
        entries=there.run.variants,
        stale=frozenset(stale),
        calibration=_calibration(question, folder.path, data, notes),
        notes=tuple(notes),
    )


def _calibration(
    question: Question, folder: Path, data: Mapping[str, Any] | None, notes: list[str]
) -> Calibration | None:
    """The user's own if it can be used, else the one that comes with hw; so for the runs from one
    start."""
    found = _own(question, folder, calibrations.FILE, data, notes)
    found = found or _shipped_calibration(question, notes)
    start = _own(question, folder, one_start.FILE, data, notes) if found else None
    return replace(found, one_start=start) if found and start else found


def _shipped_calibration(question: Question, notes: list[str]) -> Calibration | None:
    try:
        return shipped.read(question)
    except HwError as error:
        notes.append(str(error))
        return None


def _own(
    question: Question, folder: Path, name: str, data: Mapping[str, Any] | None, notes: list[str]
) -> Calibration | None:
    """A user's own, if it is of the same settings and data; what is wrong with it is noted."""
    try:
        found = calibrations.read(folder, name)
    except HwError as error:
        notes.append(str(error))
        return None
    if found is None:
        return None
    now = calibrations.depends_on(question, data)
    if data is None and question.data is not None:
        # Nothing ran as configured, so that there are no other data to compare with.
        if found.source == "stand-in":
            return None
        now.pop("data")
    changed = found.changed(now)
    if not changed:
        return found
    of_start = name == one_start.FILE
    what = "runs from one start" if of_start else "calibration"
    command = f"python -m hw calibrate {question.id}{' --ulps 10' if of_start else ''}"
    if ESSENTIAL & set(changed):
        notes.append(f"{what} not used, for other {' and '.join(changed)}: {command}")
        return None
    verb = "are" if of_start else "is"
    notes.append(f"{what} {verb} older than the {' and '.join(changed)}: {command}")
    return found
