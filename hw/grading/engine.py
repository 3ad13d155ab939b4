"""The order of the checks, and what becomes of them: `grade` is what the command calls.

A model passes if it updates and predicts as the reference does. Another start, another reported
loss or a command that crashes fails its own check only; a harmless mistake fails none. Where the
grader cannot tell, it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hw import datasets
from hw.datasets.features import Dataset
from hw.grading import claims as reports
from hw.grading import material, script
from hw.grading.assignment import Assignment, Model
from hw.grading.examination import examine
from hw.grading.findings import Finding, ModelResult, ModelStatus
from hw.grading.hand_in import HandIn, HandInFault
from hw.grading.notes import Notes
from hw.grading.other_sessions import PICKLE, SESSIONS, pickled
from hw.grading.session import NotDone, Session

# Checks that fail alone: the model still updates and predicts as the reference does.
ALONE = ("start", "loss", "claims", "activations")


Watch = Callable[[Mapping[str, ModelResult]], None]


def grade(
    hand_in: HandIn,
    assignment: Assignment,
    only: str | None = None,
    data: str = "stand-in",
    claims: Mapping[str, str] | None = None,
    directory: Path | None = None,
    watch: Watch = lambda _: None,
    reproduced: Path = Path("results"),
    scripts: bool = True,
) -> dict[str, ModelResult]:
    """What is found of every model of a hand-in, by its name.

    only:   the one model to look at.
    data:   ``real`` or ``stand-in``: where the examples are taken from.
    claims: numbers of the student's report by metric, held against the models' calibrated ones.
    watch:  is shown the results after every check.
    reproduced: where our own results and calibrations lie.
    scripts: whether to run the hand-in as a script, too, for every model that passes.

    Raises `DataError` where real data are asked for and missing, and `UsageError` for a claim of
    what there is not.
    """
    found = material.load(*assignment.data, data, directory or datasets.default_directory())
    results: dict[str, ModelResult] = {}

    def growing(name: str) -> Notes:
        """Notes whose readers see every finding at once."""
        return Notes(lambda notes: watch({**results, name: _result(notes, "unknown")}))

    for name, model in assignment.models.items():
        if only in (None, name):
            results[name] = _grade_model(hand_in, model, assignment, found, growing(name))
            watch(results)
    if scripts:
        _run_scripts(hand_in, assignment, found, results)
    return reports.add(results, claims, assignment, reproduced) if claims else results


def _run_scripts(
    hand_in: HandIn, assignment: Assignment, data: Dataset, results: dict[str, ModelResult]
) -> None:
    """Last of all: a script needs the process for itself."""
    for name, result in results.items():
        if result.status == "pass" and name in script.MODELS:
            notes = Notes()
            script.check(hand_in, name, assignment, script.files(data), notes)
            findings = (*result.findings, *notes.findings)
            results[name] = replace(result, findings=findings)


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
    """Start a process again that the model before has ended; the fault, where that is not to be."""
    try:
        hand_in.seed(0)
    except HandInFault:
        try:
            hand_in.restart()
        except HandInFault as fault:
            return fault
    return None


def _grade_model(
    hand_in: HandIn, model: Model, assignment: Assignment, data: Dataset, notes: Notes
) -> ModelResult:
    if (fault := _started(hand_in)) is not None:
        notes.fault("loads", fault, "Going on after the model before")
        return _result(notes, "unknown")
    if model.cls not in hand_in.classes:
        notes.failed(
            "methods",
            f"The file has no class {model.cls}.",
            expected=f"a class {model.cls}",
            actual="no such class",
        )
        return _result(notes, "not done")
    try:
        _examine(hand_in, model, assignment, data, notes)
    except NotDone:
        notes.forget()
        notes.skipped("methods", f"{model.cls} is left to be written.")
        return _result(notes, "not done")
    return _result(notes, _status(notes.findings))


def _examine(
    hand_in: HandIn, model: Model, assignment: Assignment, data: Dataset, notes: Notes
) -> None:
    """Raises `NotDone`."""
    small, full = material.small(data, model), material.full(data, model)
    if not model.name.startswith("torch_"):
        session_of = SESSIONS.get(model.name, Session)
        return examine(session_of(hand_in, model, small, full, assignment.seed), notes)
    # PyTorch takes seconds to import, which other hand-ins need not wait for.
    from hw.grading.pytorch import examination
    from hw.grading.pytorch.side import DigitsSide, Side

    side = (DigitsSide if model.second else Side)(hand_in, model, assignment.seed)
    return examination.examine(side, model, (small, full), notes)


def _result(notes: Notes, status: ModelStatus) -> ModelResult:
    return ModelResult(status, tuple(dict.fromkeys(notes.mistakes)), tuple(notes.findings))


def _status(findings: Collection[Finding]) -> Literal["pass", "fail", "unknown"]:
    counted = [finding for finding in findings if finding.check not in ALONE]
    if any(finding.status == "fail" for finding in counted):
        return "fail"
    if any(finding.status in ("unknown", "skipped") for finding in counted):
        return "unknown"
    return "pass"
