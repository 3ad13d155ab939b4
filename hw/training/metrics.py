"""The metrics by which models in training are measured, and how their names are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SPLITS = ("train", "validation", "test")


# Metrics that follow from two others: how far training runs ahead of validation.
DERIVED = {
    "accuracy_gap": ("train_accuracy", "validation_accuracy"),
    "loss_gap": ("validation_loss", "train_loss"),
}


def by_split(metrics: Iterable[str]) -> dict[str, set[str]]:
    """``["train_loss", "weight_norm"]`` as ``{"train": {"loss"}, "": {"weight_norm"}}``.

    ``train_loss_measured`` is the loss of the whole split after the epoch, beside a ``train_loss``
    that is a mean over the epoch's updates.
    """
    found: dict[str, set[str]] = {}
    for metric in metrics:
        split, _, what = metric.partition("_")
        if split in SPLITS and what in ("accuracy", "loss", "loss_measured"):
            found.setdefault(split, set()).add(what)
        else:
            found.setdefault("", set()).add(metric)
    return found


def offered(kind: ModuleType, splits: Iterable[str]) -> list[str]:
    """The metrics that a kind of question that trains can be asked for, on data with these splits.

    Accuracies and losses of the splits, metrics of the parameters and what follows from others;
    what else a kind has it says in its ``METRICS``, or by measuring it by default.
    """
    splits = list(splits)
    whats = ["loss", "loss_measured"]
    if getattr(kind, "TASK", "classification") == "classification":
        whats.insert(0, "accuracy")
    found = [f"{split}_{what}" for what in whats for split in splits]
    found += [name for name, of in DERIVED.items() if set(of) <= set(found)]
    own = [*getattr(kind, "METRICS", ()), *(m for ms in _default(kind).values() for m in ms)]
    lacking = [name for name in own if name in _of_splits() and name not in found]
    return [*found, *OF_PARAMETERS, *(name for name in own if name not in lacking)]


def _default(kind: ModuleType) -> Mapping[str, Iterable[str]]:
    found: Mapping[str, Iterable[str]] = getattr(kind, "MEASURE", {})
    return found


def _of_splits() -> set[str]:
    """Metrics that only a data set with their splits can give."""
    of_one = {f"{s}_{what}" for s in SPLITS for what in ("accuracy", "loss", "loss_measured")}
    return of_one | DERIVED.keys()


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
