"""Claim by claim: what a document publishes against the evidence.

Every judge takes a claim and the evidence and returns a `Finding`; `judge` puts around it what is
common to all: no results, stand-in data, errata, other data. docs/verdicts.md has the rules in
words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from hw.config.claims import Claim
from hw.console import number
from hw.verdicts.curves import judge_best, judge_crossing, judge_smoother, judge_trend
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import (
    AGAINST,
    CONTRADICTIONS,
    FAULTS,
    Finding,
    Judgement,
    Verdict,
    needed_variants,
)
from hw.verdicts.numbers import judge_range, judge_ratio, judge_value
from hw.verdicts.orders import judge_order, judge_time_ratio
from hw.verdicts.record import judge_record


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
    missing = [v for v in needed_variants(claim) if v not in evidence.outcomes]
    if missing:
        stale = evidence.stale & set(missing)
        why = "settings have changed since it ran" if stale else "not run"
        return Finding(Verdict.NOT_RUN, evidence=f"{', '.join(missing)}: {why}")
    try:
        found = _JUDGES[claim.sort](claim, evidence)
        if not all(math.isfinite(n) for n in found.numbers.values() if isinstance(n, float)):
            raise OverflowError("a number is not finite")
    except ArithmeticError as error:  # numbers at the end of all numbers
        return Finding(Verdict.NOT_RUN, evidence=f"its numbers cannot be judged: {error}")
    if claim.erratum:
        found = _erratum(claim, found)
    if found.verdict in CONTRADICTIONS and not evidence.published:
        text = f"would be: {found.verdict}; but the data are not the published file"
        numbers = {**found.numbers, "would_be": str(found.verdict)}
        evidence_text = f"{found.evidence}; {text}" if found.evidence else text
        return replace(found, verdict=Verdict.OTHER_DATA, evidence=evidence_text, numbers=numbers)
    return found


def _without_results(claim: Claim, evidence: Evidence) -> Finding | None:
    """Slips of wording, and printed shares that no count gives: judged by the document alone."""
    if claim.sort == "form":
        return Finding(FAULTS[claim.kind], evidence=claim.erratum or claim.text(), basis="form")
    if claim.sort != "value" or "count" not in claim.details or claim.possible_counts:
        return None
    ours = evidence.value(claim.variant, claim.details["metric"])
    total = int(claim.details["count"])
    below = math.floor(claim.value * total)
    near = ", ".join(f"{k}/{total} = {k / total:.{claim.decimals}f}" for k in (below, below + 1))
    return Finding(
        FAULTS.get(claim.kind, Verdict.ERRATUM),
        ours="" if ours is None or evidence.source == "stand-in" else number(ours),
        evidence=f"no count of {total} gives {claim.details['value']}: {near}",
        basis="arithmetic",
    )


def _erratum(claim: Claim, found: Finding) -> Finding:
    """A claim known to be wrong: found so, or, against what we say of it, found right."""
    if found.verdict in AGAINST:
        parts = [found.evidence, " ".join(claim.erratum.split())]
        shown = "; ".join(p for p in parts if p)
        return replace(found, verdict=FAULTS[claim.kind], evidence=shown, instead="")
    if found.verdict is Verdict.NOT_RUN:
        return found
    text = f"said to be an erratum, but found: {found.verdict}; {found.evidence}"
    return replace(found, verdict=Verdict.DIFFERS, evidence=text)


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
    return Finding(FAULTS[claim.kind], evidence=claim.erratum or claim.text(), basis="form")


_JUDGES: dict[str, Callable[[Claim, Evidence], Finding]] = {
    "value": judge_value,
    "range": judge_range,
    "order": judge_order,
    "trend": judge_trend,
    "crossing": judge_crossing,
    "smoother": judge_smoother,
    "ratio": judge_ratio,
    "best": judge_best,
    "time_ratio": judge_time_ratio,
    "check": _check,
    "form": _form,
    "record": judge_record,
}
