"""What the checks of one model write down as they go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hw.grading.findings import Finding, Status
from hw.grading.hand_in import HandInFault, Raised
from hw.grading.matching import Match

# Of several findings of one check the gravest is told.
_GRAVITY: dict[Status, int] = {"pass": 0, "skipped": 1, "unknown": 2, "fail": 3}


class Notes:
    """One finding for each check, and the ids of mistakes in the order in which they were found.

    changed: is called after every finding.
    """

    def __init__(self, changed: Callable[[Notes], None] = lambda _: None) -> None:
        self.changed = changed
        self.findings: list[Finding] = []
        self.mistakes: list[str] = []

    def passed(self, check: str, text: str, match: Match | None = None) -> None:
        """``match``: a harmless mistake, which is named."""
        self._name(match)
        self._add(Finding(check, "pass", text=text))

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
        self._add(Finding(check, "fail", expected, actual, where, text, tuple(explain)))

    def unknown(self, check: str, text: str, actual: str = "") -> None:
        self._add(Finding(check, "unknown", actual=actual, text=text))

    def skipped(self, check: str, because: str) -> None:
        self._add(Finding(check, "skipped", text=because))

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
            self.unknown(check, f"Could not tell: {doing} did not end as it should ({fault}).")

    def status(self, check: str) -> Status | None:
        """What a check came to so far."""
        return next((f.status for f in self.findings if f.check == check), None)

    def _add(self, finding: Finding) -> None:
        before = self.status(finding.check)
        if before is not None:
            if _GRAVITY[before] >= _GRAVITY[finding.status]:
                return
            self.findings = [f for f in self.findings if f.check != finding.check]
        self.findings.append(finding)
        self.changed(self)

    def forget(self) -> None:
        """Begin again with nothing."""
        self.findings.clear()
        self.mistakes.clear()

    def _name(self, match: Match | None) -> None:
        if match is not None and match.exact:
            self.mistakes += [mistake.id for mistake in match.mistakes]
