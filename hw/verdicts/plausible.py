"""A student's own number against the band of the same run: plausible, how far out, and why.

The band is that of `Evidence.band`: seeds where there is a calibration, the user's own or the one
that comes with hw; else one run's binomial error and swing. Without either, it is the published
number and the binomial error of its examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hw.config.catalog import Question
from hw.config.claims import published_values
from hw.console import number
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.verdicts.evidence import Evidence, split_sizes
from hw.verdicts.hints import Number, hints
from hw.verdicts.numbers import against, ordinal
from hw.verdicts.one_start import Chaos, chaos
from hw.verdicts.statistics import (
    NUMBERS,
    Band,
    binomial_error,
    half_unit,
    normal_factor,
    percentile,
)


@dataclass(frozen=True)
class Answer:
    """Whether a number is plausible.

    band:  what it was held against.
    ours:  what the question's own run has, None without one.
    seeds: what every seed of the calibration has; empty without one.
    chaos: what of the seeds' scatter is there without another seed; None where nobody looked.
    hints: what to look at first; empty for a plausible number.
    notes: what a reader must know of the data and the seeds.
    """

    number: Number
    plausible: bool
    band: Band
    ours: float | None
    published: str
    seeds: tuple[float, ...] = ()
    chaos: Chaos | None = None
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """How far out, in words."""
        out = self.band.deviations(self.number.value)
        return f"{out:+.1f} sd" if math.isfinite(out) else "where nothing scatters"

    def percentiles(self) -> dict[str, float]:
        """Where among the seeds this number, the published one and ours stand, 0 to 100."""
        if not self.seeds:
            return {}
        printed = {"yours": self.number.printed, "published": self.published}
        ranks = {name: _rank(self.seeds, text) for name, text in printed.items() if text}
        if self.ours is not None:
            ranks["ours"] = percentile(self.seeds, self.ours, self.ours)
        return ranks

    def among_seeds(self) -> str:
        """The same in words: ``of 20 seeds, 0.53 is at the 38th percentile, the published 0.54 at
        the 61st``; empty without seeds."""
        names = {
            "yours": f"{self.number.printed} is",
            "published": f"the published {self.published}",
        }
        parts = [
            f"{names.get(who, who)} {_place(rank)}" for who, rank in self.percentiles().items()
        ]
        return f"of {len(self.seeds)} seeds, {', '.join(parts)}" if parts else ""

    def as_json(self) -> dict[str, Any]:
        n = self.number
        ranks = self.percentiles()
        return {
            "variant": n.variant,
            "metric": n.metric,
            "value": n.value,
            "plausible": self.plausible,
            "ours": self.ours,
            "published": self.published or None,
            "basis": self.band.text,
            **against(self.band, n.value, half_unit(n.printed)),
            **({"seeds": len(self.seeds), "percentiles": ranks} if ranks else {}),
            **({"chaos": self.chaos.as_json()} if self.chaos else {}),
            "look_at": list(self.hints),
            **({"note": "; ".join(self.notes)} if self.notes else {}),
        }


def _rank(seeds: Sequence[float], printed: str) -> float:
    value, slack = float(printed), half_unit(printed)
    return percentile(seeds, value - slack, value + slack)


def _place(rank: float) -> str:
    if rank in (0, 100):
        return "below all" if rank == 0 else "above all"
    return f"at the {ordinal(rank)} percentile"


def parse(word: str, question: Question, variant: str = "") -> Number:
    """``test_accuracy=0.53`` or ``l2.test_accuracy=51%``. Raises `UsageError`."""
    name, equals, text = word.partition("=")
    if not equals or not name or not text:
        raise UsageError(f"{quoted(word)}: expected METRIC=NUMBER, such as test_accuracy=0.53")
    named, _, metric = name.strip().replace("-accuracy", "_accuracy").rpartition(".")
    if named and variant and named != variant:
        raise UsageError(f"{quoted(word)} is of variant {named!r}, and --variant says {variant!r}")
    chosen = named or variant or (next(iter(question.variants)) if _is_single(question) else "")
    if chosen not in question.variants:
        known = ", ".join(list(question.variants)[:10])
        if not chosen:
            example = f"{next(iter(question.variants))}.{word}"
            raise UsageError(f"{question.id} has variants ({known}): say which, as in {example}")
        raise UsageError(
            f"{question.id} has no variant {quoted(chosen)}"
            f"{did_you_mean(chosen, question.variants)} (variants: {known})"
        )
    return Number(chosen, metric, _printed(text.strip(), metric, word))


def _is_single(question: Question) -> bool:
    return len(question.variants) == 1


def _printed(text: str, metric: str, word: str) -> str:
    """The number as it was printed, a percentage as a share."""
    try:
        found = Decimal(text.removesuffix("%"))
        if text.endswith("%"):
            found = found.scaleb(-2)
    except ArithmeticError:
        raise UsageError(f"{quoted(word)}: {quoted(text)} is not a number") from None
    # Not by comparing: beyond its range, Decimal's arithmetic raises.
    if not found.is_finite() or found.adjusted() > 300:
        raise UsageError(f"{quoted(word)}: {quoted(text)} is not a finite number")
    if metric.endswith("accuracy") and not 0 <= found <= 1:
        raise UsageError(f"{quoted(word)}: an accuracy is a share from 0 to 1, or ends in %")
    return str(found)


def answer(mine: Number, evidence: Evidence) -> Answer:
    """Whether a number is plausible. Raises `UsageError` for a metric that the question has not,
    `HwError` where there is nothing to compare with."""
    question = evidence.question
    published = published_values(question.claims).get((mine.variant, mine.metric), "")
    if evidence.source == "stand-in":
        evidence = _without_stand_in(evidence)
    calibration = evidence.calibration
    _check_metric(mine, evidence, published)
    band = evidence.band(mine.variant, mine.metric)
    bands = [band] if band else []
    if published and (band is None or not evidence.of_published_data):
        bands += _about(published, mine, evidence, band)
    ours = evidence.value(mine.variant, mine.metric)
    if not bands and ours is not None:
        text = "our own run, and nothing tells how far it scatters"
        bands.append(Band(ours, 0.0, 1.0, "one run", text, 0.0))
    if not bands:
        raise HwError(
            f"{question.id}: nothing to compare {mine.metric} with; run it first: "
            f"python -m hw run {question.id}"
        )
    slack = half_unit(mine.printed)
    nearest = min(bands, key=lambda b: abs(b.deviations(mine.value)))
    plausible = any(b.holds(mine.value, slack) for b in bands)
    seeds = calibration.of(mine.variant, mine.metric) if calibration else {}
    return Answer(
        number=mine,
        plausible=plausible,
        band=nearest,
        ours=ours,
        published=published,
        seeds=tuple(seeds.values()),
        chaos=chaos(calibration, mine.variant, mine.metric),
        hints=() if plausible else hints(mine, nearest.centre, evidence),
        notes=tuple(_notes(evidence, bool(seeds))),
    )


def _without_stand_in(evidence: Evidence) -> Evidence:
    """What is left once results of synthetic data are put aside."""
    kept = evidence.calibration
    if kept and kept.source == "stand-in":
        kept = None
    return replace(evidence, outcomes={}, data=None, source="", calibration=kept)


def _notes(evidence: Evidence, by_seeds: bool) -> Iterator[str]:
    if evidence.outcomes and not evidence.published:
        yield "ours is of data that are not the published file"
    if by_seeds and evidence.calibration and evidence.calibration.shipped:
        yield evidence.calibration.origin()


def _check_metric(mine: Number, evidence: Evidence, published: str) -> None:
    question = evidence.question
    outcome = evidence.outcomes.get(mine.variant)
    known = dict.fromkeys(
        [
            *question.measures("epoch"),
            *question.measures("end"),
            *(c.details["metric"] for c in question.claims if "metric" in c.details),
            *(outcome.metrics if outcome else ()),
            *(evidence.calibration.values.get(mine.variant, {}) if evidence.calibration else ()),
        ]
    )
    if mine.metric not in known and not published:
        raise UsageError(
            f"{question.id} has no metric {quoted(mine.metric)}{did_you_mean(mine.metric, known)}"
            f" (metrics: {', '.join(known) or 'none'})"
        )


def _about(printed: str, mine: Number, evidence: Evidence, band: Band | None) -> list[Band]:
    """The published number as the middle: with the band's width, or else its binomial error."""
    centre = float(printed)
    if band is not None:
        text = f"the published {printed}, with this scatter ({band.text})"
        return [replace(band, centre=centre, basis="published", text=text, values=())]
    data = evidence.question.data
    split = mine.metric.partition("_")[0]
    n = split_sizes(data["name"], data["view"]).get(split, 0) if data else 0
    if not mine.metric.endswith("accuracy") or not n:
        return []
    error = math.hypot(binomial_error(centre, n), half_unit(printed))
    text = f"the published {printed} and the binomial error {number(error)} of n = {n}; no results"
    return [Band(centre, error, normal_factor(NUMBERS), "published", text, error)]
