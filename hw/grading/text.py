"""What grading found, for a person: a table, and for each model what parts and one thing to try."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hw import console
from hw.grading.assignment import Model, assignments
from hw.grading.batch import Graded
from hw.grading.findings import Finding, HandInResult, ModelResult
from hw.grading.mistakes import Mistake

WORDS = {"pass": "pass", "fail": "differs", "unknown": "could not tell", "not done": "not done"}
_WIDTH = 100


def for_student(result: HandInResult) -> HandInResult:
    """The same without what the reference computed."""
    hidden = {
        name: replace(
            model,
            findings=tuple(replace(f, expected="", explain=()) for f in model.findings),
        )
        for name, model in result.models.items()
    }
    return replace(result, models=hidden)


def first_difference(model: ModelResult) -> Finding | None:
    """The first check that did not pass, and was not only skipped."""
    return next((f for f in model.findings if f.status in ("fail", "unknown")), None)


def weight(result: HandInResult, name: str) -> float:
    """The points that the homework gives for a model."""
    model = _model(result, name)
    return model.weight if model else 1.0


def points(result: HandInResult, name: str) -> float:
    """All points for a model that passes, and none for any other: a person decides on the rest."""
    return weight(result, name) if result.models[name].status == "pass" else 0.0


def _model(result: HandInResult, name: str) -> Model | None:
    for assignment in assignments():
        same = (assignment.homework, assignment.question) == (result.homework, result.question)
        if same and name in assignment.models:
            return assignment.models[name]
    return None


# The whole


def report(graded: Sequence[Graded], explain: bool = False) -> str:
    """One hand-in with all that was found; of several a table, and the rest with ``explain``."""
    results = [one.result for one in graded if one.result is not None]
    parts = [_held(results)] if results else []
    if len(results) == 1:
        parts += _single(results[0], explain)
    elif results:
        parts += [*_overview(results), _summary(results)]
        if explain:
            parts += [part for result in results for part in _single(result, explain)]
    return "\n\n".join(parts)


def _held(results: Sequence[HandInResult]) -> str:
    """What kept the hand-ins to themselves: the first line of every report."""
    every = [result.sandbox for result in results if result.sandbox]
    if not every:
        return "no hand-in could be loaded"
    common = [words for words in every[0] if all(words in held for held in every)]
    text = f"each hand-in in a process of its own; {'; '.join(common)}"
    missing = (
        []
        if any("seccomp" in w or "container" in w for w in common)
        else ["processes and signals are not held back"]
    )
    return console.fill("; ".join([text, *missing]), _WIDTH)


def _single(result: HandInResult, explain: bool) -> list[str]:
    header = ("model", "result", "first difference", "known mistake")
    rows = [
        (name, WORDS[m.status], _place(m), "\n".join(m.mistakes))
        for name, m in result.models.items()
    ]
    parts = [f"{result.file}: {result.homework} {result.question}\n{console.table(header, rows)}"]
    for name in result.models:
        lines = list(lines_of(result, name, explain))
        if lines:
            parts.append("\n".join([name, *(f"  {line}" for line in lines)]))
    return parts


def _place(model: ModelResult) -> str:
    found = first_difference(model)
    return found.check if found else ""


def _overview(results: Sequence[HandInResult]) -> Iterator[str]:
    """A table for each assignment: a row for each hand-in, a column for each model."""
    groups: dict[tuple[str, str], list[HandInResult]] = {}
    for result in results:
        groups.setdefault((result.homework, result.question), []).append(result)
    for (homework, question), group in groups.items():
        names = list(dict.fromkeys(name for result in group for name in result.models))
        rows = [(r.file, *(_cell(r.models.get(name)) for name in names)) for r in group]
        yield f"{homework} {question}\n{console.table(('hand-in', *names), rows)}"


def _cell(model: ModelResult | None) -> str:
    if model is None:
        return ""
    words = WORDS[model.status]
    return "\n".join([words, *(f"  {mistake}" for mistake in model.mistakes)])


def _summary(results: Sequence[HandInResult]) -> str:
    counts: dict[str, Counter[str]] = {}
    for result in results:
        for name, model in result.models.items():
            counts.setdefault(name, Counter())[WORDS[model.status]] += 1
    lines = [
        f"{name}: {', '.join(f'{n} {words}' for words, n in count.most_common())}"
        for name, count in counts.items()
    ]
    return "\n".join([console.counted(len(results), "hand-in"), *(f"  {line}" for line in lines)])


# One model


def lines_of(result: HandInResult, name: str, explain: bool = False) -> Iterator[str]:
    """What did not pass, in sentences, and what is known and harmless; with ``explain``, all."""
    model, known = result.models[name], _mistakes(result, name)
    for finding in model.findings:
        if explain or finding.status in ("fail", "unknown"):
            yield from _told(finding, explain)
    for id in model.mistakes:
        if id in known and known[id].harmless:
            yield from _wrapped(f"{id} (harmless): {known[id].says}")


def _mistakes(result: HandInResult, name: str) -> dict[str, Mistake]:
    model = _model(result, name)
    return {m.id: m for m in model.mistakes} if model else {}


def _told(finding: Finding, explain: bool) -> Iterator[str]:
    where = f" ({finding.where})" if finding.where else ""
    status = "" if finding.status == "fail" else f" {WORDS.get(finding.status, finding.status)}:"
    yield from _wrapped(f"{finding.check}{where}:{status} {finding.text}")
    for word, value in (("expected", finding.expected), ("actual", finding.actual)):
        if value:
            yield from _wrapped(f"  {word:<9} {value}")
    if explain:
        yield from (f"  {line}" for line in finding.explain)


def _wrapped(text: str) -> Iterator[str]:
    indent = text[: len(text) - len(text.lstrip())]
    yield from textwrap.wrap(
        text, _WIDTH - 2, subsequent_indent=indent + "  ", break_long_words=False
    )
