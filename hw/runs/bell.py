"""How a run asks its own processes to end after their epoch, and how none outlives it.

Not by a signal: Windows has none to send, and a terminal sends its own to every process.
"""

from __future__ import annotations

import _thread
import multiprocessing
import os
import threading
from multiprocessing.connection import Connection, wait


class Bell:
    """A pipe through which nothing is sent: what is heard is that its other end is closed.

    Whoever is started after it was rung hears it, too.

    heard_by: what a process needs for `obey`.
    """

    def __init__(self) -> None:
        self.heard_by, self._other_end = multiprocessing.Pipe(duplex=False)

    def ring(self) -> None:
        """Ask every process to end after its epoch. A signal may call it: it takes no lock."""
        self._other_end.close()


def obey(bell: Connection) -> None:
    """In a process of our own, once it listens: end after the epoch when the bell rings, and with
    the parent."""
    threading.Thread(target=_wait_for_either, args=(bell,), daemon=True).start()


def _wait_for_either(bell: Connection) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    if parent.sentinel not in wait([parent.sentinel, bell]):
        # As if somebody had pressed Ctrl-C in this process alone.
        _thread.interrupt_main()
        parent.join()
    # No process is left behind, not even if its parent is killed.
    os._exit(1)
