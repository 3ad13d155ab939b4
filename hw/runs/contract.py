"""What any question keeps to, of hw's or of one's own: tried on a run of two epochs.

The tests of hw hold its questions to it, and ``hw check-homework --run`` those in a folder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hw.config.question import Question
from hw.errors import as_expected
from hw.results.outcome import Outcome
from hw.runs import runner
from hw.runs.planning import Request, plan
from hw.training.loop import Watcher

EPOCHS = 2


def tried(question: Question, results: Path, data: Path, data_mode: str = "auto") -> list[str]:
    """Run a question for two epochs, or compute it; what it does not keep to, in sentences.

    results: a folder that is thrown away. data: where hw's data sets are.
    """
    shorter = {"epochs": EPOCHS} if "epochs" in question.module.Settings.__match_args__ else {}
    request = Request(
        [question.id],
        shorter,
        seeds=question.seeds[:1],
        data_mode=data_mode,
        data_directory=data,
        results_directory=results,
    )
    said: list[str] = []
    try:
        runs = plan(request)
        runner.execute(runs, request, said.append, lambda *_: Watcher())
    except Exception as error:
        return [str(as_expected(error))]
    (run,) = runs
    if run.status == "skipped":
        return []
    failed = [str(run.error)] if run.error else []
    missing = [] if run.error else unmet(question, run.outcomes)
    drawn = {path.stem for path in (run.folder.path / "figures").glob("*.png")}
    figures = [str(f["name"]) for f in question.figures]
    if not run.error:
        missing += [f"figure {name} was not drawn" for name in figures if name not in drawn]
    return [*failed, *missing]


def _numbers(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Every number of nested metrics, with the name that it stands under."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value)
        else:
            yield name, value


def unmet(question: Question, outcomes: Mapping[str, Outcome]) -> list[str]:
    """What the question's claims speak of and its outcomes lack, and numbers that cannot be."""
    found = []
    for variant, outcome in outcomes.items():
        if outcome.diverged and not question.may_diverge:
            found.append(f"variant {variant} diverges: give it a smaller step, or 'may_diverge'")
        for name, value in _numbers(outcome.metrics):
            if not math.isfinite(value) or (name.endswith("_accuracy") and not 0 <= value <= 1):
                found.append(f"{name} of variant {variant} is {value}")
    checks = {check.name for outcome in outcomes.values() for check in outcome.checks}
    for number, claim in enumerate(question.claims, start=1):
        details = claim.details
        if claim.sort == "check" and details["check"] not in checks:
            known = ", ".join(sorted(checks)) or "none"
            found.append(f"claim {number}: no check {details['check']!r} (checks: {known})")
        of = outcomes if claim.sort == "order" else [claim.variant]
        for outcome in (outcomes[variant] for variant in of if variant in outcomes):
            lacking = [
                *(m for m in _metrics(details) if not _is_measured(m, outcome, question)),
                *(m for m in _curves(details) if m not in outcome.history),
            ]
            if lacking and not outcome.diverged:
                found.append(f"claim {number}: {lacking[0]} is not measured")
                break
    return found


def _metrics(details: Mapping[str, Any]) -> list[str]:
    """The metrics of a claim that are read at the end."""
    return [str(details[key]) for key in ("metric", "order", "minus") if key in details]


def _curves(details: Mapping[str, Any]) -> list[str]:
    keys = ("trend", "crossing", "best", "smoother")
    return [str(details[key]) for key in keys if key in details]


def _is_measured(metric: str, outcome: Outcome, question: Question) -> bool:
    measured = outcome.all_metrics()
    # A run of one seed has no spread over seeds, of which a claim may speak.
    if question.seeds and "n_seeds" not in measured:
        metric = metric.removesuffix("_std").removesuffix("_mean")
    return metric in measured
