from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hw.questions.models import mlp
from hw.results import fingerprint
from hw.results.fingerprint import PACKAGE, code_digest

BASE = {"settings": {"epochs": 3}, "backend": "numpy", "data": {"sha256": "a"}, "view": None}


def changed(**changes: object) -> set[str]:
    before = fingerprint.fingerprint(mlp, BASE, "numpy", True)
    after = fingerprint.fingerprint(mlp, {**BASE, **changes}, "numpy", True)
    return {key for key in before if before[key] != after[key]}


def test_what_has_changed_is_named() -> None:
    assert changed() == set()
    assert changed(settings={"epochs": 4}) == {"settings"}
    assert changed(data={"sha256": "b"}) == {"data"}
    assert changed(view={"name": "mnist"}) == {"data"}


def test_torch_counts_where_it_computes() -> None:
    numpy, torch = (fingerprint.fingerprint(mlp, BASE, b, True) for b in ("numpy", "torch"))
    assert numpy["versions"] != torch["versions"]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's sources elsewhere, to be changed."""
    for path in PACKAGE.rglob("*.py"):
        copy = tmp_path / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("questions/models/mlp.py", True),
        ("training/random_draws.py", True),  # imported by the question
        ("training/torch_network.py", True),  # within a function
        ("training/metrics.py", True),  # through another module
        ("nn/per_example.py", True),
        ("datasets/mnist.py", True),
        ("datasets/download.py", False),
        ("training/loop.py", True),
        ("figures/style.py", False),
        ("questions/models/feedforward.py", False),
        ("commands/run.py", False),
    ],
)
def test_the_code_that_a_result_depends_on(copied: Path, file: str, matters: bool) -> None:
    uncached = code_digest.__wrapped__
    before = uncached("hw.questions.models.mlp", True)
    path = copied / file
    path.write_text(path.read_text() + "\nx = 1\n")
    assert (uncached("hw.questions.models.mlp", True) != before) is matters


def test_no_relative_imports_which_the_search_would_miss() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
