"""From the files of a data set to its upstream splits, checked.

Upstream splits are what the publisher made; `views` cuts the homeworks' splits from them.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets import formats
from hw.datasets.formats import Spec
from hw.datasets.registry import Entry, File
from hw.errors import DataError

Array = NDArray[Any]

# Upstream splits by name: features (N, D), and labels (N,) int64 or targets (N,) float64.
Upstream = dict[str, tuple[Array, Array]]

PUBLISHED = "published file"
OTHER = "other bytes"
# The largest of the files that are known by their contents has 47 MB.
MOST_UNPACKED = 50_000_000


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of the files of a data set, and whether they are the published ones.

    sha256: of the one file; of several, that of the text that ``sha256sum`` prints for them, in
            the catalogue's order.
    """

    sha256: str
    provenance: str


def fingerprint(entry: Entry, paths: list[Path]) -> Fingerprint:
    """Hash the files at ``paths`` (in the catalogue's order). Raises `DataError`."""
    hashes = [
        hash_file(path, bool(file.md5 and not file.sha256)) for file, path in _pairs(entry, paths)
    ]
    published = all(
        is_published(file, *pair) or unpacks_to_published(file, path)
        for (file, path), pair in zip(_pairs(entry, paths), hashes, strict=True)
    )
    if len(hashes) == 1:
        sha256 = hashes[0][0]
    else:
        listing = "".join(
            f"{sha}  {file.name}\n" for file, (sha, _) in zip(entry.files, hashes, strict=True)
        )
        sha256 = hashlib.sha256(listing.encode()).hexdigest()
    return Fingerprint(sha256, PUBLISHED if published else OTHER)


def _pairs(entry: Entry, paths: list[Path]) -> list[tuple[File, Path]]:
    return list(zip(entry.files, paths, strict=True))


def is_published(file: File, sha256: str, md5: str) -> bool:
    """Whether these are the published hashes of ``file``; False where none is published."""
    if file.sha256:
        return sha256 == file.sha256
    return bool(file.md5) and md5 == file.md5


def unpacks_to_published(file: File, path: Path) -> bool:
    """Whether a gzip file holds the published data, if in other bytes."""
    if not file.unpacked:
        return False
    stat = path.stat()
    return _hash_unpacked(path.resolve(), stat.st_size, stat.st_mtime_ns) == file.unpacked


@lru_cache(maxsize=64)
def _hash_unpacked(path: Path, size: int, mtime_ns: int) -> str:
    sha256, left = hashlib.sha256(), MOST_UNPACKED
    try:
        with gzip.open(path) as file:
            while left > 0 and (chunk := file.read(1 << 20)):
                sha256.update(chunk)
                left -= len(chunk)
    except (OSError, EOFError, zlib.error):
        return ""  # the reader will say what is wrong with it
    return sha256.hexdigest()


def hash_file(path: Path, with_md5: bool = False) -> tuple[str, str]:
    """sha256 and (or the empty string) md5 of a file; remembered while size and time stay."""
    try:
        stat = path.stat()
        return _hash(path.resolve(), stat.st_size, stat.st_mtime_ns, stat.st_ino, with_md5)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, mtime_ns: int, inode: int, with_md5: bool) -> tuple[str, str]:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            if with_md5:
                md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest() if with_md5 else ""


def read(entry: Entry, paths: list[Path]) -> tuple[Upstream, Fingerprint]:
    """The checked contents of the files, and their fingerprint.

    Hashing runs beside reading: both release Python's lock.
    """
    for path in paths:
        if not path.is_file():
            kind = "is a folder, not a file" if path.is_dir() else "no such file"
            raise DataError(f"{path}: {kind}")
    with ThreadPoolExecutor(max_workers=1) as pool:
        hashing = pool.submit(fingerprint, entry, paths)
        upstream = READERS[entry.reader](entry, paths)
        return upstream, hashing.result()


def _idx(entry: Entry, paths: list[Path]) -> Upstream:
    result: Upstream = {}
    for i, split in enumerate(("train", "test")):
        images_path, labels_path = paths[2 * i : 2 * i + 2]
        most = entry.counts[split]
        images = formats.read_idx(images_path, Spec("u", entry.image_shape, most))
        labels = formats.read_idx(labels_path, Spec("u", (), most))
        labels = formats.check_labels(labels_path, "it", labels, entry.n_classes)
        result[split] = _paired(images_path, split, images, labels, entry)
    return result


_NPZ_SPLITS = {"train": "train", "validation": "val", "test": "test"}


def _npz(entry: Entry, paths: list[Path]) -> Upstream:
    (path,) = paths
    specs: dict[str, Spec] = {}
    for split, prefix in _NPZ_SPLITS.items():
        most = entry.counts[split]
        specs[f"{prefix}_images"] = Spec("u", entry.image_shape, most, exact=np.uint8)
        specs[f"{prefix}_labels"] = Spec("ui", (), most)
    arrays = formats.read_npz(path, specs)
    result: Upstream = {}
    for split, prefix in _NPZ_SPLITS.items():
        name = f"{prefix}_labels"
        labels = formats.check_labels(path, name, arrays[name], entry.n_classes)
        result[split] = _paired(path, split, arrays[f"{prefix}_images"], labels, entry)
    return result


def _cifar(entry: Entry, paths: list[Path]) -> Upstream:
    (path,) = paths
    arrays = formats.read_cifar(path, entry.width, entry.n_classes, entry.counts["train"])
    return {
        split: _paired(path, split, arrays[f"{split}_images"], arrays[f"{split}_labels"], entry)
        for split in ("train", "test")
    }


def _ames(entry: Entry, paths: list[Path]) -> Upstream:
    (path,) = paths
    specs: dict[str, Spec] = {}
    for split in ("train", "test"):
        specs[f"X{split}"] = Spec("f", (entry.width,), entry.counts[split], exact=np.float64)
        specs[f"y{split}"] = Spec("f", (), entry.counts[split], exact=np.float64)
    arrays = formats.read_npz(path, specs)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise formats.problem(path, f"{name} holds numbers that are not finite")
    return {
        split: _paired(path, split, arrays[f"X{split}"], arrays[f"y{split}"].reshape(-1), entry)
        for split in ("train", "test")
    }


def _paired(
    path: Path, split: str, features: Array, labels: Array, entry: Entry
) -> tuple[Array, Array]:
    if len(features) != len(labels):
        raise formats.problem(
            path, f"{split} has {len(features)} examples and {len(labels)} labels"
        )
    return features.reshape(len(features), entry.width), labels


READERS = {"idx": _idx, "npz": _npz, "cifar": _cifar, "ames": _ames}
