"""The figures of a results folder, drawn from its JSON: nothing is trained or loaded for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.catalog import Question
from hw.errors import UsageError, did_you_mean
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

    only_missing: leave those that are there and were drawn from the same specification.
    """
    drawn = folder.path / "figures"
    marks = drawn / ".drawn"
    stamp = digest([dict(f) for f in question.figures])
    have = [drawn / f"{f['name']}.{s}" for f in question.figures for s in ("pdf", "png")]
    if (
        only_missing
        and all(p.exists() for p in have)
        and marks.exists()
        and marks.read_text() == stamp
    ):
        return have
    if not question.figures:
        return []
    from hw import plotting

    for spec in question.figures:
        figure = _draw(question, spec, outcomes)
        if data and data["source"] == "stand-in":
            plotting.mark_stand_in(figure)
        plotting.save(figure, drawn / spec["name"], {"Title": f"{question.id}: {spec['name']}"})
    write_text(marks, stamp)
    return have


def _draw(question: Question, spec: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> Any:
    from hw import plotting

    kinds = {"curves": plotting.curves, **getattr(question.module, "FIGURES", {})}
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
    return kinds[kind](outcomes, {"published": published, "title": question.title, **spec})
