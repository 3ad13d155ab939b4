"""Which known mistake a hand-in makes: the mutant that does exactly what it does.

All single mistakes are tried first, then two at once; of several that fit, the first in the file
of mistakes is named. Where none fits, the one that goes along furthest is told as "most like".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hw.grading.mistakes import Changes, Mistake, combined, mutant
from hw.grading.references import Reference
from hw.grading.walk import Walk

MOST_TOGETHER = 5_000  # ways of several mistakes at once; further ones are not looked at
WAYS_IN_PAIRS = 8  # of one mistake


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


def first_fit(
    mistakes: Sequence[Mistake], fits: Fits, base: Changes = (), at_once: int = 2
) -> Match | None:
    """The fewest mistakes, ``at_once`` at most, that fit together.

    base: what is known to be changed already.
    """
    for number in range(1, at_once + 1):
        for chosen, changes in _together(mistakes, number, base):
            if fits(changes):
                return Match(chosen, changes)
    return None


def _together(
    mistakes: Sequence[Mistake], number: int, base: Changes
) -> Iterator[tuple[tuple[Mistake, ...], Changes]]:
    """Every way to make so many mistakes at once."""
    most = WAYS_IN_PAIRS if number > 1 else None
    tried = 0
    for chosen in itertools.combinations(mistakes, number):
        for ways in itertools.product(*(mistake.ways[:most] for mistake in chosen)):
            changes = combined(base, *ways)
            if changes is None:
                continue
            tried += 1
            if number > 1 and tried > MOST_TOGETHER:
                return
            yield chosen, changes


def of_walks(
    walks: Sequence[Walk],
    reference: type[Reference],
    mistakes: Sequence[Mistake],
    base: Changes = (),
    at_once: int = 2,
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
    rest = [(w, c) for w, c in calls if (w, c) not in telling]

    def fits(changes: Changes) -> bool:
        changed = mutant(reference, changes)
        return all(w.agrees(changed, c) for w, c in itertools.chain(telling, rest))

    return first_fit(mistakes, fits, base, at_once) or _most_like(
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
