"""Fetching data sets: several mirrors, resumed, checked, renamed into place.

A file is written to ``NAME.part`` beside its place, survives there when a connection dies, and is
continued by the next mirror or the next call (``Range``). It takes its real name only once it is
whole: its published hash fits, or, where none is published, its contents can be read.

An unreachable network costs seconds: all mirrors of a file are tried at once for their first
bytes, and the first to answer with something that can be a data file wins.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hw.datasets import formats, how, upstream
from hw.datasets.catalogue import Entry, File
from hw.errors import DataError, HwError

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 4.0  # to reach a host (each of its addresses)
STALL_SECONDS = 20.0  # without a byte
ANSWER_SECONDS = 8.0  # for any mirror to answer at all
CHUNK = 1 << 18

FETCHED = "fetched"
ALREADY = "already there"


@dataclass(frozen=True)
class Timing:
    """Time limits in seconds."""

    connect: float = CONNECT_SECONDS
    stall: float = STALL_SECONDS
    answer: float = ANSWER_SECONDS


def offline() -> bool:
    """Whether the user asked for no network (``HW_OFFLINE=1``)."""
    return os.environ.get("HW_OFFLINE", "") not in ("", "0")


def fetch(entry: Entry, directory: Path, timing: Timing = Timing()) -> str:
    """Have every file of ``entry`` under ``directory``: `FETCHED` or `ALREADY`.

    A file that is there is left alone, whatever its hash. Raises `DataError`, naming the file,
    where it was sought and where to put it.
    """
    missing = [
        (file, path)
        for file, path in zip(entry.files, entry.paths(directory), strict=True)
        if not path.is_file()
    ]
    for file, path in missing:
        fetch_file(entry, file, path, timing)
    return FETCHED if missing else ALREADY


def fetch_file(entry: Entry, file: File, path: Path, timing: Timing = Timing()) -> None:
    """Download one file to ``path``. Raises `DataError`."""
    where = how.to_get(entry, path)
    if offline():
        raise DataError(f"HW_OFFLINE is set, nothing was tried: {where}")
    if not file.urls:
        raise DataError(f"no mirror is known: {where}")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(part):
            if path.is_file():  # another process was faster
                return
            failures = _from_mirrors(entry, file, path, part, timing)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    if failures is not None:
        raise DataError(f"{where} ({'; '.join(failures)})")


def _from_mirrors(
    entry: Entry, file: File, path: Path, part: Path, timing: Timing
) -> list[str] | None:
    """None once the file is in place, else what each mirror did wrong."""
    failures: list[str] = []
    untried = list(file.urls)
    while untried:
        start = part.stat().st_size if part.exists() else 0
        answer = _first_answer(untried, start, file, timing, failures)
        if answer is None:
            return failures
        untried.remove(answer.url)
        try:
            _save(answer, part, start, file, path.name)
            _check(entry, file, part)
        except _Failure as failure:
            failures.append(f"{_host(answer.url)}: {failure}")
            continue
        os.replace(part, path)
        return None
    return failures


class _Failure(Exception):
    """What one mirror did wrong, in a few words; the next one is tried."""


@dataclass
class _Answer:
    url: str
    response: requests.Response
    chunks: Iterator[bytes]
    first: bytes


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _first_answer(
    urls: list[str], start: int, file: File, timing: Timing, failures: list[str]
) -> _Answer | None:
    """The first of ``urls`` to send bytes that can be those of ``file``; None if none does.

    Mirrors are asked in their order, half a second apart, so that the preferred one wins where it
    works and costs little where it does not. The losers are closed.
    """
    results: queue.Queue[tuple[str, _Answer | _Failure]] = queue.Queue()
    done = threading.Event()

    def ask(url: str) -> None:
        try:
            answer = _ask(url, start, file, timing)
        except _Failure as failure:
            results.put((url, failure))
            return
        if done.is_set():
            answer.response.close()
        else:
            results.put((url, answer))

    deadline = time.monotonic() + timing.answer
    waiting = list(urls)
    running: set[str] = set()
    failed: list[str] = []
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
            if isinstance(result, _Failure):
                failed.append(url)
                failures.append(f"{_host(url)}: {result}")
            else:
                winner = result
    done.set()
    with contextlib.suppress(queue.Empty):
        while True:
            _, late = results.get_nowait()
            if isinstance(late, _Answer):
                late.response.close()
    if winner is None:
        failures.extend(f"{_host(url)}: no answer" for url in sorted(running))
    for url in failed:
        urls.remove(url)
    return winner


def _ask(url: str, start: int, file: File, timing: Timing) -> _Answer:
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
        raise _Failure(_reason(error)) from error
    try:
        if response.status_code == 416:  # the part is as long as the file, or longer
            raise _Failure("refuses to resume")
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


def _save(answer: _Answer, part: Path, start: int, file: File, name: str) -> None:
    """Append the response to ``part`` (or write it anew where the server ignores Range)."""
    import requests

    response = answer.response
    resumed = start > 0 and response.status_code == 206
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        response.close()
        raise _Failure("resumes at the wrong place")
    done = start if resumed else 0
    length = response.headers.get("Content-Length", "")
    total = done + int(length) if length.isdigit() else file.size
    if total > file.limit:
        response.close()
        raise _Failure(f"offers {total} bytes, far more than the file has")
    with contextlib.closing(response), part.open("ab" if resumed else "wb") as out:
        with _progress(name, done, total) as advance:
            chunk = answer.first
            try:
                while chunk:
                    done += len(chunk)
                    if done > file.limit:
                        raise _Failure("sends far more than the file has")
                    out.write(chunk)
                    advance(len(chunk))
                    chunk = next(answer.chunks, b"")
            except requests.RequestException as error:
                out.flush()
                raise _Failure(f"{_reason(error)} after {done} bytes") from error
        out.flush()
        os.fsync(out.fileno())
    if length.isdigit() and done < total:
        raise _Failure(f"connection broke off after {done} of {total} bytes")


def _check(entry: Entry, file: File, part: Path) -> None:
    """Raise `_Failure`, and remove ``part``, unless it is the file that was wanted."""
    import pooch

    size = part.stat().st_size
    if file.size and size < file.size:
        raise _Failure(f"ends after {size} of {file.size} bytes")  # kept, to be resumed
    problem = ""
    if file.hash:
        algorithm, digest = file.hash.split(":")
        if pooch.file_hash(str(part), alg=algorithm) != digest:
            problem = f"other bytes than the published {algorithm}"
    elif len(entry.files) == 1:
        try:
            upstream.READERS[entry.reader](entry, [part])
        except HwError as error:
            problem = str(error).removeprefix(f"{part}: ").split(";")[0]
    if problem:
        part.unlink()
        raise _Failure(problem)


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
def _lock(part: Path) -> Iterator[None]:
    """One process at a time writes ``part``; a dead process holds no lock."""
    try:
        import fcntl
    except ImportError:  # Windows: two fetches at once are the user's to avoid
        yield
        return
    with part.with_name(part.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
