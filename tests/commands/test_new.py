"""Files that ``hw new`` writes run at once, and are sound."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import CommandLine

from hw.config import catalog, folders, kinds


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("course")


def test_a_homework_runs_at_once(course: Path, hw: CommandLine) -> None:
    answer = hw("new", "homework", course / "hw1")
    assert answer.code == 0
    assert "try it: python -m hw run 'hw1.*' --homeworks course" in answer.out
    assert hw("check-homework", course).code == 0
    ran = hw("run", "hw1.*", "--homeworks", course, "--epochs", "1", "--json")
    assert ran.code == 0
    assert {run["data"]["source"] for run in ran.json["runs"]} == {"stand-in"}
    assert len(ran.json["runs"]) == 2


@pytest.mark.parametrize("like", ["ist2024", "ist2023", "ist2021", "ift6390", "e1394"])
def test_a_homework_like_another_has_its_questions_that_train(
    course: Path, hw: CommandLine, like: str
) -> None:
    assert hw("new", "homework", course / "mine", "--like", like).code == 0
    assert hw("check-homework", course).code == 0
    theirs = catalog.homeworks()[like].questions
    trained = [catalog.find(f"{like}.{q}") for q in theirs if catalog.find(f"{like}.{q}").trains]
    with folders.using([course]):
        for question in trained:
            mine = catalog.find(f"mine.{question.name}")
            assert mine.variants == question.variants
            assert mine.settings == question.settings
            assert not mine.claims


def test_a_kind_agrees_with_itself_in_pytorch(course: Path, hw: CommandLine) -> None:
    assert hw("new", "homework", course / "hw1").code == 0
    assert hw("new", "model", course / "svm").code == 0
    assert (course / "models" / "svm.py").is_file()
    answer = hw("new", "question", course / "hw1" / "q3.svm", "--kind", "svm")
    assert "python -m hw run hw1.q3.svm --homeworks course" in answer.out
    for penalty in ("0", "0.1"):
        words = ["--steps", "60", "--l2-penalty", penalty]
        assert hw("lockstep", "hw1.q3.svm", "--homeworks", course, *words).code == 0
    assert hw("run", "hw1.q3.svm", "--homeworks", course, "--epochs", "1").code == 0


@pytest.mark.parametrize("kind", [k for k in kinds.shipped() if not k.startswith("digits")])
def test_a_question_on_any_kind_is_sound(course: Path, hw: CommandLine, kind: str) -> None:
    assert hw("new", "homework", course / "hw1", "--like", "ist2024").code == 0
    assert hw("new", "question", course / "hw1" / f"q9.{kind}", "--kind", kind).code == 0
    with folders.using([course]):
        question = catalog.find(f"hw1.q9.{kind}")
    assert question.kind == kind
    defaults = question.module.Settings()
    assert question.resolve("default").settings == defaults


def test_what_is_there_is_left_alone(course: Path, hw: CommandLine) -> None:
    assert hw("new", "homework", course / "hw1").code == 0
    before = {path: path.read_bytes() for path in course.rglob("*.yaml")}
    answer = hw("new", "homework", course / "hw1")
    assert answer.code == 2
    assert "is there already, and is left as it is" in answer.error
    assert {path: path.read_bytes() for path in course.rglob("*.yaml")} == before


def test_a_question_that_homework_yaml_does_not_list(course: Path, hw: CommandLine) -> None:
    assert hw("new", "homework", course / "hw1").code == 0
    homework = course / "hw1" / "homework.yaml"
    homework.write_text(homework.read_text() + "questions: [q2.mlp]\n")
    answer = hw("new", "question", course / "hw1" / "q3.more", "--kind", "mlp")
    assert "first, add q3.more to 'questions' in course/hw1/homework.yaml" in answer.out
    checked = hw("check-homework", course)
    assert checked.code == 2
    assert "q3.more.yaml is not in questions of homework.yaml" in checked.out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("homework", "1st"), "'1st' cannot be the name of a homework"),
        (("homework", "x", "--like", "ist2042"), "unknown homework 'ist2042'; did you mean 'ist"),
        (("homework", "x", "--kind", "mlp"), "--kind is of a question"),
        (("question", "x/q1", "--kind", "mlp"), "no homework.yaml there"),
        (("question", "x/q1"), "--kind is missing"),
        (("question", "x/q1", "--kind", "mpl"), "unknown kind 'mpl'; did you mean 'mlp'"),
        (("question", "x/q1", "--like", "ist2024"), "--like is of a homework"),
        (("model", "mlp"), "'mlp' cannot be the name of a kind of yours"),
        (("modl", "x"), "unknown what 'modl'; did you mean 'model'"),
    ],
)
def test_what_cannot_be_made(
    course: Path, hw: CommandLine, words: tuple[str, ...], problem: str
) -> None:
    answer = hw("new", *words)
    assert answer.code == 2
    assert problem in answer.error


@pytest.fixture(autouse=True)
def _forget() -> object:
    """Each test has kinds of its own."""
    yield
    kinds._own.cache_clear()
    for name in [n for n in sys.modules if n.startswith(kinds.PREFIX)]:
        del sys.modules[name]
