from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

import hw as package
from hw import api
from hw.errors import HwError, UsageError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def result(results: Path, few_landscapes: Path) -> api.Result:
    return package.run(
        "q1.logistic_regression", epochs=2, data_dir=few_landscapes, results_dir=results, quiet=True
    )


def test_metrics_history_settings_and_folder(result: api.Result, results: Path) -> None:
    assert (result.id, result.backend, result.seeds) == (
        "ist2024.q1.logistic_regression",
        "numpy",
        (42,),
    )
    assert result.status == "done"
    assert result.folder.is_relative_to(results)
    for name, mine in (("metrics", result.metrics), ("history", result.history)):
        assert json.loads((result.folder / f"{name}.json").read_text()) == mine
    assert result.history["l2"]["epoch"] == [1, 2]
    assert result.settings["l2"]["epochs"] == 2
    assert result.data is not None
    assert result.data["source"] == "real"
    assert result.checks == {}


def test_load_reads_the_same(result: api.Result, results: Path) -> None:
    digest = result.folder.name.partition("@")[2]
    for where in (f"q1.logistic_regression@{digest}", result.folder, str(result.folder)):
        loaded = package.load(where, results_dir=results)
        assert loaded.metrics == result.metrics
        assert loaded.history == result.history
        assert loaded.settings == result.settings
        assert (loaded.id, loaded.backend, loaded.seeds) == (result.id, "numpy", (42,))
        assert loaded.data == result.data


def test_figures_as_files_and_as_matplotlib_figures(result: api.Result) -> None:
    assert list(result.figures) == ["accuracies", "weight-norm", "weight-unevenness"]
    figure = result.figures["accuracies"]
    assert figure.pdf.read_bytes()[:4] == b"%PDF"
    picture = figure._repr_png_()
    assert picture is not None
    assert picture[:4] == b"\x89PNG"
    drawn = figure.draw()
    assert isinstance(drawn, matplotlib.figure.Figure)
    drawn.axes[0].set_title("mine")


def test_a_notebook_shows_a_table_and_the_figures(result: api.Result) -> None:
    shown = result._repr_html_()
    assert shown.count("<img") == 3
    assert "<td>test_accuracy</td>" in shown
    assert "0.51" in shown, "what was published stands beside"
    assert "stand-in" not in shown
    text = repr(result)
    assert "test_accuracy" in text
    assert str(result.folder) in text


def test_what_is_up_to_date_is_read(
    result: api.Result, results: Path, few_landscapes: Path
) -> None:
    again = package.run(
        "q1.logistic_regression",
        epochs=2,
        variant="l2",
        data_dir=few_landscapes,
        results_dir=results,
    )
    assert again.status == "up to date"
    assert again.metrics["l2"] == result.metrics["l2"]


def test_several_seeds(results: Path, few_landscapes: Path) -> None:
    options: dict[str, Any] = {"epochs": 1, "data_dir": few_landscapes, "results_dir": results}
    found = package.run("q1.perceptron", seeds=[1, 2], **options)
    assert found.seeds == (1, 2)
    assert found.metrics["default"]["n_seeds"] == 2


def test_stand_in_data_are_said_and_shown(
    results: Path, no_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"epochs": 1, "data_dir": no_data, "results_dir": results}
    found = package.run("q1.perceptron", **options)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("note: intel-landscapes: SYNTHETIC STAND-IN")
    assert said.err.count("\n") == 1
    assert "Synthetic stand-in" in found._repr_html_()
    assert "stand-in" in repr(found)
    package.run("q1.perceptron", **options, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_question_that_trains_nothing(results: Path) -> None:
    found = package.run("ist2021.q1.sigmoid", results_dir=results)
    assert found.history == {}
    assert found.data is None
    assert all(c.holds for c in found.checks["default"] if "erratum" not in c.name)


@pytest.mark.parametrize(
    ("words", "options", "problem"),
    [
        ("q1.percep", {}, "did you mean 'q1.perceptron'"),
        ("q1.*", {}, "unknown question"),
        (3, {}, "expected a string"),
        ("q1.mlp", {"epochz": 3}, "did you mean 'epochs'"),
        ("q1.mlp", {"epochs": 0}, "at least 1"),
        ("q1.mlp", {"epochs": True}, "epochs"),
        ("q1.mlp", {"backend": "both"}, "one of: numpy, torch"),
        ("q1.mlp", {"data": "fake"}, "one of: auto"),
        ("q1.mlp", {"device": "tpu"}, "one of: cpu"),
        ("q1.mlp", {"variant": "x"}, "no variant"),
    ],
)
def test_what_cannot_be_meant(
    words: Any, options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=problem) as found:
        package.run(words, results_dir=tmp_path, **options)
    assert isinstance(found.value, package.HwError)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there(tmp_path: Path, no_data: Path) -> None:
    with pytest.raises(package.DataError, match="no such file"):
        package.run("q1.perceptron", data="real", data_dir=no_data, results_dir=tmp_path)
    with pytest.raises(HwError, match=r"hw.run\('q1.mlp'\) makes them"):
        package.load("q1.mlp", results_dir=tmp_path)
    with pytest.raises(HwError, match="no results folder"):
        package.load(tmp_path / "none")
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(HwError):
        package.load(tmp_path)


def test_the_callers_process_stays_as_it_was(few_landscapes: Path, tmp_path: Path) -> None:
    def machine() -> Any:
        return (
            torch.get_num_threads(),
            torch.get_float32_matmul_precision(),
            float(torch.tensor([1e-310], dtype=torch.float64) * 0.5),
            [info["num_threads"] for info in threadpool_info()],
            {k: v for k, v in matplotlib.rcParams.items() if not k.startswith("backend")},
        )

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_flush_denormal(False)
    try:
        before = machine()
        words: dict[str, Any] = {"data_dir": few_landscapes, "results_dir": tmp_path, "epochs": 1}
        found = package.run("q1.perceptron", backend="torch", **words)
        found.figures["accuracies"].draw()
        assert machine() == before
    finally:
        torch.set_num_threads(threads)
    assert np.float64(1e-310) * 0.5 > 0


def test_what_is_public() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        package.runn  # type: ignore[attr-defined]  # noqa: B018


def test_importing_hw_costs_nothing() -> None:
    code = "import hw, sys; print('numpy' in sys.modules, 'hw.api' in sys.modules, hw.run)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("False False <function run")


# Needs Jupyter's own packages -------------------------------------------------------------------

CELLS = (
    "import hw\nresult = hw.run('q1.perceptron', epochs=2)\nresult",
    "result.figures['accuracies']",
    "result.figures['accuracies'].draw()",
    "hw.load(result.folder).metrics == result.metrics",
    "hw.run('q1.perceptron', epochz=2)",
)


def test_in_a_jupyter_kernel(tmp_path: Path, few_landscapes: Path) -> None:
    for name in ("nbclient", "ipykernel", "nbformat"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    script = """
import json, os, sys, nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(c) for c in json.loads(sys.argv[1])]
book = nbformat.v4.new_notebook(cells=cells)
NotebookClient(book, timeout=120, kernel_name="python3", allow_errors=True).execute()
print(json.dumps([c.outputs for c in book.cells]))
"""
    import os

    environment = {
        **os.environ,
        "HW_DATA_DIR": str(few_landscapes),
        "HW_RESULTS_DIR": str(tmp_path / "results"),
        "HW_OFFLINE": "1",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "PYTHONPATH": str(ROOT),
    }
    ended = subprocess.run(
        [sys.executable, "-c", script, json.dumps(CELLS)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    run, picture, drawn, same, wrong = json.loads(ended.stdout)
    (shown,) = run  # nothing besides the result: it is quiet
    assert "<table>" in shown["data"]["text/html"]
    assert "<img" in shown["data"]["text/html"]
    assert "test_accuracy" in shown["data"]["text/plain"]
    assert "image/png" in picture[0]["data"]
    assert "Figure" in drawn[-1]["data"]["text/plain"]
    assert same[0]["data"]["text/plain"] == "True"
    assert wrong[0]["output_type"] == "error"
    assert wrong[0]["ename"] == "UsageError"
    assert "did you mean 'epochs'" in wrong[0]["evalue"]
