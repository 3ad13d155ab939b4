"""``hw data``: what data there is, fetching it, checking it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw import console, datasets
from hw.commands import VERBS
from hw.config import catalog
from hw.config.data import declared
from hw.datasets import download, hashes, recognition
from hw.datasets.entry import Entry
from hw.datasets.registry import CATALOGUE
from hw.errors import DataError, ExitCode, UsageError, did_you_mean
from hw.results.files import as_json

ACTIONS = ("status", "fetch", "verify")


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "data",
        parents=[common],
        help=VERBS["data"],
        description="status: which data sets are there, and whether they are the published files. "
        "fetch: download those that are missing. verify: read them and check their contents; a "
        "file whose hash nobody published is recognised by what untrained models score on it.",
    )
    # Not argparse's choices: `hw data mnist` means `hw data status mnist`.
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[status|fetch|verify] [NAME...]",
        help=f"data sets: {', '.join(CATALOGUE)}, and those that homeworks of your own "
        "declare (default: status, of all of them)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 4 where a data set could not be had (fetch) or is missing or unsound (verify)."""
    action, asked = _parse(args.words)
    directory = Path(args.data_dir or datasets.default_directory())
    # Nobody can fetch what homeworks of one's own declare.
    every = list(CATALOGUE) if action == "fetch" else names()
    chosen = [datasets.entry(name) for name in asked or every]
    if action == "status":
        rows = [status(entry, directory) for entry in chosen]
        failed: list[str] = []
    else:
        act = _fetcher(directory) if action == "fetch" else _verifier(directory)
        rows, failed = [], []
        for entry in chosen:
            row, error = act(entry)
            rows.append(row)
            # A data set that nobody fetched is no fault of a bare `verify`.
            if error and (action == "fetch" or asked or row["state"] != "absent"):
                failed.append(error)
                console.say(f"error: {' '.join(error.split())}")
    if args.json:
        console.show_json(as_json({"directory": str(directory.resolve()), "data": rows}))
    else:
        header, cells = _table(action, rows)
        console.show(console.table(header, cells))
    return int(ExitCode.UNAVAILABLE if failed else ExitCode.OK)


def _parse(words: list[str]) -> tuple[str, list[str]]:
    """The action and the names. Raises `UsageError` for a word that is neither."""
    known = names()
    if words and words[0] in ACTIONS:
        action, asked = words[0], words[1:]
    else:
        action, asked = "status", words
        if words and words[0] not in known:
            raise UsageError(
                f"unknown action or data set {words[0]!r}"
                f"{did_you_mean(words[0], [*ACTIONS, *known])}"
                f" (actions: {', '.join(ACTIONS)}; data sets: {', '.join(known)})"
            )
    for name in asked:
        datasets.entry(name)
    return action, list(dict.fromkeys(asked))


def names() -> list[str]:
    """The data sets of hw, and those that homeworks of one's own declare."""
    catalog.load_all()  # a declaration is known once its file has been read
    return [*CATALOGUE, *declared()]


def status(entry: Entry, directory: Path) -> dict[str, Any]:
    """One data set's row: what is there, without reading more than its bytes."""
    paths = entry.paths(directory)
    present = [path for path in paths if path.is_file()]
    row: dict[str, Any] = {
        "name": entry.name,
        "title": entry.title,
        "state": "absent" if not present else "present",
        "provenance": None,
        "sha256": None,
        "bytes": sum(path.stat().st_size for path in present),
        "path": str(entry.folder(directory)),
        "files": [path.name for path in paths],
        "missing": [path.name for path in paths if path not in present],
        "licence": entry.licence,
        "source": entry.homepage,
    }
    if present and row["missing"]:
        row["state"] = "incomplete"
    elif present:
        try:
            found = hashes.of(entry, paths)
            row.update(provenance=found.provenance, sha256=found.sha256)
        except DataError as error:
            row.update(state="unreadable", problem=str(error))
    return row


Act = Callable[[Entry], tuple[dict[str, Any], str]]


def _fetcher(directory: Path) -> Act:
    fetcher = download.Fetcher()

    def act(entry: Entry) -> tuple[dict[str, Any], str]:
        if not datasets.exists(entry.name, directory) and not download.offline():
            size = f" ({_size(entry.bytes)})" if entry.bytes else ""
            console.say(f"fetching {entry.name}{size} …")
        try:
            outcome, error = fetcher.fetch(entry, directory), ""
        except DataError as caught:
            outcome, error = "failed", str(caught)
        return {**status(entry, directory), "outcome": outcome, "problem": error or None}, error

    return act


def _verifier(directory: Path) -> Act:
    def act(entry: Entry) -> tuple[dict[str, Any], str]:
        row = status(entry, directory)
        if row["missing"]:
            error = entry.how_to_get(datasets.missing_files(entry.name, directory)[0])
            return {**row, "outcome": row["state"], "problem": error}, error
        try:
            splits, _ = datasets.read(entry, entry.paths(directory))
            for file, path in zip(entry.files, entry.paths(directory), strict=True):
                if other := hashes.difference(file, path):
                    console.say(f"note: {other}")
            counts = {name: len(labels) for name, (_, labels) in splits.items()}
            unknown = row["provenance"] != hashes.PUBLISHED
            if unknown and entry.initial_accuracies and counts == entry.counts:
                row |= _recognise(entry, directory, row["sha256"])
        except DataError as caught:
            return {**row, "outcome": "unsound", "problem": str(caught)}, str(caught)
        return {**row, "outcome": "sound", "problem": None, "examples": counts}, ""

    return act


def _recognise(entry: Entry, directory: Path, sha256: str) -> dict[str, Any]:
    """Whether a file of unknown bytes is the published one, by what untrained models score on it.

    Remembered beside the file.
    """
    folder, published = entry.paths(directory)[0].parent, entry.initial_accuracies
    found = recognition.remembered(folder, sha256)
    if not found.keys() >= published.keys():
        try:
            found = _initial_accuracies(entry, directory)
        except ImportError:
            console.say(
                f"note: {entry.name}: to tell whether it is the published file takes PyTorch"
            )
            return {}
        try:
            recognition.remember(folder, sha256, found)
        except OSError as error:
            console.say(f"note: {folder}: what was found is not remembered ({error.strerror})")
    numbers = [f"{model} {found[model]:.4f} ({text})" for model, text in published.items()]
    console.say(
        f"{entry.name}: validation accuracy before any training, and that of the published file: "
        + ", ".join(numbers)
    )
    fits = recognition.fits(published, found)
    return {"provenance": hashes.RECOGNISED if fits else hashes.OTHER, "initial_accuracies": found}


def _initial_accuracies(entry: Entry, directory: Path) -> dict[str, float]:
    """What the assignment's script prints of each model before it trains, with its own seed."""
    from hw.questions.models.feedforward import Settings, learner

    (view,) = entry.views
    data = datasets.load(entry.name, view, directory, "real")
    found = {}
    for model in entry.initial_accuracies:
        chosen: Any = model
        untrained = learner(Settings(model=chosen, seed=42), data, "torch")
        found[model] = untrained.measure(["validation_accuracy"])["validation_accuracy"]
    return found


def _table(action: str, rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    if action == "fetch":
        return ["data", "fetch", "what is there", "path"], [
            [row["name"], row["outcome"], _there(row), row["path"]] for row in rows
        ]
    if action == "verify":
        return ["data", "contents", "what is there", "examples"], [
            [
                row["name"],
                row["outcome"],
                _there(row),
                " / ".join(str(n) for n in row.get("examples", {}).values()) or "–",
            ]
            for row in rows
        ]
    return ["data", "state", "what is there", "size", "path", "licence"], [
        [
            row["name"],
            row["state"],
            _there(row),
            _size(row["bytes"]) if row["bytes"] else "–",
            row["path"],
            row["licence"],
        ]
        for row in rows
    ]


def _there(row: dict[str, Any]) -> str:
    return row["provenance"] or "stand-in only"


def _size(n: int) -> str:
    return f"{n / 1e6:.1f} MB" if n >= 100_000 else f"{n / 1e3:.1f} kB"
