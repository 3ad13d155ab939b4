"""Ames housing: 2,930 sales with 348 features and their log prices, which ist2021 reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.datasets import formats
from hw.datasets.entry import Entry, File, Splits, Upstream, View
from hw.datasets.features import Features, Split


def read(entry: Entry, paths: list[Path]) -> Upstream:
    """Features (N, 348) and log prices (N,), float64. Raises `DataError`."""
    (path,) = paths
    specs = {}
    for split, most in entry.counts.items():
        specs[f"X{split}"] = formats.Spec("float64", (entry.width,), most)
        specs[f"y{split}"] = formats.Spec("float64", (), most)
    arrays = formats.read_npz(path, specs)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise formats.problem(path, f"{name} holds numbers that are not finite")
    return {
        split: formats.paired(path, split, arrays[f"X{split}"], arrays[f"y{split}"].reshape(-1))
        for split in entry.counts
    }


def cut_ist2021(upstream: Upstream) -> Splits:
    """Features and log prices as stored, float64."""
    return {name: Split(Features(features), y) for name, (features, y) in upstream.items()}


@dataclass(frozen=True)
class Houses:
    """Invented houses: standardised measurements, one-hot groups and log prices.

    They have the real table's defects: constant, repeated and dependent columns, so that the
    normal equations are singular.
    """

    counts: dict[str, int]

    def make(self, entry: Entry, rng: np.random.Generator) -> Upstream:
        n, width = sum(self.counts.values()), entry.width
        n_measured, n_constant, n_repeated = 36, 52, 56  # about as in the real table
        quality = rng.standard_normal((n, 6))  # what a house is like; the columns are its traces
        mixing = rng.standard_normal((6, n_measured)) / np.sqrt(6)
        measured = 0.6 * quality @ mixing + 0.8 * rng.standard_normal((n, n_measured))
        blocks = [measured]
        room = width - n_measured - n_constant - n_repeated
        while room > 1:  # each group sums to one: together with the column of ones, dependent
            size = min(room, int(rng.integers(3, 12)))
            if room - size == 1:
                size += 1
            scores = quality @ rng.standard_normal((6, size)) + rng.gumbel(size=(n, size)) * 2
            blocks.append(np.eye(size)[scores.argmax(axis=1)])
            room -= size
        varied = np.hstack(blocks)
        groups = varied[:, n_measured:]
        repeated = groups[:, rng.choice(groups.shape[1], n_repeated, replace=False)]
        features = np.hstack([varied, np.zeros((n, n_constant)), repeated])
        features = features[:, rng.permutation(width)]
        effect = quality @ (0.2 * rng.standard_normal(6))
        curved = 0.06 * np.maximum(quality[:, 0], 0) * quality[:, 1]  # what a network can add
        prices = 12.02 + effect + curved + 0.1 * rng.standard_normal(n)
        upstream, start = {}, 0
        for split, count in self.counts.items():
            rows = slice(start, start + count)
            upstream[split] = (features[rows].copy(), prices[rows].copy())
            start += count
        return upstream


ENTRY = Entry(
    name="ames",
    title="Ames housing, 348 features, log prices",
    licence="no licence stated; free for research and teaching",
    homepage="https://github.com/jamilsonjr/deep-learing-class/tree/main/skeleton_code",
    files=(
        File(
            "ames.npz",
            (
                # Copies in the public repositories of two students; the hash tells the file.
                "https://raw.githubusercontent.com/jamilsonjr/deep-learing-class/"
                "658eaa8e723569c2bbd6419b822639c1cfe8e0cb/skeleton_code/ames.npz",
                "https://raw.githubusercontent.com/mlambda/manims/"
                "38206ce91e73f56e64f5aa85fc829e9dccde353c/data/ames.npz",
            ),
            "sha256:131656074fe19ae3864c355aacbf350f6f0a3d40e90b1fcca7dd0f271e1f0598",
            528470,
            limit=20_000_000,
        ),
    ),
    counts={"train": 1465, "test": 1465},
    width=348,
    reader=read,
    views={"ist2021": View(cut_ist2021, "as stored", ("train", "test"))},
    stand_in=Houses({"train": 800, "test": 800}),
)
