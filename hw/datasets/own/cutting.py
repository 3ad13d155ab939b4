"""Splits and scaling of a data set of one's own.

Conventions: N examples, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hw.config.data import SPLITS, as_fraction
from hw.datasets.entry import Splits, Upstream
from hw.datasets.features import Array, Features, Split
from hw.datasets.own.source import POOL


class Cutting:
    """How a declaration divides and scales what the files hold."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = keys
        self.division: Mapping[str, Any] = keys.get("splits", {})

    @property
    def note(self) -> str:
        """What is done, in words."""
        shares = [f"{s} {self.division[s]:g}" for s in SPLITS if s in self.division]
        said = [f"divided into {', '.join(shares)}"] if shares else ["splits of the file"]
        if "scale" in self.keys:
            said.append(f"features x {self.keys['scale']}")
        if self.keys.get("standardise"):
            said.append("features standardised by the training split")
        return "; ".join(said)

    def cut(self, upstream: Upstream) -> Splits:
        """The homework's splits, scaled. An array without names is divided; a smaller set (a
        stand-in) is divided in the same proportions."""
        parts = dict(upstream)
        whole = self.division.get("of", POOL)
        if self.division and whole in parts:
            features, labels = parts.pop(whole)
            rows = self._rows(labels)
            parts |= {name: (features[chosen], labels[chosen]) for name, chosen in rows.items()}
        elif POOL in parts:
            parts = {"train": parts[POOL]}
        scaled = self._scaled({name: parts[name][0] for name in SPLITS if name in parts})
        return {name: Split(features, parts[name][1]) for name, features in scaled.items()}

    def _rows(self, labels: Array) -> dict[str, Array]:
        """The rows of each split, in the order of one permutation that the seed draws.

        Stratified: the same of the examples of each class, put back into that order.
        """
        order = np.random.RandomState(self.division.get("seed", 42)).permutation(len(labels))
        groups = [order]
        if self.division.get("stratified") and labels.dtype.kind == "i":
            groups = [order[labels[order] == k] for k in np.unique(labels)]
        chosen: dict[str, list[Array]] = {}
        for group in groups:
            for name, rows in self._shares(group).items():
                chosen.setdefault(name, []).append(rows)
        place = np.argsort(order)
        return {
            name: (found := np.concatenate(rows))[np.argsort(place[found], kind="stable")]
            for name, rows in chosen.items()
        }

    def _shares(self, rows: Array) -> dict[str, Array]:
        """Consecutive pieces of ``rows``, rounded so that they add up."""
        sizes = {name: float(self.division[name]) for name in SPLITS if name in self.division}
        total, n = sum(sizes.values()), len(rows)
        if total > 1 + 1e-9 and max(sizes.values()) > 1:  # numbers of examples
            sizes = {name: size / max(total, n) for name, size in sizes.items()}
        ends = np.rint(np.cumsum(list(sizes.values())) * n).astype(int).clip(0, n)
        return dict(zip(sizes, np.split(rows, ends)[: len(sizes)], strict=True))

    def _scaled(self, parts: dict[str, Array]) -> dict[str, Features]:
        if self.keys.get("standardise"):
            train = parts["train"].astype(np.float64)
            mean, deviation = train.mean(axis=0), train.std(axis=0)
            deviation[deviation == 0] = 1
            return {name: Features((part - mean) / deviation) for name, part in parts.items()}
        scale = as_fraction(self.keys.get("scale", 1))
        if all(part.dtype == np.uint8 for part in parts.values()):
            # Divided at last, as the shipped sets are: k / 256 is exact where k * (1/256) is, too.
            table = np.arange(256) * scale.numerator / scale.denominator
            return {name: Features(part, table) for name, part in parts.items()}
        if scale == 1:
            return {name: Features(part) for name, part in parts.items()}
        factor = float(scale)
        return {name: Features(part * factor) for name, part in parts.items()}
