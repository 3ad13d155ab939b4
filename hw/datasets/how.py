"""What to do where a file is missing, in one line."""

from __future__ import annotations

from pathlib import Path

from hw.datasets.registry import Entry


def to_get(entry: Entry, missing: Path, fetching: bool = False) -> str:
    """Which file is missing, where it is to be had, where it belongs.

    fetching: the one who asks has just tried ``hw data fetch``.
    """
    n = len(entry.files)
    wanted = missing.name if n == 1 else f"its {n} files"
    by_hand = f"get {wanted} from {entry.homepage} and put {'it' if n == 1 else 'them'} there"
    if fetching:
        return f"{missing}: could not be fetched; {by_hand}"
    return f"{missing}: no such file; run 'python -m hw data fetch {entry.name}', or {by_hand}"
