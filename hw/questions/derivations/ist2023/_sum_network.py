"""Networks of two hidden units that see the sum of their inputs only, in exact numbers.

Conventions: S' a real number, the sum of the inputs and of what perturbs them; sign(0) = +1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

Number = Fraction | int


def sign(z: Any) -> int:
    """The sign with sign(0) = +1."""
    return 1 if z >= 0 else -1


class Cell(NamedTuple):
    """A point (low = high) or an open interval (None: unbounded) of S' with one class."""

    low: Fraction | None
    high: Fraction | None
    label: int

    @property
    def point(self) -> bool:
        return self.low is not None and self.low == self.high

    def distance(self, S: Number) -> Number:
        """From S to the cell or, if it is an interval, to its nearer end; 0 inside."""
        below = 0 if self.low is None else self.low - S
        above = 0 if self.high is None else S - self.high
        return max(below, above, 0)


def inside(low: Number | None, high: Number | None) -> Any:
    """A number between the two; None is infinity. One of them is finite."""
    if low is None or high is None:
        return high - 1 if low is None else low + 1
    return Fraction(low + high) / 2


@dataclass(frozen=True)
class Network:
    """A network of two hidden units in exact numbers; row k of its first weights is w_k (1 … 1).

    weights: (w_1, w_2); biases: of the hidden units; activation: of theirs, ``sign`` or ``relu``.
    out_weights, out_bias: of the output, whose activation is the sign.
    """

    activation: str
    weights: tuple[Number, Number]
    biases: tuple[Number, Number]
    out_weights: tuple[Number, Number]
    out_bias: Number

    def pre_activations(self, S: Any) -> tuple[Any, ...]:
        return tuple(w * S + b for w, b in zip(self.weights, self.biases, strict=True))

    def hidden(self, S: Any) -> tuple[Any, ...]:
        z = self.pre_activations(S)
        return tuple(map(sign, z)) if self.activation == "sign" else tuple(max(a, 0) for a in z)

    def output(self, S: Any) -> Any:
        """What the output's sign is taken of."""
        (v_1, v_2), (h_1, h_2) = self.out_weights, self.hidden(S)
        return v_1 * h_1 + v_2 * h_2 + self.out_bias

    def classify(self, S: Any) -> int:
        return sign(self.output(S))

    def whole(self) -> bool:
        """Whether every weight and bias is a whole number."""
        numbers = (*self.weights, *self.biases, *self.out_weights, self.out_bias)
        return all(number.denominator == 1 for number in numbers)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The real line of S' cut into points and open intervals of constant class, in order.

        Between the zeros of the hidden units every hidden output is constant (sign) or affine
        (ReLU), so that the output is affine and has at most one zero more, which is found exactly.
        """
        cuts = {Fraction(-b, 1) / w for w, b in zip(self.weights, self.biases, strict=True)}
        for low, high in itertools.pairwise([None, *sorted(cuts), None]):
            one = inside(low, high)
            two = inside(low, one)
            slope = (self.output(two) - self.output(one)) / (two - one)
            zero = one - self.output(one) / slope if slope else low
            if zero is not None and (low is None or low < zero) and (high is None or zero < high):
                cuts.add(zero)
        points = sorted(cuts)
        # Every point twice, so that the pairs are interval, point, interval, ..., interval.
        ends = [None, *(point for point in points for _ in range(2)), None]
        pairs = itertools.pairwise(ends)
        return tuple(Cell(low, high, self.classify(inside(low, high))) for low, high in pairs)

    def positive_set(self) -> tuple[Fraction, Fraction] | None:
        """(low, high) if the class is +1 on [low, high] and nowhere else."""
        runs = [
            (label, list(run)) for label, run in itertools.groupby(self.cells, lambda c: c.label)
        ]
        positive = [run for label, run in runs if label == 1]
        if len(positive) != 1 or not (positive[0][0].point and positive[0][-1].point):
            return None
        low, high = positive[0][0].low, positive[0][-1].high
        return None if low is None or high is None else (low, high)
