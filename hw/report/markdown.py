"""The report as one Markdown file, for repositories: tables, verdicts, links to figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hw import console
from hw.report.model import TONES, QuestionView, Report, Row, counted

_SIGNS = {"good": "✓", "erratum": "✎", "doubt": "?", "bad": "✗", "mute": "·"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#!])")


def render(report: Report) -> str:
    """The report as Markdown. The same report gives the same bytes."""
    return "\n".join(_lines(report)).rstrip() + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    if report.stand_ins:
        names = ", ".join(map(text, report.stand_ins))
        yield f"> **Synthetic data.** Results on {names} come from a stand-in, not from the real"
        yield "> data; they say nothing about what is published, and no claim is judged on them."
        yield ""
    yield from _table(
        ["homework", "run", "verdicts", "errata", "time"],
        [
            [
                text(h.title),
                f"{h.run} of {len(h.questions)}",
                ", ".join(counted(v, h.verdicts[v]) for v in TONES if h.verdicts[v]),
                str(h.errata or "–"),
                console.duration(h.seconds) if h.run else "–",
            ]
            for h in report.homeworks
        ],
    )
    for homework in report.homeworks:
        yield f"## {text(homework.title)}"
        yield ""
        for question in homework.questions:
            yield from _question(question)


def _question(q: QuestionView) -> Iterator[str]:
    yield f"### {text(q.id)}: {text(q.title)}"
    yield ""
    if q.about:
        yield text(q.about)
        yield ""
    if q.status == "unreadable":
        yield f"**The results cannot be read.** {text(q.problem)}"
        yield ""
    elif not q.has_run:
        yield "Not run yet."
        yield ""
    else:
        data = "no data" if not q.source else f"{text(q.data)} ({text(q.provenance or q.source)})"
        yield f"{q.backend}, {data}, {console.duration(q.seconds)}, status: {text(q.status)}"
        yield ""
    for warning in q.warnings:
        yield f"> Note: {text(warning)}"
        yield ""
    if q.stand_in:
        yield "> **Synthetic stand-in data**: nothing here says anything about what is published."
        yield ""
    yield f"    {' '.join(q.command.split())}"
    yield ""
    if q.numbers:
        yield from _table(
            ["where", "variant", "what", "published", "ours", "evidence", "verdict"],
            [
                [
                    *(text(r.where), text(r.variant), _statement(r)),
                    *(text(r.published), text(r.ours), text(r.evidence), _verdict(r)),
                ]
                for r in q.numbers
            ],
        )
    statements = [r for r in q.errata if not r.published] + list(q.statements)
    if statements:
        yield from _table(
            ["where", "statement", "evidence", "verdict"],
            [[text(r.where), _statement(r), _evidence(r), _verdict(r)] for r in statements],
        )
    links = [
        f"[{text(p.title)}](<{a}>)" for p in q.pictures for what, a in p.files if what == "PNG"
    ]
    if links:
        yield f"Figures: {', '.join(links)}"
        yield ""
    for note in q.notes:
        yield f"- {text(note)}"
    if q.notes:
        yield ""


def _statement(row: Row) -> str:
    words = text(row.statement)
    return f"{words} **Right is:** {text(row.erratum)}" if row.erratum else words


def _evidence(row: Row) -> str:
    instead = f" **Believe instead:** {text(row.instead)}" if row.instead else ""
    return text(row.evidence) + instead


def _verdict(row: Row) -> str:
    return f"{_SIGNS[row.tone]} {text(row.verdict)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'|'.join('---' for _ in header)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def text(value: str) -> str:
    """A string as Markdown that shows as it stands: one line, no markup, no entities."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(value.split()))
    return escaped.replace("&", "&amp;")
