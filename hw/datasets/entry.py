"""What a data set is: files that somebody publishes, a reader, views, and a stand-in.

Each data set is described by one module of this package, whose ``ENTRY`` is an `Entry`.

Files keep their upstream names and bytes, under ``<data-dir>/<name>/``. A hash stands in an entry
only where it was published (by the data set's authors or by a widely used library's downloader).

Conventions: N examples, D features.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from hw.datasets.features import Array, Split, pixels
from hw.errors import DataError, UsageError, did_you_mean

# The publisher's splits by name: features (N, D), and labels (N,) int64 or targets (N,) float64.
Upstream = dict[str, tuple[Array, Array]]
# A homework's splits, cut from them.
Splits = dict[str, Split]

SPLIT_SEED = 42  # of every drawn split; a run's --seed never changes a split


def drawn_order(n: int) -> Array:
    """The order from which validation examples are drawn: a permutation of ``range(n)``, (n,)."""
    return np.random.RandomState(SPLIT_SEED).permutation(n)


def scaled(images: Array, labels: Array, divisor: int) -> Split:
    """Images (N, D) uint8, read as ``byte / divisor``, with their labels (N,)."""
    return Split(pixels(images, divisor), labels)


@dataclass(frozen=True)
class View:
    """A homework's own splits and scaling of a data set.

    cut:  makes the homework's splits from the publisher's. Its counts are those of the published
          data set; a smaller set (a stand-in) is cut in the same proportions.
    note: says in words what it takes.
    splits: the names of the splits that it makes.
    lack: says of what it takes files have too little, if they have.
    """

    cut: Callable[[Upstream], Splits]
    note: str
    splits: tuple[str, ...] = ("train", "validation", "test")
    lack: Callable[[Upstream], str] = lambda _: ""


class StandIn(Protocol):
    """A recipe for a small synthetic twin.

    counts: examples of each of the publisher's splits.
    """

    @property
    def counts(self) -> dict[str, int]: ...

    def make(self, entry: Entry, rng: np.random.Generator) -> Upstream: ...


@dataclass(frozen=True)
class File:
    """One upstream file.

    name:   its upstream name.
    others: names under which the same file is issued, too; it is read under any of them.
    urls:   where it is served, in the order in which they are tried.
    hash:   of the published file, as ``algorithm:digest``, empty where none is known. That of a
            gzip file may be ``unpacked-sha256``, of what it unpacks to: a copy that somebody has
            compressed anew holds the same data.
    size:   published size in bytes, 0 where unknown.
    limit:  no download may grow beyond this many bytes.
    """

    name: str
    urls: tuple[str, ...]
    hash: str = ""
    size: int = 0
    limit: int = 400_000_000
    others: tuple[str, ...] = ()

    def at(self, folder: Path) -> Path:
        """Where it lies in ``folder``, or else where it belongs."""
        places = [folder / name for name in (self.name, *self.others)]
        return next((path for path in places if path.is_file()), places[0])

    @property
    def hash_in_words(self) -> str:
        """By what somebody who fetches the file by hand knows it; empty where nothing is known."""
        algorithm, _, digest = self.hash.partition(":")
        if algorithm.startswith("unpacked-"):
            return f"{self.name} unpacks to the {algorithm.removeprefix('unpacked-')} {digest}"
        return f"the published {self.name} has the {algorithm} {digest}" if digest else ""


@dataclass(frozen=True)
class Entry:
    """One data set.

    homepage:    where a person finds the files.
    counts:      published examples of each upstream split.
    width:       D.
    image_shape: what a row of features reshapes to; empty for a table of features.
    n_classes:   0 for regression.
    reader:      from this entry and the paths of its files (in the order of ``files``) to the
                 upstream splits; raises `DataError` for whatever is unsound.
    views:       the homeworks' readings, by name.
    initial_accuracies: what tells the published file where no hash of it is known: the validation
                 accuracy of each model of `hw.questions.models.feedforward` before any training,
                 with seed 42, as printed.
    """

    name: str
    title: str
    licence: str
    homepage: str
    files: tuple[File, ...]
    counts: dict[str, int]
    width: int
    reader: Callable[[Entry, list[Path]], Upstream]
    views: Mapping[str, View]
    stand_in: StandIn
    image_shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    initial_accuracies: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def task(self) -> str:
        """What can be learned from it: ``classification`` or ``regression``."""
        return "classification" if self.n_classes else "regression"

    @property
    def bytes(self) -> int:
        """Published size of all files, 0 where one of them is unknown."""
        sizes = [file.size for file in self.files]
        return sum(sizes) if all(sizes) else 0

    def vouches(self, sha256: str) -> bool | None:
        """Whether the bytes with this hash are the published ones; None where the hashes of the
        files tell."""
        return None

    def folder(self, directory: Path) -> Path:
        return directory / self.name

    def paths(self, directory: Path) -> list[Path]:
        """Where its files are, or belong. Raises `DataError` for a folder that cannot be read."""
        folder = self.folder(directory)
        try:
            return [file.at(folder) for file in self.files]
        except PermissionError as error:
            raise DataError(
                f"{folder}: {error.strerror}; make it readable, or choose another folder with "
                "--data-dir"
            ) from None

    def view(self, name: str) -> View:
        """The homework's reading of that name. Raises `UsageError`."""
        if name not in self.views:
            raise UsageError(
                f"data set {self.name} has no view {name!r}{did_you_mean(name, self.views)}"
                f" (views: {', '.join(self.views)})"
            )
        return self.views[name]

    def make_stand_in(self) -> tuple[Upstream, str]:
        """The upstream splits of the stand-in, and the sha256 of its arrays."""
        # crc32: a number from the name that stays the same from run to run, unlike hash().
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        upstream = self.stand_in.make(self, rng)
        digest = hashlib.sha256()
        for features, labels in upstream.values():
            digest.update(features.tobytes())
            digest.update(labels.tobytes())
        return upstream, digest.hexdigest()

    @property
    def state(self) -> str:
        """What tells this data set from another of the same name; empty where there is none."""
        return ""

    @property
    def remedy(self) -> str:
        """How to get the real data, in a few words."""
        return f"'python -m hw data fetch {self.name}' gets them"

    def how_to_get(self, missing: Path, fetching: bool = False) -> str:
        """In one line: which file is missing, where to get it, and where it belongs.

        fetching: whoever asks has just tried ``hw data fetch``.
        """
        n = len(self.files)
        wanted = missing.name if n == 1 else f"its {n} files"
        by_hand = f"get {wanted} from {self.homepage} and put {'it' if n == 1 else 'them'} there"
        known = [f.hash_in_words for f in self.files if missing.name in (f.name, *f.others)]
        by_hand = "; ".join(filter(None, [by_hand, *known]))
        if fetching:
            return f"{missing}: could not be fetched; {by_hand}"
        return f"{missing}: no such file; run 'python -m hw data fetch {self.name}', or {by_hand}"
