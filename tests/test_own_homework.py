"""docs/own-homework.md as a stranger follows it: its files and commands, from end to end."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CommandLine

from hw.assignment import main
from hw.commands import VERBS
from hw.config import kinds

DOC = Path(__file__).resolve().parents[1] / "docs" / "own-homework.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


def flowers() -> dict[str, Any]:
    random = np.random.default_rng(1)
    centres, found = random.integers(60, 190, (3, 8, 8)), {}
    for split, n in (("train", 120), ("val", 40), ("test", 60)):
        labels = random.integers(0, 3, n)
        noise = random.normal(0, 40, (n, 8, 8))
        found[f"{split}_pix"] = np.clip(centres[labels] + noise, 0, 255).astype(np.uint8)
        found[f"{split}_y"] = labels
    return found


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the page, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for text in blocks("yaml"):
        first, _, rest = text.partition("\n")
        path = Path(first.removeprefix("# "))
        if not first.startswith("# added"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        else:  # added to homework.yaml
            with Path("course/flowers/homework.yaml").open("a") as file:
                file.write(rest)
    Path("course/data").mkdir()
    np.savez("course/data/flowers.npz", **flowers())
    yield Path("course")
    kinds._own.cache_clear()
    for name in [n for n in sys.modules if n.startswith(kinds.PREFIX)]:
        del sys.modules[name]


def test_the_files_of_the_page_are_sound(course: Path, hw: CommandLine) -> None:
    answer = hw("check-homework", course)
    assert answer.code == 0
    assert "flowers/hw1.py: sound" in answer.out
    assert "note" not in answer.out


@pytest.mark.figures
def test_every_verb_works_on_it(course: Path, hw: CommandLine) -> None:
    here = ("--homeworks", "course")
    assert hw("run", "flowers.*", *here).code == 0
    verdicts = hw("verify", "flowers.*", *here, "--json")
    assert verdicts.code in (0, 3)
    assert len(verdicts.json["claims"]) == 3
    assert {claim["verdict"] for claim in verdicts.json["claims"]} - {"not run"}
    assert hw("report", *here).code == 0
    page = (hw.results / "report" / "index.html").read_text()
    assert "Deep learning with flowers, homework 1" in page
    assert "flowers.q2.network" in page
    number = ("--variant", "many", "test_accuracy=0.89")
    assert hw("check", "flowers.q2.network", *number, *here).code in (0, 3)
    assert hw("lockstep", "flowers.q2.network", "--steps", "20", *here).code == 0
    assert hw("run", "flowers.q2.network", "--epochs", "2", "--jobs", "2", *here).code == 0
    (other,) = (hw.results / "flowers").glob("q2.network@????????")
    assert hw("compare", "flowers.q2.network", f"flowers.{other.name}", *here).code == 0
    assert hw("export", "flowers.*", "--dvc", hw.results / "dvc", *here).code in (0, 2)
    figure = hw.results / "flowers" / "q2.network" / "figures" / "losses.png"
    assert "flowers.q2.network" in hw("whence", figure, *here).out
    assert "flowers/flowers" in hw("data", *here).out
    assert hw("data", "verify", "flowers/flowers", *here).code == 0


def test_a_number_that_is_wrong_is_contradicted(course: Path, hw: CommandLine) -> None:
    path = course / "flowers" / "q1.logistic_regression.yaml"
    path.write_text(path.read_text().replace('"0.87"', '"0.11"'))
    assert hw("run", "flowers.q1.*", "--homeworks", course).code == 0
    assert hw("verify", "flowers.q1.*", "--homeworks", course).code == 3
    other = (course / "flowers" / "homework.yaml").read_text()
    text = other.replace("scale: 1/256", f"scale: 1/256\n  sha256: '{'0' * 64}'")
    (course / "flowers" / "homework.yaml").write_text(text)
    hw("run", "flowers.q1.*", "--homeworks", course / "flowers")  # read anew: another folder
    answer = hw("verify", "flowers.q1.*", "--homeworks", course / "flowers")
    assert answer.code == 0
    assert "other data" in answer.out


@pytest.mark.figures
def test_the_assignments_own_command(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = blocks("python")
    assert 'main("flowers/hw1.py")' in script
    monkeypatch.setenv("HW_HOMEWORKS", "course")
    assert main("flowers/hw1.py", ["network", "-epochs", "2", "-hidden", "5"]) == 0
    answer = capsys.readouterr()
    assert re.search(r"^loss: \d\.\d{4} \| val acc: \d\.\d{4}$", answer.out, re.MULTILINE)
    assert re.search(r"^Final test acc: 0\.\d{4}$", answer.out, re.MULTILINE)
    assert "python -m hw run flowers.q2.network" in answer.err
    assert Path("network-loss-0.01.pdf").is_file()
    assert main("flowers/hw2.py", ["network"]) == 2
    assert "there is no 'hw2.py'; did you mean 'hw1.py'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("kind: mlp", "kind: mpl", "unknown kind 'mpl'; did you mean 'mlp'"),
        ("kind: mlp", "kind: sigmoid", "sigmoid trains nothing"),
        ("hidden_size: 50}", "hidden_size: 0}", "hidden_size is 0; it must be at least 1"),
        ("{test_accuracy:.4f}", "{test_acuracy:.4f}", "unknown metric 'test_acuracy'; did you"),
        ("{test_accuracy:.4f}", "{test_accuracy.real}", "expected a text with metrics in braces"),
        ("flags:", "flag:", "unknown key 'flag'; did you mean 'flags'"),
    ],
)
def test_a_command_that_is_wrong(
    course: Path, hw: CommandLine, before: str, after: str, problem: str
) -> None:
    path = course / "flowers" / "homework.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    answer = hw("check-homework", course)
    assert answer.code == 2
    assert problem in answer.out


def test_the_commands_of_the_page_are_those_of_hw() -> None:
    verbs = set(re.findall(r"python -m hw ([a-z-]+)", DOC.read_text(encoding="utf-8")))
    assert {"new", "check-homework", "run", "verify"} <= verbs <= {*VERBS}
