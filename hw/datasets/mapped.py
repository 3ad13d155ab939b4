"""A decoded data set on disk, for several processes to map into memory at once.

Written by one process for those it starts, into a folder of its own that it deletes afterwards:
what is read here was written by this program a moment ago.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hw.datasets.features import Dataset, Features, Split


def write(data: Dataset, folder: Path) -> Path:
    """Write ``data`` into ``folder``; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in data.splits.items():
        np.save(folder / f"{name}-features.npy", split.features.stored)
        np.save(folder / f"{name}-labels.npy", split.labels)
        if split.features.table is not None:
            np.save(folder / f"{name}-table.npy", split.features.table)
    about = {
        "splits": list(data.splits),
        "name": data.name,
        "source": data.source,
        "provenance": data.provenance,
        "sha256": data.sha256,
        "n_classes": data.n_classes,
        "class_names": list(data.class_names),
        "image_shape": list(data.image_shape),
        "notes": list(data.notes),
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def read(folder: Path) -> Dataset:
    """The data set in ``folder``, its features mapped, not read.

    Copy on write, which nobody uses: torch wants memory that it could write.
    """
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    splits = {}
    for name in about.pop("splits"):
        stored = np.load(folder / f"{name}-features.npy", mmap_mode="c")
        table = folder / f"{name}-table.npy"
        features = Features(stored, np.load(table) if table.exists() else None)
        splits[name] = Split(features, np.load(folder / f"{name}-labels.npy"))
    for key in ("class_names", "image_shape", "notes"):
        about[key] = tuple(about[key])
    return Dataset(splits=splits, **about)
