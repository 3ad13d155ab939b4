"""One module per verb: ``add_parser(subparsers, common)`` and ``run(args) -> exit code``."""

from __future__ import annotations

import importlib
from types import ModuleType

# In the order of ``--help``.
VERBS = ("list", "show", "run", "verify", "calibrate", "check", "report", "data", "bench", "lockstep", "whence", "compare", "export", "completion")


def load() -> list[ModuleType]:
    return [importlib.import_module(f"hw.commands.{verb}") for verb in VERBS]
