from __future__ import annotations

import pytest
from support import CommandLine

from hw.config import catalog


def test_settings_with_where_each_comes_from(hw: CommandLine) -> None:
    shown = hw("show", "q1.logistic_regression", "--json").json
    assert shown["id"] == "ist2024.q1.logistic_regression"
    assert shown["data"] == {"name": "intel-landscapes", "view": "ist2024"}
    path = "configs/ist2024/q1.logistic_regression.yaml"
    assert shown["variants"]["l2"]["l2_penalty"] == {"value": 0.01, "from": f"{path} (variant l2)"}
    assert shown["variants"]["l2"]["epochs"] == {"value": 100, "from": path}
    assert shown["variants"]["l2"]["seed"] == {"value": 42, "from": "default"}
    values = {(c.get("variant"), c.get("value")) for c in shown["claims"] if c["sort"] == "value"}
    assert ("plain", "0.46") in values


def test_the_same_for_people(hw: CommandLine) -> None:
    text = hw("show", "ist2024.q1.logistic_regression").out
    assert "0.0 | 0.01" in text, "settings that differ between variants show all their values"
    assert '[slip: the answer says "with the training' in " ".join(text.split())
    assert "judged by" in text
    assert text.endswith("run it: python -m hw run q1.logistic_regression\n")


def test_an_unknown_question(hw: CommandLine) -> None:
    answer = hw("show", "q1.perceptrn")
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean 'q1.perceptron'" in answer.error


def test_nothing_is_run(hw: CommandLine) -> None:
    assert hw("show", "q1.perceptron").code == 0
    assert not hw.results.exists()


@pytest.mark.parametrize("question", list(catalog.load_all()))
def test_every_question_can_be_shown(hw: CommandLine, question: str) -> None:
    assert hw("show", question).code == 0
    answer = hw("show", question, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["id"] == question
