"""A number of a student's report: whether it is plausible, and whether the code can have given it.

What it is held against is what ``hw check`` takes: the calibrated seeds of the question, else one
run of it, else the published number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hw.config import catalog
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.grading.assignment import Assignment, Model
from hw.grading.findings import Finding, ModelResult, Status
from hw.verdicts.evidence import gather
from hw.verdicts.plausible import Answer, answer, parse

CHECK = "claims"
_FACT = "The number in the report is one that training gives."


def add(
    results: Mapping[str, ModelResult],
    claims: Mapping[str, str],
    assignment: Assignment,
    folder: Path,
) -> dict[str, ModelResult]:
    """The results with a finding for each claim: ``mlp.test_accuracy``, or ``test_accuracy``, which
    is taken to be of the model that it fits best.

    folder: where results and calibrations lie.

    Raises `UsageError` for a model or a metric that there is not.
    """
    found = dict(results)
    for name, number in claims.items():
        model, _, metric = name.rpartition(".")
        if model and model not in assignment.models:
            raise UsageError(
                f"--claims {name}: unknown model {quoted(model)}"
                f"{did_you_mean(model, assignment.models)}"
            )
        finding, of = _judge(metric, number, model, assignment, folder, found)
        if of in found:
            told = _with_code(finding, found[of])
            found[of] = replace(found[of], findings=(*found[of].findings, told))
    return found


def _judge(
    metric: str,
    number: str,
    model: str,
    assignment: Assignment,
    folder: Path,
    results: Mapping[str, ModelResult],
) -> tuple[Finding, str]:
    """What a number comes to, and the model that it is of."""
    answers: dict[str, Answer] = {}
    problem = f"{assignment.homework} is not reproduced here"
    for name in [model] if model else list(results):
        asked = assignment.models[name]
        if not asked.claims:
            continue
        try:
            answers[name] = _answer(asked, assignment, metric, number, folder)
        except HwError as error:  # also a metric that this model has not
            problem = str(error)
    shown = f"{metric} {number}"
    if not answers:
        finding = Finding(
            CHECK, "unknown", actual=shown, where="report", text=f"Could not tell: {problem}."
        )
        return finding, model or next(iter(results))
    of = min(answers, key=lambda name: abs(_deviations(answers[name])))
    best = answers[of]
    status: Status = "pass" if best.plausible else "fail"
    text = f"{_FACT} {shown} of {of} is {'' if best.plausible else 'not '}plausible: {best.text()}"
    if best.hints:
        text += f"; look at: {best.hints[0]}"
    finding = Finding(CHECK, status, best.band.text, shown, "report", f"{text.rstrip('.')}.")
    return finding, of


def _answer(model: Model, assignment: Assignment, metric: str, number: str, folder: Path) -> Answer:
    question = catalog.find(f"{assignment.homework}.{model.claims}")
    variant = next(iter(question.variants))
    return answer(parse(f"{metric}={number}", question, variant), gather(question, folder))


def _deviations(found: Answer) -> float:
    return float(found.band.deviations(found.number.value))


def _with_code(finding: Finding, result: ModelResult) -> Finding:
    """The same, with what the code that was handed in says to it."""
    if result.status == "not done":
        words = "The code that was handed in has no such model, so that it cannot have given it."
        return replace(finding, status="fail", text=f"{finding.text} {words}")
    if result.status == "fail" and finding.status == "pass":
        words = "The code that was handed in trains or predicts otherwise: it need not be its own."
        return replace(finding, text=f"{finding.text} {words}")
    return finding
