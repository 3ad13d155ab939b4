"""What came out, as tables for a terminal: of runs beside what was published, and of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from hw import console
from hw.config.claims import count_faults, published_values, said
from hw.results.folder import is_stand_in
from hw.results.identity import shown
from hw.results.outcome import Outcome
from hw.results.side_by_side import HEADLINES
from hw.runs.planning import Run
from hw.runs.sweep import Sweep


def of_runs(runs: Sequence[Run]) -> str:
    """A table of what came out, beside what was published, and where the files are."""
    rows = [row for run in runs for row in _rows(run)]
    header = ["question", "variant", "backend", "status", "result (published)", "time"]
    if len({run.backend for run in runs}) == 1:
        header, *rows = ([*row[:2], *row[3:]] for row in (header, *rows))
    lines = [console.table(header, rows)]
    if any(is_stand_in(r.data) for r in runs):
        lines.append("* on synthetic stand-in data: not comparable with what is published")
    folders = list(dict.fromkeys(str(r.folder.path) for r in runs if r.outcomes))
    if len(folders) == 1:
        lines.append(f"results and figures: {folders[0]}")
    elif folders:
        roots = dict.fromkeys(str(r.folder.path.parent) for r in runs if r.outcomes)
        lines.append(f"results and figures: {', '.join(f'{r}/<question>/figures' for r in roots)}")
    return "\n".join(lines)


def _rows(run: Run) -> list[list[str]]:
    """A row for each variant of a run."""
    if not run.outcomes:
        return [[run.id, "", run.backend, run.status, "", ""]]
    took = {d.task.variant: console.duration(d.seconds) for d in run.done}
    configured = getattr(run.question.resolve(next(iter(run.outcomes))).settings, "seed", None)
    differs = [f"seed {run.seed}"] if run.seed != configured or run.question.seeds else []
    mark = " *" if is_stand_in(run.data) else ""
    rows = []
    for variant, outcome in run.outcomes.items():
        several = [f"mean of {len(run.seeds)} seeds"] if run.seeds else differs
        name = ", ".join([variant + mark, *several])
        status = "done" if run.status == "diverged" else run.status
        status = "diverged" if outcome.diverged else status
        result = _result(run, variant)
        rows.append([run.id, name, run.backend, status, result, took.get(variant, "")])
    return rows


def _checks(run: Run, outcome: Outcome) -> str:
    """How many statements hold, and how many of the others are known errors of the document."""
    claimed = {c.details["check"] for c in run.question.claims if c.sort == "check"}
    # A model puts statements of the document that it is from to the test; a question on it that
    # claims none of them is of another document.
    checks = [c for c in outcome.checks if c.name in claimed]
    if not checks and run.question.trains:
        return ""
    checks = checks or outcome.checks
    failed = [c for c in checks if not c.holds]
    faults = count_faults(run.question.claims, {c.name for c in failed})
    held = len(checks) - len(failed)
    text = f"{console.counted(held, 'statement')} {'holds' if held == 1 else 'hold'}"
    text += f", {said(faults)} of the document" if faults else ""
    unexpected = len(failed) - faults.total()
    return text + (f", {unexpected} DO NOT HOLD" if unexpected else "")


def _result(run: Run, variant: str) -> str:
    """The numbers that say most, each with the published one."""
    outcome = run.outcomes[variant]
    metrics, published = outcome.all_metrics(), published_values(run.question.claims)
    names = [m for m in HEADLINES if m in metrics and "accuracy" in m]
    names = names or [m for m in HEADLINES if m in metrics]
    names += [m for v, m in published if v == variant and m in metrics and m not in names]
    texts = []
    for name in names:
        text = f"{name.replace('_accuracy', '').replace('_', ' ')} {console.number(metrics[name])}"
        if run.seeds:
            text += f" ± {console.number(metrics[f'{name}_std'])}"
        if (variant, name) in published:
            text += f" ({published[variant, name]})"
        texts.append(text)
    if outcome.checks and (held := _checks(run, outcome)):
        texts.append(held)
    return "  ".join(texts)


def of_sweep(one: Sweep) -> str:
    """A row for each run of a sweep, the best of them, and where its figures are."""
    header, rows = one.table()
    apart = len(header) - len(one.metrics)
    cells = [
        [*map(shown, row[:apart]), *("–" if v is None else console.number(v) for v in row[apart:])]
        for row in rows
    ]
    lines = [one.question.id, console.table([h.replace("_", " ") for h in header], cells)]
    if any(point.side.is_on_stand_in for point in one.points):
        lines.append("on synthetic stand-in data: not comparable with what is published")
    if best := one.best():
        label, metric, value = best
        lines.append(f"best {metric.replace('_', ' ')}: {console.number(value)} at {label}")
    lines.append(f"results: {one.points[0].side.path.parent}; figures of all: {one.folder}")
    return "\n".join(lines)
