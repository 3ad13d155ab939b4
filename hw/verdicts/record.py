"""The public record: what students logged on the assignment's own file, held against ours.

A deterministic training gives every group the same digits, and so it must give us. A chaotic one
gives every machine its own curve: there, those of the other machines say how far one may be off.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from hw.config.catalog import homeworks
from hw.config.claims import Claim
from hw.config.record import DECIMALS, curves
from hw.console import counted, number
from hw.errors import UsageError
from hw.verdicts.calibration import LAST_EPOCHS
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import Finding, Verdict
from hw.verdicts.statistics import Band, deviation, rounds_to, seeds_band


def judge_record(claim: Claim, evidence: Evidence) -> Finding:
    """A number in the record if the claim names one, else the curve."""
    return _value(claim, evidence) if "value" in claim.details else _curve(claim, evidence)


def _value(claim: Claim, evidence: Evidence) -> Finding:
    metric, printed = claim.details["record"], claim.details["value"]
    logged: list[str] = printed if isinstance(printed, list) else [printed]
    ours = evidence.value(claim.variant, metric)
    if ours is None:
        return Finding(Verdict.NOT_RUN, evidence=f"the results hold no {metric}; run it again")
    groups, text = int(claim.details.get("witnesses", len(logged))), number(ours)
    who = _witnesses(groups) if len(logged) == 1 else counted(groups, "group")
    numbers: dict[str, Any] = {"logged": [float(v) for v in logged], "ours": ours}
    if any(rounds_to(ours, value) for value in logged):
        return Finding(Verdict.EXACT, text, f"logged by {who}", "record", numbers)
    band = _of_machines([float(v) for v in logged]) or evidence.band(claim.variant, metric)
    return _in_band(ours, [float(v) for v in logged], band, f"logged by {who}", numbers)


def _curve(claim: Claim, evidence: Evidence) -> Finding:
    metric, question = claim.details["record"], evidence.question
    folder = homeworks()[question.homework].folder
    logged = curves(folder, question.name, claim.variant, metric)
    ours = evidence.curve(claim.variant, metric)
    if not logged:
        raise UsageError(f"{question.path}: the record has no {metric} of {claim.variant}")
    if not ours:
        return Finding(Verdict.NOT_RUN, evidence=f"the results hold no curve of {metric}")
    agreed = [_agreement(ours, curve.values) for curve in logged]
    best = max(range(len(logged)), key=agreed.__getitem__)
    curve, epochs = logged[best], agreed[best]
    who, total = _witnesses(curve.witnesses), len(curve.values)
    numbers: dict[str, Any] = {"epochs": total, "epochs_equal": epochs, "curves": len(logged)}
    shown = f"equal to the log of {who} in the first {epochs} of {total} epochs"
    if not epochs:
        shown = f"other than {counted(len(logged), 'log')} from the first epoch on"
    if epochs == total:
        text = f"{total} of {total} epochs"
        return Finding(Verdict.EXACT, text, shown, "record", numbers)
    shown += f"; epoch {epochs + 1} is {ours[epochs] if epochs < len(ours) else 'missing'}"
    shown += f" where {curve.values[epochs]} was logged"
    ends = [statistics.fmean(c.values[-LAST_EPOCHS:]) for c in logged]
    end = statistics.fmean(ours[-LAST_EPOCHS:])
    # What several groups have alike does not scatter; a single log may be one of many.
    alone = len(logged) == 1 and curve.witnesses == 1
    band = evidence.band(claim.variant, metric) if alone else _of_machines(ends)
    return _in_band(end, ends, band, shown, numbers)


def _agreement(ours: Sequence[float], logged: Sequence[float]) -> int:
    """In how many epochs from the first on ours prints as what was logged."""
    for epoch, (mine, theirs) in enumerate(zip(ours, logged, strict=False)):
        if not rounds_to(mine, f"{theirs:.{DECIMALS}f}"):
            return epoch
    return min(len(ours), len(logged))


def _of_machines(values: Sequence[float]) -> Band | None:
    """Where one more machine may end up, by those that were logged; None for a single one."""
    if len(set(values)) < 2:
        return None
    mean, sd, n = statistics.fmean(values), deviation(values), len(values)
    return seeds_band(mean, sd, n, "record", f"{n} machines: {number(mean)} ± {number(sd)}", values)


def _in_band(
    ours: float, logged: Sequence[float], band: Band | None, shown: str, numbers: dict[str, Any]
) -> Finding:
    if band is None:
        return Finding(Verdict.DIFFERS, number(ours), shown, "record", numbers)
    # A band of machines is around theirs, one of our seeds around ours.
    inside = band.holds(ours, 0.0) if band.basis == "record" else band.holds(logged[0], 0.0)
    verdict = Verdict.CLOSE if inside else Verdict.DIFFERS
    return Finding(verdict, number(ours), f"{shown}; {band.text}", band.basis, numbers)


def _witnesses(count: int) -> str:
    return counted(count, "group") + (" alike" if count > 1 else "")
