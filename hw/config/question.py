"""A question: what its YAML file says, checked key by key."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from hw.config import kinds
from hw.config.claims import DEFAULT_VARIANT, Claim, read_claims
from hw.config.data import read_data
from hw.config.figures import read_figures
from hw.config.located import Place, read_located, refuse
from hw.config.schema import as_it_stands, key, read, table
from hw.config.settings import Layer, Resolved, resolve
from hw.errors import UsageError, did_you_mean, quoted

DEFAULT_HOMEWORK = "ist2024"
MAX_VARIANTS = 10_000
# A variant's name is a part of the names of files.
_VARIANT_NAME = re.compile(r"\w[\w.,+= -]*")


@table
class SourceKeys:
    """Where the question is from."""

    document: str = key("the document", "")
    question: str = key("its number in the document; in quotes, for 2.10 is another than 2.1", "")


@table
class MeasureKeys:
    """What is measured of a model in training; by default what its kind says."""

    epoch: list[str] = key("metrics after every epoch: they have a curve", ())
    end: list[str] = key("metrics after the last epoch, such as those of the test split", ())


@table
class UnjudgedKeys:
    """A sentence of the document that cannot be judged."""

    where: str = key("its place in the document")
    says: str = key("what it says, in our words")
    why: str = key("why it cannot be judged")


@dataclass(frozen=True)
class Unjudged:
    """A sentence of the document that cannot be judged: its place, what it says, and why not."""

    where: str
    says: str
    why: str

    @property
    def part(self) -> str:
        return self.where.partition(",")[0].strip()


@table
class QuestionKeys:
    """A question: one YAML file beside homework.yaml, whose name is the question's."""

    title: str = key("what the question is, in a line")
    kind: str = key("what it is built on; `python -m hw kinds` lists them")
    source: SourceKeys = key("where it is from", ())
    about: str = key("the task, in our words", "")
    backend: Literal["numpy", "torch"] = key(
        "the implementation that the assignment asks for", "numpy"
    )
    data: Any = key(
        "what it learns from: a data set of hw's or one of your own; by default the one that "
        "homework.yaml declares, for a kind that trains",
        None,
        read=as_it_stands,
        shown="keys",
    )
    settings: dict[str, Any] = key(
        "settings of the kind, which all variants share", (), shown="settings by name"
    )
    variants: dict[str, dict[str, Any] | None] = key(
        "the runs that one figure or table compares: a name, and the settings that differ",
        (),
        shown="settings by name, by name",
    )
    grid: dict[str, list[Any]] = key(
        "settings and the values of each: every combination is a variant, named after them",
        (),
        shown="lists of values by name",
    )
    seeds: list[int] = key("a run for each; results are their means", (), low=0, high=2**32 - 1)
    measure: MeasureKeys = key("which metrics are measured, and when", ())
    figures: Any = key("the figures", (), read=as_it_stands, shown="list of figures")
    claims: Any = key("what the document publishes", (), read=as_it_stands, shown="list of claims")
    notes: list[str] = key("what a reader must know, such as a choice the document leaves open", ())
    unjudged: list[UnjudgedKeys] = key("sentences of the document that cannot be judged", ())
    may_diverge: bool = key("a divergence is what the document publishes, and no failure", False)
    in_all: bool = key("`all` and globs take it; false for a sweep of hours", True)


@dataclass(frozen=True)
class Question:
    """One question of one homework, as its YAML file has it.

    data:        name and view of a data set, and the declaration of one of the homework's own.
    variants:    settings of each run that one figure or table compares, by name.
    measure:     metrics read after every epoch (``epoch``) and once at the end (``end``); None:
                 what its kind says.
    may_diverge: the document publishes the divergence or the oscillation: it is a result.
    in_all:      whether ``all`` and globs take it (a sweep of hours is asked for by its id).
    homes:       the folders of one's own whose kinds it may name; none for a question of hw's.
    place:       the beginning of its file, which knows the lines of its keys.
    """

    homework: str
    name: str
    path: Path
    title: str
    kind: str
    about: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    backend: str = "numpy"
    data: Mapping[str, Any] | None = None
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
    homes: tuple[Path, ...] = ()
    place: Place = field(default_factory=lambda: Place(Path()), repr=False, compare=False)
    _configured: dict[str, Resolved] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def id(self) -> str:
        return f"{self.homework}.{self.name}"

    @cached_property
    def module(self) -> ModuleType:
        """The module of its kind. Raises `UsageError`."""
        known = kinds.known(self.homes)
        if self.kind not in known:
            raise UsageError(
                f"{self.path}: unknown kind {quoted(self.kind)}{did_you_mean(self.kind, known)}"
                " ('python -m hw kinds' lists them)"
            )
        return known[self.kind].load()

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
        layers = [Layer(str(self.path), self.settings, self.place.at("settings"))]
        if self.variants[variant]:
            origin = f"{self.path} (variant {variant})"
            layers.append(Layer(origin, self.variants[variant], self.place_of(variant)))
        if overrides and changed:
            layers.append(overrides)
        found = resolve(self.module.Settings, layers)
        if not changed:
            self._configured[variant] = found
        return found

    def place_of(self, variant: str) -> Place:
        """Where the settings of a variant stand: under ``variants``, or in the ``grid``."""
        place = self.place.at("variants", variant)
        return place if place.keys in place.lines else self.place.at("grid")

    def measures(self, when: str) -> tuple[str, ...]:
        """The metrics read after every ``epoch``, or at the ``end``."""
        source = self.measure or getattr(self.module, "MEASURE", {})
        return tuple(source.get(when, ()))


@dataclass(frozen=True)
class Surroundings:
    """What a question's homework has for it.

    shared:  the data sets that homework.yaml declares, by name; the name of a single one is empty.
    folders: where the files of its own data may lie.
    homes:   folders of one's own whose kinds it may name.
    """

    shared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    homes: tuple[Path, ...] = ()


def read_question(
    path: Path,
    homework: str,
    around: Surroundings | None = None,
    shown: Path | None = None,
    strict: bool = True,
) -> Question:
    """The question in one YAML file. Raises `WrongFile`, with file, line and key of all that is
    wrong with it by itself; `hw.config.checking` holds it against its kind and its data.

    shown:  the path as messages have it.
    strict: else a question whose kind is known is returned with what is wrong noted at its place,
            for `hw.config.checking` to go on from.
    """
    around = around or Surroundings(folders=(path.parent,))
    raw, place = read_located(path, shown or path)
    found = read(QuestionKeys, raw, place)
    variants = _variants(found, place)
    figures = read_figures(found.get("figures", []), variants, place.at("figures"))
    claims = read_claims(found.get("claims", []), variants, place.at("claims"))
    for when, metrics in found.get("measure", {}).items():
        if len(set(metrics)) < len(metrics):
            place.at("measure", when).wrong("name every metric once")
    known = kinds.known(around.homes)
    kind = str(found.get("kind"))
    if "kind" in found and kind not in known:
        models_first = sorted(known, key=lambda name: not known[name].trains)
        place.at("kind").unknown("kind", kind, models_first)
    if "data" in found:
        owner = f"{homework}.{path.stem}"
        data = read_data(found["data"], place.at("data"), owner, around.folders, around.shared)
    else:
        takes_data = kind in known and known[kind].trains
        data = dict(around.shared[""]) if takes_data and "" in around.shared else None
    if strict or kind not in known or "title" not in found:
        refuse(place)
    measure = found.get("measure")
    plain = ("title", "kind", "about", "source", "backend", "settings", "may_diverge", "in_all")
    return Question(
        homework=homework,
        name=path.stem,
        path=place.path,
        data=data,
        variants=variants,
        seeds=tuple(found.get("seeds", ())),
        measure=None if measure is None else {k: tuple(v) for k, v in measure.items()},
        figures=figures,
        claims=claims,
        notes=tuple(found.get("notes", ())),
        unjudged=tuple(Unjudged(**item) for item in found.get("unjudged", ())),
        homes=around.homes,
        place=place,
        **{name: found[name] for name in plain if name in found},
    )


def _variants(found: Mapping[str, Any], place: Place) -> dict[str, dict[str, Any]]:
    """The variants by name: those that are listed, and every combination of the grid."""
    variants = {name: values or {} for name, values in found.get("variants", {}).items()}
    for name in variants:
        if not _VARIANT_NAME.fullmatch(name):
            place.at("variants", name).wrong("a variant's name is letters, digits, '.', '-', '_'")
    grid = found.get("grid", {})
    if math.prod(map(len, grid.values())) > MAX_VARIANTS:
        place.at("grid").wrong(f"the grid has more than {MAX_VARIANTS} combinations")
        grid = {}
    return variants | _grid(grid) or {DEFAULT_VARIANT: {}}


def _grid(axes: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of the values of ``axes``, named after them."""
    combinations: dict[str, dict[str, Any]] = {"": {}}
    for setting, values in axes.items():
        combinations = {
            f"{name}{'_' if name else ''}{_short(setting)}-{_named(value)}": {
                **chosen,
                setting: value,
            }
            for name, chosen in combinations.items()
            for value in values
        }
    combinations.pop("", None)
    return combinations


def _short(setting: str) -> str:
    return {"learning_rate": "lr", "hidden_size": "hidden"}.get(setting, setting)


def _named(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)
