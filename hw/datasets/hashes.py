"""Hashes of a data set's files, and whether they are the published ones."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hw.datasets import recognition
from hw.datasets.entry import Entry, File
from hw.datasets.formats import open_unpacked
from hw.errors import DataError

PUBLISHED = "published file"
RECOGNISED = f"{PUBLISHED} (recognised by initial accuracies)"
OTHER = "other bytes"
CHUNK = 1 << 20
# The largest of the files that are known by their contents has 47 MB.
MOST_UNPACKED = 50_000_000


@dataclass(frozen=True)
class Hashes:
    """What is known of the bytes of a data set's files.

    sha256:     of the one file; of several, that of the text that ``sha256sum`` prints for them,
                in the order of the entry.
    provenance: `PUBLISHED`, `RECOGNISED` or `OTHER`.
    """

    sha256: str
    provenance: str


def of(entry: Entry, paths: list[Path]) -> Hashes:
    """Hash the files at ``paths`` (in the order of the entry). Raises `DataError`."""
    for file, path in zip(entry.files, paths, strict=True):
        if path.is_file() and path.stat().st_size > file.limit:
            raise DataError(f"{path}: larger than {file.limit} bytes, which {file.name} never is")
    hashes = [digest(path) for path in paths]
    if len(hashes) == 1:
        sha256 = hashes[0]
    else:
        lines = (f"{own}  {file.name}\n" for own, file in zip(hashes, entry.files, strict=True))
        sha256 = hashlib.sha256("".join(lines).encode()).hexdigest()
    vouched = entry.vouches(sha256)
    if vouched is not None:
        return Hashes(sha256, PUBLISHED if vouched else OTHER)
    published = all(is_published(*pair) for pair in zip(entry.files, paths, strict=True))
    if published:
        return Hashes(sha256, PUBLISHED)
    known = recognition.remembered(paths[0].parent, sha256)
    recognised = recognition.fits(entry.initial_accuracies, known)
    return Hashes(sha256, RECOGNISED if recognised else OTHER)


def is_published(file: File, path: Path) -> bool:
    """Whether the file at ``path`` is the published one; False where no hash of it is known."""
    algorithm, _, expected = file.hash.partition(":")
    try:
        return bool(expected) and digest(path, algorithm) == expected
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False  # the reader will say what is wrong with it


def difference(file: File, path: Path) -> str:
    """The hash of a file and the published one, in words, where they differ; else empty."""
    if not file.hash or is_published(file, path):
        return ""
    algorithm, _, _ = file.hash.partition(":")
    try:
        own = digest(path, algorithm)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return ""  # the reader will say what is wrong with it
    return f"{path} has the {algorithm.removeprefix('unpacked-')} {own}; {file.hash_in_words}"


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hash of a file (or of what it unpacks to), remembered while its size and time stay.

    Raises `DataError`.
    """
    try:
        stat = path.stat()
        identity = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        return _digest(path.resolve(), algorithm, identity)
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


@lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, identity: tuple[int, ...]) -> str:
    total = hashlib.new(algorithm.removeprefix("unpacked-"), usedforsecurity=False)
    unpack = algorithm.startswith("unpacked-")
    left = MOST_UNPACKED if unpack else math.inf
    with open_unpacked(path) if unpack else path.open("rb") as file:
        while left > 0 and (chunk := file.read(CHUNK)):
            total.update(chunk)
            left -= len(chunk)
    return total.hexdigest()
