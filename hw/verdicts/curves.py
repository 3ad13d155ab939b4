"""Conclusions about curves: which way they go, when they cross, when they are at their best."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hw.config.claims import Claim
from hw.console import number
from hw.results.outcome import Outcome
from hw.verdicts import instead
from hw.verdicts.calibration import LAST_EPOCHS
from hw.verdicts.evidence import ON_OTHER_DATA, Evidence
from hw.verdicts.finding import (
    Finding,
    Verdict,
    is_better_high,
    needed_variants,
)
from hw.verdicts.statistics import (
    CONCLUSIONS,
    mann_kendall,
    normal_factor,
    roughness,
    turning_score,
    turns,
    wilson,
)

Outcomes = Mapping[str, Outcome]


def _on_curves(once: Callable[[Claim, Outcomes], Finding]) -> Callable[[Claim, Evidence], Finding]:
    """Judge a conclusion about curves on the run, or on every seed of a calibration.

    Over seeds it is supported if more than half of all seeds would show it, by Wilson's interval
    at 95 % (nine of ten; four of four), and contradicted if more than half would contradict it.
    Seeds of other data neither contradict what the run does not, nor support what it contradicts.
    """

    def over_seeds(claim: Claim, evidence: Evidence) -> Finding:
        mine = once(claim, evidence.outcomes)
        if mine.verdict is Verdict.NOT_RUN or evidence.calibration is None:
            return mine
        needed = needed_variants(claim)
        findings = [
            once(claim, outcomes)
            for outcomes in evidence.calibration.outcomes.values()
            if all(v in outcomes for v in needed)
        ]
        findings = [f for f in findings if f.verdict is not Verdict.NOT_RUN]
        n = len(findings)
        if n < 2:
            return mine
        verdicts = [f.verdict for f in findings]
        counts = {v: verdicts.count(v) for v in (Verdict.SUPPORTED, Verdict.CONTRADICTED)}
        verdict = next(
            (v for v, k in counts.items() if wilson(k, n, CONCLUSIONS)[0] > 0.5),
            Verdict.NOT_SUPPORTED,
        )
        apart = mine.verdict is not verdict and Verdict.CONTRADICTED in (mine.verdict, verdict)
        if evidence.borrowed and apart:
            verdict = Verdict.NOT_SUPPORTED
        text = f"in {counts[Verdict.SUPPORTED]} of {n} seeds"
        text += f" {ON_OTHER_DATA}" if evidence.borrowed else ""
        text += f", the opposite in {k}" if (k := counts[Verdict.CONTRADICTED]) else ""
        return replace(
            mine,
            verdict=verdict,
            evidence=f"{text}; the run: {mine.evidence}",
            basis=evidence.calibrated_by,
            numbers={**mine.numbers, "seeds": n, "seeds_supporting": counts[Verdict.SUPPORTED]},
            instead="" if verdict is Verdict.SUPPORTED else instead.of_curves(claim, findings),
        )

    return over_seeds


def _curve(outcomes: Outcomes, variant: str, metric: str) -> list[float]:
    """A value an epoch; empty without one, and where only some of the epochs are kept."""
    history = outcomes[variant].history if variant in outcomes else {}
    epochs = history.get("epoch", [])
    return list(history.get(metric, [])) if epochs and epochs[-1] == len(epochs) else []


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
        better = (1 if is_better_high(metric) else -1) if details.get("trendless") else 0
        return _oscillating(curve, details.get("amplitude"), better)
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


def _oscillating(curve: Sequence[float], amplitude: float | None, better: int) -> Finding:
    """Turns round as often as noise does, visibly, and about as far as was said.

    "As often": give or take chance, or at least beyond chance more than half as often; "about" is
    a factor of two either way. A curve that turns at most half as often as noise is smooth, and
    contradicts it. ``better``: where not 0, the direction (1: up) in which it must not drift.
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
    if often and visible and as_far and better * drift <= limit:
        verdict = Verdict.SUPPORTED
    elif smooth <= 0 or not visible:
        verdict = Verdict.CONTRADICTED
    else:
        verdict = Verdict.NOT_SUPPORTED
    shown = (
        f"{len(found)} turns in {len(curve)} epochs ({2 * (len(curve) - 2) / 3:.0f} if at random), "
        f"each swing {number(swing)}"
    )
    shown += f"; rising by {_signed(drift)} sd of chance" if better else ""
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


def _smoother_once(claim: Claim, outcomes: Outcomes) -> Finding:
    """How much less a curve scatters about its own course than others do.

    Of white noise about a smooth course, the logarithm of the ratio of two variances by second
    differences has a variance of 3.9/n + 3.9/m: twice that of independent ones, for neighbouring
    differences share values.
    """
    metric, mine = claim.details["smoother"], claim.variant
    than = claim.details["than"]
    others = list(than) if isinstance(than, list) else [than]
    curves = {variant: _curve(outcomes, variant, metric) for variant in (mine, *others)}
    if any(len(curve) < 10 for curve in curves.values()):
        return _no_curve(metric)
    rough = {variant: roughness(curve) for variant, curve in curves.items()}
    scores = {}
    for other in others:
        error = math.sqrt(3.9 / len(curves[mine]) + 3.9 / len(curves[other]))
        both = rough[other] > 0 and rough[mine] > 0
        apart = 2 * math.log(rough[other] / rough[mine]) if both else rough[other] - rough[mine]
        scores[other] = apart / error if both else math.copysign(math.inf, apart) if apart else 0.0
    limit = normal_factor(CONCLUSIONS)
    worst = min(others, key=scores.__getitem__)
    if scores[worst] > limit:
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.CONTRADICTED if scores[worst] < -limit else Verdict.NOT_SUPPORTED
    shown = f"{mine} scatters by {number(rough[mine])} about its course, " + ", ".join(
        f"{other} by {number(rough[other])}" for other in others
    )
    numbers = {"roughness": rough}
    return Finding(verdict, number(rough[mine]), shown, "one run", numbers)


def _default_within(curve: Sequence[float]) -> int:
    """A tenth of the run, for a document that says "about" and gives no margin."""
    return max(1, round(len(curve) / 10))


def _noise(*curves: Sequence[float]) -> float:
    """How far apart two epochs may be by chance, at 95 %: √2 times the roughness of the end."""
    rough = max(roughness(curve[-LAST_EPOCHS:]) for curve in curves)
    return normal_factor(CONCLUSIONS) * math.sqrt(2) * rough


judge_trend = _on_curves(_trend_once)
judge_crossing = _on_curves(_crossing_once)
judge_best = _on_curves(_best_once)
judge_smoother = _on_curves(_smoother_once)
