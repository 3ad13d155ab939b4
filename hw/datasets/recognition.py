"""What ``hw data verify`` found of a file whose hash nobody published, remembered beside it.

What models score on a file before any training (see `Entry.initial_accuracies`) costs seconds and
PyTorch, and so the numbers are kept, with the sha256 of the file that they are of, in
``initial-accuracies.json`` in the data set's folder. What they mean is decided anew whenever they
are read; a file that is damaged, or of another sha256, is as good as none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "initial-accuracies.json"
MOST_BYTES = 10_000


def fits(printed: Mapping[str, str], found: Mapping[str, float]) -> bool:
    """Whether every accuracy that was ``found`` prints as the published one; False without."""
    return bool(printed) and all(
        model in found and f"{found[model]:.{len(text.partition('.')[2])}f}" == text
        for model, text in printed.items()
    )


def remembered(folder: Path, sha256: str) -> dict[str, float]:
    """The validation accuracies of each model that are known of the file with this hash."""
    path = folder / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict) or known.get("sha256") != sha256:
        return {}
    found = known.get("validation_accuracy")
    if not isinstance(found, dict) or not all(
        isinstance(value, float) and 0 <= value <= 1 for value in found.values()
    ):
        return {}
    return found


def remember(folder: Path, sha256: str, found: Mapping[str, float]) -> None:
    """Write what `remembered` reads, as a whole or not at all. Raises `OSError`."""
    known = {"sha256": sha256, "validation_accuracy": {m: float(v) for m, v in found.items()}}
    beside = folder / f"{FILE}.part"
    beside.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, folder / FILE)
