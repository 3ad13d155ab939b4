"""Published numbers: equal to the printed digits, inside a band, inside a printed range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hw.config.claims import Claim
from hw.console import number
from hw.results.outcome import Outcome
from hw.verdicts.calibration import LAST_EPOCHS
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import (
    Finding,
    Verdict,
)
from hw.verdicts.statistics import (
    Band,
    half_unit,
    rounds_to,
)


def judge_value(claim: Claim, evidence: Evidence) -> Finding:
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


def judge_ratio(claim: Claim, evidence: Evidence) -> Finding:
    """Equal to the printed digits, or within the claim's own band."""
    metric, printed = claim.details["ratio"], str(claim.details["value"])
    values = [evidence.value(claim.details[key], metric) for key in ("higher", "lower")]
    if None in values or not values[1]:
        return Finding(Verdict.NOT_RUN, evidence=f"the results hold no {metric}; run it again")
    higher, lower = (float(v or 0) for v in values)
    ratio, band = higher / lower, float(claim.details.get("band", 0))
    close = abs(ratio - claim.value) <= band
    verdict = Verdict.CLOSE if close else Verdict.DIFFERS
    verdict = Verdict.EXACT if rounds_to(ratio, printed) else verdict
    shown = f"{higher:g} / {lower:g} = {ratio:.4g}"
    return Finding(verdict, number(ratio), shown, "printed digits", {"ratio": ratio})


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
    """Where the published number stands in a band, and ours beside it."""
    where = standing(band, claim.value, half_unit(str(claim.details["value"])))
    if not band.of_seeds:
        return f"{where} from ours; {band.text}"
    rank = band.percentile(ours)
    mine = "" if rank is None else f", ours at the {ordinal(rank)}"
    both = "may be" if _compatible(band, claim, ours) else "can hardly be"
    return f"{band.text}; theirs at {where}{mine}; ours and theirs {both} two runs of the same"


def judge_range(claim: Claim, evidence: Evidence) -> Finding:
    """By how much the range would have to be widened for the statement to be true."""
    metric = claim.details["metric"]
    values = _of_epochs(claim, evidence.outcomes[claim.variant])
    if not values:
        return _no_value(claim.variant, metric, evidence)
    inside, excess = _outside(claim, values)
    text = number(values[-1])
    if claim.details.get("epochs", "last") != "last":
        text = f"{inside} of {len(values)} epochs"
    numbers = {"ours": values[-1], "epochs_inside": inside, "epochs": len(values), "excess": excess}
    seeds = _excess_of_seeds(claim, evidence)
    if seeds:
        so = sum(not x for x in seeds)
        numbers |= {"seeds": len(seeds), "seeds_inside": so}
    if not excess:
        return Finding(Verdict.HOLDS, text, "", "range", numbers)
    band = evidence.band(claim.variant, metric)
    close = band is not None and excess <= band.half_width
    shown = f"outside by {number(excess)}"
    if band is not None:
        shown += f", of ±{number(band.half_width)} that a run scatters ({band.text})"
    if seeds:
        shown += f"; true of {so} of {len(seeds)} seeds"
    verdict = Verdict.CLOSE if close else Verdict.DIFFERS
    return Finding(verdict, text, shown, band.basis if band else "range", numbers)


def _of_epochs(claim: Claim, outcome: Outcome) -> list[float]:
    """The values that a range speaks of: of the last epoch, of the last ten, or of all."""
    metric, epochs = claim.details["metric"], claim.details.get("epochs", "last")
    end = outcome.metrics.get(metric)
    curve = list(outcome.history.get(metric, [])) if epochs != "last" else []
    values = curve or ([float(end)] if isinstance(end, int | float) else [])
    return values[-LAST_EPOCHS:] if epochs == "several" else values


def _outside(claim: Claim, values: Sequence[float]) -> tuple[int, float]:
    """How many values lie inside a range, and how far it would have to be widened."""
    low = float(claim.details.get("low", -math.inf))
    high = float(claim.details.get("high", math.inf))
    outside = sorted(max(low - v, v - high, 0.0) for v in values)
    second = min(1, len(values) - 1)
    needed = {"most": len(values) // 2, "several": second, "some": 0}
    excess = outside[needed.get(claim.details.get("epochs", "last"), -1)]
    return sum(not x for x in outside), excess


def _excess_of_seeds(claim: Claim, evidence: Evidence) -> list[float]:
    """How far the range would have to be widened for each seed; of the same data only."""
    if evidence.calibration is None or evidence.borrowed:
        return []
    found = evidence.calibration.outcomes.values()
    curves = (_of_epochs(claim, o[claim.variant]) for o in found if claim.variant in o)
    return [_outside(claim, values)[1] for values in curves if values]
