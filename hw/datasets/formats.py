"""Readers of idx.gz, npz and CIFAR's tar.gz that no file can harm.

Whatever a file holds, a reader returns sound arrays or raises `DataError` in one line: which
file, what is wrong, what to do. Three rules keep it so:

- what a header declares is checked against what the data set may hold, and against what the
  file's own bytes could unpack to, before memory is taken;
- nothing is unpacked to disk, and nothing from a file is executed (no pickle: `unpickle` reads
  CIFAR's batches and knows arrays, lists, dicts, numbers and strings only);
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
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets import unpickle
from hw.errors import DataError, HwError

Array = NDArray[Any]

# Deflate's best ratio: a byte can unpack to at most this many (258 bytes from two bits).
MOST_PER_BYTE = 1032
CHUNK = 1 << 20
# A file may hold somewhat more examples than the published one, not any number.
HEADROOM = 2
HTML_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")
REMEDY = "replace it, or remove it and run 'python -m hw data fetch'"


@dataclass(frozen=True)
class Spec:
    """What an array of a file must be.

    kinds: accepted ``dtype.kind``s (``u``, ``i``, ``f``), of at most 8 bytes a number.
    shape: of one example.
    most:  examples.
    exact: the one dtype accepted, where not any of ``kinds``.
    """

    kinds: str
    shape: tuple[int, ...]
    most: int
    exact: Any = None

    def problem(self, dtype: Any, shape: tuple[int, ...]) -> str:
        """What is wrong with such an array, or the empty string."""
        wanted = (
            str(np.dtype(self.exact))
            if self.exact
            else {"ui": "integer", "f": "float"}.get(self.kinds, self.kinds)
        )
        if dtype.hasobject or dtype.kind not in self.kinds or dtype.itemsize > 8:
            return f"has dtype {_short(dtype)}, not {wanted}"
        if self.exact and dtype.newbyteorder("=") != np.dtype(self.exact):
            return f"has dtype {_short(dtype)}, not {wanted}"
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
    """Turn every failure of a parser over ``path`` into a `DataError`."""
    try:
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
    except MemoryError as error:
        raise problem(path, "does not fit in memory") from error
    except Exception as error:
        # Parsers of the standard library and NumPy fail in a dozen ways on hostile bytes
        # (ValueError, struct.error, zlib.error, RuntimeError, SyntaxError, RecursionError, ...),
        # none of them a promise. The cause stays chained for whoever debugs.
        raise problem(path, f"damaged ({_short(error) or type(error).__name__})") from error


def fill(stream: Any, target: Array, path: Path) -> None:
    """Read exactly ``target.nbytes`` from ``stream`` into the C-contiguous ``target``."""
    view = memoryview(target.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        chunk = stream.read(min(CHUNK, len(view) - done))
        if not chunk:
            raise problem(path, f"truncated: {done} of {len(view)} bytes")
        view[done : done + len(chunk)] = chunk
        done += len(chunk)


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


# --- idx.gz: MNIST and Fashion-MNIST -------------------------------------------------------------


def read_idx(path: Path, spec: Spec) -> Array:
    """The array of a gzipped idx file of bytes: (N, *spec.shape) uint8.

    http://yann.lecun.com/exdb/mnist/: two zero bytes, type (8: unsigned byte), number of
    dimensions, each dimension as a big-endian 32-bit integer, then the bytes.
    """
    with refusing(path):
        packed = path.stat().st_size
        with gzip.open(path) as stream:
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


def read_npz(path: Path, specs: Mapping[str, Spec]) -> dict[str, Array]:
    """The arrays ``specs`` names, each unpacked straight into its final place.

    `numpy.load` would allocate what a header claims, and keeps a second copy while it reads.
    """
    with refusing(path):
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for info in archive.infolist():
                if info.filename in members:
                    raise problem(path, f"holds {_short(info.filename)!r} twice")
                members[info.filename] = info
            missing = [name for name in specs if f"{name}.npy" not in members]
            if missing:
                raise problem(path, f"lacks the array {missing[0]}")
            # All headers first: what is wrong with the last array shows before the first is read.
            for name, spec in specs.items():
                _read_member(archive, members[f"{name}.npy"], path, name, spec, header_only=True)
            return {
                name: _read_member(archive, members[f"{name}.npy"], path, name, spec)
                for name, spec in specs.items()
            }


def _check_directory(path: Path) -> None:
    """Refuse a zip file whose directory is larger than a few arrays need.

    `zipfile` makes an object of every entry before anything can be asked.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if not size:
            raise problem(path, "empty")
        file.seek(max(0, size - 22 - 65535))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        kind = "a web page" if looks_like_html(path) else "not an npz file, or truncated"
        raise problem(path, kind)
    (directory,) = struct.unpack_from("<I", tail, at + 12)
    if directory > 100_000 or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise problem(path, "not an npz file of a few arrays")


def looks_like_html(path: Path) -> bool:
    """Whether the file begins as a web page does."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    return start.startswith(HTML_STARTS)


def _read_member(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    path: Path,
    name: str,
    spec: Spec,
    header_only: bool = False,
) -> Array:
    if info.flag_bits & 1:
        raise problem(path, f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise problem(path, f"{name} is compressed in a way that NumPy does not write")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):  # the later ones are for headers beyond 64 kB
            raise problem(path, f"{name} is in a version of npy that NumPy would not write here")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        wrong = spec.problem(dtype, shape)
        if wrong:
            raise problem(path, f"{name} {wrong}")
        nbytes = math.prod(shape) * dtype.itemsize
        if info.file_size != stream.tell() + nbytes:
            raise problem(
                path, f"{name} is {info.file_size} bytes long and declares {nbytes}; truncated?"
            )
        check_room(path, nbytes, min(info.compress_size, path.stat().st_size))
        if header_only:
            return np.empty(0, dtype)
        array = np.empty(shape[::-1] if fortran else shape, dtype)
        fill(stream, array, path)
        if stream.read(1):  # also reaches the checksum
            raise problem(path, f"{name} is longer than its header says")
    if fortran:
        array = np.ascontiguousarray(array.T)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


# --- CIFAR-10: a tar.gz of pickled batches -------------------------------------------------------

_BATCH_LIMIT = 64 << 20  # bytes of one pickled batch; the published ones have 31 million
_TAR_LIMIT = 512 << 20  # bytes of the whole archive, unpacked
_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def read_cifar(path: Path, width: int, n_classes: int, most: int) -> dict[str, Array]:
    """``train_images`` (N, width) uint8, ``train_labels`` (N,), ``test_images``, ``test_labels``.

    The batches are joined in the order of their names, whatever their order in the archive.
    """
    images: dict[str, Array] = {}
    labels: dict[str, Array] = {}
    with refusing(path):
        for name, stream, size in _tar_members(path):
            if name not in _BATCHES:
                continue
            if name in images:
                raise problem(path, f"holds {name} twice")
            if size > _BATCH_LIMIT:
                raise problem(path, f"{name} declares {size} bytes")
            check_room(path, size, path.stat().st_size)
            raw = bytearray(size)
            fill(stream, np.frombuffer(raw, np.uint8), path)
            batch = unpickle.loads(raw)
            del raw
            images[name], labels[name] = _batch(path, name, batch, width, n_classes, most)
        missing = [name for name in _BATCHES if name not in images]
        if missing:
            raise problem(path, f"lacks {missing[0]}")
        return {
            "train_images": np.concatenate([images.pop(name) for name in _BATCHES[:5]]),
            "train_labels": np.concatenate([labels.pop(name) for name in _BATCHES[:5]]),
            "test_images": images["test_batch"],
            "test_labels": labels["test_batch"],
        }


def _tar_members(path: Path) -> Iterator[tuple[str, Any, int]]:
    """Last part of the name, stream and size of each plain file, read in one pass.

    `tarfile` itself would read a header of any declared length into memory; it only decodes
    single header blocks here.
    """
    with gzip.open(path) as stream:
        start = 0
        while True:
            block = stream.read(tarfile.BLOCKSIZE)
            if block.count(0) == tarfile.BLOCKSIZE:
                return
            if len(block) < tarfile.BLOCKSIZE:
                raise problem(path, "truncated" if start or block else "empty")
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            start += tarfile.BLOCKSIZE
            name = PurePosixPath(info.name)
            if name.is_absolute() or ".." in name.parts or "\\" in info.name:
                raise problem(path, f"holds the unsafe path {_short(ascii(info.name))}")
            if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, *_HEADERS):
                kind = "a link" if info.issym() or info.islnk() else "no plain file"
                raise problem(path, f"{_short(ascii(info.name))} is {kind}")
            if not 0 <= info.size <= _TAR_LIMIT - start:
                raise problem(path, f"{_short(ascii(info.name))} declares {info.size} bytes")
            end = start + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            if info.isreg():
                yield name.name, stream, info.size
            _skip(stream, end, path)
            start = end


_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE)  # times and owners; their contents are not needed


def _skip(stream: Any, end: int, path: Path) -> None:
    while stream.tell() < end:
        if not stream.read(min(CHUNK, end - stream.tell())):
            raise problem(path, "truncated")


def _batch(
    path: Path, name: str, batch: Any, width: int, n_classes: int, most: int
) -> tuple[Array, Array]:
    if not isinstance(batch, dict):
        raise problem(path, f"{name} is no dictionary")
    # Python 2 wrote the keys as bytes, Python 3 may have written them as text.
    fields = {key.decode("latin1") if isinstance(key, bytes) else key: batch[key] for key in batch}
    images, labels = fields.get("data"), fields.get("labels")
    if not isinstance(images, np.ndarray) or not isinstance(labels, list):
        raise problem(path, f"{name} lacks its images or its labels")
    wrong = Spec("u", (width,), most, exact=np.uint8).problem(images.dtype, images.shape)
    if wrong:
        raise problem(path, f"{name} {wrong}")
    if len(labels) != len(images):
        raise problem(path, f"{name} has {len(images)} images and {len(labels)} labels")
    if any(type(label) is not int for label in labels):
        raise problem(path, f"{name} has labels that are no whole numbers")
    if not 0 <= min(labels) <= max(labels) < n_classes:
        raise problem(path, f"{name} has labels outside the classes 0 to {n_classes - 1}")
    return images, np.asarray(labels, np.int64)
