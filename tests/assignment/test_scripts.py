"""The assignments' commands, each as a student types it, on a few dozen images of a stand-in."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import write_upstream

from hw import datasets
from hw.assignment import main
from hw.assignment.declarations import SCRIPTS
from hw.assignment.equivalent import equivalent
from hw.assignment.script import parse, settings_of
from hw.config.catalog import kinds
from hw.runs import machine
from hw.training.loop import fit

pytestmark = pytest.mark.figures

FOLDER = Path(__file__).resolve().parents[2] / "scripts"
EPOCHS = 2
ACCURACIES = ["train_accuracy", "validation_accuracy"]
Check = Callable[[str, str, list[str], set[str]], str]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every script's default data."""
    folder = tmp_path_factory.mktemp("data")
    for name in {script.data for script in SCRIPTS.values()}:
        write_upstream(folder, name)
    return folder


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """A folder of its own to write into, with the data beside what will be written."""
    for item in data.iterdir():
        (tmp_path / item.name).symlink_to(item)
    return tmp_path


def start(script: str, *words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FOLDER / script), *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()  # which has ended, unless something is wrong
    return process.returncode, out, err


def timeless(text: str) -> str:
    return re.sub(r"\d+ minutes and \d+ seconds", "M minutes and S seconds", text)


@pytest.fixture
def check(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Check:
    """Runs a script in this process: its output and its files are exactly these.

    Returns standard error.
    """
    monkeypatch.chdir(folder)
    before = {p.name for p in folder.iterdir()}

    def run(script: str, words: str, lines: list[str], files: set[str]) -> str:
        code = main(script, words.split())
        out, err = capsys.readouterr()
        assert (code, err.count("error")) == (0, 0), err
        assert timeless(out).splitlines() == lines
        assert {p.name for p in folder.iterdir()} - before == files
        assert all((folder / f).read_bytes()[:5] == b"%PDF-" for f in files if f.endswith("pdf"))
        return str(err)

    return run


def expected(
    script: str, kind: str, every: list[str], at_end: list[str], folder: Path, **given: Any
) -> tuple[dict[str, float], list[dict[str, float]], dict[str, Any]]:
    """What the core yields, without `hw.assignment`: the untrained model's accuracies, the rows
    of the history, and the final metrics."""
    declared = SCRIPTS[script]
    module = import_module(kinds()[kind])
    path = folder / declared.data_path
    loaded = datasets.load(declared.data, declared.homework, folder, "real", path=path)
    machine.set_threads(declared.backend, 1)
    learner = module.learner(module.Settings(epochs=EPOCHS, **given), loaded, declared.backend)
    initial = learner.measure([m for m in every if m.endswith("accuracy")])
    outcome = fit(learner, EPOCHS, every, at_end)
    rows = [{name: values[i] for name, values in outcome.history.items()} for i in range(EPOCHS)]
    return initial, rows, outcome.metrics


@pytest.mark.parametrize("script", SCRIPTS)
def test_as_typed(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """From a folder that is not the project's: the same as in this process, files and all."""
    model = next(iter(SCRIPTS[script].models))
    words = [model, "-epochs", "1"]
    before = set(folder.iterdir())
    code, out, err = outputs(start(script, *words, cwd=folder))
    made = {p: p.read_bytes() for p in set(folder.iterdir()) - before}
    assert code == 0, err
    assert made
    assert not [line for line in err.splitlines() if "python -m hw run" not in line]
    monkeypatch.chdir(folder)
    assert main(script, words) == 0
    assert timeless(out) == timeless(capsys.readouterr().out)
    for path, content in made.items():
        assert timeless(content.decode("latin1")) == timeless(path.read_bytes().decode("latin1"))


SCORES = "train acc: {train_accuracy:.4f} | val acc: {validation_accuracy:.4f}"


@pytest.mark.parametrize(
    ("words", "kind", "given", "line", "extra", "plot"),
    [
        ("perceptron -epochs 2", "linear_classifier", {"model": "perceptron"}, SCORES, [], []),
        (
            "logistic_regression --epochs 2 -l2_penalty 0.01",
            "linear_classifier",
            {"model": "logistic_regression", "l2_penalty": 0.01},
            SCORES + " | W norm: {weight_norm:.4f}",
            ["weight_norm"],
            ["w_norms"],
        ),
        (
            "mlp -epochs=2 --hidden_size=8",
            "mlp",
            {"hidden_size": 8},
            "loss: {train_loss:.4f} | " + SCORES,
            ["train_loss"],
            ["loss"],
        ),
    ],
)
def test_question_1_of_2024(
    check: Check,
    folder: Path,
    words: str,
    kind: str,
    given: dict,
    line: str,
    extra: list,
    plot: list,
) -> None:
    initial, rows, end = expected(
        "hw1-q1.py", kind, [*ACCURACIES, *extra], ["test_accuracy"], folder, **given
    )
    first = "initial train acc: {train_accuracy:.4f} | initial val acc: {validation_accuracy:.4f}"
    lines = [first.format(**initial)]
    for epoch, row in enumerate(rows, 1):
        lines += [f"Training epoch {epoch}", line.format(**row)]
    test = f"Final test acc: {end['test_accuracy']:.4f}"
    lines += ["Training took M minutes and S seconds", test]
    model = words.split()[0]
    files = {f"Q1-{model}-{name}.pdf" for name in ["accs", *plot]} | {f"Q1-{model}-results.txt"}
    err = check("hw1-q1.py", words, lines, files)
    assert err.count("python -m hw run q1.") == 1
    notes = (folder / f"Q1-{model}-results.txt").read_text()
    assert re.fullmatch(rf"{re.escape(test)}\nTraining time: \d+ minutes and \d+ seconds\n", notes)


@pytest.mark.parametrize("model", ["logistic_regression", "mlp"])
def test_question_2_of_2024(check: Check, folder: Path, model: str) -> None:
    given = {"model": model, "hidden_size": 16, "l2_decay": 0.01, "learning_rate": 0.01}
    metrics = ["train_loss", "validation_loss", "validation_accuracy"]
    initial, rows, end = expected(
        "hw1-q2.py", "feedforward", metrics, ["test_accuracy"], folder, **given
    )
    lines = ["initial val acc: {validation_accuracy:.4f}".format(**initial)]
    template = (
        "train loss: {train_loss:.4f} | val loss: {validation_loss:.4f}"
        " | val acc: {validation_accuracy:.4f}"
    )
    for epoch, row in enumerate(rows, 1):
        lines += [f"Training epoch {epoch}", template.format(**row)]
    lines += [
        "Training took M minutes and S seconds",
        f"Final test acc: {end['test_accuracy']:.4f}",
    ]
    config = {
        "logistic_regression": "batch-64-lr-0.01-epochs-2-l2-0.01-opt-sgd",
        "mlp": "batch-64-lr-0.01-epochs-2-hidden-16-dropout-0.3-l2-0.01-layers-2-act-relu-opt-sgd"
        "-mom-0.0",
    }[model]
    files = {f"{model}-{what}-{config}.pdf" for what in ("training-loss", "validation-accuracy")}
    words = f"{model} -epochs 2 --hidden_size 16 -l2_decay 0.01 -learning_rate 1e-2"
    check("hw1-q2.py", words, lines, files)


def test_adam_has_no_momentum(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)
    assert main("hw1-q2.py", ["mlp", "-epochs", "1", "-optimizer", "adam"]) == 0
    err = capsys.readouterr().err
    assert "note: -momentum 0.0 is ignored: adam does not use it" in err
    assert "--momentum" not in err
    assert list(folder.glob("mlp-training-loss-*-opt-adam-mom-0.0.pdf"))


@pytest.mark.parametrize("model", ["perceptron", "logistic_regression", "mlp"])
def test_question_1_of_2023(check: Check, folder: Path, model: str) -> None:
    mlp = model == "mlp"
    _, rows, end = expected(
        "ist2023/hw1-q1.py",
        "mlp" if mlp else "linear_classifier",
        [*ACCURACIES, *["train_loss"] * mlp],
        ["test_accuracy"],
        folder,
        **({"hidden_size": 200} if mlp else {"model": model}),
    )
    lines = []
    for epoch, row in enumerate(rows, 1):
        loss = "loss: {train_loss:.4f} | ".format(**row) if mlp else ""
        lines += [f"Training epoch {epoch}", loss + SCORES.format(**row)]
    lines.append(f"Final test acc: {end['test_accuracy']:.4f}")
    files = {f"Q1-{model}-{plot}.pdf" for plot in ["accs", *["loss"] * mlp]}
    check("ist2023/hw1-q1.py", f"{model} -epochs 2", lines, files)


@pytest.mark.parametrize(
    ("script", "words", "given", "config"),
    [
        (
            "ist2023/hw1-q2.py",
            "mlp -epochs 2 -batch_size 16",
            {"batch_size": 16, "layers": 1, "hidden_size": 100},
            "batch-16-lr-0.01-epochs-2-hidden-100-dropout-0.3-l2-0-layers-1-act-relu-opt-sgd",
        ),
        (
            "ist2023/hw1-q2.py",
            "logistic_regression -epochs 2",
            {"model": "logistic_regression", "batch_size": 1},
            "batch-1-lr-0.01-epochs-2-l2-0-opt-sgd",
        ),
        (
            "ist2021/hw1-q4.py",
            "mlp -epochs 2 -activation tanh --hidden_sizes 50",
            {
                "batch_size": 1,
                "layers": 1,
                "hidden_size": 50,
                "activation": "tanh",
                "loader": "global",
                "running_loss": True,
            },
            "batch-1-lr-0.01-epochs-2-hidden-50-dropout-0.3-l2-0-layers-1-act-tanh-opt-sgd",
        ),
    ],
)
def test_toolkit_questions(
    check: Check, folder: Path, script: str, words: str, given: dict, config: str
) -> None:
    metrics = ["train_loss", "validation_accuracy"]
    _, rows, end = expected(
        script, "feedforward", metrics, ["test_accuracy"], folder, learning_rate=0.01, **given
    )
    lines = []
    for epoch, row in enumerate(rows, 1):
        lines += [
            f"Training epoch {epoch}",
            f"Training loss: {row['train_loss']:.4f}",
            f"Valid acc: {row['validation_accuracy']:.4f}",
        ]
    lines.append(f"Final Test acc: {end['test_accuracy']:.4f}")
    model = words.split()[0]
    files = {f"{model}-{what}-{config}.pdf" for what in ("training-loss", "validation-accuracy")}
    check(script, words, lines, files)


@pytest.mark.parametrize("model", ["perceptron", "mlp"])
def test_question_3_of_2021(check: Check, folder: Path, model: str) -> None:
    metrics = ["validation_accuracy", "test_accuracy"]
    kind, given = ("mlp", {"hidden_size": 200}) if model == "mlp" else ("linear_classifier", {})
    given |= {} if model == "mlp" else {"model": model}
    _, rows, _ = expected("ist2021/hw1-q3.py", kind, metrics, [], folder, **given)
    lines = []
    for epoch, row in enumerate(rows, 1):
        lines += [
            f"Training epoch {epoch}",
            f"Valid acc: {row['validation_accuracy']:.4f}",
            f"Test acc: {row['test_accuracy']:.4f}",
        ]
    check("ist2021/hw1-q3.py", f"{model} -epochs 2", lines, {f"Q3-{model}-accs.pdf"})


@pytest.mark.parametrize(
    ("model", "kind", "given", "plots"),
    [
        ("linear_regression", "linear_regression", {}, ["losses", "distance"]),
        ("nn", "neural_regression", {"hidden_size": 150}, ["losses"]),
    ],
)
def test_question_2_of_2021(
    check: Check, folder: Path, model: str, kind: str, given: dict, plots: list[str]
) -> None:
    metrics = ["train_loss", "test_loss"]
    _, rows, _ = expected("ist2021/hw1-q2.py", kind, metrics, [], folder, **given)
    lines = []
    for epoch, row in enumerate(rows, 1):
        lines.append(f"Epoch {epoch}... ")
        lines.append("Loss (train): {train_loss:.3f} | Loss (test): {test_loss:.3f}".format(**row))
    files = {f"Q2-{model}-{plot}.pdf" for plot in plots}
    check("ist2021/hw1-q2.py", f"{model} -epochs 2", lines, files)


# Errors, in this process: they come before anything is trained


@pytest.mark.parametrize("script", SCRIPTS)
def test_missing_data_say_what_to_do(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    model = next(iter(SCRIPTS[script].models))
    assert main(script, [model]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"error: {SCRIPTS[script].data_path}: no such file")
    assert f"data fetch {SCRIPTS[script].data}" in err


@pytest.mark.parametrize(
    ("script", "words", "said"),
    [
        ("hw1-q1.py", "", "model"),
        ("hw1-q1.py", "perceptrn", "did you mean 'perceptron'?"),
        ("hw1-q1.py", "mlp -epoch 3", "did you mean '-epochs'?"),
        ("hw1-q1.py", "mlp --epoch 3", "unknown argument '--epoch'"),
        ("hw1-q1.py", "mlp -hidden=3", "unknown argument '-hidden=3'"),
        ("hw1-q1.py", "mlp -l2_decay 3", "unknown argument '-l2_decay'"),
        ("hw1-q1.py", "mlp -epochs", "-epochs"),
        ("hw1-q1.py", "mlp -epochs 0", "-epochs is 0; it must be at least 1"),
        ("hw1-q1.py", "mlp -epochs 1.5", "-epochs is '1.5'; expected a whole number"),
        ("hw1-q1.py", "mlp -learning_rate nan", "-learning_rate is 'nan'"),
        # Also where the model has no use for the flag.
        ("hw1-q1.py", "perceptron -hidden_size none", "-hidden_size is 'none'"),
        ("hw1-q2.py", "mlp -dropout 1.5", "-dropout is 1.5"),
        ("hw1-q2.py", "mlp -activation rlu", "did you mean 'relu'?"),
        ("ist2021/hw1-q3.py", "mlp -layers 2", "-layers is '2'; only 1 is implemented"),
        ("ist2021/hw1-q4.py", "mlp -hidden_size 50", "did you mean '-hidden_sizes'?"),
        ("ist2023/hw1-q1.py", "mlp -l2_penalty 1", "unknown argument '-l2_penalty'"),
    ],
)
def test_usage_errors(script: str, words: str, said: str, capsys: Any) -> None:
    assert main(script, words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_help_shows_defaults(capsys: Any) -> None:
    assert main("hw1-q2.py", ["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"-{flag} " in text for flag in SCRIPTS["hw1-q2.py"].flags)
    assert "(default: 0.002)" in text


def test_data_of_another_shape(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)
    assert main("hw1-q1.py", ["mlp", "--data_path", "octmnist.npz"]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_unused_flags_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)
    assert main("hw1-q1.py", ["perceptron", "-epochs", "1", "-l2_penalty", "0.5"]) == 0
    err = capsys.readouterr().err
    assert "note: -l2_penalty 0.5 is ignored: perceptron does not use it" in err


def test_divergence_is_said_and_keeps_what_there_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(folder)
    assert main("hw1-q1.py", ["logistic_regression", "-l2_penalty", "1e6"]) == 1
    out, err = capsys.readouterr()
    assert "Final test acc" not in out
    assert "nan" not in out
    assert "error: diverged in epoch " in err
    assert not (folder / "Q1-logistic_regression-results.txt").exists()


def test_interruption(folder: Path) -> None:
    process = start("hw1-q1.py", "mlp", "-epochs", "100000", cwd=folder)
    assert process.stdout is not None
    process.stdout.readline()  # training has begun
    process.send_signal(signal.SIGINT)
    code, _, err = outputs(process)
    assert code == 130
    assert err.splitlines()[-1] == "error: interrupted; no file was written"
    assert not list(folder.glob("Q1*"))


# The equivalent command


@pytest.mark.parametrize(
    ("script", "words", "command"),
    [
        ("hw1-q1.py", "perceptron", "the same as: {run} q1.perceptron --epochs 20"),
        ("hw1-q1.py", "perceptron -epochs 100", "the same as: {run} q1.perceptron"),
        ("hw1-q1.py", "mlp", "the same as: {run} q1.mlp"),
        (
            "hw1-q1.py",
            "logistic_regression -epochs 100 -l2_penalty 0.01",
            "the same as: {run} q1.logistic_regression --variant l2",
        ),
        # Its own question's variants are about the penalty, and have others.
        (
            "hw1-q1.py",
            "logistic_regression -epochs 100 -l2_penalty 0.5",
            "the same as: {run} q1.perceptron --model logistic_regression --l2-penalty 0.5",
        ),
        ("hw1-q2.py", "mlp", "the same as: {run} q2.batch_size --variant batch-64"),
        (
            "hw1-q2.py",
            "mlp -batch_size 8 -dropout 0.1 -momentum 0.1",
            "the nearest, for want of a variant with batch_size 8: {run} q2.batch_size "
            "--variant batch-64 --dropout 0.1 --momentum 0.1",
        ),
    ],
)
def test_equivalent_command(script: str, words: str, command: str) -> None:
    declared = SCRIPTS[script]
    request = parse(declared, script, words.split())
    settings = settings_of(declared, script, request)
    found = equivalent(declared, request.model, settings, Path(declared.data_path))
    assert found == command.format(run="python -m hw run")


def test_equivalent_command_runs_what_it_says(tmp_path: Path) -> None:
    """`hw run`, typed as it was suggested, ends with the accuracies that the script printed."""
    folder = tmp_path / "intel-landscapes"
    folder.mkdir()
    write_upstream(folder, "intel-landscapes")
    words = ["logistic_regression", "-epochs", "1", "-l2_penalty", "0.01", "-data_path"]
    path = "intel-landscapes/intel_landscapes.npz"
    code, out, err = outputs(start("hw1-q1.py", *words, path, cwd=tmp_path))
    assert code == 0
    command = shlex.split(err.partition("the same as: ")[2])
    assert command[-2:] == ["--data-dir", str(tmp_path.resolve())]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent), "HW_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *command[1:], "--results-dir", "results", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (value,) = re.findall(r'"test_accuracy": ([\d.]+)', done.stdout)
    assert out.splitlines()[-1] == f"Final test acc: {float(value):.4f}"


def test_every_script_is_there() -> None:
    found = {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("hw1-*.py")}
    assert found == set(SCRIPTS)
    for name in found:
        assert f'main("{name}")' in (FOLDER / name).read_text()
