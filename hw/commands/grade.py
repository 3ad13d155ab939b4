"""``hw grade``: hand-ins against the reference: where they part, and which known mistake it is."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw import console
from hw.commands import VERBS
from hw.errors import ExitCode, UsageError, quoted
from hw.results.files import as_json, write_text

if TYPE_CHECKING:
    from hw.grading.batch import Graded, Request

SANDBOXES = ("process", "podman", "docker")
TIME_LIMIT = "10"


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "grade",
        parents=[common],
        help=VERBS["grade"],
        description="Every hand-in runs in a process of its own, in lockstep with the reference, "
        "from the same start and on the same examples. Exit code 0 whatever the hand-ins are "
        "worth, 1 where one could not be graded at all.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="such as hw1-q1.py")
    parser.add_argument("--only", metavar="MODEL", help="one model, such as mlp")
    parser.add_argument(
        "--explain", action="store_true", help="the update, the entries, the formula, both numbers"
    )
    parser.add_argument(
        "--student", action="store_true", help="leave out what the reference computed"
    )
    parser.add_argument(
        "--homework", metavar="NAME", help="such as ist2024, where the file does not tell"
    )
    parser.add_argument(
        "--data",
        choices=("stand-in", "real"),
        default="stand-in",
        help="whose examples both sides see (default: stand-in)",
    )
    parser.add_argument(
        "--claims",
        action="append",
        default=[],
        metavar="[MODEL.]METRIC=NUMBER",
        help="a number of the report, such as mlp.test_accuracy=0.53; repeatable",
    )
    parser.add_argument(
        "--time-limit",
        default=TIME_LIMIT,
        metavar="S",
        help=f"seconds for one hand-in (default: {TIME_LIMIT})",
    )
    parser.add_argument("--jobs", default="1", metavar="N", help="hand-ins at a time (default: 1)")
    parser.add_argument(
        "--sandbox",
        choices=SANDBOXES,
        default=SANDBOXES[0],
        help="what holds a hand-in (default: a process that gives up its rights)",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="a row for each model")
    parser.add_argument("--gradescope", type=Path, metavar="FILE", help="Gradescope's results.json")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="a report in JUnit's XML")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 1 where a hand-in could not be graded."""
    from hw.grading import batch, text

    request = _request(args)
    jobs = _whole(args.jobs, "--jobs")
    hide: Callable[[Graded], Graded] = _hidden if args.student else lambda one: one
    books = _Books(args, len(args.files))
    books.write(())
    found: dict[int, Graded] = {}

    def growing(number: int) -> batch.Watch:
        name = str(args.files[number])

        def watch(result: Any) -> None:
            books.write([*found.values(), hide(batch.Graded(name, result))])

        return watch

    for number, one in batch.grade_all(args.files, request, jobs, growing):
        found[number] = hide(one)
        if one.error:
            console.say(f"error: {' '.join(one.error.split())}")
        books.write([found[n] for n in sorted(found)])
    graded = [found[n] for n in sorted(found)]
    books.finish(graded)
    if args.json:
        console.show_json(as_json(document(graded)))
    else:
        console.show(text.report(graded, args.explain))
    return int(ExitCode.FAILED if any(one.error for one in graded) else ExitCode.OK)


def document(graded: Sequence[Graded]) -> dict[str, Any]:
    """Everything, for programs; a hand-in that could not be graded has an ``error``, no models."""
    nothing = {"homework": "", "question": "", "models": {}, "sandbox": []}
    return {
        "hand_ins": [
            {"file": one.file, **nothing, "error": one.error}
            if one.result is None
            else one.result.as_json()
            for one in graded
        ]
    }


def _hidden(one: Graded) -> Graded:
    from hw.grading import text

    return one if one.result is None else replace(one, result=text.for_student(one.result))


class _Books:
    """The files that other programs read, up to date whenever the grader may be ended."""

    def __init__(self, args: argparse.Namespace, count: int) -> None:
        self.gradescope, self.csv, self.junit = args.gradescope, args.csv, args.junit
        self.many = count > 1

    def write(self, graded: Sequence[Graded], finished: bool = False) -> None:
        from hw.grading import exports

        if self.gradescope is not None:
            content = exports.gradescope(graded, self.many, finished)
            write_text(self.gradescope, as_json(content))

    def finish(self, graded: Sequence[Graded]) -> None:
        from hw.grading import exports

        self.write(graded, finished=True)
        if self.csv is not None:
            write_text(self.csv, exports.table(graded))
        if self.junit is not None:
            write_text(self.junit, exports.junit(graded))


# What is asked for


def _request(args: argparse.Namespace) -> Request:
    """Raises `UsageError`."""
    from hw.grading import batch, identify

    identify.check_homework(args.homework)
    identify.check_model(args.only)
    return batch.Request(
        data_directory=args.data_dir,
        homework=args.homework,
        only=args.only,
        data=args.data,
        claims=_claims(args.claims),
        results=args.results_dir,
        time_limit=_seconds(args.time_limit),
        sandbox=args.sandbox,
    )


def _claims(words: Sequence[str]) -> dict[str, str]:
    claims = {}
    for word in words:
        name, _, number = word.partition("=")
        if not (name and math.isfinite(_number(number.removesuffix("%")))):
            raise UsageError(
                f"--claims is {quoted(word)}; expected a metric and a number, such as "
                "test_accuracy=0.53 or test_accuracy=53%"
            )
        claims[name] = number
    return claims


def _seconds(word: str) -> float:
    seconds = _number(word)
    if not 0 < seconds <= 3600:
        raise UsageError(f"--time-limit is {quoted(word)}; expected seconds, up to 3600")
    return seconds


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _whole(word: str, option: str) -> int:
    if not word.isdecimal() or len(word) > 3 or not int(word):
        raise UsageError(f"{option} is {quoted(word)}; expected a whole number from 1")
    return int(word)
