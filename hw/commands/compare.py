"""``hw compare``: any number of runs, or whole results folders, side by side."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, HwError, UsageError, quoted
from hw.results.files import as_json, digest, elsewhere, write_text
from hw.results.side_by_side import Side, compare, differing, headlines, letters, matched
from hw.results.stored import all_runs, named, runs_of


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "compare",
        parents=[common],
        help=VERBS["compare"],
        description="Settings and metrics side by side, and the curves of all in one figure. A "
        "RUN is an id ('q1.mlp'), the name of a folder beside it ('q1.mlp@1a2b3c4d'), a glob "
        "('q1.mlp@*'), the path of a run, or the path of a whole results folder.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--all", action="store_true", help="also what does not differ")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the figure of the curves, as .pdf, .png or .svg (default: a folder of its own, "
        "compare/, among the results)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    _check_output(args.output)
    groups = _groups(args.runs, args.results_dir)
    documents = []
    for sides in groups:
        document = compare(sides)
        figure = None if len(groups) > 1 and args.output else _draw(sides, document, args)
        documents.append({**document, "figure": figure})
    if args.json:
        console.show_json(as_json({"comparisons": documents}))
        return int(ExitCode.OK)
    shown = zip(groups, documents, strict=True)
    if len(documents) > 1 and not args.all:
        same = [d["a"] for d in documents if d["identical"]]
        parts = [text(s, d, False) for s, d in shown if not d["identical"]]
        parts += [f"identical: {', '.join(same)}"] if same else []
    else:
        parts = [text(s, d, args.all) for s, d in shown]
    console.show("\n\n".join(parts))
    return int(ExitCode.OK)


# What is compared


def _check_output(output: Path | None) -> None:
    if output is not None and output.suffix.lower() not in (".pdf", ".png", ".svg"):
        raise UsageError(f"--output {quoted(str(output))}: expected a name in .pdf, .png or .svg")


def _groups(words: Sequence[str], results: Path) -> list[list[Side]]:
    """The runs that are compared with one another; of whole results folders, each run that all of
    them have."""
    paths = _paths(words, results)
    if len(paths) < 2:
        raise UsageError(f"{next(iter(paths))}: one run alone; name another to compare it with")
    inside = {word: _runs(path) for word, path in paths.items()}
    if all("." in found for found in inside.values()):
        return [[Side.read(word, path) for word, path in paths.items()]]
    for word, found in inside.items():
        if "." in found:
            raise UsageError(f"{word} is one run, another a folder of runs: name those of a kind")
        if not found:
            raise HwError(f"{word}: no results in it")
    common = [
        n for n in next(iter(inside.values())) if all(n in found for found in inside.values())
    ]
    if not common:
        raise HwError(f"{' and '.join(inside)} have no run in common")
    return [[Side.read(f"{w}: {n}", found[n]) for w, found in inside.items()] for n in common]


def _paths(words: Sequence[str], results: Path) -> dict[str, Path]:
    """The folder that each word means; of a glob, those of all runs that it fits. A word that
    stands there twice is compared with itself. Raises `UsageError`."""
    found: dict[str, Path] = {}
    for word in words:
        if any(c in word for c in "*?[") and not Path(word).is_dir():
            found |= {run.names[-1]: run.path for run in named(all_runs(results), [word])}
        else:
            found[word if word not in found else f"{word} again"] = _find(word, results)
    return found


def _find(word: str, results: Path) -> Path:
    """The folder that a path, an id or ``id@digest`` names. Raises `UsageError`."""
    path = Path(word)
    if path.is_dir():
        return path
    name, at, rest = word.partition("@")
    if path.name != word or (at and not re.fullmatch(r"[\w-]+", rest)):
        raise UsageError(f"{word}: no such folder")
    question = catalog.find(name)
    home = question.folder(results)
    folder = home.with_name(f"{home.name}{at}{rest}")
    if not (folder / "metrics.json").is_file():
        beside = [run.path.name for run in runs_of(question, results) if run.is_beside]
        known = f"; beside it there are {', '.join(beside)}" if beside else ""
        raise HwError(f"{word}: no results in {folder}{known} ('python -m hw run {question.id}')")
    return folder


def _runs(path: Path) -> dict[str, Path]:
    """The runs in a folder by their names; ``.`` for a folder that is one itself."""
    if (path / "metrics.json").is_file():
        return {".": path}
    found = sorted(p.parent for p in (*path.glob("*/metrics.json"), *path.glob("*/*/metrics.json")))
    return {p.relative_to(path).as_posix(): p for p in found}


# What is shown and drawn


def text(sides: Sequence[Side], document: Mapping[str, Any], everything: bool) -> str:
    """Two runs as a table of settings and one of metrics; of more, a table with a row a run."""
    names = letters(sides)
    lines = [f"{name.upper()}  {document[name]}" for name in names] + [""]
    if document["identical"]:
        lines += ["metrics and curves are identical", ""]
    tables = _side_by_side(document, everything) if len(sides) == 2 else _a_row_a_run(sides)
    for header, rows in tables:
        lines += [console.table(header, rows), ""] if rows else []
    if document["figure"]:
        lines.append(f"curves: {document['figure']}")
    return "\n".join(lines).rstrip("\n")


Table = tuple[list[str], list[list[str]]]


def _side_by_side(document: Mapping[str, Any], everything: bool) -> list[Table]:
    settings, metrics = (
        [row for row in document[kind] if everything or row["a"] != row["b"]]
        for kind in ("settings", "metrics")
    )
    return [
        (
            ["variant", "setting", "A", "B"],
            [[s["variant"], s["setting"], _shown(s["a"]), _shown(s["b"])] for s in settings],
        ),
        (
            ["variant", "metric", "A", "B", "B - A"],
            [
                [m["variant"], m["metric"], _number(m["a"]), _number(m["b"]), _signed(m)]
                for m in metrics
            ],
        ),
    ]


def _a_row_a_run(sides: Sequence[Side]) -> list[Table]:
    keys, metrics = differing(sides), headlines(sides)
    rows = []
    for one in matched(sides):
        for name, side, outcome, settings in zip(
            letters(sides), sides, one.outcomes, one.settings, strict=True
        ):
            if outcome is None:
                continue
            numbers = outcome.all_metrics()
            known = {**side.about, **settings}
            rows.append(
                [
                    name.upper(),
                    one.name,
                    *(_shown(known.get(key)) for key in keys),
                    *(_number(numbers.get(metric)) for metric in metrics),
                ]
            )
    return [(["", "variant", *keys, *(m.replace("_", " ") for m in metrics)], rows)]


def _shown(value: Any) -> str:
    # Read from a file, and shown on a terminal.
    shown = "–" if value is None else str(value)
    return console.clip("".join(c if c.isprintable() else "?" for c in shown), 40)


def _number(value: Any) -> str:
    return "–" if value is None else console.number(value)


def _signed(row: Mapping[str, Any]) -> str:
    value = row["difference"]
    return "–" if value is None else "0" if value == 0 else f"{value:+.3g}"


def _draw(
    sides: Sequence[Side], document: Mapping[str, Any], args: argparse.Namespace
) -> str | None:
    """Draw the curves; the path of the figure, None where there is nothing to draw."""
    from hw.figures import side_by_side, style

    names = [name.upper() for name in letters(sides)]
    together = matched(sides)
    figure = side_by_side.curves(
        [
            [
                (name if len(together) == 1 else f"{name}: {one.name}", outcome.history)
                for name, outcome in zip(names, one.outcomes, strict=True)
                if outcome
            ]
            for one in together
        ],
        "    ".join(f"{name}: {side.name}" for name, side in zip(names, sides, strict=True)),
    )
    if figure is None:
        return None
    if any(side.is_on_stand_in for side in sides):
        style.mark_stand_in(figure)
    title = {"Title": " and ".join(side.name for side in sides)}
    if args.output:
        output: Path = args.output
        with elsewhere("--output"):
            (path,) = style.save(figure, output.with_suffix(""), title, [output.suffix.lower()[1:]])
        return str(path)
    name = f"compare-{digest([side.name for side in sides])[:8]}"
    folder = args.results_dir / "compare" / name
    write_text(folder / "compare.json", as_json(dict(document)))
    return str(style.save(figure, folder / "curves", title)[0])
