"""Work that is not done twice: variants of different questions with one and the same result."""

from __future__ import annotations

from collections.abc import Sequence

from hw.results.files import digest
from hw.runs.planning import Run


def alike(todo: Sequence[tuple[Run, str]]) -> list[list[int]]:
    """What is to do, by its numbers, in groups of one result each.

    The result is the same where the fingerprint is (settings, measures, data, code, versions), and
    the figures ask for the same data.
    """
    groups: dict[str, list[int]] = {}
    for number, (run, variant) in enumerate(todo):
        drawn = sorted({str(figure.get("draw", "curves")) for figure in run.question.figures})
        key = digest([run.question.kind, run.fingerprint(variant), drawn])
        groups.setdefault(key, []).append(number)
    return list(groups.values())
