"""``hw export``: results for other tools."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, HwError, UsageError
from hw.results import export
from hw.results.files import as_json, elsewhere
from hw.results.stored import Stored


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "export",
        parents=[common],
        help=VERBS["export"],
        usage="%(prog)s (--csv DIR | --dvc DIR | --latex FILE | --tensorboard DIR) [ID ...] "
        "[options]",
        description="Copies of the results there are, made anew each time: results.csv with the "
        f"columns {', '.join(export.COLUMNS)}; dvc.yaml with metrics and plots; a file that LaTeX "
        "reads, so that no number of a report is typed by hand; a folder for TensorBoard.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids or globs (default: all)")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="results.csv, a number a row")
    parser.add_argument("--dvc", type=Path, metavar="DIR", help="dvc.yaml, metrics and histories")
    parser.add_argument(
        "--latex", type=Path, metavar="FILE", help="a name for each number: \\hw{q.metric}"
    )
    parser.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="histories, a folder for each run"
    )
    parser.add_argument(
        "--beside", action="store_true", help="also runs that are not as configured ('q1.mlp@…')"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


WRITERS: dict[str, Callable[[Sequence[Stored], Path], list[Path]]] = {
    "csv": export.write_csv,
    "dvc": export.write_dvc,
    "latex": export.write_latex,
    "tensorboard": export.write_tensorboard,
}


def run(args: argparse.Namespace) -> int:
    places = {name: getattr(args, name) for name in WRITERS if getattr(args, name) is not None}
    if not places:
        raise UsageError(f"export needs one of {', '.join(f'--{name}' for name in WRITERS)}")
    questions = list(catalog.load_all().values())
    if args.ids:
        questions, _ = catalog.select(args.ids)
    found = export.collect(questions, args.results_dir, args.beside)
    if not found:
        raise HwError(
            f"nothing to export: no results in {args.results_dir} ('python -m hw run ID')"
        )
    files: list[Path] = []
    for name, place in places.items():
        with elsewhere(f"--{name}"):
            files += WRITERS[name](found, place)
    if args.json:
        document = {
            "exported": [one.name for one in found],
            "files": [str(f.resolve()) for f in files],
        }
        console.show_json(as_json(document))
    else:
        where = ", ".join(str(place) for place in places.values())
        console.show(f"{console.counted(len(found), 'result')} exported: {where}")
    return int(ExitCode.OK)
