"""Small data, real in form: what the tests of the core learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hw.datasets import stand_ins
from hw.datasets.features import Dataset, Features, Split, pixels

COUNTS = {"train": 60, "validation": 24, "test": 30}


def write_landscapes(folder: Path, seed: int = 0) -> Path:
    """A few dozen of the stand-in's images as the landscapes' file under ``folder``."""
    upstream, _ = stand_ins.make("intel-landscapes")
    arrays = {}
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        images, labels = upstream[split]
        rows = np.random.default_rng(seed).permutation(len(labels))[: COUNTS[split]]
        arrays[f"{name}_images"] = images[rows].reshape(-1, 48, 48, 3)
        arrays[f"{name}_labels"] = labels[rows]
    path = folder / "intel-landscapes" / "intel_landscapes.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)
    return path


def make_dataset(seed: int = 0, n: int = 41, width: int = 7, n_classes: int = 4) -> Dataset:
    """Bytes in which a linear model finds something, in three splits, read as pixels / 256."""
    random = np.random.default_rng(seed)
    centres = random.integers(40, 200, (n_classes, width))

    def split(count: int) -> Split:
        labels = random.integers(0, n_classes, count)
        noise = random.integers(-40, 41, (count, width))
        return Split(pixels((centres[labels] + noise).astype(np.uint8), 256), labels)

    return Dataset(
        name="dots",
        source="stand-in",
        provenance="stand-in",
        sha256="0" * 64,
        splits={"train": split(n), "validation": split(13), "test": split(17)},
        n_classes=n_classes,
        class_names=tuple("abcdefghij"[:n_classes]),
        image_shape=(1, width),
    )


def floats(features: Features) -> np.ndarray:
    """All rows as float64, (N, D)."""
    return features.take(slice(None))
