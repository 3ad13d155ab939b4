"""The README cannot drift: its table has every question, and its commands are understood."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from hw import scaffold
from hw.cli import main
from hw.config import catalog

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^(?:\.venv/bin/)?python -m hw (.+?)\s*(?:#.*)?$", README, re.M)))


def test_every_question_has_a_row_in_the_documents_order():
    rows = re.findall(r"^\| `([^`]+)` \|", README, re.M)
    assert rows == list(catalog.load_all())


def test_there_are_commands():
    assert len(COMMANDS) >= 8


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """In a folder with the homework that the README makes, under the name that it has there."""
    monkeypatch.chdir(tmp_path)
    scaffold.homework(tmp_path / "course" / "hw1")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command, tmp_path, monkeypatch, capsys):
    words = shlex.split(command)
    if words[0] == "new":
        shutil.rmtree(tmp_path / "course")
    monkeypatch.setenv("HW_RESULTS_DIR", str(tmp_path))
    monkeypatch.setenv("HW_DATA_DIR", str(tmp_path))
    if words[0] == "run":
        words.append("--dry-run")
    elif words[0] in ("calibrate", "check", "compare", "grade", "lockstep", "report", "whence"):
        words = [words[0], "--help"]  # they compute, or need results: their own tests run them
    elif words[:2] == ["data", "fetch"]:
        words = ["data", "status"]
    try:
        code = main(words)
    except SystemExit as end:  # --help
        code = end.code
    assert code in (0, None), capsys.readouterr().err


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z]+)`?", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_folders_it_names_are_those_of_its_runs(tmp_path, capsys):
    named = set(re.findall(r"\b[\w.]+@[0-9a-f]{8}\b", README))
    assert named
    for command in COMMANDS:
        if command.startswith("run "):
            folders = ["--results-dir", str(tmp_path), "--data-dir", str(tmp_path)]
            assert main([*shlex.split(command), "--dry-run", *folders]) == 0
    shown = capsys.readouterr().out
    assert [name for name in named if f"{name}\n" not in shown] == []
