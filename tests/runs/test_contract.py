"""What every question keeps to: a fault of each kind is found, and the questions of hw have none
(tests/test_questions.py and tests/questions/test_statements.py hold them to it)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from hw.config import catalog
from hw.config.claims import Claim
from hw.results.outcome import Check, Outcome
from hw.runs.contract import unmet

QUESTION = replace(catalog.find("q1.logistic_regression"), claims=())
SOUND = Outcome(
    metrics={"test_accuracy": 0.5, "train_loss": 1.5},
    history={"epoch": [1, 2], "train_loss": [2.0, 1.5]},
    checks=[Check("holds", "it holds", True, "")],
)
OUTCOMES = {"plain": SOUND, "l2": SOUND}


def claim(sort: str, **details: Any) -> Claim:
    return Claim(sort, details)


def faults(*claims: Claim, **outcome: Any) -> list[str]:
    outcomes = {"plain": replace(SOUND, **outcome), "l2": SOUND}
    return unmet(replace(QUESTION, claims=claims), outcomes)


def test_what_is_measured_is_met() -> None:
    assert (
        faults(
            claim("value", metric="test_accuracy", value="0.5", variant="plain"),
            claim("order", order="test_accuracy", minus="train_loss", higher="plain", lower="l2"),
            claim("trend", trend="train_loss", direction="falling", variant="plain"),
            claim("check", check="holds"),
            claim("form", form="a slip"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        (claim("value", metric="test_loss", value="1", variant="plain"), "test_loss is not measur"),
        (claim("range", metric="test_loss", low=0, variant="plain"), "test_loss is not measured"),
        (claim("order", order="test_accuracy", minus="x", higher="plain", lower="l2"), "x is not"),
        (claim("trend", trend="test_accuracy", variant="plain"), "test_accuracy is not measured"),
        (claim("smoother", smoother="x", variant="plain", than="l2"), "claim 1: x is not measured"),
        (claim("check", check="hold"), r"no check 'hold' \(checks: holds\)"),
    ],
)
def test_what_a_claim_speaks_of_and_nobody_measures(missing: Claim, problem: str) -> None:
    (found,) = faults(missing)
    assert re.search(problem, found)


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        ({"metrics": {"test_accuracy": 1.5}}, "test_accuracy of variant plain is 1.5"),
        ({"metrics": {"train_loss": float("nan")}}, "train_loss of variant plain is nan"),
        ({"metrics": {"diverged": 1}}, "variant plain diverges"),
    ],
)
def test_numbers_that_cannot_be(outcome: dict[str, Any], problem: str) -> None:
    (found,) = faults(**outcome)
    assert problem in found


def test_one_seed_has_no_spread() -> None:
    question = replace(QUESTION, seeds=(1, 2), claims=(
        claim("value", metric="test_accuracy_std", value="0.1", variant="plain"),
        claim("value", metric="test_loss_std", value="0.1", variant="plain"),
    ))  # fmt: skip
    assert unmet(question, OUTCOMES) == ["claim 2: test_loss_std is not measured"]
