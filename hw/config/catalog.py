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
    _configured: dict[str, Resolved] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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
    def short_id(self) -> str:
        """The shortest id that means this question."""
        return self.name if self.homework == DEFAULT_HOMEWORK else self.id

    def folder(self, results: Path) -> Path:
        """Where the results of the question as configured lie."""
        return results / self.homework / self.name

    @property
    def trains(self) -> bool:
        return hasattr(self.module, "learner")

    def configured(self, variant: str) -> dict[str, Any]:
        """The settings of a variant as configured. Raises `UsageError`."""
        return self.resolve(variant).as_dict()

    def resolve(self, variant: str, overrides: Layer | None = None) -> Resolved:
        """The settings of one variant; as configured, they are resolved once. Raises
        `UsageError`."""
        changed = overrides is not None and overrides.values
        if not changed and variant in self._configured:
            return self._configured[variant]
        layers = [Layer(str(self.path), self.settings)]
        if self.variants[variant]:
            layers.append(Layer(f"{self.path} (variant {variant})", self.variants[variant]))
        if overrides and changed:
            layers.append(overrides)
        found = resolve(self.module.Settings, layers)
        if not changed:
            self._configured[variant] = found
        return found

    def measures(self, when: str) -> tuple[str, ...]:
        """The metrics read after every ``epoch``, or at the ``end``."""
        source = self.measure or getattr(self.module, "MEASURE", {})
        return tuple(source.get(when, ()))


@cache
def kinds() -> dict[str, str]:
    """The kinds of question and their modules: models, and each homework's derivations.

    A module whose name begins with an underscore is a part of another, and no kind.
    """
    questions = _PACKAGE / "questions"
    files = [*questions.glob("models/*.py"), *questions.glob("derivations/*/*.py")]
    return {
        path.stem: ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts)
        for path in sorted(files)
        if not path.stem.startswith("_") and path.parent.name != "lab"
    }


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
def _folders() -> dict[str, Path]:
    """The folders of ``configs`` that have a ``homework.yaml``, by their names."""
    found = {path.parent.name: path.parent for path in CONFIGS.glob("*/homework.yaml")}
    if not found:
        raise HwError(f"{CONFIGS} has no homework: hw is not installed as a whole")
    return found


@cache
def _homework(name: str) -> Homework:
    """One homework. Raises `UsageError` that names file and key."""
    folder = _folders()[name]
    path = folder / "homework.yaml"
    raw = read_yaml(path)
    questions = raw.get("questions") if isinstance(raw, dict) else None
    if not isinstance(questions, list) or not all(isinstance(n, str) for n in questions):
        raise UsageError(f"{path}: questions must be a list of names")
    order = raw.get("order", 99)
    if not isinstance(order, int):
        raise UsageError(f"{path}: order must be a whole number")
    parts = tuple(map(str, raw.get("parts", ())))
    return Homework(name, folder, str(raw.get("title", name)), tuple(questions), order, parts)


@cache
def homeworks() -> dict[str, Homework]:
    """Every homework by its name, in their order."""
    found = map(_homework, _folders())
    return {h.name: h for h in sorted(found, key=lambda h: (h.order, h.name))}


@cache
def _question(homework: str, name: str) -> Question:
    return read_question(_folders()[homework] / f"{name}.yaml", homework)


@cache
def load_all() -> dict[str, Question]:
    """Every question by its full id, homework by homework, in the documents' order."""
    return {f"{homework}.{name}": _question(homework, name) for homework, name in _names()}


def _names() -> list[tuple[str, str]]:
    """Homework and name of every question; no question's file is read for it."""
    return [(h.name, name) for h in homeworks().values() for name in h.questions]


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
    """The question with this id, with or without the default homework. Reads its file alone.

    Raises `UsageError` with the nearest id that exists.
    """
    homework, _, rest = name.partition(".")
    for of, short in ((homework, rest), (DEFAULT_HOMEWORK, name)):
        if of in _folders() and short in _homework(of).questions:
            return _question(of, short)
    known = [f"{h}.{n}" for h, n in _names()] + [n for h, n in _names() if h == DEFAULT_HOMEWORK]
    raise UsageError(
        f"unknown question {quoted(name)}{did_you_mean(name, known)}"
        " ('python -m hw list' shows them all)"
    )


def select(patterns: Iterable[str]) -> tuple[list[Question], set[str]]:
    """The questions that ids, globs and ``all`` name, each once, and the ids named exactly.

    Raises `UsageError` for an unknown id and for a glob that matches nothing.
    """
    chosen: dict[str, Question] = {}
    exact = set()
    for pattern in patterns:
        if pattern == "all":
            names = _names()
        elif any(c in pattern for c in "*?["):
            names = [(h, n) for h, n in _names() if _matches(pattern, h, n)]
            if not names:
                raise UsageError(f"no question matches {quoted(pattern)} ('python -m hw list')")
        elif pattern in _folders():
            names = [(pattern, n) for n in _homework(pattern).questions]
        else:
            question = find(pattern)
            exact.add(question.id)
            chosen[question.id] = question
            continue
        found = [_question(*name) for name in names]
        chosen |= {q.id: q for q in found if q.in_all}
    return list(chosen.values()), exact


def _matches(pattern: str, homework: str, name: str) -> bool:
    ids = [f"{homework}.{name}", *([name] if homework == DEFAULT_HOMEWORK else [])]
    return any(fnmatch.fnmatchcase(i, pattern) for i in ids)
