"""Where homeworks are looked for besides hw's own: folders like ``configs/``.

Named by ``--homeworks DIR``, by ``HW_HOMEWORKS`` (several, as in PATH), by ``homeworks`` in a file
``hw.toml`` in the working directory or above it, and by installed packages with an entry point in
the group ``hw.homeworks``. All of them count. Naming a folder is the consent to import the kinds
in its ``models/``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from hw.errors import UsageError, did_you_mean, quoted

VARIABLE = "HW_HOMEWORKS"
FILE = "hw.toml"
GROUP = "hw.homeworks"


@contextmanager
def using(folders: Iterable[str | os.PathLike[str]]) -> Iterator[None]:
    """Look into these folders too, in this process and in those that it starts.

    Raises `UsageError` for what is no folder.
    """
    before = os.environ.get(VARIABLE)
    named = [str(_folder(Path(folder), "--homeworks")) for folder in folders]
    os.environ[VARIABLE] = os.pathsep.join([*named, *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def current() -> tuple[Path, ...]:
    """The folders that are named now, each once. Raises `UsageError`."""
    return _found(os.environ.get(VARIABLE, ""), Path.cwd())


@lru_cache(maxsize=32)
def _found(variable: str, directory: Path) -> tuple[Path, ...]:
    named = [_folder(directory / word, VARIABLE) for word in variable.split(os.pathsep) if word]
    return tuple(dict.fromkeys([*named, *_of_file(directory), *_of_packages()]))


def _folder(path: Path, origin: str) -> Path:
    path = path.expanduser()
    if not path.is_dir():
        raise UsageError(f"{origin}: {path}: no such folder")
    return path.resolve()


def _of_file(directory: Path) -> list[Path]:
    """Those of the nearest ``hw.toml``; its paths are seen from where it lies."""
    path = next((p for d in (directory, *directory.parents) if (p := d / FILE).is_file()), None)
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    for key in content:
        if key != "homeworks":
            raise UsageError(
                f"{path}: unknown key {quoted(key)}{did_you_mean(key, ['homeworks'])}"
                " (keys: homeworks)"
            )
    found = content.get("homeworks", [])
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise UsageError(f'{path}: homeworks is a list of folders: homeworks = ["course"]')
    return [_folder(path.parent / name, str(path)) for name in found]


@lru_cache(maxsize=1)
def _of_packages() -> tuple[Path, ...]:
    """Those of installed packages: an entry point names a package, or a path in one."""
    found = []
    for point in metadata.entry_points(group=GROUP):
        try:
            named = point.load()
            path = Path(named.__path__[0] if hasattr(named, "__path__") else named)
        except Exception as error:
            raise UsageError(
                f"entry point {point.name} = {point.value} ({GROUP}): "
                f"{type(error).__name__}: {error}; mend or remove its package"
            ) from error
        found.append(_folder(path, f"entry point {point.name} ({GROUP})"))
    return tuple(found)
