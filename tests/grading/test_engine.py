"""Every known mistake, planted into a right hand-in, is named, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from planted import Planted, planted

from hw.grading import engine
from hw.grading.assignment import Assignment, assignments
from hw.grading.findings import ModelResult
from hw.grading.hand_in import HandIn
from hw.grading.mistakes import Changes, known
from hw.grading.session import Session

HOMEWORKS = {
    "perceptron": ("ist2024", "hw1-q1.py"),
    "logistic_regression": ("ist2024", "hw1-q1.py"),
    "mlp": ("ist2023", "hw1-q1.py"),
    "linear_regression": ("ist2021", "hw1-q2.py"),
    "neural_regression": ("ist2021", "hw1-q2.py"),
    "scratch": ("e1394", "network_scratch.py"),
    "network": ("ift6390", "solution.py"),
}


def assignment(homework: str, file: str) -> Assignment:
    return next(a for a in assignments() if (a.homework, a.file) == (homework, file))


def grade(hand_in: Planted, model: str, of: tuple[str, str] | None = None) -> ModelResult:
    asked = assignment(*(of or HOMEWORKS[model]))
    nowhere = Path("/nowhere")
    results = engine.grade(
        cast(HandIn, hand_in), asked, only=model, directory=nowhere, scripts=False
    )
    return results[model]


# What only large numbers show: the landscapes have more pixels than the other images.
LARGE = ("softmax_global_maximum", "softmax_no_maximum", "loss_overflows", "loss_clipped")
PLANTED = [
    pytest.param(
        model,
        mistake.id,
        mistake.check,
        mistake.ways[0],
        id=f"{model}-{mistake.check}-{mistake.id}",
    )
    for model in HOMEWORKS
    for mistake in known(model)
    if mistake.ways
]


@pytest.mark.parametrize("model", HOMEWORKS)
def test_a_right_hand_in_passes(model: str) -> None:
    found = grade(planted(model), model)
    assert found.status == "pass", found
    assert not found.mistakes
    assert all(finding.status == "pass" for finding in found.findings)


@pytest.mark.parametrize(("model", "id", "check", "way"), PLANTED)
def test_a_planted_mistake_is_named_alone(
    model: str, id: str, check: str, way: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    if id not in LARGE:
        monkeypatch.setattr(Session, "large", False)
    found = grade(
        planted(model, way),
        model,
        ("ist2024", "hw1-q1.py") if model == "mlp" and id in LARGE else None,
    )
    # Other draws of the right distribution are no mistake.
    assert set(found.mistakes) == ({id} if id != "draws_differ" else set()), found
