"""Files: written beside and renamed, read without trust, compared by content."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from hw.errors import HwError
from hw.results import lock

MAX_JSON_BYTES = 200_000_000
PART = ".part"  # how the names of unfinished files end
ATTEMPTS, PAUSE = 11, 0.1  # seconds


def digest(value: Any) -> str:
    """sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# Writing


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all: beside it, flushed, then renamed.

    Raises `HwError` where the folder cannot be written.
    """
    write_texts({path: text})


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several files: all of them are on the disk before the first takes its place, so that
    a full disk leaves every old one as it was. They take their places in this order.

    Raises `HwError` where a folder cannot be written.
    """
    with ExitStack() as stack:
        for path, text in reversed(list(texts.items())):  # those entered last are renamed first
            beside = stack.enter_context(written_beside(path))
            with beside.open("wb") as file:
                # A path that is not text has lone surrogates, and a command line may hold one.
                file.write(text.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A file to write in place of ``path``, which it becomes at the end.

    However the block ends, nothing is left beside; and what a process that was killed has left in
    the folder is removed. Raises `HwError` where the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_parts(path.parent)
        beside, descriptor = _new_part(path)
        with ExitStack() as is_open:
            is_open.callback(os.close, descriptor)
            try:
                yield beside
                if sys.platform == "win32":  # which moves no file that is open
                    is_open.close()
                _replace(path, beside)
            except BaseException:
                is_open.close()
                beside.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise cannot_write(path, error) from error


def _replace(path: Path, beside: Path) -> None:
    """Put one file in the place of another. Windows lets nobody replace a file that somebody reads:
    there it is tried for a second."""
    for _ in range(ATTEMPTS - 1 if sys.platform == "win32" else 0):
        with suppress(PermissionError):
            beside.replace(path)
            return
        time.sleep(PAUSE)
    beside.replace(path)


class CannotWrite(HwError):
    """A file or a folder that cannot be written."""

    def __init__(self, path: Path, reason: str, option: str = "--results-dir") -> None:
        self.path, self.reason = path, reason
        super().__init__(f"cannot write {path}: {reason}; choose another folder with {option}")


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(path, error.strerror or str(error))


@contextmanager
def elsewhere(option: str) -> Iterator[None]:
    """Inside, what is written goes where ``option`` says, which is what would help."""
    try:
        yield
    except CannotWrite as error:
        raise CannotWrite(error.path, error.reason, option) from error


def _new_part(path: Path) -> tuple[Path, int]:
    """A new file beside ``path``, and its descriptor: locked while it is open, which tells
    `remove_parts` that somebody is writing it."""
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
        # The user's umask takes from this mode, as it does for any new file.
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if lock.take(descriptor) is not False and part.exists():
            return part, descriptor
        os.close(descriptor)  # `remove_parts` came between the two


def remove_parts(folder: Path) -> None:
    """Remove the unfinished files of processes that were killed."""
    for part in folder.glob(f".*{PART}"):
        try:
            descriptor = os.open(part, os.O_RDONLY | lock.PLAIN)
        except OSError:
            continue
        with ExitStack() as is_open:
            is_open.callback(os.close, descriptor)
            if lock.take(descriptor):
                if sys.platform == "win32":  # which removes no file that is open
                    is_open.close()
                with suppress(OSError):
                    part.unlink()


# Reading


def as_json(value: Any, indent: int | None = 2) -> str:
    """JSON as every file here has it: sorted keys, no NaN, a last newline."""
    return (
        json.dumps(value, indent=indent, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    )


def read_bytes(path: Path, most: int) -> bytes:
    """The contents of a regular file of at most ``most`` bytes. Raises `HwError`.

    Waits for nobody: a pipe without a writer must not hold up the reader.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise HwError(f"{path}: not a regular file")
            raw = file.read(most + 1)
    except OSError as error:
        raise HwError(f"{path}: {error.strerror or error}") from error
    if len(raw) > most:
        raise HwError(f"{path}: larger than {most} bytes")
    return raw


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_json(path: Path) -> Any:
    """A JSON file. Raises `HwError` for one that is missing, no regular file, too large or not
    JSON."""
    try:
        # Python would also read NaN and Infinity, which are not JSON.
        return json.loads(read_bytes(path, MAX_JSON_BYTES).decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise HwError(f"{path}: not JSON ({error}); delete the folder and run again") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
