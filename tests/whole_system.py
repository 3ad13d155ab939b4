"""The whole, as a new user has it: a fresh clone in an empty folder, and what the README says.

`make test-full` runs this file; it takes too long for `make test`. Everything that is committed is
cloned, nothing else: no .venv, no data, no results. With ``HW_TEST_DATA``, a folder with the real
data sets, everything runs on them; without, on the stand-ins. Nothing is downloaded but packages.
Each step prints how long it took.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import write_upstream

from hw.config import catalog

ROOT = Path(__file__).resolve().parents[1]
REAL = os.environ.get("HW_TEST_DATA")
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a new folder") / "hw"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def shell(clone: Path) -> Shell:
    """A command line in the clone, with nothing of ours in its environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HW_", "PYTEST_", "COV_", "MAKE"))
        and name not in ("VIRTUAL_ENV", "PYTHONPATH", "MFLAGS", "DATA_DIR", "RESULTS_DIR", "JOBS")
    }
    kept["HW_OFFLINE"] = "1"
    if REAL:
        kept["HW_DATA_DIR"] = str(Path(REAL).resolve())

    def run(line: str, cwd: Path = clone, code: int = 0) -> subprocess.CompletedProcess[str]:
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", line], cwd=cwd, env=kept, capture_output=True, text=True, check=False
        )
        print(f"{time.monotonic() - began:8.1f} s  {line}")
        assert done.returncode == code, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr
        return done

    return run


def test_make_lists_its_targets(shell: Shell) -> None:
    shown = shell("make").stdout
    for target in ("all", "test", "quick", "grid", "test-full"):
        assert re.search(rf"^\s*make {target}\s", shown, re.M)


def test_dry_make_does_nothing(shell: Shell, clone: Path) -> None:
    shell("make -n all")
    assert not (clone / ".venv").exists()


def test_make_all(shell: Shell, clone: Path) -> None:
    done = shell("make all")
    for question in catalog.load_all().values():
        if not question.in_all or question.id == "e1394.q2.keras":  # Keras is an extra
            continue
        folders = list((clone / "results" / question.homework).glob(f"{question.name}*"))
        assert folders, question.id
        for folder in folders:
            assert json.loads((folder / "run.json").read_text())["status"] == "done", folder
            assert list((folder / "figures").glob("*.png")) or not question.figures, folder
    # The verdicts are the end of what it prints, and none of them is against us.
    assert re.search(r"^\d+ claims: ", done.stdout, re.M)
    shell(".venv/bin/python -m hw verify")
    assert (clone / "results" / "report" / "index.html").is_file()


def test_make_all_again_computes_nothing(shell: Shell, clone: Path) -> None:
    def written() -> dict[Path, int]:
        found = (clone / "results").rglob("*.json")
        return {path: path.stat().st_mtime_ns for path in found if "report" not in path.parts}

    before = written()
    assert before
    shell("make all")
    assert written() == before


def test_installed_without_its_checkout(shell: Shell, clone: Path, tmp_path: Path) -> None:
    """As a package, from a folder that is not the project's: questions, figures and the report."""
    python = f"'{clone}/.venv/bin/python'"
    shell(f"{python} -m pip install --quiet --no-deps --target installed '{clone}'", cwd=tmp_path)
    hw = f"PYTHONPATH=installed {python} -m hw"
    where = shell(f"PYTHONPATH=installed {python} -c 'import hw; print(hw.__file__)'", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(tmp_path)
    assert "ift6390.p1.seeds" in shell(f"{hw} list", cwd=tmp_path).stdout
    shell(f"{hw} run q1.perceptron --epochs 1 --data stand-in", cwd=tmp_path)
    shell(f"{hw} report", cwd=tmp_path)
    assert (tmp_path / "results" / "report" / "index.html").is_file()


def test_make_quick(shell: Shell) -> None:
    shell("make quick")


README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^((?:\.venv/bin/)?python -m hw .+?)\s*(?:#.*)?$", README, re.M)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_readme(line: str, shell: Shell, clone: Path) -> None:
    """In the README's order, since some need the results of those before them."""
    shutil.copy(
        next((clone / "results").glob("ist2024/q1.perceptron*/figures/*.png")),
        clone / "figure.png",
    )
    line = re.sub(r"^(\.venv/bin/)?python", ".venv/bin/python", line)
    # A fetch where no mirror answers says so, and fails.
    assert shell(f"{line} || true" if "data fetch" in line else line).stdout


def test_assignments_commands_of_the_readme(shell: Shell, clone: Path, tmp_path: Path) -> None:
    write_upstream(tmp_path, "intel-landscapes")
    python, scripts = clone / ".venv" / "bin" / "python", clone / "scripts"
    lines = re.findall(r"^python scripts/(.+)$", README, re.M)
    assert lines
    for line in lines:
        done = shell(f"'{python}' '{scripts}'/{line}", cwd=tmp_path)
        assert re.search(r"^Final [Tt]est acc: \d\.\d{4}$", done.stdout, re.M)


def test_make_test(shell: Shell) -> None:
    shell("make test")


def test_dvc_reads_what_is_exported(shell: Shell, clone: Path, tmp_path: Path) -> None:
    """DVC brings a hundred packages, pinned by nobody: it has an environment of its own, here."""
    shell("make .venv/.dev")
    shell("python3 -m venv dvc && dvc/bin/pip install --quiet dvc==3.67.1", cwd=tmp_path)
    python = f"'{clone}/.venv/bin/python'"
    tests = f"{python} -m pytest '{clone}/tests/test_export.py' -k dvc -vv"
    done = shell(f"PATH=$PWD/dvc/bin:$PATH {tests}", cwd=tmp_path)
    assert "test_dvc_reads_it PASSED" in done.stdout
    assert "SKIPPED" not in done.stdout
