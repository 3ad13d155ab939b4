"""What a result depends on, as one digest: settings, data, versions, and the code behind it.

The code is that of the question's kind and of everything in `hw` that it imports, directly or
not, as written: a changed comment reruns too, which costs time and never a wrong number.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from hw.config import kinds
from hw.results.files import digest

PACKAGE = Path(__file__).resolve().parents[1]
# Every run goes through these, whatever its kind.
COMMON = ("hw.training.loop", "hw.results.outcome", "hw.runs.machine", "hw.datasets.features")
# These decide where things are written and what is shown, not what is computed.
IGNORED = {
    "hw.config.data",
    "hw.config.located",
    "hw.config.schema",
    "hw.config.settings",
    "hw.datasets.download",
    "hw.errors",
    "hw.figures.style",
    "hw.results.fingerprint",
}
NOT_INSTALLED = "not installed"


def fingerprint(
    module: ModuleType, depends_on: Mapping[str, Any], backend: str, has_data: bool
) -> dict[str, str]:
    """The digests that make a result up to date, by name, so that a change can be named."""
    packages = [
        "numpy",
        *(["torch"] if backend == "torch" else []),
        *getattr(module, "REQUIRES", ()),
    ]
    data = {key: depends_on[key] for key in ("data", "view") if key in depends_on}
    return {
        "settings": digest({k: v for k, v in depends_on.items() if k not in data}),
        "data": digest(data),
        "code": code_digest(module.__name__, has_data),
        "versions": digest({name: version(name) for name in packages}),
    }


def made_by(module: ModuleType, backend: str, has_data: bool) -> dict[str, str]:
    """What of a result's fingerprint is its maker's: the code that computes here, and the versions
    of packages."""
    whole = fingerprint(module, {}, backend, has_data)
    return {key: whole[key] for key in ("code", "versions")}


@cache
def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED


@cache
def code_digest(module: str, has_data: bool) -> str:
    """sha256 over the sources of a module and of all of `hw` that it imports."""
    readers = [f"hw.datasets.{path.stem}" for path in (PACKAGE / "datasets").glob("*.py")]
    todo, seen = [module, *COMMON, *(readers if has_data else [])], set(IGNORED) - {module}
    total = hashlib.sha256()
    sources = {}
    while todo:
        name = todo.pop()
        path = _path(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        source = path.read_bytes()
        sources[kinds.name_anywhere(name)] = source
        todo += _imports(source, name.rpartition(".")[0])
    for name in sorted(sources):
        total.update(name.encode() + b"\0" + hashlib.sha256(sources[name]).digest())
    return total.hexdigest()


def _path(module: str) -> Path | None:
    """The file of a module of hw, or of a kind of one's own; None for any other."""
    package, *parts = module.split(".")
    folder = PACKAGE if package == "hw" else kinds.own_folder(module)
    if folder is None:
        return None
    base = folder.joinpath(*parts)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(source: bytes, package: str) -> list[str]:
    """The modules that the source of a module of ``package`` may import."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # Modules of hw name one another in full; those of one's own may do without.
            module = ".".join(filter(None, [package if node.level else "", node.module or ""]))
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return found
