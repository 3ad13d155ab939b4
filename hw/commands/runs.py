"""``hw runs``: the results folders that there are, and what tells them apart; ``hw runs rm``."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, UsageError, quoted
from hw.results.files import as_json
from hw.results.identity import shown
from hw.results.stored import Stored, all_runs, named, where

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "runs",
        parents=[common],
        help=VERBS["runs"],
        usage="%(prog)s [rm] [RUN ...] [options]",
        description="Lists the runs in the results folder with what distinguishes each from its "
        "question as configured, or removes some. A RUN is a name of the list ('q1.mlp@1a2b3c4d') "
        "or a glob ('q1.mlp@*'); for the list, an id means all runs of that question. rm takes a "
        "question as configured only by its own name.",
    )
    parser.add_argument("words", nargs="*", metavar="[rm] RUN", help="default: all runs")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only those: state, backend, data (real, stand-in), seed, or any setting; repeatable",
    )
    parser.add_argument(
        "--older-than", metavar="AGE", help="only those: 90m, 12h, 30d or 8w since they finished"
    )
    parser.add_argument("--yes", action="store_true", help="rm without asking")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    removes, words = args.words[:1] == ["rm"], args.words
    if removes:
        words = words[1:]
    elif args.yes:
        raise UsageError("--yes belongs to 'runs rm'")
    runs = all_runs(args.results_dir)
    if words:
        runs = named(runs, words, with_beside=not removes)
    if removes:
        if not (words or args.where or args.older_than):
            raise UsageError("runs rm needs a RUN, --where or --older-than")
        kept = [r for r in runs if not (r.is_beside or set(words) & set(r.names))]
        for one in kept if words else []:
            console.say(f"note: {one.name} is as configured: it is removed by its own name only")
        runs = [r for r in runs if r not in kept]
    runs = where(runs, _conditions(args.where))
    if args.older_than is not None:
        before = time.time() - _seconds(args.older_than)
        runs = [r for r in runs if r.finished < before]
    return _remove(runs, args) if removes else _list(runs, args)


def _conditions(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"--where {quoted(pair)}: expected KEY=VALUE")
        found[key.strip().replace("-", "_")] = value
    return found


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([mhdw])", age)
    if not match:
        raise UsageError(f"--older-than {quoted(age)}: expected an age such as 90m, 12h, 30d or 8w")
    return int(match[1]) * UNITS[match[2]]


def _list(runs: Sequence[Stored], args: argparse.Namespace) -> int:
    if args.json:
        console.show_json(as_json({"runs": [_as_json(r) for r in runs]}))
    elif runs:
        console.show(console.table(["run", "differs in", "state", "age", "size"], _rows(runs)))
    else:
        console.show(f"no runs in {args.results_dir}")
    return int(ExitCode.OK)


def _as_json(run: Stored) -> dict[str, Any]:
    found = run.results.run
    return {
        "run": run.name,
        "question": run.question.id if run.question else None,
        "folder": str(run.path.resolve()),
        "configured": not run.is_beside,
        "differs": run.differs,
        "state": run.state,
        "backend": run.backend or None,
        "seeds": list(found.seeds),
        "source": run.source or None,
        "finished": datetime.fromtimestamp(run.finished, UTC).isoformat(timespec="seconds"),
        "bytes": run.size,
    }


def _rows(runs: Sequence[Stored]) -> list[list[str]]:
    now = time.time()
    return [
        [
            r.name.removeprefix(f"{catalog.DEFAULT_HOMEWORK}."),
            _distinguished(r),
            r.state,
            _age(now - r.finished),
            _size(r.size),
        ]
        for r in runs
    ]


def _distinguished(run: Stored) -> str:
    if run.question is None:
        return "no such question"
    words = [f"{key} {shown(value)}" for key, value in run.differs.items()]
    if not words and not run.is_beside:
        words = ["as configured"]
    if run.source == "stand-in":
        words.append("on stand-in data")
    return console.clip(", ".join(words), 60) or "–"


def _age(seconds: float) -> str:
    for unit, length in reversed(UNITS.items()):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit.replace('m', 'min')}"
    return "just now"


def _size(n: int) -> str:
    return f"{n / 1e6:.1f} MB" if n >= 100_000 else f"{n / 1e3:.1f} kB"


def _remove(runs: Sequence[Stored], args: argparse.Namespace) -> int:
    if runs and not args.yes and not _agreed(runs):
        console.say("nothing was removed")
        return int(ExitCode.OK)
    for one in runs:
        if left := one.remove():
            console.say(f"note: {one.path}: left there, because hw did not write it: {left[0]}")
    if args.json:
        console.show_json(as_json({"removed": [r.name for r in runs]}))
    else:
        console.show(f"{console.counted(len(runs), 'run')} removed")
    return int(ExitCode.OK)


def _agreed(runs: Sequence[Stored]) -> bool:
    """Whether somebody says yes. Raises `UsageError` where nobody can be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"{console.counted(len(runs), 'run')} to remove: --yes says that it is meant"
        )
    console.say(console.table(["run", "differs in", "state", "age", "size"], _rows(runs)))
    console.say(f"Remove {console.counted(len(runs), 'run')}? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
