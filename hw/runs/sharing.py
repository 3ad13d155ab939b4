"""Work that is not done twice: variants of different questions with one and the same result.

A result is the same where the fingerprint is (settings, measures, data, code, versions), and the
figures ask for the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hw.errors import HwError
from hw.figures.style import FIGURES
from hw.results.files import digest
from hw.results.folder import Folder, Results
from hw.results.outcome import Outcome
from hw.results.run_file import Entry
from hw.runs.planning import Run


def alike(todo: Sequence[tuple[Run, str]]) -> list[list[int]]:
    """What is to do, by its numbers, in groups of one result each."""
    groups: dict[str, list[int]] = {}
    for number, (run, variant) in enumerate(todo):
        key = digest([run.question.kind, run.fingerprint(variant), sorted(_drawn(run))])
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def _drawn(run: Run) -> set[str]:
    return {str(figure.get("draw", "curves")) for figure in run.question.figures}


class Shelf:
    """The results of other questions in the same results folder; read once, when first asked."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, tuple[Results, str]]] = {}

    def find(self, run: Run, variant: str) -> tuple[str, Outcome, Entry] | None:
        """Which question has the result of a variant already, the result, and what run.json says
        of it; None where none has it, or a figure is drawn from more than curves."""
        if not _drawn(run) <= FIGURES.keys():
            return None
        homework = run.question.folder(run.request.results_directory).parent
        if homework not in self._known:
            self._known[homework] = _read(homework)
        there, name = self._known[homework].get(digest(run.fingerprint(variant)), (None, ""))
        if there is None or there.path == run.folder.path:
            return None
        try:
            outcome = there.sound.get(name)
        except HwError:
            return None
        if outcome is None or outcome.plots:
            return None
        return there.run.question, outcome, there.run.variants[name]


def _read(homework: Path) -> dict[str, tuple[Results, str]]:
    """Every variant of every folder, by the digest of its fingerprint."""
    found: dict[str, tuple[Results, str]] = {}
    for path in sorted(homework.glob("*/run.json")):
        there = Folder(path.parent).read()
        for variant, entry in there.run.variants.items():
            found.setdefault(digest(entry.fingerprint), (there, variant))
    return found
