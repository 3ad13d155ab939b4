"""Results in the neighbours' formats: DVC's ``dvc.yaml``, and one long table.

Both are copies, made anew by every export: nothing in them points back into the results folder.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hw.config.catalog import Question
from hw.errors import HwError
from hw.results.files import as_json, write_text
from hw.results.folder import Folder
from hw.results.outcome import Outcome

COLUMNS = ("question", "backend", "seed", "variant", "epoch", "metric", "value")


@dataclass(frozen=True)
class Exported:
    """One results folder: the question, the folder's name beside others, and what is in it."""

    question: Question
    folder: Folder
    outcomes: dict[str, Outcome]
    backend: str
    seeds: tuple[int, ...]  # none where nothing is drawn

    @property
    def name(self) -> str:
        """The question's name, and ``@…`` for a run that is not as configured."""
        return self.folder.path.name


def collect(questions: Sequence[Question], results: Path, beside: bool = False) -> list[Exported]:
    """The results that there are, question by question.

    beside: also those of runs that are not as configured.

    Raises `HwError` for a folder that cannot be read.
    """
    found = []
    for question in questions:
        own = question.folder(results)
        paths = [own, *(sorted(own.parent.glob(f"{own.name}@*")) if beside else [])]
        for path in paths:
            if not (path / "metrics.json").is_file():
                continue
            folder = Folder(path)
            read = folder.read()
            backend = read.run.backend or question.backend
            found.append(Exported(question, folder, read.outcomes, backend, read.run.seeds))
    return found


def rows(results: Sequence[Exported]) -> Iterator[list[Any]]:
    """The long table, without its header. A history has an epoch in each row; a metric has none.

    Several seeds summed up stand as ``1;2;3``. Numbers are written so that they read back the
    same. Nested metrics have dotted names.
    """
    for one in results:
        seeds = ";".join(map(str, one.seeds))
        for variant, outcome in one.outcomes.items():
            start = [f"{one.question.homework}.{one.name}", one.backend, seeds, variant]
            for metric, values in outcome.history.items():
                if metric != "epoch":
                    for epoch, value in zip(outcome.history["epoch"], values, strict=True):
                        yield [*start, epoch, metric, repr(value)]
            for metric, value in flat(outcome.all_metrics()).items():
                yield [*start, "", metric, repr(value)]


def flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested metrics with dotted names."""
    found: dict[str, Any] = {}
    for key, value in metrics.items():
        found |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


def write_csv(results: Sequence[Exported], folder: Path) -> list[Path]:
    """``results.csv``: one row for each number. Raises `HwError`."""
    path = folder / "results.csv"
    write_text(path, _csv([COLUMNS, *rows(results)]))
    return [path]


def write_dvc(results: Sequence[Exported], folder: Path) -> list[Path]:
    """``dvc.yaml``, the metrics as they are, and a table of each variant's history for its plots.

    Raises `HwError`.
    """
    metrics, plots, written = [], [], []
    for one in results:
        base = f"{one.question.homework}/{one.name}"
        path = folder / base / "metrics.json"
        write_text(path, as_json({v: o.all_metrics() for v, o in one.outcomes.items()}))
        metrics.append(f"{base}/metrics.json")
        written.append(path)
        drawn: dict[str, dict[str, list[str]]] = {}
        for variant, outcome in one.outcomes.items():
            names = [m for m in outcome.history if m != "epoch"]
            if not names or not outcome.history["epoch"]:
                continue
            # DVC draws columns of a table: the history turned on its side.
            file = f"{base}/history/{variant}.csv"
            columns = [outcome.history["epoch"], *(outcome.history[m] for m in names)]
            lines = [[repr(v) for v in line] for line in zip(*columns, strict=True)]
            write_text(folder / file, _csv([["epoch", *names], *lines]))
            written.append(folder / file)
            for metric in names:
                if not metric.endswith("_std"):
                    drawn.setdefault(metric, {})[file] = [metric]
        for metric, files in drawn.items():
            y = {file: column[0] for file, column in files.items()}
            plots.append({f"{base}/{metric}": _plot(one, metric, y)})
    if not metrics:
        raise HwError("nothing to export: no results yet ('python -m hw run ID')")
    text = yaml.safe_dump({"metrics": metrics, "plots": plots}, sort_keys=False, width=100)
    write_text(folder / "dvc.yaml", text)
    return [folder / "dvc.yaml", *written]


def _plot(one: Exported, metric: str, y: dict[str, str]) -> dict[str, Any]:
    from hw.figures.style import label

    return {
        "x": dict.fromkeys(y, "epoch"),
        "y": y,
        "title": f"{one.question.homework}.{one.name}: {label(metric)}",
        "x_label": "epoch",
        "y_label": label(metric),
        "template": "linear",
    }


def _csv(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
