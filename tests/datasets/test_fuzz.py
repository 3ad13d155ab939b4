"""Damaged files by the thousand: a sound array comes out, or a `DataError`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from small_files import cifar_members, idx, npz, tar
from support import gz

from hw.datasets import entry, formats
from hw.datasets.cifar10 import unpickle
from hw.datasets.formats import Spec
from hw.errors import DataError

SPEC = Spec("uint8", (4, 5), 1000)
ARRAYS = {"images": SPEC, "labels": Spec("integer", (), 1000)}
PIXELS = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
IDX = idx(PIXELS)
NPZ = npz(images=PIXELS, labels=np.arange(3))
STORED = npz(False, images=PIXELS, labels=np.arange(3))
BATCH = cifar_members(n=2)
PICKLES = [cifar_members(protocol, n=2)["test_batch"] for protocol in (2, 4)]
TAR = tar(BATCH)


def read_cifar(path: Path) -> Any:
    cifar = entry("cifar-10")
    return cifar.reader(cifar, [path])


def edits(random: Random) -> list[tuple[int, int, str]]:
    """Up to six changes: a place, a byte, and a kind of `damage`. Every other one is near the
    start, or of a byte at an edge."""
    return [
        (
            random.randrange(random.choice([16, 1 << 20])),
            random.choice([0, 1, ord("<"), 127, 128, 255, *random.randbytes(6)]),
            random.choice("sidr"),
        )
        for _ in range(random.randrange(7))
    ]


def cut(random: Random) -> int | None:
    """Where half of the files end."""
    return random.choice([None, random.randrange(1 << 20)])


def damage(data: bytes, changes: list[tuple[int, int, str]], cut: int | None) -> bytes:
    raw = bytearray(data)
    for place, byte, kind in changes:
        at = place % len(raw) if raw else 0
        if kind == "s" and raw:
            raw[at] = byte
        elif kind == "i":
            raw[at:at] = bytes([byte]) * (1 + byte % 4)
        elif kind == "d":
            del raw[at : at + 1 + byte % 8]
        else:  # repeat a piece elsewhere
            raw[at:at] = raw[at : at + byte]
    return bytes(raw if cut is None else raw[: cut % (len(raw) + 1)])


def each(count: int, case: Callable[[Random], object]) -> None:
    """The case for so many generators; what fails says with which."""
    for seed in range(count):
        try:
            case(Random(seed))
        except BaseException as error:
            error.add_note(f"with Random({seed})")
            raise


def attempt(reader: Callable[[Path], Any], path: Path, content: bytes) -> Any:
    path.unlink(missing_ok=True)  # file systems flush a file that is written over
    path.write_bytes(content)
    try:
        return reader(path)
    except DataError as error:
        message = str(error)
    assert "\n" not in message
    assert message.startswith(str(path))
    return None


def test_idx(tmp_path: Path) -> None:
    """Damage outside: to the compressed bytes; inside: to what they unpack to."""

    def case(random: Random) -> None:
        if random.random() < 0.5:
            content = damage(gz(IDX), edits(random), cut(random))
        else:
            content = gz(damage(IDX, edits(random), cut(random)))
        array = attempt(lambda p: formats.read_idx(p, SPEC), tmp_path / "f", content)
        if array is not None:
            assert array.dtype == np.uint8
            assert array.shape[1:] == (4, 5)

    each(3000, case)


def test_npz(tmp_path: Path) -> None:
    def case(random: Random) -> None:
        content = damage(random.choice([NPZ, STORED]), edits(random), cut(random))
        arrays = attempt(lambda p: formats.read_npz(p, ARRAYS), tmp_path / "f", content)
        if arrays is not None:
            assert arrays["images"].dtype == np.uint8
            assert arrays["images"].shape[1:] == (4, 5)
            assert arrays["labels"].dtype.kind in "ui"

    each(3000, case)


def test_tar(tmp_path: Path) -> None:
    size = len(TAR) // 6

    def case(random: Random) -> None:
        if random.random() < 0.5:
            content = damage(gz(TAR), edits(random), cut(random))
        else:
            # Within a header block of one of the members, where damage tells.
            start = random.randrange(6) * (size // 512 * 512)
            near = [(start + place % 700, *rest) for place, *rest in edits(random)]
            content = gz(damage(TAR, near, cut(random)))
        arrays = attempt(read_cifar, tmp_path / "f", content)
        if arrays is not None:
            images, labels = arrays["train"]
            assert images.dtype == np.uint8
            assert images.shape == (len(labels), 3072)

    each(1500, case)


def test_pickles() -> None:
    """`unpickle` keeps its own promise, without the border that `refusing` is."""

    def case(random: Random) -> None:
        base = random.choice(PICKLES)
        # The pixels are most of the file; damage around them, where the instructions are.
        start = random.choice([base.index(b"labels"), len(base) - 200])
        places = [(start + p % 300, byte, kind) for p, byte, kind in edits(random)]
        try:
            value = unpickle(damage(base, places, cut(random)))
        except ValueError:
            return
        assert type(value) is dict

    each(5000, case)


def test_pickles_of_random_bytes() -> None:
    def case(random: Random) -> None:
        data = random.randbytes(random.randrange(61))
        with pytest.raises(ValueError):
            unpickle(b"(" + data)

    each(5000, case)


def test_random_files(tmp_path: Path) -> None:
    def case(random: Random) -> None:
        data = random.randbytes(random.randrange(201))
        for content in (data, gz(data)):
            for reader in (
                lambda p: formats.read_idx(p, SPEC),
                lambda p: formats.read_npz(p, ARRAYS),
                read_cifar,
            ):
                assert attempt(reader, tmp_path / "f", content) is None

    each(1000, case)
