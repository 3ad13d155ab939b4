"""run.json and config.yaml as types: believed as far as they have the form that hw writes.

A file of a results folder may have been edited, cut off or exchanged. What has another type than
here is left at its default, so that nobody who asks has to doubt it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

# Beyond, a number is neither a time nor a size of ours.
MOST = 1e15


class _Typed:
    """A dataclass that is read from JSON, field by field."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """What of a JSON value has the right type; all else is left at its default."""
        known = value if isinstance(value, dict) else {}
        found = {}
        for name, hint in _hints(cls.__name__).items():
            try:
                found[name] = _as(hint, known[name])
            except (KeyError, TypeError):
                continue
        return cls(**found)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]


@cache
def _hints(name: str) -> dict[str, Any]:
    return get_type_hints(globals()[name])


def _as(hint: Any, value: Any) -> Any:
    """A JSON value as the type that a field has. Raises `TypeError`."""
    kind, of = get_origin(hint) or hint, get_args(hint)
    if kind is UnionType:
        return None if value is None else _as(of[0], value)
    if kind is tuple and isinstance(value, list):
        return tuple(_as(of[0], v) for v in value)
    if kind is dict and isinstance(value, dict):
        return {k: _as(of[1], v) for k, v in value.items()}
    if isinstance(kind, type) and issubclass(kind, _Typed) and isinstance(value, dict):
        return kind.from_json(value)
    if kind is float and type(value) in (int, float) and abs(value) < MOST:
        return float(value)
    if kind is Any or (type(value) is kind and kind in (str, int)):
        return value
    raise TypeError


@dataclass(frozen=True)
class Entry(_Typed):
    """What run.json says of one variant.

    fingerprint:   the digests of all that the numbers depend on, by name; of a run over several
                   seeds, those of each seed.
    digest:        of the numbers themselves, so that a file which was edited or exchanged is
                   noticed; empty in folders of earlier versions.
    seconds:       the time that computing took, and in ``epoch_seconds`` each epoch.
    timing:        measured times behind figures.
    """

    fingerprint: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    seconds: float = 0.0
    epoch_seconds: tuple[float, ...] = ()
    peak_memory_mb: float = 0.0
    status: str = ""
    timing: dict[str, Any] = field(default_factory=dict)

    def changed(self, now: Mapping[str, str]) -> list[str]:
        """The parts of a fingerprint that are not what they were."""
        return [k for k in now if any(then.get(k) != now[k] for then in self._fingerprints())]

    def _fingerprints(self) -> Iterator[Mapping[str, Any]]:
        """One, or that of each seed."""
        of_seeds = [f for f in self.fingerprint.values() if isinstance(f, dict)]
        yield from of_seeds or [self.fingerprint]


@dataclass(frozen=True)
class RunFile(_Typed):
    """What run.json says of a run.

    status: ``running``, ``done``, ``incomplete``, ``diverged``, ``failed`` or ``interrupted``;
            empty where nothing has run.
    seeds:  none where nothing is drawn at random.
    data:   ``name``, ``source``, ``provenance`` and ``sha256``; None without data.
    """

    question: str = ""
    command: str = ""
    status: str = ""
    backend: str = ""
    seeds: tuple[int, ...] = ()
    device: str = "cpu"
    precision: str = "highest"
    threads: int = 1
    data: dict[str, str] | None = None
    variants: dict[str, Entry] = field(default_factory=dict)
    finished: str = ""
    environment: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.data is not None and not {"name", "source"} <= self.data.keys():
            object.__setattr__(self, "data", None)

    @property
    def packages(self) -> dict[str, Any]:
        """The versions of packages that it was computed with."""
        found = self.environment.get("packages")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Config(_Typed):
    """What config.yaml says: the settings of each variant, resolved, and how it was computed."""

    question: str = ""
    title: str = ""
    backend: str = ""
    device: str = "cpu"
    precision: str = "highest"
    seeds: tuple[int, ...] = ()
    data: dict[str, str] | None = None
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def seeds_of_variants(self) -> tuple[int, ...]:
        """The seeds among the settings: one, of a run that has one."""
        found = [settings.get("seed") for settings in self.variants.values()]
        return tuple(sorted({seed for seed in found if isinstance(seed, int)}))
