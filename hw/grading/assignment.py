"""What of a homework is graded: `grading.yaml` in its folder.

seed: 42
data: {name: intel-landscapes, view: ist2024}
files:
  hw1-q1.py:
    question: q1
    marks: [l2_penalty]             # words of the file that tell it from other years' files
    models:
      mlp: {class: MLP, hidden: 100, learning_rate: 0.001, reports_loss: true, weight: 2}
mistakes:                           # known here besides those that come with hw
  mlp: {update: {...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.located import read_yaml
from hw.errors import UsageError, did_you_mean, quoted
from hw.grading.mistakes import Mistake, known, read_mistakes


@dataclass(frozen=True)
class Model:
    """One model of a hand-in.

    name:         as ``--json`` has it.
    cls:          the class that the assignment names.
    hidden:       units of the hidden layer that the assignment's script asks for; 0: none.
    second:       those of a second one.
    layers:       whether the script also hands the number of layers to the constructor.
    learning_rate: η of the script; 0: the model has none.
    l2:           whether the script hands on an ℓ2 penalty.
    reports_loss: whether train_epoch returns the loss.
    weight:       points, for a table of grades.
    claims:       the question whose published and calibrated numbers a report is held against.
    """

    name: str
    cls: str
    hidden: int = 0
    second: int = 0
    layers: bool = False
    learning_rate: float = 0.0
    l2: bool = False
    reports_loss: bool = False
    weight: float = 1.0
    claims: str = ""
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """One file of one homework.

    file:  the name that the homework gives it.
    marks: words that such a file has and files of the same name of other years lack.
    data:  name and view of the data set.
    """

    homework: str
    question: str
    file: str
    data: tuple[str, str]
    models: Mapping[str, Model]
    marks: tuple[str, ...] = ()
    seed: int = 42


def assignments() -> tuple[Assignment, ...]:
    """Every file of every homework that can be graded, hw's own and the user's; some homeworks
    have nothing but a ``grading.yaml``. Raises `UsageError`."""
    folders = (catalog.CONFIGS, *catalog.current().folders)
    return _read_all(tuple(p for f in folders for p in (f, *sorted(f.glob("*/")))))


@cache
def _read_all(homes: tuple[Path, ...]) -> tuple[Assignment, ...]:
    files = {home.name: home / "grading.yaml" for home in homes}
    there = sorted((name, path) for name, path in files.items() if path.is_file())
    return tuple(one for name, path in there for one in read_grading(path, name))


def read_grading(path: Path, homework: str) -> list[Assignment]:
    """The files of one ``grading.yaml``. Raises `UsageError` that says where and what."""
    raw = _keys(read_yaml(path), {"seed", "data", "files", "mistakes"}, str(path))
    extra = _keys(raw.get("mistakes", {}), None, f"{path}: mistakes")
    return [
        _file(str(name), about, raw, extra, homework, f"{path}: {name}")
        for name, about in _keys(raw.get("files"), None, f"{path}: files").items()
    ]


def _file(
    name: str,
    about: Any,
    raw: Mapping[str, Any],
    extra: Mapping[str, Any],
    homework: str,
    where: str,
) -> Assignment:
    about = _keys(about, {"question", "marks", "models", "data"}, where)
    data = _keys(about.get("data", raw.get("data")), {"name", "view"}, f"{where}: data")
    models = {
        str(model): _model(str(model), settings, extra.get(model, {}), f"{where}: {model}")
        for model, settings in _keys(about.get("models"), None, f"{where}: models").items()
    }
    marks = about.get("marks", [])
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise UsageError(f"{where}: marks must be a list of words")
    return Assignment(
        homework,
        str(about.get("question", "")),
        name,
        (str(data.get("name")), str(data.get("view"))),
        models,
        tuple(marks),
        int(raw.get("seed", 42)),
    )


def _model(name: str, raw: Any, extra: Any, where: str) -> Model:
    known_keys = {f.name for f in fields(Model)} - {"name", "cls", "mistakes"} | {"class"}
    settings = dict(_keys(raw, known_keys, where))
    cls = settings.pop("class", "")
    if not isinstance(cls, str) or not cls:
        raise UsageError(f"{where}: class must be the name of a class")
    for f in fields(Model):
        if f.name in settings and not isinstance(settings[f.name], _TYPES[str(f.type)]):
            raise UsageError(f"{where}: {f.name} is {quoted(settings[f.name])}, no {f.type}")
    own = read_mistakes(extra, name, f"{where}: mistakes") if extra else ()
    return Model(name, cls, mistakes=(*own, *known(name)), **settings)


_TYPES: dict[str, Any] = {"int": int, "bool": bool, "float": (int, float), "str": str}


def _keys(raw: Any, allowed: set[str] | None, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise UsageError(f"{where}: expected keys and values")
    for key in raw:
        if allowed is not None and key not in allowed:
            raise UsageError(f"{where}: unknown key {quoted(key)}{did_you_mean(key, allowed)}")
    return raw
