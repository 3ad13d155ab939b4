"""Conclusions that put variants in an order: of a metric, or of the time that an epoch takes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hw.config.claims import Claim
from hw.console import number
from hw.verdicts import instead
from hw.verdicts.evidence import ON_OTHER_DATA, Evidence
from hw.verdicts.finding import (
    Finding,
    Verdict,
    is_better_high,
)
from hw.verdicts.statistics import (
    CONCLUSIONS,
    binomial_error,
    deviation,
    normal_factor,
    student_factor,
)


@dataclass(frozen=True)
class _Difference:
    """How far one variant is above another: ``mean``, give or take ``half`` at 95 %.

    plain:  the mean without the claim's factor.
    text:   what it was worked out from, in words.
    by:     the difference in every seed, without the factor; empty for a single run.
    ratios: how many times as high, in every seed.
    """

    higher: str
    lower: str
    mean: float
    half: float
    plain: float
    text: str
    basis: str
    by: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """A factor that is missed is one thing, an order that is reversed another."""
        if self.mean > self.half:
            return Verdict.SUPPORTED
        return Verdict.CONTRADICTED if -self.plain > self.half else Verdict.NOT_SUPPORTED

    @property
    def above(self) -> int:
        """In how many seeds ``higher`` is above ``lower``."""
        return sum(d > 0 for d in self.by)

    def instead(self, claim: Claim) -> str:
        """What to believe instead; nothing if it is borne out, or where one run cannot tell."""
        if self.verdict is Verdict.SUPPORTED or not math.isfinite(self.mean) or not self.of_seeds:
            return ""
        what, factor = instead.quantity(claim), float(claim.details.get("factor", 1))
        names, n = (self.higher, self.lower), len(self.by)
        if self.verdict is Verdict.CONTRADICTED:
            apart = (-self.plain - self.half, -self.plain + self.half)
            share = f", in {n - self.above} of {n} seeds" if n else ""
            return instead.of_reversed_order(what, *names, apart, share)
        if factor != 1 and self.plain > self.half:
            return instead.of_factor(what, *names, factor, self.ratios)
        apart = (self.plain - self.half, self.plain + self.half)
        share = f", and it is above in {self.above} of {n} seeds" if n else ""
        return instead.of_open_order(what, *names, apart, share)

    @property
    def of_seeds(self) -> bool:
        return bool(self.by) or self.basis == "seeds"

    def as_json(self) -> dict[str, Any]:
        shares = {"seeds": len(self.by), "seeds_above": self.above} if self.by else {}
        return {
            "higher": self.higher,
            "lower": self.lower,
            "difference": self.mean,
            "half_width": self.half,
            **shares,
        }


def judge_order(claim: Claim, evidence: Evidence) -> Finding:
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
    return Finding(
        worst.verdict,
        ours,
        f"{pair}: {worst.text}" if pair else worst.text,
        worst.basis,
        numbers={"pairs": [p.as_json() for p in pairs if math.isfinite(p.mean)]},
        instead=worst.instead(claim),
    )


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


def _over_seeds(
    claim: Claim, evidence: Evidence, higher: str, lower: str, factor: float
) -> _Difference | None:
    """Paired by seed, by Student's t: a calibration has the same seeds for every variant.

    Seeds of other data lend their scatter to the difference of the run at hand.
    """
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
    n = len(seeds)
    if n < 2:
        return None
    differences = [h[s] - factor * l[s] for s in seeds]
    by = tuple(h[s] - l[s] for s in seeds)
    ratios = tuple(h[s] / l[s] for s in seeds if l[s])
    above = f"above in {sum(d > 0 for d in differences)} of {n} seeds"
    scatter = student_factor(CONCLUSIONS, n - 1) * statistics.stdev(differences)
    if evidence.borrowed:
        mine, other = (float(_end(claim, evidence, v) or 0.0) for v in (higher, lower))
        mean, bare, half = mine - factor * other, mine - other, scatter
        text = f"one run, give or take what {n} seeds scatter {ON_OTHER_DATA}; there {above}"
    else:
        mean, bare = statistics.fmean(differences), statistics.fmean(by)
        half = scatter / math.sqrt(n)
        text = f"{above}, by {number(mean - half)} to {number(mean + half)} (last ten epochs)"
    basis = evidence.calibrated_by
    return _Difference(higher, lower, mean, half, bare, text, basis, by, ratios)


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


SHORT_OF = 0.8  # of a published ratio: machines differ, and so do loops


def judge_time_ratio(claim: Claim, evidence: Evidence) -> Finding:
    """As many times as long, or nearly: never more than not supported, for it is the machine's."""
    d = claim.details
    times = [_seconds(evidence, d[key]) for key in ("slower", "faster")]
    if not all(times):
        return Finding(Verdict.NOT_RUN, evidence="run.json holds no times")
    slower, faster = times
    shown = f"an epoch takes {slower:.3g} s and {faster:.3g} s, on the machine of this run"
    numbers = {"slower_seconds": slower, "faster_seconds": faster}
    logs = _logarithms_of_seeds(claim, evidence)
    if len(logs) > 1:
        return _time_ratio_over_seeds(claim, logs, shown, numbers)
    ratio = slower / faster
    verdict = Verdict.SUPPORTED if ratio >= SHORT_OF * d["time_ratio"] else Verdict.NOT_SUPPORTED
    return Finding(verdict, f"{ratio:.2g} times", shown, "times", {**numbers, "ratio": ratio})


def _logarithms_of_seeds(claim: Claim, evidence: Evidence) -> list[float]:
    """Of how many times as long an epoch takes, in every seed whose times are known."""
    seconds = evidence.calibration.seconds if evidence.calibration else {}
    slower, faster = (seconds.get(claim.details[key], {}) for key in ("slower", "faster"))
    both = sorted(slower.keys() & faster.keys())
    return [math.log(slower[s] / faster[s]) for s in both if slower[s] > 0 and faster[s] > 0]


def _time_ratio_over_seeds(
    claim: Claim, logs: Sequence[float], shown: str, numbers: dict[str, float]
) -> Finding:
    """By Student's t on the logarithms: times are off by factors."""
    d, n, mean = claim.details, len(logs), statistics.fmean(logs)
    half = student_factor(CONCLUSIONS, n - 1) * statistics.stdev(logs) / math.sqrt(n)
    ratio, low, high = (math.exp(x) for x in (mean, mean - half, mean + half))
    supported = ratio >= SHORT_OF * d["time_ratio"]
    return Finding(
        Verdict.SUPPORTED if supported else Verdict.NOT_SUPPORTED,
        f"{ratio:.2g} times",
        f"{low:.2g} to {high:.2g} times over {n} seeds; the run: {shown}",
        "times",
        {**numbers, "ratio": ratio, "interval": [low, high], "seeds": n},
        ""
        if supported
        else instead.of_times(d["slower"], d["faster"], d["time_ratio"], ratio, (low, high)),
    )


def _seconds(evidence: Evidence, variant: str) -> float:
    """Median seconds an epoch; 0 where they were not measured."""
    found = evidence.entries[variant].epoch_seconds if variant in evidence.entries else ()
    return statistics.median([s for s in found if s > 0] or [0.0])
