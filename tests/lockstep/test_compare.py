from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from hw.lockstep.compare import compare, doubling, rounding
from hw.nn.errors import Diverged

Array = np.ndarray[Any, Any]


class Scripted:
    """A learner whose parameters are a function of how many updates it has made."""

    def __init__(self, at: Any, diverges: int | None = None) -> None:
        self.at, self.made, self.diverges = at, 0, diverges
        self.taken_over: list[Mapping[str, Array]] = []

    def advance(self, updates: int) -> None:
        self.made += updates
        if self.diverges is not None and self.made >= self.diverges:
            raise Diverged(self.made)

    def parameters(self) -> dict[str, Array]:
        return {k: np.asarray(v) for k, v in self.at(self.made).items()}

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        self.taken_over.append(dict(parameters))

    def train_epoch(self) -> dict[str, float]:
        return {}

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        return {}

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {}


class Growing:
    """x <- factor x, or with a defect, factor x + defect: rounding grows where factor is large."""

    def __init__(self, factor: float, defect: float = 0.0) -> None:
        self.factor, self.defect = factor, defect
        self.x = np.array([1.0, -0.7, 0.3])

    def advance(self, updates: int) -> None:
        for _ in range(updates):
            # Like training above the stable step size: bounded, and never twice the same.
            self.x[:] = np.sin(self.factor * self.x) + self.defect

    def parameters(self) -> dict[str, Array]:
        return {"x": self.x}

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        self.x[:] = parameters["x"]

    train_epoch = measure = plots = None  # type: ignore[assignment]


def pair(a: Any, b: Any) -> tuple[Any, Any]:
    return Scripted(a), Scripted(b)


def test_a_row_for_the_start_and_for_each_update() -> None:
    found = compare(*pair(lambda n: {"w": [1.0, n]}, lambda n: {"w": [1.0, n]}), 3)
    assert found.updates == [0, 1, 2, 3]
    assert found.differences == [{"w": 0.0}] * 4
    assert (found.parting, found.diverged, found.largest) == (None, None, 0.0)


def test_where_they_part_is_the_first_update_and_its_worst_parameter() -> None:
    a = lambda n: {"w": [2.0, 1.0], "b": [4.0]}  # noqa: E731
    b = lambda n: {"w": [2.0, 1.0 + 1e-3 * (n > 1)], "b": [4.0 + 1.0 * (n > 1)]}  # noqa: E731
    found = compare(*pair(a, b), 9)
    assert found.updates == [0, 1, 2], "it stops there"
    assert found.parting is not None
    assert (found.parting.update, found.parting.parameter) == (2, "b")
    assert found.parting.difference == pytest.approx(1 / 5)
    assert found.differences[2]["w"] == pytest.approx(1e-3 / 2)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_no_number_never_passes(bad: float, first: bool) -> None:
    names = ("a", "b") if first else ("b", "a")  # whichever is compared first
    a = lambda n: {names[0]: [1.0], names[1]: [1.0]}  # noqa: E731
    b = lambda n: {names[0]: [1.0], names[1]: [bad if n else 1.0]}  # noqa: E731
    found = compare(*pair(a, b), 5, tolerance=1e9)
    assert found.diverged == 1
    assert found.largest == math.inf
    both = compare(*pair(b, b), 5)
    assert both.diverged == 1


def test_a_divergence_of_either_ends_the_comparison() -> None:
    same = lambda n: {"w": [1.0]}  # noqa: E731
    found = compare(Scripted(same), Scripted(same, diverges=4), 9)
    assert (found.diverged, found.updates) == (4, [0, 1, 2, 3])


def test_a_parameter_that_passes_through_zero_keeps_its_scale() -> None:
    """A bias that comes back to rounding dust is no difference of 100 %."""
    a = lambda n: {"b": [1.0 if n == 1 else 1e-17]}  # noqa: E731
    b = lambda n: {"b": [1.0 if n == 1 else -1e-17]}  # noqa: E731
    a0 = lambda n: {"b": [0.0]} if not n else a(n)  # noqa: E731
    b0 = lambda n: {"b": [0.0]} if not n else b(n)  # noqa: E731
    assert compare(*pair(a0, b0), 5).largest < 1e-16


def test_names_and_shapes_must_be_the_same() -> None:
    with pytest.raises(ValueError, match="name"):
        compare(*pair(lambda n: {"w": [1.0]}, lambda n: {"v": [1.0]}), 1)
    with pytest.raises(ValueError, match="shape"):  # not broadcast
        compare(*pair(lambda n: {"w": [[1.0]]}, lambda n: {"w": [1.0]}), 1)


def test_several_updates_between_comparisons_and_who_is_told() -> None:
    told: list[int] = []
    same = lambda n: {"w": [1.0]}  # noqa: E731
    a, b = pair(same, same)
    found = compare(a, b, 7, every=3, tell=told.append)
    assert found.updates == told == [0, 3, 6, 7]
    assert (a.made, b.made) == (7, 7)
    assert b.taken_over == []


def test_rounding_that_training_amplifies_is_told_from_a_defect() -> None:
    chaotic = compare(Growing(2.9), Moved(2.9), 200)
    assert chaotic.parting is not None, "one unit in the last place grows without bound"
    alone = compare(Growing(2.9), Moved(2.9), 200, together=True)
    assert alone.parting is None
    assert 0 < alone.largest < 1e-14
    yardstick = rounding(lambda: Growing(2.9), 200)
    assert yardstick.parting is not None
    assert 1 <= yardstick.parting.update <= 2 * chaotic.parting.update

    defect = compare(Growing(2.9), Growing(2.9, 1e-6), 200, together=True)
    assert defect.parting is not None
    assert defect.parting.update == 1
    steady = rounding(lambda: Growing(0.9), 200)
    assert steady.parting is None, "what is not amplified stays"
    assert 0 < steady.largest < 1e-14


class Moved(Growing):
    """The same function, rounded another way."""

    def advance(self, updates: int) -> None:
        super().advance(updates)
        self.x[:] = np.nextafter(self.x, 2)


def test_doubling_is_read_off_a_growth() -> None:
    updates = list(range(40))
    assert doubling(updates, [2.0 ** (u / 5) for u in updates]) == pytest.approx(5)
    assert doubling(updates, [2.0**-u for u in updates]) is None
    assert doubling(updates, [0.0] * 40) is None
    assert doubling([0, 1], [1.0, 2.0]) is None
