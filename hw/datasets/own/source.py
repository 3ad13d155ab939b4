"""What a file of one's own holds, whatever its form: splits, shapes, classes.

Conventions: N examples; the one set of a file without splits is called `POOL`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hw.config.data import SPLITS, Declared
from hw.datasets import formats
from hw.datasets.features import Array
from hw.errors import DataError, did_you_mean

POOL = "all"
# How files call a split.
ALSO: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
# Whole numbers beyond this are hardly classes.
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Facts:
    """What is known of a data set without its features.

    counts:      examples of each split of the file.
    shape:       of one example.
    class_names: empty for a regression.
    words:       the labels are the classes' names, not their numbers.
    first:       the number of the first class, 0 or 1.
    is_bytes:    features are pixels of one byte.
    """

    counts: dict[str, int]
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    is_bytes: bool
    words: bool = False
    first: int = 0

    def encode(self, labels: Array, path: Path) -> Array:
        """Labels as (N,) int64 in the order of the classes, or targets as (N,) float64."""
        flat = labels.reshape(-1)
        if not self.class_names:
            targets = flat.astype(np.float64)
            if not np.isfinite(targets).all():
                raise formats.problem(path, "targets that are not finite numbers")
            return targets
        if not self.words:
            return flat.astype(np.int64) - self.first
        numbers = {name: k for k, name in enumerate(self.class_names)}
        return np.array([numbers[str(word)] for word in flat], dtype=np.int64)


class Source(ABC):
    """A declared data set in a folder. Subclasses know a form of file."""

    def __init__(self, declared: Declared, root: Path) -> None:
        self.declared, self.root = declared, root
        self.keys: Mapping[str, Any] = declared.keys

    def __hash__(self) -> int:
        return hash((self.declared.name, self.root))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Source)
            and (self.root, self.declared) == (other.root, other.declared)
        )  # fmt: skip

    def elsewhere(self, path: Path) -> Source:
        """The same declaration of another file."""
        declared = replace(self.declared, keys={**self.keys, "file": path.name})
        return type(self)(declared, path.parent)

    @property
    def task_is_regression(self) -> bool | None:
        """Whether the declaration says so; None where the labels will tell."""
        return True if "targets" in self.keys else None

    @property
    def label_key(self) -> str:
        return "targets" if "targets" in self.keys else "labels"

    # Where things are

    def is_there(self) -> bool:
        """Whether there is a file at all, sound or not."""
        return all((self.root / file).is_file() for file in self.files)

    @property
    def files(self) -> tuple[str, ...]:
        """The files, seen from the root; those that are missing by the names they should have."""
        return tuple(dict.fromkeys(self._file(split) for split in self.splits))

    def path(self, split: str) -> Path:
        return self.root / self._file(split)

    def _file(self, split: str) -> str:
        file = self.keys["file"]
        if isinstance(file, dict):
            return str(file.get(split, next(iter(file.values()))))
        names = [file.replace("{split}", word) for word in ALSO.get(split, (split,))]
        return str(next((n for n in names if (self.root / n).is_file()), names[0]))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the files, or `POOL`."""
        for key in ("file", "features", "labels", "targets"):
            if isinstance(self.keys.get(key), dict):
                return tuple(split for split in SPLITS if split in self.keys[key])
        if "{split}" in str(self.keys["file"]):
            found = tuple(s for s in SPLITS if (self.root / self._file(s)).is_file())
            return found if "train" in found else SPLITS
        patterns = (str(self.keys.get(k, "")) for k in ("features", "labels", "targets"))
        return self._splits_inside() if any("{split}" in p for p in patterns) else (POOL,)

    def _splits_inside(self) -> tuple[str, ...]:
        """The splits of a file whose names hold ``{split}``."""
        return SPLITS

    def name(self, key: str, split: str, there: Iterable[str]) -> str:
        """The array or column that ``key`` names for a split, as the file calls it. Raises
        `DataError` with the nearest one that is ``there``."""
        pattern, there = self.keys.get(key, ""), list(there)
        if isinstance(pattern, dict):
            pattern = pattern.get(split, "")
        names = [str(pattern).replace("{split}", word) for word in ALSO.get(split, (split,))]
        for name in names:
            if name in there:
                return name
        holds = ", ".join(there[:20])
        if not pattern:
            raise DataError(
                f"{self.declared.path}: data: {key} is missing; {self.path(split)} holds {holds}"
            )
        raise DataError(
            f"{self.path(split)}: there is no {key} {names[0]!r}{did_you_mean(names[0], there)}"
            f" (it holds {holds})"
        )

    # What is in them

    @abstractmethod
    def read(self) -> dict[str, tuple[Array, Array]]:
        """Features (N, ...) and labels (N,), as the files have them, by split."""

    @abstractmethod
    def outline(self) -> tuple[dict[str, int], tuple[int, ...], bool, dict[str, Array]]:
        """Counts by split, the shape of an example, whether features are bytes, and the labels by
        split, without reading features where that can be."""

    def facts(self) -> Facts:
        """What the files are, once they are what was declared. Raises `DataError`."""
        counts, shape, is_bytes, labels = self.outline()
        path = self.path(next(iter(counts)))
        declared = shape_of(self.keys)
        if declared and shape != declared:
            raise formats.problem(path, f"examples of shape {shape}, declared as {declared}")
        for split, count in self.keys.get("counts", {}).items():
            if counts.get(split) != count:
                raise formats.problem(
                    path, f"{split} has {counts.get(split, 0)} examples, declared as {count}"
                )
        names, words, first = self._classes(labels, path)
        return Facts(counts, shape, names, is_bytes, words, first)

    def declared_facts(self) -> Facts | None:
        """What the declaration alone says; None where it does not say enough for a stand-in."""
        shape, classes = shape_of(self.keys), self.keys.get("classes")
        if not shape or (classes is None and not self.task_is_regression):
            return None
        names = tuple(classes) if isinstance(classes, list) else _numbers(classes or 0)
        is_bytes = len(shape) > 1 and ("scale" in self.keys or "standardise" in self.keys)
        return Facts(dict(self.keys.get("counts", {})), shape, names, is_bytes)

    def _classes(
        self, labels: Mapping[str, Array], path: Path
    ) -> tuple[tuple[str, ...], bool, int]:
        """The names of the classes, none for a regression; whether labels are these names; and the
        number of the first class."""
        declared = self.keys.get("classes")
        every = np.concatenate([found.reshape(-1) for found in labels.values()])
        if every.dtype.kind == "U":
            return self._named(sorted({str(word) for word in every}), path), True, 0
        whole = every.dtype.kind in "iub" or bool((every == np.floor(every)).all())
        if self.task_is_regression or (not whole and declared is None):
            return (), False, 0
        if not whole:
            raise formats.problem(path, "labels that are no whole numbers")
        low, high = int(every.min()), int(every.max())
        if declared is None and high >= MOST_CLASSES:
            raise formats.problem(
                path, f"labels up to {high} are hardly classes; name them targets, for a regression"
            )
        n = len(declared) if isinstance(declared, list) else declared
        # Counted from 1, as some tools do: then there is no 0, and the last one is the number.
        first = int(low == 1 and n in (None, high))
        n = n or high + 1 - first
        if low < first or high >= n + first:
            wrong = low if low < first else high
            raise formats.problem(path, f"a label is {wrong}, outside the classes 0 to {n - 1}")
        return tuple(declared) if isinstance(declared, list) else _numbers(n, first), False, first

    def _named(self, found: list[str], path: Path) -> tuple[str, ...]:
        declared = self.keys.get("classes")
        if self.task_is_regression:
            raise formats.problem(path, f"a target is {found[0]!r}; a regression needs numbers")
        if isinstance(declared, list):
            strange = [name for name in found if name not in declared]
            if strange:
                raise formats.problem(
                    path, f"a class is called {strange[0]!r}{did_you_mean(strange[0], declared)}"
                )
            return tuple(declared)
        if isinstance(declared, int) and declared != len(found):
            raise formats.problem(path, f"{len(found)} classes, declared as {declared}")
        return tuple(found)


def shape_of(keys: Mapping[str, Any]) -> tuple[int, ...]:
    shape = keys.get("shape", ())
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _numbers(n: int, first: int = 0) -> tuple[str, ...]:
    return tuple(str(first + k) for k in range(n))
