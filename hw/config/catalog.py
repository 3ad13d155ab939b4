"""The questions by their ids, hw's own and those of the folders that `hw.config.folders` finds.

An id is ``<homework>.<question>.<name>``; without its homework, the default one is meant. A file
is read when it is asked for. One that is wrong costs itself: its question is in `wrong`, and no
other question notices.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from hw.config import data, folders
from hw.config import kinds as _kinds
from hw.config.checking import check
from hw.config.claims import DEFAULT_VARIANT
from hw.config.homework import FILE, Homework, read_homework
from hw.config.located import WrongFile
from hw.config.question import DEFAULT_HOMEWORK, Question, Unjudged, read_question
from hw.errors import HwError, UsageError, did_you_mean, quoted

__all__ = [
    "CONFIGS",
    "DEFAULT_HOMEWORK",
    "DEFAULT_VARIANT",
    "Homework",
    "Question",
    "Unjudged",
    "find",
    "homeworks",
    "kinds",
    "load_all",
    "read_question",
    "select",
    "wrong",
    "wrong_among",
]

_PACKAGE = Path(__file__).resolve().parents[1]
# Inside an installed package, beside that of a checkout.
CONFIGS = _PACKAGE / "configs"
if not CONFIGS.is_dir():
    CONFIGS = _PACKAGE.parent / "configs"

_HOMEWORK_NAME = re.compile(r"[A-Za-z][\w-]*")
kinds = _kinds.shipped


@dataclass(frozen=True)
class Home:
    """Where one homework lies; ``folder`` of one's own, or None for one of hw's."""

    path: Path
    folder: Path | None


@dataclass
class Catalog:
    """The homeworks of hw and of the ``folders`` of one's own.

    wrong: what was found wrong so far, by the id of the question or the name of the homework.
    """

    folders: tuple[Path, ...]
    wrong: dict[str, UsageError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._homeworks: dict[str, Homework] = {}
        self._questions: dict[str, Question] = {}
        self._checked: set[str] = set()
        self.declared = data.Declarations()

    @cached_property
    def homes(self) -> dict[str, Home]:
        """The folders that have a ``homework.yaml``, by their names."""
        found = {p.parent.name: Home(p.parent, None) for p in CONFIGS.glob(f"*/{FILE}")}
        if not found:
            raise HwError(f"{CONFIGS} has no homework: hw is not installed as a whole")
        for folder in self.folders:
            alone = (folder / FILE).is_file()
            for path in [folder] if alone else sorted(p.parent for p in folder.glob(f"*/{FILE}")):
                if why := self._objection(path, found):
                    self.wrong[str(path)] = UsageError(f"{path / FILE}: {why}; rename its folder")
                else:
                    found.setdefault(path.name, Home(path, folder))
        return found

    @cached_property
    def _reserved(self) -> set[str]:
        """What an id may begin with that means no homework of one's own."""
        default = CONFIGS / DEFAULT_HOMEWORK
        if not default.is_dir():
            return {"all"}
        names = read_homework(DEFAULT_HOMEWORK, default, default / FILE).questions
        return {"all", *(name.partition(".")[0] for name in names)}

    def _objection(self, path: Path, found: Mapping[str, Home]) -> str:
        """Why a folder of one's own cannot be a homework; empty if it can."""
        name = path.name
        if name in self._reserved or not _HOMEWORK_NAME.fullmatch(name):
            return f"{name!r} cannot be the name of a homework"
        if name in found and found[name].path != path:
            return f"there is a homework called {name!r} in {found[name].path}"
        return ""

    def homework(self, name: str) -> Homework:
        """One homework. Raises `UsageError` that names file, line and key."""
        if name in self.wrong:
            raise self.wrong[name]
        if name not in self._homeworks:
            home = self.homes[name]
            try:
                named = self.folders if home.folder else ()
                found = read_homework(name, home.path, _shown(home.path / FILE), named)
            except UsageError as error:
                self.wrong[name] = error
                raise
            self._homeworks[name] = found
        return self._homeworks[name]

    def homeworks(self) -> dict[str, Homework]:
        """Every homework that can be read, by its name, in their order."""
        found = []
        for name in self.homes:
            try:
                found.append(self.homework(name))
            except UsageError:
                continue
        return {h.name: h for h in sorted(found, key=lambda h: (h.order, h.name))}

    def question(self, homework: str, name: str) -> Question:
        """One question, as its file has it. Raises `UsageError`."""
        id = f"{homework}.{name}"
        if id in self.wrong:
            raise self.wrong[id]
        if id not in self._questions:
            path = self.homes[homework].path / f"{name}.yaml"
            around = self.homework(homework).around
            try:
                self._questions[id] = read_question(path, homework, around, _shown(path))
            except UsageError as error:
                self.wrong[id] = error
                raise
        return self._questions[id]

    def checked(self, homework: str, name: str) -> Question:
        """One question, held against its kind and its data. Raises `UsageError`."""
        question = self.question(homework, name)
        if question.id not in self._checked:
            try:
                check(question, self.homework(homework))
            except UsageError as error:
                self.wrong[question.id] = error
                raise
            self._checked.add(question.id)
        return question

    def problems(self, homework: str, name: str) -> tuple[str, ...]:
        """All that is wrong with a question, in its file and in view of its kind and data."""
        path, of = self.homes[homework].path / f"{name}.yaml", self.homework(homework)
        try:
            check(read_question(path, homework, of.around, _shown(path), strict=False), of)
        except WrongFile as error:
            return tuple(map(str, error.problems))
        except UsageError as error:
            return (str(error),)
        return ()

    def names(self) -> list[tuple[str, str]]:
        """Homework and name of every question; no question's file is read for it."""
        return [(h.name, name) for h in self.homeworks().values() for name in h.questions]


@lru_cache(maxsize=32)
def _catalog(named: tuple[Path, ...], configs: Path) -> Catalog:
    return Catalog(named)


def current() -> Catalog:
    """The catalog of the folders that are named now."""
    found = _catalog(folders.current(), CONFIGS)
    data.use(found.declared)
    return found


def homeworks() -> dict[str, Homework]:
    """Every homework by its name, in their order; those that are wrong are left out."""
    return current().homeworks()


def load_all() -> dict[str, Question]:
    """Every question by its full id, homework by homework, in the documents' order; those whose
    files are wrong are left out."""
    return {q.id: q for q in _each(current().names(), checked=False)[0]}


def wrong() -> dict[str, UsageError]:
    """All that is wrong, by the id of the question or the name of the homework. Reads everything;
    holds questions of one's own against their kinds and data, as the tests of hw do for hw's."""
    catalog = current()
    names = catalog.names()
    own = [name for name in names if catalog.homes[name[0]].folder is not None]
    _each(names, checked=False)
    _each(own, checked=True)
    return dict(catalog.wrong)


def _each(
    names: Iterable[tuple[str, str]], checked: bool
) -> tuple[list[Question], dict[str, UsageError]]:
    """The questions of these names, and what is wrong with the others."""
    catalog = current()
    found, failed = [], {}
    for homework, name in names:
        try:
            one = catalog.checked if checked else catalog.question
            found.append(one(homework, name))
        except UsageError as error:
            failed[f"{homework}.{name}"] = error
    return found, failed


def find(name: str) -> Question:
    """The question with this id, with or without the default homework. Reads its file alone.

    Raises `UsageError`: with the nearest id that exists, or with what is wrong with the question.
    """
    catalog = current()
    homework, _, rest = name.partition(".")
    for of, short in ((homework, rest), (DEFAULT_HOMEWORK, name)):
        if of in catalog.homes and short in catalog.homework(of).questions:
            return catalog.checked(of, short)
    if homework in catalog.homes and (catalog.homes[homework].path / f"{rest}.yaml").is_file():
        listing = _shown(catalog.homes[homework].path / FILE)
        raise UsageError(f"{name} is not in 'questions' of {listing}; add it")
    names = catalog.names()
    known = [f"{h}.{n}" for h, n in names] + [n for h, n in names if h == DEFAULT_HOMEWORK]
    raise UsageError(
        f"unknown question {quoted(name)}{did_you_mean(name, known)}"
        " ('python -m hw list' shows them all)"
    )


def select(patterns: Iterable[str]) -> tuple[list[Question], set[str]]:
    """The questions that ids, globs and ``all`` name, each once, and the ids named exactly.

    Raises `UsageError` for an unknown id, for a glob that matches nothing, and for a question that
    is wrong and named exactly; `wrong_among` has those that a glob matches.
    """
    chosen: dict[str, Question] = {}
    exact = set()
    for pattern in patterns:
        names = _matched(pattern)
        if names is None:
            question = find(pattern)
            exact.add(question.id)
            chosen[question.id] = question
        else:
            found, _ = _each(names, checked=True)
            chosen |= {q.id: q for q in found if q.in_all}
    return list(chosen.values()), exact


def wrong_among(patterns: Iterable[str]) -> dict[str, UsageError]:
    """What is wrong with questions that globs, homeworks and ``all`` name, by their ids."""
    catalog = current()
    found: dict[str, UsageError] = {}
    for pattern in patterns:
        found |= _each(_matched(pattern) or (), checked=True)[1]
        if pattern == "all":
            found |= {name: e for name, e in catalog.wrong.items() if name not in found}
    return found


def _matched(pattern: str) -> list[tuple[str, str]] | None:
    """Homework and name of every question that ``all``, a glob or a homework means; None for an
    id. Raises `UsageError` for a glob that matches nothing."""
    catalog = current()
    if pattern == "all":
        return catalog.names()
    if any(c in pattern for c in "*?["):
        names = [(h, n) for h, n in catalog.names() if _matches(pattern, h, n)]
        if not names:
            if (homework := pattern.partition(".")[0]) in catalog.homes:
                catalog.homework(homework)  # raises what is wrong with it, if that is why
            raise UsageError(f"no question matches {quoted(pattern)} ('python -m hw list')")
        return names
    if pattern in catalog.homes:
        return [(pattern, n) for n in catalog.homework(pattern).questions]
    return None


def _matches(pattern: str, homework: str, name: str) -> bool:
    ids = [f"{homework}.{name}", *([name] if homework == DEFAULT_HOMEWORK else [])]
    return any(fnmatch.fnmatchcase(i, pattern) for i in ids)


def _shown(path: Path) -> Path:
    """Relative where it can be, to the project or to the working directory: shorter in errors, and
    the same on any machine."""
    for root in (CONFIGS.parent, Path.cwd()):
        if path.is_relative_to(root):
            return path.relative_to(root)
    return path
