"""The figures of a results folder, drawn from its JSON: nothing is trained or loaded for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw import provenance
from hw.catalog import Question
from hw.errors import UsageError, did_you_mean
from hw.fingerprint import code_digest, version
from hw.outcome import Outcome
from hw.published import published_values
from hw.results import Folder, digest, write_text


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
    marks = drawn / ".drawn"
    config = provenance.read_config(folder)
    origin = provenance.describe(question, "", outcomes, config, data)
    stamp = _stamp(question, data, origin)
    have = [drawn / f"{f['name']}.{s}" for f in question.figures for s in ("pdf", "png")]
    if only_missing and all(p.exists() for p in have) and _read(marks) == stamp:
        return have
    from hw import plotting

    for spec in question.figures:
        figure = draw(question, spec, outcomes, data)
        record = {**origin, "figure": spec["name"]}
        metadata = provenance.metadata(record, f"{question.id}: {spec['name']}")
        plotting.save(figure, drawn / spec["name"], metadata)
    write_text(marks, stamp)
    return have


def _stamp(question: Question, data: Mapping[str, str] | None, origin: provenance.Record) -> str:
    """What the figures of given outcomes depend on."""
    return digest(
        {
            "figures": [dict(f) for f in question.figures],
            "title": question.title,
            "published": sorted(map(list, published_values(question.claims).items())),
            "source": data and data["source"],
            "code": code_digest("hw.plotting", has_data=False),
            "matplotlib": version("matplotlib"),
            "origin": origin,
        }
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def draw(
    question: Question,
    spec: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    data: Mapping[str, Any] | None,
) -> Any:
    """One figure of a question, as a matplotlib figure; on stand-in data it says so."""
    from hw import plotting

    kinds = plotting.FIGURES | getattr(question.module, "FIGURES", {})
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
    stand_in = bool(data and data.get("source") == "stand-in")
    # What was published is about other data than a stand-in: the two have no place in one axes.
    known = {} if stand_in else {"published": published, "ranges": ranges}
    figure = kinds[kind](outcomes, {**known, "title": question.title, **spec})
    if stand_in:
        plotting.mark_stand_in(figure)
    return figure
