"""A few updates with as many features and units as in a real run, where numbers are large: there an
exp overflows, and a probability is too small for a float.

It comes last, since it may take long: where the time runs out it is left out, and that is no fault.
"""

from __future__ import annotations

from hw.grading.checks import epochs, prediction
from hw.grading.checks.updates import failed, walk_from_start
from hw.grading.hand_in import HandInFault, TimedOut
from hw.grading.matching import of_walks
from hw.grading.mistakes import Changes, mutant
from hw.grading.notes import Notes
from hw.grading.session import Made, Session

CHECK = "full size"
SHARE = 0.4  # of the time that is left


def check(session: Session, changes: Changes | None, notes: Notes) -> None:
    """changes: with which the reference does what the hand-in does; None where that is not known,
    so that predictions alone can be looked at."""
    try:
        with session.hand_in.within(SHARE):
            made = session.make(session.full)
            if made.layout is not None:
                _check(session, made, changes, notes)
    except TimedOut:
        notes.passed(CHECK, "It takes too long at the assignment's own size to be looked at here.")
    except HandInFault as fault:
        notes.fault(CHECK, fault, f"{session.model.cls} at the assignment's own size")


def _check(session: Session, made: Made, changes: Changes | None, notes: Notes) -> None:
    if notes.status(prediction.PREDICTION) == "pass":
        prediction.compare(session, made, notes)
    if changes is None:
        return
    walk = walk_from_start(session, made)
    parting = walk.parting(mutant(session.reference, changes))
    if parting is not None:
        mistakes = [m for m in session.model.mistakes if m.check == "update"]
        match = of_walks([walk], session.reference, mistakes, changes, at_once=1)
        return failed(session, CHECK, walk, parting, match, notes)
    if not changes:
        notes.passed(CHECK, "At the assignment's own size the updates are the reference's too.")
    if session.model.reports_loss and notes.status(epochs.LOSS) == "pass":
        epochs.check_loss(session, *epochs.epoch(session, made), changes, notes)
