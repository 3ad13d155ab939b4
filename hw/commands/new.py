"""``hw new``: files of a homework, a question or a kind of one's own, which run at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hw import console, scaffold
from hw.commands import VERBS
from hw.config import folders, kinds
from hw.config.homework import read_homework
from hw.errors import ExitCode, UsageError, did_you_mean, quoted

_LIKE = "the questions of another homework that train, without what its document publishes"


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "new",
        parents=[common],
        help=VERBS["new"],
        epilog="hw new homework course/hw1; hw new question course/hw1/q3.svm --kind svm; "
        "hw new model course/models/svm.py",
    )
    parser.add_argument("what", choices=("homework", "question", "model"))
    parser.add_argument("path", type=Path, metavar="PATH", help="of the folder or the file")
    parser.add_argument("--like", default="", metavar="HOMEWORK", help=_LIKE)
    parser.add_argument("--kind", default="", metavar="KIND", help="of the question")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.like and args.what != "homework":
        raise UsageError("--like is of a homework")
    if args.kind and args.what != "question":
        raise UsageError("--kind is of a question")
    path: Path = args.path
    if args.what == "homework":
        for file in scaffold.homework(path, args.like):
            console.show(f"wrote {file}")
        name, around = path.resolve().name, _shown(path.resolve().parent)
        console.show(f"try it: python -m hw run '{name}.*' --homeworks {around}")
    elif args.what == "model":
        file = scaffold.model(path)
        console.show(f"wrote {file}")
        console.show(f"a question on it: python -m hw new question PATH --kind {file.stem}")
    else:
        file = scaffold.question(path, _kind(args.kind, path))
        console.show(f"wrote {file}")
        homework, around = file.resolve().parent.name, _shown(file.resolve().parents[1])
        console.show(f"try it: python -m hw run {homework}.{file.stem} --homeworks {around}")
        home = read_homework(homework, file.resolve().parent, file.parent / "homework.yaml")
        if file.stem not in home.questions:
            path = file.parent / "homework.yaml"
            console.show(f"but first, add {file.stem} to 'questions' in {path}")
    return int(ExitCode.OK)


def _kind(name: str, path: Path) -> kinds.Kind:
    """The kind of that name, of hw or of the folders around a question's file."""
    around = (path.resolve().parent, path.resolve().parents[1], *folders.current())
    known = kinds.known(tuple(f for f in around if (f / "models").is_dir()))
    if not name:
        raise UsageError("--kind is missing: on which kind? 'python -m hw kinds' lists them")
    if name not in known:
        raise UsageError(f"unknown kind {quoted(name)}{did_you_mean(name, known)}")
    return known[name]


def _shown(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
