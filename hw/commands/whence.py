"""``hw whence``: where a figure comes from, what makes it, and whether it is out of date."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.errors import ExitCode, HwError
from hw.figures import metadata, provenance
from hw.figures.provenance import Record
from hw.results.files import as_json
from hw.results.folder import Folder


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "whence",
        parents=[common],
        help=VERBS["whence"],
        description="What a figure's file says of itself: question, settings, data, versions; the "
        "command that makes it; and whether code or settings have changed since.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="PDF, PNG or SVG")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    found = {
        str(file): [_judged(r, file, args) for r in metadata.read(file)] for file in args.files
    }
    if args.json:
        files = [{"file": file, "figures": figures} for file, figures in found.items()]
        console.show_json(as_json({"files": files}))
    else:
        texts = [_text(file, figure) for file, figures in found.items() for figure in figures]
        console.show("\n\n".join(texts))
    return int(ExitCode.OK)


def _judged(record: Record, file: Path, args: argparse.Namespace) -> dict[str, Any]:
    folder = _folder(record, file, args)
    reasons = provenance.out_of_date(record, folder)
    try:
        command = provenance.command(record)
    except HwError:
        command = None
    return {
        **{k: v for k, v in record.items() if k != "hw"},
        "command": command,
        "folder": str(folder.path) if folder else None,
        "out_of_date": bool(reasons),
        "reasons": reasons,
    }


def _folder(record: Record, file: Path, args: argparse.Namespace) -> Folder | None:
    """The results behind a figure: those it stands with, else those that its command would make."""
    beside = Folder(file.absolute().parent.parent)
    if beside.read().run.question == record["question"]:
        return beside
    try:
        folder = provenance.identity(record).folder(args.results_dir)
    except HwError:
        return None
    return folder if folder.read().run.status else None


def _text(file: str, figure: dict[str, Any]) -> str:
    data, reasons = figure["data"], "; ".join(figure["reasons"])
    rows = [
        ["figure", f"{figure['question']}: {figure['figure']}"],
        ["data", f"{data['name']}, {data['source']}, sha256 {data['sha256']}…" if data else "none"],
        ["variants", console.clip(", ".join(figure["variants"]), 200)],
        ["backend", figure["backend"]],
        ["seed", ", ".join(map(str, figure["seeds"])) or "none"],
        ["settings", figure["settings"]],
        ["versions", ", ".join(f"{k} {v}" for k, v in figure["versions"].items())],
        ["made by", figure["command"] or "no command of today's hw"],
        ["state", f"out of date: {reasons}" if reasons else "up to date"],
    ]
    return "\n".join([file, *(f"  {k.ljust(9)} {v}" for k, v in rows)])
