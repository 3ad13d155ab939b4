"""``hw list``: every question, its data, and the state of its last run."""

from __future__ import annotations

import argparse
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode
from hw.results.files import as_json
from hw.results.folder import Folder


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser("list", parents=[common], help=VERBS["list"])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = []
    for question in catalog.load_all().values():
        last = Folder(question.folder(args.results_dir)).read().run
        rows.append(
            {
                "id": question.id,
                "title": question.title,
                "data": question.data["name"] if question.data else None,
                "backend": question.backend,
                "variants": list(question.variants),
                "state": last.status or "not run",
                "source": last.data["source"] if last.data else None,
                "finished": last.finished or None,
            }
        )
    wrong = catalog.wrong()
    rows = [row for row in rows if row["id"] not in wrong]
    if args.json:
        document: dict[str, Any] = {"questions": rows}
        if wrong:
            document["wrong"] = {name: str(error) for name, error in wrong.items()}
        console.show_json(as_json(document))
        return int(ExitCode.OK)
    table = [
        [
            r["id"],
            r["title"],
            r["data"] or "–",
            r["state"] + (" (stand-in)" if r["source"] == "stand-in" else ""),
        ]
        for r in rows
    ]
    table += [[name, "WRONG: it cannot run, see below", "–", ""] for name in wrong]
    console.show(console.table(["id", "question", "data", "last run"], table))
    for error in wrong.values():
        console.say(f"error: {' '.join(str(error).split())}")
    return int(ExitCode.OK)
