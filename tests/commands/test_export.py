from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import CommandLine

from hw.cli import main
from hw.results.export import COLUMNS, flat


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path) -> Path:
    """Results of a question as configured, and of one beside it; made once."""
    results = tmp_path_factory.mktemp("made")
    folders = ("--data-dir", str(few_landscapes), "--results-dir", str(results))
    assert main(["run", "q1.perceptron", *folders]) == 0
    assert main(["run", "q1.logistic_regression", "--epochs", "2", *folders]) == 0
    return results


@pytest.fixture
def run(hw: CommandLine, made: Path) -> CommandLine:
    return CommandLine(made, hw.data, hw.capsys)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_long_table(run: CommandLine, tmp_path: Path) -> None:
    answer = run("export", "--csv", tmp_path / "out", "--beside", "--json")
    assert answer.code == 0
    (path,) = map(Path, answer.json["files"])
    rows = table(path)
    assert tuple(rows[0]) == COLUMNS
    folder = run.folder("ist2024.q1.perceptron")
    metrics = json.loads((folder / "metrics.json").read_text())["default"]
    history = json.loads((folder / "history.json").read_text())["default"]
    mine = [r for r in rows if r["question"] == "ist2024.q1.perceptron"]
    assert all((r["backend"], r["seed"], r["variant"]) == ("numpy", "42", "default") for r in mine)
    assert {r["metric"]: float(r["value"]) for r in mine if not r["epoch"]} == metrics
    curve = [float(r["value"]) for r in mine if r["epoch"] and r["metric"] == "train_accuracy"]
    assert curve == history["train_accuracy"], "every digit"
    assert len([r for r in mine if r["epoch"]]) == len(history["epoch"]) * (len(history) - 1)
    assert any(r["question"].startswith("ist2024.q1.logistic_regression@") for r in rows)
    before = path.read_bytes()
    run("export", "--csv", tmp_path / "out", "--beside")
    assert path.read_bytes() == before


def test_only_what_is_asked_for(run: CommandLine, tmp_path: Path) -> None:
    run("export", "q1.*", "--csv", tmp_path)
    assert {r["question"] for r in table(tmp_path / "results.csv")} == {"ist2024.q1.perceptron"}


def test_a_dvc_yaml_of_the_documented_form(run: CommandLine, tmp_path: Path) -> None:
    """https://dvc.org/doc/user-guide/project-structure/dvcyaml-files: metrics are paths, plots are
    names, each with columns of files for x and for y."""
    assert run("export", "--dvc", tmp_path, "--beside").code == 0
    found: dict[str, Any] = yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    assert set(found) == {"metrics", "plots"}
    for path in found["metrics"]:
        json.loads((tmp_path / path).read_text())
    assert found["plots"]
    for plot in found["plots"]:
        ((_, spec),) = plot.items()
        assert spec["x"].keys() == spec["y"].keys()
        for file, column in spec["y"].items():
            rows = table(tmp_path / file)
            assert [float(r[column]) for r in rows]
            assert [int(r["epoch"]) for r in rows] == list(range(1, len(rows) + 1))


def dvc_metrics(shown: str) -> Any:
    """Of the workspace, by file: what ``dvc metrics show --json`` prints."""
    return json.loads(shown)[""]["data"]


@pytest.mark.skipif(shutil.which("dvc") is None, reason="no dvc here; make test-full brings it")
def test_dvc_reads_it(run: CommandLine, tmp_path: Path) -> None:
    run("export", "--dvc", tmp_path, "--beside")

    def dvc(*words: str) -> str:
        return subprocess.run(
            ["dvc", *words], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    dvc("init", "--no-scm", "--quiet")
    shown = dvc_metrics(dvc("metrics", "show", "--json"))
    folder = run.folder("ist2024.q1.perceptron")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert shown["ist2024/q1.perceptron/metrics.json"]["data"] == metrics
    assert "index.html" in dvc("plots", "show")
    shutil.copy(folder / "metrics.json", tmp_path / "as_it_is.json")
    shown = dvc_metrics(dvc("metrics", "show", "as_it_is.json", "--json"))
    assert shown["as_it_is.json"]["data"] == metrics


def test_what_cannot_be_meant(hw: CommandLine, tmp_path: Path) -> None:
    assert hw("export").code == 2
    assert hw("export", "q1.none", "--csv", tmp_path).code == 2
    answer = hw("export", "--csv", tmp_path / "x")
    assert answer.code == 1
    assert "no results" in answer.error
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written(run: CommandLine) -> None:
    answer = run("export", "--csv", "/dev/null/x")
    assert answer.code == 1
    assert "/dev/null/x" in answer.error


def test_nested_metrics_have_dotted_names() -> None:
    assert flat({"a": 1, "b": {"c": {"d": 2}}}) == {"a": 1, "b.c.d": 2}
