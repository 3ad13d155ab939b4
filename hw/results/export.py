"""Results in the neighbours' formats: one long table, DVC's ``dvc.yaml``, LaTeX, TensorBoard.

All are copies, made anew by every export: nothing in them points back into the results folder. The
names of variants and metrics were read from files, and become neither paths, nor formulas of a
spreadsheet, nor commands of TeX.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from hw import console
from hw.config.catalog import DEFAULT_VARIANT, Question
from hw.errors import MissingPackage
from hw.results.files import as_json, write_text, written_beside
from hw.results.stored import Stored, runs_of

COLUMNS = ("question", "backend", "seed", "variant", "epoch", "metric", "value")


def collect(questions: Sequence[Question], results: Path, beside: bool = False) -> list[Stored]:
    """The runs with results that there are, question by question.

    beside: also those that are not as configured.
    """
    runs = [run for question in questions for run in runs_of(question, results)]
    return [
        run
        for run in runs
        if (beside or not run.is_beside) and (run.path / "metrics.json").is_file()
    ]


def flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested metrics with dotted names."""
    found: dict[str, Any] = {}
    for key, value in metrics.items():
        found |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


# One long table


def rows(runs: Sequence[Stored]) -> Iterator[list[Any]]:
    """The long table, without its header. A history has an epoch in each row; a metric has none.

    Several seeds summed up stand as ``1;2;3``. Numbers are written so that they read back the
    same. Nested metrics have dotted names.
    """
    for run in runs:
        seeds = ";".join(map(str, run.results.run.seeds))
        for variant, outcome in run.results.outcomes.items():
            start = [run.name, run.backend, seeds, variant]
            for metric, values in outcome.history.items():
                if metric != "epoch":
                    for epoch, value in zip(outcome.history["epoch"], values, strict=True):
                        yield [*start, epoch, metric, value]
            for metric, value in flat(outcome.all_metrics()).items():
                yield [*start, "", metric, value]


def write_csv(runs: Sequence[Stored], folder: Path) -> list[Path]:
    """``results.csv``: one row for each number. Raises `HwError`."""
    path = folder / "results.csv"
    write_text(path, _csv([COLUMNS, *rows(runs)]))
    return [path]


def _csv(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(value) for value in line] for line in lines)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Words so that no spreadsheet takes them for a formula; numbers with all their digits."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


# DVC


def write_dvc(runs: Sequence[Stored], folder: Path) -> list[Path]:
    """``dvc.yaml``, the metrics as they are, and a table of each variant's history for its plots.

    Raises `HwError`.
    """
    metrics, plots, written = [], [], []
    for run in runs:
        outcomes = run.results.outcomes
        base = f"{run.path.parent.name}/{run.path.name}"
        path = folder / base / "metrics.json"
        write_text(path, as_json({v: o.all_metrics() for v, o in outcomes.items()}))
        metrics.append(f"{base}/metrics.json")
        written.append(path)
        drawn: dict[str, dict[str, list[str]]] = {}
        for variant, outcome in outcomes.items():
            names = [m for m in outcome.history if m != "epoch"]
            if not names or not outcome.history["epoch"]:
                continue
            # DVC draws columns of a table: the history turned on its side.
            file = f"{base}/history/{quote(variant, safe=' ')}.csv"
            columns = [outcome.history["epoch"], *(outcome.history[m] for m in names)]
            write_text(folder / file, _csv([["epoch", *names], *zip(*columns, strict=True)]))
            written.append(folder / file)
            for metric in names:
                if not metric.endswith("_std"):
                    drawn.setdefault(metric, {})[file] = [metric]
        for metric, files in drawn.items():
            y = {file: column[0] for file, column in files.items()}
            plots.append({f"{base}/{metric}": _plot(run, metric, y)})
    text = yaml.safe_dump({"metrics": metrics, "plots": plots}, sort_keys=False, width=100)
    write_text(folder / "dvc.yaml", text)
    return [folder / "dvc.yaml", *written]


def _plot(run: Stored, metric: str, y: dict[str, str]) -> dict[str, Any]:
    from hw.figures.style import label

    return {
        "x": dict.fromkeys(y, "epoch"),
        "y": y,
        "title": f"{run.name}: {label(metric)}",
        "x_label": "epoch",
        "y_label": label(metric),
        "template": "linear",
    }


# LaTeX

PREAMBLE = r"""% Numbers of hw. Not to be edited: 'python -m hw export --latex FILE' writes it anew.
%   \input{FILE}
%   \hw{ist2024.q1.perceptron.test_accuracy}         the number as hw's own tables have it
%   \hwpercent{ist2024.q1.perceptron.test_accuracy}  an accuracy in percent, without the sign
% A name that there is not is an error. A number on synthetic stand-in data is marked; who wants
% another mark defines \hwstandin before.
\makeatletter
\providecommand{\hwstandin}[1]{#1\textsuperscript{stand-in}}
\newcommand{\hw@number}[2]{\@namedef{hw@#1}{#2}}
\newcommand{\hw@get}[1]{\@ifundefined{hw@#1}%
  {\@latex@error{hw has no number '#1'}{Run the question, and export again.}\textbf{??}}%
  {\@nameuse{hw@#1}}}
\newcommand{\hw}[1]{\hw@get{#1}}
\newcommand{\hwpercent}[1]{\hw@get{percent:#1}}
"""
# What may stand in a name: nothing that TeX takes for a command.
NAME = re.compile(r"[A-Za-z0-9@._:;,+=*/()<>!? -]+")


def write_latex(runs: Sequence[Stored], path: Path) -> list[Path]:
    """A file for ``\\input``: a name for each metric, as ``<run>.<variant>.<metric>``, without the
    variant where there is just one. Raises `HwError`."""
    lines = []
    for run in runs:
        for variant, outcome in run.results.outcomes.items():
            start = run.name if variant == DEFAULT_VARIANT else f"{run.name}.{variant}"
            for metric, value in flat(outcome.all_metrics()).items():
                name = f"{start}.{metric}"
                if NAME.fullmatch(name):
                    lines.append(_macro(name, console.number(value), run))
                    if "accuracy" in metric:
                        lines.append(_macro(f"percent:{name}", f"{100 * value:.2f}", run))
    write_text(path, PREAMBLE + "\n".join([*lines, r"\makeatother"]) + "\n")
    return [path]


def _macro(name: str, number: str, run: Stored) -> str:
    marked = rf"\hwstandin{{{number}}}" if run.source == "stand-in" else number
    return rf"\hw@number{{{name}}}{{{marked}}}"


# TensorBoard


def write_tensorboard(runs: Sequence[Stored], folder: Path) -> list[Path]:
    """Histories by epoch, and the metrics of the end as ``final/…``, for ``tensorboard --logdir``:
    a folder for each run and variant. Each epoch stands at the time that it ended.

    Raises `HwError`, and `MissingPackage` without tensorboard, whose own writer it is.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError:
        raise MissingPackage(
            "--tensorboard needs tensorboard: pip install '.[tensorboard]'"
        ) from None
    written = []
    for run in runs:
        for variant, outcome in run.results.outcomes.items():
            epochs = outcome.history.get("epoch", [])
            times = _times(run, variant, len(epochs))
            with tempfile.TemporaryDirectory() as beside:
                writer = Writer(beside)
                for metric, values in outcome.history.items():
                    if metric != "epoch":
                        for epoch, value, at in zip(epochs, values, times, strict=True):
                            writer.add_scalar(metric, value, int(epoch), wall_time=at)
                for metric, value in flat(outcome.all_metrics()).items():
                    last = int(epochs[-1]) if epochs else 0
                    writer.add_scalar(f"final/{metric}", value, last, wall_time=run.finished)
                writer.close()
                (events,) = Path(beside).iterdir()
                # Under one name, so that the next export takes its place.
                name = f"{run.name}/{quote(variant, safe=' ')}/events.out.tfevents.hw"
                with written_beside(folder / name) as path:
                    shutil.copyfile(events, path)
            written.append(folder / name)
    return written


def _times(run: Stored, variant: str, epochs: int) -> list[float]:
    """When each epoch ended, in seconds since 1970, as far as run.json knows how long each took."""
    seconds = run.results.run.variants[variant].epoch_seconds
    if len(seconds) != epochs:
        return [run.finished] * epochs
    return [run.finished - sum(seconds) + since for since in accumulate(seconds)]
