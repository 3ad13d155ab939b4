"""Downloads, from a server on this machine that misbehaves in every way."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_files import npz

from hw.datasets import download
from hw.datasets.download import ALREADY, FETCHED, Fetcher, Timing
from hw.datasets.entry import Entry, File
from hw.datasets.registry import entry as find
from hw.errors import DataError
from hw.results import lock

RNG = np.random.default_rng(5)
CONTENT = npz(
    **{
        f"{split}_{kind}": array
        for split in ("train", "val", "test")
        for kind, array in (
            ("images", RNG.integers(0, 256, (200, 28, 28), np.uint8)),
            ("labels", RNG.integers(0, 4, (200, 1), np.uint8)),
        )
    }
)
HALF = len(CONTENT) // 2
QUICK = Timing(stall=1, answer=2, again=0.2)


class Handler(BaseHTTPRequestHandler):
    """``/<behaviour>/<name>``; the server remembers what was asked."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.removeprefix("http://files.example")
        behaviour = path.split("/")[1]
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.asked.append((behaviour, start))
        self.close_connection = True
        with contextlib.suppress(OSError):
            getattr(self, behaviour.replace("-", "_"))(start)

    def send(
        self, data: bytes, status: int = 200, length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if length != -1:
            self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def good(self, start: int, upto: int | None = None) -> None:
        if start >= len(CONTENT):
            self.send(b"", 416)
        elif start:
            where = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            self.send(CONTENT[start:upto], 206, length=len(CONTENT) - start, Content_Range=where)
        else:
            self.send(CONTENT[:upto], length=len(CONTENT))

    def ignores_range(self, start: int) -> None:
        self.send(CONTENT)

    def wrong_range(self, start: int) -> None:
        self.send(CONTENT[5:], 206, Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")

    def no_length(self, start: int) -> None:
        self.send(CONTENT, length=-1)

    def no_length_truncated(self, start: int) -> None:
        self.send(CONTENT[:HALF], length=-1)

    def truncates(self, start: int) -> None:
        self.good(start, upto=start + 50_000)

    def dies_half_way(self, start: int) -> None:
        """The first connection ends in a reset; the next ones work."""
        if self.server.asked.count(("dies-half-way", 0)) > 1 or start:
            self.good(start)
            return
        self.good(0, upto=HALF)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def stalls(self, start: int) -> None:
        self.good(start, upto=start + 50_000)
        self.server.stop.wait(10)

    def trickles(self, start: int) -> None:
        """Forty bytes a second, without an end: no single wait is long."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:40_000])
        while not self.server.stop.wait(0.05):
            self.wfile.write(b"xx")

    def odd_length(self, start: int) -> None:
        self.send_odd_length("²")

    def negative_length(self, start: int) -> None:
        self.send_odd_length("-5")

    def long_length(self, start: int) -> None:
        self.send_odd_length("9" * 5000)

    def send_odd_length(self, length: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + length.encode("utf-8"))
        self.wfile.write(b"\r\n\r\n" + CONTENT[:HALF])

    def no_http(self, start: int) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n" * 10)

    def too_many_headers(self, start: int) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n")

    def silent(self, start: int) -> None:
        self.server.stop.wait(10)

    def missing(self, start: int) -> None:
        self.send(b"not found", 404)

    def broken(self, start: int) -> None:
        self.send(b"oops", 500)

    def wrong_bytes(self, start: int) -> None:
        self.send(CONTENT[start:-10] + b"0123456789")

    def other_size(self, start: int) -> None:
        self.send(CONTENT + b"more")

    def page(self, start: int) -> None:
        self.send(b"<!DOCTYPE html><html>Too many downloads</html>", Content_Type="text/html")

    def sly_page(self, start: int) -> None:
        self.send(b"\n <html>Sign in</html>", Content_Type="application/octet-stream")

    def pointer(self, start: int) -> None:
        self.send(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")

    def do_CONNECT(self) -> None:
        """As a proxy that lets nobody through."""
        self.close_connection = True
        self.send_error(403)

    def forbidden(self, start: int) -> None:
        self.send(b"", 403)

    def empty(self, start: int) -> None:
        self.send(b"")

    def endless(self, start: int) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.stop.is_set():
            self.wfile.write(b"x" * 100_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("HW_OFFLINE")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.asked = []
    running.stop = threading.Event()
    running.url = f"http://127.0.0.1:{running.server_address[1]}"
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.stop.set()
    running.shutdown()
    thread.join()
    running.server_close()


def wanted(server: Any, *behaviours: str, hashed: bool = True, size: bool = True) -> Entry:
    file = File(
        "octmnist.npz",
        tuple(f"{server.url}/{b}/octmnist.npz" for b in behaviours),
        size=len(CONTENT) if size else 0,
        hash=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}" if hashed else "",
        limit=len(CONTENT) + 1_000_000,
    )
    return dataclasses.replace(find("octmnist"), files=(file,))


def folder_of(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "octmnist").iterdir())


def fetch(entry: Entry, directory: Path) -> str:
    return Fetcher(QUICK).fetch(entry, directory)


def test_fetch_and_again(server: Any, tmp_path: Path) -> None:
    entry = wanted(server, "good")
    assert fetch(entry, tmp_path) == FETCHED
    assert (tmp_path / "octmnist" / "octmnist.npz").read_bytes() == CONTENT
    assert folder_of(tmp_path) == ["octmnist.npz"]
    assert fetch(entry, tmp_path) == ALREADY
    assert len(server.asked) == 1


def test_a_file_of_the_user_is_left_alone(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "octmnist" / "octmnist.npz"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    assert fetch(wanted(server, "good"), tmp_path) == ALREADY
    assert path.read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("missing", "HTTP 404"),
        ("broken", "HTTP 500"),
        ("page", "web page"),
        ("sly-page", "web page"),
        ("pointer", "answers with a Git LFS pointer"),
        ("empty", "nothing"),
        ("wrong-bytes", "other bytes"),
        ("other-size", "offers"),
        ("silent", "no answer"),
        ("no-length-truncated", "broke off"),
        ("endless", "far more"),
        ("trickles", "too slow"),
        ("odd-length", "broke off"),
        ("negative-length", "broke off"),
        ("long-length", "broke off"),
        ("no-http", "BadStatusLine"),
        ("too-many-headers", "HTTPException"),
    ],
)
def test_a_bad_mirror_is_named_and_the_next_one_serves(
    server: Any, tmp_path: Path, bad: str, words: str
) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    with pytest.raises(DataError) as caught:
        fetch(wanted(server, bad), alone)
    message = str(caught.value)
    assert "\n" not in message
    assert str(alone / "octmnist" / "octmnist.npz") in message
    assert find("octmnist").homepage in message
    assert words in message or (bad == "silent" and "stalled" in message)
    assert "octmnist.npz" not in folder_of(alone)

    assert fetch(wanted(server, bad, "good"), both) == FETCHED
    assert folder_of(both) == ["octmnist.npz"]


def test_the_fast_mirror_wins_over_a_silent_one(server: Any, tmp_path: Path) -> None:
    patient = Fetcher(Timing(stall=10, answer=4))
    start = time.perf_counter()
    assert patient.fetch(wanted(server, "silent", "good"), tmp_path) == FETCHED
    assert time.perf_counter() - start < 5


def test_a_broken_connection_is_resumed_from_the_same_mirror(server: Any, tmp_path: Path) -> None:
    assert fetch(wanted(server, "dies-half-way"), tmp_path) == FETCHED
    assert len(server.asked) == 2
    assert server.asked[1][1] > 0


@pytest.mark.parametrize("bad", ["truncates", "stalls"])
def test_what_has_come_is_kept_for_the_next_call(server: Any, tmp_path: Path, bad: str) -> None:
    with pytest.raises(DataError, match="after"):
        fetch(wanted(server, bad), tmp_path)
    assert folder_of(tmp_path) == ["octmnist.npz.part"]
    kept = (tmp_path / "octmnist" / "octmnist.npz.part").stat().st_size
    assert 0 < kept < len(CONTENT)
    assert fetch(wanted(server, "good"), tmp_path) == FETCHED
    assert server.asked[-1] == ("good", kept)
    assert (tmp_path / "octmnist" / "octmnist.npz").read_bytes() == CONTENT


def part_in(directory: Path, content: bytes) -> Path:
    part = directory / "octmnist" / "octmnist.npz.part"
    part.parent.mkdir()
    part.write_bytes(content)
    return part


@pytest.mark.parametrize("mirror", ["good", "ignores-range", "no-length"])
@pytest.mark.parametrize(
    "part", [CONTENT[:HALF], b"<html>an old page", b"x" * (len(CONTENT) + 5), b""]
)
def test_any_part_is_resumed_or_replaced(
    server: Any, tmp_path: Path, mirror: str, part: bytes
) -> None:
    part_in(tmp_path, part)
    assert fetch(wanted(server, mirror), tmp_path) == FETCHED
    assert (tmp_path / "octmnist" / "octmnist.npz").read_bytes() == CONTENT


def test_a_whole_part_needs_no_download(server: Any, tmp_path: Path) -> None:
    part_in(tmp_path, CONTENT)
    assert fetch(wanted(server, "good"), tmp_path) == FETCHED
    assert server.asked == []


def test_a_mirror_that_resumes_elsewhere_is_not_trusted(server: Any, tmp_path: Path) -> None:
    part_in(tmp_path, CONTENT[:HALF])
    with pytest.raises(DataError, match="wrong place"):
        fetch(wanted(server, "wrong-range"), tmp_path)


def test_without_a_published_hash_the_contents_decide(server: Any, tmp_path: Path) -> None:
    unknown = {"hashed": False, "size": False}
    with pytest.raises(DataError, match=r"no answer|not readable|truncated|not an npz"):
        fetch(wanted(server, "no-length-truncated", **unknown), tmp_path / "a")
    assert fetch(wanted(server, "good", **unknown), tmp_path / "b") == FETCHED


def test_proxies_of_the_environment_are_used(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = wanted(server, "good")
    url = "http://files.example/good/octmnist.npz"
    entry = dataclasses.replace(entry, files=(dataclasses.replace(entry.files[0], urls=(url,)),))
    monkeypatch.setenv("http_proxy", server.url)
    assert fetch(entry, tmp_path) == FETCHED


@pytest.mark.parametrize(
    ("scheme", "words"), [("https", "refused: 403 Forbidden"), ("http", "HTTP 403")]
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, words: str
) -> None:
    entry = wanted(server, "good")
    url = f"{scheme}://files.example/forbidden/octmnist.npz"
    entry = dataclasses.replace(entry, files=(dataclasses.replace(entry.files[0], urls=(url,)),))
    proxy = server.url.removeprefix("http://")
    monkeypatch.setenv(f"{scheme}_proxy", f"http://somebody:secret@{proxy}")
    with pytest.raises(DataError) as caught:
        fetch(entry, tmp_path)
    assert f"files.example: {words} through the proxy {proxy}" in str(caught.value)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("no_proxy", "files.example")
    assert download._through(url) == ""


def test_a_file_to_fetch_by_hand_is_told_with_its_hash(tmp_path: Path) -> None:
    (path,) = find("octmnist").paths(tmp_path)
    with pytest.raises(DataError, match=r"octmnist\.npz has the md5 c68d92d5b585d8d81f711"):
        fetch(find("octmnist"), tmp_path)
    with pytest.raises(DataError, match=r"images-idx3-ubyte\.gz unpacks to the sha256 ba891046e"):
        fetch(find("mnist"), tmp_path)
    assert "has the md5 c68d" in find("octmnist").how_to_get(path)


def test_a_dead_network_costs_seconds(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One port that answers nothing, one that is closed, for six data sets in turn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    entry = wanted(server, "silent", "silent")
    urls = (*entry.files[0].urls, f"http://127.0.0.1:{closed}/x")
    entry = dataclasses.replace(entry, files=(dataclasses.replace(entry.files[0], urls=urls),))
    fetcher = Fetcher(Timing(stall=20, answer=1, again=0.2))
    start = time.perf_counter()
    for i in range(6):
        with pytest.raises(DataError, match=r"connection refused|no answer"):
            fetcher.fetch(entry, tmp_path / str(i))
    assert time.perf_counter() - start < 10


def test_a_mirror_that_refuses_shows_that_the_network_is_alive(server: Any, tmp_path: Path) -> None:
    fetcher = Fetcher(QUICK)
    for behaviour, is_dead in (("silent", True), ("missing", False)):
        with pytest.raises(DataError):
            fetcher.fetch(wanted(server, behaviour), tmp_path)
        assert fetcher.is_dead is is_dead


def test_offline_never_tries(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HW_OFFLINE", "1")
    with pytest.raises(DataError, match="HW_OFFLINE"):
        fetch(wanted(server, "good"), tmp_path)
    assert server.asked == []


def test_a_full_disk(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(DataError, match="disk full"):
        fetch(wanted(server, "good"), tmp_path)
    assert "octmnist.npz" not in folder_of(tmp_path)


def test_a_disk_that_fills_up_meanwhile(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(DataError, match="cannot be written: No space left"):
        fetch(wanted(server, "good"), tmp_path)
    assert "octmnist.npz" not in folder_of(tmp_path)


def test_a_folder_that_cannot_be_made(server: Any, tmp_path: Path) -> None:
    (tmp_path / "octmnist").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        fetch(wanted(server, "good"), tmp_path)


def test_the_holder_of_the_lock_is_named_after_a_while(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = lock.acquire(tmp_path / "octmnist")
    assert held is not None
    impatient = Fetcher(dataclasses.replace(QUICK, lock=0.5))
    with pytest.raises(DataError, match=rf"process {os.getpid()}\).* did not end in 0.5 seconds"):
        impatient.fetch(wanted(server, "good"), tmp_path)
    assert capsys.readouterr().err.count("waiting for it to end") == 1
    held.release()
    assert impatient.fetch(wanted(server, "good"), tmp_path) == FETCHED


def test_one_mirror_has_so_much_time(server: Any, tmp_path: Path) -> None:
    hasty = Fetcher(dataclasses.replace(QUICK, whole=0.3, rate=1))
    with pytest.raises(DataError, match=r"not done in 0\.3 seconds"):
        hasty.fetch(wanted(server, "trickles"), tmp_path)


def test_two_at_once_download_once(server: Any, tmp_path: Path) -> None:
    entry = wanted(server, "good")
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(fetch(entry, tmp_path))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    assert len(server.asked) == 1
    assert (tmp_path / "octmnist" / "octmnist.npz").read_bytes() == CONTENT
