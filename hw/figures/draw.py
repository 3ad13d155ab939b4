"""The figures of a results folder, drawn from its JSON: nothing is trained or loaded for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.config.catalog import DEFAULT_VARIANT, Question
from hw.config.claims import published_values
from hw.errors import HwError, UsageError, as_expected, did_you_mean
from hw.figures import metadata, provenance, style
from hw.results.files import digest, read_bytes, write_text
from hw.results.fingerprint import code_digest, version
from hw.results.folder import Folder, check_own, is_stand_in
from hw.results.outcome import Outcome


def draw_all(
    question: Question,
    outcomes: Mapping[str, Outcome],
    folder: Folder,
    data: Mapping[str, str] | None,
    only_missing: bool = False,
) -> list[Path]:
    """Draw every figure of a question into ``figures/``; returns the paths.

    only_missing: leave those that are there and were drawn by the same code from the same
                  specification.
    """
    if not question.figures:
        return []
    drawn = folder.path / "figures"
    check_own(drawn)
    marks = drawn / ".drawn"
    origin = provenance.describe(question, "", outcomes, folder.read().config, data)
    stamp = _stamp(question, data, origin, neighbours(question.figures, folder, data))
    have = [drawn / f"{f['name']}.{s}" for f in question.figures for s in style.SUFFIXES]
    if only_missing and all(p.exists() for p in have) and _read(marks) == stamp:
        return have
    failed: list[HwError] = []
    for spec in question.figures:
        record = {**origin, "figure": spec["name"]}
        fields = metadata.fields(record, f"{question.id}: {spec['name']}")
        try:
            figure = draw(question, spec, outcomes, data, folder)
            style.save(figure, drawn / spec["name"], fields)
        except Exception as error:  # one that cannot be drawn costs the others nothing
            unexpected = HwError(f"figure {spec['name']}: {as_expected(error)}")
            failed.append(error if isinstance(error, HwError) else unexpected)
    if failed:
        if len(failed) > 1:
            failed[0].args = (f"{failed[0]} (and {len(failed) - 1} other figures)",)
        raise failed[0]
    write_text(marks, stamp)
    return have


def neighbours(
    specs: Sequence[Mapping[str, Any]], folder: Folder, data: Mapping[str, Any] | None
) -> dict[str, dict[str, Outcome]]:
    """The outcomes of the questions that a figure compares its own with (``with: [q2.scratch]``):
    those that have run, on the same kind of data."""
    found = {}
    for name in dict.fromkeys(n for spec in specs for n in spec.get("with", ())):
        other = Folder(folder.path.parent / name).read()
        if other.run.data and other.run.data["source"] == (data or {}).get("source"):
            found[name] = other.outcomes
    return found


def _stamp(
    question: Question,
    data: Mapping[str, str] | None,
    origin: provenance.Record,
    others: Mapping[str, Mapping[str, Outcome]],
) -> str:
    """What the figures of given outcomes depend on."""
    return digest(
        {
            "figures": [dict(f) for f in question.figures],
            "title": question.title,
            "published": sorted(map(list, published_values(question.claims).items())),
            "source": data and data["source"],
            "code": code_digest("hw.figures.style", has_data=False),
            "matplotlib": version("matplotlib"),
            "origin": origin,
            "with": {n: {v: o.history for v, o in found.items()} for n, found in others.items()},
        }
    )


def _read(path: Path) -> str:
    try:
        return read_bytes(path, 1000).decode()
    except (HwError, UnicodeDecodeError):
        return ""


def _named(question: str, variant: str) -> str:
    return question if variant == DEFAULT_VARIANT else f"{question} {variant}"


def draw(
    question: Question,
    spec: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    data: Mapping[str, Any] | None,
    folder: Folder | None = None,
) -> Any:
    """One figure of a question, as a matplotlib figure; on stand-in data it says so.

    folder: the question's own, beside which are those of the questions it is compared with.
    """
    if folder is not None and spec.get("with"):
        mine = {_named(question.name, v): o for v, o in outcomes.items()}
        theirs = neighbours([spec], folder, data).items()
        outcomes = mine | {_named(n, v): o for n, found in theirs for v, o in found.items()}

    kinds = style.FIGURES | getattr(question.module, "FIGURES", {})
    kind = spec.get("draw", "curves")
    if kind not in kinds:
        raise UsageError(
            f"{question.path}: figure {spec['name']}: unknown draw {kind!r}"
            f"{did_you_mean(kind, kinds)}"
        )
    published = [
        {"variant": variant, "metric": metric, "value": float(value)}
        for (variant, metric), value in published_values(question.claims).items()
    ]
    ranges = [
        {"variant": c.variant, **{key: c.details[key] for key in ("metric", "low", "high")}}
        for c in question.claims
        if c.sort == "range" and {"low", "high"} <= c.details.keys()
    ]
    stand_in = is_stand_in(data)
    # What was published is about other data than a stand-in: the two have no place in one axes.
    known = {} if stand_in else {"published": published, "ranges": ranges}
    with style.look():
        figure = kinds[kind](outcomes, {**known, "title": question.title, **spec})
        if stand_in:
            style.mark_stand_in(figure)
    return figure
