"""The kinds that a question can be built on: those of `hw.questions`, and those of a folder of
one's own, ``models/*.py`` in it.

A module whose name begins with an underscore is a part of another, and no kind. The modules of a
folder are a package of their own, so that they can import one another (``from . import _tools``).
"""

from __future__ import annotations

import importlib
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from hw.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]
PREFIX = "hw_models_"  # of the packages that are folders of one's own


@dataclass(frozen=True)
class Kind:
    """A kind of question.

    module: under which it is imported.
    folder: ``models/`` of a folder of one's own; None for a kind of hw's.
    """

    name: str
    path: Path
    module: str
    folder: Path | None = None

    @property
    def trains(self) -> bool:
        """Whether it is a model that trains, told without importing it."""
        if self.folder is None:
            return self.path.parent.name == "models"
        try:
            return not re.search(r"^def compute\b", self.path.read_text("utf-8"), re.MULTILINE)
        except (OSError, UnicodeDecodeError):
            return True

    def load(self) -> ModuleType:
        """Its module. Raises `HwError`, for one of your own with file and line."""
        if self.folder is None:
            return importlib.import_module(self.module)
        _make_package(self.folder)
        try:
            module = importlib.import_module(self.module)
        except Exception as error:
            raise UsageError(
                f"{_place(error, self.path)}: {type(error).__name__}: {error}"
            ) from error
        missing = [n for n in ("Settings",) if not hasattr(module, n)]
        if not missing and not (hasattr(module, "learner") or hasattr(module, "compute")):
            missing = ["learner (or compute)"]
        if missing:
            raise UsageError(f"{self.path}: has no {missing[0]}; 'hw new model' writes a kind")
        return module


def shipped() -> dict[str, str]:
    """The kinds of hw's own and their modules: models, and each homework's derivations."""
    return {name: kind.module for name, kind in _shipped().items()}


@cache
def _shipped() -> dict[str, Kind]:
    questions = _PACKAGE / "questions"
    files = [*questions.glob("models/*.py"), *questions.glob("derivations/*/*.py")]
    return {
        path.stem: Kind(
            path.stem, path, ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts)
        )
        for path in sorted(files)
        if not path.stem.startswith("_") and path.parent.name != "lab"
    }


def known(folders: tuple[Path, ...] = ()) -> Mapping[str, Kind]:
    """The kinds that a question in these folders of one's own can name. Raises `UsageError` where
    one of them has the name of a kind of hw's."""
    return {**_shipped(), **{k.name: k for folder in folders for k in _own(folder / "models")}}


@cache
def _own(folder: Path) -> tuple[Kind, ...]:
    found = []
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("_") or not path.stem.isidentifier():
            continue
        if path.stem in _shipped():
            raise UsageError(
                f"{path}: hw has a kind {path.stem!r} already; give yours another name"
            )
        found.append(Kind(path.stem, path, f"{_package(folder)}.{path.stem}", folder))
    return tuple(found)


def _package(folder: Path) -> str:
    """The name of a folder's package: the same in every process that is given the same folder."""
    return f"{PREFIX}{zlib.crc32(str(folder.resolve()).encode()):08x}"


def _make_package(folder: Path) -> None:
    name = _package(folder)
    if name not in sys.modules:
        package = ModuleType(name, f"The kinds of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def own_folder(module: str) -> Path | None:
    """The folder of one's own that a module is of, if it is of any."""
    package = module.partition(".")[0]
    if package.startswith(PREFIX) and package in sys.modules:
        return Path(sys.modules[package].__path__[0])
    return None


def name_anywhere(module: str) -> str:
    """A module's name without where its folder lies: the same when the folder is moved."""
    return f"models.{module.partition('.')[2]}" if module.startswith(PREFIX) else module


def _place(error: Exception, path: Path) -> str:
    """File and line of an error in a module of one's own."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}:{line}" if line else str(path)
