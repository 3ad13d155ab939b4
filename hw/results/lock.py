"""One run at a time in a results folder, by a lock that dies with its process.

The lock is the kernel's, on an open file (flock): a process that is killed holds it no longer,
whatever it leaves lying about. Where the platform or the file system has no such locks, nothing is
locked, and two runs at one folder are the user's own business, as they are everywhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from hw.errors import HwError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

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
        # While it is held: whoever opens the file later makes a new one.
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self.descriptor)
        self.descriptor = -1


def acquire(folder: Path) -> Lock | None:
    """Take the lock of a folder, which is made if need be.

    None where there is nothing to lock with, or the folder cannot be written. Raises `InUse`, and
    `HwError` where something else than a lock stands in its place.
    """
    if fcntl is None:
        return None
    path = folder / NAME
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = _open(path)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_still(path, descriptor):  # released, and removed, since it was opened
                os.close(descriptor)
                continue
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUse(
                f"another run (process {holder if holder.isdigit() else 'unknown'}) is at work in "
                f"{folder}; wait for it to end, or choose another folder with --results-dir"
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            return None
        with contextlib.suppress(OSError):  # on a full disk it is a lock all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        return Lock(path, descriptor)


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


def is_held(folder: Path) -> bool:
    """Whether a living process holds the folder's lock. Never waits, changes nothing.

    Where there is nothing to lock with, a process that is at work cannot be told from one that is
    not: True.
    """
    if fcntl is None:
        return True
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | PLAIN)
    except OSError:
        return False
    try:
        # Shared: those who only ask do not stand in each other's way.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def take(descriptor: int) -> bool | None:
    """Lock an open file until it is closed; False where another process has it, None where there
    is nothing to lock with."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False
