"""A report's numbers, and the hand-in run as a script."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from local import LocalHandIn

from hw import datasets
from hw.errors import UsageError
from hw.grading import claims, script
from hw.grading.assignment import Assignment, assignments
from hw.grading.findings import Finding, ModelResult
from hw.grading.hand_in import Command, HandIn, TimedOut
from hw.grading.notes import Notes


def assignment(homework: str = "ist2024", file: str = "hw1-q1.py") -> Assignment:
    return next(a for a in assignments() if (a.homework, a.file) == (homework, file))


# Claims: there are no results here, so that a number is held against the published one


def claimed(tmp_path: Path, name: str, number: str, **statuses: str) -> dict[str, Finding]:
    results = {
        model: ModelResult(statuses.get(model, "pass"))  # type: ignore[arg-type]
        for model in assignment().models
    }
    found = claims.add(results, {name: number}, assignment(), tmp_path)
    return {model: r.findings[-1] for model, r in found.items() if r.findings}


def test_a_number_near_the_published_one_is_plausible(tmp_path: Path) -> None:
    found = claimed(tmp_path, "mlp.test_accuracy", "0.541")
    assert found.keys() == {"mlp"}
    assert found["mlp"].status == "pass"
    assert "0.541" in found["mlp"].actual


def test_a_number_far_from_it_is_not(tmp_path: Path) -> None:
    found = claimed(tmp_path, "mlp.test_accuracy", "91%")
    assert (found["mlp"].check, found["mlp"].status) == ("claims", "fail")
    assert "not plausible" in found["mlp"].text


def test_a_number_of_no_named_model_is_of_the_one_that_it_fits_best(tmp_path: Path) -> None:
    assert claimed(tmp_path, "test_accuracy", "0.53").keys() == {"mlp"}
    assert claimed(tmp_path, "test_accuracy", "0.385").keys() == {"perceptron"}


def test_code_that_is_not_there_has_given_no_number(tmp_path: Path) -> None:
    found = claimed(tmp_path, "mlp.test_accuracy", "0.54", mlp="not done")
    assert found["mlp"].status == "fail"
    found = claimed(tmp_path, "mlp.test_accuracy", "0.54", mlp="fail")
    assert found["mlp"].status == "pass"
    assert "need not be its own" in found["mlp"].text


def test_a_metric_that_there_is_not_cannot_be_told(tmp_path: Path) -> None:
    found = claimed(tmp_path, "mlp.test_acuracy", "0.54")
    assert found["mlp"].status == "unknown"


def test_a_model_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'mlp'"):
        claimed(tmp_path, "mpl.test_accuracy", "0.54")


# The script


class Scripted(LocalHandIn):
    """Ends as it is told."""

    def __init__(self, ran: Command | Exception) -> None:
        super().__init__("")
        self.ran = ran

    def command(self, argv: Sequence[str], files: Mapping[str, bytes]) -> Command:
        self.argv = list(argv)
        if isinstance(self.ran, Exception):
            raise self.ran
        return self.ran


def run(ran: Command | Exception) -> tuple[Finding, Scripted]:
    hand_in, notes = Scripted(ran), Notes()
    script.check(cast(HandIn, hand_in), "mlp", assignment("ist2023"), {}, notes)
    (finding,) = notes.findings
    return finding, hand_in


def test_a_script_that_ends_well_passes() -> None:
    finding, hand_in = run(Command(0, "Final test acc: 0.5"))
    assert (finding.check, finding.status) == ("script", "pass")
    assert hand_in.argv == ["mlp", "-epochs", "2"]


def test_a_fault_of_the_program_fails() -> None:
    finding, _ = run(Command(1, "", "NameError: name 'losses' is not defined (line 140)"))
    assert finding.status == "fail"
    assert "losses" in finding.actual


@pytest.mark.parametrize(
    "ran",
    [
        Command(1, "", "FileNotFoundError: /home/somebody/octmnist.npz (line 12)"),
        Command(1, "", "AttributeError: module 'utils' has no attribute 'load' (line 12)"),
        Command(1, "", "TypeError: in somebody's library"),
        Command(2, "usage: ..."),
        TimedOut("it took more than 10 s"),
    ],
)
def test_what_may_lie_in_the_data_here_is_no_fault(ran: Command | Exception) -> None:
    finding, _ = run(ran)
    assert finding.status == "pass"
    assert "not looked at" in finding.text


@pytest.mark.parametrize(
    ("homework", "file", "name"),
    [
        ("ist2024", "hw1-q1.py", "intel_landscapes.npz"),
        ("ist2023", "hw1-q1.py", "octmnist.npz"),
        ("ist2021", "hw1-q3.py", "fashion-mnist.npz"),
        ("ist2021", "hw1-q2.py", "ames.npz"),
    ],
)
def test_the_files_are_those_of_the_course_s_loader(homework: str, file: str, name: str) -> None:
    data = datasets.load(*assignment(homework, file).data, Path("/nowhere"), "stand-in")
    files = script.files(data)
    assert files.keys() == {name}
    with np.load(io.BytesIO(files[name])) as arrays:
        if name == "ames.npz":
            assert arrays["Xtrain"].shape == (36, data.n_features)
        else:
            assert arrays["train_images"].shape[1:] == data.image_shape
            assert set(arrays["train_labels"]) == set(range(data.n_classes))
