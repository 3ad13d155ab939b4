"""``hw run``: run questions, write their results, and show them beside the published numbers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from hw import console, datasets
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, UsageError, did_you_mean, quoted
from hw.results.files import as_json
from hw.results.folder import is_stand_in
from hw.results.identity import shown
from hw.runs import progress, runner, summary, sweep
from hw.runs.machine import cores
from hw.runs.planning import Request, Run
from hw.training.loop import Watcher


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "run",
        parents=[common],
        help=VERBS["run"],
        usage="%(prog)s ID... [options] [--SETTING VALUE ...]",
        epilog="Any setting of a question is a flag too ('python -m hw show ID' lists them): "
        "--epochs 3, --learning-rate 0.01; '_' and '-' alike. Several values sweep it: "
        "--learning-rate 0.1,0.01 --hidden-size 100,200 is a grid of four runs, with a table and "
        "figures at the end.",
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="ids, globs, or 'all'")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, by its name"
    )
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument(
        "--backend",
        choices=("numpy", "torch", "both"),
        help="which implementation (default: the one that the assignment asks for)",
    )
    parser.add_argument("--seed", metavar="S", help="of initial weights and order")
    parser.add_argument("--seeds", metavar="S,S,...", help="one run for each")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="of PyTorch; auto is the CPU, whose random draws the published numbers come from",
    )
    parser.add_argument(
        "--precision",
        choices=("highest", "high", "medium"),
        default="highest",
        help="of PyTorch's float32 matrix products; faster below highest on CPUs with bfloat16",
    )
    parser.add_argument(
        "--jobs", default="1", metavar="N", help="tasks at a time, or 'auto': one a core"
    )
    parser.add_argument(
        "--executor",
        choices=("local", "dask"),
        default="local",
        help="where tasks run: on this machine, or on a Dask cluster",
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of the Dask cluster")
    parser.add_argument(
        "--data",
        choices=("auto", "real", "stand-in"),
        default="auto",
        help="auto: the real files where they are, else a synthetic stand-in",
    )
    parser.add_argument(
        "--limit", default="0", metavar="N", help="at most N variants now; run again for more"
    )
    parser.add_argument("--force", action="store_true", help="run even what is up to date")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and stop")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--keep-going", action="store_true", help="run the rest after a failure")
    end.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    request = Request(
        questions=args.ids,
        overrides=settings(args.rest, args.set),
        variants=args.variant,
        backend=args.backend,
        seeds=_seeds(args.seed, args.seeds),
        device=_device(args.device),
        precision=args.precision,
        data_mode=args.data,
        data_directory=args.data_dir,
        results_directory=args.results_dir,
        jobs=jobs(args.jobs),
        scheduler=_scheduler(args.executor, args.scheduler),
        limit=whole(args.limit, "--limit"),
        force=args.force,
        fail_fast=args.fail_fast,
        command=args.command_line,
    )
    wrong = catalog.wrong_among(args.ids)
    for error in wrong.values():
        console.say(f"error: {' '.join(str(error).split())}")
    some = not wrong or catalog.select(args.ids)[0]
    runs, swept = sweep.plan(request) if some else ([], [])
    ended = ExitCode.USAGE if wrong else ExitCode.OK
    if args.dry_run and args.json:
        console.show_json(as_json({"runs": [r.as_json() for r in runs]}))
        return int(ended)
    if args.dry_run:
        header = ["question", "variant", *swept, "backend", "seed", "folder"]
        console.show(console.table(header, _planned(runs, swept)))
        return int(ended)

    def say(line: str) -> None:
        if line.startswith("error: ") or not args.quiet:
            console.say(" ".join(line.split()))

    announce = Announcer(say)
    try:
        over_seeds = runner.execute(runs, request, say, announce.watcher)
    finally:
        announce.close()
    sweeps = sweep.finish(over_seeds or runs, swept, args.results_dir) if swept else []
    if args.json:
        document: dict[str, Any] = {"runs": [r.as_json() for r in runs]}
        if over_seeds:
            document["over_seeds"] = [r.as_json() for r in over_seeds]
        if sweeps:
            document["sweeps"] = [one.as_json() for one in sweeps]
        console.show_json(as_json(document))
    elif not args.quiet:
        ids = {one.question.id for one in sweeps}
        others = [run for run in [*runs, *over_seeds] if run.id not in ids or not run.outcomes]
        parts = [summary.of_runs(others)] if others else []
        console.show("\n\n".join([*parts, *map(summary.of_sweep, sweeps)]))
    code = exit_code([*runs, *over_seeds], say)
    for one in sweeps:
        if one.undrawn:
            say(f"error: {one.question.id}: a figure of the sweep is not drawn: {one.undrawn}")
            code = code or int(ExitCode.FAILED)
    return code or int(ended)


def exit_code(runs: Sequence[Run], say: Any) -> int:
    """0, or that of what failed: missing data alone are 4, anything else 1."""
    codes = {int(e.code) for r in runs for e in (r.error, r.undrawn) if e}
    if any(r.status == "diverged" for r in runs):
        codes.add(int(ExitCode.FAILED))
    if not codes:
        return int(ExitCode.OK)
    return codes.pop() if len(codes) == 1 else int(ExitCode.FAILED)


def _options() -> list[str]:
    """The long options of ``hw run``, as its parser has them."""
    parsers = argparse.ArgumentParser().add_subparsers()
    add_parser(parsers, argparse.ArgumentParser(add_help=False))
    actions = parsers.choices["run"]._actions
    return [o for a in actions for o in a.option_strings if o.startswith("--")]


def settings(rest: Sequence[str], pairs: Sequence[str]) -> dict[str, str]:
    """``--learning-rate 0.01``, ``--learning-rate=0.01`` and ``--set learning_rate=0.01``, by name.

    Raises `UsageError` for what is none of these, and for two values of one setting.
    """
    found: dict[str, str] = {}
    words = list(rest)
    while words:
        word = words.pop(0)
        key, equals, value = word[2:].partition("=")
        if not equals:
            if not words or words[0].startswith("--"):
                raise UsageError(f"{word} needs a value{did_you_mean(word, _options())}")
            value = words.pop(0)
        _add(found, key, value)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {quoted(pair)}: expected KEY=VALUE")
        _add(found, key, value)
    return found


def _add(found: dict[str, str], key: str, value: str) -> None:
    name = key.strip().replace("-", "_")
    if found.setdefault(name, value) != value:
        raise UsageError(f"{name} is given as {quoted(found[name])} and as {quoted(value)}")


def _seeds(one: str | None, several: str | None) -> list[int]:
    if one is not None and several is not None:
        raise UsageError("--seed and --seeds: give one of them")
    if one is not None and "," in one:
        raise UsageError(f"--seed {quoted(one)} is not a whole number; several go into --seeds")
    seeds = []
    for word in (several or one or "").split(",") if (several or one) is not None else []:
        try:
            seeds.append(int(word))
        except ValueError:
            raise UsageError(f"seed {quoted(word)} is not a whole number") from None
        if not 0 <= seeds[-1] < 2**32:
            raise UsageError(f"seed {quoted(word)} must be from 0 to {2**32 - 1}")
    if len(set(seeds)) != len(seeds):
        raise UsageError("--seeds names a seed twice")
    return seeds


def jobs(word: str) -> int:
    if word == "auto":
        return cores()
    return whole(word, "--jobs", 1, ", or 'auto'")


def whole(word: str, option: str, low: int = 0, other: str = "") -> int:
    if not word.isdecimal() or len(word) > 9 or int(word) < low:
        raise UsageError(f"{option} is {quoted(word)}; expected a whole number from {low}{other}")
    return int(word)


def _scheduler(executor: str, address: str | None) -> str:
    if (executor == "dask") != bool(address):
        raise UsageError("--executor dask and --scheduler ADDRESS belong together")
    return address or ""


def _device(name: str) -> str:
    # The published numbers come from the CPU's random draws, so a GPU is used when asked for.
    if name != "cuda":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no GPU here; use --device cpu")
    return "cuda"


def _planned(runs: Sequence[Run], swept: Sequence[str]) -> list[list[str]]:
    rows = []
    for r in runs:
        where = f"skipped, {r.reason}" if r.status == "skipped" else str(r.folder.path)
        seed = "–" if r.seed is None else str(r.seed)
        for variant, resolved in r.variants.items():
            values = [shown(getattr(resolved.settings, key, "–")) for key in swept]
            rows.append([r.id, variant, *values, r.backend, seed, where])
    return rows


class Announcer:
    """Says loudly, once a data set, when its stand-in is used, and what else one must know of it;
    hands out progress bars."""

    def __init__(self, say: Any) -> None:
        self.say = say
        self.told: set[str] = set()
        self.bars: list[progress.Bar] = []
        self.lines: set[int] = set()

    def watcher(self, run: Run, variant: str) -> Watcher:
        self.data(run.data, run.data_notes)
        return self.bar(run.id if len(run.variants) == 1 else f"{run.id} {variant}")

    def data(self, data: Mapping[str, str] | None, notes: Sequence[str] = ()) -> None:
        """Say once of a data set what is to be known of it."""
        if not data or data["name"] in self.told:
            return
        name = data["name"]
        self.told.add(name)
        if is_stand_in(data):
            self.say(
                f"note: {name}: SYNTHETIC STAND-IN data, not the real ones; no number below says "
                f"anything about the real data ({datasets.entry(name).remedy})"
            )
        for note in notes:
            self.say(f"note: {name}: {note}")

    def bar(self, text: str) -> Watcher:
        self.bars.append(progress.Bar(text, self.lines))
        return self.bars[-1]

    def close(self) -> None:
        for bar in self.bars:
            bar.close()
