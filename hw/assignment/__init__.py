"""The assignments' own commands, such as ``python hw1-q1.py perceptron -epochs 100``.

Each script of ``scripts/`` is declared in `hw.assignment.declarations`: its models, flags,
defaults, printed lines and files. A homework of one's own declares its scripts in homework.yaml.
They train as ``python -m hw run`` does, and leave no results folder. Importing this costs nothing,
so that a missing package is said in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hw.cli import guarded, keep_to_ourselves


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Run the script declared as ``name``; returns its exit code."""
    if argv is None:
        keep_to_ourselves()
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(name, arguments), kept="no file was written")


def _run(name: str, arguments: list[str]) -> int:
    from hw.assignment import declared
    from hw.assignment.declarations import SCRIPTS
    from hw.assignment.script import run

    script = SCRIPTS[name] if name in SCRIPTS else declared.find(name)
    return run(script, name.rpartition("/")[2], arguments)
