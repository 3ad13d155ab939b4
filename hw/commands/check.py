"""``hw check``: a student's own number against the spread of the same run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, HwError, UsageError
from hw.results.files import as_json
from hw.verdicts import Evidence, gather
from hw.verdicts.plausible import Answer, answer, parse


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "check",
        parents=[common],
        help=VERBS["check"],
        description="Hold a number of your own against the spread of the same run over seeds "
        "(99 %): those of 'hw calibrate', else those that come with hw, else one run. Exit code 3: "
        "not plausible.",
    )
    parser.add_argument("id", metavar="ID", help="such as q1.mlp")
    parser.add_argument(
        "numbers",
        nargs="+",
        metavar="[VARIANT.]METRIC=NUMBER",
        help="test_accuracy=0.53, l2.test_accuracy=51%%",
    )
    parser.add_argument("--variant", default="", metavar="NAME", help="which run it is of")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw the numbers among the seeds, as .pdf, .png or .svg",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where every number is plausible, 3 where one is not."""
    question = catalog.find(args.id)
    if args.figure and args.figure.suffix not in (".pdf", ".png", ".svg"):
        raise UsageError(f"--figure {args.figure}: its name must end in .pdf, .png or .svg")
    numbers = [parse(word, question, args.variant) for word in args.numbers]
    evidence = gather(question, args.results_dir)
    for note in evidence.notes:
        console.say(f"note: {question.id}: {' '.join(note.split())}")
    answers = [answer(n, evidence) for n in numbers]
    if args.figure:
        _draw(args.figure, evidence, answers)
    if args.json:
        document = {"question": question.id, "numbers": [a.as_json() for a in answers]}
        console.show_json(as_json(document))
    else:
        console.show("\n\n".join(text(a) for a in answers))
    return int(ExitCode.OK if all(a.plausible for a in answers) else ExitCode.CONTRADICTED)


def _draw(path: Path, evidence: Evidence, answers: Sequence[Answer]) -> None:
    """Raises `HwError` where there are no seeds to draw, or the file cannot be written."""
    from hw.figures import style
    from hw.verdicts import spread

    figure = spread.of_answers(evidence, answers)
    if figure is None:
        raise HwError(
            f"{evidence.question.id}: there are no seeds to draw; make some: "
            f"python -m hw calibrate {evidence.question.short_id}"
        )
    style.save(figure, path.with_suffix(""), suffixes=[path.suffix[1:]])
    console.say(f"figure: {path}")


def text(found: Answer) -> str:
    """The answer in a few lines."""
    n, band = found.number, found.band
    name = n.metric if n.variant == catalog.DEFAULT_VARIANT else f"{n.variant} {n.metric}"
    low, high = (console.number(x) for x in band.ends)
    others = [f"published {found.published}"] if found.published else []
    others += [f"ours {console.number(found.ours)}"] if found.ours is not None else []
    lines = [
        f"{name} {n.printed}: {_verdict(found)}",
        *([found.among_seeds()] if found.seeds else []),
        f"{found.text()} from the middle; 99 % of runs end in {low} .. {high}",
        f"({band.text}{'; ' if others else ''}{', '.join(others)})",
        *([found.chaos.text()] if found.chaos else []),
        *found.notes,
    ]
    lines = [lines[0], *(f"  {s}" for line in lines[1:] for s in console.fill(line).split("\n"))]
    if found.hints:
        lines.append("  what to look at first (guesses: your code was not seen):")
        lines += [f"  - {hint}" for hint in found.hints]
    return "\n".join(lines)


def _verdict(found: Answer) -> str:
    if not found.plausible:
        return "NOT PLAUSIBLE"
    return "plausible" if found.band.holds(found.number.value) else "plausible, as rounded"
