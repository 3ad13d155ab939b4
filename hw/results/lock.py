"""One run at a time in a results folder, by a lock that dies with its process.

The lock is the kernel's, on an open file (flock): a process that is killed holds it no longer,
whatever it leaves lying about. Where the platform or the file system has no such locks, nothing is
locked, and two runs at one folder are the user's own business, as they are everywhere.
"""

from __future__ import annotations

import contextlib
import os
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

    None where there is nothing to lock with, or the folder cannot be written. Raises `InUse`.
    """
    if fcntl is None:
        return None
    path = folder / NAME
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_still(path, descriptor):  # released, and removed, since it was opened
                os.close(descriptor)
                continue
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise InUse(
                f"another run (process {holder or 'unknown'}) is at work in {folder}; wait for it "
                "to end, or choose another folder with --results-dir"
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            return None
        with contextlib.suppress(OSError):  # on a full disk it is a lock all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        return Lock(path, descriptor)


def is_held(folder: Path) -> bool:
    """Whether a living process holds the folder's lock. Never waits, changes nothing.

    Where there is nothing to lock with, a process that is at work cannot be told from one that is
    not: True.
    """
    if fcntl is None:
        return True
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: those who only ask do not stand in each other's way.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False
