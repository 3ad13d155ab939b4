"""Two implementations side by side: the same start, batches and masks, and where they part.

Differences are relative to the largest entry that a parameter has had so far, since single
entries pass through zero, and a bias whose classes have all been seen equally often comes back
there as a whole. Updates are counted from 1; update 0 is the start itself.

Where they part, two more walks say why. Rounding is amplified by some trainings (a step size above
what is stable, a network whose units switch), so that two correct programs part as a program parts
from itself. `compare` with ``together`` puts both at the same parameters again after every update,
so that nothing accumulates: a defect still shows, rounding does not. `rounding` is the yardstick:
how fast one implementation parts from itself, its parameters moved by one unit in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hw.nn.errors import Diverged
from hw.training.loop import Learner
from hw.training.nudge import nudged

Array = np.ndarray[Any, Any]
Row = dict[str, float]


@dataclass(frozen=True)
class Parting:
    """The first update after which a parameter differs by more than the tolerance."""

    update: int
    parameter: str
    difference: float


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    differences: the largest relative difference of each parameter by its name, a row for each
                 comparison; infinite where a value is not a finite number.
    parting:     where they parted; None if they did not.
    updates:     after which update each row was taken.
    diverged:    the update after which one of the two, or both, had left the finite numbers; None
                 if neither did.
    """

    differences: list[Row]
    parting: Parting | None
    updates: list[int] = field(default_factory=list)
    diverged: int | None = None

    @property
    def largest(self) -> float:
        return max(self.worst)

    @property
    def worst(self) -> list[float]:
        """The largest difference of any parameter, row by row."""
        return [max(row.values()) for row in self.differences]


def compare(
    a: Learner,
    b: Learner,
    updates: int,
    tolerance: float = 1e-9,
    every: int = 1,
    start: int = 0,
    together: bool = False,
    tell: Callable[[int], None] | None = None,
) -> Comparison:
    """Walk two learners through the same updates, ``start`` to ``updates``, comparing every
    parameter at the start and after each ``every`` of them. Stops where they part.

    The learners must have been made with the same draws.

    start:    how many updates both have made already.
    together: after each comparison, ``b`` takes over the parameters of ``a``.
    tell:     told after which update each comparison was made.
    """
    rows: list[Row] = []
    taken: list[int] = []
    scales: dict[str, float] = {}
    update = start
    while True:
        mine, theirs = a.parameters(), b.parameters()
        if mine.keys() != theirs.keys():
            raise ValueError(f"parameters differ in name: {sorted(mine)} and {sorted(theirs)}")
        for name in mine:
            largest = max(_largest(mine[name]), _largest(theirs[name]))
            scales[name] = max(scales.get(name, 0.0), largest)
        rows.append({name: _difference(mine[name], theirs[name], scales[name]) for name in mine})
        taken.append(update)
        if tell:
            tell(update)
        name = max(rows[-1], key=rows[-1].__getitem__)
        if not all(np.isfinite(p).all() for p in (*mine.values(), *theirs.values())):
            return Comparison(rows, None, taken, diverged=update)
        if rows[-1][name] > tolerance:
            return Comparison(rows, Parting(update, name, rows[-1][name]), taken)
        if update >= updates:
            return Comparison(rows, None, taken)
        if together:
            b.load_parameters(mine)
        step = min(every, updates - update)
        update += step
        if not (_advance(a, step) and _advance(b, step)):
            return Comparison(rows, None, taken, diverged=update)


def _advance(learner: Learner, updates: int) -> bool:
    """Whether the learner is still among the finite numbers after so many more updates."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            learner.advance(updates)
    except Diverged:
        return False
    return True


def rounding(
    make: Callable[[], Learner], updates: int, tolerance: float = 1e-9, every: int = 1
) -> Comparison:
    """How far an implementation parts from itself through rounding alone: the yardstick for two.

    After the first update (linear models start at zero, where there is nothing to round) every
    parameter of the second copy is moved by one unit in the last place, up or down at random.
    """
    a, b = make(), make()
    if not (_advance(a, 1) and _advance(b, 1)):
        return Comparison([{"": 0.0}], None, [0], diverged=1)
    b.load_parameters(nudged(b.parameters()))
    return compare(a, b, updates, tolerance, every, start=1)


def _largest(a: Array) -> float:
    largest = float(np.abs(a).max(initial=0))
    return largest if math.isfinite(largest) else math.inf


def _difference(a: Array, b: Array, scale: float) -> float:
    """The largest difference of two arrays as a share of ``scale``; infinite where that is not a
    finite number. Raises `ValueError` if their shapes differ."""
    if a.shape != b.shape:
        raise ValueError(f"parameters differ in shape: {a.shape} and {b.shape}")
    if scale == 0:
        return 0.0
    if not math.isfinite(scale):  # a comparison that not-a-number passes would be none
        return math.inf
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()) / scale


def doubling(updates: Sequence[int], worst: Sequence[float]) -> float | None:
    """In how many updates the difference doubles, by a line through the logarithms of its second
    half; None where it does not grow, or where there is too little to tell."""
    half = len(updates) // 2
    points = [
        (u, math.log2(w))
        for u, w in zip(updates[half:], worst[half:], strict=True)
        if w > 0 and math.isfinite(w)
    ]
    if len(points) < 5:
        return None
    u, y = np.array(points).T
    u = u - u.mean()
    slope = float(u @ y / (u @ u))
    return 1 / slope if slope > 0 else None
