"""Models in training: what `hw.training.loop.fit` drives, shared by the kinds of question.

A learner counts in updates: `advance(k)` makes the next k of them, whatever epoch they fall in,
so that two implementations can be walked side by side.
"""

from __future__ import annotations

from collections.abc import Iterable

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
