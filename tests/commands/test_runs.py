"""``hw runs``: what lies in a results folder, told apart; what is removed of it, what not."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.cli import main
from hw.results import lock, stored


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path) -> Path:
    """A question as configured, and three runs beside it; made once."""
    results = tmp_path_factory.mktemp("made")
    folders = ("--data-dir", str(few_landscapes), "--results-dir", str(results), "-q")
    for words in (
        ("q1.perceptron",),
        ("q1.perceptron", "--epochs", "2"),
        ("q1.perceptron", "--epochs", "2", "--seed", "7"),
        ("q1.mlp", "--epochs", "1", "--hidden-size", "3", "--data", "stand-in"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hw.runs.execution.draw", lambda *_, **__: None)
            assert main(["run", *words, *folders]) == 0
    return results


@pytest.fixture
def runs(hw: CommandLine, made: Path) -> CommandLine:
    """A copy, from which a test may remove."""
    shutil.copytree(made, hw.results)
    return hw


def listed(hw: CommandLine, *words: str) -> list[dict[str, Any]]:
    answer = hw("runs", *words, "--json")
    assert answer.code == 0, answer.err
    return list(answer.json["runs"])


def differences(hw: CommandLine, *words: str) -> list[dict[str, Any]]:
    return [row["differs"] for row in listed(hw, *words)]


def test_each_with_what_tells_it_from_its_question(runs: CommandLine) -> None:
    rows = listed(runs)
    assert [row["question"] for row in rows] == ["ist2024.q1.mlp"] + 3 * ["ist2024.q1.perceptron"]
    configured = [row for row in rows if row["configured"]]
    assert [row["run"] for row in configured] == ["ist2024.q1.perceptron"]
    assert configured[0]["differs"] == {}
    assert sorted(map(str, differences(runs, "q1.perceptron@*"))) == [
        "{'epochs': 2, 'seed': 7}",
        "{'epochs': 2}",
    ]
    for row in rows:
        folder = Path(row["folder"])
        assert row["bytes"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        assert row["state"] == "done"
    assert rows[0]["source"] == "stand-in"
    text = runs("runs").out
    assert "hidden_size 3, on stand-in data" in text
    assert "as configured" in text
    assert "just now" in text


def test_filters(runs: CommandLine) -> None:
    assert len(listed(runs, "q1.perceptron")) == 3, "an id means all its runs"
    assert len(listed(runs, "ist2024.q1.*")) == 4
    assert differences(runs, "--where", "seed=7") == [{"epochs": 2, "seed": 7}]
    assert len(listed(runs, "--where", "epochs=2.0", "--where", "state=done")) == 2
    assert len(listed(runs, "--where", "data=stand-in")) == 1
    assert len(listed(runs, "--where", "hidden-size=3")) == 1
    assert listed(runs, "--where", "no_such_setting=3") == []
    assert listed(runs, "--older-than", "1m") == []
    assert listed(runs, "--older-than", "0m") == listed(runs)
    assert runs("runs", "--where", "seed=8").out.startswith("no runs in")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["q1.perceptro"], "did you mean 'q1.perceptron"),
        (["q1.none*"], "no run is called"),
        (["--where", "seed"], "expected KEY=VALUE"),
        (["--older-than", "long"], "such as 90m"),
        (["--yes"], "belongs to 'runs rm'"),
        (["rm"], "needs a RUN"),
        (["rm", "q1.mlp@*"], "--yes says that it is meant"),
    ],
)
def test_what_cannot_be_meant(runs: CommandLine, words: list[str], problem: str) -> None:
    answer = runs("runs", *words)
    assert answer.code == 2
    assert problem in answer.error
    assert len(listed(runs)) == 4


def test_a_glob_never_removes_the_run_as_configured(runs: CommandLine) -> None:
    answer = runs("runs", "rm", "q1.perceptron*", "--yes", "--json")
    assert len(answer.json["removed"]) == 2
    assert "ist2024.q1.perceptron is as configured" in answer.err
    assert [row["run"] for row in listed(runs, "q1.perceptron")] == ["ist2024.q1.perceptron"]
    assert runs("runs", "rm", "--where", "state=done", "--yes").out == "1 run removed\n"
    assert runs("runs", "rm", "q1.perceptron", "--yes").code == 0
    assert listed(runs) == []
    assert not list((runs.results / "ist2024").iterdir())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("said", "left"), [("y\n", 3), ("n\n", 4), ("", 4)])
def test_it_asks(runs: CommandLine, monkeypatch: pytest.MonkeyPatch, said: str, left: int) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    answer = runs("runs", "rm", "q1.mlp@*")
    assert answer.code == 0
    assert "q1.mlp@" in answer.err, "what it is about"
    assert "Remove 1 run?" in answer.err
    assert len(listed(runs)) == left


def test_what_hw_did_not_write_stays(runs: CommandLine) -> None:
    folder = next((runs.results / "ist2024").glob("q1.mlp@*"))
    (folder / "notes.txt").write_text("mine")
    answer = runs("runs", "rm", folder.name, "--yes")
    assert answer.code == 0
    assert f"{folder}: left there, because hw did not write it: notes.txt" in answer.err
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_run_at_work_is_not_removed(runs: CommandLine) -> None:
    folder = next((runs.results / "ist2024").glob("q1.mlp@*"))
    before = sorted(folder.iterdir())
    held = lock.acquire(folder)
    assert held is not None
    answer = runs("runs", "rm", folder.name, "--yes")
    held.release()
    assert answer.code == 1
    assert "is at work in" in answer.error
    assert sorted(folder.iterdir()) == before


def test_no_link_is_followed(runs: CommandLine, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "run.json").write_text("{}")
    (runs.results / "ist2024" / "q1.mlp@linked").symlink_to(precious)
    assert len(listed(runs)) == 4
    folder = next((runs.results / "ist2024").glob("q1.mlp@????????"))
    (folder / "figures").symlink_to(precious)
    answer = runs("runs", "rm", folder.name, "--yes")
    assert answer.code == 1
    assert "is a link" in answer.error
    assert list(precious.iterdir())


def test_what_belongs_to_no_question_is_listed_and_can_be_removed(runs: CommandLine) -> None:
    odd = runs.results / "ist2024" / "q9.gone"
    odd.mkdir()
    (odd / "run.json").write_text('{"status": "done\x1b", "seeds": 3, "variants": []}')
    (row,) = listed(runs, "q9.gone")
    assert row["question"] is None
    answer = runs("runs", "q9.gone")
    assert "no such question" in answer.out
    assert "\x1b" not in answer.out
    assert runs("runs", "rm", "q9.gone", "--yes").code == 0
    assert not odd.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "variants: 3", "variants: {default: [1]}"])
def test_a_damaged_config_ends_nothing(runs: CommandLine, text: str) -> None:
    folder = next((runs.results / "ist2024").glob("q1.mlp@*"))
    (folder / "config.yaml").write_text(text)
    assert len(listed(runs)) == 4
    assert runs("runs").code == 0


def test_the_size_of_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("12345")
    os.mkfifo(tmp_path / "metrics.json")
    assert stored.Stored(tmp_path, None).size == 5
