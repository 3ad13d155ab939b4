"""Conclusions that compare curves, and ratios of metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from written_results import curve, found, outcome

from hw.verdicts.finding import Verdict

SMOOTHER = {"smoother": "validation_accuracy", "variant": "a", "than": "b"}


def noisy(sd: float, seed: int, epochs: int = 40) -> list[float]:
    """A curve that rises steeply, and scatters by ``sd``."""
    t = np.arange(epochs)
    return list(np.sqrt(t) / 10 + np.random.default_rng(seed).normal(0, sd, epochs))


def runs(a: float, b: float, seed: int = 0) -> dict[str, Any]:
    return {
        "a": outcome(history=curve(noisy(a, seed))),
        "b": outcome(history=curve(noisy(b, seed + 1))),
    }


def test_a_curve_that_scatters_less_is_smoother_however_steep() -> None:
    answer = found(SMOOTHER, runs(0.01, 0.03))
    assert answer.verdict is Verdict.SUPPORTED
    assert "about its course" in answer.evidence
    assert found(SMOOTHER, runs(0.03, 0.01)).verdict is Verdict.CONTRADICTED


def test_of_two_alike_neither_is_called_smoother_more_often_than_chance_allows() -> None:
    verdicts = [found(SMOOTHER, runs(0.02, 0.02, seed)).verdict for seed in range(0, 800, 2)]
    wrong = sum(v is not Verdict.NOT_SUPPORTED for v in verdicts)
    # 5 % of 400, give or take three standard deviations.
    assert abs(wrong - 20) <= 3 * np.sqrt(400 * 0.05 * 0.95)


def test_no_noise_at_all() -> None:
    straight = {"a": outcome(history=curve([1.0] * 20)), "b": runs(0.1, 0.1)["b"]}
    assert found(SMOOTHER, straight).verdict is Verdict.SUPPORTED
    both = {v: outcome(history=curve([1.0] * 20)) for v in ("a", "b")}
    assert found(SMOOTHER, both).verdict is Verdict.NOT_SUPPORTED
    assert found(SMOOTHER, {v: outcome() for v in ("a", "b")}).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("higher", "band", "verdict"),
    [
        (198, 0, Verdict.EXACT),  # 7.92 rounds to 8
        (190, 0, Verdict.EXACT),  # 7.6
        (180, 0, Verdict.DIFFERS),  # 7.2
        (180, 1, Verdict.CLOSE),
    ],
)
def test_ratios(higher: int, band: float, verdict: Verdict) -> None:
    claim = {"ratio": "updates", "value": "8", "higher": "a", "lower": "b", "band": band}
    results = {"a": outcome({"updates": higher}), "b": outcome({"updates": 25})}
    assert found(claim, results).verdict is verdict


def test_a_ratio_without_its_metric_is_not_judged() -> None:
    claim = {"ratio": "updates", "value": "8", "higher": "a", "lower": "b"}
    assert found(claim, {"a": outcome(), "b": outcome()}).verdict is Verdict.NOT_RUN
