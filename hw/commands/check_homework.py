"""``hw check-homework``: all that is wrong with a folder of homeworks, said at once."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog, folders
from hw.config.homework import OTHER_FILES, Homework
from hw.config.located import WrongFile
from hw.config.question import Question
from hw.errors import ExitCode, HwError, UsageError
from hw.results.files import as_json


@dataclass(frozen=True)
class Found:
    """What was found of a homework or a question; no problems: it is sound."""

    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "check-homework",
        parents=[common],
        help=VERBS["check-homework"],
        description="Reads every file of the homeworks in DIR, and holds each question against its "
        "kind and its data. Nothing is trained, unless --run asks for it.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="a homework, or a folder of them")
    parser.add_argument(
        "--run",
        dest="try_out",
        action="store_true",
        help="also run every question for two epochs, and see that all it claims is measured",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 2 where something is wrong."""
    if not args.dir.is_dir():
        raise UsageError(f"{args.dir}: no such folder")
    with folders.using([args.dir]):
        found = list(_of_folder(args.dir.resolve(), args))
    if not found:
        raise UsageError(
            f"{args.dir}: holds no homework.yaml, nor does a folder in it; "
            f"'python -m hw new homework {args.dir}' writes one"
        )
    wrong = [one for one in found if one.problems]
    if args.json:
        rows = [vars(one) | {"sound": not one.problems} for one in found]
        console.show_json(as_json({"checked": rows}))
    else:
        for one in found:
            console.show(f"{one.name}: {'WRONG' if one.problems else 'sound'}")
            for line in (*one.problems, *(f"note: {note}" for note in one.notes)):
                console.show(f"  {line}")
    return int(ExitCode.USAGE if wrong else ExitCode.OK)


def _of_folder(folder: Path, args: argparse.Namespace) -> Iterator[Found]:
    known = catalog.current()
    homes = {n: h for n, h in known.homes.items() if h.folder and h.path.is_relative_to(folder)}
    for path, error in list(known.wrong.items()):
        if Path(path).is_relative_to(folder):  # a homework that cannot be one
            yield Found(path, _problems(error))
    for name, home in homes.items():
        try:
            homework = known.homework(name)
        except UsageError as error:
            yield Found(name, _problems(error))
            continue
        files = {p.stem for p in home.path.glob("*.yaml") if p.name not in OTHER_FILES}
        unlisted = sorted(files - set(homework.questions))
        yield Found(name, tuple(f"{n}.yaml is not in questions of homework.yaml" for n in unlisted))
        for question in homework.questions:
            yield _of_question(name, question, args)
        for script in homework.commands:
            yield _of_script(homework, script)


def _of_question(homework: str, name: str, args: argparse.Namespace) -> Found:
    known = catalog.current()
    if wrong := known.problems(homework, name):
        return Found(f"{homework}.{name}", wrong)
    question = known.checked(homework, name)
    problems = _tried(question, args.data_dir) if args.try_out else ()
    return Found(question.id, tuple(problems), tuple(_notes(question, args.data_dir)))


def _of_script(homework: Homework, name: str) -> Found:
    from hw.assignment import declared

    try:
        declared.read(homework, name)
    except HwError as error:
        return Found(f"{homework.name}/{name}", _problems(error))
    return Found(f"{homework.name}/{name}")


def _problems(error: HwError) -> tuple[str, ...]:
    if isinstance(error, WrongFile):
        return tuple(map(str, error.problems))
    return (str(error),)


def _notes(question: Question, data: Path) -> Iterator[str]:
    from hw import datasets

    if question.data is None:
        return
    name = question.data["name"]
    try:
        if missing := datasets.missing_files(name, data):
            yield f"{missing[0]}: no such file; runs on a stand-in"
        elif not question.claims:
            yield "no claims: nothing is judged"
    except HwError as error:
        yield str(error)


def _tried(question: Question, data: Path) -> list[str]:
    from hw.runs.contract import tried

    with tempfile.TemporaryDirectory(prefix="hw-") as results:
        return tried(question, Path(results), data)
