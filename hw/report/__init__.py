"""The report: one page over all questions, made from results folders; nothing is run for it.

``collect`` reads results into the views of ``model`` and ``pictures`` the figures; ``page`` and
``markdown`` write them out, ``book`` binds the figures of a homework into one PDF. A results folder
may hold anything: what is read is checked, and every string of it is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hw.results.files import write_text
from hw.results.folder import check_own


def write(
    results: Path,
    *,
    pdf: bool = False,
    markdown: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Write ``<results>/report``; returns the paths, the page first.

    say: told, a line at a time, what did not go into it.

    Raises `HwError` where the folder cannot be written.
    """
    from hw.config import catalog
    from hw.report import book, collect, page
    from hw.report import markdown as in_markdown

    target = results / "report"
    check_own(target)
    report = collect.collect(results)
    paths = [target / "index.html"]
    write_text(paths[0], page.render(report))
    if markdown:
        paths.append(target / "report.md")
        write_text(paths[-1], in_markdown.render(report))
    for homework in catalog.homeworks().values() if pdf else ():
        path = target / f"{homework.name}.pdf"
        if book.bind(homework, results, path):
            paths.append(path)
    for question in report.questions:
        if question.problem:
            say(f"note: {question.id}: its results cannot be read: {question.problem}")
    return paths
