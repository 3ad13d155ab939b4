"""Columns of a table, csv or parquet, as a data set of one's own."""

from __future__ import annotations

import csv
import fnmatch
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hw.datasets import formats
from hw.datasets.features import Array
from hw.datasets.own.source import Source
from hw.errors import DataError, MissingPackage, did_you_mean

Columns = Mapping[str, Sequence[Any]]
MOST_CELLS = 100_000_000


class _Table(Source):
    """One file, or one for each split, with a row an example and names above the columns."""

    @abstractmethod
    def _columns(self, path: Path) -> Columns:
        """The cells of every column, by its name, in the order of the file."""

    @cached_property
    def _tables(self) -> dict[str, Columns]:
        return {file: self._columns(self.root / file) for file in self.files}

    def read(self) -> dict[str, tuple[Array, Array]]:
        found = {}
        for split in self.splits:
            table, path = self._tables[self._file(split)], self.path(split)
            label = self.name(self.label_key, split, table)
            chosen = self._features(split, table, label)
            features = np.column_stack([_numbers(table[c], path, c) for c in chosen])
            found[split] = (features, _labels(table[label], path, label))
        return found

    def _features(self, split: str, table: Columns, label: str) -> list[str]:
        """The columns of features; all but the label's where none are named."""
        named = self.keys.get("features") or "*"
        named = named[split] if isinstance(named, dict) else named
        chosen: list[str] = []
        for pattern in [named] if isinstance(named, str) else named:
            matching = [c for c in table if c != label and fnmatch.fnmatchcase(c, pattern)]
            if not matching:
                raise DataError(
                    f"{self.path(split)}: there is no column {pattern!r}"
                    f"{did_you_mean(pattern, table)} (it holds {', '.join(list(table)[:20])})"
                )
            chosen += [c for c in matching if c not in chosen]
        return chosen

    def outline(self) -> tuple[dict[str, int], tuple[int, ...], bool, dict[str, Array]]:
        found = self.read()
        widths = {split: features.shape[1] for split, (features, _) in found.items()}
        if len(set(widths.values())) > 1:
            raise DataError(f"{self.path(self.splits[0])}: splits of {widths} columns")
        counts = {split: len(labels) for split, (_, labels) in found.items()}
        return (
            counts,
            (next(iter(widths.values())),),
            False,
            {split: labels for split, (_, labels) in found.items()},
        )


class Csv(_Table):
    """Values between commas (or semicolons, or tabs), the first row the columns' names."""

    def _columns(self, path: Path) -> Columns:
        with formats.refusing(path), path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            rows = csv.reader(file, delimiter=separator)
            names = [name.strip() for name in next(rows, [])]
            if not names or len(set(names)) < len(names) or not all(names):
                raise formats.problem(
                    path, "its first row must be the columns' names, all different"
                )
            columns: list[list[str]] = [[] for _ in names]
            cells = 0
            for row in rows:
                if not row:
                    continue
                if len(row) != len(names):
                    raise formats.problem(
                        path, f"line {rows.line_num} has {len(row)} cells, the first {len(names)}"
                    )
                cells += len(row)
                if cells > MOST_CELLS:
                    raise formats.problem(path, f"has more than {MOST_CELLS} cells")
                for column, cell in zip(columns, row, strict=True):
                    column.append(cell.strip())
            if not columns[0]:
                raise formats.problem(path, "has no rows below its first")
        return dict(zip(names, columns, strict=True))


class Parquet(_Table):
    """Columns as pandas reads them."""

    def _columns(self, path: Path) -> Columns:
        try:
            import pandas
        except ImportError as error:
            raise MissingPackage(
                f"{path}: parquet files need pandas: pip install 'hw[tables]', or save it as csv"
            ) from error
        with formats.refusing(path):
            frame = pandas.read_parquet(path)
            if frame.size > MOST_CELLS or not len(frame):
                raise formats.problem(path, f"has {frame.size} cells")
            return {str(name): frame[name].tolist() for name in frame.columns}


def _numbers(cells: Sequence[Any], path: Path, column: str) -> Array:
    """A column of numbers, (N,) float64."""
    try:
        found = np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        found = None
    if found is not None and np.isfinite(found).all():
        return found
    for row, cell in enumerate(cells):
        try:
            if np.isfinite(float(cell)):
                continue
        except (TypeError, ValueError):
            pass
        what = "empty" if cell in ("", None) else repr(cell)[:40]
        raise formats.problem(path, f"column {column}, example {row + 1} is {what}, not a number")
    raise formats.problem(path, f"column {column} holds no numbers")


def _labels(cells: Sequence[Any], path: Path, column: str) -> Array:
    """A column of labels: numbers, or else words."""
    if any(cell in ("", None) for cell in cells):
        row = next(i for i, cell in enumerate(cells) if cell in ("", None))
        raise formats.problem(path, f"column {column}, example {row + 1} is empty")
    try:
        return np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([str(cell) for cell in cells])
