"""A homework: ``homework.yaml`` in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.config.commands import read_commands
from hw.config.data import read_shared
from hw.config.located import read_located, refuse
from hw.config.question import Surroundings
from hw.config.schema import as_it_stands, key, read, table

FILE = "homework.yaml"
# What lies in a homework's folder and is no question.
OTHER_FILES = (FILE, "grading.yaml")


@table
class HomeworkKeys:
    """`homework.yaml`: one document, with its questions in the document's order."""

    title: str = key("the document, in a line; by default the folder's name", "")
    order: int = key("its place among the homeworks", 99)
    questions: list[str] = key(
        "the names of its questions' files, in order; by default all that are there, by name",
        (),
        pattern=r"\w[\w.-]*",
    )
    parts: list[str] = key(
        "the lettered parts of the document, in quotes; then every claim is of one of them", ()
    )
    data: Any = key(
        "a data set of your own that the questions share, or several by name",
        None,
        read=as_it_stands,
        shown="keys",
    )
    commands: Any = key(
        "the assignment's own commands, by the name of the script",
        None,
        read=as_it_stands,
        shown="keys by name",
    )


@dataclass(frozen=True)
class Homework:
    """One document: ``homework.yaml`` in its folder, with its questions in the document's order.

    parts:  the lettered parts of the document, each of which some claim is of.
    around: what its questions have from it.
    """

    name: str
    folder: Path
    title: str
    questions: tuple[str, ...]
    order: int = 0
    parts: tuple[str, ...] = ()
    around: Surroundings = field(default_factory=Surroundings)
    commands: Mapping[str, Any] = field(default_factory=dict)


def read_homework(name: str, folder: Path, shown: Path, named: tuple[Path, ...] = ()) -> Homework:
    """The homework in a folder. Raises `WrongFile` that names file, line and key.

    shown: the path of homework.yaml as messages have it.
    named: the folders of one's own that were named, whose kinds may be imported; none for a
           homework of hw's.
    """
    raw, place = read_located(folder / FILE, shown)
    found = read(HomeworkKeys, {} if raw is None else raw, place)
    folders = (folder, folder.parent)
    homes = tuple(f for f in folders if {f, folder.parent} & {*named} and (f / "models").is_dir())
    shared = read_shared(found.get("data"), place.at("data"), name, folders)
    names = found.get("questions")
    if names is None:
        files = (p for p in sorted(folder.glob("*.yaml")) if p.name not in OTHER_FILES)
        names = [p.stem for p in files]
    for i, one in enumerate(names):
        if one in names[:i]:
            place.at("questions", i).wrong(f"{one} is listed twice")
    commands = read_commands(found.get("commands"), place.at("commands"))
    refuse(place)
    return Homework(
        name,
        folder,
        found.get("title", name),
        tuple(names),
        found.get("order", 99),
        tuple(found.get("parts", ())),
        Surroundings(shared, folders, homes),
        commands,
    )
