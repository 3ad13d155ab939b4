"""What is found, in sentences for a student: the fact that should hold, what was seen, one thing to
try. Never blame."""

from __future__ import annotations

import numpy as np

from hw.grading.matching import Match
from hw.grading.walk import Parting, most_apart

SHOWN = 5  # entries


def of_match(match: Match | None) -> str:
    """The facts that should hold, and what to try; or how near the nearest known mistake comes."""
    if match is None:
        return "It is no mistake that is known here."
    if not match.exact:
        nearest = match.mistakes[0]
        return (
            f"It is no mistake that is known here; most like {nearest.id}, "
            f"which goes along for {match.agreed} of the updates that differ."
        )
    return " ".join(f"{mistake.says} {mistake.hint}".strip() for mistake in match.mistakes)


def behaves(match: Match) -> str:
    """That the mutant does exactly what the hand-in does."""
    ids = [mistake.id for mistake in match.mistakes]
    if len(ids) == 1:
        return f"{ids[0]} behaves exactly as this does."
    return f"{' and '.join(ids)} together behave exactly as this does."


def place(parting: Parting) -> str:
    return f"{parting.parameter}{index(parting.entry)}, update {parting.call}"


def entries(parting: Parting) -> tuple[str, str]:
    """The entry that differs most: expected, and found."""
    return both(float(parting.expected[parting.entry]), float(parting.actual[parting.entry]))


def number(value: float) -> str:
    return f"{value:.6g}"


def both(expected: float, actual: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in range(6, 17):
        texts = f"{expected:.{digits}g}", f"{actual:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def apart(parting: Parting) -> str:
    """Which parameters differ, and how their steps compare."""
    which = f"{_listed(parting.differing)} differ{'s' if len(parting.differing) == 1 else ''}"
    ratio = step_ratio(parting)
    if ratio is not None:
        return f"{which}; {parting.parameter} {_step(ratio)}"
    return f"{which}{_rows(parting)}"


def _step(ratio: float) -> str:
    if abs(ratio) < 1e-9:
        return "does not move"
    way = "" if ratio > 0 else " goes the other way, and"
    return f"{way.strip()} takes a step {abs(ratio):.4g} times as long".strip()


def step_ratio(parting: Parting) -> float | None:
    """The one number that all steps of the parameter are off by; None where there is no such."""
    expected = (parting.expected - parting.before).ravel()
    actual = (parting.actual - parting.before).ravel()
    size = float(np.abs(expected).max(initial=0))
    tiny = np.finfo(float).eps * float(np.abs(parting.before).max(initial=0))
    if not size > 1e3 * tiny or not np.isfinite(actual).all():
        return None
    ratio = float(expected @ actual / (expected @ expected))
    # The steps are differences of numbers that are a hundred times as large.
    if np.abs(actual - ratio * expected).max() > 1e-6 * max(size, abs(ratio) * size):
        return None
    return ratio


def _rows(parting: Parting) -> str:
    if parting.expected.ndim != 2:
        return ""
    off = np.abs(parting.actual - parting.expected)
    rows = np.flatnonzero(~(off.max(axis=1) <= 1e-9 * np.abs(parting.expected).max(initial=1)))
    if len(rows) in (0, len(off)):
        return ""
    return f", in {len(rows)} of {len(off)} rows of {parting.parameter}"


def explanation(parting: Parting, match: Match | None) -> list[str]:
    """The update, the formula, and the entries that differ most, with both numbers."""
    lines = [f"update {parting.call}, in {_listed(parting.differing)}"]
    for mistake in match.mistakes if match else ():
        lines += [f"{mistake.id}: {mistake.says}", f"  handout: {mistake.handout}"]
    for line, text in match.changes if match and match.exact else ():
        lines.append(f"  the reference has  {line}")
        shown = text.strip().splitlines() or ["(nothing)"]
        lines += [f"  yours behaves as   {part}" for part in shown]
    for at in most_apart(parting.expected, parting.actual, SHOWN):
        before, expected, actual = (a[at] for a in parting.values)
        lines.append(
            f"{parting.parameter}{index(at)}: {before:.10g} before; {expected:.10g} expected, "
            f"{actual:.10g} found"
        )
    return lines


def index(entry: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, entry))}]"


def _listed(names: tuple[str, ...]) -> str:
    *most, last = names or ("some parameters",)
    return f"{', '.join(most)} and {last}" if most else last
