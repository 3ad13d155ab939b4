"""The package as it is installed: whole, its version in one place, its needs declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import hw

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Names under which packages are imported, where they are not their own.
IMPORTED = {"PyYAML": "yaml", "Jinja2": "jinja2", "Pillow": "PIL", "distributed": "dask"}


def declared() -> set[str]:
    """Every package that pyproject.toml names for users, by the name it is imported under."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"]]
    lines += [line for extra, needed in extras.items() if extra != "dev" for line in needed]
    names = [re.split(r"[=<>~!\[ ]", line)[0] for line in lines]
    return {IMPORTED.get(n, n).lower() for n in names} | {n.lower() for n in names}


def test_every_folder_of_the_package_is_installed() -> None:
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("hw/**/__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders | {"hw.configs"}


def test_everything_imported_is_declared() -> None:
    known = declared() | set(sys.stdlib_module_names) | {"hw", "benchmarks"}
    for path in ROOT.glob("hw/**/*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                assert name.partition(".")[0].lower() in known, f"{path}: {name}"


def test_pins_lie_in_the_ranges() -> None:
    """What `make` installs is what `pip install hw` may."""
    from packaging.requirements import Requirement

    pins = dict(
        line.split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    )
    ranges = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    assert {r.name for r in ranges} == pins.keys()
    for required in ranges:
        assert required.specifier.contains(pins[required.name]), required


def test_one_version() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert f"version: {hw.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    released = re.findall(r"^## (\d\S+),", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in released)
