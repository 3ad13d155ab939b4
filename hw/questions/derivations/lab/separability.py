"""Exact linear separability: a separating hyperplane or a proof that there is none.

Conventions: n points x_i in ℝᴰ with rational entries, labels y_i = ±1, signed rows
a_i = y_i (x_i, 1). A perceptron can be right on every point if and only if some (w, β) has
y_i (w·x_i + β) > 0 for all i (a finite set leaves room to turn ≥ into >). By Gordan's theorem
exactly one of these exists:

    a plane (w, β)        with a_i · (w, β) > 0 for all i;
    a certificate λ ≥ 0   with λ ≠ 0 and Σ_i λ_i a_i = 0.

The second rules out the first: Σ_i λ_i a_i·(w, β) would be both positive and zero. It also rules
out a perceptron for which sign(0) = +1: then a_i·(w, β) ≥ 0, strictly where y_i = -1, so that λ
could live on the points of class +1 only, where the last coordinate of the sum, Σ_i λ_i, is
positive. No training run can show what a certificate shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hw.errors import HwError

Point = Sequence[int | Fraction]

# The corners of the square {-1, +1}², and labels ±1 of theirs: XOR is beyond any hyperplane.
SIGNS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
XOR, AND = (-1, 1, 1, -1), (-1, -1, -1, 1)


@dataclass(frozen=True)
class Separation:
    """The answer for one labelled set: exactly one of the two is there, in whole numbers.

    plane:       (w_1, ..., w_D, β).
    certificate: (λ_1, ..., λ_n).
    """

    plane: tuple[int, ...] | None
    certificate: tuple[int, ...] | None

    @property
    def separable(self) -> bool:
        return self.plane is not None

    def words(self) -> str:
        """The answer as evidence says it."""
        if self.plane:
            return f"the plane {self.plane} separates them"
        return (
            f"certificate λ = {self.certificate}: Σ λ_i y_i (x_i, 1) = 0 with λ ≥ 0, so that no"
            " (w, β) has y_i (w·x_i + β) > 0 for all i"
        )


def separate(points: Sequence[Point], labels: Sequence[int]) -> Separation:
    """Decide linear separability of ``points`` (n, D) with ``labels`` (n,) = ±1, exactly.

    Phase one of the simplex method in rational arithmetic, with Bland's rule so that it ends:
    minimise the infeasibility of {Σ λ_i a_i = 0, Σ λ_i = 1, λ ≥ 0}. Infeasibility 0 is a
    certificate; otherwise the dual variables π satisfy π·(a_i, 1) ≤ 0 with a positive last entry,
    and minus their first part is a plane. The answer is checked before it is given.
    """
    rows = signed_rows(points, labels)
    solution, dual, infeasibility = _phase_one(rows)
    if infeasibility == 0:
        answer = Separation(None, _whole(solution))
        proven = is_certificate(points, labels, answer.certificate or ())
    else:
        answer = Separation(_whole([-u for u in dual[:-1]]), None)
        proven = is_plane(points, labels, answer.plane or ())
    if not proven:
        raise HwError("exact separability: the simplex method gave an answer that is no proof")
    return answer


def signed_rows(points: Sequence[Point], labels: Sequence[int]) -> list[list[Fraction]]:
    """The rows a_i = y_i (x_i, 1)."""
    return [
        [Fraction(y) * Fraction(x) for x in (*point, 1)]
        for point, y in zip(points, labels, strict=True)
    ]


def is_plane(points: Sequence[Point], labels: Sequence[int], plane: Point) -> bool:
    """Whether y_i (w·x_i + β) > 0 for every point."""
    rows = signed_rows(points, labels)
    return bool(plane) and all(
        sum(a * w for a, w in zip(row, plane, strict=True)) > 0 for row in rows
    )


def is_certificate(points: Sequence[Point], labels: Sequence[int], weights: Point) -> bool:
    """Whether λ ≥ 0, λ ≠ 0 and Σ λ_i y_i (x_i, 1) = 0: a proof that no plane exists."""
    rows = signed_rows(points, labels)
    balanced = all(
        sum(w * a for w, a in zip(weights, column, strict=True)) == 0
        for column in zip(*rows, strict=True)
    )
    return balanced and any(weights) and all(w >= 0 for w in weights)


def _phase_one(
    rows: Sequence[Sequence[Fraction]],
) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Minimise 1·s over λ, s ≥ 0 with Σ λ_i (a_i, 1) + s = (0, ..., 0, 1).

    Returns λ (n,), the dual variables (D+2,) and the least infeasibility 1·s.
    """
    n, size = len(rows), len(rows[0]) + 1
    columns = [[*row, Fraction(1)] for row in rows]
    tableau = [
        [column[r] for column in columns]
        + [Fraction(int(r == k)) for k in range(size)]
        + [Fraction(int(r == size - 1))]
        for r in range(size)
    ]
    # Reduced costs of the starting basis, the slack variables s; the last entry is minus 1·s.
    cost = [-sum(column, Fraction(0)) for column in columns]
    cost += [Fraction(0)] * size + [Fraction(-1)]
    basis = list(range(n, n + size))
    while (enters := next((j for j in range(n + size) if cost[j] < 0), None)) is not None:
        # The objective is bounded below by zero, so that some entry is always positive.
        _, _, leaves = min(
            (tableau[r][-1] / tableau[r][enters], basis[r], r)
            for r in range(size)
            if tableau[r][enters] > 0
        )
        pivot = tableau[leaves] = [x / tableau[leaves][enters] for x in tableau[leaves]]
        for r in range(size):
            if r != leaves and tableau[r][enters]:
                tableau[r] = _minus(tableau[r], tableau[r][enters], pivot)
        cost = _minus(cost, cost[enters], pivot)
        basis[leaves] = enters
    solution = [Fraction(0)] * n
    for r, variable in enumerate(basis):
        if variable < n:
            solution[variable] = tableau[r][-1]
    dual = [1 - cost[n + k] for k in range(size)]
    return solution, dual, -cost[-1]


def _minus(row: list[Fraction], factor: Fraction, pivot: list[Fraction]) -> list[Fraction]:
    return [x - factor * p for x, p in zip(row, pivot, strict=True)]


def _whole(numbers: Sequence[Fraction]) -> tuple[int, ...]:
    """The smallest whole numbers in the same positive proportion."""
    scale = math.lcm(*(x.denominator for x in numbers))
    whole = [int(x * scale) for x in numbers]
    divisor = math.gcd(*whole) or 1
    return tuple(x // divisor for x in whole)
