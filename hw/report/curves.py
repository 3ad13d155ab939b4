"""The curves of a question as the page's script draws them: every variant, metric and backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hw.config.catalog import Question
from hw.config.claims import published_values
from hw.figures import over_seeds
from hw.figures.style import label
from hw.results.outcome import Outcome
from hw.verdicts.calibration import Seeds

MAX_POINTS = 1000  # of one curve; a screen is not wider


MAX_BAND_POINTS = 200  # of either edge of a band


def as_json(
    question: Question,
    runs: Mapping[str, Mapping[str, Outcome]],
    stand_in: bool,
    seeds: Seeds | None = None,
) -> dict[str, Any] | None:
    """What is embedded in the page, or None where nothing has two epochs to draw.

    runs:     the outcomes by variant, of each backend by its name; the question's own first.
    stand_in: on synthetic data, beside which nothing published is drawn.
    seeds:    the outcomes of a calibration on the same data, whose spread is drawn beneath.
    """
    series: list[dict[str, Any]] = []
    for backend, outcomes in runs.items():
        for variant, outcome in outcomes.items():
            history = outcome.history
            if len(history.get("epoch", ())) < 2:
                continue
            step = -(-len(history["epoch"]) // MAX_POINTS)
            values = {
                metric: [_short(v) for v in history[metric][::step]]
                for metric in history
                if metric != "epoch" and not metric.endswith("_std")
            }
            epochs = history["epoch"][::step]
            series.append({"backend": backend, "variant": variant, "x": epochs, "y": values})
    if not series:
        return None
    metrics = sorted({m for one in series for m in one["y"]}, key=_order)
    first = next((f for f in question.figures if f.get("metrics")), {"metrics": [metrics[0]]})
    claims = () if stand_in else question.claims
    return {
        "stand_in": stand_in,
        "unit": _unit(str(first["metrics"][0])),  # shown first, as the document does
        "log": bool(first.get("log")),
        "metrics": [{"name": m, "label": label(m), "unit": _unit(m)} for m in metrics],
        "series": series,
        "seeds": len(seeds or ()),
        "bands": list(_bands(question, metrics, seeds)) if seeds else [],
        "published": [
            {"variant": variant, "metric": metric, "value": float(value), "text": value}
            for (variant, metric), value in published_values(claims).items()
            if metric in metrics
        ],
        "ranges": [
            {"variant": c.variant, **{k: c.details[k] for k in ("metric", "low", "high")}}
            for c in claims
            if c.sort == "range" and {"low", "high"} <= c.details.keys()
        ],
    }


def _bands(question: Question, metrics: Sequence[str], seeds: Seeds) -> Iterator[dict[str, Any]]:
    """From the lowest seed to the highest, epoch by epoch."""
    for variant in question.variants:
        mine = [outcomes[variant] for outcomes in seeds.values() if variant in outcomes]
        for metric in metrics:
            if spread := over_seeds.spread(mine, metric):
                step = -(-len(spread["epoch"]) // MAX_BAND_POINTS)
                edges = {k: [_short(v) for v in spread[k][::step]] for k in ("low", "high")}
                yield {"variant": variant, "metric": metric, "x": spread["epoch"][::step], **edges}


def _unit(metric: str) -> str:
    """Metrics of one unit share an axis."""
    for unit in ("accuracy", "loss"):
        if metric.endswith(unit):
            return unit
    return label(metric)


def _order(metric: str) -> tuple[int, int, str]:
    units = ("loss", "accuracy")
    splits = ("train", "validation", "test")
    unit = _unit(metric)
    first = metric.split("_")[0]
    return (
        -units.index(unit) if unit in units else 1,
        splits.index(first) if first in splits else 9,
        metric,
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}")
