"""Any number of runs side by side: where their settings differ, and what numbers they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.figures import provenance
from hw.results.export import flat
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.results.run_file import Config

# The metrics that say most, where a table has no room for all.
HEADLINES = (
    *("train_accuracy", "validation_accuracy", "test_accuracy"),
    *("train_loss", "validation_loss", "test_loss"),
)


@dataclass(frozen=True)
class Side:
    """One of the runs: its name, and what its folder holds."""

    name: str
    path: Path
    outcomes: dict[str, Outcome]
    config: Config
    about: dict[str, Any]

    @classmethod
    def read(cls, name: str, path: Path) -> Side:
        """Raises `HwError` for a folder without results."""
        found = Folder(path).read()
        data = found.run.data or {}
        about = {
            "question": found.config.question or None,
            "backend": found.config.backend or None,
            "seeds": list(found.run.seeds),
            "device": found.run.device,
            "data": data.get("name"),
            "data source": data.get("source"),
            "data sha256": data.get("sha256", "")[:16] or None,
            "python": found.run.environment.get("python"),
            **found.run.packages,
        }
        return cls(name, path, found.outcomes, found.config, about)

    @property
    def is_on_stand_in(self) -> bool:
        return bool(self.about["data source"] == "stand-in")


@dataclass(frozen=True)
class Matched:
    """Variants that belong together, one of each side.

    outcomes: None of a side that lacks the variant.
    """

    name: str
    outcomes: list[Outcome | None]
    settings: list[Mapping[str, Any]]


def matched(sides: Sequence[Side]) -> list[Matched]:
    """Variants by their names; where every side has just one, they are meant for one another."""
    if all(len(s.outcomes) == 1 for s in sides):
        variants = [next(iter(s.outcomes)) for s in sides]
        together = [(" | ".join(dict.fromkeys(variants)), variants)]
    else:
        names = dict.fromkeys(v for s in sides for v in s.outcomes)
        together = [(name, [name] * len(sides)) for name in names]
    return [
        Matched(
            name,
            [s.outcomes.get(v) for s, v in zip(sides, variants, strict=True)],
            [s.config.variants.get(v, {}) for s, v in zip(sides, variants, strict=True)],
        )
        for name, variants in together
    ]


def letter(number: int) -> str:
    """a, b, … z, aa, ab, …: what a side is called in a document."""
    rest, last = divmod(number, 26)
    return (letter(rest - 1) if rest else "") + "abcdefghijklmnopqrstuvwxyz"[last]


def letters(sides: Sequence[Any]) -> list[str]:
    return [letter(number) for number in range(len(sides))]


def compare(sides: Sequence[Side]) -> dict[str, Any]:
    """What runs have in common and where they differ, as plain JSON: a value for each side under
    its letter. Of two, also the difference of every metric."""
    named = letters(sides)
    settings, metrics = [], []
    for key, values in _rows([s.about for s in sides]):
        settings.append({"variant": "", "setting": key, **dict(zip(named, values, strict=True))})
    for one in matched(sides):
        about = {"variant": one.name}
        for key, values in _rows(one.settings):
            settings.append({**about, "setting": key, **dict(zip(named, values, strict=True))})
        numbers = [flat(o.all_metrics()) if o else {} for o in one.outcomes]
        for key, values in _rows(numbers):
            row = {**about, "metric": key, **dict(zip(named, values, strict=True))}
            if len(sides) == 2:
                left, right = values
                row["difference"] = None if left is None or right is None else right - left
            metrics.append(row)
    digests = {provenance.results_digest(s.outcomes) for s in sides}
    return {
        **dict(zip(named, [s.name for s in sides], strict=True)),
        "folders": dict(zip(named, [str(s.path.resolve()) for s in sides], strict=True)),
        "identical": len(digests) == 1,
        "settings": settings,
        "metrics": metrics,
    }


def differing(sides: Sequence[Side]) -> list[str]:
    """The names of the settings, and of what else is known of a run, that are not the same in
    all that have them; the seed once."""
    compared: list[Sequence[Mapping[str, Any]]] = [[s.about for s in sides]]
    compared += [one.settings for one in matched(sides)]
    found = dict.fromkeys(
        key
        for of_each in compared
        for key, values in _rows([side for side in of_each if side])
        if len({str(value) for value in values if value is not None}) > 1
    )
    return [key for key in found if key != "seeds" or "seed" not in found]


def headlines(sides: Sequence[Side]) -> list[str]:
    """The metrics that a table of many runs shows: those that say most, or else the first that
    there are."""
    known = dict.fromkeys(
        m for s in sides for o in s.outcomes.values() for m in flat(o.all_metrics())
    )
    return [m for m in HEADLINES if m in known] or list(known)[:6]


def _rows(sides: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Each key that one of them has, with the value of each."""
    for key in dict.fromkeys(key for side in sides for key in side):
        yield key, [side.get(key) for side in sides]
