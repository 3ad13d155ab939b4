"""Fetching data sets: several mirrors, resumed, checked, renamed into place.

A file is written to ``NAME.part`` beside its place, survives there when a connection dies, and is
continued by the next mirror or the next call (``Range``). It takes its real name only once it is
whole: its published hash fits, or, where none is published, its contents can be read.

Mirrors are tried one after the other. An unreachable network costs seconds: all mirrors of a file
share one limit for their first bytes, and once no mirror of a file has answered, the next files
wait a moment only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hw import console
from hw.datasets import formats, hashes
from hw.datasets.entry import Entry, File
from hw.errors import DataError, HwError
from hw.results import lock

if TYPE_CHECKING:
    from http.client import HTTPResponse

CHUNK = 1 << 15  # what a dying connection may lose
TRIES = 4  # of one mirror whose connection breaks off, as long as each brings bytes

FETCHED = "fetched"
ALREADY = "already there"


@dataclass(frozen=True)
class Timing:
    """Time limits in seconds.

    answer: for the first bytes, of all mirrors of a file together.
    again:  the same, once another file has shown that the network does not answer.
    stall:  without a byte; and the time over which the rate is measured.
    whole:  for one file from one mirror.
    lock:   for another process that fetches the same data set.
    rate:   bytes a second below which a mirror is given up.
    """

    answer: float = 9.0
    again: float = 1.0
    stall: float = 15.0
    whole: float = 7200.0
    lock: float = 600.0
    rate: float = 2000.0


def offline() -> bool:
    """Whether the user asked for no network (``HW_OFFLINE=1``)."""
    return os.environ.get("HW_OFFLINE", "") not in ("", "0")


class _Failure(Exception):
    """What one mirror did wrong, in a few words; the next one is tried."""


class _Unreachable(_Failure):
    """Nobody answered: the network may be dead."""


@dataclass
class _Answer:
    """A response with its first bytes."""

    response: HTTPResponse
    first: bytes


class Fetcher:
    """Fetches data sets, and remembers whether the network answers."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.is_dead = False  # no mirror of the last file that was sought has answered

    def fetch(self, entry: Entry, directory: Path) -> str:
        """Have every file of ``entry`` under ``directory``: `FETCHED` or `ALREADY`.

        A file that is there is left alone, whatever its hash. Raises `DataError`, naming the
        file, where it was sought and where to put it.
        """
        pairs = zip(entry.files, entry.paths(directory), strict=True)
        missing = [(file, path) for file, path in pairs if not path.is_file()]
        if missing and not missing[0][0].urls:
            raise DataError(entry.how_to_get(missing[0][1], fetching=True))
        for file, path in missing:
            self.fetch_file(entry, file, path)
        return FETCHED if missing else ALREADY

    def fetch_file(self, entry: Entry, file: File, path: Path) -> None:
        """Download one file to ``path``. Raises `DataError`."""
        where = entry.how_to_get(path, fetching=True)
        if offline():
            raise DataError(f"{where} (nothing was tried: HW_OFFLINE is set)")
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _only_one(path.parent, self.timing.lock):
                if path.is_file():  # another process was faster
                    return
                failures = self._from_mirrors(entry, file, part)
                if not failures:
                    os.replace(part, path)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
        if failures:
            raise DataError(f"{where} ({'; '.join(failures)})")

    def _from_mirrors(self, entry: Entry, file: File, part: Path) -> list[str]:
        """What each mirror did wrong; empty once ``part`` is whole."""
        if part.exists() and not _problem(entry, file, part):
            return []  # an earlier call was stopped between the last byte and the renaming
        failures: list[str] = []
        patience = self.timing.again if self.is_dead else self.timing.answer
        self.is_dead = True
        for position, url in enumerate(file.urls):
            for attempt in range(TRIES):
                start = part.stat().st_size if part.exists() else 0
                began = time.monotonic()
                try:
                    # A mirror that does not answer leaves the others their share.
                    share = patience / (len(file.urls) - position)
                    answer = _in_time(share, partial(_ask, url, start, self.timing.stall))
                    self.is_dead, patience = False, self.timing.answer
                    _save(answer, part, start, file, self.timing)
                    problem = _problem(entry, file, part)
                    if not problem:
                        return []
                    part.unlink()
                    raise _Failure(problem)
                except _Failure as failure:
                    if not isinstance(failure, _Unreachable):
                        self.is_dead = False
                    if self.is_dead:
                        patience -= time.monotonic() - began
                    size = part.stat().st_size if part.exists() else 0
                    # Worth another try: bytes came before the connection broke off, or what had
                    # been resumed was the beginning of some other file.
                    grew = size > start if size else start > 0
                    if not grew or attempt == TRIES - 1:
                        failures.append(f"{urlsplit(url).netloc}: {failure}")
                        break
        return failures


def _in_time(seconds: float, ask: Callable[[], _Answer]) -> _Answer:
    """What ``ask`` returns. Raises `_Failure`, also where nothing has come in time.

    In a thread: looking up a name knows no time limit, and each of a host's addresses has its own.
    """
    results: queue.Queue[_Answer | _Failure] = queue.Queue()

    def run() -> None:
        try:
            results.put(ask())
        except _Failure as failure:
            results.put(failure)

    # A daemon: a host that never answers must not hold up the end of the program.
    threading.Thread(target=run, daemon=True).start()
    try:
        result = results.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise _Unreachable("no answer") from None
    if isinstance(result, _Failure):
        raise result
    return result


def _ask(url: str, start: int, stall: float) -> _Answer:
    """The response of ``url``, from byte ``start``, with its first bytes. Raises `_Failure`."""
    # Not at import: commands that fetch nothing must not pay for it.
    import urllib.request
    from urllib.error import HTTPError

    headers = {"User-Agent": "hw (homework reproduction)"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        # A new opener takes its proxies from the environment (HTTPS_PROXY, NO_PROXY, ...).
        request = urllib.request.Request(url, headers=headers)
        response = urllib.request.build_opener().open(request, timeout=stall)
        first = response.read1(CHUNK)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # our part is no beginning of that file
            return _ask(url, 0, stall)
        raise _Failure(f"HTTP {error.code}{_through(url)}") from error
    except Exception as error:  # those of urllib and http.client have no common ancestor
        raise _Unreachable(f"{_reason(error)}{_through(url)}") from error
    is_page = "text/html" in response.headers.get("Content-Type", "").lower()
    instead = "a web page" if is_page else formats.impostor(first)
    if instead or not first:
        response.close()
        raise _Failure(f"answers with {instead if first else 'nothing'}")
    return _Answer(response, first)


def _through(url: str) -> str:
    """`` through the proxy HOST``, where the environment names one: it may be the one that refuses.

    Never its user and password, which may stand there, too.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme, "")
    if not proxy or proxy_bypass(parts.netloc):
        return ""
    return f" through the proxy {proxy.rpartition('//')[2].rpartition('@')[2]}"


def _reason(error: Exception) -> str:
    """A few words for a failure of the network."""
    cause = getattr(error, "reason", error)  # of a URLError: what it wraps
    if isinstance(cause, TimeoutError):
        return "stalled"
    if isinstance(cause, socket.gaierror):
        return "name not known"
    if isinstance(cause, OSError) and "CERTIFICATE" in str(cause):
        return "certificate not trusted"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    if isinstance(cause, OSError) and "Tunnel connection failed" in str(cause):  # by a proxy
        return " ".join(["refused:", *str(cause).split()[3:]])
    return type(cause).__name__


def _save(answer: _Answer, part: Path, start: int, file: File, timing: Timing) -> None:
    """Append the response to ``part`` (or write it anew where the server ignores Range)."""
    response = answer.response
    with contextlib.closing(response):
        resumed = start > 0 and response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _Failure("resumes at the wrong place")
        done = start if resumed else 0
        length = response.headers.get("Content-Length", "")
        # No more than 15 digits, of ASCII: nothing else is the length of a file.
        total = done + int(length) if re.fullmatch("[0-9]{1,15}", length) else file.size
        if total > file.limit or (file.size and total != file.size):
            raise _Failure(f"offers {total} bytes, not {file.size or file.limit}")
        free = shutil.disk_usage(part.parent).free
        if free < total - done:
            raise OSError(
                errno.ENOSPC, f"disk full: {total - done} bytes are needed, {free} are free"
            )
        with part.open("ab" if resumed else "wb") as out, _progress(file.name, done, total) as bar:
            for chunk in _chunks(answer, timing):
                done += len(chunk)
                if done > file.limit:
                    raise _Failure("sends far more than the file has")
                out.write(chunk)
                bar(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    if done < total:
        raise _Failure(f"connection broke off after {done} of {total} bytes")


def _chunks(answer: _Answer, timing: Timing) -> Iterator[bytes]:
    """What comes, as it comes. Raises `_Failure` where it breaks off or comes too slowly."""
    began = since = time.monotonic()
    total = recent = 0
    chunk = answer.first
    while chunk:
        yield chunk
        total, recent = total + len(chunk), recent + len(chunk)
        now = time.monotonic()
        if now - since > timing.stall:
            if recent < timing.rate * (now - since):
                raise _Failure(f"too slow: {recent / (now - since):.0f} bytes a second")
            since, recent = now, 0
        if now - began > timing.whole:
            raise _Failure(f"not done in {timing.whole:g} seconds")
        try:
            chunk = answer.response.read1(CHUNK)
        except Exception as error:  # as in _ask
            raise _Failure(f"{_reason(error)} after {total} bytes") from error


def _problem(entry: Entry, file: File, part: Path) -> str:
    """Why ``part`` is not the whole, published (or at least sound) file; empty if it is."""
    if file.hash:
        algorithm = file.hash.partition(":")[0].removeprefix("unpacked-")
        right = hashes.is_published(file, part)
        return "" if right else f"other bytes than those of the published {algorithm}"
    try:
        entry.reader(entry, [part])
    except HwError as error:
        return str(error).removeprefix(f"{part}: ").split(";")[0]
    return ""


@contextlib.contextmanager
def _progress(name: str, done: int, total: int) -> Iterator[Callable[[int], Any]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda n: None
        return
    from tqdm import tqdm

    with tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc=name) as bar:
        yield bar.update


@contextlib.contextmanager
def _only_one(folder: Path, patience: float) -> Iterator[None]:
    """One process at a time downloads into ``folder``; a dead process holds no lock.

    Raises `DataError`, which names the process that holds it, after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    said = False
    while True:
        try:
            held = lock.acquire(folder)
            break
        except lock.InUse as busy:
            holder = str(busy).split(";")[0]
            if time.monotonic() > deadline:
                raise DataError(f"{holder}, and did not end in {patience:g} seconds") from None
            if not said:
                console.say(f"{holder}: waiting for it to end")
            said = True
            time.sleep(0.1)
    try:
        yield
    finally:
        if held:
            held.release()
