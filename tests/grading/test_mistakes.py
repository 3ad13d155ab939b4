"""Mistakes as YAML: what is refused and why; mutants: lines are changed, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.errors import UsageError
from hw.grading.assignment import assignments, read_grading
from hw.grading.mistakes import combined, known, mutant, read_mistakes
from hw.grading.references import REFERENCES, Sizes

LINE = "delta = p - onehot"
SIGN = {"says": "It goes down.", "ways": [{LINE: "delta = onehot - p"}]}


def read(mistakes: Any, model: str = "logistic_regression") -> Any:
    return read_mistakes(mistakes, model, "here")


@pytest.mark.parametrize("model", REFERENCES)
def test_every_way_of_every_mistake_compiles(model: str) -> None:
    ways = [way for mistake in known(model) for way in mistake.ways]
    assert len(ways) > 10
    for way in ways:
        assert issubclass(mutant(REFERENCES[model], way), REFERENCES[model])


@pytest.mark.parametrize("model", REFERENCES)
def test_a_mistake_says_what_should_hold(model: str) -> None:
    for mistake in known(model):
        assert mistake.says.endswith("."), mistake.id
        assert mistake.handout, mistake.id
        assert not mistake.hint or mistake.hint.endswith("."), mistake.id


def test_a_mutant_changes_its_lines_alone() -> None:
    reference = REFERENCES["logistic_regression"]
    x, sizes = np.array([1.0, 2.0, 1.0]), Sizes(3, 4)

    def step(changes: Any) -> np.ndarray[Any, Any]:
        made = mutant(reference, changes)(sizes, eta=0.5)
        made.start()
        made.update(x, 2)
        return made.parameters()["W"]

    np.testing.assert_array_equal(step(()), -step(((LINE, "delta = onehot - p"),)))
    gone = step((("self.W = self.W - self.eta * (gradient + penalty)", ""),))
    np.testing.assert_array_equal(gone, np.zeros((4, 3)))


def test_two_changes_of_one_line_do_not_go_together() -> None:
    a, b, c = ((LINE, "x"),), ((LINE, "y"),), (("return e / np.sum(e)", "return e"),)
    assert combined(a, b) is None
    assert combined(a, c) == (*a, *c)


def test_values_make_a_way_each() -> None:
    raw = {
        "says": "x.",
        "ways": [{LINE: "delta = $a * p ** $b"}],
        "values": {"a": [2, 3], "b": [1]},
    }
    (mistake,) = read({"update": {"power": raw}})
    assert [dict(way)[LINE] for way in mistake.ways] == ["delta = 2 * p ** 1", "delta = 3 * p ** 1"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "expected checks"),
        ({"updates": {}}, "did you mean 'update'"),
        ({"update": []}, "update must hold mistakes"),
        ({"update": {"x": {}}}, "here: x: a mistake says"),
        ({"update": {"x": {**SIGN, "hints": ""}}}, "unknown key 'hints'; did you mean 'hint'"),
        ({"update": {"x": {**SIGN, "ways": {}}}}, "ways must be a list"),
        ({"update": {"x": {**SIGN, "ways": [{"delta = p - one_hot": ""}]}}}, "did you mean"),
        ({"update": {"x": {**SIGN, "ways": [{LINE: "$a"}]}}}, "values are missing for a"),
        ({"update": {"x": {**SIGN, "values": [1]}}}, "values must be lists"),
    ],
)
def test_what_is_wrong_is_said(raw: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(raw)


# grading.yaml


def test_every_model_that_can_be_graded_has_mistakes() -> None:
    for assignment in assignments():
        for model in assignment.models.values():
            assert model.mistakes, (assignment.homework, model.name)
            assert model.weight > 0


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "grading.yaml"
    path.write_text(text)
    return path


MINE = """
seed: 7
data: {name: octmnist, view: ist2023}
files:
  mine.py:
    question: q1
    models:
      logistic_regression: {class: Softmax, learning_rate: 0.5, weight: 3}
mistakes:
  logistic_regression:
    update:
      backwards:
        says: It goes down.
        ways: [{delta = p - onehot: delta = onehot - p}]
"""


def test_a_homework_adds_its_own(tmp_path: Path) -> None:
    (assignment,) = read_grading(write(tmp_path, MINE), "mine")
    model = assignment.models["logistic_regression"]
    assert (assignment.seed, assignment.data) == (7, ("octmnist", "ist2023"))
    assert (model.cls, model.weight, model.learning_rate) == ("Softmax", 3, 0.5)
    assert model.mistakes[0].id == "backwards"
    assert len(model.mistakes) == 1 + len(known("logistic_regression"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 7", "sede: 7", "did you mean 'seed'"),
        ("class: Softmax", "klass: Softmax", "unknown key 'klass'; did you mean 'class'"),
        ("class: Softmax, ", "", "class must be the name"),
        ("weight: 3", "weight: many", "weight is 'many'"),
        ("says: It", "sais: It", "a mistake says"),
    ],
)
def test_what_is_wrong_in_a_grading_file_is_said(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_grading(write(tmp_path, MINE.replace(old, new)), "mine")
