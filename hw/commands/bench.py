"""``hw bench``: speed and memory of each kind of training, as ratios against the plain loop."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.errors import ExitCode, HwError, UsageError, did_you_mean, quoted
from hw.results.files import as_json

GROWTH = "growth"


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "bench",
        parents=[common],
        help=VERBS["bench"],
        epilog=f"'{GROWTH}', asked for by name, measures how time and memory grow with examples, "
        "features, hidden units and runs. No data are needed.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer repeats; no scikit-learn, no memory"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the growth into it")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="the tables of docs/performance.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    cases, measuring = _module("cases"), _module("measuring")
    known = [*cases.CASES, GROWTH]
    for name in args.names:
        if name not in known:
            raise UsageError(
                f"unknown case {quoted(name)}{did_you_mean(name, known)}"
                f" (cases: {', '.join(known)})"
            )
    if args.figure and GROWTH not in args.names:
        raise UsageError(f"--figure draws the growth: 'python -m hw bench {GROWTH} --figure FILE'")
    names = list(dict.fromkeys(args.names)) or list(cases.CASES)
    chosen = [cases.CASES[name] for name in names if name != GROWTH]
    measured = []
    for number, case in enumerate(chosen, 1):
        console.say(f"{number}/{len(chosen)} {case.name} ({case.what})")
        options = {"repeats": 3, "scikit_learn": False, "memory": False} if args.quick else {}
        measured.append(measuring.measure(case, **options))
    growth = _module("growth") if GROWTH in names else None
    series = growth.measure(console.say, args.quick) if growth else []
    if growth and args.figure:
        growth.draw(series, args.figure)
    if args.json:
        console.show_json(as_json(_document(measured, series)))
    elif args.markdown:
        tables = [measuring.markdown(measured)] if measured else []
        tables += [growth.markdown(series)] if growth else []
        console.show("\n\n".join(tables))
    else:
        _show(measured, measuring, series, growth)
    console.say(measuring.machine())
    return int(ExitCode.OK)


def _module(name: str) -> Any:
    """A module of ``benchmarks``, which lies beside ``hw`` in a checkout and is not installed.

    Raises `HwError` where Python does not find it.
    """
    try:
        return importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("benchmarks", f"benchmarks.{name}"):
            raise
        raise HwError(
            "the benchmarks are not installed with hw: run 'python -m hw bench' in the folder of a "
            "checkout of the project"
        ) from error


def _document(measured: Sequence[Any], series: Sequence[Any]) -> dict[str, Any]:
    from hw.runs.machine import environment

    machine = _module("measuring").machine()
    document: dict[str, Any] = {"cases": [m.as_json() for m in measured]}
    if series:
        document["growth"] = [s.as_json() for s in series]
    return document | {"machine": machine, "environment": environment()}


def _show(measured: Sequence[Any], measuring: Any, series: Sequence[Any], growth: Any) -> None:
    if measured:
        console.show(console.table(*measuring.table(measured)))
        console.show(
            "microseconds of processor time an example, medians by turns; 'products': the matrix "
            "products alone\nmemory: peak of a fresh process at the real number of examples"
        )
    if series:
        console.show(console.table(growth.COLUMNS, growth.rows(series)))
        console.show("exponents of growth: slopes on log-log, over all sizes and the largest three")
