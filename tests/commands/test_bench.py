"""``hw bench``: what it compares makes the same updates. No time is tested."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import CommandLine

from benchmarks import growth, measuring
from benchmarks.cases import CASES, Case, examples, prepare
from hw.runs.machine import set_threads

TRAINED = [name for name, case in CASES.items() if not case.kind.startswith("count")]


def small(case: Case) -> Case:
    return replace(case, examples=2 * case.batch_size if case.batch_size > 1 else 40)


@pytest.mark.parametrize("name", TRAINED)
def test_ours_and_the_plain_loop_make_the_same_updates(name: str) -> None:
    """Else their times compare nothing."""
    case = small(CASES[name])
    set_threads("torch" if case.kind == "torch" else "numpy", 1)
    given = examples(case, max(case.examples, 80))
    ours, plain = (prepare(case, way, given)() for way in ("ours", "plain"))
    if isinstance(ours, dict):
        ours, plain = list(ours.values()), list(plain.values())
    if isinstance(ours, np.ndarray):
        ours, plain = [ours], [plain]
    assert len(ours) == len(plain)
    # float32 in PyTorch's rows, and Adam divides small numbers by small ones; float64 elsewhere,
    # where a weight that is nearly zero is a difference of others a million times as large.
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-5} if case.kind == "torch" else {"rtol": 1e-9, "atol": 1e-15}
    )
    for mine, theirs in zip(ours, plain, strict=True):
        np.testing.assert_allclose(mine, theirs, equal_nan=False, **tolerance)
    assert any(np.ptp(p) > 0 for p in ours)


@pytest.mark.parametrize("name", [name for name in CASES if name not in TRAINED])
def test_both_evaluations_count_the_same(name: str) -> None:
    case = replace(CASES[name], examples=300)
    given = examples(case, 300)
    ours, plain = (prepare(case, way, given)() for way in ("ours", "plain"))
    assert 0 < ours == plain < 300


@pytest.mark.parametrize("name", ["mlp-fashion", "torch-logistic"])
def test_every_way_is_timed(name: str) -> None:
    case = small(CASES[name])
    found = measuring.measure(case, repeats=1, memory=False)
    assert set(found.seconds) - {"scikit-learn"} == set(case.ways) - {"scikit-learn"}
    assert found.ratios["ours/products"] == pytest.approx(
        found.seconds["ours"] / found.seconds["products"]
    )


def test_memory_is_that_of_a_fresh_process() -> None:
    """Bytes against float64: the plain loop needs about eight times the memory."""
    case = replace(CASES["logistic-landscapes"], population=4000, examples=20)
    ours, plain = (measuring.alone(case, way)[1] for way in ("ours", "plain"))
    images = 4000 * 6912
    assert images <= ours < 1.5 * images
    assert 7.5 * images < plain < 9 * images


def test_exponents_are_slopes_on_log_log() -> None:
    sizes = [10, 20, 40, 80]
    series = growth.Series("examples", "ours", sizes, [3.0 * n**2 for n in sizes], [7] * 4)
    exponents = list(series.as_json()["exponents"].values())
    np.testing.assert_allclose(exponents, [2, 2, 0, 0], atol=1e-9)


def test_a_point_of_growth_is_measured_in_a_fresh_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(growth, "POINTS", {"examples": (200, 400)})
    monkeypatch.setitem(growth.BASE, "width", 1000)
    said: list[str] = []
    series = growth.measure(said.append)
    assert [s.way for s in series] == ["ours", "plain"]
    assert all(second > 0 for s in series for second in s.seconds)
    assert len(said) == 2
    assert len(growth.rows(series)) == 2
    growth.draw(series, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 1000


# The command line


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases, in a moment."""
    names = ("linear-regression", "torch-logistic")
    monkeypatch.setattr("benchmarks.cases.CASES", {name: small(CASES[name]) for name in names})


@pytest.mark.usefixtures("tiny")
def test_json_is_one_document(hw: CommandLine) -> None:
    answer = hw("bench", "--quick", "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert [case["name"] for case in found["cases"]] == ["linear-regression", "torch-logistic"]
    assert set(found["cases"][0]["ratios"]) == {"plain/ours", "ours/products"}
    assert found["environment"]["packages"]["numpy"] == np.__version__
    assert answer.err.startswith("1/2 linear-regression")


@pytest.mark.usefixtures("tiny")
def test_tables_show_what_was_measured_and_nothing_else(hw: CommandLine) -> None:
    table = hw("bench", "--quick", "linear-regression").out
    assert "linear-regression" in table
    assert "torch-logistic" not in table
    assert "scikit-learn" not in table
    page = hw("bench", "--quick", "--markdown").out.splitlines()
    assert page[0].startswith("| case | plain | ours | products | plain/ours |")
    assert [line.count("|") for line in page] == [8] * 4


def test_an_unknown_case_is_refused_with_the_nearest(hw: CommandLine) -> None:
    answer = hw("bench", "mlp-fashon")
    assert answer.code == 2
    assert "did you mean 'mlp-fashion'?" in answer.error
    assert hw("bench", "mlp-fashion", "--figure", "x.png").code == 2
    assert hw("bench", "--json", "--markdown").code == 2


def test_without_a_checkout_it_says_so(hw: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not (Path(p) / "benchmarks").is_dir()])
    before = list(sys.path)
    answer = hw("bench")
    assert answer.code == 1
    assert "in the folder of a checkout" in answer.error
    assert sys.path == before


def test_the_page_has_every_case() -> None:
    page = (measuring.ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for name, case in CASES.items():
        assert f"| {name}: {case.what} |" in page
        assert case.bound in page
