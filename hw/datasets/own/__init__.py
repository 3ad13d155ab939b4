"""Data sets of one's own, declared in YAML (`hw.config.data`): found, checked, divided, scaled.

`entry` makes an `Entry` of a declaration, so that nothing else needs to know where a data set was
described. What the declaration leaves open (shape, classes, counts) the file says, if it is there;
what the declaration says, the file must have. A stand-in is made from either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from hw.config.data import OWN_VIEW, SPLITS, Declared
from hw.datasets import formats, synthetic
from hw.datasets.entry import Entry, File, StandIn, Upstream, View
from hw.datasets.own import arrays, images, tables
from hw.datasets.own.cutting import Cutting
from hw.datasets.own.source import POOL, Facts, Source
from hw.errors import DataError

# Examples of a stand-in's splits.
_STAND_IN = {"train": 1200, "validation": 300, "test": 300, POOL: 1800}

_FORMS: dict[str, Callable[[Declared, Path], Source]] = {
    ".npz": arrays.Npz,
    ".csv": tables.Csv,
    ".parquet": tables.Parquet,
}


@dataclass(frozen=True)
class Own(Entry):
    """A data set that a homework declares.

    root:     the folder that its files are in.
    declared: what YAML says of it.
    """

    root: Path = Path()
    declared: Declared = field(default_factory=lambda: Declared("", {}, (), Path()))
    known: bool = True  # whether shape and classes are
    files_state: str = ""  # of the files when they were looked at

    def folder(self, directory: Path) -> Path:
        return self.root

    @property
    def task(self) -> str:
        return super().task if self.known else ""

    @property
    def state(self) -> str:
        return f"{self.root} {self.declared.keys} {self.files_state}"

    def vouches(self, sha256: str) -> bool:
        """Without a hash in its declaration, a homework's numbers are of the file that is there."""
        return self.declared.keys.get("sha256", sha256) == sha256

    def make_stand_in(self) -> tuple[Upstream, str]:
        if not self.known:
            needed = "shape" if "targets" in self.declared.keys else "shape and classes"
            raise DataError(
                f"{self.paths(Path())[0]}: no such file; put it there, or declare {needed} of the "
                f"data in {self.declared.path}, so that a stand-in can be made"
            )
        return super().make_stand_in()

    @property
    def remedy(self) -> str:
        return f"put them at {self.paths(Path())[0]}"

    def how_to_get(self, missing: Path, fetching: bool = False) -> str:
        origin = f" (from {self.homepage})" if self.homepage else ""
        return f"{missing}: no such file; {self.declared.path} declares it: put it there{origin}"


def entry(declared: Declared) -> Own:
    """The data set of a declaration; if its files are there, as they are now.

    Raises `DataError` for files that are not what was declared.
    """
    source = _source(declared)
    if not source.is_there():
        return _make(declared, source, source.declared_facts())
    with _said_of(declared):
        return _of_files(declared.name, source, _state(source))


@contextmanager
def _said_of(declared: Declared) -> Iterator[None]:
    """A file that is not sound is nobody's but its owner's to mend."""
    try:
        yield
    except DataError as error:
        remedy = f"mend it, or its declaration in {declared.path}"
        raise DataError(str(error).replace(formats.REMEDY, remedy)) from error


def _source(declared: Declared) -> Source:
    """The reader for the form of a declaration's files, in the folder that has them."""
    suffix = Path(declared.file).suffix.lower()
    sort = _FORMS.get(suffix, images.Images)
    found = [sort(declared, folder) for folder in declared.folders]
    return next((source for source in found if source.is_there()), found[0])


def _state(source: Source) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file does."""
    return tuple(
        (path, stat.st_size, stat.st_mtime_ns)
        for path in source.files
        for stat in [os.stat(source.root / path)]
    )


@cache
def _of_files(name: str, source: Source, state: tuple[tuple[str, int, int], ...]) -> Own:
    made = _make(source.declared, source, source.facts())
    return replace(made, files_state=str(state))


def _make(declared: Declared, source: Source, facts: Facts | None) -> Own:
    keys, cutting = declared.keys, Cutting(declared.keys)
    counts = facts.counts if facts else {}
    there = {*counts, *keys.get("splits", {})}
    splits = declared.splits() or tuple(s for s in SPLITS if s in there or not counts)
    shape = facts.shape if facts else ()
    return Own(
        name=declared.name,
        title=keys.get("title", declared.name),
        licence="",
        homepage=keys.get("homepage", ""),
        files=tuple(File(name, ()) for name in source.files),
        counts=counts,
        width=int(np.prod(shape)) if shape else 0,
        reader=lambda _, paths: _read_of(declared, source, paths),
        views={OWN_VIEW: View(cutting.cut, cutting.note, splits)},
        stand_in=_stand_in(facts, counts, splits, bool(keys.get("splits"))),
        image_shape=shape if len(shape) > 1 else (),
        class_names=facts.class_names if facts else (),
        root=source.root,
        declared=declared,
        known=facts is not None,
    )


def _stand_in(
    facts: Facts | None, counts: dict[str, int], splits: Sequence[str], divided: bool
) -> StandIn:
    names = list(counts) or ([POOL] if divided else list(splits))
    few = {name: min(_STAND_IN[name], counts.get(name, 10**9)) for name in names}
    if facts is not None and len(facts.shape) > 1 and facts.class_names:
        return synthetic.Pictures(few, facts.is_bytes)
    return synthetic.Table(few)


def _read_of(declared: Declared, source: Source, paths: Sequence[Path]) -> Upstream:
    with _said_of(declared):
        return _read(source, paths)


def _read(source: Source, paths: Sequence[Path]) -> Upstream:
    """Features (N, D) and labels or targets (N,) of each split of the files. Raises `DataError`."""
    if len(paths) == 1 and paths[0] != source.root / source.files[0]:
        source = source.elsewhere(paths[0])
    facts = source.facts()
    found: Upstream = {}
    for split, (features, labels) in source.read().items():
        path = source.path(split)
        if features.dtype.kind == "f" and not np.isfinite(features).all():
            raise formats.problem(path, f"{split}: features that are not finite numbers")
        limits = source.declared.keys.get("range")
        if limits and not limits[0] <= float(features.min()) <= float(features.max()) <= limits[1]:
            low, high = float(features.min()), float(features.max())
            raise formats.problem(
                path, f"{split}: features from {low:g} to {high:g}, declared as {limits}"
            )
        if features.dtype not in (np.uint8, np.float32):
            features = features.astype(np.float64)
        found[split] = formats.paired(path, split, features, facts.encode(labels, path))
    return found
