"""Several seeds of one question: mean, standard deviation and count of everything measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from hw.results.outcome import Check, Outcome


def aggregate(seeds: Sequence[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """One outcome from those of every seed, for each variant that every seed has.

    Metrics: ``<metric>`` and ``<metric>_mean`` are the mean over seeds, ``<metric>_std`` the sample
    standard deviation (n - 1), ``n_seeds`` how many. History: the mean as ``<metric>``, with
    ``<metric>_std`` beside it, over the epochs that every seed has. A statement holds if it holds
    for every seed. Pictures are those of the first seed.
    """
    return {
        variant: _aggregate([outcomes[variant] for outcomes in seeds])
        for variant in seeds[0]
        if all(variant in outcomes for outcomes in seeds)
    }


def _aggregate(outcomes: Sequence[Outcome]) -> Outcome:
    first = outcomes[0]
    metrics: dict[str, Any] = {"n_seeds": len(outcomes)}
    for name, value in first.metrics.items():
        values = [o.metrics[name] for o in outcomes if name in o.metrics]
        if isinstance(value, dict) or len(values) < len(outcomes):
            continue
        metrics |= {name: _mean(values), f"{name}_mean": _mean(values), f"{name}_std": _std(values)}
    diverged = sum(o.diverged for o in outcomes)
    if diverged:
        metrics |= {"diverged": 1, "n_diverged": diverged}
    checks = [
        _combine([c for o in outcomes for c in o.checks if c.name == one.name])
        for one in first.checks
    ]
    return Outcome(metrics, _history(outcomes), first.plots, checks)


def _history(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    epochs = min((o.history.get("epoch", []) for o in outcomes), key=len)
    history = {"epoch": list(epochs)}
    for name in outcomes[0].history:
        if name != "epoch":
            columns = zip(*(o.history[name][: len(epochs)] for o in outcomes), strict=True)
            rows = [list(values) for values in columns]
            history[name] = [_mean(values) for values in rows]
            history[f"{name}_std"] = [_std(values) for values in rows]
    return history if outcomes[0].history else {}


def _combine(checks: Sequence[Check]) -> Check:
    return next((c for c in checks if not c.holds), checks[0])


def _mean(values: Sequence[float]) -> float:
    return float(statistics.fmean(values))


def _std(values: Sequence[float]) -> float:
    return float(statistics.stdev(values)) if len(values) > 1 else 0.0
