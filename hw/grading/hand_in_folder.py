"""The folder that a hand-in runs in: a bounded copy of its own, with what the course adds.

Sizes are in bytes. Links are not followed, and hidden folders are left where they are.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hw.results import lock

MAX_FILES, MAX_BYTES = 200, 20 << 20
_MAX_MADE = 1 << 20  # of one file that a script made: what is read of it
_COURSE_FILE = Path(__file__).with_name("course_utils.py")
_LEFT = {"__pycache__", "node_modules", "venv", "env", "site-packages"}


def copy(file: Path, place: Path, files: Mapping[str, bytes]) -> int:
    """Copy the folder of ``file`` to ``place`` and write ``files`` there; how many are left out.

    Python files go first, so that large data cost none of them its place.
    """
    shutil.copyfile(file, place / file.name)
    found = sorted(_files(file.parent), key=lambda p: (p.suffix != ".py", len(p.parts), p))
    room, left_out = MAX_BYTES - file.stat().st_size, 0
    for count, path in enumerate(p for p in found if p != file):
        size = path.stat().st_size
        if count >= MAX_FILES or size > room:
            left_out += 1
            continue
        room -= size
        to = place / path.relative_to(file.parent)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
    if not (place / "utils.py").exists():
        shutil.copyfile(_COURSE_FILE, place / "utils.py")
    write(place, files)
    return left_out


def _files(folder: Path) -> Iterator[Path]:
    """The regular files below a folder, at most a few thousand of them."""
    seen = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if n not in _LEFT and not n.startswith("."))
        for name in sorted(names):
            seen += 1
            if seen > 20 * MAX_FILES:
                return
            path = Path(where, name)
            if not name.startswith(".") and stat.S_ISREG(path.lstat().st_mode):
                yield path


def write(place: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their names, which may have folders. What is in the way is replaced: a hand-in
    that ran before may have made it, also as a link to somewhere else."""
    for name, content in files.items():
        path = place / name
        folders = [place / folder for folder in path.relative_to(place).parents]
        for part in (*reversed(folders[:-1]), path):  # from the outermost on
            if part.is_symlink() or part.is_file():
                part.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def listing(place: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file, by its path within the folder."""
    found = {}
    for path in _files(place):
        facts = path.lstat()
        found[str(path.relative_to(place))] = (facts.st_size, facts.st_mtime_ns)
    return found


def made(place: Path, before: Mapping[str, tuple[int, int]]) -> dict[str, bytes]:
    """What is new or changed since ``before``, by its path: the beginning of each file."""
    changed = [name for name, facts in listing(place).items() if before.get(name) != facts]
    return {name: _beginning(place / name) for name in changed[:MAX_FILES]}


def _beginning(path: Path) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | lock.PLAIN), "rb") as stream:
            return stream.read(_MAX_MADE)
    except OSError:
        return b""
