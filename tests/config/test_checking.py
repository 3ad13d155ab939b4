"""What is wrong with a question in view of its kind and its data is said before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hw.config import catalog
from hw.config.checking import check
from hw.config.homework import Homework
from hw.config.located import WrongFile
from hw.config.question import read_question
from hw.errors import UsageError

MINIMAL: dict[str, Any] = {
    "title": "A title",
    "kind": "linear_classifier",
    "data": {"name": "mnist", "view": "e1394-torch"},
    "measure": {"epoch": ["train_accuracy"], "end": ["validation_loss"]},
}
HOMEWORK = Homework("hw9", Path("/none"), "", ("q9.some", "q9.other"))


def problems(
    folder: Path, homework: Homework = HOMEWORK, without: tuple[str, ...] = (), **keys: Any
) -> list[str]:
    """What is wrong with a question of these keys beside `MINIMAL`."""
    path = folder / "q9.some.yaml"
    found = {k: v for k, v in {**MINIMAL, **keys}.items() if k not in without}
    path.write_text(yaml.safe_dump(found, sort_keys=False))
    question = read_question(path, "hw9")
    try:
        check(question, homework)
    except WrongFile as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []


def test_a_question_that_can_run_is_sound(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize("name", list(catalog.load_all()))
def test_the_questions_of_hw_are_sound(name: str) -> None:
    assert catalog.find(name).id == name


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"settings": {"epoch": 3}}, "12: settings: unknown setting 'epoch'; did you mean 'epo"),
        ({"settings": {"epochs": 0}}, "12: settings: epochs is 0; it must be at least 1"),
        ({"settings": {"model": "mlp"}}, "12: settings: model is 'mlp'; one of: perceptron"),
        ({"variants": {"a": {"epochs": 0}}}, "13: variants, a: epochs is 0; it must be"),
        ({"grid": {"epochs": [1, 0]}}, "12: grid: epochs is 0; it must be at least 1"),
        (
            {"settings": {"l1_penalty": 1, "l2_penalty": 1}},
            "11: settings: l1_penalty and l2_penalty: one of them must be 0",
        ),
        ({"data": {"name": "mnst", "view": "x"}}, "3: data: unknown data set 'mnst'; did you mean"),
        ({"data": {"name": "mnist", "view": "e1394"}}, "3: data: data set mnist has no view 'e139"),
        ({"data": {"name": "ames", "view": "ist2021"}}, "3: data: linear_classifier is for class"),
        (
            {"measure": {"epoch": ["train_acuracy"]}},
            "8: measure, epoch 1: unknown metric 'train_",
        ),
        ({"measure": {"end": ["test_accuracy"]}}, "8: measure: test_accuracy: the data have no te"),
        ({"measure": {"end": ["distance"]}}, "8: measure, end 1: unknown metric 'distance'"),
        (
            {"figures": [{"name": "f", "metrics": ["train_acuracy"]}]},
            "13: figure 1, metrics: unknown metric 'train_acuracy'; did you mean 'train_accuracy'?",
        ),
        (
            {"figures": [{"name": "f", "metrics": ["validation_loss"]}]},
            "13: figure 1, metrics: validation_loss has no curve: it is measured at the end",
        ),
        (
            {"figures": [{"name": "f", "draw": "weigths"}]},
            "13: figure 1, draw: unknown draw 'wei",
        ),
        (
            {"figures": [{"name": "f", "metrics": ["train_accuracy"], "with": ["q9.othr"]}]},
            "figure 1, with: unknown question 'q9.othr'; did you mean 'q9.other'?",
        ),
        (
            {"claims": [{"metric": "test_loss", "value": "1"}]},
            "12: claim 1, metric: unknown m",
        ),
        ({"claims": [{"trend": "validation_loss", "direction": "falling"}]}, "has no curve"),
        (
            {"claims": [{"metric": "validation_loss", "low": 0, "epochs": "all"}]},
            "claim 1, metric: validation_loss has no curve",
        ),
        ({"claims": [{"record": "train_accuracy"}]}, "value is missing, and so is the curve"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, keys: dict[str, Any], problem: str
) -> None:
    found = problems(tmp_path, **keys)
    assert any(problem in text for text in found), found


def test_a_kind_that_measures_what_the_data_lack_is_named(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, without=("measure",))
    assert "measure: test_accuracy (linear_classifier measures it)" in found


def test_data_are_missing_where_a_kind_trains(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, without=("data",))
    assert "data is missing" in found


def test_a_part_that_the_document_has_not_is_named(tmp_path: Path) -> None:
    homework = Homework("hw9", Path("/none"), "", ("q9.some",), parts=("1(a)", "1(b)"))
    claims = [{"metric": "train_accuracy", "value": "1", "where": "1(c), Table 2"}]
    (found,) = problems(tmp_path, homework, claims=claims)
    assert "claim 1, where: unknown part of the document '1(c)'; did you mean" in found
    ours = [{**claims[0], "ours": True}]
    assert problems(tmp_path, homework, claims=ours) == []


def test_early_stopping_needs_what_it_watches(tmp_path: Path) -> None:
    keys = {"kind": "course_network", "settings": {"patience": 3}}
    (found,) = problems(tmp_path, **keys)
    assert "patience needs validation_loss after every epoch" in found


def test_a_backend_that_a_kind_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hw.questions.models import linear_classifier

    monkeypatch.setattr(linear_classifier, "BACKENDS", ("torch",), raising=False)
    (found,) = problems(tmp_path)
    assert "backend is 'numpy'; expected torch" in found


def test_several_seeds_have_means_that_claims_may_name(tmp_path: Path) -> None:
    claims = [{"metric": "train_accuracy_std", "low": 0}]
    assert problems(tmp_path, claims=claims, seeds=[1, 2]) == []
    assert "unknown metric 'train_accuracy_std'" in problems(tmp_path, claims=claims)[0]


def test_the_error_is_one_line_with_the_number_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "q9.some.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "settings": {"epochs": 0}, "backend": "numpy",
                                    "figures": [{"name": "f", "draw": "none"}]}))  # fmt: skip
    with pytest.raises(UsageError, match="and 1 more problem"):
        check(read_question(path, "hw9"), HOMEWORK)
