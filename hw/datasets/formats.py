"""Readers of idx and npz files that no file can harm, and what all readers share.

Whatever a file holds, a reader returns sound arrays or raises `DataError` in one line: which
file, what is wrong, what to do. Three rules keep it so:

- what a header declares is checked against what the data set may hold, and against what the
  file's own bytes could unpack to, before memory is taken;
- nothing is unpacked to disk, and nothing from a file is executed;
- at the border (`refusing`) any other failure of a parser becomes a `DataError`.

Conventions: N examples; images (N, ...) uint8; labels (N,) int64.
"""

from __future__ import annotations

import gzip
import math
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from hw.datasets.entry import Entry, File, Upstream
from hw.datasets.features import Array
from hw.errors import DataError, HwError

# Deflate's best ratio: a byte can unpack to at most this many (258 bytes from two bits).
MOST_PER_BYTE = 1032
CHUNK = 1 << 20
# A file may hold somewhat more examples than the published one, not any number.
HEADROOM = 2
# What often lies or arrives in a file's place, by how it begins.
IMPOSTORS = {
    (b"<!doctype", b"<html", b"<head", b"<?xml"): "a web page",
    (b"version https://git-lfs.github.com/",): "a Git LFS pointer",
}
REMEDY = "replace it, or remove it and run 'python -m hw data fetch'"


# Kinds of NumPy types by the words for them.
_SORTS = {"integer": "ui", "number": "buif", "label": "buifU"}


@dataclass(frozen=True)
class Header:
    """What an array of a file says of itself."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """What an array of a file must be.

    dtype: ``uint8``, ``float64``, ``integer`` or ``number`` for any of those, or ``label`` for any
           number or words.
    shape: of one example.
    most:  examples.
    """

    dtype: str
    shape: tuple[int, ...]
    most: int

    def problem(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
        """What is wrong with such an array, or the empty string."""
        if dtype.kind not in _SORTS.get(self.dtype, "") and (
            str(dtype.newbyteorder("=")) != self.dtype
        ):
            return f"has dtype {_short(dtype)}, not {self.dtype}"
        if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in shape):
            return f"has the impossible shape {_short(shape)}"
        # (N, 1) is as good as (N,)
        inner = () if self.shape == () and tuple(shape[1:]) == (1,) else tuple(shape[1:])
        if not shape or inner != self.shape:
            expected = ", ".join(map(str, ("N", *self.shape)))
            return f"has shape {_short(shape)}, not ({expected}{',' if not self.shape else ''})"
        if shape[0] == 0:
            return "is empty"
        if shape[0] > self.most * HEADROOM:
            return f"declares {_short(shape[0])} examples; the data set has {self.most}"
        return ""


def _short(value: Any) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def problem(path: Path, what: str) -> DataError:
    return DataError(f"{path}: {what}; {REMEDY}")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn every failure of a parser over ``path`` into a `DataError`; and so what is something
    else altogether."""
    try:
        with path.open("rb") as file:
            instead = impostor(file.read(512))
        if instead:
            raise problem(path, f"{instead}, not the file of that name")
        yield
    except HwError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError) as error:
        raise problem(path, f"not readable: {_short(error)}") from error
    except EOFError as error:
        raise problem(path, "truncated") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or _short(error)}") from error
    except Exception as error:
        # Parsers of the standard library and NumPy fail in a dozen ways on hostile bytes
        # (ValueError, struct.error, SyntaxError, MemoryError, ...), none of them a promise.
        raise problem(path, f"damaged ({_short(error) or type(error).__name__})") from error


def impostor(start: bytes) -> str:
    """What a file that begins with these bytes is instead of data; the empty string if nothing is
    known against it."""
    start = start[:512].lstrip().lower()
    return next((what for starts, what in IMPOSTORS.items() if start.startswith(starts)), "")


def open_unpacked(path: Path) -> IO[bytes]:
    """A file to read, unpacked on the way if it is a gzip file, whatever its name says."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


def fill(stream: Any, array: Array, path: Path) -> None:
    """Read exactly ``array.nbytes`` from ``stream`` into the C-contiguous ``array``."""
    target = array.data.cast("B")
    done = 0
    while done < len(target):
        count = stream.readinto(target[done : done + CHUNK])
        if not count:
            raise problem(path, f"truncated: {done} of {len(target)} bytes")
        done += count


def check_room(path: Path, declared: int, packed: int) -> None:
    """Refuse what ``packed`` bytes of deflate cannot unpack to, before memory is taken."""
    if declared > packed * MOST_PER_BYTE + 1024:
        raise problem(path, f"truncated: declares {declared} bytes and holds {packed}")


def check_labels(path: Path, name: str, labels: Array, n_classes: int) -> Array:
    """Labels (N,) or (N, 1) of any integer type as (N,) int64 in ``range(n_classes)``."""
    flat = labels.reshape(-1)
    low, high = int(flat.min()), int(flat.max())
    if low < 0 or high >= n_classes:
        wrong = low if low < 0 else high
        raise problem(path, f"{name} holds {wrong}, outside the classes 0 to {n_classes - 1}")
    return flat.astype(np.int64)


def paired(path: Path, split: str, features: Array, labels: Array) -> tuple[Array, Array]:
    """Features as (N, D) with their labels (N,). Raises `DataError` where N differs."""
    if len(features) != len(labels):
        raise problem(path, f"{split} has {len(features)} examples and {len(labels)} labels")
    return features.reshape(len(features), -1), labels


# --- idx: MNIST and Fashion-MNIST -------------------------------------------------------------


IDX_NAMES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)


def idx_files(mirrors: tuple[str, ...], published: tuple[tuple[int, str], ...]) -> tuple[File, ...]:
    """The four files, from the bytes of each and the sha256 of what it unpacks to. Some programs
    and browsers leave them unpacked, and without ``.gz``."""
    return tuple(
        File(
            name,
            tuple(mirror + name for mirror in mirrors),
            f"unpacked-sha256:{sha256}",
            size,
            others=(name.removesuffix(".gz"),),
        )
        for name, (size, sha256) in zip(IDX_NAMES, published, strict=True)
    )


def read_idx_splits(entry: Entry, paths: list[Path]) -> Upstream:
    """The splits of four idx files: training images and labels, test images and labels."""
    result: Upstream = {}
    for i, (split, most) in enumerate(entry.counts.items()):
        images_path, labels_path = paths[2 * i : 2 * i + 2]
        images = read_idx(images_path, Spec("uint8", entry.image_shape, most))
        labels = read_idx(labels_path, Spec("uint8", (), most))
        labels = check_labels(labels_path, "it", labels, entry.n_classes)
        result[split] = paired(images_path, split, images, labels)
    return result


def read_idx(path: Path, spec: Spec) -> Array:
    """The array of an idx file of bytes, gzipped or not: (N, *spec.shape) uint8.

    http://yann.lecun.com/exdb/mnist/: two zero bytes, type (8: unsigned byte), number of
    dimensions, each dimension as a big-endian 32-bit integer, then the bytes.
    """
    with refusing(path):
        packed = path.stat().st_size
        with open_unpacked(path) as stream:
            magic = stream.read(4)
            if len(magic) < 4:
                raise problem(path, "empty" if not magic else "truncated")
            if magic[:3] != b"\0\0\x08":
                raise problem(path, "not an idx file of bytes")
            dimensions = magic[3]
            if dimensions != 1 + len(spec.shape):
                raise problem(
                    path, f"has {dimensions} dimensions, not {1 + len(spec.shape)}; renamed?"
                )
            header = stream.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise problem(path, "truncated")
            shape = struct.unpack(f">{dimensions}I", header)
            wrong = spec.problem(np.dtype(np.uint8), shape)
            if wrong:
                raise problem(path, wrong)
            check_room(path, math.prod(shape), packed)
            array = np.empty(shape, np.uint8)
            fill(stream, array, path)
            if stream.read(1):  # this also reaches gzip's checksum
                raise problem(path, "longer than its header says")
        return array


# --- npz: OctMNIST, the landscapes, Ames ---------------------------------------------------------


def read_npz_splits(entry: Entry, paths: list[Path]) -> Upstream:
    """The splits of one npz file: ``train_images``, ``train_labels``, ``val_images`` and so on."""
    (path,) = paths
    prefixes = {"train": "train", "validation": "val", "test": "test"}
    specs = {}
    for split, most in entry.counts.items():
        specs[f"{prefixes[split]}_images"] = Spec("uint8", entry.image_shape, most)
        specs[f"{prefixes[split]}_labels"] = Spec("integer", (), most)
    arrays = read_npz(path, specs)
    result: Upstream = {}
    for split in entry.counts:
        name = f"{prefixes[split]}_labels"
        labels = check_labels(path, name, arrays[name], entry.n_classes)
        result[split] = paired(path, split, arrays[f"{prefixes[split]}_images"], labels)
    return result


def read_npz(path: Path, specs: Mapping[str, Spec]) -> dict[str, Array]:
    """The arrays that ``specs`` names, once all of their headers are what the specs say."""
    with refusing(path):
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            for name, spec in specs.items():
                if f"{name}.npy" not in names:
                    raise problem(path, f"lacks the array {name}")
                if names.count(f"{name}.npy") > 1:
                    raise problem(path, f"holds the array {name} twice")
                _check_member(archive.getinfo(f"{name}.npy"), archive, path, name, spec)
            return {name: _read_member(archive, name) for name in specs}


def npz_headers(path: Path) -> dict[str, Header]:
    """What each array of an npz file says of itself; no array is read. Raises `DataError`."""
    with refusing(path):
        _check_directory(path)
        found = {}
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if info.filename != name:
                    with archive.open(info) as stream:
                        found[name] = _header(stream, path, name)
        return found


def _header(stream: Any, path: Path, name: str) -> Header:
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):  # the later ones are for headers beyond 64 kB
        raise problem(path, f"{name} is in a version of npy that NumPy would not write here")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    return Header(dtype, shape)


def _check_directory(path: Path) -> None:
    """Refuse a zip file whose directory is larger than a few arrays need.

    `zipfile` makes an object of every entry before anything can be asked.
    """
    with path.open("rb") as file:
        is_empty = not file.read(1)
        file.seek(max(0, path.stat().st_size - 22 - 65535))
        tail = file.read()
    if is_empty:
        raise problem(path, "empty")
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise problem(path, "not an npz file, or truncated")
    (directory,) = struct.unpack_from("<I", tail, at + 12)
    if directory > 100_000 or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise problem(path, "not an npz file of a few arrays")


def _check_member(
    info: zipfile.ZipInfo, archive: zipfile.ZipFile, path: Path, name: str, spec: Spec
) -> None:
    """Refuse an array by its header, before memory is taken for it."""
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise problem(
            path, f"{name} is encrypted, or compressed in a way that NumPy does not write"
        )
    with archive.open(info) as stream:
        header = _header(stream, path, name)
        wrong = spec.problem(header.dtype, header.shape)
        if wrong:
            raise problem(path, f"{name} {wrong}")
        nbytes = math.prod(header.shape) * header.dtype.itemsize
        if info.file_size != stream.tell() + nbytes:
            raise problem(
                path, f"{name} is {info.file_size} bytes long and declares {nbytes}; truncated?"
            )
        check_room(path, nbytes, min(info.compress_size, path.stat().st_size))


def _read_member(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(f"{name}.npy") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # reaches the checksum
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
