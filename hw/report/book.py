"""The figures of a homework as one PDF, in the document's order, with a list of them in front."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hw.config.catalog import Homework, Question
from hw.errors import HwError
from hw.figures import metadata, provenance
from hw.figures.draw import draw
from hw.figures.style import look, new_figure
from hw.report.collect import folder_of, questions_of
from hw.report.pictures import describe
from hw.results.files import written_beside
from hw.results.folder import Results
from hw.results.outcome import Outcome

_INK, _SOFT = "#1d2126", "#5b636d"
_LINES = 34  # on a page of the list


@look()
def bind(homework: Homework, results: Path, path: Path) -> int:
    """Write ``path``; returns how many figures it holds, none and no file where nothing has run."""
    figures: list[tuple[Question, str, Any]] = []
    records: list[provenance.Record] = []
    for question in questions_of(homework):
        for title, figure, record in _figures(question, results):
            figures.append((question, title, figure))
            records += [record] if record else []
    if not figures:
        return 0
    known = metadata.fields(records, f"{homework.title}: figures")
    from matplotlib.backends.backend_pdf import PdfPages

    information = {
        "Title": known["Title"],
        "Keywords": known["Keywords"],
        "Creator": "hw",
        "Producer": "matplotlib",
        "CreationDate": None,
    }
    with written_beside(path) as beside, PdfPages(beside, metadata=information) as pages:
        for page in _contents(homework, [(q, title) for q, title, _ in figures]):
            pages.savefig(page)
        for question, title, figure in figures:
            figure.text(0.005, 0.005, f"{question.id}: {title}", fontsize=6, color=_SOFT)
            pages.savefig(figure)
    return len(figures)


def _figures(
    question: Question, results: Path
) -> Iterator[tuple[str, Any, provenance.Record | None]]:
    """(title, figure, where it comes from) of every figure of a question that has run; those that
    fail are left out."""
    folder = folder_of(question, results)
    there = folder.read()
    try:
        found = there.outcomes if there.run.status else dict[str, Outcome]()
    except HwError:
        return
    outcomes = {v: found[v] for v in question.variants if v in found}
    for spec in question.figures if outcomes else ():
        try:
            figure = draw(question, spec, outcomes, there.run.data, folder)
        except Exception:  # a folder made by hand may lack anything
            continue
        record = _record(question, str(spec["name"]), outcomes, there)
        yield describe(spec, outcomes)[0], figure, record


def _record(
    question: Question, figure: str, outcomes: Mapping[str, Outcome], there: Results
) -> provenance.Record | None:
    """Where a figure comes from, for the file's metadata; None for a folder made by hand."""
    try:
        record = provenance.describe(question, figure, outcomes, there.config, there.run.data)
        provenance.command(record)
    except (TypeError, ValueError, AttributeError, HwError):
        return None
    return record


def _contents(homework: Homework, figures: list[tuple[Question, str]]) -> list[Any]:
    """The list of figures, as pages of A4 on their side."""
    lines: list[tuple[str, str]] = []
    before = ""
    # How many pages the list takes depends on nothing but how many lines it has.
    questions = len({q.id for q, _ in figures})
    front = -(-(len(figures) + 2 * questions) // _LINES)
    for number, (question, title) in enumerate(figures, start=1 + front):
        if question.id != before:
            lines += [("", ""), (f"{question.id}  {question.title}", "")]
            before = question.id
        lines.append((f"      {textwrap.shorten(title, 100, placeholder=' …')}", str(number)))
    pages = []
    for start in range(0, len(lines), _LINES):
        figure, axes = new_figure(width=11.7, height=8.3)
        axes[0, 0].set_axis_off()
        if not start:
            figure.text(0.07, 0.93, homework.title, fontsize=18, color=_INK, family="serif")
        for row, (text, page) in enumerate(lines[start : start + _LINES]):
            y = 0.89 - row * 0.0245
            figure.text(0.07, y, text, fontsize=9, color=_SOFT if page else _INK, parse_math=False)
            figure.text(0.93, y, page, fontsize=9, color=_SOFT, ha="right")
        pages.append(figure)
    return pages
