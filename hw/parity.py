"""Two implementations side by side: the same start, batches and masks, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.training import Learner


@dataclass(frozen=True)
class Parting:
    """The first update after which a parameter differs by more than the tolerance."""

    update: int
    parameter: str
    difference: float


@dataclass(frozen=True)
class Parity:
    """What a comparison found.

    differences: for every update, counted from 0 (the start itself), the largest relative
                 difference of each parameter by its name.
    parting:     where they parted; None if they did not.
    """

    differences: list[dict[str, float]]
    parting: Parting | None

    @property
    def largest(self) -> float:
        return max(max(row.values()) for row in self.differences)


def compare(a: Learner, b: Learner, updates: int, tolerance: float = 1e-9) -> Parity:
    """Walk two learners through the same ``updates``, comparing every parameter after each.

    The learners must have been made with the same draws. Differences are relative to the largest
    entry of the parameter, since single entries pass through zero. Stops where they part.
    """
    rows: list[dict[str, float]] = []
    for update in range(updates + 1):
        if update:
            a.advance(1)
            b.advance(1)
        mine, theirs = a.parameters(), b.parameters()
        if mine.keys() != theirs.keys():
            raise ValueError(f"parameters differ in name: {sorted(mine)} and {sorted(theirs)}")
        rows.append({name: _difference(mine[name], theirs[name]) for name in mine})
        name = max(rows[-1], key=rows[-1].__getitem__)
        if not rows[-1][name] <= tolerance:  # nan parts too
            return Parity(rows, Parting(update, name, rows[-1][name]))
    return Parity(rows, None)


def _difference(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    if scale == 0:
        return 0.0
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()) / scale
