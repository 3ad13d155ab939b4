"""Claim by claim: what a document publishes against the evidence.

Every judge takes a claim and the evidence and returns a `Finding`; `judge` puts around it what is
common to all: no results, stand-in data, errata, other data. docs/verdicts.md has the rules in
words.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hw.config.claims import Claim
from hw.config.settings import plain
from hw.console import number
from hw.results.outcome import Outcome
from hw.verdicts.calibration import LAST_EPOCHS
from hw.verdicts.evidence import Evidence
from hw.verdicts.statistics import (
    CONCLUSIONS,
    Band,
    binomial_error,
    deviation,
    half_unit,
    mann_kendall,
    normal_factor,
    roughness,
    rounds_to,
    student_factor,
    turning_score,
    turns,
    wilson,
)


class Verdict(StrEnum):
    EXACT = "exact"
    CLOSE = "close"
    HOLDS = "holds"
    SUPPORTED = "supported"
    ERRATUM = "erratum"
    NOT_SUPPORTED = "not supported"
    DIFFERS = "differs"
    CONTRADICTED = "contradicted"
    OTHER_DATA = "other data"
    STAND_IN = "stand-in"
    NOT_RUN = "not run"


# These, and nothing else, are what exit code 3 means.
CONTRADICTIONS = frozenset({Verdict.DIFFERS, Verdict.CONTRADICTED})
_AGAINST = CONTRADICTIONS | {Verdict.NOT_SUPPORTED}


@dataclass(frozen=True)
class Finding:
    """What one claim was found to be.

    ours:     our side of it, in a word.
    evidence: one line that shows it.
    basis:    what it was judged by.
    numbers:  what the line is made of, for programs.
    """

    verdict: Verdict
    ours: str = ""
    evidence: str = ""
    basis: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A claim with its finding. ``number`` counts the claims of a question from 1."""

    question: str
    number: int
    claim: Claim
    finding: Finding

    @property
    def verdict(self) -> Verdict:
        return self.finding.verdict

    @property
    def published(self) -> str:
        """The statement in a line, with the variant that it speaks of; of a check, in full."""
        claim = self.claim
        if not claim.says and "statement" in self.finding.numbers:
            return str(self.finding.numbers["statement"])
        named = "" if claim.says else str(claim.details.get("variant", ""))
        return f"{named}: {claim.text()}" if named else claim.text()

    def as_json(self) -> dict[str, Any]:
        claim, finding = self.claim, self.finding
        return {
            "question": self.question,
            "claim": self.number,
            "sort": claim.sort,
            "where": claim.where,
            "published": self.published,
            "verdict": str(finding.verdict),
            "ours": finding.ours,
            "evidence": finding.evidence,
            "basis": finding.basis,
            "numbers": plain(dict(finding.numbers)),
            "details": plain(dict(claim.details)),
            **({"erratum": claim.erratum} if claim.erratum else {}),
            "our_own": claim.ours,
        }


def judge_all(evidence: Evidence) -> list[Judgement]:
    """Every claim of a question."""
    return [
        Judgement(evidence.question.id, number, claim, judge(claim, evidence))
        for number, claim in enumerate(evidence.question.claims, start=1)
    ]


def judge(claim: Claim, evidence: Evidence) -> Finding:
    """What a claim is found to be."""
    if found := _without_results(claim, evidence):
        return found
    if evidence.problem:
        return Finding(Verdict.NOT_RUN, evidence=evidence.problem)
    if evidence.source == "stand-in":
        return Finding(Verdict.STAND_IN, evidence="results of synthetic data are never judged")
    missing = [v for v in _variants(claim) if v not in evidence.outcomes]
    if missing:
        stale = evidence.stale & set(missing)
        why = "settings have changed since it ran" if stale else "not run"
        return Finding(Verdict.NOT_RUN, evidence=f"{', '.join(missing)}: {why}")
    found = _JUDGES[claim.sort](claim, evidence)
    if claim.erratum:
        found = _erratum(claim, found)
    if found.verdict in CONTRADICTIONS and not evidence.published:
        text = f"would be: {found.verdict}; but the data are not the published file"
        numbers = {**found.numbers, "would_be": str(found.verdict)}
        evidence_text = f"{found.evidence}; {text}" if found.evidence else text
        return replace(found, verdict=Verdict.OTHER_DATA, evidence=evidence_text, numbers=numbers)
    return found


def _variants(claim: Claim) -> list[str]:
    """The variants that a claim cannot be judged without."""
    names = [claim.variant] if claim.sort in ("value", "range", "trend", "best") else []
    for key in ("variant", "higher", "lower", "reference", "slower", "faster"):
        value = claim.details.get(key, [])
        names += value if isinstance(value, list) else [value]
    return list(dict.fromkeys(names))


def _without_results(claim: Claim, evidence: Evidence) -> Finding | None:
    """Slips of wording, and printed shares that no count gives: judged by the document alone."""
    if claim.sort == "form":
        return Finding(Verdict.ERRATUM, evidence=claim.erratum or claim.text(), basis="form")
    if claim.sort != "value" or "count" not in claim.details or claim.possible_counts:
        return None
    ours = evidence.value(claim.variant, claim.details["metric"])
    total = int(claim.details["count"])
    below = math.floor(claim.value * total)
    near = ", ".join(f"{k}/{total} = {k / total:.{claim.decimals}f}" for k in (below, below + 1))
    return Finding(
        Verdict.ERRATUM,
        ours="" if ours is None or evidence.source == "stand-in" else number(ours),
        evidence=f"no count of {total} gives {claim.details['value']}: {near}",
        basis="arithmetic",
    )


def _erratum(claim: Claim, found: Finding) -> Finding:
    """A claim known to be wrong: found so, or, against what we say of it, found right."""
    if found.verdict in _AGAINST:
        parts = [found.evidence, " ".join(claim.erratum.split())]
        return replace(found, verdict=Verdict.ERRATUM, evidence="; ".join(p for p in parts if p))
    if found.verdict is Verdict.NOT_RUN:
        return found
    text = f"said to be an erratum, but found: {found.verdict}; {found.evidence}"
    return replace(found, verdict=Verdict.DIFFERS, evidence=text)


# Numbers


def _value(claim: Claim, evidence: Evidence) -> Finding:
    metric, printed = claim.details["metric"], str(claim.details["value"])
    ours = evidence.value(claim.variant, metric)
    if ours is None:
        return _no_value(claim.variant, metric, evidence)
    text, slack = number(ours), half_unit(printed)
    numbers: dict[str, Any] = {"published": claim.value, "ours": ours}
    band = _printed_band(claim, ours) or evidence.band(
        claim.variant, metric, int(claim.details.get("count", 0))
    )
    if band is not None:
        numbers |= against(band, claim.value, slack) | {
            "compatible": _compatible(band, claim, ours)
        }
    if rounds_to(ours, printed):
        basis = "printed digits"
        return Finding(Verdict.EXACT, text, f"{ours:.6g} rounds to it", basis, numbers)
    if band is None:
        shown = f"{ours:.6g} does not round to it, and nothing tells how far it scatters"
        return Finding(Verdict.DIFFERS, text, shown, "printed digits", numbers)
    inside = band.holds(claim.value, slack)
    shown = _placed(band, claim, ours)
    return Finding(Verdict.CLOSE if inside else Verdict.DIFFERS, text, shown, band.basis, numbers)


def _no_value(variant: str, metric: str, evidence: Evidence) -> Finding:
    outcome = evidence.outcomes.get(variant)
    if outcome is not None and outcome.diverged:
        epoch = outcome.metrics.get("diverged_epoch")
        return Finding(Verdict.DIFFERS, "diverged", f"ours diverged in epoch {epoch}", "divergence")
    return Finding(Verdict.NOT_RUN, evidence=f"the results hold no {metric}; run it again")


def _printed_band(claim: Claim, ours: float) -> Band | None:
    """The band that the claim itself names, if it does."""
    if "band" not in claim.details:
        return None
    width = float(claim.details["band"])
    return Band(ours, width, 1.0, "the claim's own band", f"band ±{number(width)}", width)


def against(band: Band, value: float, slack: float) -> dict[str, Any]:
    """Where a number stands in a band, for programs."""
    out = band.deviations(value)
    rank = band.percentile(value, slack)
    return {
        "band": list(band.ends),
        "band_basis": band.basis,
        **({"deviations": out} if math.isfinite(out) else {}),
        **({"percentile": rank} if rank is not None else {}),
    }


def _compatible(band: Band, claim: Claim, ours: float) -> bool:
    """Whether ours and theirs may be two runs of the same."""
    apart = abs(ours - claim.value) - half_unit(str(claim.details["value"]))
    return apart <= band.factor * band.pair


def standing(band: Band, value: float, slack: float) -> str:
    """``+0.4 sd, 60th percentile``: where a number stands in a band, in words."""
    out = band.deviations(value)
    text = f"{out:+.1f} sd" if math.isfinite(out) else "where nothing scatters"
    rank = band.percentile(value, slack)
    return text if rank is None else f"{text}, {ordinal(rank)} percentile"


def ordinal(rank: float) -> str:
    n = round(rank)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10 if n % 100 not in (11, 12, 13) else 0, "th")
    return f"{n}{ending}"


def _placed(band: Band, claim: Claim, ours: float) -> str:
    where = standing(band, claim.value, half_unit(str(claim.details["value"])))
    if band.basis not in ("calibration", "seeds"):
        return f"{where} from ours; {band.text}"
    both = "may be" if _compatible(band, claim, ours) else "can hardly be"
    return f"{band.text}; theirs at {where}; ours and theirs {both} two runs of the same"


def _range(claim: Claim, evidence: Evidence) -> Finding:
    """By how much the range would have to be widened for the statement to be true."""
    metric, epochs = claim.details["metric"], claim.details.get("epochs", "last")
    end = evidence.value(claim.variant, metric)
    curve = evidence.curve(claim.variant, metric) if epochs != "last" else []
    values = curve or ([end] if end is not None else [])
    if not values:
        return _no_value(claim.variant, metric, evidence)
    low = float(claim.details.get("low", -math.inf))
    high = float(claim.details.get("high", math.inf))
    outside = sorted(max(low - v, v - high, 0.0) for v in values)
    needed = {"last": -1, "all": -1, "most": len(values) // 2, "some": 0}[epochs]
    excess = outside[needed]
    inside = sum(not x for x in outside)
    text = number(values[-1])
    if epochs != "last":
        text = f"{inside} of {len(values)} epochs"
    numbers = {"ours": values[-1], "epochs_inside": inside, "epochs": len(values), "excess": excess}
    if not excess:
        return Finding(Verdict.HOLDS, text, "", "range", numbers)
    band = evidence.band(claim.variant, metric)
    close = band is not None and excess <= band.half_width
    shown = f"outside by {number(excess)}"
    if band is not None:
        shown += f", of ±{number(band.half_width)} that a run scatters ({band.text})"
    verdict = Verdict.CLOSE if close else Verdict.DIFFERS
    return Finding(verdict, text, shown, band.basis if band else "range", numbers)


# Statements


def _check(claim: Claim, evidence: Evidence) -> Finding:
    name = claim.details["check"]
    found = [c for o in evidence.outcomes.values() for c in o.checks if c.name == name]
    if not found:
        return Finding(Verdict.NOT_RUN, evidence=f"the results hold no check {name}; run it again")
    worst = next((c for c in found if not c.holds), found[0])
    verdict = Verdict.HOLDS if worst.holds else Verdict.DIFFERS
    ours = "true" if worst.holds else "false"
    return Finding(verdict, ours, worst.evidence, "check", {"statement": worst.statement})


def _form(claim: Claim, evidence: Evidence) -> Finding:
    return Finding(Verdict.ERRATUM, evidence=claim.erratum or claim.text(), basis="form")


# Conclusions: orders


@dataclass(frozen=True)
class _Difference:
    """How far one variant is above another: ``mean``, give or take ``half`` at 95 %."""

    higher: str
    lower: str
    mean: float
    half: float
    plain: float  # the same without the claim's factor
    text: str
    basis: str

    @property
    def verdict(self) -> Verdict:
        """A factor that is missed is one thing, an order that is reversed another."""
        if self.mean > self.half:
            return Verdict.SUPPORTED
        return Verdict.CONTRADICTED if -self.plain > self.half else Verdict.NOT_SUPPORTED


def _order(claim: Claim, evidence: Evidence) -> Finding:
    """Supported if every pair is; contradicted if a pair is."""
    metric = claim.details["order"]
    pairs = []
    for higher in _listed(claim.details["higher"]):
        for lower in _listed(claim.details["lower"]):
            found = _difference(claim, evidence, higher, lower)
            if found is None:
                return Finding(
                    Verdict.NOT_RUN, evidence=f"the results hold no {metric}; run it again"
                )
            pairs.append(found)
    ranks = (Verdict.CONTRADICTED, Verdict.NOT_SUPPORTED, Verdict.SUPPORTED)
    worst = min(pairs, key=lambda p: (ranks.index(p.verdict), p.mean - p.half))
    pair = f"{worst.higher} − {worst.lower}" if len(pairs) > 1 else ""
    ours = (
        f"{number(worst.mean)} ± {number(worst.half)}" if math.isfinite(worst.mean) else "diverged"
    )
    numbers = {
        "pairs": [
            {"higher": p.higher, "lower": p.lower, "difference": p.mean, "half_width": p.half}
            for p in pairs
            if math.isfinite(p.mean)
        ]
    }
    shown = f"{pair}: {worst.text}" if pair else worst.text
    return Finding(worst.verdict, ours, shown, worst.basis, numbers)


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _difference(claim: Claim, evidence: Evidence, higher: str, lower: str) -> _Difference | None:
    factor = float(claim.details.get("factor", 1))
    ends = [_end(claim, evidence, variant) for variant in (higher, lower)]
    if None in ends:
        return None
    h, l = (float(e) for e in ends if e is not None)  # noqa: E741
    if not (math.isfinite(h) and math.isfinite(l)):
        # One that diverged is worse than one that did not; of two, neither is.
        apart = 0.0 if h == l else h - l
        return _Difference(higher, lower, apart, 0.0, apart, "diverged", "divergence")
    return (
        _over_seeds(claim, evidence, higher, lower, factor)
        or _over_own_seeds(claim, evidence, higher, lower, factor)
        or _over_epochs(claim, evidence, higher, lower, factor)
    )


def _end(claim: Claim, evidence: Evidence, variant: str) -> float | None:
    """Where a variant ends: over the last ten epochs; infinitely bad if it diverged."""
    metric, minus = claim.details["order"], claim.details.get("minus")
    if evidence.outcomes[variant].diverged:
        return -math.inf if is_better_high(metric) else math.inf
    end = evidence.end(variant, metric)
    less = evidence.end(variant, minus) if minus else 0.0
    return None if end is None or less is None else end - less


def is_better_high(metric: str) -> bool:
    """Of accuracies, more is better; of losses, distances and norms, less."""
    return metric.endswith("accuracy")


def _over_seeds(
    claim: Claim, evidence: Evidence, higher: str, lower: str, factor: float
) -> _Difference | None:
    """Paired by seed, by Student's t: a calibration has the same seeds for every variant."""
    calibration = evidence.calibration
    if calibration is None:
        return None

    def ends(variant: str) -> dict[int, float]:
        found = calibration.ends(variant, claim.details["order"])
        if minus := claim.details.get("minus"):
            less = calibration.ends(variant, minus)
            return {seed: v - less[seed] for seed, v in found.items() if seed in less}
        return found

    h, l = ends(higher), ends(lower)  # noqa: E741
    seeds = sorted(h.keys() & l.keys())
    if len(seeds) < 2:
        return None
    differences = [h[s] - factor * l[s] for s in seeds]
    mean, n = statistics.fmean(differences), len(seeds)
    half = student_factor(CONCLUSIONS, n - 1) * statistics.stdev(differences) / math.sqrt(n)
    above = sum(d > 0 for d in differences)
    text = f"over {n} seeds and the last ten epochs, above in {above}"
    bare = statistics.fmean(h[s] - l[s] for s in seeds)
    return _Difference(higher, lower, mean, half, bare, text, "calibration")


def _over_own_seeds(
    claim: Claim, evidence: Evidence, higher: str, lower: str, factor: float
) -> _Difference | None:
    """A question of several seeds keeps their mean and deviation: Welch's t."""
    n, metric = evidence.n_seeds, claim.details["order"]
    moments = [
        (evidence.value(v, f"{metric}_mean"), evidence.value(v, f"{metric}_std"))
        for v in (higher, lower)
    ]
    if n < 2 or "minus" in claim.details or any(None in m for m in moments):
        return None
    (h, h_sd), (l, l_sd) = ((float(m or 0), float(s or 0)) for m, s in moments)  # noqa: E741
    a, b = h_sd**2 / n, (factor * l_sd) ** 2 / n
    freedom = max(1, math.floor((a + b) ** 2 * (n - 1) / (a * a + b * b))) if a + b else 1
    half = student_factor(CONCLUSIONS, freedom) * math.sqrt(a + b) if a + b else 0.0
    text = f"over {n} seeds"
    return _Difference(higher, lower, h - factor * l, half, h - l, text, "seeds")


def _over_epochs(
    claim: Claim, evidence: Evidence, higher: str, lower: str, factor: float
) -> _Difference:
    """One run of each: the swing of their difference over the last ten epochs, and the binomial
    error of an accuracy, once, for both are measured on the same examples.

    Epoch by epoch, for both see the same examples in the same order and swing together. The mean
    of ten epochs is not taken to swing less than one: neighbours go together, and another seed
    may be further away than another epoch.
    """
    metric, minus = claim.details["order"], claim.details.get("minus")
    h, l = (float(_end(claim, evidence, v) or 0.0) for v in (higher, lower))  # noqa: E741
    swing = _swing_of_difference(claim, evidence, higher, lower, factor)
    size = evidence.size(metric, evidence.value(lower, metric) or 0.0)
    error = binomial_error((h + l) / 2, size) if size and not minus else 0.0
    half = normal_factor(CONCLUSIONS) * math.hypot(error, swing)
    parts = [f"swing {number(swing)}"] if swing else []
    parts += [f"binomial error {number(error)}"] if error else []
    text = f"one run, {number(h)} and {number(l)}"
    text += f" (last ten epochs; {', '.join(parts)})" if parts else ""
    basis = "one run: binomial and swing" if error else "one run: swing"
    return _Difference(higher, lower, h - factor * l, half, h - l, text, basis)


def _swing_of_difference(
    claim: Claim, evidence: Evidence, higher: str, lower: str, factor: float
) -> float:
    metric, minus = claim.details["order"], claim.details.get("minus")
    total: list[float] = []
    for variant, scale in ((higher, 1.0), (lower, -factor)):
        for name, sign in ((metric, 1.0), (minus, -1.0)):
            tail = evidence.tail(variant, name)[0] if name else []
            if name and total and len(tail) != len(total):  # one stopped early: apart
                found = [evidence.swing(v, metric) for v in (higher, lower)]
                return math.hypot(*(f[0] for f in found if f))
            if name:
                tail = [scale * sign * v for v in tail]
                total = [a + b for a, b in zip(total, tail, strict=True)] if total else tail
    return deviation(total)


# Conclusions: curves

Outcomes = Mapping[str, Outcome]


def _on_curves(once: Callable[[Claim, Outcomes], Finding]) -> Callable[[Claim, Evidence], Finding]:
    """Judge a conclusion about curves on the run, or on every seed of a calibration.

    Over seeds it is supported if more than half of all seeds would show it, by Wilson's interval
    at 95 % (nine of ten; four of four), and contradicted if more than half would contradict it.
    """

    def over_seeds(claim: Claim, evidence: Evidence) -> Finding:
        mine = once(claim, evidence.outcomes)
        if mine.verdict is Verdict.NOT_RUN or evidence.calibration is None:
            return mine
        needed = _variants(claim)
        verdicts = [
            once(claim, outcomes).verdict
            for outcomes in evidence.calibration.outcomes.values()
            if all(v in outcomes for v in needed)
        ]
        n = len(verdicts)
        if n < 2:
            return mine
        counts = {v: verdicts.count(v) for v in (Verdict.SUPPORTED, Verdict.CONTRADICTED)}
        verdict = next(
            (v for v, k in counts.items() if wilson(k, n, CONCLUSIONS)[0] > 0.5),
            Verdict.NOT_SUPPORTED,
        )
        text = f"in {counts[Verdict.SUPPORTED]} of {n} seeds"
        text += f", the opposite in {k}" if (k := counts[Verdict.CONTRADICTED]) else ""
        numbers = {**mine.numbers, "seeds": n, "seeds_supporting": counts[Verdict.SUPPORTED]}
        shown = f"{text}; the run: {mine.evidence}"
        return replace(mine, verdict=verdict, evidence=shown, basis="calibration", numbers=numbers)

    return over_seeds


def _curve(outcomes: Outcomes, variant: str, metric: str) -> list[float]:
    outcome = outcomes.get(variant)
    return list(outcome.history.get(metric, [])) if outcome else []


def _no_curve(metric: str) -> Finding:
    return Finding(Verdict.NOT_RUN, evidence=f"the results hold no curve of {metric}")


VISIBLE = 1e-3  # a swing smaller than this part of a curve's level is not seen in any figure


def _trend_once(claim: Claim, outcomes: Outcomes) -> Finding:
    """A direction over the named epochs, or else the last ten."""
    metric, direction = claim.details["trend"], claim.details["direction"]
    curve = _curve(outcomes, claim.variant, metric)
    if "since" in claim.details or "until" in claim.details:
        first = max(1, int(claim.details.get("since", 1)))
        curve = curve[first - 1 : int(claim.details.get("until", len(curve)))]
    else:
        curve = curve[-LAST_EPOCHS:]
    if not curve:
        return _no_curve(metric)
    if direction == "oscillating":
        details = claim.details
        return _oscillating(curve, details.get("amplitude"), details.get("trendless", False))
    if direction == "steady":
        return _steady(curve, claim.details.get("amplitude"))
    score = mann_kendall(curve) * (1 if direction == "rising" else -1)
    limit = normal_factor(CONCLUSIONS)
    verdict = (
        Verdict.SUPPORTED
        if score > limit
        else Verdict.CONTRADICTED
        if score < -limit
        else Verdict.NOT_SUPPORTED
    )
    shown = (
        f"from {number(curve[0])} to {number(curve[-1])} in {len(curve)} epochs, "
        f"{direction} by {_signed(score)} sd of chance"
    )
    ours = {Verdict.SUPPORTED: direction, Verdict.CONTRADICTED: _opposite(direction)}
    numbers = {"score": score, "first": curve[0], "last": curve[-1], "epochs": len(curve)}
    return Finding(verdict, ours.get(verdict, "neither"), shown, "one run", numbers)


def _opposite(direction: str) -> str:
    return "falling" if direction == "rising" else "rising"


def _oscillating(curve: Sequence[float], amplitude: float | None, trendless: bool) -> Finding:
    """Turns round as often as noise does, visibly, and about as far as was said.

    "As often": give or take chance, or at least beyond chance more than half as often; "about" is
    a factor of two either way. A curve that turns at most half as often as noise is smooth, and
    contradicts it. ``trendless``: nor does it rise or fall.
    """
    if len(curve) < 4:
        return Finding(Verdict.NOT_SUPPORTED, "", f"{len(curve)} epochs are too few", "one run")
    found, smooth = turns(curve), turning_score(curve, 0.5)
    legs = [abs(b - a) for a, b in itertools.pairwise(found)]
    swing = statistics.median(legs) if legs else 0.0
    visible = swing > VISIBLE * abs(statistics.fmean(curve))
    limit = normal_factor(CONCLUSIONS)
    often = turning_score(curve) >= -limit or smooth > limit
    as_far = amplitude is None or amplitude / 2 <= swing <= amplitude * 2
    drift = mann_kendall(curve)
    if often and visible and as_far and not (trendless and abs(drift) > limit):
        verdict = Verdict.SUPPORTED
    elif smooth <= 0 or not visible:
        verdict = Verdict.CONTRADICTED
    else:
        verdict = Verdict.NOT_SUPPORTED
    shown = (
        f"{len(found)} turns in {len(curve)} epochs ({2 * (len(curve) - 2) / 3:.0f} if at random), "
        f"each swing {number(swing)}"
    )
    shown += f"; rising by {_signed(drift)} sd of chance" if trendless else ""
    numbers = {"turns": len(found), "swing": swing, "epochs": len(curve), "drift": drift}
    return Finding(verdict, f"swings {number(swing)}", shown, "one run", numbers)


def _signed(score: float) -> str:
    """With its sign, and never -0.0."""
    return f"{round(score, 1) + 0.0:+.1f}"


def _steady(curve: Sequence[float], amplitude: float | None) -> Finding:
    """Nine in ten changes from epoch to epoch are no larger than said (else: a hundredth)."""
    steps = sorted(abs(b - a) for a, b in itertools.pairwise(curve))
    if not steps:
        return Finding(Verdict.NOT_SUPPORTED, "", "a single epoch", "one run")
    limit = amplitude if amplitude is not None else abs(statistics.fmean(curve)) / 100
    within = sum(s <= limit * (1 + 1e-9) for s in steps)
    if within >= 0.9 * len(steps):
        verdict = Verdict.SUPPORTED
    elif within < len(steps) / 2:
        verdict = Verdict.CONTRADICTED
    else:
        verdict = Verdict.NOT_SUPPORTED
    middle = statistics.median(steps)
    shown = (
        f"{within} of {len(steps)} changes within {number(limit)}; "
        f"median {number(middle)}, largest {number(steps[-1])}"
    )
    numbers = {"within": within, "changes": len(steps), "median": middle}
    return Finding(verdict, f"changes {number(middle)}", shown, "one run", numbers)


def _crossing_once(claim: Claim, outcomes: Outcomes) -> Finding:
    """When a curve first reaches where another ends.

    Contradicted if no epoch in the window could have been the one, had either curve been a little
    higher or lower, as far as it scatters from epoch to epoch.
    """
    d = claim.details
    metric, epoch = d["crossing"], int(d["epoch"])
    curve, other = _curve(outcomes, claim.variant, metric), _curve(outcomes, d["reference"], metric)
    if not curve or not other:
        return _no_curve(metric)
    within = int(d.get("within", _default_within(curve)))
    sign = 1 if is_better_high(metric) else -1
    noise = _noise(curve, other)
    level = other[-1]

    def reached(at: float) -> float:
        hits = (t for t, v in enumerate(curve, start=1) if sign * v >= sign * at)
        return next(hits, math.inf)

    found = reached(level)
    earliest, latest = reached(level - sign * noise), reached(level + sign * noise)
    if abs(found - epoch) <= within:
        verdict = Verdict.SUPPORTED
    elif earliest <= epoch + within and latest >= epoch - within:
        verdict = Verdict.NOT_SUPPORTED
    else:
        verdict = Verdict.CONTRADICTED
    ours = f"epoch {found:.0f}" if math.isfinite(found) else "never"
    shown = (
        f"{d['reference']} ends at {number(level)}, which {claim.variant} reaches at {ours} "
        f"(epoch {epoch} ± {within} asked)"
    )
    numbers = {"epoch": int(found) if math.isfinite(found) else None, "level": level}
    return Finding(verdict, ours, shown, "one run", numbers)


def _best_once(claim: Claim, outcomes: Outcomes) -> Finding:
    """When a curve is at its best.

    Contradicted if its best in the window is worse than its best anywhere by more than it
    scatters from epoch to epoch: a flat curve is at its best by chance.
    """
    metric, epoch = claim.details["best"], int(claim.details["epoch"])
    curve = _curve(outcomes, claim.variant, metric)
    if not curve:
        return _no_curve(metric)
    within = int(claim.details.get("within", _default_within(curve)))
    sign = 1 if is_better_high(metric) else -1
    goodness = [sign * v for v in curve]
    best = max(goodness)
    epochs = [t for t, g in enumerate(goodness, start=1) if g == best]
    window = goodness[max(0, epoch - within - 1) : epoch + within]
    if any(abs(t - epoch) <= within for t in epochs):
        verdict = Verdict.SUPPORTED
    elif window and best - max(window) <= _noise(curve):
        verdict = Verdict.NOT_SUPPORTED
    else:
        verdict = Verdict.CONTRADICTED
    shown = f"best is {number(sign * best)} at epoch {epochs[0]} (epoch {epoch} ± {within} asked)"
    if window and verdict is not Verdict.SUPPORTED:
        shown += f", {number(sign * max(window))} there"
    numbers = {"epoch": epochs[0], "best": sign * best}
    return Finding(verdict, f"epoch {epochs[0]}", shown, "one run", numbers)


def _default_within(curve: Sequence[float]) -> int:
    """A tenth of the run, for a document that says "about" and gives no margin."""
    return max(1, round(len(curve) / 10))


def _noise(*curves: Sequence[float]) -> float:
    """How far apart two epochs may be by chance, at 95 %: √2 times the roughness of the end."""
    rough = max(roughness(curve[-LAST_EPOCHS:]) for curve in curves)
    return normal_factor(CONCLUSIONS) * math.sqrt(2) * rough


# Times

SHORT_OF = 0.8  # of a published ratio: machines differ, and so do loops


def _time_ratio(claim: Claim, evidence: Evidence) -> Finding:
    """As many times as long, or nearly: never more than not supported, for it is the machine's."""
    d = claim.details
    times = [_seconds(evidence, d[key]) for key in ("slower", "faster")]
    if not all(times):
        return Finding(Verdict.NOT_RUN, evidence="run.json holds no times")
    slower, faster = times
    ratio = slower / faster
    verdict = Verdict.SUPPORTED if ratio >= SHORT_OF * d["time_ratio"] else Verdict.NOT_SUPPORTED
    shown = f"an epoch takes {slower:.3g} s and {faster:.3g} s, on the machine of this run"
    numbers = {"ratio": ratio, "slower_seconds": slower, "faster_seconds": faster}
    return Finding(verdict, f"{ratio:.2g} times", shown, "times", numbers)


def _seconds(evidence: Evidence, variant: str) -> float:
    """Median seconds an epoch; 0 where they were not measured."""
    found = evidence.entries.get(variant, {}).get("epoch_seconds")
    return statistics.median(_positive(found)) if any(_positive(found)) else 0.0


def _positive(values: Any) -> list[float]:
    return list(_numbers(values)) if isinstance(values, list) else []


def _numbers(values: Sequence[Any]) -> Iterator[float]:
    for value in values:
        if isinstance(value, int | float) and math.isfinite(value) and value > 0:
            yield float(value)


_JUDGES: dict[str, Callable[[Claim, Evidence], Finding]] = {
    "value": _value,
    "range": _range,
    "order": _order,
    "trend": _on_curves(_trend_once),
    "crossing": _on_curves(_crossing_once),
    "best": _on_curves(_best_once),
    "time_ratio": _time_ratio,
    "check": _check,
    "form": _form,
}
