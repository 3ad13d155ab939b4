"""``hw export``: results for other tools, as DVC's files or as one long table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, HwError, UsageError
from hw.results import export
from hw.results.files import as_json


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "export",
        parents=[common],
        help=VERBS["export"],
        usage="%(prog)s (--dvc DIR | --csv DIR) [ID ...] [options]",
        description="Copies of the results there are: dvc.yaml with metrics and plots, or "
        f"results.csv with the columns {', '.join(export.COLUMNS)}.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids or globs (default: all)")
    parser.add_argument("--dvc", type=Path, metavar="DIR", help="dvc.yaml, metrics and histories")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="results.csv, a number a row")
    parser.add_argument(
        "--beside", action="store_true", help="also runs that are not as configured ('q1.mlp@…')"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.dvc is None and args.csv is None:
        raise UsageError("export needs --dvc DIR or --csv DIR")
    questions = list(catalog.load_all().values())
    if args.ids:
        questions, _ = catalog.select(args.ids)
    found = export.collect(questions, args.results_dir, args.beside)
    if not found:
        raise HwError(
            f"nothing to export: no results in {args.results_dir} ('python -m hw run ID')"
        )
    files: list[Path] = []
    if args.dvc is not None:
        files += export.write_dvc(found, args.dvc)
    if args.csv is not None:
        files += export.write_csv(found, args.csv)
    names = [f"{one.question.homework}.{one.name}" for one in found]
    if args.json:
        document = {"exported": names, "files": [str(f.resolve()) for f in files]}
        console.show(as_json(document), end="")
    else:
        heads = [f for f in files if f.name in ("dvc.yaml", "results.csv")]
        console.show(f"{len(names)} results exported: {', '.join(map(str, heads))}")
    return int(ExitCode.OK)
