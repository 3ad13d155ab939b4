"""A hand-in's updates beside a reference's, one at a time, each from where the hand-in stood.

Since both make every update from the same parameters, rounding does not add up, and the first
update that differs is the first that is made differently.

Differences are relative to the largest entry that a parameter has before and after the update.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw.grading.layout import Layout
from hw.grading.material import Array, Material
from hw.grading.references import Reference

TOLERANCE = 1e-9
SINGLE = 1e-5  # of a hand-in that keeps float32 numbers

Parameters = Mapping[str, Array]


@dataclass(frozen=True)
class Parting:
    """The first call after which a parameter differs.

    call:       its number, from 1.
    expected, actual: the values of the parameter after it.
    before:     and before it.
    """

    call: int
    parameter: str
    difference: float
    before: Array
    expected: Array
    actual: Array
    differing: tuple[str, ...]

    @property
    def values(self) -> tuple[Array, Array, Array]:
        return self.before, self.expected, self.actual

    @property
    def entry(self) -> tuple[int, ...]:
        """The index of the entry that differs most."""
        return most_apart(self.expected, self.actual)[0]


@dataclass(frozen=True, eq=False)
class Walk:
    """What a hand-in's parameters were before and after each of some calls.

    rows:   the examples of each call.
    states: one more than calls, in the reference's names and shapes.
    l2:     the penalty that the calls asked for.
    """

    material: Material
    layout: Layout
    rows: Sequence[Array]
    states: Sequence[Parameters]
    l2: float = 0.0
    tolerance: float = TOLERANCE

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def n_each(self) -> int:
        return len(self.rows[0])

    @cached_property
    def finite(self) -> int:
        """How many calls there are before one that leaves the finite numbers."""
        fine = (all(np.isfinite(p).all() for p in s.values()) for s in self.states[1:])
        return next((call for call, is_fine in enumerate(fine) if not is_fine), len(self))

    def make(self, reference: type[Reference], call: int) -> Reference:
        """A reference that stands where the hand-in stood before a call, from 0."""
        m = self.material
        made = reference(self.layout.sizes, m.eta, self.l2, activation=m.activation)
        made.load(self.states[call])
        return made

    def step(self, reference: type[Reference], call: int) -> tuple[dict[str, Array], float]:
        """The parameters of a reference after a call, and the loss that it reports."""
        made, rows = self.make(reference, call), self.rows[call]
        with np.errstate(all="ignore"):
            loss = made.epoch(self.material.X[rows], self.material.y[rows])
        return made.parameters(), loss

    def attempt(self, reference: type[Reference], call: int) -> dict[str, Array] | None:
        """The parameters after a call; None for a mutant that cannot make it."""
        try:
            return self.step(reference, call)[0]
        except (ValueError, IndexError, TypeError, ArithmeticError):
            return None

    def agrees(self, reference: type[Reference], call: int) -> bool:
        """Whether a reference makes a call as the hand-in did; what is infinite or no number must
        be so in both."""
        after, actual = self.attempt(reference, call), self.states[call + 1]
        return after is not None and all(
            self.same(call, name, after[name], actual[name]) for name in after
        )

    def same(self, call: int, name: str, a: Array, b: Array) -> bool:
        """Whether two values of a parameter after a call are equal, but for rounding."""
        return self._apart(call, name, a, b) <= self.tolerance

    def _apart(self, call: int, name: str, a: Array, b: Array) -> float:
        # A step of η is one of a gradient of 1: what is far below that is rounding, even where a
        # parameter is zero.
        return difference(self.states[call][name], a, b, least=self.material.eta)

    def parting(self, reference: type[Reference]) -> Parting | None:
        """Where the hand-in first makes another update than the reference; None if nowhere."""
        for call in range(len(self)):
            if self.agrees(reference, call):
                continue
            before, actual = self.states[call], self.states[call + 1]
            after, _ = self.step(reference, call)
            apart = {name: self._apart(call, name, after[name], actual[name]) for name in after}
            worst = max(apart, key=apart.__getitem__)
            differing = tuple(n for n, d in apart.items() if d > self.tolerance)
            return Parting(
                call + 1, worst, apart[worst], before[worst], after[worst], actual[worst], differing
            )
        return None


def most_apart(expected: Array, actual: Array, most: int = 1) -> list[tuple[int, ...]]:
    """The indices of the entries that differ most, the largest difference first."""
    apart = np.nan_to_num(np.abs(expected - actual), nan=np.inf)
    order = np.argsort(-apart, axis=None, kind="stable")[:most]
    return [tuple(int(i) for i in np.unravel_index(int(flat), apart.shape)) for flat in order]


def difference(before: Array, expected: Array, actual: Array, least: float = 0.0) -> float:
    """The largest difference of two arrays as a share of their largest entry, or of ``least`` where
    that is more; infinite where one has a finite number and the other has not."""
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    if bool(same.all()):
        return 0.0
    arrays = (before, expected[~same], actual[~same])
    scale = max(least, *(float(np.abs(a).max(initial=0)) for a in arrays))
    if not math.isfinite(scale):
        return math.inf
    return float(np.abs(expected - actual)[~same].max()) / scale
