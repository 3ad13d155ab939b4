"""The order of the checks, and what becomes of them: `grade` is what the command calls.

A model passes if it updates and predicts as the reference does. Another start or another reported
loss is named, and fails its own check only; a harmless mistake fails none. Where the grader cannot
tell, it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from hw import datasets
from hw.datasets.features import Dataset
from hw.grading import claims as reports
from hw.grading import material
from hw.grading.assignment import Assignment, Model
from hw.grading.examination import examine
from hw.grading.findings import Finding, ModelResult
from hw.grading.hand_in import HandIn, HandInFault
from hw.grading.material import Material
from hw.grading.notes import Notes
from hw.grading.other_sessions import PICKLE, SESSIONS, pickled
from hw.grading.session import NotDone, Session

# Checks that fail alone: the model still updates and predicts as the reference does.
ALONE = ("start", "loss", "claims")


def grade(
    hand_in: HandIn,
    assignment: Assignment,
    only: str | None = None,
    data: str = "stand-in",
    claims: Mapping[str, str] | None = None,
    directory: Path | None = None,
    watch: Callable[[Mapping[str, ModelResult]], None] | None = None,
    reproduced: Path = Path("results"),
) -> dict[str, ModelResult]:
    """What is found of every model of a hand-in, by its name.

    only:   the one model to look at.
    data:   ``real`` or ``stand-in``: where the examples are taken from.
    claims: numbers of the student's report by metric, held against the models' calibrated ones.
    watch:  is shown the results as they grow.
    reproduced: where our own results and calibrations lie.

    Raises `DataError` where real data are asked for and missing, and `UsageError` for a claim of
    what there is not.
    """
    found = material.load(*assignment.data, data, directory or datasets.default_directory())
    results: dict[str, ModelResult] = {}
    for name, model in assignment.models.items():
        if only in (None, name):
            fault = _started(hand_in)
            results[name] = (
                _grade_model(hand_in, model, assignment, found) if fault is None else _lost(fault)
            )
            if watch is not None:
                watch(results)
    return reports.add(results, claims, assignment, reproduced) if claims else results


def files(
    assignment: Assignment, data: str = "stand-in", directory: Path | None = None
) -> dict[str, bytes]:
    """Files that a hand-in of this assignment reads as soon as one of its objects is made.

    Raises `DataError`.
    """
    if "network" not in assignment.models:
        return {}
    found = material.load(*assignment.data, data, directory or datasets.default_directory())
    return {PICKLE: pickled(material.small(found, assignment.models["network"]))}


def _started(hand_in: HandIn) -> HandInFault | None:
    """A process that one model has ended is started again for the next; why not, where it cannot."""
    try:
        hand_in.seed(0)
    except HandInFault:
        try:
            hand_in.restart()
        except HandInFault as fault:
            return fault
    return None


def _lost(fault: HandInFault) -> ModelResult:
    notes = Notes()
    notes.fault("loads", fault, "Going on after the model before")
    return ModelResult("unknown", (), tuple(notes.findings))


def _grade_model(
    hand_in: HandIn, model: Model, assignment: Assignment, data: Dataset
) -> ModelResult:
    if model.cls not in hand_in.classes:
        finding = Finding(
            "methods",
            "fail",
            expected=f"a class {model.cls}",
            actual="no such class",
            text=f"The file has no class {model.cls}.",
        )
        return ModelResult("not done", (), (finding,))
    small, full = material.small(data, model), material.full(data, model)
    try:
        notes = _examined(hand_in, model, assignment, small, full)
    except NotDone:
        finding = Finding("methods", "skipped", text=f"{model.cls} is left to be written.")
        return ModelResult("not done", (), (finding,))
    findings = tuple(notes.findings)
    return ModelResult(_status(findings), tuple(dict.fromkeys(notes.mistakes)), findings)


def _examined(
    hand_in: HandIn, model: Model, assignment: Assignment, small: Material, full: Material
) -> Notes:
    """Raises `NotDone`."""
    if model.name.startswith("torch_"):
        # PyTorch takes seconds to import, which other hand-ins need not wait for.
        from hw.grading.pytorch import examination
        from hw.grading.pytorch.side import DigitsSide, Side

        side = (DigitsSide if model.second else Side)(hand_in, model, assignment.seed)
        return examination.examine(side, model, small, full)
    session_of = SESSIONS.get(model.name, Session)
    return examine(session_of(hand_in, model, small, full, assignment.seed))


def _status(findings: Collection[Finding]) -> Literal["pass", "fail", "unknown"]:
    counted = [finding for finding in findings if finding.check not in ALONE]
    if any(finding.status == "fail" for finding in counted):
        return "fail"
    if any(finding.status in ("unknown", "skipped") for finding in counted):
        return "unknown"
    return "pass"
