"""``hw verify``: every published claim against the results of the questions as configured."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.config.catalog import Question
from hw.errors import ExitCode
from hw.results.files import as_json
from hw.verdicts import CONTRADICTIONS, Evidence, Judgement, Verdict, gather, judge_all

UNJUDGED = (Verdict.NOT_RUN, Verdict.STAND_IN)
WHERE = 18  # width of a place in a document


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "verify",
        parents=[common],
        help=VERBS["verify"],
        description="Judge every number, statement and conclusion that a document publishes by the "
        "results of its question as configured. Exit code 3: a claim differs, or is contradicted, "
        "on the published data.",
    )
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="ids, globs, or 'all' (default: every question)"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="one JSON document")
    shown.add_argument("--markdown", action="store_true", help="a table for a repository")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 2 where a question is wrong; 3 where a claim differs or is contradicted."""
    wrong = catalog.wrong_among(args.ids or ["all"])
    for error in wrong.values():
        console.say(f"error: {' '.join(str(error).split())}")
    questions = catalog.select(args.ids)[0] if args.ids else list(catalog.load_all().values())
    found = [(e := gather(q, args.results_dir), judge_all(e)) for q in questions]
    for evidence, _ in found:
        for note in evidence.notes:
            console.say(f"note: {evidence.question.id}: {' '.join(note.split())}")
    judgements = [j for _, mine in found for j in mine]
    if args.json:
        console.show_json(as_json(document(found)))
    else:
        rows = [row for _, mine in found for row in _rows(mine)]
        show = _markdown if args.markdown else _table
        console.show("\n".join([show(rows), "", *summary(found, args.markdown)]))
    contradicted = any(j.verdict in CONTRADICTIONS for j in judgements)
    if contradicted:
        return int(ExitCode.CONTRADICTED)
    return int(ExitCode.USAGE if wrong else ExitCode.OK)


Found = Sequence[tuple[Evidence, Sequence[Judgement]]]
Row = tuple[str, str, str, str, str, str]  # question, where, published, ours, verdict, evidence


def document(found: Found) -> dict[str, Any]:
    """Everything, for programs."""
    judgements = [j for _, mine in found for j in mine]
    return {
        "claims": [j.as_json() for j in judgements],
        "counts": counts(judgements),
        "contradicted": any(j.verdict in CONTRADICTIONS for j in judgements),
        "questions": [_state(evidence) for evidence, _ in found],
    }


def _state(evidence: Evidence) -> dict[str, Any]:
    calibration = evidence.calibration
    return {
        "question": evidence.question.id,
        "problem": evidence.problem or None,
        "data": dict(evidence.data) if evidence.data else None,
        "calibrated_seeds": list(calibration.seeds) if calibration else [],
        "notes": list(evidence.notes),
    }


def counts(judgements: Sequence[Judgement]) -> dict[str, int]:
    """How many claims there are of each verdict, of all verdicts in their order."""
    found = Counter(j.verdict for j in judgements)
    return {str(v): found[v] for v in Verdict}


def _rows(judgements: Sequence[Judgement]) -> Iterator[Row]:
    """A row a claim; a question's claims that cannot be judged share one."""
    for verdict in UNJUDGED:
        mine = [j for j in judgements if j.verdict is verdict]
        if mine:
            plural = f"{len(mine)} claims" if len(mine) > 1 else mine[0].published
            why = mine[0].finding.evidence if verdict is Verdict.NOT_RUN else ""
            yield mine[0].question, "", plural, "", str(verdict), "" if why == "not run" else why
    for j in judgements:
        if j.verdict not in UNJUDGED:
            silent = j.verdict in (Verdict.HOLDS, Verdict.EXACT)
            shown = "" if silent else j.finding.evidence
            shown += f"; believe instead: {j.finding.instead}" if j.finding.instead else ""
            where = j.claim.where + (" (ours)" if j.claim.ours else "")
            yield j.question, where, j.published, j.finding.ours, str(j.verdict), shown


def _table(rows: Sequence[Row]) -> str:
    """The evidence stands under the statement, which takes what room the terminal leaves."""
    others = [max((len(row[i]) for row in rows), default=0) for i in (0, 3, 4)]
    width = min(80, max(44, console.width() - sum(others) - WHERE - 8))
    cells = []
    for question, where, published, ours, verdict, shown in rows:
        text = console.fill(published, width)
        if shown:
            lines = console.fill(shown, width - 2).split("\n")
            text = "\n  ".join([text, *lines])
        cells.append([question, console.fill(where, WHERE), text, ours, verdict])
    return console.table(["question", "where", "published", "ours", "verdict"], cells)


def _markdown(rows: Sequence[Row]) -> str:
    lines = [
        "| question | where | published | ours | verdict | evidence |",
        "|---|---|---|---|---|---|",
    ]
    for question, *cells in rows:
        shown = [re.sub(r"([|*<])", r"\\\1", " ".join(c.split())) for c in cells]
        lines.append(f"| `{question}` | {' | '.join(shown)} |")
    return "\n".join(lines)


def summary(found: Found, markdown: bool = False) -> list[str]:
    """Claims by verdict, and by name what must not be overlooked."""
    judgements = [j for _, mine in found for j in mine]
    shown = ", ".join(f"{n} {v}" for v, n in counts(judgements).items() if n)
    claims = console.counted(len(judgements), "claim")
    lines = [f"{claims}: {shown}" if judgements else "no claims"]
    for verdict in UNJUDGED:
        names = _named(e.question for e, mine in found if any(j.verdict is verdict for j in mine))
        if names:
            lines.append(f"{verdict}: {names}")
    other = sorted({str(e.data["name"]) for e, _ in found if e.data and not e.published
                    and e.source == "real"})  # fmt: skip
    if other:
        lines.append(
            f"not the published file: {', '.join(other)}; a claim that differs on it reads "
            "'other data'"
        )
    against = [j for j in judgements if j.verdict in CONTRADICTIONS]
    if against:
        lines.append(
            "contradicted: " + "; ".join(f"{j.question} {j.claim.where}".strip() for j in against)
        )
    return [f"- {line}" for line in lines] if markdown else [console.fill(s) for s in lines]


def _named(questions: Iterator[Question]) -> str:
    return ", ".join(dict.fromkeys(q.id for q in questions))
