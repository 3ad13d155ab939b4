"""What grading finds, in the form in which ``hw grade --json`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["pass", "fail", "skipped", "unknown"]
ModelStatus = Literal["pass", "fail", "unknown", "not done"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check of one model.

    check:    what was checked, such as ``first update``.
    status:   ``skipped``: it depends on something that failed; ``unknown``: could not tell.
    expected: what the reference has, in words or numbers; hidden from students by ``--student``.
    actual:   what the hand-in has.
    where:    the place: a method, a parameter, an update.
    text:     one sentence for the student: the fact that should hold, or what was seen.
    explain:  what ``--explain`` shows besides: the formula, the entries, both numbers.
    """

    check: str
    status: Status
    expected: str = ""
    actual: str = ""
    where: str = ""
    text: str = ""
    explain: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelResult:
    """What was found of one model; ``mistakes`` are ids, in the order of the checks."""

    status: ModelStatus
    mistakes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class HandInResult:
    """What was found of one file; ``sandbox`` says what held it."""

    file: str
    homework: str
    question: str
    models: Mapping[str, ModelResult]
    sandbox: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, without what only ``--explain`` shows."""
        document = asdict(self)
        for model in document["models"].values():
            for finding in model["findings"]:
                del finding["explain"]
        return document
