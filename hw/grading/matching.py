"""Which known mistake a hand-in makes: the mutant that does exactly what it does.

All single mistakes are tried first, then several at once; of several that fit, the first in the
file of mistakes is named. Where none fits, the one that goes along furthest is told as "most like".

Most combinations need no trial. A way to make a mistake that leaves a parameter as it is leaves it
so beside another way too. So a parameter that only one of several ways changes must already be
right with that way alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hw.grading.mistakes import Changes, Mistake, combined, mutant
from hw.grading.references import Reference
from hw.grading.walk import Parameters, Walk

# Ways that change most parameters do not rule each other out. Where there are many, only the first
# of a mistake are combined; and so many combinations are tried at most.
MANY, WAYS_TOGETHER, MOST_TOGETHER = 80, 2, 2_500


@dataclass(frozen=True)
class Match:
    """Mistakes that a hand-in makes.

    changes: those of the reference, all together.
    agreed:  how many calls the mutant goes along; all of them where ``exact``.
    """

    mistakes: tuple[Mistake, ...]
    changes: Changes
    exact: bool = True
    agreed: int = 0

    @property
    def harmless(self) -> bool:
        return all(mistake.harmless for mistake in self.mistakes)


Fits = Callable[[Changes], bool]
Possible = Callable[[Sequence[Changes]], bool]


def first_fit(
    mistakes: Sequence[Mistake],
    fits: Fits,
    base: Changes = (),
    at_once: int = 2,
    possible: Possible = lambda _: True,
) -> Match | None:
    """The fewest mistakes, ``at_once`` at most, that fit together.

    base:     what is known to be changed already.
    possible: whether several ways are worth a trial.
    """
    for number in range(1, at_once + 1):
        for chosen, changes in _together(mistakes, number, base, possible):
            if fits(changes):
                return Match(chosen, changes)
    return None


def _together(
    mistakes: Sequence[Mistake],
    number: int,
    base: Changes,
    possible: Possible = lambda _: True,
) -> Iterator[tuple[tuple[Mistake, ...], Changes]]:
    """Every way to make so many mistakes at once."""
    tried = 0
    for chosen in itertools.combinations(mistakes, number):
        for ways in itertools.product(*(mistake.ways for mistake in chosen)):
            if number > 1 and not possible(ways):
                continue
            changes = combined(base, *ways)
            if changes is None:
                continue
            tried += 1
            if number > 1 and tried > MOST_TOGETHER:
                return
            yield chosen, changes


class _Possible:
    """Which ways can make a call together as the hand-in did: see the module's beginning.

    Sets of parameters are the bits of numbers: there are many combinations.
    """

    def __init__(
        self,
        walk: Walk,
        call: int,
        reference: type[Reference],
        mistakes: Sequence[Mistake],
        base: Changes,
    ) -> None:
        self.walk, self.call, self.reference, self.base = walk, call, reference, base
        # A bias besides, which learns nothing in a right program, follows any other mistake once
        # it learns.
        self.names = [name for name in reference.shapes if name not in reference.optional]
        self.before, self.actual = walk.states[call], walk.states[call + 1]
        self.unchanged = walk.step(mutant(reference, base), call)[0]
        self.right = self._same(self.unchanged, self.actual)
        self.all = (1 << len(self.names)) - 1
        many = sum(len(mistake.ways) for mistake in mistakes) > MANY
        most = WAYS_TOGETHER if many else None
        self.first = {way for mistake in mistakes for way in mistake.ways[:most]}
        self.known: dict[Changes, tuple[int, int]] = {}

    def __call__(self, ways: Sequence[Changes]) -> bool:
        found = [self._of(way) for way in ways]
        changed = twice = 0
        for changes, _ in found:
            twice |= changed & changes
            changed |= changes
        once = changed & ~twice
        if self.all & ~changed & ~self.right or any(once & c & ~fits for c, fits in found):
            return False
        half = len(self.names) / 2
        wide = [way for way, (c, _) in zip(ways, found, strict=True) if c.bit_count() > half]
        return len(wide) < 2 or (len(ways) == 2 and self.first.issuperset(wide))

    def _of(self, way: Changes) -> tuple[int, int]:
        """The parameters that a way changes, and those that are right with it alone."""
        if way not in self.known:
            changes = combined(self.base, way)
            after = None
            if changes is not None:
                after = self.walk.attempt(mutant(self.reference, changes), self.call)
            if after is None:  # alone it cannot run; who knows
                self.known[way] = self.all, self.all
            else:
                changed = self.all & ~self._same(self.unchanged, after)
                self.known[way] = changed, self._same(after, self.actual)
        return self.known[way]

    def _same(self, a: Parameters, b: Parameters) -> int:
        return sum(
            1 << bit
            for bit, name in enumerate(self.names)
            if self.walk.same(self.call, name, a[name], b[name])
        )


def of_walks(
    walks: Sequence[Walk],
    reference: type[Reference],
    mistakes: Sequence[Mistake],
    base: Changes = (),
    at_once: int = 3,
) -> Match | None:
    """The mistakes with which the reference makes every call of all the walks as the hand-in did,
    or else the one that goes along furthest; None where nothing comes near.

    A call that the reference itself makes alike tells little, so that those where it does not are
    looked at first. Only calls that stay among the finite numbers are compared; where the very
    first one that parts leaves them, only mistakes that overflow come into question.
    """
    calls = [(walk, call) for walk in walks for call in range(walk.finite)]
    unchanged = mutant(reference, base)
    telling = [(w, c) for w, c in calls if not w.agrees(unchanged, c)]
    if not telling:
        calls = telling = [(walk, walk.finite) for walk in walks if walk.finite < len(walk)]
        mistakes = [mistake for mistake in mistakes if mistake.overflows]
    if not telling:
        return None
    rest = [(w, c) for w, c in calls if not any(w is t and c == d for t, d in telling)]

    def fits(changes: Changes) -> bool:
        changed = mutant(reference, changes)
        return all(w.agrees(changed, c) for w, c in itertools.chain(telling, rest))

    possible = _Possible(*telling[0], reference, mistakes, base)
    return first_fit(mistakes, fits, base, at_once, possible) or _most_like(
        telling, reference, mistakes, base
    )


def _most_like(
    telling: Sequence[tuple[Walk, int]],
    reference: type[Reference],
    mistakes: Sequence[Mistake],
    base: Changes,
) -> Match | None:
    """The one mistake that goes along furthest where the reference parts."""
    best: Match | None = None
    for chosen, changes in _together(mistakes, 1, base):
        changed = mutant(reference, changes)
        agreed = next(
            (i for i, (w, c) in enumerate(telling) if not w.agrees(changed, c)), len(telling)
        )
        if agreed > (best.agreed if best else 0):
            best = Match(chosen, changes, exact=False, agreed=agreed)
    return best
