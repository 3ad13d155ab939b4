"""Reproduce every question of five deep-learning homeworks, in NumPy and in PyTorch.

From Python: `run` a question, `load` its results (docs/python.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hw.api import Figure, Result, load, run
    from hw.errors import DataError, HwError, MissingPackage, UsageError

__version__ = "0.2.0"
__all__ = [
    "DataError",
    "Figure",
    "HwError",
    "MissingPackage",
    "Result",
    "UsageError",
    "load",
    "run",
]

_API = ("Figure", "Result", "load", "run")


def __getattr__(name: str) -> Any:
    """What is public, imported when it is first used: ``python -m hw --help`` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'hw' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("hw.api" if name in _API else "hw.errors"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
