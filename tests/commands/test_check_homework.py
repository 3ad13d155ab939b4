"""All that is wrong with a folder of homeworks, said at once."""

from __future__ import annotations

from pathlib import Path

import own_course
import pytest
from support import CommandLine


def test_a_sound_homework(tmp_path: Path, hw: CommandLine) -> None:
    course = own_course.write(tmp_path)
    answer = hw("check-homework", course)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "ours: sound",
        "ours.q1.perceptron: sound",
        "ours.q2.mlp: sound",
    ]


def test_everything_that_is_wrong_at_once(tmp_path: Path, hw: CommandLine) -> None:
    perceptron = own_course.PERCEPTRON.replace("epochs: 2", "epohcs: 2").replace("title", "titel")
    network = own_course.NETWORK.replace("[train_loss]", "[train_los]").replace(
        "large: {hidden_", "large: {hiden_"
    )
    network = network.replace("kind: mlp", "backend: pytorch\nkind: mlp")
    course = own_course.write(tmp_path, **{"q1.perceptron": perceptron, "q2.mlp": network})
    (course / "ours" / "q3.more.yaml").write_text("title: 3\nkind: mpl\n")
    answer = hw("check-homework", course)
    assert answer.code == 2
    for problem in (
        "q1.perceptron.yaml:1: unknown key 'titel'; did you mean 'title'",
        "q1.perceptron.yaml: title is missing",
        "q2.mlp.yaml:2: backend is 'pytorch'; expected one of: numpy, torch; did you mean 'torch'",
        "q2.mlp.yaml:8: variants, large: unknown setting 'hiden_size'; did you mean 'hidden_size'",
        "q2.mlp.yaml:10: figure 1, metrics: unknown metric 'train_los'",
        "q3.more.yaml:1: title is 3; expected words; put it in quotes",
        "q3.more.yaml:2: kind: unknown kind 'mpl'; did you mean 'mlp'",
    ):
        assert problem in answer.out, problem
    as_json = hw("check-homework", course, "--json")
    assert as_json.code == 2
    sound = {row["name"]: row["sound"] for row in as_json.json["checked"]}
    assert sound["ours"]
    assert not sound["ours.q3.more"]


def test_a_missing_file_is_a_note(tmp_path: Path, hw: CommandLine) -> None:
    course = own_course.write(tmp_path)
    (course / "data" / "flowers.npz").unlink()
    answer = hw("check-homework", course / "ours")
    assert answer.code == 0
    assert "flowers.npz: no such file" in answer.out


@pytest.mark.figures
def test_a_run_of_two_epochs_shows_what_reading_cannot(tmp_path: Path, hw: CommandLine) -> None:
    regression = """\
title: A regression
kind: linear_regression
data: {file: data/houses.npz, features: x, targets: y, splits: {train: 0.8, test: 0.2}, shape: 4}
settings: {epochs: 2}
figures:
  - {name: losses, metrics: [train_loss]}
claims:
  - {check: distance_falls, where: "1"}
  - {check: distance_fals, where: "1"}
"""
    course = own_course.write(tmp_path, **{"q3.houses": regression})
    assert hw("check-homework", course).code == 0
    answer = hw("check-homework", course, "--run")
    assert answer.code == 2
    assert "ours.q1.perceptron: sound" in answer.out
    assert "claim 2: no check 'distance_fals'" in answer.out
    assert not list(hw.results.glob("*"))


def test_a_folder_without_a_homework(tmp_path: Path, hw: CommandLine) -> None:
    answer = hw("check-homework", tmp_path)
    assert answer.code == 2
    assert "holds no homework.yaml" in answer.error
    assert hw("check-homework", tmp_path / "none").code == 2
