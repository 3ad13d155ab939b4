"""Which data sets there are: every module of this package that has an ``ENTRY``, and those that
homeworks declare in YAML."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

from hw.config.data import declared
from hw.datasets import own
from hw.datasets.entry import Entry
from hw.errors import UsageError, did_you_mean


def _found() -> dict[str, Entry]:
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [import_module(f"hw.datasets.{name}") for name in sorted(names)]
    entries = [module.ENTRY for module in modules if hasattr(module, "ENTRY")]
    return {entry.name: entry for entry in entries}


CATALOGUE = _found()


def entry(name: str) -> Entry:
    """The data set of that name, of hw or of a homework of one's own that has been read.

    Raises `UsageError`, with the nearest name that exists.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name in declared():
        return own.entry(declared()[name])
    raise UsageError(
        f"unknown data set {name!r}{did_you_mean(name, [*CATALOGUE, *declared()])}"
        f" (data sets: {', '.join(CATALOGUE)})"
    )
