from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
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


def test_the_option_that_helps_is_named(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for option in ("csv", "dvc", "latex"):
        place = tmp_path / "file" / "x"
        answer = run("export", f"--{option}", place)
        assert answer.code == 1
        assert answer.error.endswith(f"choose another folder with --{option}")


HOSTILE = "../../../../../grades"


@pytest.fixture
def hostile(hw: CommandLine, made: Path) -> CommandLine:
    """Results whose names were meant for other programs."""
    shutil.copytree(made, hw.results)
    folder = hw.folder("ist2024.q1.perceptron")
    (folder / "run.json").write_text(json.dumps({"backend": "@SUM(A1)", "status": "done"}))
    names = [HOSTILE, "=cmd|' /C calc'!A0", "+1+1", "-2", "\\input{/etc/passwd}", "100%"]
    metrics = {name: {"test_accuracy": -0.5, "}\\x{": 1} for name in names}
    history = {name: {"epoch": [1], "=1+1": [0.25]} for name in names}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "history.json").write_text(json.dumps(history))
    return hw


def test_no_name_is_a_path(hostile: CommandLine, tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    answer = hostile("export", "q1.perceptron", "--dvc", place, "--json")
    assert answer.code == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(Path(file).is_relative_to(place) for file in answer.json["files"])
    assert not [p for p in written if "grades" in p.name and not p.is_relative_to(place)]


def test_no_name_is_a_formula_and_numbers_stay_numbers(
    hostile: CommandLine, tmp_path: Path
) -> None:
    hostile("export", "q1.perceptron", "--csv", tmp_path)
    rows = table(tmp_path / "results.csv")
    assert rows
    for row in rows:
        words = [row[name] for name in ("question", "backend", "seed", "variant", "metric")]
        assert not [word for word in words if word[:1] in tuple("=+-@\t\r")]
    assert {float(row["value"]) for row in rows} == {-0.5, 1.0, 0.25}


# LaTeX


def numbers(path: Path) -> dict[str, str]:
    r"""What ``\hw`` and ``\hwpercent`` print, by name."""
    found = re.findall(r"^\\hw@number\{([^{}]*)\}\{(.*)\}$", path.read_text(), re.MULTILINE)
    return dict(found)


def test_latex_has_every_number_by_name(run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "numbers.tex"
    assert run("export", "--latex", path, "--beside").code == 0
    found = numbers(path)
    folder = run.folder("ist2024.q1.perceptron")
    metrics = json.loads((folder / "metrics.json").read_text())["default"]
    accuracy = metrics["test_accuracy"]
    assert found["ist2024.q1.perceptron.test_accuracy"] == f"{accuracy:.4f}"
    assert found["percent:ist2024.q1.perceptron.test_accuracy"] == f"{100 * accuracy:.2f}"
    assert len([n for n in found if n.startswith("ist2024.q1.perceptron.")]) == len(metrics)
    beside = next((run.results / "ist2024").glob("q1.logistic_regression@*"))
    metrics = json.loads((beside / "metrics.json").read_text())["l2"]
    assert found[f"ist2024.{beside.name}.l2.test_accuracy"] == f"{metrics['test_accuracy']:.4f}"


def test_a_number_on_stand_in_data_is_marked(hw_stand_in: CommandLine, tmp_path: Path) -> None:
    assert hw_stand_in("run", "q1.perceptron", "--epochs", "1", "-q").code == 0
    hw_stand_in("export", "--beside", "--latex", tmp_path / "n.tex")
    assert all(text.startswith("\\hwstandin{") for text in numbers(tmp_path / "n.tex").values())


def test_no_name_is_a_command_of_tex(hostile: CommandLine, tmp_path: Path) -> None:
    hostile("export", "q1.perceptron", "--latex", tmp_path / "n.tex")
    found = numbers(tmp_path / "n.tex")
    assert found
    assert not [name for name in found if set(name) & set("\\{}%#$&~^")]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
@pytest.mark.parametrize(("metric", "is_there"), [("test_accuracy", True), ("tst", False)])
def test_latex_reads_it(run: CommandLine, tmp_path: Path, metric: str, is_there: bool) -> None:
    run("export", "--latex", tmp_path / "n.tex")
    name = f"ist2024.q1.perceptron.{metric}"
    (tmp_path / "a.tex").write_text(
        rf"\documentclass{{article}}\input{{n}}\typeout{{::\csname hw@{name}\endcsname::}}"
        rf"\begin{{document}}\hw{{{name}}} \hwpercent{{{name}}}\end{{document}}"
    )
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode == 0) == is_there
    assert (f"hw has no number '{name}'" in ended.stdout) != is_there
    if is_there:
        assert f"::{numbers(tmp_path / 'n.tex')[name]}::" in ended.stdout


# TensorBoard


def test_tensorboard_reads_every_epoch(run: CommandLine, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    for _ in range(2):  # the second one takes the first one's place
        assert run("export", "q1.perceptron", "--tensorboard", tmp_path).code == 0
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    read = EventAccumulator(str(file.parent), {"tensors": 0})  # all of them, not a sample
    read.Reload()
    folder = run.folder("ist2024.q1.perceptron")
    history = json.loads((folder / "history.json").read_text())["default"]
    for metric in history.keys() - {"epoch"}:
        events = read.Tensors(metric)
        assert [event.step for event in events] == history["epoch"]
        values = [float(make_ndarray(event.tensor_proto)) for event in events]
        assert values == pytest.approx(history[metric], rel=1e-6)
        times = [event.wall_time for event in events]
        assert times == sorted(times)
    metrics = json.loads((folder / "metrics.json").read_text())["default"]
    (last,) = read.Tensors("final/test_accuracy")
    assert float(make_ndarray(last.tensor_proto)) == pytest.approx(metrics["test_accuracy"])


def test_without_tensorboard_it_says_what_to_install(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    answer = run("export", "--tensorboard", tmp_path / "x")
    assert answer.code == 4
    assert "pip install '.[tensorboard]'" in answer.error


def test_nested_metrics_have_dotted_names() -> None:
    assert flat({"a": 1, "b": {"c": {"d": 2}}}) == {"a": 1, "b.c.d": 2}
