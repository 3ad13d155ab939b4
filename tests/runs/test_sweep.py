"""Sweeps: a grid from the command line, a folder for each point, a table and figures at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.errors import HwError
from hw.results.folder import Folder
from hw.runs import sweep
from hw.runs.planning import Request


def planned(*questions: str, **overrides: Any) -> list[dict[str, Any]]:
    runs, keys = sweep.plan(Request(questions=questions, overrides=overrides))
    return [{key: run.flags.values.get(key) for key in keys} for run in runs]


def test_a_grid_in_the_order_of_the_command_line() -> None:
    assert planned("q1.mlp", learning_rate="0.1,0.01", hidden_size="4,8", epochs="1") == [
        {"learning_rate": "0.1", "hidden_size": "4"},
        {"learning_rate": "0.1", "hidden_size": "8"},
        {"learning_rate": "0.01", "hidden_size": "4"},
        {"learning_rate": "0.01", "hidden_size": "8"},
    ]


def test_words_are_swept_too() -> None:
    found = planned("q2.batch_size", activation="relu,tanh")
    assert [point["activation"] for point in found] == ["relu", "tanh"]


def test_a_list_is_one_value_and_a_semicolon_divides_lists() -> None:
    assert planned("ift6390.p1.network", hidden_sizes="64,32") == [{}]
    assert [p["hidden_sizes"] for p in planned("ift6390.p1.network", hidden_sizes="64,32;16")] == [
        "64,32",
        "16",
    ]


def test_values_of_python_are_not_divided() -> None:
    assert planned("q1.mlp", learning_rate=0.1, hidden_size=4) == [{}]


def test_a_question_without_the_setting_runs_once() -> None:
    runs, keys = sweep.plan(
        Request(questions=["q1.mlp", "q1.perceptron"], overrides={"hidden_size": "4,8"})
    )
    assert keys == ["hidden_size"]
    assert [run.question.name for run in runs] == ["q1.mlp", "q1.perceptron", "q1.mlp"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--learning-rate", "0.1,0.10"), "learning_rate 0.10 is among the values twice"),
        (("--learning-rate", "0.1,,0.2"), "expected a finite number"),
        (("--learning-rate", "0.1,fast"), "expected a finite number"),
        (("--learning-rate", "0.1,-1"), "must be above 0"),
        (("--learning-rte", "0.1,0.2"), "did you mean 'learning_rate'"),
    ],
)
def test_what_cannot_be_meant_runs_nothing(
    hw: CommandLine, words: tuple[str, ...], problem: str
) -> None:
    answer = hw("run", "q1.mlp", *words)
    assert answer.code == 2
    assert problem in answer.error
    assert not hw.results.exists()


def swept(hw: CommandLine, *words: str) -> dict[str, Any]:
    answer = hw("run", *words, "--json")
    assert answer.code == 0, answer.err
    (found,) = answer.json["sweeps"]
    return dict(found)


def test_a_folder_each_and_a_table(hw: CommandLine) -> None:
    words = ("q1.mlp", "--epochs", "1", "--learning-rate", "0.1,0.01", "--hidden-size", "3,4")
    found = swept(hw, *words)
    assert found["settings"] == ["learning_rate", "hidden_size"]
    assert len(set(found["runs"])) == 4
    for row, folder in zip(found["table"], found["runs"], strict=True):
        results = Folder(Path(folder)).read()
        settings = results.config.variants["default"]
        for key in ("learning_rate", "hidden_size"):
            assert row[key] == settings[key]
        metrics = results.outcomes["default"].metrics
        assert row["test_accuracy"] == metrics["test_accuracy"]
    (kept,) = (hw.results / "sweeps").glob("*/sweep.json")
    assert json.loads(kept.read_text())["table"] == found["table"]
    # Each is a run like any other: up to date, also when it is asked for alone.
    again = hw("run", *words)
    assert again.err.count("up to date") == 4
    best = max(row["validation_accuracy"] for row in found["table"])
    assert f"best validation accuracy: {best:.4f} at learning rate" in again.out
    alone = hw("run", *words[:3], "--learning-rate", "0.01", "--hidden-size", "4")
    assert "up to date" in alone.err


def test_backends_and_variants_are_told_apart(hw: CommandLine) -> None:
    words = ("q1.logistic_regression", "--epochs", "1", "--set", "learning_rate=0.1,0.01")
    found = swept(hw, *words, "--backend", "both")
    known = {(row["backend"], row["learning_rate"], row["variant"]) for row in found["table"]}
    assert len(known) == len(found["table"]) == 8


def test_seeds_are_summed_up_at_each_point(hw: CommandLine) -> None:
    words = ("q1.perceptron", "--set", "epochs=1,2", "--seeds", "1,2")
    found = swept(hw, *words)
    assert [row["epochs"] for row in found["table"]] == [1, 2]
    for folder in found["runs"]:
        assert Folder(Path(folder)).read().outcomes["default"].metrics["n_seeds"] == 2


def test_a_dry_run_shows_the_grid(hw: CommandLine) -> None:
    answer = hw("run", "q1.mlp", "--learning-rate", "0.1,0.02", "--dry-run")
    lines = answer.out.splitlines()
    assert "learning_rate" in lines[0]
    assert [line.split()[2] for line in lines[2:]] == ["0.1", "0.02"]
    assert not hw.results.exists()


@pytest.mark.figures
def test_figures_of_all(hw: CommandLine) -> None:
    found = swept(hw, "q1.mlp", "--epochs", "1", "--learning-rate", "0.1,0.01")
    names = {Path(path).name for path in found["figures"]}
    assert names == {f"{n}.{s}" for n in ("curves", "against") for s in ("pdf", "png", "svg")}
    assert all(Path(path).stat().st_size > 1000 for path in found["figures"])
    text = next(Path(p) for p in found["figures"] if p.endswith("against.svg")).read_text()
    assert "learning rate" in text
    # Words stand at no place of an axis.
    found = swept(hw, "q1.mlp", "--epochs", "1", "--activation", "relu,tanh")
    assert {Path(path).stem for path in found["figures"]} == {"curves"}


def test_a_figure_that_cannot_be_drawn_costs_no_number(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise HwError("no room for a figure")

    monkeypatch.setattr("hw.figures.style.save", fail)
    answer = hw("run", "q1.perceptron", "--set", "epochs=1,2", "--json")
    assert answer.code == 1
    assert "a figure of the sweep is not drawn: no room for a figure" in answer.err
    assert len(answer.json["sweeps"][0]["table"]) == 2
