"""``hw lockstep``: NumPy and PyTorch side by side from one start, and where they part."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.commands.run import settings
from hw.config import catalog
from hw.config.catalog import Question
from hw.datasets.features import Dataset
from hw.errors import ExitCode, MissingPackage, UsageError, quoted
from hw.figures import metadata, provenance
from hw.lockstep.text import text
from hw.lockstep.walk import FAILED, is_stand_in, walk
from hw.results.files import as_json, digest, write_text
from hw.results.run_file import Config
from hw.runs import planning, worker
from hw.runs.planning import Request, Run

STEPS, TOLERANCE = 100, 1e-9
_PLAIN = {"dtype": "float64", "steps": STEPS, "every": 1}


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "lockstep",
        parents=[common],
        help=VERBS["lockstep"],
        usage="%(prog)s ID... [options] [--SETTING VALUE ...]",
        epilog="Any setting of a question is a flag too, as for 'run'. Exit code 1 if the two part "
        "by more than the tolerance and rounding does not explain it.",
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="questions that train; globs work")
    parser.add_argument("--steps", default=str(STEPS), metavar="N", help="updates (default: 100)")
    parser.add_argument(
        "--every", default="1", metavar="K", help="updates between two comparisons (default: 1)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, by its name"
    )
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        help="what both compute in (default: float64)",
    )
    parser.add_argument(
        "--tolerance",
        metavar="T",
        help="largest relative difference (default: 1e-9 in float64; in float32 none: how fast "
        "they part is measured)",
    )
    parser.add_argument("--seed", metavar="S", help="of initial weights and order")
    parser.add_argument(
        "--data",
        choices=("auto", "real", "stand-in"),
        default="auto",
        help="auto: the real files where they are, else a synthetic stand-in",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("-q", "--quiet", action="store_true", help="results and errors only")
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    steps, every = _count(args.steps, "--steps"), _count(args.every, "--every")
    tolerance = _tolerance(args.tolerance, args.dtype)
    questions, exact = _questions(args.ids)
    plans, left_out = [], []
    for question in questions:
        try:
            plans.append(plan(question, args))
        except MissingPackage as error:
            if question.id in exact:
                raise
            left_out.append(str(error))
    documents = []
    told: set[str] = set()
    for planned in plans:
        data = _load(planned.question, args, told)
        try:
            found = walk(planned, data, steps, every, args.dtype, tolerance)
        except UsageError as error:  # one of the two implementations is not there
            if planned.id in exact:
                raise
            left_out.append(f"{planned.id}: {error}")
            continue
        documents.append(_write(planned, found, args))
        if not args.json:
            console.show(text(documents[-1]) + "\n")
    for line in left_out:
        console.say(f"note: left out: {line}")
    if args.json:
        console.show_json(as_json({"lockstep": documents}))
    failed = any(v["status"] in FAILED for d in documents for v in d["variants"].values())
    return int(ExitCode.FAILED if failed else ExitCode.OK)


# What is asked for


def _count(word: str, option: str) -> int:
    if not word.isdecimal() or len(word) > 9 or not int(word):
        raise UsageError(f"{option} is {quoted(word)}; expected a whole number from 1")
    return int(word)


def _tolerance(word: str | None, dtype: str) -> float | None:
    if word is None:
        return TOLERANCE if dtype == "float64" else None
    try:
        tolerance = float(word)
    except ValueError:
        tolerance = math.nan
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UsageError(f"--tolerance is {quoted(word)}; expected a number from 0, such as 1e-9")
    return tolerance


def _questions(ids: Iterable[str]) -> tuple[list[Question], set[str]]:
    """Those that train, and which are asked for by their ids. Raises `UsageError` for one of
    these that trains nothing."""
    questions, exact = catalog.select(ids)
    for question in questions:
        if question.id in exact and not question.trains:
            raise UsageError(
                f"{question.id} trains nothing: there is no step to compare ('python -m hw run "
                f"{question.id} --backend both' runs both implementations)"
            )
    chosen = [q for q in questions if q.trains]
    if not chosen:
        raise UsageError("none of these questions trains")
    return chosen, exact


def plan(question: Question, args: argparse.Namespace) -> Run:
    """The question's settings, with the precision asked for where it has one."""
    overrides = settings(args.rest, args.set)
    names = question.module.Settings.__dataclass_fields__
    if "dtype" in names:
        overrides["dtype"] = args.dtype
    elif args.dtype == "float32":
        raise UsageError(f"{question.id} computes in float64 only, one example at a time")
    if args.seed is not None:
        overrides["seed"] = args.seed
    elif question.seeds:
        overrides.setdefault("seed", str(question.seeds[0]))
    request = Request(
        questions=[question.id],
        overrides=overrides,
        variants=args.variant,
        backend="numpy",
        results_directory=args.results_dir,
    )
    return planning.plan(request)[0]


def _load(question: Question, args: argparse.Namespace, told: set[str]) -> Dataset | None:
    if question.data is None:
        return None
    name = question.data["name"]
    data = worker.load_source(question.data, args.data_dir, args.data)
    if data.source == "stand-in" and name not in told and not args.quiet:
        told.add(name)
        console.say(
            f"note: {name}: synthetic stand-in data; whether two programs agree does not depend on "
            "it, how fast rounding grows does"
        )
    return data


# What is shown and written


def _write(planned: Run, found: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Write ``lockstep.json`` and its figure into a folder of their own; the document, with it."""
    question = planned.question
    config = Config(variants={v: r.as_dict() for v, r in planned.variants.items()})
    options = {k: found[k] for k in ("dtype", "steps", "every") if found[k] != _PLAIN[k]}
    if args.tolerance is not None:
        options["tolerance"] = found["tolerance"]
    difference = {
        **options,
        **settings(args.rest, args.set),
        **({} if args.seed is None else {"seed": args.seed}),
        **({"variants": list(planned.variants)} if args.variant else {}),
        **({"data": "stand-in"} if is_stand_in(found) else {}),
    }
    name = f"{question.name}@lockstep" + (f"-{digest(difference)[:8]}" if difference else "")
    folder = args.results_dir / question.homework / name
    write_text(folder / "lockstep.json", as_json(found, None))
    from hw.figures import style
    from hw.lockstep import figure

    drawn = figure.draw(found)
    if is_stand_in(found):
        style.mark_stand_in(drawn)
    record = provenance.describe_lockstep(question, options, config, found["data"])
    fields = metadata.fields(record, f"{question.id}: NumPy and PyTorch in lockstep")
    style.save(drawn, folder / "figures" / "lockstep", fields)
    return {**found, "folder": str(folder.resolve())}
