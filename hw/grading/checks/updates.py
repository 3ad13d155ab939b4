"""The updates: one example at a time from the hand-in's own start, and with whatever the homework
lets one choose: a penalty, another activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hw.grading import wording
from hw.grading.hand_in import HandInFault, Raised
from hw.grading.matching import Match, of_walks
from hw.grading.material import Array
from hw.grading.mistakes import Changes
from hw.grading.notes import Notes
from hw.grading.session import Made, NotDone, Session
from hw.grading.walk import Parting, Walk

FIRST, ALL = "first update", "updates"
N_UPDATES, N_PENALISED, N_FEW = 100, 12, 4
ROWS_EACH = 10  # where it takes no single example


@dataclass(frozen=True)
class Known:
    """What is known of a hand-in's updates, for the checks that come after.

    changes: with which the reference makes the same updates; None where that is not known.
    learnt:  whether there was an update at all.
    """

    changes: Changes | None
    learnt: bool = True


def check(session: Session, made: Made, notes: Notes) -> Known:
    """Raises `NotDone` where nothing is learnt."""
    try:
        walk = walk_from_start(session, made)
    except HandInFault as fault:
        notes.fault(FIRST, fault, f"{session.model.cls}.{session.train}")
        notes.skipped(ALL, "The first update could not be made.")
        return Known(None, learnt=False)
    if all(np.array_equal(p, q) for p, q in _pairs(walk)):
        raise NotDone
    walks = [walk, *_with_other_activations(session, made, notes)]
    if (penalised := _penalised(session, made, notes)) is not None:
        walks.append(penalised)
    return _judge(session, walks, notes)


def walk_from_start(session: Session, made: Made) -> Walk:
    """A hundred updates of one example each, or ten of ten where it takes no single example."""
    full, each = made.material.full, session.each
    try:
        return session.walk(made, _rows(made, each, N_FEW if full else N_UPDATES))
    except Raised as fault:
        again = session.make(made.material)
        try:
            walk = session.walk(again, _rows(made, ROWS_EACH, 2 if full else N_UPDATES))
        except Raised:
            raise fault from None
        made.handle, made.state = again.handle, again.state
        return walk


def _rows(made: Made, each: int, most: int) -> list[Array]:
    """The rows of each call: so many examples one after the other, as long as there are any."""
    n = min(len(made.material.y) // each, most)
    return [np.arange(i * each, (i + 1) * each) for i in range(n)]


def _with_other_activations(session: Session, made: Made, notes: Notes) -> list[Walk]:
    """A few updates with every other activation that the class offers."""
    walks = []
    for name in session.variants:
        try:
            other = session.make(replace(made.material, activation=name))
            walks.append(session.walk(other, _rows(other, session.each, N_FEW)))
        except HandInFault as fault:
            notes.fault(ALL, fault, f"{session.model.cls} with activation={name!r}")
    return walks


def _penalised(session: Session, made: Made, notes: Notes) -> Walk | None:
    """Some more updates, with an ℓ2 penalty."""
    if not session.model.l2 or session.model.name != "logistic_regression":
        return None
    rows = [np.array([i]) for i in range(N_UPDATES, N_UPDATES + N_PENALISED)]
    try:
        return session.walk(made, rows, l2=made.material.l2)
    except HandInFault as fault:
        notes.fault(ALL, fault, f"{session.model.cls}.{session.train} with l2_penalty")
        return None


def _judge(session: Session, walks: Sequence[Walk], notes: Notes) -> Known:
    reference = session.reference
    partings = [walk.parting(reference) for walk in walks]
    if not any(partings):
        notes.passed(FIRST, "The first update is the reference's.")
        notes.passed(ALL, _same(walks))
        return Known(())
    checks = ("update",) if walks[0].n_each == session.each else ("update", "epoch")
    mistakes = [m for m in session.model.mistakes if m.check in checks]
    match = of_walks(walks, reference, mistakes)
    known = Known(match.changes if match is not None and match.exact else None)
    if match is not None and match.exact and match.harmless:
        text = wording.of_match(match)
        notes.passed(FIRST, text, match)
        notes.passed(ALL, text)
        return known
    index = next(i for i, parting in enumerate(partings) if parting is not None)
    parting = partings[index]
    assert parting is not None
    if index == 0 and parting.call == 1:
        failed(session, FIRST, walks[index], parting, match, notes)
        notes.skipped(ALL, "The first update already differs.")
    else:
        notes.passed(FIRST, "The first update is the reference's.")
        failed(session, ALL, walks[index], parting, match, notes)
    return known


def failed(
    session: Session,
    check: str,
    walk: Walk,
    parting: Parting,
    match: Match | None,
    notes: Notes,
) -> None:
    """Write down that the updates part, where, and by which mistake."""
    size = " at the assignment's own size" if walk.material.full else ""
    penalty = " with l2_penalty" if walk.l2 else ""
    if walk.material.activation != "relu":
        penalty = f" with activation={walk.material.activation!r}"
    seen = f"It parts from the reference at update {parting.call}{penalty}{size}: "
    seen += f"{wording.apart(parting)}."
    if match is not None and match.exact:
        seen += f" {wording.behaves(match)}"
    place = walk.layout.places[parting.parameter]
    notes.failed(
        check,
        f"{wording.of_match(match)} {seen}",
        *wording.entries(parting),
        where=f"{session.model.cls}.{session.train}, {wording.place(parting)} ({place})",
        match=match,
        explain=wording.explanation(parting, match),
    )


def _pairs(walk: Walk) -> list[tuple[Array, Array]]:
    first, last = walk.states[0], walk.states[-1]
    return [(first[name], last[name]) for name in first]


def _same(walks: Sequence[Walk]) -> str:
    total = sum(len(walk) for walk in walks)
    penalty = ", some of them with l2_penalty" if any(w.l2 for w in walks) else ""
    each = "" if walks[0].n_each == 1 else f" of {walks[0].n_each} examples"
    return f"{total} updates{each}{penalty} are the reference's, to {walks[0].tolerance:g}."
