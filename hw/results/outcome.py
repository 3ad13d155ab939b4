"""What one variant of a question yields: numbers, curves, checks, and the data behind its figures.

Everything in an `Outcome` is plain JSON (finite numbers, strings, lists, dicts), so that it can
be written, sent between processes, and drawn again without computing anything.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """A statement that was put to the test, as published documents make them.

    name:      identifier, unique within the question (``softmax_jacobian``).
    statement: the statement in words or a formula.
    holds:     what the computation found.
    evidence:  one line that shows it: a residual, a counterexample, an exact identity.
    """

    name: str
    statement: str
    holds: bool
    evidence: str


@dataclass
class Outcome:
    """The result of one variant.

    metrics: finite numbers by name; may be nested.
    history: ``{"epoch": [1, ...], metric: [...]}``, one value an epoch; empty if nothing trains.
    plots:   the JSON data behind figures that ``history`` does not hold, by figure name.
    checks:  statements put to the test; each also counts as a metric, 1 if it holds, else 0.
    timing:  measured times behind figures; unlike all else, no two runs have the same.
    """

    metrics: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    plots: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    timing: dict[str, Any] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        return bool(self.metrics.get("diverged"))

    def check(self, name: str, statement: str, holds: bool, evidence: str) -> bool:
        """Record a statement put to the test; returns whether it holds."""
        self.checks.append(Check(name, statement, bool(holds), evidence))
        return bool(holds)

    def all_metrics(self) -> dict[str, Any]:
        """The metrics together with the checks as 0 or 1."""
        return {**self.metrics, **{c.name: int(c.holds) for c in self.checks}}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Outcome:
        """What `as_json` gave. Raises `KeyError`, `TypeError` or `ValueError` on anything else."""
        checks = [Check(**c) for c in value["checks"]]
        if not all(type(c.holds) is bool for c in checks):
            raise TypeError("a check does not say whether it holds")
        if not all(isinstance(w, str) for c in checks for w in (c.name, c.statement, c.evidence)):
            raise TypeError("a check holds something else than words")
        outcome = cls(
            value["metrics"], value["history"], value["plots"], checks, value.get("timing", {})
        )
        if not all_finite(outcome.metrics):
            raise ValueError("a metric is not finite")
        if type(outcome.metrics.get("n_seeds", 1)) is not int:
            raise TypeError("n_seeds is not a whole number")
        if not isinstance(outcome.plots, dict) or not isinstance(outcome.timing, dict):
            raise TypeError("plots are not named")
        lengths = {len(values) for values in outcome.history.values()}
        if len(lengths) > 1 or (lengths and "epoch" not in outcome.history):
            raise ValueError("a history has not one value an epoch")
        if not all(math.isfinite(v) for values in outcome.history.values() for v in values):
            raise ValueError("a history is not finite")
        return outcome


def all_finite(numbers: dict[str, Any]) -> bool:
    """Whether every number of a nested dict is finite."""
    return all(all_finite(v) if isinstance(v, dict) else math.isfinite(v) for v in numbers.values())
