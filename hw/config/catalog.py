"""The questions: id -> YAML file -> module of `hw.questions`, imported only when asked for.

An id is ``<homework>.<question>.<name>``; without its homework, the default one is meant.
"""

from __future__ import annotations

import fnmatch
import importlib
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from hw.config.claims import Claim, read_claims
from hw.config.settings import Layer, Resolved, read_yaml, resolve
from hw.errors import HwError, UsageError, did_you_mean, quoted

_PACKAGE = Path(__file__).resolve().parents[1]
# Inside an installed package, beside that of a checkout.
CONFIGS = _PACKAGE / "configs"
if not CONFIGS.is_dir():
    CONFIGS = _PACKAGE.parent / "configs"
DEFAULT_HOMEWORK = "ist2024"
DEFAULT_VARIANT = "default"

_KEYS = {
    "title",
    "kind",
    "source",
    "about",
    "backend",
    "data",
    "settings",
    "variants",
    "grid",
    "seeds",
    "measure",
    "figures",
    "claims",
    "notes",
    "unjudged",
    "may_diverge",
    "in_all",
}


@dataclass(frozen=True)
class Unjudged:
    """A sentence of the document that cannot be judged: its place, what it says, and why not."""

    where: str
    says: str
    why: str

    @property
    def part(self) -> str:
        return self.where.partition(",")[0].strip()


@dataclass(frozen=True)
class Question:
    """One question of one homework, as its YAML file has it.

    variants:    settings of each run that one figure or table compares, by name.
    measure:     metrics read after every epoch (``epoch``) and once at the end (``end``); None:
                 what its kind says.
    may_diverge: the document publishes the divergence or the oscillation: it is a result.
    in_all:      whether ``all`` and globs take it (a sweep of hours is asked for by its id).
    """

    homework: str
    name: str
    path: Path
    title: str
    kind: str
    about: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    backend: str = "numpy"
    data: Mapping[str, str] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    measure: Mapping[str, tuple[str, ...]] | None = None
    figures: tuple[Mapping[str, Any], ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    may_diverge: bool = False
    in_all: bool = True

    @property
    def id(self) -> str:
        return f"{self.homework}.{self.name}"

    @cached_property
    def module(self) -> ModuleType:
        if self.kind not in kinds():
            raise UsageError(
                f"{self.path}: unknown kind {quoted(self.kind)}{did_you_mean(self.kind, kinds())}"
            )
        return importlib.import_module(kinds()[self.kind])

    @property
    def trains(self) -> bool:
        return hasattr(self.module, "learner")

    def resolve(self, variant: str, overrides: Layer | None = None) -> Resolved:
        """The settings of one variant. Raises `UsageError`."""
        layers = [Layer(str(self.path), self.settings)]
        if self.variants[variant]:
            layers.append(Layer(f"{self.path} (variant {variant})", self.variants[variant]))
        if overrides and overrides.values:
            layers.append(overrides)
        return resolve(self.module.Settings, layers)

    def measures(self, when: str) -> tuple[str, ...]:
        """The metrics read after every ``epoch``, or at the ``end``."""
        source = self.measure or getattr(self.module, "MEASURE", {})
        return tuple(source.get(when, ()))


@cache
def kinds() -> dict[str, str]:
    """The kinds of question and their modules: models, and each homework's derivations."""
    questions = _PACKAGE / "questions"
    files = [*questions.glob("models/*.py"), *questions.glob("derivations/*/*.py")]
    return {
        path.stem: ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts)
        for path in sorted(files)
        if path.stem != "__init__" and path.parent.name != "lab"
    }


@cache
def load_all() -> dict[str, Question]:
    """Every question by its full id, homework by homework, in the documents' order."""
    questions = {}
    for homework in homeworks().values():
        for name in homework.questions:
            question = read_question(homework.folder / f"{name}.yaml", homework.name)
            questions[question.id] = question
    return questions


@dataclass(frozen=True)
class Homework:
    """One document: ``homework.yaml`` in its folder, with its questions in the document's order.

    parts: the lettered parts of the document, each of which some claim is of.
    """

    name: str
    folder: Path
    title: str
    questions: tuple[str, ...]
    order: int = 0
    parts: tuple[str, ...] = ()


@cache
def homeworks() -> dict[str, Homework]:
    """Every homework by its name: the folders of ``configs`` that have a ``homework.yaml``."""
    found = []
    for path in CONFIGS.glob("*/homework.yaml"):
        raw = read_yaml(path)
        names = raw.get("questions") if isinstance(raw, dict) else None
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise UsageError(f"{path}: questions must be a list of names")
        order = raw.get("order", 99)
        if not isinstance(order, int):
            raise UsageError(f"{path}: order must be a whole number")
        found.append(
            Homework(
                name=path.parent.name,
                folder=path.parent,
                title=str(raw.get("title", path.parent.name)),
                questions=tuple(names),
                order=order,
                parts=tuple(map(str, raw.get("parts", ()))),
            )
        )
    if not found:
        raise HwError(f"{CONFIGS} has no homework: hw is not installed as a whole")
    return {h.name: h for h in sorted(found, key=lambda h: (h.order, h.name))}


def read_question(path: Path, homework: str) -> Question:
    """The question in one YAML file. Raises `UsageError` that names file and key."""
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: expected keys and values")
    for key in raw:
        if key not in _KEYS:
            raise UsageError(f"{path}: unknown key {quoted(key)}{did_you_mean(key, _KEYS)}")
    for key in ("title", "kind", "about"):
        if not isinstance(raw.get(key, "" if key == "about" else None), str):
            raise UsageError(f"{path}: {key} must be a string")
    for key in ("settings", "variants", "grid", "source", "measure"):
        if not isinstance(raw.get(key, {}), dict):
            raise UsageError(f"{path}: {key} must hold keys and values")
    for key in ("figures", "claims", "notes", "unjudged", "seeds"):
        if not isinstance(raw.get(key, []), list):
            raise UsageError(f"{path}: {key} must be a list")
    for key in ("may_diverge", "in_all"):
        if not isinstance(raw.get(key, False), bool):
            raise UsageError(f"{path}: {key} must be true or false")
    if raw.get("backend", "numpy") not in ("numpy", "torch"):
        raise UsageError(f"{path}: backend is {quoted(raw['backend'])}; one of: numpy, torch")
    for key, words in (("grid", "a list of values"), ("measure", "a list of metrics")):
        for name, values in raw.get(key, {}).items():
            if not isinstance(values, list):
                raise UsageError(f"{path}: {key} {quoted(name)} must be {words}")
    variants = {str(k): {} if v is None else v for k, v in raw.get("variants", {}).items()}
    variants |= _grid(raw.get("grid", {}), path)
    for name, values in variants.items():
        if not isinstance(values, dict):
            raise UsageError(f"{path}: variant {name} must hold settings")
    variants = variants or {DEFAULT_VARIANT: {}}
    for figure in raw.get("figures", []):
        _check_figure(figure, variants, path)
    for seed in raw.get("seeds", []):
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise UsageError(f"{path}: seeds must be whole numbers from 0, not {quoted(seed)}")
    for note in raw.get("notes", []):
        if not isinstance(note, str):
            raise UsageError(f"{path}: every note must be a string, not {quoted(note)}")
    data = raw.get("data")
    if data is not None and (
        not isinstance(data, dict)
        or data.keys() != {"name", "view"}
        or not all(isinstance(v, str) for v in data.values())
    ):
        raise UsageError(f"{path}: data must have a name and a view")
    known = {
        "title": raw["title"],
        "kind": raw["kind"],
        "about": raw.get("about", ""),
        "source": raw.get("source", {}),
        "backend": raw.get("backend", "numpy"),
        "data": data,
        "settings": raw.get("settings", {}),
        "variants": variants,
        "seeds": tuple(raw.get("seeds", ())),
        "measure": {k: tuple(v) for k, v in raw["measure"].items()} if "measure" in raw else None,
        "figures": tuple(raw.get("figures", ())),
        "claims": read_claims(raw.get("claims", []), variants, str(path)),
        "notes": tuple(raw.get("notes", ())),
        "unjudged": tuple(_unjudged(item, path) for item in raw.get("unjudged", [])),
        "may_diverge": bool(raw.get("may_diverge", False)),
        "in_all": bool(raw.get("in_all", True)),
    }
    return Question(homework=homework, name=path.stem, path=_shown(path), **known)


def _shown(path: Path) -> Path:
    """Relative to the project where it can be: shorter in errors, and the same on any machine."""
    root = CONFIGS.parent
    return path.relative_to(root) if path.is_relative_to(root) else path


def _check_figure(figure: Any, variants: Collection[str], path: Path) -> None:
    name = figure.get("name") if isinstance(figure, dict) else None
    # The name is a file's: no folders, nothing hidden.
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"{path}: every figure needs a name, of letters, digits, '-' and '_'")
    if not isinstance(figure.get("draw", ""), str):
        raise UsageError(f"{path}: figure {name}: draw must be a name")
    for key in ("metrics", "variants"):
        value = figure.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise UsageError(f"{path}: figure {name}: {key} must be a list of names")
    if figure.get("draw", "curves") == "curves" and not figure.get("metrics"):
        raise UsageError(f"{path}: figure {name}: metrics is missing")
    for variant in figure.get("variants", []):
        if variant not in variants:
            raise UsageError(
                f"{path}: figure {name}: unknown variant {quoted(variant)}"
                f"{did_you_mean(variant, variants)}"
            )


def _unjudged(item: Any, path: Path) -> Unjudged:
    keys = {"where", "says", "why"}
    if not isinstance(item, dict) or item.keys() != keys or not all(map(_is_text, item.values())):
        raise UsageError(f"{path}: what is unjudged needs {', '.join(sorted(keys))}, in words")
    return Unjudged(**item)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


MAX_VARIANTS = 10_000


def _grid(axes: Mapping[str, list[Any]], path: Path) -> dict[str, dict[str, Any]]:
    """Every combination of the values of ``axes``, named after them."""
    if math.prod(map(len, axes.values())) > MAX_VARIANTS:
        raise UsageError(f"{path}: the grid has more than {MAX_VARIANTS} combinations")
    combinations: dict[str, dict[str, Any]] = {"": {}}
    for key, values in axes.items():
        combinations = {
            f"{name}{'_' if name else ''}{_short(str(key))}-{value}": {**chosen, key: value}
            for name, chosen in combinations.items()
            for value in values
        }
    combinations.pop("", None)
    return combinations


def _short(key: str) -> str:
    return {"learning_rate": "lr", "hidden_size": "hidden"}.get(key, key)


def find(name: str) -> Question:
    """The question with this id, with or without the default homework.

    Raises `UsageError` with the nearest id that exists.
    """
    questions = load_all()
    question = questions.get(name) or questions.get(f"{DEFAULT_HOMEWORK}.{name}")
    if question is None:
        short = [q.name for q in questions.values() if q.homework == DEFAULT_HOMEWORK]
        raise UsageError(
            f"unknown question {quoted(name)}{did_you_mean(name, [*questions, *short])}"
            " ('python -m hw list' shows them all)"
        )
    return question


def select(patterns: Iterable[str]) -> tuple[list[Question], set[str]]:
    """The questions that ids, globs and ``all`` name, each once, and the ids named exactly.

    Raises `UsageError` for an unknown id and for a glob that matches nothing.
    """
    questions = load_all()
    chosen: dict[str, Question] = {}
    exact = set()
    for pattern in patterns:
        if pattern == "all":
            chosen |= {q.id: q for q in questions.values() if q.in_all}
        elif any(c in pattern for c in "*?["):
            found = {
                q.id: q
                for q in questions.values()
                if fnmatch.fnmatchcase(q.id, pattern)
                or (q.homework == DEFAULT_HOMEWORK and fnmatch.fnmatchcase(q.name, pattern))
            }
            if not found:
                raise UsageError(f"no question matches {quoted(pattern)} ('python -m hw list')")
            chosen |= {i: q for i, q in found.items() if q.in_all}
        elif pattern in homeworks():
            chosen |= {q.id: q for q in questions.values() if q.homework == pattern and q.in_all}
        else:
            question = find(pattern)
            exact.add(question.id)
            chosen[question.id] = question
    return list(chosen.values()), exact
