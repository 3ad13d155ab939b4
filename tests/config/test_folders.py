"""Homeworks of one's own: where they are looked for, and that one that is wrong costs itself."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

import own_course
import pytest
from support import CommandLine

import hw as package
from hw.config import catalog, folders
from hw.errors import UsageError


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return own_course.write(tmp_path)


def test_a_folder_on_the_command_line(course: Path, hw: CommandLine) -> None:
    answer = hw("list", "--homeworks", course)
    assert answer.code == 0
    assert "ours.q1.perceptron" in answer.out
    assert "ist2024.q1.perceptron" in answer.out
    assert "ours.q1.perceptron" not in hw("list").out
    assert folders.VARIABLE not in os.environ


def test_the_folder_of_one_homework_will_do(course: Path, hw: CommandLine) -> None:
    assert "ours.q2.mlp" in hw("list", "--homeworks", course / "ours").out


def test_a_variable_names_several(
    course: Path, tmp_path: Path, hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = own_course.write(tmp_path / "more")
    (other / "ours").rename(other / "theirs")
    monkeypatch.setenv(folders.VARIABLE, f"{course}{os.pathsep}{other}")
    assert {"ours", "theirs"} <= catalog.homeworks().keys()
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"HW_HOMEWORKS: .*none: no such folder"):
        catalog.homeworks()


def test_a_file_above_the_working_directory(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folders.FILE).write_text('homeworks = ["course"]')
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert catalog.find("ours.q2.mlp").homework == "ours"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("homework = []", "unknown key 'homework'; did you mean 'homeworks'"),
        ("homeworks = 3", "homeworks is a list of folders"),
        ('homeworks = ["none"]', "none: no such folder"),
        ("homeworks", "hw.toml"),
    ],
)
def test_a_file_that_is_wrong(
    tmp_path: Path, hw: CommandLine, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    (tmp_path / folders.FILE).write_text(text)
    monkeypatch.chdir(tmp_path)
    answer = hw("list")
    assert answer.code == 2
    assert problem in answer.error


def test_an_installed_package_names_its_own(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course / "__init__.py").write_text("")
    course.rename(tmp_path / "installed_course")
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("ours", "installed_course", folders.GROUP)
    monkeypatch.setattr(folders.metadata, "entry_points", lambda group: [point])
    for cached in (folders._of_packages, folders._found):
        cached.cache_clear()
    try:
        assert catalog.find("ours.q1.perceptron").title == "The perceptron on flowers"
        missing = metadata.EntryPoint("theirs", "no_such_package", folders.GROUP)
        monkeypatch.setattr(folders.metadata, "entry_points", lambda group: [missing])
        for cached in (folders._of_packages, folders._found):
            cached.cache_clear()
        with pytest.raises(UsageError, match="entry point theirs = no_such_package"):
            catalog.homeworks()
    finally:
        sys.modules.pop("installed_course", None)
        for cached in (folders._of_packages, folders._found):
            cached.cache_clear()


def test_from_python(course: Path, tmp_path: Path) -> None:
    words = {"homeworks": course, "results_dir": tmp_path / "results"}
    found = package.run("ours.q1.perceptron", epochs=1, quiet=True, **words)
    assert found.data is not None
    assert found.data["source"] == "real"
    assert package.load(found.folder, homeworks=[course]).metrics == found.metrics
    with pytest.raises(UsageError, match="unknown question"):
        package.run("ours.q1.perceptron")


# What is wrong costs itself


def test_a_wrong_question_is_marked_and_the_others_run(tmp_path: Path, hw: CommandLine) -> None:
    network = own_course.NETWORK.replace("[train_loss]", "[train_los]")
    course = own_course.write(tmp_path, **{"q2.mlp": network})
    listed = hw("list", "--homeworks", course)
    assert listed.code == 0
    assert "q2.mlp.yaml:9: figure 1, metrics: unknown metric 'train_los'" in listed.error
    assert "ours.q2.mlp  " in listed.out
    as_json = hw("list", "--homeworks", course, "--json").json
    assert list(as_json["wrong"]) == ["ours.q2.mlp"]
    assert "ours.q1.perceptron" in [row["id"] for row in as_json["questions"]]
    ran = hw("run", "ours.*", "--homeworks", course, "--json")
    assert ran.code == 2
    assert [run["status"] for run in ran.json["runs"]] == ["done"]
    assert "unknown metric 'train_los'; did you mean 'train_loss'" in ran.error
    assert hw("run", "ours.q2.mlp", "--homeworks", course).code == 2
    assert hw("show", "ours.q2.mlp", "--homeworks", course).code == 2


def test_a_file_that_is_no_yaml_costs_itself(tmp_path: Path, hw: CommandLine) -> None:
    course = own_course.write(tmp_path, **{"q1.perceptron": "a: ["})
    assert "ours.q2.mlp" in catalog_of(course)
    assert hw("run", "q1.perceptron", "--dry-run", "--homeworks", course).code == 0
    assert hw("run", "ours.q1.perceptron", "--homeworks", course).code == 2


@pytest.mark.parametrize("verb", ["verify", "report"])
def test_what_judges_and_shows_names_a_wrong_question(
    tmp_path: Path, hw: CommandLine, verb: str
) -> None:
    course = own_course.write(tmp_path, **{"q2.mlp": "title: T\nkind: nothing\n"})
    answer = hw(verb, "--homeworks", course)
    assert answer.code == 2
    assert "q2.mlp.yaml:2: kind: unknown kind 'nothing'" in answer.error
    page = hw.results / "report" / "index.html"
    shown = page.read_text() if verb == "report" else answer.out
    assert "ours.q1.perceptron" in shown


def test_a_homework_that_is_wrong_costs_itself(tmp_path: Path, hw: CommandLine) -> None:
    course = own_course.write(tmp_path, homework="titel: x\n")
    answer = hw("list", "--homeworks", course)
    assert "homework.yaml:1: unknown key 'titel'; did you mean 'title'" in answer.error
    assert hw("run", "q1.perceptron", "--dry-run", "--homeworks", course).code == 0
    assert hw("run", "all", "--dry-run", "--homeworks", course).code == 2
    assert "unknown key 'titel'" in hw("run", "ours.*", "--homeworks", course).error


@pytest.mark.parametrize("name", ["ist2024", "q1", "all", "1st", "a.b"])
def test_no_homework_takes_the_place_of_another(tmp_path: Path, hw: CommandLine, name: str) -> None:
    course = own_course.write(tmp_path)
    (course / "ours").rename(course / name)
    answer = hw("list", "--homeworks", course)
    assert answer.code == 0
    assert "rename its folder" in answer.error
    assert hw("show", "ist2024.q1.perceptron", "--homeworks", course).code == 0


def test_record_and_grading_are_no_questions(tmp_path: Path) -> None:
    course = own_course.write(tmp_path, grading="anything: 1\n")
    (course / "ours" / "record.json").write_text("[]")
    assert catalog_of(course) == ["ours.q1.perceptron", "ours.q2.mlp"]


def catalog_of(course: Path) -> list[str]:
    """The ids of the questions of one's own in a folder."""
    with folders.using([course]):
        return [name for name in catalog.load_all() if name.startswith("ours.")]
