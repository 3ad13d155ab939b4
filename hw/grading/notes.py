"""What the checks of one model write down as they go."""

from __future__ import annotations

from collections.abc import Sequence

from hw.grading.findings import Finding
from hw.grading.hand_in import Died, HandInFault, Nonsense, Raised, TimedOut
from hw.grading.matching import Match


class Notes:
    """Findings, and the ids of mistakes, in the order of the checks."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.mistakes: list[str] = []

    def passed(self, check: str, text: str, match: Match | None = None) -> None:
        """``match``: a harmless mistake, which is named."""
        self._name(match)
        self.findings.append(Finding(check, "pass", text=text))

    def failed(
        self,
        check: str,
        text: str,
        expected: str = "",
        actual: str = "",
        where: str = "",
        match: Match | None = None,
        explain: Sequence[str] = (),
    ) -> None:
        self._name(match)
        self.findings.append(Finding(check, "fail", expected, actual, where, text, tuple(explain)))

    def unknown(self, check: str, text: str, actual: str = "") -> None:
        self.findings.append(Finding(check, "unknown", actual=actual, text=text))

    def skipped(self, check: str, because: str) -> None:
        self.findings.append(Finding(check, "skipped", text=because))

    def fault(self, check: str, fault: HandInFault, doing: str) -> None:
        """A hand-in that raises fails; one that is silent, dies or talks nonsense: who can tell."""
        if isinstance(fault, Raised):
            self.failed(
                check,
                f"{doing} raises {fault.type}: {fault.message}",
                expected="no exception",
                actual=fault.type,
                where=f"line {fault.line}" if fault.line else "",
            )
        else:
            self.unknown(
                check, f"Could not tell: {doing} did not end as it should ({_how(fault)})."
            )

    def _name(self, match: Match | None) -> None:
        if match is not None and match.exact:
            self.mistakes += [mistake.id for mistake in match.mistakes]


def _how(fault: HandInFault) -> str:
    if isinstance(fault, TimedOut | Died | Nonsense):
        return str(fault)
    return type(fault).__name__
