"""One run at a time in a results folder, by a lock that dies with its process.

The lock is the kernel's, on an open file (flock, or what Windows has in its place): a process that
is killed holds it no longer, whatever it leaves lying about. Where the platform or the file system
has no such locks, nothing is locked, and two runs at one folder are the user's own business, as
they are everywhere.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import stat
import time
from pathlib import Path
from types import ModuleType

from hw.errors import HwError


def _if_there(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


fcntl, msvcrt = _if_there("fcntl"), _if_there("msvcrt")  # of POSIX, and of Windows
NAME = ".lock"


class InUse(HwError):
    """Another process has the folder."""


class Lock:
    """The lock of a folder, held until `release`, or until the process ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor

    def release(self) -> None:
        if self.descriptor < 0:
            return
        descriptor, self.descriptor = self.descriptor, -1
        if fcntl:  # removed while it is held: whoever opens the file later makes a new one
            self._remove()
            os.close(descriptor)
        else:  # Windows removes no open file, and so none that somebody else has taken since
            _let_go(descriptor)
            os.close(descriptor)
            self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()


def acquire(folder: Path) -> Lock | None:
    """Take the lock of a folder, which is made if need be.

    None where there is nothing to lock with, or the folder cannot be written. Raises `InUse`, and
    `HwError` where something else than a lock stands in its place.
    """
    path = folder / NAME
    while fcntl or msvcrt:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = _open(path)
        except OSError:
            return None
        try:
            is_ours = _take(descriptor)
        except OSError:  # a file system without locks
            os.close(descriptor)
            return None
        if not is_ours:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUse(
                f"another run (process {holder if holder.isdigit() else 'unknown'}) is at work in "
                f"{folder}; wait for it to end, or choose another folder with --results-dir"
            )
        if fcntl and not _is_still(path, descriptor):  # released, and removed, since it was opened
            os.close(descriptor)
            continue
        with contextlib.suppress(OSError):  # on a full disk it is a lock all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        return Lock(path, descriptor)
    return None


def is_held(folder: Path) -> bool:
    """Whether a living process holds the folder's lock. Changes nothing.

    Where there is nothing to lock with, a process that is at work cannot be told from one that is
    not: True.
    """
    if not (fcntl or msvcrt):
        return True
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | PLAIN)
    except OSError:
        return False
    try:
        if not _take(descriptor, shared=True):
            return True
        _let_go(descriptor)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def take(descriptor: int) -> bool | None:
    """Lock an open file until it is closed; False where another process has it, None where there
    is nothing to lock with."""
    try:
        return _take(descriptor) if fcntl or msvcrt else None
    except OSError:  # a file system without locks
        return None


# The kernel's locks

# Windows keeps others from reading what is locked: a byte far behind the holder's number.
_BYTE = 1 << 30
# It also knows no shared lock, so that somebody who only asks may have it for a moment.
_TRIES, _PAUSE = 5, 0.01  # seconds


def _take(descriptor: int, shared: bool = False) -> bool:
    """Lock a file; whether nobody else has it. Raises `OSError` where it cannot be locked.

    shared: those who only ask do not stand in each other's way.
    """
    if fcntl:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX))
            return True
        except BlockingIOError:
            return False
    assert msvcrt
    for _ in range(_TRIES):
        try:
            _at_byte(descriptor, msvcrt.LK_NBLCK)
            return True
        except PermissionError:
            time.sleep(_PAUSE)
    return False


def _let_go(descriptor: int) -> None:
    """What closing the file does, too: at once, which Windows does not promise of closing."""
    if fcntl is None and msvcrt:
        with contextlib.suppress(OSError):
            _at_byte(descriptor, msvcrt.LK_UNLCK)


def _at_byte(descriptor: int, operation: int) -> None:
    assert msvcrt
    os.lseek(descriptor, _BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, operation, 1)
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


# The lock's file

# Neither a link is followed, nor is anything waited for that a FIFO might bring.
PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _open(path: Path) -> int:
    """The lock's file, made if need be. Raises `HwError` for what is no file of ours, and for one
    that may not be read: then nobody can tell whether its owner is at work."""
    try:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o644)
        except PermissionError:
            if not path.exists():
                raise
            # Another user's. The kernel locks it for those who can only read it, too.
            descriptor = os.open(path, os.O_RDONLY | PLAIN)
    except PermissionError:
        if not path.exists():
            raise
        raise InUse(
            f"{path} is another user's and cannot be read, so that nobody can tell whether a run "
            "is at work there; choose another folder with --results-dir"
        ) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise HwError(f"{path} is not the lock of a run; remove it") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise HwError(f"{path} is not the lock of a run; remove it")
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False
