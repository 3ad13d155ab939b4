"""One model of one hand-in, check by check. What depends on a check that failed is skipped."""

from __future__ import annotations

import numpy as np

from hw.grading.checks import epochs, full_size, prediction, start, updates
from hw.grading.hand_in import HandInFault, Raised
from hw.grading.layout import has_layer
from hw.grading.material import Material
from hw.grading.notes import Notes
from hw.grading.session import Made, NotDone, Session

METHODS, SHAPES = "methods", "shapes"
# The order in which findings are told, whatever order they were made in.
ORDER = (
    METHODS,
    SHAPES,
    "start",
    "prediction",
    "first update",
    "updates",
    "full size",
    "epoch",
    "loss",
    "evaluation",
)


def examine(session: Session, notes: Notes) -> None:
    """All checks. Raises `NotDone`."""
    if not _methods(session, notes):
        return
    made = _made(session, notes)
    if made is None:
        return
    start.check(session, made, notes)
    known = updates.check(session, made, notes)
    _shapes(session, made, known, notes)
    changes = epochs.check(session, made, known, notes)
    prediction.check(session, made, notes)
    prediction.check_evaluation(session, made, notes)
    if session.large and not made.material.full:
        full_size.check(session, changes, notes)
    # Some parameters show only once there was an update.
    notes.findings.sort(key=lambda finding: ORDER.index(finding.check))


def _methods(session: Session, notes: Notes) -> bool:
    missing = [name for name in session.needed if name not in session.methods]
    if not missing:
        notes.passed(METHODS, "The class and its methods are there.")
        return True
    if session.train in missing:
        raise NotDone
    notes.failed(
        METHODS,
        f"{session.model.cls} has a method {missing[0]}.",
        expected=missing[0],
        actual="no such method",
        where=session.model.cls,
    )
    return False


def _made(session: Session, notes: Notes) -> Made | None:
    """The model with its parameters found: of the small size, or, for a program that has its sizes
    written into it and runs with them alone, of the assignment's own."""
    fault: HandInFault | None = None
    seen: list[Made] = []
    raising: Made | None = None
    for material in (session.small, session.full):
        try:
            made = session.make(material)
        except HandInFault as error:
            fault = fault or error
            continue
        if made.layout is None:
            seen.append(made)
        elif _runs(session, material):
            return made
        else:
            raising = raising or made
    if raising is not None:
        return raising
    if fault is not None:
        notes.fault(SHAPES, fault, f"{session.model.cls}(...)")
    elif _without_output(session, seen[0]):
        if not has_layer(seen[0].material.sizes.hidden, seen[0].state):
            notes.mistakes.append("hidden_size_ignored")
        notes.failed(
            SHAPES,
            "The last layer has an output for every class.",
            expected="weights of shape (classes, inputs)",
            actual="no weights with as many rows or columns as there are classes",
            where=f"{session.model.cls}.__init__",
        )
    elif (raised := _raises(session)) is not None:
        notes.fault("first update", raised, f"{session.model.cls}.{session.train}")
    else:
        notes.unknown(
            SHAPES,
            "Could not tell: no arrays of the shapes of this model's parameters were found in its "
            "attributes, lists and dictionaries.",
        )
    return None


def _runs(session: Session, material: Material) -> bool:
    """Whether another such object learns and predicts without an exception."""
    try:
        with session.hand_in.within(0.5):
            trial = session.make(material)
            session.epoch(trial, np.arange(10))
            session.predict(trial)
    except Raised:
        return False
    except (HandInFault, NotDone):  # the checks will come to it
        return True
    return True


def _without_output(session: Session, made: Made) -> bool:
    """Whether there is a first layer, and no last one."""
    sizes = made.material.sizes
    first, last = has_layer(sizes.features, made.state), has_layer(sizes.classes, made.state)
    return session.classifies and first and not last


def _raises(session: Session) -> Raised | None:
    """What training raises, at either size, where no parameters are to be found."""
    for material in (session.small, session.full):
        try:
            session.epoch(session.make(material), np.arange(10))
        except Raised as fault:
            raised = fault
        except HandInFault:
            return None
        else:
            return None
    return raised


def _shapes(session: Session, made: Made, known: updates.Known, notes: Notes) -> None:
    assert made.layout is not None
    asked, found = made.material.sizes.hidden, made.layout.sizes.hidden
    if asked != found:
        notes.mistakes.append("hidden_size_ignored")
        notes.failed(
            SHAPES,
            "The hidden layer has as many units as hidden_size says.",
            expected=str(asked),
            actual=str(found),
            where=f"{session.model.cls}.__init__",
        )
    elif made.layout.missing and known.learnt:
        notes.mistakes.append("no_biases")
        notes.failed(
            SHAPES,
            "Every layer has biases.",
            expected="a bias for every unit",
            actual=f"no {' and no '.join(made.layout.missing)}",
            where=f"{session.model.cls}.__init__",
        )
    else:
        places = ", ".join(
            f"{name} in {place}" for name, place in made.layout.places.items() if place
        )
        notes.passed(SHAPES, f"The parameters were found: {places}.")
