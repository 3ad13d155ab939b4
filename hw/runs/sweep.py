"""Sweeps from the command line: settings with several values, and a run at every point of the grid.

``--learning-rate 0.1,0.01 --set hidden_size=100,200`` are four runs, each in a folder of its own. A
setting that is a list itself is swept by ``;``: ``--hidden-sizes '100;100,50'``.
"""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.catalog import DEFAULT_VARIANT, Question
from hw.config.settings import type_hints
from hw.errors import HwError, UsageError, as_expected
from hw.results.export import flat
from hw.results.files import as_json, digest, write_text
from hw.results.identity import shown
from hw.results.outcome import Outcome
from hw.results.side_by_side import Side, headlines, matched
from hw.runs import planning
from hw.runs.planning import Request, Run

FOLDER = "sweeps"  # among the results


def plan(request: Request) -> tuple[list[Run], list[str]]:
    """Every run that a request means, as `hw.runs.planning.plan`, at each point of its grid; and
    the settings that are swept, in the order of the command line.

    Raises `UsageError`, also for a value that stands there twice.
    """
    values = _values(request)
    keys = [key for key, of_key in values.items() if len(of_key) > 1]
    if not keys:
        return planning.plan(request), []
    runs: dict[Path, Run] = {}
    for point in itertools.product(*values.values()):
        overrides = dict(zip(values, point, strict=True))
        for run in planning.plan(replace(request, overrides=overrides)):
            swept = [key for key in keys if key in run.flags.values]
            before = runs.setdefault(run.folder.path, run)
            if before is not run and swept:
                text = ", ".join(f"{key} {overrides[key]}" for key in swept)
                raise UsageError(f"{run.id}: {text} is among the values twice")
    return list(runs.values()), keys


def _values(request: Request) -> dict[str, list[Any]]:
    """What each setting is to be, one after the other."""
    questions, _ = catalog.select(request.questions)
    found: dict[str, list[Any]] = {}
    for key, value in request.overrides.items():
        between = ";" if _is_list(key, questions) or ";" in str(value) else ","
        found[key] = value.split(between) if isinstance(value, str) else [value]
    return found


def _is_list(key: str, questions: Sequence[Question]) -> bool:
    kinds = [type_hints(q.module.Settings).get(key) for q in questions]
    return any(
        tuple in (typing.get_origin(kind), *map(typing.get_origin, typing.get_args(kind)))
        for kind in kinds
    )


# What came out


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    apart: what tells it from the others: the value of each swept setting; the backend and the
           seed where there are several.
    """

    side: Side
    apart: dict[str, Any]

    def label(self, variant: str, but: str = "") -> str:
        words = [
            f"{key.replace('_', ' ')} {shown(value)}"
            for key, value in self.apart.items()
            if key != but
        ]
        return ", ".join([*words, *([variant] if variant != DEFAULT_VARIANT else [])])


@dataclass
class Sweep:
    """What came out of the sweep over one question: a table, figures, and a folder with both.

    keys:    the settings that were swept.
    undrawn: why a figure could not be drawn.
    """

    question: Question
    keys: list[str]
    points: list[Point]
    folder: Path
    figures: list[Path] = field(default_factory=list)
    undrawn: HwError | None = None

    @property
    def metrics(self) -> list[str]:
        return headlines([point.side for point in self.points])

    def outcomes(self) -> Iterator[tuple[str, Point, Outcome]]:
        """Each variant of each run, variant by variant."""
        for one in matched([point.side for point in self.points]):
            for point, outcome in zip(self.points, one.outcomes, strict=True):
                if outcome is not None:
                    yield one.name, point, outcome

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """A header, and a row for each variant of each run: what tells it apart, and numbers."""
        header = [*self.points[0].apart, "variant", *self.metrics]
        rows = []
        for variant, point, outcome in self.outcomes():
            numbers = flat(outcome.all_metrics())
            rows.append([*point.apart.values(), variant, *map(numbers.get, self.metrics)])
        return header, rows

    def best(self) -> tuple[str, str, float] | None:
        """The point that validates best, as a label, with the metric and its value there."""
        metric = next((m for m in self.metrics if m.startswith("validation_")), None)
        found = {
            point.label(variant): value
            for variant, point, outcome in self.outcomes()
            if (value := flat(outcome.all_metrics()).get(metric or "")) is not None
        }
        if metric is None or not found:
            return None
        label = (max if metric.endswith("accuracy") else min)(found, key=lambda k: found[k])
        return label, metric, found[label]

    def as_json(self) -> dict[str, Any]:
        header, rows = self.table()
        return {
            "question": self.question.id,
            "settings": self.keys,
            "table": [dict(zip(header, row, strict=True)) for row in rows],
            "runs": [str(point.side.path.resolve()) for point in self.points],
            "figures": [str(path.resolve()) for path in self.figures],
        }

    def draw(self) -> None:
        """The curves of all runs over each other; and, where one of the settings is a number, what
        came out at each of its values."""
        from hw.figures import side_by_side, style

        curves: dict[str, list[tuple[str, Any]]] = {}
        for variant, point, outcome in self.outcomes():
            curves.setdefault(variant, []).append((point.label(variant), outcome.history))
        figures = {"curves": side_by_side.curves(list(curves.values()), self.question.title)}
        numeric = next((key for key in self.keys if self._is_numeric(key)), None)
        if numeric and self.metrics:
            lines: dict[str, list[tuple[float, Any]]] = {}
            for variant, point, outcome in self.outcomes():
                line = lines.setdefault(point.label(variant, but=numeric), [])
                line.append((point.apart[numeric], flat(outcome.all_metrics())))
            figures["against"] = side_by_side.against(numeric, lines, self.metrics)
        for name, figure in figures.items():
            if figure is not None:
                if any(point.side.is_on_stand_in for point in self.points):
                    style.mark_stand_in(figure)
                title = {"Title": f"{self.question.id}: {', '.join(self.keys)}"}
                self.figures += style.save(figure, self.folder / name, title)

    def _is_numeric(self, key: str) -> bool:
        values = [point.apart[key] for point in self.points]
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def finish(runs: Sequence[Run], keys: Sequence[str], results: Path) -> list[Sweep]:
    """What came out of a sweep, question by question, written to a folder of its own.

    runs: those of the sweep; where they are summed up over seeds, the sums.

    Raises `HwError` where the folder cannot be written.
    """
    by_question: dict[str, list[Run]] = {}
    for run in runs:
        if run.outcomes and any(key in run.flags.values for key in keys):
            by_question.setdefault(run.id, []).append(run)
    sweeps = []
    for mine in by_question.values():
        question = mine[0].question
        swept = [key for key in keys if key in mine[0].flags.values]
        others = [k for k in ("backend", "seed") if len({getattr(r, k) for r in mine}) > 1]
        points = [_point(run, swept, others) for run in mine]
        name = digest([point.side.name for point in points])[:8]
        one = Sweep(question, swept, points, results / FOLDER / f"{question.id}-{name}")
        try:
            one.draw()
        except Exception as error:  # which costs no number
            one.undrawn = as_expected(error)
        write_text(one.folder / "sweep.json", as_json(one.as_json()))
        sweeps.append(one)
    return sweeps


def _point(run: Run, keys: Sequence[str], others: Sequence[str]) -> Point:
    settings = next(iter(run.variants.values())).settings
    apart = {key: getattr(run, key) for key in others}
    apart |= {key: getattr(settings, key) for key in keys}
    return Point(Side.read(run.folder.path.name, run.folder.path), apart)
