"""Small valid files of each format, as bytes to be damaged."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support import gz, idx

from hw.datasets.registry import CATALOGUE


def npz(compressed: bool = True, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def tar(
    members: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None
) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(data)
            if change:
                change(info)
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return file.getvalue()


BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def cifar_batch(rng: np.random.Generator, n: int = 3, **changes: Any) -> dict[bytes, Any]:
    batch = {
        b"batch_label": b"a batch",
        b"labels": rng.integers(0, 10, n).tolist(),
        b"data": rng.integers(0, 256, (n, 3072), np.uint8),
        b"filenames": [b"%05d.png" % i for i in range(n)],
    }
    return {**batch, **{key.encode(): value for key, value in changes.items()}}


def cifar_members(protocol: int = 2, n: int = 3, **changes: Any) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    return {
        name: pickle.dumps(cifar_batch(rng, n, **changes), protocol=protocol) for name in BATCHES
    }


def images(name: str, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random images (n, *shape) uint8 and labels (n,) uint8 for a data set."""
    entry, rng = CATALOGUE[name], np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, *entry.image_shape), np.uint8)
    return pixels, rng.integers(0, entry.n_classes, n).astype(np.uint8)


def write_set(directory: Path, name: str, counts: dict[str, int]) -> dict[str, Any]:
    """Write a small data set in its upstream format; returns its arrays by split."""
    entry = CATALOGUE[name]
    folder = entry.folder(directory)
    folder.mkdir(parents=True)
    arrays = {
        split: images(name, n, seed=i) if entry.image_shape else None
        for i, (split, n) in enumerate(counts.items())
    }
    if len(entry.files) == 4:
        for i, split in enumerate(("train", "test")):
            for k in range(2):
                path = folder / entry.files[2 * i + k].name
                path.write_bytes(gz(idx(arrays[split][k]), 1))
    elif name in ("octmnist", "intel-landscapes"):
        content = {}
        for split, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
            pixels, labels = arrays[split]
            content[f"{prefix}_images"] = pixels
            content[f"{prefix}_labels"] = labels[:, None] if name == "octmnist" else labels
        (folder / entry.files[0].name).write_bytes(npz(**content))
    elif name == "cifar-10":
        pixels, labels = arrays["train"]
        members = {}
        for i, rows in enumerate(np.array_split(np.arange(len(labels)), 5), start=1):
            members[f"data_batch_{i}"] = (pixels[rows], labels[rows])
        members["test_batch"] = arrays["test"]
        packed = {
            key: pickle.dumps(
                {b"data": p.reshape(len(p), -1), b"labels": labels.tolist()}, protocol=2
            )
            for key, (p, labels) in members.items()
        }
        (folder / entry.files[0].name).write_bytes(gz(tar(packed), 1))
    else:
        rng = np.random.default_rng(0)
        content = {}
        for split in ("train", "test"):
            content[f"X{split}"] = rng.standard_normal((counts[split], 348))
            content[f"y{split}"] = rng.standard_normal((counts[split], 1))
            arrays[split] = (content[f"X{split}"], content[f"y{split}"])
        (folder / entry.files[0].name).write_bytes(npz(**content))
    return arrays
