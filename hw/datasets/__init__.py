"""Data sets: `load` gives a homework's view of a data set, from its files or from a stand-in.

Importing this package costs numpy only.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hw.datasets import hashes
from hw.datasets.entry import Entry, Upstream
from hw.datasets.features import Dataset, Features, Split, pixels
from hw.datasets.registry import CATALOGUE, entry
from hw.errors import DataError, UsageError, did_you_mean

__all__ = [
    "CATALOGUE",
    "Dataset",
    "Entry",
    "Features",
    "Split",
    "default_directory",
    "entry",
    "exists",
    "load",
    "missing_files",
    "pixels",
    "read",
]

MODES = ("auto", "real", "stand-in")


def default_directory() -> Path:
    """The data folder where none is given: ``$HW_DATA_DIR``, else ``data`` in this folder."""
    return Path(os.environ.get("HW_DATA_DIR") or "data")


def missing_files(name: str, directory: Path) -> list[Path]:
    """The files of data set ``name`` that are not under ``directory``."""
    return [path for path in entry(name).paths(Path(directory)) if not path.is_file()]


def exists(name: str, directory: Path) -> bool:
    """Whether every file of data set ``name`` is there (sound or not)."""
    return not missing_files(name, directory)


def load(
    name: str,
    view: str,
    directory: Path,
    mode: str = "auto",
    path: Path | None = None,
) -> Dataset:
    """Data set ``name`` as the homework's ``view`` (a key of `Entry.views`) reads it.

    mode: ``real`` (the files, or an error), ``stand-in``, or ``auto``: the files where all of
          them are there, else the stand-in. A file that is there and unsound is always an error.
    path: read this file instead of those under ``directory`` (for a data set of several files: a
          folder with all of them); never the stand-in.

    Raises `UsageError` for unknown names, `DataError` for files that are missing or unsound.
    """
    chosen = entry(name)
    cut = chosen.view(view)
    if mode not in MODES:
        raise UsageError(
            f"unknown data mode {mode!r}{did_you_mean(mode, MODES)} ({', '.join(MODES)})"
        )
    notes = [cut.note]
    missing = [] if path is not None else missing_files(name, directory)
    if missing and mode == "real":
        raise DataError(chosen.how_to_get(missing[0]))
    if missing or (mode == "stand-in" and path is None):
        source = provenance = "stand-in"
        if mode == "auto" and len(missing) < len(chosen.files):
            notes.append(f"incomplete: {missing[0]} is missing")
        upstream, sha256 = chosen.make_stand_in()
    else:
        paths = chosen.paths(Path(directory)) if path is None else _paths_at(chosen, Path(path))
        upstream, found = read(chosen, paths)
        source, provenance, sha256 = "real", found.provenance, found.sha256
        for split, count in chosen.counts.items():
            n = len(upstream[split][1])
            if n != count:
                notes.append(f"{split} has {n} examples, the published file {count}")
        notes += filter(None, [cut.lack(upstream)])
    return Dataset(
        name=chosen.name,
        source=source,
        provenance=provenance,
        sha256=sha256,
        splits=cut.cut(upstream),
        n_classes=chosen.n_classes,
        class_names=chosen.class_names,
        image_shape=chosen.image_shape,
        notes=tuple(notes),
    )


def read(chosen: Entry, paths: list[Path]) -> tuple[Upstream, hashes.Hashes]:
    """The checked contents of the files at ``paths``, and their hashes. Raises `DataError`.

    Hashing runs beside reading: both release Python's lock.
    """
    for path in paths:
        if not path.is_file():
            kind = "is a folder, not a file" if path.is_dir() else "no such file"
            raise DataError(f"{path}: {kind}")
    with ThreadPoolExecutor(max_workers=1) as pool:
        hashing = pool.submit(hashes.of, chosen, paths)
        upstream = chosen.reader(chosen, paths)
        return upstream, hashing.result()


def _paths_at(chosen: Entry, path: Path) -> list[Path]:
    several = len(chosen.files) > 1
    if several and path.is_file():
        raise DataError(f"{path}: {chosen.name} has {len(chosen.files)} files; name their folder")
    folder = path.is_dir() or several
    paths = [file.at(path) for file in chosen.files] if folder else [path]
    for one in paths:
        if not one.exists():
            raise DataError(chosen.how_to_get(path if not path.exists() else one))
    return paths
