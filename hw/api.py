"""From Python: run a question, or read its results, in a script or a notebook.

``import hw`` costs nothing; what stands here is imported when `hw.run` or `hw.load` is first used.
Errors are those of the command line: `hw.HwError` and its kinds, one line each.
"""

from __future__ import annotations

import base64
import html
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw import console
from hw.config import catalog, folders
from hw.config.catalog import Question
from hw.config.claims import published_values
from hw.errors import HwError, UsageError, quoted
from hw.results.folder import Folder, is_stand_in
from hw.results.outcome import Check, Outcome
from hw.runs import runner
from hw.runs.machine import cores
from hw.runs.planning import Request, plan
from hw.training.loop import Watcher

Folders = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

__all__ = ["Figure", "HwError", "Result", "load", "run"]


@dataclass(frozen=True)
class Figure:
    """A figure of a result: its files, and a matplotlib figure to change at will.

    A notebook shows it by itself.
    """

    name: str
    pdf: Path
    png: Path
    _result: Result = field(repr=False)

    def draw(self) -> Any:
        """A new `matplotlib.figure.Figure`, drawn from the numbers. Trains nothing."""
        from hw.figures.draw import draw

        r = self._result
        (spec,) = (f for f in r.question.figures if f["name"] == self.name)
        return draw(r.question, spec, r.outcomes, r.data)

    def _repr_png_(self) -> bytes | None:
        return self.png.read_bytes() if self.png.is_file() else None


@dataclass(frozen=True)
class Result:
    """What one run of a question left: numbers, curves, figures, and the folder they are in.

    metrics: ``{variant: {metric: number}}``, as metrics.json has them.
    history: ``{variant: {"epoch": [...], metric: [...]}}``; a variant that trains nothing has none.
    checks:  ``{variant: [Check, ...]}``: statements put to the test.
    settings: ``{variant: {setting: value}}``, all of them, resolved.
    data:    ``{"name", "source", ...}`` or None; the source is ``real`` or ``stand-in``.
    seeds:   several, where the numbers are means over them.
    """

    question: Question
    folder: Path
    backend: str
    seeds: tuple[int, ...]
    status: str
    data: Mapping[str, Any] | None
    settings: Mapping[str, Mapping[str, Any]]
    outcomes: Mapping[str, Outcome] = field(repr=False)

    @property
    def id(self) -> str:
        return self.question.id

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        return {v: o.all_metrics() for v, o in self.outcomes.items()}

    @property
    def history(self) -> dict[str, dict[str, list[float]]]:
        return {v: o.history for v, o in self.outcomes.items() if o.history}

    @property
    def checks(self) -> dict[str, list[Check]]:
        return {v: o.checks for v, o in self.outcomes.items() if o.checks}

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures by name."""
        folder = self.folder / "figures"
        names = [str(spec["name"]) for spec in self.question.figures]
        return {n: Figure(n, folder / f"{n}.pdf", folder / f"{n}.png", self) for n in names}

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Variant, metric, ours, published."""
        published = published_values(self.question.claims)
        return [
            (v, metric, console.number(value), str(published.get((v, metric), "")))
            for v, metrics in self.metrics.items()
            for metric, value in metrics.items()
            if not isinstance(value, dict)
        ]

    def __repr__(self) -> str:
        stand_in = " on synthetic stand-in data" if is_stand_in(self.data) else ""
        lines = [f"{self.id}{stand_in}: {self.status}"]
        lines += [f"  {v}  {m} {n}" + (f" ({p})" if p else "") for v, m, n, p in self._rows()]
        return "\n".join([*lines, f"  {self.folder}"])

    def _repr_html_(self) -> str:
        """A table of the metrics beside what was published, and the figures."""
        head = html.escape(f"{self.id}: {self.question.title}")
        note = ""
        if is_stand_in(self.data):
            note = "<p><b>Synthetic stand-in data:</b> not comparable with what is published.</p>"
        columns = ("variant", "metric", "value", "published")
        top = "".join(f"<th>{c}</th>" for c in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        pictures = "".join(
            f'<img alt="{html.escape(f.name)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
            for f in self.figures.values()
            if (picture := f._repr_png_())
        )
        table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p><b>{head}</b></p>{note}{table}{pictures}"


def run(
    id: str,
    *,
    variant: str | Sequence[str] = (),
    backend: str | None = None,
    seeds: Sequence[int] = (),
    device: str = "cpu",
    data: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    results_dir: str | os.PathLike[str] | None = None,
    homeworks: Folders = (),
    force: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Result:
    """Run one question and return what came out: ``hw.run("q1.perceptron", epochs=3)``.

    As ``python -m hw run``, with the same folders: what is up to date is read, not run again.

    variant:  only this one, or these; all by default.
    backend:  ``numpy`` or ``torch``; by default the one that the assignment asks for.
    seeds:    one run for each; the result is then their mean and spread.
    data:     ``real``, ``stand-in``, or ``auto``: the real files where they are.
    homeworks: a folder of homeworks of your own, or several.
    quiet:    say nothing; otherwise notes, such as one on stand-in data, go to standard error.
    settings: any setting of the question, such as ``epochs`` or ``learning_rate``.

    Raises `HwError`: `UsageError` for what cannot be meant, `DataError` for data that are not
    there, and what else a run may end with.
    """
    question = _one(id, homeworks)
    if backend is not None and backend not in ("numpy", "torch"):
        raise UsageError(f"backend is {quoted(backend)}; one of: numpy, torch")
    if data not in ("auto", "real", "stand-in"):
        raise UsageError(f"data is {quoted(data)}; one of: auto, real, stand-in")
    if device not in ("cpu", "cuda"):
        raise UsageError(f"device is {quoted(device)}; one of: cpu, cuda")
    request = Request(
        questions=[question.id],
        overrides=settings,
        variants=[variant] if isinstance(variant, str) else list(variant),
        backend=backend,
        seeds=list(seeds),
        device=device,
        data_mode=data,
        data_directory=_folder(data_dir, "HW_DATA_DIR", "data"),
        results_directory=_folder(results_dir, "HW_RESULTS_DIR", "results"),
        force=force,
        command="hw.run",
    )

    def say(line: str) -> None:
        # An error is raised; what is up to date is no news.
        if not quiet and not line.startswith("error: ") and "up to date" not in line:
            console.say(" ".join(line.split()))

    with folders.using(_listed(homeworks)), _machine_as_it_was():
        runs = plan(request)
        over_seeds = runner.execute(runs, request, say, lambda *_: Watcher())
    for one in runs:
        if one.error:
            raise one.error
    chosen = over_seeds[0] if over_seeds else runs[0]
    if chosen.error:
        raise chosen.error
    if chosen.undrawn and not quiet:
        console.say(f"note: a figure could not be drawn: {chosen.undrawn}")
    found = Result(
        question=question,
        folder=chosen.folder.path,
        backend=chosen.backend,
        seeds=chosen.seeds or ((chosen.seed,) if chosen.seed is not None else ()),
        status=chosen.status,
        data=chosen.data,
        settings={v: chosen.variants[v].as_dict() for v in chosen.outcomes},
        outcomes=chosen.outcomes,
    )
    if is_stand_in(found.data) and not quiet:
        assert found.data is not None
        console.say(
            f"note: {found.data['name']}: SYNTHETIC STAND-IN data, not the real ones; the numbers "
            "say nothing about the real data"
        )
    return found


def load(
    id: str | os.PathLike[str],
    *,
    results_dir: str | os.PathLike[str] | None = None,
    homeworks: Folders = (),
) -> Result:
    """Read a results folder: ``hw.load("q1.perceptron")``. Runs nothing.

    id: a question as configured, ``id@digest`` for a run beside it, or the path of a folder.
    homeworks: a folder of homeworks of your own, or several.

    Raises `HwError` where there are no results.
    """
    path = Path(id)
    if not (path / "metrics.json").is_file():
        name, at, rest = str(id).partition("@")
        if os.sep in str(id):
            raise HwError(f"{id}: no results folder")
        question = _one(name, homeworks)
        home = _folder(results_dir, "HW_RESULTS_DIR", "results")
        own = question.folder(home)
        path = own.with_name(f"{own.name}{at}{rest}")
        if not (path / "metrics.json").is_file():
            raise HwError(f"{id}: no results in {path}; hw.run({name!r}) makes them")
    found = Folder(path).read()
    question = _one(found.config.question or found.run.question, homeworks)
    return Result(
        question=question,
        folder=path,
        backend=found.run.backend or question.backend,
        seeds=found.run.seeds,
        status=found.run.status or "incomplete",
        data=found.run.data,
        settings=found.config.variants,
        outcomes=found.outcomes,
    )


def _one(id: str, homeworks: Folders) -> Question:
    """The question with this id. Raises `UsageError`, for a glob too: it means several."""
    if not isinstance(id, str):
        raise UsageError(f"the id is {quoted(id)}; expected a string such as 'q1.perceptron'")
    with folders.using(_listed(homeworks)):
        return catalog.find(id)


def _listed(named: Folders) -> list[str | os.PathLike[str]]:
    """One folder, or several."""
    return [named] if isinstance(named, str | os.PathLike) else list(named)


def _folder(given: str | os.PathLike[str] | None, variable: str, default: str) -> Path:
    return Path(given or os.environ.get(variable) or default)


@contextmanager
def _machine_as_it_was() -> Iterator[None]:
    """A run fixes threads and arithmetic for its process; here that process is the caller's."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = (
        (torch.get_num_threads(), torch.get_float32_matmul_precision(), _flushes(torch))
        if torch
        else None
    )
    # A limit that changes nothing, kept to be restored.
    limits = threadpool_limits(limits={})
    try:
        yield
    finally:
        limits.restore_original_limits()
        torch = sys.modules.get("torch")
        if torch and before is None:
            torch.set_num_threads(cores())
            torch.set_flush_denormal(False)
        elif torch and before:
            torch.set_num_threads(before[0])
            torch.set_float32_matmul_precision(before[1])
            torch.set_flush_denormal(before[2])


def _flushes(torch: Any) -> bool:
    """Whether denormal numbers are taken for zero."""
    return not bool((torch.tensor([1e-310], dtype=torch.float64) * 0.5).item())
