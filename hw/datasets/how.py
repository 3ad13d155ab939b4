"""What to do where a file is missing, in one line."""

from __future__ import annotations

from pathlib import Path

from hw.datasets.catalogue import Entry


def to_get(entry: Entry, missing: Path) -> str:
    """Which file is missing, where it is to be had, where it belongs."""
    return (
        f"{missing}: no such file; run 'hw data fetch {entry.name}', or get {missing.name} from"
        f" {entry.homepage} and put it there"
    )
