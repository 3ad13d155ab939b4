"""The rows of published against ours, from the claims of a question and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hw.catalog import DEFAULT_VARIANT, Question
from hw.outcome import Check, Outcome
from hw.plotting import label
from hw.published import Claim
from hw.report.model import Row

Judge = Callable[[Question, Mapping[str, Outcome], Mapping[str, Any]], Sequence[Row]]


def rows(
    question: Question, outcomes: Mapping[str, Outcome], run: Mapping[str, Any]
) -> list[Row]:
    """One row for each claim, in the file's order, and one for each check that no claim names."""
    checks = {c.name: c for o in outcomes.values() for c in o.checks}
    found = [_row(claim, outcomes, checks, run) for claim in question.claims]
    named = {c.details["check"] for c in question.claims if c.sort == "check"}
    return found + list(_unnamed(checks, named))


def _row(claim, outcomes, checks, run) -> Row:
    data = run.get("data") or {}
    check = checks.get(claim.details["check"]) if claim.sort == "check" else None
    outcome = outcomes.get(claim.variant)
    verdict, ours, evidence = "not judged", "", ""
    if claim.sort == "form":
        verdict = "erratum" if claim.erratum else "not judged"
    elif not outcomes:
        verdict = "not run"
    elif data.get("source") == "stand-in":
        verdict = "stand-in"
    elif check:
        verdict = "holds" if check.holds else "erratum" if claim.erratum else "contradicted"
        evidence = check.evidence
    elif claim.sort in ("value", "range") and outcome:
        value = outcome.metrics.get(claim.details["metric"])
        if isinstance(value, int | float):
            ours = f"{value:.4f}"
            if claim.sort == "value":
                verdict = "exact" if f"{value:.{claim.decimals}f}" == claim.details["value"] else "differs"
    return Row(
        where=claim.where,
        statement=check.statement if check else _statement(claim),
        verdict=verdict,
        published=_published(claim),
        ours=ours,
        evidence=evidence,
        erratum=claim.erratum,
        variant="" if claim.variant == DEFAULT_VARIANT else claim.variant,
        own=claim.ours,
    )


def _statement(claim: Claim) -> str:
    if claim.says or claim.sort not in ("value", "range"):
        return claim.text()
    return label(claim.details["metric"])


def _published(claim: Claim) -> str:
    """The printed number or range; nothing for a statement in words."""
    d = claim.details
    if claim.sort == "value":
        return str(d["value"])
    if claim.sort != "range":
        return ""
    if "low" in d and "high" in d:
        return f"{d['low']} to {d['high']}"
    return f"at least {d['low']}" if "low" in d else f"at most {d['high']}" if "high" in d else ""


def _unnamed(checks: Mapping[str, Check], named: set[str]) -> Iterator[Row]:
    for name, check in checks.items():
        if name not in named:
            verdict = "holds" if check.holds else "contradicted"
            yield Row("", check.statement, verdict, evidence=check.evidence, own=True)
