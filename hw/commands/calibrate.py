"""``hw calibrate``: run a question with many seeds and keep how far its numbers scatter."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.commands import run as run_command
from hw.config import catalog
from hw.config.catalog import Question
from hw.errors import HwError, UsageError, quoted
from hw.results.files import as_json, read_json
from hw.results.folder import Folder, is_stand_in
from hw.runs import one_start as from_one_start
from hw.runs import runner, worker
from hw.runs.execution import Say
from hw.runs.planning import Request, plan
from hw.verdicts import calibration, gather, one_start

MOST_SEEDS = 1000


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "calibrate",
        parents=[common],
        help=VERBS["calibrate"],
        description="Run a question as configured with each of the seeds; what is up to date is "
        "not run again, so that seeds can be added later. The spread of every metric goes to "
        "calibration.json in the folder of the question. With --ulps, run it from one start whose "
        "last bits are changed: how far these runs end apart is chaos, and goes to one_start.json.",
    )
    parser.add_argument("id", metavar="ID", help="such as q1.mlp or ist2023.q2.regularization")
    parser.add_argument("--seeds", metavar="A..B", help="1..10 (the default), or 1,2,5")
    parser.add_argument(
        "--ulps",
        metavar="N",
        help="N runs with the configured seed, each initial weight one unit in the last place off "
        "(without --seeds: these alone)",
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
    parser.add_argument("--json", action="store_true", help="what was written, as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """That of ``hw run``; where a seed failed, nothing is written."""
    question = catalog.find(args.id)
    if "seed" not in question.module.Settings.__dataclass_fields__:
        raise UsageError(f"{question.id} has no seed: nothing in it is drawn")
    changes = run_command.whole(args.ulps, "--ulps", 2) if args.ulps is not None else 0
    if changes and not question.trains:
        raise UsageError(f"{question.id} trains nothing: it has no start for --ulps to change")
    seeds = parse_seeds(args.seeds or "1..10") if args.seeds or not changes else []
    request = Request(
        questions=[question.id],
        seeds=seeds,
        data_mode=args.data,
        data_directory=args.data_dir,
        results_directory=args.results_dir,
        jobs=run_command.jobs(args.jobs),
        command=args.command_line,
    )

    def say(line: str) -> None:
        if line.startswith("error: ") or not args.quiet:
            console.say(" ".join(line.split()))

    announce = run_command.Announcer(say)
    code, written = 0, list[Path]()
    try:
        if seeds:
            code, path = _over_seeds(request, say, announce)
            written += [path] if path else []
        if changes and not code:
            written.append(_from_one_start(question, changes, request, say, announce))
    finally:
        announce.close()
    documents = {path: read_json(path) for path in written}
    if args.json and documents:
        several = {path.stem: document for path, document in documents.items()}
        console.show_json(as_json(several if len(several) > 1 else documents[written[0]]))
    elif documents and not args.quiet:
        for path, document in documents.items():
            console.show(_table(document, "runs" if path.name == one_start.FILE else "seeds"))
            console.show(f"calibration: {path}")
        if changes:
            console.show("\n".join(_chaos(question, args.results_dir)))
    return code


def _over_seeds(
    request: Request, say: Say, announce: run_command.Announcer
) -> tuple[int, Path | None]:
    """The exit code of ``hw run``, and the file; none where a seed failed."""
    runs = plan(request)
    runner.execute(runs, request, say, announce.watcher, draw=False)
    # A seed that diverged is no failure here: the spread says which ones did.
    if any(r.status == "failed" for r in runs):
        return run_command.exit_code(runs, say), None
    first = runs[0]
    seeds = {int(r.seed or 0): (r.folder.path.name, r.outcomes) for r in runs}
    document = calibration.make(first.question, first.data, seeds)
    folder = _folder(first.question, first.data, request.results_directory)
    return run_command.exit_code(runs, say), calibration.write(folder, document)


def _from_one_start(
    question: Question,
    changes: int,
    request: Request,
    say: Say,
    announce: run_command.Announcer,
) -> Path:
    """The file with so many changes of the start; those that it has already are not run again."""
    data = None
    if question.data is not None:
        loaded = worker.load_data(
            question.data["name"],
            question.data["view"],
            request.data_directory,
            request.data_mode,
        )
        data = loaded.describe()
    announce.data(data)
    folder = _folder(question, data, request.results_directory)
    before = calibration.read(folder, one_start.FILE)
    known = before is not None and not before.changed(calibration.depends_on(question, data))
    values: calibration.Values = before.values if before and known else {}
    done = set(before.seeds) if before and known else set()
    todo = [k for k in range(1, changes + 1) if k not in done]
    if done:
        say(f"{question.id}: {console.counted(len(done), 'change')} of the start up to date")
    mode = data["source"] if data else "auto"
    path = folder / one_start.FILE
    for change, outcomes in from_one_start.run(question, todo, request, mode, announce.bar):
        values = one_start.added(values, list(question.variants), change, outcomes)
        path = one_start.write(folder, question, data, values)
    return path


def _chaos(question: Question, results: Path) -> Iterator[str]:
    """In words, what of the spread is chaos, of each metric of which seeds are known, too."""
    found = gather(question, results).calibration
    for variant, metrics in found.values.items() if found else ():
        for metric in metrics:
            if told := one_start.chaos(found, variant, metric):
                yield console.fill(f"{variant} {metric}: {told.text()}")


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


def _folder(question: Question, data: Mapping[str, Any] | None, results: Path) -> Path:
    """The question's own; beside it if synthetic results would take the place of real ones."""
    folder = question.folder(results)
    if is_stand_in(data) and "real" in (_source_of_run(folder), _source_of_calibration(folder)):
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


def _table(document: Mapping[str, Any], what: str) -> str:
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
    return console.table(["variant", "metric", what, "mean ± sd", "from .. to"], rows)
