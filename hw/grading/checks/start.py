"""The initial parameters, held against the assignment's draws, and against their distribution."""

from __future__ import annotations

import numpy as np

from hw.grading import wording
from hw.grading.matching import Match, first_fit
from hw.grading.material import Array
from hw.grading.mistakes import Changes, Mistake, mutant
from hw.grading.notes import Notes
from hw.grading.session import Made, Session
from hw.grading.walk import SINGLE, Parameters, difference, most_apart

CHECK = "start"
MEAN = DEVIATION = 0.1  # of the weights of a network
# How far a sample's mean and deviation may be from the distribution's, in their standard errors.
ERRORS = 5


def check(session: Session, made: Made, notes: Notes) -> None:
    assert made.layout is not None
    layout, reference = made.layout, session.reference
    found = layout.read(made.state)

    def drawn(changes: Changes) -> Parameters:
        fresh = mutant(reference, changes)(layout.sizes, made.material.eta, seed=session.seed)
        fresh.start()
        return fresh.parameters()

    tolerance = SINGLE if layout.single(made.state) else 1e-12

    def fits(changes: Changes) -> bool:
        wanted = drawn(changes)
        return all(difference(wanted[n], wanted[n], found[n]) <= tolerance for n in found)

    expected = drawn(())
    if fits(()):
        return notes.passed(CHECK, "The initial parameters are those of the assignment's draws.")
    mistakes = [m for m in session.model.mistakes if m.check == CHECK]
    match = first_fit(mistakes, fits, at_once=3)
    if match is None:
        match = _by_distribution(found, mistakes)
    if match is None:
        return notes.passed(
            CHECK,
            "The initial parameters are other draws from the right distribution, which are as "
            "good; only the digits in a report differ.",
        )
    if match.harmless:
        return notes.passed(CHECK, wording.of_match(match))
    name = next(n for n in found if difference(expected[n], expected[n], found[n]) > tolerance)
    entry = most_apart(expected[name], found[name])[0]
    notes.failed(
        CHECK,
        wording.of_match(match),
        expected=_described(name, expected[name], entry),
        actual=_described(name, found[name], entry),
        where=f"{session.model.cls}.__init__, {layout.places[name]}",
        match=match,
        explain=[f"handout: {m.handout}" for m in match.mistakes],
    )


def _by_distribution(found: Parameters, mistakes: list[Mistake]) -> Match | None:
    """What is wrong with the distribution of the weights, and with the biases, if anything."""
    by_id = {m.id: m for m in mistakes}
    wrong = []
    if "start_variance" not in by_id:  # a linear model, which starts at zero
        wrong = ["start_other"]
    else:
        weights = [w for w in found.values() if w.ndim == 2 and w.size > 1]
        if not all(_likely(w, DEVIATION) for w in weights):
            variance = all(_likely(w, float(w.std())) for w in weights)
            wrong.append("start_variance" if variance else "start_other")
        if any(b.any() for b in (b for b in found.values() if b.ndim == 1)):
            wrong.append("start_biases")
    return Match(tuple(by_id[id] for id in wrong if id in by_id), ()) if wrong else None


def _likely(weights: Array, deviation: float) -> bool:
    """Whether these can well be draws from N(0.1, deviation²)."""
    root = np.sqrt(weights.size)
    if not np.isfinite(weights).all() or not deviation > 0:
        return False
    z = (weights - MEAN) / deviation
    mean, spread = abs(float(z.mean())) * root, abs(float(z.std()) - 1) * root * np.sqrt(2)
    # The mean of |z| of a normal number, and about how much it scatters.
    shape = abs(float(np.abs(z).mean()) - np.sqrt(2 / np.pi)) * root / 0.6
    return bool(max(mean, spread, shape) < ERRORS)


def _described(name: str, array: Array, entry: tuple[int, ...]) -> str:
    """Mean and deviation, and the entry that differs most from the other side's."""
    if not array.any():
        return f"{name} of zeros"
    text = f"{name}: mean {array.mean():.3g}, standard deviation {array.std():.3g}"
    return f"{text}, {name}{wording.index(entry)} = {wording.number(float(array[entry]))}"
