"""The rows of published against ours, from the judgements of a question's claims."""

from __future__ import annotations

from collections.abc import Iterator

from hw.config.catalog import DEFAULT_VARIANT
from hw.config.claims import Claim
from hw.figures.style import label
from hw.report.model import Row
from hw.verdicts import Evidence, Judgement, Verdict, judge_all


def rows(evidence: Evidence) -> tuple[Row, ...]:
    """One row for each claim, in the file's order."""
    return tuple(_row(j, evidence.problem) for j in judge_all(evidence))


def further_checks(evidence: Evidence) -> Iterator[Row]:
    """What the question puts to the test beyond any claim; nobody's claim, so never counted."""
    named = {c.details["check"] for c in evidence.question.claims if c.sort == "check"}
    for outcome in evidence.outcomes.values():
        for check in outcome.checks:
            if check.name not in named:
                named.add(check.name)
                verdict = Verdict.HOLDS if check.holds else Verdict.DIFFERS
                yield Row("", check.statement, str(verdict), evidence=check.evidence, own=True)


def _row(judgement: Judgement, problem: str) -> Row:
    claim, finding = judgement.claim, judgement.finding
    erratum = " ".join(claim.erratum.split())
    # The evidence of an erratum ends with what is right, which here stands on its own.
    evidence = finding.evidence.removesuffix(erratum).rstrip("; ") if erratum else finding.evidence
    if finding.verdict is Verdict.STAND_IN or evidence in (problem, str(finding.verdict)):
        evidence = ""  # said once, for the whole question
    return Row(
        where=claim.where,
        statement=str(finding.numbers.get("statement") or _statement(claim)),
        verdict=str(finding.verdict),
        published=_published(claim),
        ours="" if claim.sort == "check" else finding.ours,
        evidence=evidence,
        erratum=erratum,
        variant="" if claim.variant == DEFAULT_VARIANT else claim.variant,
        instead=finding.instead,
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
