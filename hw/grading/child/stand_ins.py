"""Libraries that are spared: importing them costs more than grading most hand-ins.

Matplotlib is replaced by one that draws nothing.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_DRAWING = {"matplotlib", "mpl_toolkits", "pylab", "seaborn"}


class Silent:
    """Whatever is asked of it, it agrees: any attribute, any call, any item."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        return _named(name)

    def __getitem__(self, _: Any) -> Any:
        return self

    def __setitem__(self, *_: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


class Drawing(ModuleType):
    """A module of the drawing library: all its names are there, and do nothing."""

    def __getattr__(self, name: str) -> Any:
        return _named(name)


def _named(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _RETURNING.get(name, Silent())


def _savefig(name: Any = None, *_: Any, **__: Any) -> None:
    """The file is made, and empty: that it is made can be looked at."""
    if isinstance(name, str | Path):
        Path(name).touch()


def _subplots(rows: int = 1, columns: int = 1, *_: Any, **options: Any) -> tuple[Any, Any]:
    rows, columns = options.get("nrows", rows), options.get("ncols", columns)
    grid = [[Silent() for _ in range(columns)] for _ in range(rows)]
    if rows == columns == 1:
        return Silent(), grid[0][0]
    if 1 in (rows, columns):
        return Silent(), list(itertools.chain(*grid))
    return Silent(), grid


# What has a result that programs take apart.
_RETURNING: dict[str, Callable[..., Any]] = {
    "savefig": _savefig,
    "subplots": _subplots,
    "plot": lambda *_, **__: [Silent()],
    "hist": lambda *_, **__: (Silent(), Silent(), Silent()),
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in _DRAWING:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Drawing(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install() -> None:
    sys.meta_path.insert(0, _Finder())
    if "torch" in sys.modules:
        _without_compiler(sys.modules["torch"])


def _without_compiler(torch: Any) -> None:
    """Spare PyTorch its compiler, which every optimizer imports, in seconds, to leave it unused."""
    compiler: Any = ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function
    compiler.graph_break = lambda *_, **__: None
    sys.modules["torch._dynamo"] = torch._dynamo = compiler
