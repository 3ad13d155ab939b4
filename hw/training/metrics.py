"""The metrics by which models in training are measured, and how their names are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SPLITS = ("train", "validation", "test")


def by_split(metrics: Iterable[str]) -> dict[str, set[str]]:
    """``["train_loss", "weight_norm"]`` as ``{"train": {"loss"}, "": {"weight_norm"}}``."""
    found: dict[str, set[str]] = {}
    for metric in metrics:
        split, _, what = metric.partition("_")
        if split in SPLITS and what in ("accuracy", "loss"):
            found.setdefault(split, set()).add(what)
        else:
            found.setdefault("", set()).add(metric)
    return found


def weight_norm(parameters: Mapping[str, Array]) -> float:
    """The Frobenius norm of all parameters together, the bias column included, as the
    assignments' scripts print it."""
    return math.sqrt(sum(float(np.vdot(p, p)) for p in parameters.values()))


def zero_share(parameters: Mapping[str, Array]) -> float:
    """The share of parameters that are exactly zero."""
    zeros = sum(int(p.size - np.count_nonzero(p)) for p in parameters.values())
    return zeros / sum(p.size for p in parameters.values())


def weight_unevenness(parameters: Mapping[str, Array]) -> float:
    """How unevenly the parameters' sizes are distributed: the standard deviation of their absolute
    values in units of their mean. 0: all are of one size; 1: as uneven as an exponential
    distribution."""
    sizes = np.concatenate([np.abs(p).ravel() for p in parameters.values()])
    mean = float(sizes.mean())
    return float(sizes.std()) / mean if mean else 0.0


# Metrics of the parameters alone, without data.
OF_PARAMETERS: dict[str, Callable[[Mapping[str, Array]], float]] = {
    "weight_norm": weight_norm,
    "weight_unevenness": weight_unevenness,
    "zero_share": zero_share,
}
