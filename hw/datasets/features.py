"""Features of many examples, kept as small as they come and scaled as they are gathered.

Conventions: N examples, D features, B examples of a block.

Images stay bytes (one byte a pixel instead of eight): the landscapes' training set is 87 MB as
bytes and 698 MB as float64. A block of rows is scaled while it is gathered, to the very numbers
that scaling the whole array would have given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Features:
    """N rows of D features.

    stored: (N, D), uint8 pixels or floats.
    table:  (256,) float64, the value of each byte (``arange(256) / 256``); None if ``stored`` is
            already what a model sees.
    """

    stored: Array
    table: Array | None = None

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def width(self) -> int:
        return int(self.stored.shape[1])

    def take(self, rows: Array | slice, dtype: Any = np.float64, out: Array | None = None) -> Array:
        """Rows ``rows`` as floats, (B, D); written to ``out`` where given.

        ``out`` may be wider than D (a column of ones beside the features, say): its first D
        columns are written.
        """
        block = self.stored[rows]
        if out is None:
            out = np.empty((len(block), self.width), dtype)
        target = out[: len(block), : self.width]
        if self.table is None:
            target[...] = block
        elif self.is_power_of_two_scale:
            # One pass, and exact: a power of two only moves the exponent.
            np.multiply(block, target.dtype.type(self.table[1]), out=target, casting="unsafe")
        else:
            np.take(self.table.astype(target.dtype), block, out=target)
        return target

    @cached_property
    def is_power_of_two_scale(self) -> bool:
        """Whether a byte times ``table[1]`` is its value, exactly in every floating type."""
        table = self.table
        return table is not None and bool(
            np.frexp(table[1])[0] == 0.5 and np.array_equal(table, np.arange(256) * table[1])
        )

    def blocks(self, size: int, dtype: Any = np.float64) -> Iterator[tuple[slice, Array]]:
        """The rows in file order, ``size`` at a time, in one reused buffer."""
        out = np.empty((min(size, len(self)), self.width), dtype)
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.take(rows, dtype, out)

    def select(self, rows: Array | slice) -> Features:
        """The same features of some of the rows."""
        return Features(self.stored[rows], self.table)


def pixels(stored: Array, divisor: int) -> Features:
    """Bytes (N, D) read as ``byte / divisor``."""
    return Features(stored, np.arange(256) / divisor)


@dataclass(frozen=True)
class Split:
    """Features (N, D) with labels (N,) int64, or with regression targets (N,) float64."""

    features: Features
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set as a question sees it.

    source:     ``real`` or ``stand-in``.
    provenance: ``published file`` (known by its hash, or recognised), ``other bytes`` or
                ``stand-in``.
    sha256:     of the file(s) it was read from (of the arrays, for a stand-in).
    splits:     ``train``, ``validation``, ``test``; a homework without one of them lacks it.
    n_classes:  0 for regression.
    """

    name: str
    source: str
    provenance: str
    sha256: str
    splits: dict[str, Split]
    n_classes: int
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def train(self) -> Split:
        return self.splits["train"]

    @property
    def n_features(self) -> int:
        return self.train.features.width

    def describe(self) -> dict[str, str]:
        return {
            "name": self.name,
            "source": self.source,
            "provenance": self.provenance,
            "sha256": self.sha256,
        }
