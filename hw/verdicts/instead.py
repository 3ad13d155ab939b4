"""What to believe instead of a conclusion that the seeds do not bear out: a plain sentence.

Intervals are at 95 %. Of curves, what is told is the median over seeds, and from where to where
they go.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from hw.config.claims import Claim
from hw.console import number
from hw.figures.style import label
from hw.verdicts.finding import Finding, Verdict

Interval = tuple[float, float]


def quantity(claim: Claim) -> str:
    """What an order compares: ``validation loss minus training loss``."""
    minus = claim.details.get("minus")
    name = label(claim.details["order"])
    return f"{name} minus {label(minus)}" if minus else name


def of_reversed_order(what: str, higher: str, lower: str, apart: Interval, share: str) -> str:
    """The opposite is borne out. ``apart``: how far ``higher`` ends below; ``share``: of seeds."""
    low, high = map(number, apart)
    return f"{what} ends lower with {higher} than with {lower}, by {low} to {high}{share}"


def of_open_order(what: str, higher: str, lower: str, apart: Interval, share: str) -> str:
    """Neither is borne out. ``apart``: how far ``higher`` ends above."""
    low, high = map(number, apart)
    return (
        f"{what} does not tell {higher} and {lower} apart: {higher} minus {lower} lies between "
        f"{low} and {high}{share}"
    )


def of_factor(what: str, higher: str, lower: str, factor: float, ratios: Sequence[float]) -> str:
    """The order is borne out, and not by so much. ``ratios``: of every seed."""
    times = f", {_middle(ratios)} times as high" if ratios else ""
    return f"{what} ends higher with {higher} than with {lower}{times}, but not {factor:g} times"


def of_times(slower: str, faster: str, factor: float, ratio: float, apart: Interval) -> str:
    """``ratio``: how many times as long an epoch takes, ``apart``: its interval."""
    low, high = apart
    return (
        f"an epoch of {slower} takes {ratio:.2g} times as long as one of {faster} ({low:.2g} to "
        f"{high:.2g}), not {factor:g} times; how much longer depends on the machine"
    )


def of_curves(claim: Claim, findings: Sequence[Finding]) -> str:
    """``findings``: of every seed's curve."""
    sentence = {
        "trend": _trend,
        "crossing": _epochs,
        "best": _epochs,
        "smoother": _smoothness,
    }[claim.sort]
    return sentence(claim, findings)


def _trend(claim: Claim, findings: Sequence[Finding]) -> str:
    what, n = f"{label(claim.details['trend'])}{_of(claim.variant)}", len(findings)
    direction = claim.details["direction"]
    if direction in ("oscillating", "steady"):
        so = sum(f.verdict is Verdict.SUPPORTED for f in findings)
        name, verb = ("swing", "swings") if direction == "oscillating" else ("median", "changes")
        steps = _middle(_numbers(findings, name))
        return f"{what} is {direction} as described in {so} of {n} seeds; it {verb} by {steps}"
    ways = [f.ours for f in findings]
    rising, falling = ways.count("rising"), ways.count("falling")
    return (
        f"{what} is rising in {rising} of {n} seeds, falling in {falling}, and neither beyond "
        f"chance in {n - rising - falling}"
    )


def _epochs(claim: Claim, findings: Sequence[Finding]) -> str:
    there = _numbers(findings, "epoch")
    what = f"{label(claim.details[claim.sort])}{_of(claim.variant)}"
    if claim.sort == "best":
        what += " is at its best"
    else:
        what += f" is where {claim.details['reference']} ends"
    when = f"at epoch {_middle(there)}" if there else "at no epoch"
    never = len(findings) - len(there)
    return f"{what} {when} in {len(findings)} seeds" + (f", never in {never}" if never else "")


def _smoothness(claim: Claim, findings: Sequence[Finding]) -> str:
    than = claim.details["than"]
    parts = []
    for variant in (claim.variant, *(than if isinstance(than, list) else [than])):
        values = [f.numbers["roughness"][variant] for f in findings if "roughness" in f.numbers]
        parts.append(f"{_middle(values)} with {variant}")
    name = label(claim.details["smoother"])
    return f"{name} scatters about its course by {', by '.join(parts)}"


def _numbers(findings: Sequence[Finding], name: str) -> list[float]:
    return [f.numbers[name] for f in findings if f.numbers.get(name) is not None]


def _middle(values: Sequence[float]) -> str:
    """``0.012 (0.008 to 0.02)``: the median, and from where to where the values go."""
    low, middle, high = (f"{x:.3g}" for x in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _of(variant: str) -> str:
    return "" if variant == "default" else f" of {variant}"
