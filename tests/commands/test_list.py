from __future__ import annotations

import json
from typing import Any

import pytest
from support import CommandLine

from hw.config import catalog


def row(hw: CommandLine, question: str) -> dict[str, Any]:
    answer = hw("list", "--json")
    assert answer.code == 0
    (found,) = [r for r in answer.json["questions"] if r["id"] == question]
    return dict(found)


def test_every_question_with_its_title_and_data(hw: CommandLine) -> None:
    answer = hw("list")
    assert answer.code == 0
    assert answer.err == ""
    for question in catalog.load_all().values():
        assert question.id in answer.out
        assert question.title in answer.out
    assert [r["id"] for r in hw("list", "--json").json["questions"]] == list(catalog.load_all())


def test_the_state_of_the_last_run(hw: CommandLine) -> None:
    assert row(hw, "ist2024.q1.perceptron")["state"] == "not run"
    assert hw("run", "q1.perceptron").code == 0
    found = row(hw, "ist2024.q1.perceptron")
    assert (found["state"], found["source"]) == ("done", "real")
    assert found["finished"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"status": 3}', '{"status": "done", "data": 1, "finished": []}']
)
def test_a_damaged_folder_does_not_stop_the_list(hw: CommandLine, text: str) -> None:
    folder = hw.folder("ist2024.q1.mlp")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    assert hw("list").code == 0
    json.dumps(row(hw, "ist2024.q1.mlp"))
