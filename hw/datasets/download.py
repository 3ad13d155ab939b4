"""Fetching data sets: several mirrors, resumed, checked, renamed into place.

A file is written to ``NAME.part`` beside its place, survives there when a connection dies, and is
continued by the next mirror or the next call (``Range``). It takes its real name only once it is
whole: its published hash fits, or, where none is published, its contents can be read.

An unreachable network costs seconds: all mirrors of a file are tried at once for their first
bytes, and the first to answer with something that can be a data file wins.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hw.datasets import formats, how, upstream
from hw.datasets.registry import Entry, File
from hw.errors import DataError, HwError

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 15  # what a dying connection may lose
TRIES = 4  # of one mirror whose connection breaks off, as long as each brings bytes

FETCHED = "fetched"
ALREADY = "already there"


@dataclass(frozen=True)
class Timing:
    """Time limits in seconds.

    connect: to reach a host (each of its addresses).
    stall:   without a byte.
    answer:  for the first of a file's mirrors to answer at all.
    again:   the same, once another file has shown that the network does not answer.
    """

    connect: float = 3.0
    stall: float = 20.0
    answer: float = 8.0
    again: float = 0.6


def offline() -> bool:
    """Whether the user asked for no network (``HW_OFFLINE=1``)."""
    return os.environ.get("HW_OFFLINE", "") not in ("", "0")


class Fetcher:
    """Fetches data sets, and remembers whether the network answers."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.answered: bool | None = None  # None: not tried yet

    def fetch(self, entry: Entry, directory: Path) -> str:
        """Have every file of ``entry`` under ``directory``: `FETCHED` or `ALREADY`.

        A file that is there is left alone, whatever its hash. Raises `DataError`, naming the
        file, where it was sought and where to put it.
        """
        missing = [
            (file, path)
            for file, path in zip(entry.files, entry.paths(directory), strict=True)
            if not path.is_file()
        ]
        for file, path in missing:
            self.fetch_file(entry, file, path)
        return FETCHED if missing else ALREADY

    def fetch_file(self, entry: Entry, file: File, path: Path) -> None:
        """Download one file to ``path``. Raises `DataError`."""
        where = how.to_get(entry, path, fetching=True)
        if offline():
            raise DataError(f"{where} (nothing was tried: HW_OFFLINE is set)")
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _lock(path.parent):
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
        untried = list(file.urls)
        tries = dict.fromkeys(untried, 0)
        while untried:
            start = part.stat().st_size if part.exists() else 0
            answer = self._first_answer(untried, start, failures)
            if answer is None:
                break
            tries[answer.url] += 1
            try:
                _save(answer, part, start, file)
                problem = _problem(entry, file, part)
                if problem:
                    part.unlink()
                    raise _Failure(problem)
                return []
            except _Failure as failure:
                size = part.stat().st_size if part.exists() else 0
                # Worth another try: bytes came before the connection broke off, or what had been
                # resumed was the beginning of some other file.
                grew = size > start if size else start > 0
                if not grew or tries[answer.url] >= TRIES:
                    untried.remove(answer.url)
                    failures.append(f"{_host(answer.url)}: {failure}")
        return failures

    def _first_answer(self, urls: list[str], start: int, failures: list[str]) -> _Answer | None:
        """The first of ``urls`` to send bytes that can be a data file's; None if none does.

        Mirrors are asked in their order, half a second apart, so that the preferred one wins
        where it works and costs little where it does not. Those that fail leave ``urls``.
        """
        results: queue.Queue[tuple[str, _Answer | _Failure]] = queue.Queue()
        done = threading.Event()

        def ask(url: str) -> None:
            result: _Answer | _Failure
            try:
                result = _ask(url, start, self.timing)
            except _Failure as failure:
                result = failure
            if done.is_set() and isinstance(result, _Answer):
                result.response.close()
            results.put((url, result))

        patience = self.timing.again if self.answered is False else self.timing.answer
        deadline = time.monotonic() + patience
        waiting = list(urls)
        running: set[str] = set()
        winner: _Answer | None = None
        while winner is None and (waiting or running):
            if waiting:
                url = waiting.pop(0)
                running.add(url)
                # A daemon: a host that never answers must not hold up the end of the program.
                threading.Thread(target=ask, args=(url,), daemon=True).start()
            pause = deadline - time.monotonic()
            if pause <= 0:
                break
            with contextlib.suppress(queue.Empty):
                url, result = results.get(timeout=min(0.5, pause) if waiting else pause)
                running.discard(url)
                if isinstance(result, _Answer):
                    winner = result
                    self.answered = True
                else:
                    self.answered = self.answered or result.answered
                    urls.remove(url)
                    failures.append(f"{_host(url)}: {result}")
        done.set()
        while not results.empty():
            _, late = results.get()
            if isinstance(late, _Answer):
                late.response.close()
        if winner is None:
            self.answered = bool(self.answered)
            failures.extend(f"{_host(url)}: no answer" for url in urls)
        return winner


class _Failure(Exception):
    """What one mirror did wrong, in a few words; the next one is tried.

    answered: whether a server was reached at all.
    """

    def __init__(self, words: str, answered: bool = True) -> None:
        super().__init__(words)
        self.answered = answered


@dataclass
class _Answer:
    url: str
    response: requests.Response
    chunks: Iterator[bytes]
    first: bytes


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _ask(url: str, start: int, timing: Timing) -> _Answer:
    """The response of ``url`` with its first bytes. Raises `_Failure`."""
    import requests  # not at import: `hw list` must not pay for it

    headers = {"User-Agent": "hw (homework reproduction)", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        # Proxies come from the environment (HTTPS_PROXY, NO_PROXY, ...), as requests does it.
        response = requests.get(
            url, headers=headers, stream=True, timeout=(timing.connect, timing.stall)
        )
    except (requests.RequestException, ValueError) as error:
        raise _Failure(_reason(error), answered=False) from error
    if response.status_code == 416 and start:  # our part is no beginning of that file
        response.close()
        return _ask(url, 0, timing)
    try:
        if response.status_code not in (200, 206):
            raise _Failure(f"HTTP {response.status_code}")
        chunks = response.iter_content(CHUNK)
        first = next(chunks, b"")
        if "text/html" in response.headers.get("Content-Type", "").lower() or _is_html(first):
            raise _Failure("answers with a web page")
        if not first:
            raise _Failure("answers with nothing")
    except (_Failure, requests.RequestException, OSError) as error:
        response.close()
        raise error if isinstance(error, _Failure) else _Failure(_reason(error)) from error
    return _Answer(url, response, chunks, first)


def _is_html(start: bytes) -> bool:
    return start[:512].lstrip().lower().startswith(formats.HTML_STARTS)


def _reason(error: BaseException) -> str:
    """A few words for a failure of the network."""
    text = str(error)
    for sign, words in (
        ("NameResolution", "name not known"),
        ("Name or service", "name not known"),
        ("Read timed out", "stalled"),
        ("timed out", "no connection"),
        ("ProxyError", "proxy does not answer"),
        ("CERTIFICATE", "certificate not trusted"),
        ("refused", "connection refused"),
        ("unreachable", "network unreachable"),
        ("IncompleteRead", "connection broke off"),
    ):
        if sign in text or sign in type(error).__name__:
            return words
    return type(error).__name__


def _save(answer: _Answer, part: Path, start: int, file: File) -> None:
    """Append the response to ``part`` (or write it anew where the server ignores Range)."""
    import requests

    response = answer.response
    with contextlib.closing(response):
        resumed = start > 0 and response.status_code == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _Failure("resumes at the wrong place")
        done = start if resumed else 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else file.size
        if total > file.limit or (file.size and total != file.size):
            raise _Failure(f"offers {total} bytes, not {file.size or file.limit}")
        free = shutil.disk_usage(part.parent).free
        if free < total - done:
            raise OSError(
                errno.ENOSPC, f"disk full: {total - done} bytes are needed, {free} are free"
            )
        with part.open("ab" if resumed else "wb") as out, _progress(file.name, done, total) as bar:
            chunk = answer.first
            while chunk:
                done += len(chunk)
                if done > file.limit:
                    raise _Failure("sends far more than the file has")
                out.write(chunk)
                bar(len(chunk))
                try:
                    chunk = next(answer.chunks, b"")
                except (requests.RequestException, OSError) as error:
                    raise _Failure(f"{_reason(error)} after {done} bytes") from error
            out.flush()
            os.fsync(out.fileno())
    if done < total:
        raise _Failure(f"connection broke off after {done} of {total} bytes")


def _problem(entry: Entry, file: File, part: Path) -> str:
    """Why ``part`` is not the whole, published (or at least sound) file; empty if it is."""
    import pooch

    if file.hash:
        algorithm, digest = file.hash.split(":")
        right = pooch.file_hash(str(part), alg=algorithm) == digest
        return "" if right else f"other bytes than those of the published {algorithm}"
    try:
        upstream.READERS[entry.reader](entry, [part])
    except HwError as error:
        return str(error).removeprefix(f"{part}: ").split(";")[0]
    return ""


@contextlib.contextmanager
def _progress(name: str, done: int, total: int) -> Iterator[Callable[[int], Any]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    from tqdm import tqdm

    with tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc=name) as bar:
        yield bar.update


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One process at a time downloads into ``folder``; a dead process holds no lock."""
    try:
        import fcntl
    except ImportError:  # Windows: two fetches at once are the user's to avoid
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
