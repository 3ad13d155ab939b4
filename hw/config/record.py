"""What groups of students logged on the assignments' own files: a homework's ``record.json``.

Numbers printed by programs of third parties, read from logs that they made public. Facts with the
number of their witnesses: no code, no names. The file is a list of curves, each::

    {"question": "q1.perceptron", "variant": "default", "witnesses": 4,
     "validation_accuracy": [0.4812, ...]}

A value an epoch, as printed: four decimals. Several curves of one question and variant are those of
several machines, as chaotic trainings give them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hw.errors import UsageError

DECIMALS = 4  # that the programs print


@dataclass(frozen=True)
class Curve:
    """One logged curve of one metric: ``values``, one an epoch, seen by so many ``witnesses``."""

    witnesses: int
    values: Sequence[float]


def curves(folder: Path, question: str, variant: str, metric: str) -> list[Curve]:
    """The distinct curves that were logged, those with most witnesses first.

    folder: of the homework. Raises `UsageError` for a file that is no record.
    """
    found = [
        Curve(int(row["witnesses"]), row[metric])
        for row in _read(folder / "record.json")
        if (row["question"], row["variant"]) == (question, variant) and metric in row
    ]
    return sorted(found, key=lambda curve: -curve.witnesses)


@cache
def _read(path: Path) -> tuple[Mapping[str, Any], ...]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error})") from error
    return tuple(_checked(row, path) for row in rows)


def _checked(row: Any, path: Path) -> Mapping[str, Any]:
    needed = {"question", "variant", "witnesses"}
    if not isinstance(row, dict) or not needed <= row.keys():
        raise UsageError(f"{path}: every curve needs {', '.join(sorted(needed))}")
    for name, values in row.items():
        if name not in needed and not (
            isinstance(values, list) and values and all(isinstance(v, float | int) for v in values)
        ):
            raise UsageError(f"{path}: {name} of {row['question']} must be a list of numbers")
    return row
