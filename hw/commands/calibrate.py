"""``hw calibrate``: run a question with many seeds and keep how far its numbers scatter."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.commands import run as run_command
from hw.config import catalog
from hw.errors import HwError, UsageError, quoted
from hw.results.files import as_json
from hw.results.folder import Folder, is_stand_in
from hw.runs import runner
from hw.runs.planning import Request, Run, plan
from hw.verdicts import calibration

MOST_SEEDS = 1000


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "calibrate",
        parents=[common],
        help=VERBS["calibrate"],
        description="Run a question as configured with each of the seeds; what is up to date is "
        "not run again, so that seeds can be added later. The spread of every metric goes to "
        "calibration.json in the folder of the question.",
    )
    parser.add_argument("id", metavar="ID", help="such as q1.mlp or ist2023.q2.regularization")
    parser.add_argument(
        "--seeds", default="1..10", metavar="A..B", help="1..10 (the default), or 1,2,5"
    )
    parser.add_argument(
        "--jobs", default="1", metavar="N", help="tasks at a time, or 'auto': one a core"
    )
    parser.add_argument(
        "--data",
        choices=("auto", "real", "stand-in"),
        default="auto",
        help="auto: the real files where they are, else a synthetic stand-in",
    )
    parser.add_argument("--json", action="store_true", help="calibration.json, as it was written")
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """That of ``hw run``; where a seed failed, nothing is written."""
    question = catalog.find(args.id)
    if "seed" not in question.module.Settings.__dataclass_fields__:
        raise UsageError(f"{question.id} has no seed: nothing in it is drawn")
    request = Request(
        questions=[question.id],
        seeds=parse_seeds(args.seeds),
        data_mode=args.data,
        data_directory=args.data_dir,
        results_directory=args.results_dir,
        jobs=run_command.jobs(args.jobs),
        command=args.command_line,
    )
    runs = plan(request)

    def say(line: str) -> None:
        if line.startswith("error: ") or not args.quiet:
            console.say(" ".join(line.split()))

    announce = run_command.Announcer(say)
    try:
        runner.execute(runs, request, say, announce.watcher, draw=False)
    finally:
        announce.close()
    # A seed that diverged is no failure here: the spread says which ones did.
    if any(r.status == "failed" for r in runs):
        return run_command.exit_code(runs, say)
    document = calibration.make(
        question, runs[0].data, {int(r.seed or 0): (r.folder.path.name, r.outcomes) for r in runs}
    )
    path = calibration.write(_folder(runs[0], args.results_dir), document)
    if args.json:
        console.show(as_json(document), end="")
    elif not args.quiet:
        console.show(_table(document))
        console.show(f"calibration: {path}")
    return run_command.exit_code(runs, say)


def parse_seeds(text: str) -> list[int]:
    """``1..10``, ``1,2,5`` or ``1..3,8``. Raises `UsageError`; there must be two or more."""
    seeds: list[int] = []
    for word in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*", word)
        if not match:
            raise UsageError(f"--seeds {quoted(text)}: expected 1..10, or 1,2,5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= MOST_SEEDS:
            raise UsageError(f"--seeds {quoted(text)}: {word.strip()} is no range of seeds")
        seeds += range(first, last + 1)
    if max(seeds) >= 2**32:
        raise UsageError(f"--seeds {quoted(text)}: a seed must be from 0 to {2**32 - 1}")
    if len(set(seeds)) != len(seeds):
        raise UsageError(f"--seeds {quoted(text)} names a seed twice")
    if len(seeds) < 2:
        raise UsageError(f"--seeds {quoted(text)}: a spread needs two seeds or more")
    return seeds


def _folder(run: Run, results: Path) -> Path:
    """The question's own; beside it if synthetic results would take the place of real ones."""
    folder = run.question.folder(results)
    if is_stand_in(run.data) and "real" in (_source_of_run(folder), _source_of_calibration(folder)):
        return folder.with_name(f"{folder.name}@stand-in")
    return folder


def _source_of_run(folder: Path) -> str:
    return (Folder(folder).read().run.data or {}).get("source", "")


def _source_of_calibration(folder: Path) -> str:
    try:
        found = calibration.read(folder)
    except HwError:
        return ""
    return found.source if found else ""


def _table(document: dict[str, Any]) -> str:
    rows: list[Sequence[str]] = []
    for variant, metrics in document["variants"].items():
        for metric, entry in metrics.items():
            values = entry["last"].values()
            rows.append(
                [
                    variant,
                    metric,
                    str(len(values)),
                    f"{console.number(entry['mean'])} ± {console.number(entry['std'])}",
                    f"{console.number(min(values))} .. {console.number(max(values))}",
                ]
            )
    return console.table(["variant", "metric", "seeds", "mean ± sd", "from .. to"], rows)
