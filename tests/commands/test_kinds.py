from __future__ import annotations

import pytest
from support import CommandLine

from hw.config import catalog, kinds


def test_every_kind_in_a_line(hw: CommandLine) -> None:
    answer = hw("kinds")
    assert answer.code == 0
    lines = answer.out.splitlines()
    for name in kinds.shipped():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.split()[1] in ("trains", "computes")
        assert len(line.split()) > 4


def test_settings_metrics_and_figures_of_one(hw: CommandLine) -> None:
    answer = hw("kinds", "feedforward")
    assert answer.code == 0
    for word in ("dropout", "number ≥ 0, < 1", "sgd or adam", "update_cosine", "main_effects"):
        assert word in answer.out
    assert hw("kinds", "linear_regression").out.count("train_accuracy") == 0


def test_json_holds_what_a_question_may_say(hw: CommandLine) -> None:
    found = {kind["name"]: kind for kind in hw("kinds", "--json").json["kinds"]}
    assert found.keys() == kinds.shipped().keys()
    for question in catalog.load_all().values():
        kind = found[question.kind]
        assert kind["trains"] == question.trains
        assert {*question.settings} <= kind["settings"].keys()
        if question.trains:
            assert {*question.measures("epoch"), *question.measures("end")} <= {*kind["metrics"]}
        assert {f.get("draw", "curves") for f in question.figures} <= {*kind["figures"]}


def test_an_unknown_kind(hw: CommandLine) -> None:
    answer = hw("kinds", "perceptrn_mlp")
    assert answer.code == 2
    assert "unknown kind" in answer.error


@pytest.mark.parametrize("name", kinds.shipped())
def test_a_kind_knows_without_its_module_whether_it_trains(name: str) -> None:
    kind = kinds.known()[name]
    assert kind.trains == hasattr(kind.load(), "learner")
