"""``hw report``: the page over all questions, from results folders alone."""

from __future__ import annotations

import argparse
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "report",
        parents=[common],
        help=VERBS["report"],
    )
    parser.add_argument(
        "--pdf", action="store_true", help="also one PDF a homework, of all its figures"
    )
    parser.add_argument("--markdown", action="store_true", help="also report.md, for repositories")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from hw.report import write

    wrong = catalog.wrong_among(["all"])
    for error in wrong.values():
        console.say(f"error: {' '.join(str(error).split())}")
    for path in write(args.results_dir, pdf=args.pdf, markdown=args.markdown, say=console.say):
        console.show(str(path))
    return int(ExitCode.USAGE if wrong else ExitCode.OK)
