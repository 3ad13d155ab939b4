"""A decoded data set on disk, for several processes to map into memory at once.

Written by one process for those it starts, into a folder of its own that it deletes afterwards:
what is read here was written by this program a moment ago, so that a pickle can be trusted.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from hw.datasets.features import Dataset


def write(data: Dataset, folder: Path) -> Path:
    """Write ``data`` into ``folder``, each array as a file of its own; returns ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(data, protocol=5, buffer_callback=arrays.append)
    (folder / "dataset.pickle").write_bytes(pickled)
    for i, array in enumerate(arrays):
        (folder / f"{i}.array").write_bytes(array.raw())
    return folder


def read(folder: Path) -> Dataset:
    """The data set in ``folder``, its arrays mapped, not read.

    Copy on write, which nobody uses: torch wants memory that it could write.
    """
    files = [folder / f"{i}.array" for i in range(len(list(folder.glob("*.array"))))]
    arrays = [np.memmap(file, np.uint8, mode="c") for file in files]
    data: Dataset = pickle.loads((folder / "dataset.pickle").read_bytes(), buffers=arrays)
    return data
