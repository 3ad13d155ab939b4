"""A whole epoch: that every example is learnt from, in order; and the loss that is reported."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hw.grading import wording
from hw.grading.checks.updates import Known
from hw.grading.hand_in import HandInFault
from hw.grading.matching import Match, first_fit, of_walks
from hw.grading.mistakes import Changes, mutant
from hw.grading.notes import Notes
from hw.grading.session import Made, Session
from hw.grading.walk import SINGLE, Walk

EPOCH, LOSS = "epoch", "loss"
OVERFLOWS = "loss_overflows"
N_EPOCH = 16
# How near two losses are that are the same but for rounding: of small numbers, and of large ones,
# whose difference a loss is. An ε of 1e-10 beside a probability is seen among the small ones.
CLOSE, CLOSE_IF_LARGE = 1e-11, 1e-9


def check(session: Session, made: Made, known: Known, notes: Notes) -> Changes | None:
    """With which changes the reference makes an epoch as the hand-in does; None where that is not
    known."""
    if known.changes is None:
        notes.skipped(EPOCH, "It depends on the updates, which differ in a way that is not known.")
        _no_loss(session, notes, "It depends on the updates.")
        return None
    try:
        walk, reported = epoch(session, made)
    except HandInFault as fault:
        notes.fault(EPOCH, fault, f"{session.model.cls}.{session.train} with {N_EPOCH} examples")
        _no_loss(session, notes, "The epoch did not end.")
        return None
    changes = _judge(session, walk, known.changes, notes)
    if changes is None:
        _no_loss(session, notes, "It depends on the epoch.")
    elif session.model.reports_loss:
        check_loss(session, walk, reported, changes, notes)
    return changes


def _no_loss(session: Session, notes: Notes, because: str) -> None:
    if session.model.reports_loss:
        notes.skipped(LOSS, because)


def epoch(session: Session, made: Made) -> tuple[Walk, Any]:
    """The last examples, all at once, and what is reported of them. Raises `HandInFault`."""
    n = len(made.material.y)
    rows = np.arange(n - N_EPOCH, n)
    before = made.state
    reported = session.epoch(made, rows)
    return session.read(made, [rows], [before, made.state], 0.0), reported


def _judge(session: Session, walk: Walk, changes: Changes, notes: Notes) -> Changes | None:
    """With which changes the reference makes the epoch; None where that is not known."""
    parting = walk.parting(mutant(session.reference, changes))
    if parting is None:
        notes.passed(EPOCH, f"An epoch of {N_EPOCH} examples learns from each of them, in order.")
        return changes
    mistakes = [m for m in session.model.mistakes if m.check == EPOCH]
    match = of_walks([walk], session.reference, mistakes, changes, at_once=1)
    notes.failed(
        EPOCH,
        f"{wording.of_match(match)} {wording.apart(parting)} after an epoch.",
        *wording.entries(parting),
        where=f"{session.model.cls}.{session.train}, {wording.place(parting)}",
        match=match,
        explain=wording.explanation(parting, match),
    )
    return match.changes if match is not None and match.exact else None


# The loss


def check_loss(session: Session, walk: Walk, reported: Any, changes: Changes, notes: Notes) -> None:
    value = _as_number(reported)
    where = f"{session.model.cls}.{session.train}"
    if value is None:
        return notes.failed(
            LOSS,
            "The loss of an epoch is returned by train_epoch, as one number.",
            expected="a number",
            actual="nothing" if reported is None else f"a {type(reported).__name__}",
            where=where,
        )
    tolerance = CLOSE_IF_LARGE if walk.material.full else CLOSE
    if walk.tolerance == SINGLE:
        tolerance = SINGLE
    expected = walk.step(mutant(session.reference, changes), 0)[1]
    if _close(value, expected, tolerance):
        return notes.passed(LOSS, "The loss that is reported is the mean of the examples' losses.")

    def fits(more: Changes) -> bool:
        return _close(value, walk.step(mutant(session.reference, more), 0)[1], tolerance)

    mistakes = [m for m in session.model.mistakes if m.check == LOSS]
    if math.isfinite(value):
        match = first_fit(mistakes, fits, changes, at_once=1 if walk.material.full else 2)
    else:  # infinity is like any other
        overflows = tuple(m for m in mistakes if m.id == OVERFLOWS)
        match = Match(overflows, ()) if overflows else None
    size = " at the assignment's own size" if walk.material.full else ""
    notes.failed(
        LOSS,
        f"{wording.of_match(match)} The updates do not depend on it: only the number that is "
        f"reported differs{size}.",
        *wording.both(expected, value),
        where=where,
        match=match,
        explain=_formulas(match),
    )


def _as_number(reported: Any) -> float | None:
    """A number, or a list or an array of one."""
    if isinstance(reported, list | tuple) and len(reported) == 1:
        return _as_number(reported[0])
    if isinstance(reported, np.ndarray) and reported.size == 1 and reported.dtype.kind in "fiu":
        return float(reported.reshape(-1)[0])
    if isinstance(reported, int | float) and not isinstance(reported, bool):
        return float(reported)
    return None


def _close(value: float, expected: float, tolerance: float) -> bool:
    if not (math.isfinite(value) and math.isfinite(expected)):
        return False
    return abs(value - expected) <= tolerance * max(abs(value), abs(expected))


def _formulas(match: Match | None) -> list[str]:
    return [f"handout: {mistake.handout}" for mistake in match.mistakes] if match else []
