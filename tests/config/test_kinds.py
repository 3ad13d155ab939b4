"""Kinds of one's own: modules of a folder that was named."""

from __future__ import annotations

import sys
from pathlib import Path

import own_course
import pytest
from support import CommandLine

from hw.config import catalog, folders, kinds
from hw.errors import UsageError
from hw.results.fingerprint import code_digest

KIND = """\
from hw.config.settings import setting
from hw.questions.models import linear_classifier
from dataclasses import dataclass
from . import _tools

MEASURE = linear_classifier.MEASURE
Settings = linear_classifier.Settings
learner = linear_classifier.learner
"""


def course_with(tmp_path: Path, name: str = "ownkind", text: str = KIND) -> Path:
    question = own_course.PERCEPTRON.replace("kind: linear_classifier", f"kind: {name}")
    course = own_course.write(tmp_path, **{"q1.perceptron": question})
    (course / "models").mkdir()
    (course / "models" / f"{name}.py").write_text(text)
    (course / "models" / "_tools.py").write_text("FACTOR = 1\n")
    return course


def test_a_kind_of_ones_own_runs(tmp_path: Path, hw: CommandLine) -> None:
    course = course_with(tmp_path)
    assert hw("run", "ours.q1.*", "--homeworks", course, "--backend", "both").code == 0
    assert "ownkind" in hw("kinds", "--homeworks", course).out
    assert "ownkind" not in hw("kinds").out


def test_it_may_lie_in_the_homeworks_own_folder(tmp_path: Path) -> None:
    course = course_with(tmp_path)
    (course / "models").rename(course / "ours" / "models")
    with folders.using([course]):
        assert catalog.find("ours.q1.perceptron").trains


def test_nothing_is_imported_of_a_folder_that_was_not_named(tmp_path: Path) -> None:
    course = course_with(tmp_path)
    with folders.using([course / "ours"]), pytest.raises(UsageError, match="unknown kind"):
        catalog.find("ours.q1.perceptron")


def test_its_code_is_in_the_fingerprint_wherever_it_lies(tmp_path: Path) -> None:
    uncached = code_digest.__wrapped__
    digests = []
    for place, factor in (("a", 1), ("b", 1), ("c", 2)):
        course = course_with(tmp_path / place)
        (course / "models" / "_tools.py").write_text(f"FACTOR = {factor}\n")
        with folders.using([course]):
            digests.append(uncached(catalog.find("ours.q1.perceptron").module.__name__, True))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 +", r"ownkind\.py:1: SyntaxError"),
        ("x = 1\nraise ValueError('no')", r"ownkind\.py:2: ValueError: no"),
        ("import no_such_package", r"ownkind\.py:1: ModuleNotFoundError"),
        ("x = 1", "has no Settings"),
        ("class Settings: pass", "has no learner"),
    ],
)
def test_a_kind_that_is_wrong_costs_its_question(
    tmp_path: Path, hw: CommandLine, text: str, problem: str
) -> None:
    course = course_with(tmp_path, text=text)
    with folders.using([course]), pytest.raises(UsageError, match=problem):
        catalog.find("ours.q1.perceptron")
    assert hw("run", "ours.q2.mlp", "--homeworks", course).code == 0


def test_no_kind_takes_the_place_of_one_of_hw(tmp_path: Path) -> None:
    course = course_with(tmp_path, name="mlp")
    with folders.using([course]), pytest.raises(UsageError, match="hw has a kind 'mlp' already"):
        catalog.find("ours.q1.perceptron")


def test_the_kinds_of_hw() -> None:
    assert {"backprop", "mlp"} <= kinds.shipped().keys()
    assert not [name for name in kinds.shipped() if name.startswith("_")]


@pytest.fixture(autouse=True)
def _forget() -> object:
    """Each test has kinds of its own."""
    yield
    kinds._own.cache_clear()
    for name in [n for n in sys.modules if n.startswith(kinds.PREFIX)]:
        del sys.modules[name]
