"""What a claim can be found to be, and what says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hw.config.claims import Claim
from hw.config.settings import plain


class Verdict(StrEnum):
    EXACT = "exact"
    CLOSE = "close"
    HOLDS = "holds"
    SUPPORTED = "supported"
    ERRATUM = "erratum"
    SLIP = "slip"
    UNMET = "unmet"
    NOT_SUPPORTED = "not supported"
    DIFFERS = "differs"
    CONTRADICTED = "contradicted"
    OTHER_DATA = "other data"
    STAND_IN = "stand-in"
    NOT_RUN = "not run"


# What is wrong with a document, by the kind that the claim names.
FAULTS = {"wrong": Verdict.ERRATUM, "slip": Verdict.SLIP, "unmet": Verdict.UNMET}
# These, and nothing else, are what exit code 3 means.
CONTRADICTIONS = frozenset({Verdict.DIFFERS, Verdict.CONTRADICTED})
AGAINST = CONTRADICTIONS | {Verdict.NOT_SUPPORTED}


@dataclass(frozen=True)
class Finding:
    """What one claim was found to be.

    ours:     our side of it, in a word.
    evidence: one line that shows it.
    basis:    what it was judged by.
    numbers:  what the line is made of, for programs.
    instead:  what to believe instead of a conclusion that seeds do not bear out; else empty.
    """

    verdict: Verdict
    ours: str = ""
    evidence: str = ""
    basis: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    instead: str = ""


@dataclass(frozen=True)
class Judgement:
    """A claim with its finding. ``number`` counts the claims of a question from 1."""

    question: str
    number: int
    claim: Claim
    finding: Finding

    @property
    def verdict(self) -> Verdict:
        return self.finding.verdict

    @property
    def published(self) -> str:
        """The statement in a line, with the variant that it speaks of; of a check, in full."""
        claim = self.claim
        if not claim.says and "statement" in self.finding.numbers:
            return str(self.finding.numbers["statement"])
        named = "" if claim.says else str(claim.details.get("variant", ""))
        return f"{named}: {claim.text()}" if named else claim.text()

    def as_json(self) -> dict[str, Any]:
        claim, finding = self.claim, self.finding
        return {
            "question": self.question,
            "claim": self.number,
            "sort": claim.sort,
            "where": claim.where,
            "published": self.published,
            "verdict": str(finding.verdict),
            "ours": finding.ours,
            "evidence": finding.evidence,
            "basis": finding.basis,
            **({"instead": finding.instead} if finding.instead else {}),
            "numbers": plain(dict(finding.numbers)),
            "details": plain(dict(claim.details)),
            **({"erratum": claim.erratum, "kind": claim.kind} if claim.erratum else {}),
            "our_own": claim.ours,
        }


def needed_variants(claim: Claim) -> list[str]:
    """The variants that a claim cannot be judged without."""
    names = [claim.variant] if claim.sort in ("value", "range", "trend", "best", "record") else []
    for key in ("variant", "higher", "lower", "reference", "than", "slower", "faster"):
        value = claim.details.get(key, [])
        names += value if isinstance(value, list) else [value]
    return list(dict.fromkeys(names))


def is_better_high(metric: str) -> bool:
    """Of accuracies, more is better; of losses, distances and norms, less."""
    return metric.endswith("accuracy")
