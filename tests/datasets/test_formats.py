"""Readers: round trips, and one hostile file after the other."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_files import BATCHES, cifar_batch, cifar_members, idx, npz, tar
from support import gz

from hw.datasets import entry, formats
from hw.datasets.cifar10 import unpickle
from hw.datasets.formats import Spec
from hw.errors import DataError

IMAGES = Spec("uint8", (4, 5), 1000)
LABELS = Spec("uint8", (), 1000)
NPZ = {"images": Spec("uint8", (4, 5), 1000), "labels": Spec("integer", (), 1000)}
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (7, 4, 5), np.uint8)
CLASSES = RNG.integers(0, 10, 7).astype(np.uint8)


def read_cifar(path: Path) -> dict[str, np.ndarray]:
    cifar = entry("cifar-10")
    return {
        f"{split}_{name}": array
        for split, pair in cifar.reader(cifar, [path]).items()
        for name, array in zip(("images", "labels"), pair, strict=True)
    }


READERS: dict[str, Callable[[Path], Any]] = {
    "idx": lambda path: formats.read_idx(path, IMAGES),
    "npz": lambda path: formats.read_npz(path, NPZ),
    "cifar": read_cifar,
}


def refused(reader: Callable[[Path], Any], path: Path, content: bytes, word: str) -> None:
    """``reader`` must refuse the file in one line with ``word``, at once and in little memory."""
    path.write_bytes(content)
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(DataError) as caught:
            reader(path)
        seconds = time.process_time() - start
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert word in message
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert seconds < 5
    assert peak < 100e6, f"{peak / 1e6:.0f} MB were taken"


# --- idx -----------------------------------------------------------------------------------------


def test_idx_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gz(idx(PIXELS)))
    read = formats.read_idx(path, IMAGES)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, PIXELS)
    path.write_bytes(idx(PIXELS))  # as a browser leaves it that unpacks what it fetches
    np.testing.assert_array_equal(formats.read_idx(path, IMAGES), PIXELS)
    path.write_bytes(gz(idx(CLASSES)))
    np.testing.assert_array_equal(formats.read_idx(path, LABELS), CLASSES)


VALID_IDX = idx(PIXELS)
LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "a web page, not the file of that name"),
        (LFS_POINTER, "a Git LFS pointer, not the file of that name"),
        (b"\x1f\x8b\x07" + VALID_IDX, "not readable"),
        (b"no idx file at all", "not an idx file"),
        (VALID_IDX[:-1], "truncated"),  # not compressed
        (VALID_IDX + b"x", "longer"),
        (gz(b""), "empty"),
        (gz(b"\0\0"), "truncated"),
        (gz(VALID_IDX)[:-20], "truncated"),
        (gz(VALID_IDX[:-1]), "truncated"),
        (gz(VALID_IDX + b"x"), "longer"),
        (gz(b"\0\0\x0d\x03" + VALID_IDX[4:]), "not an idx file of bytes"),
        (gz(idx(CLASSES)), "1 dimensions"),  # labels under the images' name
        (gz(idx(np.zeros((3, 5, 4)))), "shape"),
        (gz(idx(np.zeros((0, 4, 5)))), "empty"),
        (gz(b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 4, 5)), "declares"),
        (gz(b"\0\0\x08\x03" + struct.pack(">3I", 2000, 4, 5)), "truncated"),
        (gz(b"\0\0\x08\xff" + b"\xff" * 2000), "dimensions"),
        (gz(VALID_IDX)[:-8] + b"\0" * 8, "not readable"),  # wrong checksum
        (gz(VALID_IDX + b"\0" * 50_000_000, 9), "longer"),  # a bomb behind the data
    ],
)
def test_idx_refuses(tmp_path: Path, content: bytes, word: str) -> None:
    refused(READERS["idx"], tmp_path / "train-images-idx3-ubyte.gz", content, word)


def test_labels_outside_the_classes(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    for wrong in (10, -1):
        with pytest.raises(DataError, match=f"holds {wrong}, outside the classes 0 to 9"):
            formats.check_labels(path, "it", np.array([0, wrong, 3]), 10)
    labels = formats.check_labels(path, "it", np.array([[0], [9]], np.uint8), 10)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 9]


# --- npz -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("labels", [CLASSES, CLASSES[:, None].astype(">i8"), CLASSES.astype("i4")])
def test_npz_round_trip(tmp_path: Path, compressed: bool, order: str, labels: np.ndarray) -> None:
    path = tmp_path / "a.npz"
    pixels = np.asarray(PIXELS, order=order)
    path.write_bytes(npz(compressed, images=pixels, labels=labels, something_else=np.ones(3)))
    read = formats.read_npz(path, NPZ)
    assert set(read) == {"images", "labels"}
    assert read["images"].flags.c_contiguous
    np.testing.assert_array_equal(read["images"], PIXELS)
    np.testing.assert_array_equal(read["labels"], labels)
    assert read["labels"].dtype.isnative


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def npy(array: Any, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def npy_header(text: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    header = text.encode() + b"\n"
    form = "<H" if version == b"\x01\x00" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(header)) + header + data


def header(descr: str = "'|u1'", shape: str = "(7, 4, 5)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


GOOD_LABELS = npy(CLASSES)
VALID_NPZ = npz(images=PIXELS, labels=CLASSES)


def with_images(data: bytes) -> bytes:
    return zipped({"images.npy": data, "labels.npy": GOOD_LABELS})


def encrypted() -> bytes:
    raw = bytearray(VALID_NPZ)
    raw[raw.index(b"PK\x03\x04") + 6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"  <html>Sign in</html>", "a web page"),
        (b"not a zip file", "not an npz file"),
        (VALID_NPZ[:-100], "not an npz file, or truncated"),
        (VALID_NPZ[200:], ""),
        (zipped({}), "lacks the array images"),
        (npz(images=PIXELS), "lacks the array labels"),
        (npz(images=PIXELS.astype(float), labels=CLASSES), "dtype float64, not uint8"),
        (npz(images=PIXELS, labels=CLASSES.astype(float)), "dtype float64, not integer"),
        (npz(images=PIXELS[:, :3], labels=CLASSES), "shape (7, 3, 5), not (N, 4, 5)"),
        (npz(images=PIXELS[0], labels=CLASSES), "shape"),
        (npz(images=np.uint8(3), labels=CLASSES), "shape ()"),
        (npz(images=PIXELS[:0], labels=CLASSES), "images is empty"),
        (npz(images=PIXELS, labels=PIXELS), "labels has shape"),
        (with_images(npy(np.array([1, None]), allow_pickle=True)), "dtype object"),
        (with_images(npy_header(header(shape="(1000000000000, 4, 5)"))), "declares 1000000000000"),
        (with_images(npy_header(header(shape="(2000, 4, 5)"))), "declares 40000; truncated"),
        (with_images(npy_header(header(shape="(-7, 4, 5)"), b"x" * 140)), "impossible shape"),
        (with_images(npy_header(header(shape="(True, 4, 5)"), b"x" * 20)), "impossible shape"),
        (with_images(npy_header(header(shape="7"), b"x" * 140)), "damaged"),
        (with_images(npy_header(header(descr="'|O'"), b"x" * 140)), "dtype object"),
        (with_images(npy_header(header(descr="'V100000000'"), b"x" * 140)), "dtype"),
        (with_images(npy_header(header(descr="[('a', '|u1')]"), b"x" * 140)), "dtype"),
        (with_images(npy_header(header(descr="('|u1', (10000, 10000))"), b"x")), ""),
        (with_images(npy_header("(" * 5000)), "damaged"),
        (with_images(npy_header("{" * 60000)), "damaged"),
        (with_images(npy_header("__import__('os').system('true')")), "damaged"),
        (with_images(npy_header(header(), b"x" * 140, version=b"\x02\x00")), "version"),
        (with_images(b"\x93NUMPY\x09\x00"), "version"),
        (with_images(b"NUMPY"), "damaged"),
        (with_images(npy(PIXELS) + b"more"), "declares 140"),
        (zipped({"images.npy": npy(PIXELS), "labels.npy": GOOD_LABELS}, zipfile.ZIP_LZMA), "compr"),
        (zipped({f"{i}.npy": b"" for i in range(3000)}), "a few arrays"),
        (encrypted(), "encrypted"),
    ],
)
def test_npz_refuses(tmp_path: Path, content: bytes, word: str) -> None:
    refused(READERS["npz"], tmp_path / "a.npz", content, word)


def test_npz_refuses_two_members_of_one_name(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.npy", npy(PIXELS))
        archive.writestr("labels.npy", GOOD_LABELS)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("images.npy", npy(PIXELS))
    refused(READERS["npz"], tmp_path / "a.npz", file.getvalue(), "twice")


def test_npz_refuses_an_entry_that_lies_about_its_size(tmp_path: Path) -> None:
    """Sizes in the zip directory are only claims, too."""
    spec = {"images": Spec("uint8", (1000, 1000), 1000)}
    claim = npy_header(header(shape="(1000, 1000, 1000)"))
    raw = bytearray(zipped({"images.npy": claim}))
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = struct.pack("<I", len(claim) + 10**9)
    refused(lambda p: formats.read_npz(p, spec), tmp_path / "a.npz", bytes(raw), "truncated")


def test_npz_checks_every_header_before_it_reads_an_array(tmp_path: Path) -> None:
    big = np.zeros((1000, 200, 1000), np.uint8)
    specs = {"images": Spec("uint8", (200, 1000), 1000), "labels": Spec("integer", (), 1000)}
    content = npz(images=big, labels=np.zeros(1000))
    refused(lambda p: formats.read_npz(p, specs), tmp_path / "a.npz", content, "labels has dtype")


# --- CIFAR ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_cifar_round_trip(tmp_path: Path, protocol: int) -> None:
    members = cifar_members(protocol)
    path = tmp_path / "c.tar.gz"
    # Out of order, with a page and a folder beside them, as the published archive has.
    content = {"readme.html": b"<html>", "batches.meta": b"", **dict(reversed(members.items()))}
    path.write_bytes(gz(tar(content)))
    read = read_cifar(path)
    expected = [pickle.loads(members[name]) for name in BATCHES]
    np.testing.assert_array_equal(
        read["train_images"], np.concatenate([b[b"data"] for b in expected[:5]])
    )
    np.testing.assert_array_equal(
        read["train_labels"], np.concatenate([b[b"labels"] for b in expected[:5]])
    )
    np.testing.assert_array_equal(read["test_images"], expected[5][b"data"])
    assert read["test_labels"].tolist() == expected[5][b"labels"]


def python2_pickle(batch: dict[bytes, Any]) -> bytes:
    """The batch as Python 2 and the NumPy of 2009 wrote it: byte strings, numpy.core."""

    def string(value: bytes) -> bytes:
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value

    data = batch[b"data"]
    shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in data.shape) + b"t"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85"
        + string(b"b")
        + b"\x87R(K\x01"
        + shape
        + b"cnumpy\ndtype\nq\x07"
        + string(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + string(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + string(data.tobytes())
        + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([k]) for k in batch[b"labels"]) + b"e"
    names = b"](" + b"".join(string(name) for name in batch[b"filenames"]) + b"e"
    items = string(b"batch_label") + string(b"training batch 1 of 5")
    items += string(b"labels") + labels + string(b"data") + array + string(b"filenames") + names
    return b"\x80\x02}q\x01(" + items + b"u."


def test_python2_pickles_load() -> None:
    batch = cifar_batch(np.random.default_rng(1))
    written = python2_pickle(batch)
    # The writer above is right if Python's own unpickler agrees.
    np.testing.assert_array_equal(pickle.loads(written, encoding="bytes")[b"data"], batch[b"data"])
    read = unpickle(written)
    np.testing.assert_array_equal(read[b"data"], batch[b"data"])
    assert read[b"labels"] == batch[b"labels"]
    assert read[b"filenames"] == batch[b"filenames"]


def test_fortran_arrays_in_pickles() -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    read = unpickle(pickle.dumps({"data": array}, protocol=2))
    np.testing.assert_array_equal(read["data"], array)


class Bomb:
    def __reduce__(self) -> Any:
        return (eval, ("1 + 1",))


EMPTY_ARRAY = (
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R."
)
NESTED = b"\x80\x02)" + b"q\x00h\x00\x86" * 200 + b"}"  # t = (t, t), 200 times
# The same, where the place in the memo is first taken by something else, or an instruction that
# does nothing comes between.
REWRITTEN = b"\x80\x02Nq\x00Nq\x00)\x85" + b"\x94h\x01\x86q\x01" * 200 + b"}"
HIDDEN = b"\x80\x02)\x85" + b"(eq\x00h\x00\x86" * 200 + b"}"


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Bomb()),
        pickle.dumps(np.dtype("u1").newbyteorder),
        pickle.dumps(np.arange(3.0), protocol=2),
        pickle.dumps(np.array([1, "a"], object), protocol=2),
        pickle.dumps({"a"}),  # a set; of more, the order would differ from run to run
        pickle.dumps(2**10000),
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.",  # an array made by a call
        b"\x80\x02]r\xff\xff\xff\x7f0",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",  # bytearray8: a terabyte
        b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b".",
        b"\x80\x02T\xff\xff\xff\xff.",
        NESTED + b"q\x01" + b"h\x00K\x01s.",  # exponential if hashed
        b"N" * 2_000_000 + b".",
        b"\x80\x02cnumpy\ndtype\nU\x02u1\x85R}U\x01acos\nsystem\nsb.",
        NESTED.replace(b"q\x00", b"\x80\x02q\x00") + b"q\x01" + b"h\x00K\x01s.",
        REWRITTEN + b"q\x01" + b"h\x00K\x01s.",
        HIDDEN + b"q\x01" + b"h\x00K\x01s.",
        b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb" + b"U\x02f8\x85R.",
        b"\x80\x02}" + b"\x8a\x09" + (2**61 - 1).to_bytes(9, "little") + b"K\x01s.",
        b"\x8a\xff\x01.",
        b"c" + b"x" * 100_000,
        b"",
        b".",
        b"(",
        b"\x80",
    ],
    ids=lambda data: hashlib.sha256(data).hexdigest()[:8],
)
def test_pickles_that_are_refused(data: bytes) -> None:
    start = time.process_time()
    with pytest.raises(ValueError):
        unpickle(data)
    assert time.process_time() - start < 2


def test_a_long_dtype_is_refused_before_it_is_decoded() -> None:
    """Decoded once for each of 150 calls, and kept, 40 MB would be 6 GB."""
    code = b"T" + struct.pack("<i", 40_000_000) + b"u" * 40_000_000
    start = b"\x80\x02cnumpy\ndtype\nq\x00" + code + b"\x85q\x01]("
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            unpickle(start + b"h\x00h\x01R" * 150 + b"e.")
        with pytest.raises(ValueError, match="not of unsigned bytes"):
            unpickle(start.replace(b"\x85q\x01](", b"q\x01](") + b"h\x00h\x01\x85R" * 150 + b"e.")
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_nothing_that_a_pickle_sets_outlives_it() -> None:
    for module, name in (("numpy", "dtype"), ("numpy", "ndarray"), ("_codecs", "encode")):
        changed = f"}}U\x01ac{module}\n{name}\n".encode("latin1") + b"}U\x01bK\x01sbs."
        assert vars(unpickle(b"\x80\x02" + changed)[b"a"]) == {b"b": 1}
        assert vars(unpickle(b"\x80\x02" + changed.replace(b"}U\x01bK\x01s", b"}"))[b"a"]) == {}


def test_texts_are_not_encoded_without_end() -> None:
    text = b"X" + struct.pack("<I", 10**6) + b"x" * 10**6
    start = b"\x80\x02c_codecs\nencode\nq\x00" + text + b"q\x01U\x06latin1q\x02]("
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="less than it says"):
            unpickle(start + b"h\x00h\x01h\x02\x86R" * 10_000 + b"e.")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def gz_tar(changes: dict[str, Any] | None = None, drop: str = "", **batch: Any) -> bytes:
    members = {**cifar_members(**batch), **(changes or {})}
    members.pop(drop, None)
    return gz(tar(members))


def changed(**attributes: Any) -> bytes:
    """An archive whose first header differs."""
    names = iter(range(100))

    def change(info: tarfile.TarInfo) -> None:
        if next(names) == 0:
            for key, value in attributes.items():
                setattr(info, key, value)

    return gz(tar(cifar_members(), change))


def long_names(kind: bytes, count: int, size: int) -> bytes:
    """``count`` headers that say that a name (or a table) of ``size`` bytes follows, and those."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, size
    return (info.tobuf(tarfile.GNU_FORMAT) + b"\0" * (-(-size // 512) * 512)) * count


def many_files(count: int) -> bytes:
    return tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT) * count


def resized(size: int) -> bytes:
    info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    info.size = size
    return gz(info.tobuf(tarfile.GNU_FORMAT))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<html>", "a web page"),
        (gz(b""), "empty"),
        (gz(b"x" * 5000), "not readable"),
        (gz_tar()[:-50], "truncated"),
        (gz(tar(cifar_members())[:20_000]), "end of data"),
        (gz_tar(drop="test_batch"), "lacks test_batch"),
        (gz(tar({})), "lacks data_batch_1"),
        (changed(name="/etc/passwd"), "lacks data_batch_1"),
        (changed(name="a/../../data_batch_1"), "would be extracted to"),
        (changed(name="..\\data_batch_1"), "lacks data_batch_1"),
        (changed(name="data_batch_1", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link"),
        (changed(name="data_batch_1", type=tarfile.LNKTYPE, linkname="x"), "no plain file"),
        (changed(name="x", type=tarfile.CHRTYPE), "a special file"),
        (changed(name="x", type=tarfile.FIFOTYPE), "a special file"),
        (changed(name="x", type=b"L"), "invalid header"),  # the batch as a long name
        (gz(long_names(b"L", 1, 300_000_000)), "headers are larger"),
        (gz(long_names(b"x", 1, 300_000_000)), "headers are larger"),
        (gz(long_names(b"L", 5000, 600)), "recursion"),
        (gz(many_files(100_000)), "headers are larger"),
        (resized(10**12), "declares 1000000000000 bytes"),
        (resized(300 << 20), "declares"),
        (resized(60 << 20), "truncated"),
        (resized(-5), "declares"),
        (gz_tar({"data_batch_1": pickle.dumps([1, 2])}), "no dictionary"),
        (gz_tar({"data_batch_1": pickle.dumps(Bomb())}), "damaged"),
        (gz_tar({"data_batch_2": pickle.dumps({"labels": []})}), "lacks its images"),
        # Python can read these; no batch comes of them.
        (gz_tar({"data_batch_1": pickle.dumps({1: 2})}), "lacks its images"),
        (gz_tar({"data_batch_1": pickle.dumps({(1,): 2})}), "lacks its images"),
        (gz_tar({"data_batch_1": EMPTY_ARRAY}), "no dictionary"),
        (gz_tar({"data_batch_1": b"(N."}), "no dictionary"),
        (gz_tar(labels=[0, 1, 10]), "outside the classes"),
        (gz_tar(labels=[0, 1, -1]), "outside the classes"),
        (gz_tar(labels=[0, 1]), "3 examples and 2 labels"),
        (gz_tar(labels=["a", 1, 2]), "no whole numbers"),
        (gz_tar(labels=[True, 1, 2]), "no whole numbers"),
        (gz_tar(data=np.zeros((3, 3071), np.uint8)), "shape (3, 3071)"),
        (gz_tar(data=np.zeros((3, 3072))), "damaged"),
        (gz_tar(data=np.zeros((0, 3072), np.uint8), labels=[]), "empty"),
        (gz_tar({"junk": b"\0" * 300_000_000}), ""),
    ],
)
def test_cifar_refuses(tmp_path: Path, content: bytes, word: str) -> None:
    if word:
        refused(READERS["cifar"], tmp_path / "c.tar.gz", content, word)
        return
    # A bomb in a member that nobody needs is skipped, in little memory.
    path = tmp_path / "c.tar.gz"
    path.write_bytes(content)
    tracemalloc.start()
    read_cifar(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for reader in READERS.values():
        with pytest.raises(DataError, match="no such file"):
            reader(tmp_path / "absent")
        with pytest.raises(DataError, match=r"directory"):
            reader(tmp_path)
