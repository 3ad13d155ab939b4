"""Predictions, and the score of them, of the model as it was made and as it was trained here."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from hw.grading import wording
from hw.grading.hand_in import HandInFault, Nonsense
from hw.grading.matching import Match, first_fit
from hw.grading.material import Array
from hw.grading.mistakes import Changes, mutant
from hw.grading.notes import Notes
from hw.grading.session import Made, NotDone, Session
from hw.grading.walk import TOLERANCE, Parameters

PREDICTION, EVALUATION = "prediction", "evaluation"


def check(session: Session, trained: Made, notes: Notes) -> None:
    """Predictions of the model as it is now, and, of a network, as it started. Linear models start
    with equal scores, whose order is nobody's business."""
    compare(session, trained, notes)
    if session.small.sizes.hidden and notes.status(PREDICTION) == "pass":
        with suppress(HandInFault):  # what a constructor raises is said elsewhere
            started = session.make(trained.material)
            if started.layout is not None:
                compare(session, started, notes)


def compare(session: Session, made: Made, notes: Notes) -> None:
    """Predictions of one object with those of a reference that has its parameters."""
    try:
        answer = session.predict(made)
        parameters = session.parameters(made)
    except NotDone:
        return notes.failed(PREDICTION, "predict is left to be written.", where="predict")
    except HandInFault as fault:
        return notes.fault(PREDICTION, fault, f"{session.model.cls}.predict")
    found = _labels(answer, made) if session.classifies else _numbers(answer)
    if not _failed(session, made, parameters, found, notes):
        text = "Predictions are the reference's, from the same parameters."
        if session.classifies and _is_scores(answer):
            text += " They come as scores of every class, of which evaluate takes the highest."
        notes.passed(PREDICTION, text)


def check_evaluation(session: Session, made: Made, notes: Notes) -> None:
    """The score that evaluate gives the trained model."""
    if notes.status(PREDICTION) != "pass":
        return notes.skipped(EVALUATION, "It depends on the predictions.")
    name = session.evaluates
    if name not in session.methods:
        return notes.failed(EVALUATION, f"There is a method {name}.", where=name)
    try:
        answer = session.evaluate(made)
        expected = _scores(session, made)
    except HandInFault as fault:
        return notes.fault(EVALUATION, fault, f"{session.model.cls}.{name}")
    # Somebody's evaluate returns a loss besides.
    values = answer if isinstance(answer, list | tuple) else [answer]
    numbers = [_number(v) for v in values]
    if any(
        n is not None and abs(n - e) <= 1e-9 * max(1, abs(e)) for n in numbers for e in expected
    ):
        return notes.passed(EVALUATION, "The score of predictions is the reference's.")
    what = "share of right predictions" if session.classifies else "root mean squared error"
    notes.failed(
        EVALUATION,
        f"{name} returns the {what}.",
        expected=wording.number(expected[0]),
        actual=str(answer)[:80],
        where=f"{session.model.cls}.{name}",
    )


def _failed(
    session: Session, made: Made, parameters: Parameters, found: Array | None, notes: Notes
) -> bool:
    """Whether predictions differ from the reference's, which is then written down."""
    X = made.material.held[0]

    def predicted(changes: Changes) -> Array:
        assert made.layout is not None
        model = mutant(session.reference, changes)(made.layout.sizes, 0.0)
        model.load(parameters)
        with np.errstate(all="ignore"):
            return model.predict(X)

    expected = predicted(())
    if found is not None and _equal(found, expected):
        return False

    def fits(changes: Changes) -> bool:
        try:
            return found is not None and _equal(found, predicted(changes))
        except (ValueError, IndexError):
            return False

    mistakes = [m for m in session.model.mistakes if m.check == PREDICTION]
    match = first_fit(mistakes, fits, at_once=2)
    size = " at the assignment's own size" if made.material.full else ""
    notes.failed(
        PREDICTION,
        f"{wording.of_match(match)} Predictions differ from the reference's{size}, which has the "
        "same parameters.",
        expected=_shown(expected),
        actual="something else" if found is None else _shown(found),
        where=f"{session.model.cls}.predict",
        match=match,
        explain=_explanation(expected, found, match),
    )
    return True


def _explanation(expected: Array, found: Array | None, match: Match | None) -> list[str]:
    lines = [f"handout: {m.handout}" for m in match.mistakes] if match else []
    if found is None or found.shape != expected.shape:
        return lines
    wrong = np.flatnonzero(~np.isclose(expected, found, rtol=1e-9, atol=0))
    return [*lines, f"{len(wrong)} of {len(expected)} differ, the first is example {wrong[0]}"]


def _equal(found: Array, expected: Array) -> bool:
    if found.shape != expected.shape:
        return False
    if expected.dtype.kind in "iu":
        return bool((found == expected).all())
    scale = max(float(np.abs(expected).max(initial=0)), 1.0)
    return bool((np.abs(found - expected) <= TOLERANCE * scale).all())


# What predict returns, in whatever form it comes


def _is_scores(answer: Any) -> bool:
    array = _array(answer)
    return array is not None and array.ndim == 2 and min(array.shape) > 1


def _labels(answer: Any, made: Made) -> Array | None:
    """Labels (N,), from labels in any form, or from scores of every class; None of nothing such."""
    array = _array(answer)
    if array is None:
        return None
    n, K = len(made.material.held[1]), made.material.sizes.classes
    array = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    if array.ndim == 2 and array.shape == (n, K):
        return array.argmax(axis=1)
    if array.ndim == 2 and array.shape == (K, n):
        return array.argmax(axis=0)
    return array.reshape(-1) if array.size in (n, K) and array.ndim else array


def _numbers(answer: Any) -> Array | None:
    array = _array(answer)
    return None if array is None else array.reshape(-1)


def _array(answer: Any) -> Array | None:
    try:
        array = np.asarray(answer)
    except ValueError:  # rows of different lengths
        return None
    return array if array.dtype.kind in "fiub" else None


def _number(value: Any) -> float | None:
    array = _array(value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def _scores(session: Session, made: Made) -> list[float]:
    """What evaluate may rightly return."""
    X, y = made.material.held
    if made.layout is None:
        raise Nonsense("its parameters are not to be found")
    model = session.reference(made.layout.sizes, 0.0)
    model.load(session.parameters(made))
    found = model.predict(X)
    if session.classifies:
        return [float((found == y).mean())]
    mean = float(((found - y) ** 2).mean())
    return [mean**0.5, mean, mean / 2]


def _shown(array: Array) -> str:
    shown = ", ".join(wording.number(float(v)) for v in array.reshape(-1)[:8])
    return f"{shown}{', …' if array.size > 8 else ''}"
