"""``hw grade``: from files to a table, and to the files that other programs read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from grading.hand_ins import RIGHT, UNFINISHED, WRONG_SIGN
from support import CommandLine

from hw.cli import main
from hw.grading import batch, exports
from hw.grading.findings import Finding
from hw.grading.notes import Notes

KEYS = {"check", "status", "expected", "actual", "where", "text"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Hand-ins of four groups: right, wrong, no Python, and one that ends the process."""
    texts = {
        "right": RIGHT,
        "wrong": WRONG_SIGN,
        "broken": RIGHT + "\n    def (:\n",
        "vicious": "import os\nos._exit(0)\n" + RIGHT,
    }
    for group, text in texts.items():
        (tmp_path / group).mkdir()
        (tmp_path / group / "hw1-q1.py").write_text(text)
    return tmp_path


def test_a_right_one_and_a_wrong_one(hw: CommandLine, folder: Path) -> None:
    files = [folder / "right" / "hw1-q1.py", folder / "wrong" / "hw1-q1.py"]
    answer = hw("grade", *files, "--json")
    assert answer.code == 0
    right, wrong = answer.json["hand_ins"]
    for hand_in, file in ((right, files[0]), (wrong, files[1])):
        assert hand_in.keys() == {"file", "homework", "question", "models", "sandbox"}
        assert (hand_in["file"], hand_in["homework"], hand_in["question"]) == (
            str(file),
            "ist2024",
            "q1",
        )
        assert hand_in["sandbox"]
        assert list(hand_in["models"]) == ["logistic_regression", "mlp", "perceptron"]
        for model in hand_in["models"].values():
            assert model.keys() == {"status", "mistakes", "findings"}
            assert all(finding.keys() == KEYS for finding in model["findings"])
    statuses = {name: model["status"] for name, model in right["models"].items()}
    assert statuses == {"perceptron": "pass", "logistic_regression": "pass", "mlp": "not done"}
    model = wrong["models"]["logistic_regression"]
    assert model["status"] == "fail"
    assert "gradient_sign" in model["mistakes"]
    assert wrong["models"]["perceptron"]["status"] == "pass"


def test_a_homework_of_ones_own(hw: CommandLine, folder: Path, tmp_path: Path) -> None:
    """Its folder says what is graded, as hw's own do."""
    course = tmp_path / "course" / "mine"
    assert hw("new", "homework", course).code == 0
    (course / "grading.yaml").write_text(
        "data: {name: intel-landscapes, view: ist2024}\n"
        "files:\n"
        "  first.py:\n"
        "    models:\n"
        "      logistic_regression: {class: LogisticRegression, learning_rate: 0.001}\n"
    )
    file = (folder / "wrong" / "hw1-q1.py").rename(tmp_path / "first.py")
    answer = hw("grade", file, "--homeworks", course.parent, "--homework", "mine", "--json")
    (found,) = answer.json["hand_ins"]
    assert found["homework"] == "mine"
    assert found["models"]["logistic_regression"]["mistakes"] == ["gradient_sign"]


def test_what_a_student_reads(hw: CommandLine, folder: Path) -> None:
    file = folder / "wrong" / "hw1-q1.py"
    words = ("grade", file, "--only", "logistic_regression")
    answer = hw(*words)
    assert answer.code == 0
    first, *rest = answer.out.splitlines()
    assert first.startswith("each hand-in in a process of its own; ")
    assert any("logistic_regression  differs  first update" in line for line in rest)
    assert "expected" in answer.out
    student = hw(*words, "--student")
    assert "expected" not in student.out
    assert "gradient_sign" in student.out
    assert all(
        not finding["expected"]
        for finding in hw(*words, "--student", "--json").json["hand_ins"][0]["models"][
            "logistic_regression"
        ]["findings"]
    )


def test_a_batch_goes_on_after_a_bad_one(hw: CommandLine, folder: Path, tmp_path: Path) -> None:
    files = [folder / group / "hw1-q1.py" for group in ("broken", "vicious", "missing", "right")]
    table, report, scores = (tmp_path / n for n in ("grades.csv", "report.xml", "results.json"))
    answer = hw(
        *("grade", *files, "--only", "perceptron", "--csv", table),
        *("--junit", report, "--gradescope", scores),
    )
    assert answer.code == 1
    assert "there is no such file" in answer.error
    assert "hand-in" in answer.out
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows] == ["fail", "unknown", "not graded", "pass"]
    assert [row["points"] for row in rows] == ["0", "0", "", "1"]
    assert [row["file"] for row in rows] == list(map(str, files))

    suites = ElementTree.parse(report).getroot().findall("testsuite")
    assert [s.get("name") for s in suites] == list(map(str, files))
    assert [(s.get("failures"), s.get("errors")) for s in suites] == [
        ("1", "0"),
        ("0", "1"),
        ("0", "1"),
        ("0", "0"),
    ]
    document = json.loads(scores.read_text())
    assert document["score"] == 1
    assert document["output"] == ""
    assert [t["status"] for t in document["tests"]] == ["failed", "failed", "failed", "passed"]
    assert document["tests"][3]["name"] == f"{files[3]}: perceptron"


def test_side_by_side_finds_the_same(hw: CommandLine, folder: Path) -> None:
    files = [folder / group / "hw1-q1.py" for group in ("right", "wrong")]
    words = ("grade", *files, "--only", "perceptron", "--json")
    assert hw(*words, "--jobs", "2").json == hw(*words).json


def test_gradescopes_file_is_there_before_anything_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the grader, nobody finds an old result or none."""
    scores = tmp_path / "results.json"
    scores.write_text('{"score": 100}')

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "grade_file", ended)
    file = folder / "right" / "hw1-q1.py"
    assert main(["grade", str(file), "--gradescope", str(scores)]) == 130
    document = json.loads(scores.read_text())
    assert (document["score"], document["tests"]) == (0, [])
    assert "did not run" in document["output"]


def test_gradescopes_file_grows_with_every_check(
    hw: CommandLine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended in the middle, it has what was found by then, and says that there is more to come."""
    scores = tmp_path / "results.json"
    found = []
    add = Notes._add

    def some_are_added(notes: Notes, finding: Finding) -> None:
        add(notes, finding)
        document = json.loads(scores.read_text())
        assert document["output"] == exports.NOT_RUN
        found.append((finding.check, [test["name"] for test in document["tests"]]))
        if len(found) == 12:
            raise KeyboardInterrupt

    monkeypatch.setattr(Notes, "_add", some_are_added)
    answer = hw("grade", folder / "right" / "hw1-q1.py", "--gradescope", scores)
    assert answer.code == 130
    assert found[0] == ("methods", ["perceptron"])
    assert found[-1][1] == ["perceptron", "logistic_regression"]
    first, second = json.loads(scores.read_text())["tests"]
    assert (first["status"], second["status"]) == ("passed", "failed")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--homework", "ist2042"), "did you mean"),
        (("--only", "mpl"), "did you mean 'mlp'"),
        (("--claims", "accuracy"), "--claims is 'accuracy'"),
        (("--claims", "accuracy=nan"), "expected a metric and a number"),
        (("--time-limit", "0"), "--time-limit is '0'"),
        (("--time-limit", "soon"), "expected seconds"),
        (("--jobs", "many"), "--jobs is 'many'"),
        (("--sandbox", "jail"), "one of: process, podman, docker"),
    ],
)
def test_a_command_line_that_cannot_be_meant(
    hw: CommandLine, folder: Path, words: tuple[str, ...], text: str
) -> None:
    answer = hw("grade", folder / "right" / "hw1-q1.py", *words)
    assert answer.code == 2
    assert text in answer.error


def test_a_model_that_this_file_has_not(hw: CommandLine, folder: Path) -> None:
    answer = hw("grade", folder / "right" / "hw1-q1.py", "--only", "linear_regression")
    assert answer.code == 1
    assert "ist2024 q1 has no linear_regression" in answer.error


def test_no_container_program(
    hw: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    answer = hw("grade", folder / "right" / "hw1-q1.py", "--sandbox", "podman")
    assert answer.code == 1
    assert "there is no podman here" in answer.error


def test_an_unfinished_one_is_not_done(hw: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "hw1-q1.py"
    file.write_text(UNFINISHED)
    answer = hw("grade", file, "--homework", "ist2024", "--json")
    statuses = {k: m["status"] for k, m in answer.json["hand_ins"][0]["models"].items()}
    assert statuses == {
        "perceptron": "pass",
        "logistic_regression": "not done",
        "mlp": "not done",
    }
