"""Results folders -> the views of the report. Reads and judges; runs nothing.

A folder that cannot be read is shown as such: one bad file must not cost the whole page.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw import console
from hw.config import catalog
from hw.config.catalog import DEFAULT_VARIANT, Homework, Question
from hw.config.settings import type_hints
from hw.errors import HwError
from hw.figures import style
from hw.figures.style import label
from hw.report import claims, curves
from hw.report.model import HomeworkView, OtherRun, QuestionView, Report, Setting, Table
from hw.report.pictures import address, drawn, pictures
from hw.results.folder import Folder, Results
from hw.results.identity import PLAIN, Identity, command
from hw.results.outcome import Outcome
from hw.results.run_file import RunFile
from hw.verdicts import gather, spread

MAX_OTHERS = 40  # runs listed beside a question's own
_FILES = ("metrics.json", "history.json", "checks.json", "plots.json", "config.yaml", "run.json")
_LANGUAGES = {"numpy": "NumPy", "torch": "PyTorch"}


def collect(results: Path) -> Report:
    """The report over all homeworks, from what is in ``results``."""
    return Report(
        [
            HomeworkView(h.name, h.title, [_question(q, results) for q in questions_of(h)])
            for h in catalog.homeworks().values()
        ]
    )


def questions_of(homework: Homework) -> list[Question]:
    """The questions of a homework, in their order; those whose files are wrong are left out."""
    there = catalog.load_all()
    ids = (f"{homework.name}.{name}" for name in homework.questions)
    return [there[id] for id in ids if id in there]


def folder_of(question: Question, results: Path) -> Folder:
    """The results of a question as configured."""
    return Folder(question.folder(results))


def _question(question: Question, results: Path) -> QuestionView:
    view = QuestionView(
        id=question.id,
        name=question.name,
        homework=question.homework,
        anchor=question.id.replace(".", "-"),
        title=question.title,
        about=" ".join(question.about.split()),
        document=str(question.source.get("document", "")),
        number=str(question.source.get("question", "")),
        backend=_LANGUAGES[question.backend],
        data=question.data["name"] if question.data else "",
        command=command(question),
        variants=tuple(question.variants),
        in_all=question.in_all,
        settings=tuple(_settings(question)),
        notes=tuple(" ".join(note.split()) for note in question.notes),
    )
    folder = folder_of(question, results)
    others = list(_siblings(folder.path))
    there, outcomes = folder.read(), dict[str, Outcome]()
    run = there.run
    if run.status:
        try:
            outcomes = {v: there.outcomes[v] for v in question.variants if v in there.outcomes}
            view.status = run.status
        except HwError as error:
            view.status, view.problem = "unreadable", _without(str(error), results)
    data = run.data if outcomes else None
    if outcomes:
        view.seconds = sum(e.seconds for e in run.variants.values())
        if data:
            view.source = data["source"]
            view.provenance = data.get("provenance", "")
        view.facts = tuple(_facts(run))
        view.files = tuple(_links(folder.path, results, _FILES))
        view.results = _results(outcomes)
        view.pictures = tuple(pictures(question.figures, folder.path, outcomes, results))
    evidence = gather(question, results)
    view.rows = claims.rows(evidence)
    view.checks = tuple(claims.further_checks(evidence))
    if not view.problem:
        view.warnings = tuple(_without(note, results) for note in evidence.notes)
    view.others = tuple(_other(question, f, results) for f in others[:MAX_OTHERS])
    view.others_left_out = max(0, len(others) - MAX_OTHERS)
    runs = {_LANGUAGES[question.backend]: outcomes} if outcomes else {}
    twin = _twin(question, others, data)
    if twin and outcomes:
        other = next(v for k, v in _LANGUAGES.items() if k != question.backend)
        runs[other] = twin
        view.backends = _side_by_side(runs)
    calibration = None if view.stand_in else evidence.calibration
    same_data = calibration if not evidence.borrowed else None
    seeds = same_data.outcomes if same_data else None
    view.curves = curves.as_json(question, runs, view.stand_in, seeds)
    if calibration and (figure := spread.distributions(evidence)):
        view.seeds_are = calibration.origin()
        title = "Each dot is a run, each line a published number"
        view.seeds = drawn(title, view.seeds_are, style.as_svg(figure))
    return view


def _without(text: str, results: Path) -> str:
    """A message without the place of the results folder, which says nothing to a reader."""
    return text.replace(f"{results}/", "")


def _settings(question: Question) -> Iterator[Setting]:
    """Every setting with its value and where that comes from."""
    type_hints(question.module.Settings)
    fields = question.module.Settings.__dataclass_fields__
    resolved = {name: question.resolve(name) for name in question.variants}
    shared = next(iter(resolved.values()))
    of_variants = [r.as_dict() for r in resolved.values()]
    for key, value in of_variants[0].items():
        values = [settings[key] for settings in of_variants]
        differs = any(other != value for other in values)
        shown = list(dict.fromkeys(_shown(v) for v in values))
        origin = "variants" if differs else shared.origins[key]
        meaning = str(fields[key].metadata.get("help", ""))
        yield Setting(key, " | ".join(shown), origin, meaning)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def _facts(run: RunFile) -> Iterator[tuple[str, str]]:
    """What run.json says of how the results came about."""
    data = run.data or {}
    facts = {
        "command": run.command,
        "finished": run.finished,
        "seeds": _shown(list(run.seeds)),
        "data": f"{data['name']}: {data.get('provenance')}" if data else None,
        "sha256 of the data": data.get("sha256"),
        "device": run.device,
        "threads": run.threads,
        "Python": run.environment.get("python"),
        "packages": ", ".join(f"{k} {v}" for k, v in sorted(run.packages.items())),
        "instruction set": run.environment.get("instruction_set"),
    }
    for name, value in facts.items():
        if value not in (None, ""):
            yield name, console.clip(str(value), 400)


def _links(path: Path, results: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, address from the report) of the files that are there."""
    for name in names:
        if (path / name).is_file():
            yield name, address(path / name, results)


def _metrics(outcomes: Mapping[str, Outcome]) -> list[str]:
    """The names of plain numbers, accuracies and losses first, without spreads over seeds."""
    names = dict.fromkeys(
        name
        for outcome in outcomes.values()
        for name, value in outcome.metrics.items()
        if not isinstance(value, dict) and not name.endswith(("_mean", "_std"))
    )
    order = [f"{s}_{u}" for u in ("accuracy", "loss") for s in ("train", "validation", "test")]
    return [n for n in order if n in names] + [n for n in names if n not in order]


def _number(outcome: Outcome, name: str) -> str:
    value = outcome.metrics.get(name)
    if value is None or isinstance(value, dict):
        return ""
    spread = outcome.metrics.get(f"{name}_std")
    text = console.number(value)
    return f"{text} ± {console.number(spread)}" if isinstance(spread, int | float) else text


def _results(outcomes: Mapping[str, Outcome]) -> Table | None:
    """Every plain number that came out, a row a variant; turned where there is one variant."""
    names = _metrics(outcomes)
    if not names:
        return None
    if len(outcomes) == 1:
        (outcome,) = outcomes.values()
        return Table(("metric", "value"), tuple((label(n), _number(outcome, n)) for n in names))
    return Table(
        ("variant", *map(label, names)),
        tuple((v, *(_number(o, n) for n in names)) for v, o in outcomes.items()),
    )


def _siblings(path: Path) -> Iterator[Folder]:
    """The results folders beside that of a question: other settings, seeds, backends."""
    for other in sorted(path.parent.glob(f"{glob.escape(path.name)}@*")):
        if (other / "run.json").is_file():
            yield Folder(other)


def _changes(question: Question, there: Results) -> dict[str, Any] | None:
    """How a folder's settings differ from the question's; None where that cannot be told."""
    if not there.config.variants or not there.config.variants.keys() <= question.variants.keys():
        return None
    return Identity.of_config(question, there.config).changed()


def _other(question: Question, folder: Folder, results: Path) -> OtherRun:
    there = folder.read()
    run, changes = there.run, _changes(question, there)
    words = (
        ["other settings"]
        if changes is None
        else [f"{k.replace('_', ' ')} {_shown(v)}" for k, v in sorted(changes.items())]
    )
    if run.backend != question.backend:
        words.append(f"in {_LANGUAGES.get(run.backend, run.backend)}")
    for key, plain in PLAIN.items():
        if (value := getattr(run, key)) != plain:
            words.append(f"{key} {value}")
    if len(run.seeds) > 1:
        words.append(f"seeds {_shown(list(run.seeds))}")
    try:
        numbers = _numbers_in_brief(there.outcomes)
    except HwError:
        numbers = "cannot be read"
    return OtherRun(
        differs=console.clip(", ".join(words) or "as configured", 200),
        backend=_LANGUAGES.get(run.backend, run.backend),
        status=run.status,
        data=run.data["source"] if run.data else "",
        seconds=sum(e.seconds for e in run.variants.values()),
        numbers=numbers,
        address=address(folder.path / "metrics.json", results),
    )


def _numbers_in_brief(outcomes: Mapping[str, Outcome]) -> str:
    """The accuracy or loss that says most, of every variant."""
    names = [n for n in _metrics(outcomes) if n.startswith("test_")] or _metrics(outcomes)
    if not names:
        return ""
    texts = []
    for variant, outcome in list(outcomes.items())[:6]:
        of = "" if variant == DEFAULT_VARIANT else f"{variant} "
        texts.append(f"{of}{_number(outcome, names[0])}")
    more = f" and {len(outcomes) - 6} more" if len(outcomes) > 6 else ""
    return f"{label(names[0])}: {', '.join(texts)}{more}"


def _twin(
    question: Question, others: Sequence[Folder], data: Mapping[str, Any] | None
) -> dict[str, Outcome] | None:
    """The outcomes of the other backend, with the same settings and on the same data."""
    for folder in others:
        there = folder.read()
        run = there.run
        same_data = (run.data or {}).get("sha256") == (data or {}).get("sha256")
        plain = all(getattr(run, key) == value for key, value in PLAIN.items())
        if run.backend == question.backend or not same_data or not plain:
            continue
        if question.seeds and run.seeds != question.seeds:
            continue
        if _changes(question, there) == {}:
            try:
                return there.outcomes
            except HwError:
                continue
    return None


def _side_by_side(runs: Mapping[str, Mapping[str, Outcome]]) -> Table | None:
    """Every plain number in both implementations, and how far apart they are."""
    first, second = runs.values()
    rows = []
    for variant in [v for v in first if v in second]:
        for name in _metrics({variant: first[variant]}):
            mine, other = first[variant].metrics.get(name), second[variant].metrics.get(name)
            if isinstance(mine, int | float) and isinstance(other, int | float):
                apart = f"{abs(mine - other):.2g}" if mine != other else "0"
                rows.append(
                    (
                        variant,
                        label(name),
                        console.number(mine),
                        console.number(other),
                        apart,
                    )
                )
    return Table(("variant", "metric", *runs, "apart"), tuple(rows)) if rows else None
