"""What Windows has, in terms of what we have: for tests that take away what it lacks."""

from __future__ import annotations

import errno
import os
from typing import Any

try:
    import fcntl
except ImportError:  # on Windows itself, whose tests need nothing of this
    fcntl: Any = None


class Msvcrt:
    """Its locks. One of them refuses a process that has ours, and the other way round."""

    LK_NBLCK, LK_UNLCK = 2, 0

    @staticmethod
    def locking(descriptor: int, operation: int, count: int) -> None:
        assert os.lseek(descriptor, 0, os.SEEK_CUR) > 1000, "it would keep readers out"
        assert count == 1
        try:
            take = fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.flock(descriptor, take if operation == Msvcrt.LK_NBLCK else fcntl.LOCK_UN)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None
