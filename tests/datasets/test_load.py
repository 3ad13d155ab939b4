"""`load`: modes, paths, provenance, and every way in which a data set can be wrong."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_files import idx, images, npz, write_set
from support import gz

from hw import datasets
from hw.datasets import hashes, registry
from hw.datasets.entry import File
from hw.errors import DataError, UsageError

SMALL = {"train": 9, "validation": 4, "test": 5}


def small_landscapes(**changes: np.ndarray) -> bytes:
    content = {}
    for i, (prefix, n) in enumerate((("train", 9), ("val", 4), ("test", 5))):
        pixels, labels = images("intel-landscapes", n, i)
        content |= {f"{prefix}_images": pixels, f"{prefix}_labels": labels}
    return npz(**{**content, **changes})


def test_modes(tmp_path: Path) -> None:
    assert not datasets.exists("intel-landscapes", tmp_path)
    assert datasets.load("intel-landscapes", "ist2024", tmp_path).source == "stand-in"
    with pytest.raises(DataError) as caught:
        datasets.load("intel-landscapes", "ist2024", tmp_path, "real")
    message = str(caught.value)
    assert str(tmp_path / "intel-landscapes" / "intel_landscapes.npz") in message
    assert "hw data fetch intel-landscapes" in message
    assert "drive.google.com" in message
    write_set(tmp_path, "intel-landscapes", SMALL)
    assert datasets.exists("intel-landscapes", tmp_path)
    for mode in ("auto", "real"):
        data = datasets.load("intel-landscapes", "ist2024", tmp_path, mode)
        assert (data.source, data.provenance) == ("real", "other bytes")
    data = datasets.load("intel-landscapes", "ist2024", tmp_path, "stand-in")
    assert data.source == "stand-in"


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'mnist'"):
        datasets.load("mnits", "ist2024", tmp_path)
    with pytest.raises(UsageError, match="did you mean 'ist2024'"):
        datasets.load("intel-landscapes", "ist2042", tmp_path)
    with pytest.raises(UsageError, match="did you mean 'stand-in'"):
        datasets.load("intel-landscapes", "ist2024", tmp_path, "standin")


def test_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    write_set(tmp_path, "intel-landscapes", SMALL)
    path = tmp_path / "intel-landscapes" / "intel_landscapes.npz"
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert datasets.load("intel-landscapes", "ist2024", tmp_path).sha256 == expected


def test_sha256_of_several_files(tmp_path: Path) -> None:
    write_set(tmp_path, "fashion-mnist", {"train": 60, "test": 10})
    listing = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in registry.entry("fashion-mnist").paths(tmp_path)
    )
    expected = hashlib.sha256(listing.encode()).hexdigest()
    assert datasets.load("fashion-mnist", "ist2021", tmp_path).sha256 == expected


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_the_published_hash_makes_the_published_file(tmp_path: Path, algorithm: str) -> None:
    write_set(tmp_path, "octmnist", {"train": 9, "validation": 4, "test": 900})
    entry = registry.entry("octmnist")
    (path,) = entry.paths(tmp_path)
    digest = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    file = dataclasses.replace(entry.files[0], hash=f"{algorithm}:{digest}")
    right = dataclasses.replace(entry, files=(file,))
    assert hashes.of(right, [path]).provenance == "published file"
    assert hashes.of(entry, [path]).provenance == "other bytes"


def test_a_copy_that_was_compressed_anew_is_the_published_file(tmp_path: Path) -> None:
    path, content = tmp_path / "a.gz", b"the same data"
    digest = hashlib.sha256(content).hexdigest()
    file = File("a.gz", (), f"unpacked-sha256:{digest}")
    for level in (1, 9):
        path.write_bytes(gz(content, level))
        assert hashes.is_published(file, path)
    path.write_bytes(content)  # unpacked, under the old name
    assert hashes.is_published(file, path)
    for other in (gz(b"other data"), gz(content)[:-3], b"no gzip file", b""):
        path.write_bytes(other)
        assert not hashes.is_published(file, path)


def test_what_unpacks_to_far_too_much_is_not_hashed_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gz(b"\0" * 200_000_000))
    start = time.process_time()
    assert not hashes.is_published(File("a.gz", (), "unpacked-sha256:0"), path)
    assert time.process_time() - start < 0.5


def test_a_file_that_is_far_too_large_is_not_hashed(tmp_path: Path) -> None:
    entry = registry.entry("octmnist")
    path = tmp_path / "octmnist.npz"
    with path.open("wb") as file:
        file.truncate(20_000_000_000)
    start = time.process_time()
    with pytest.raises(DataError, match="larger than 400000000 bytes"):
        hashes.of(entry, [path])
    assert time.process_time() - start < 0.5


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads it all")
def test_a_folder_that_cannot_be_read_is_no_missing_file(tmp_path: Path) -> None:
    write_set(tmp_path, "octmnist", {"train": 9, "validation": 4, "test": 9})
    (tmp_path / "octmnist").chmod(0)
    try:
        with pytest.raises(DataError, match="make it readable, or choose another folder"):
            datasets.load("octmnist", "ist2023", tmp_path)
    finally:
        (tmp_path / "octmnist").chmod(0o755)


def test_idx_files_are_read_as_other_programs_leave_them(tmp_path: Path) -> None:
    write_set(tmp_path, "mnist", {"train": 30, "test": 30})
    packed = datasets.load("mnist", "e1394-torch", tmp_path, "real")
    for path in (tmp_path / "mnist").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert datasets.exists("mnist", tmp_path)
    unpacked = datasets.load("mnist", "e1394-torch", tmp_path, "real")
    for name, split in packed.splits.items():
        np.testing.assert_array_equal(split.labels, unpacked.splits[name].labels)
        np.testing.assert_array_equal(split.features.stored, unpacked.splits[name].features.stored)


def test_a_test_set_that_is_too_small_for_its_cut_is_noted(tmp_path: Path) -> None:
    write_set(tmp_path, "octmnist", {"train": 9, "validation": 4, "test": 40})
    *_, note = datasets.load("octmnist", "ist2023", tmp_path).notes
    assert "is cut to 182/55/42/250 images of classes 0 to 3, and the file has" in note


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = hashes.digest(path)
    path.write_bytes(b"other")
    assert hashes.digest(path) != first
    assert hashes.digest(path) == hashlib.sha256(b"other").hexdigest()


def test_path_names_the_file_itself(tmp_path: Path) -> None:
    write_set(tmp_path, "intel-landscapes", SMALL)
    elsewhere = tmp_path / "renamed.npz"
    (tmp_path / "intel-landscapes" / "intel_landscapes.npz").rename(elsewhere)
    data = datasets.load("intel-landscapes", "ist2024", tmp_path / "none", path=elsewhere)
    assert data.source == "real"
    assert len(data.train) == 9
    with pytest.raises(DataError, match=r"gone\.npz: no such file"):
        datasets.load("intel-landscapes", "ist2024", tmp_path, path=tmp_path / "gone.npz")
    write_set(tmp_path, "mnist", {"train": 1000, "test": 1000})
    folder = tmp_path / "mnist"
    assert datasets.load("mnist", "e1394-torch", tmp_path / "none", path=folder).source == "real"
    with pytest.raises(DataError, match="name their folder"):
        datasets.load("mnist", "e1394-torch", tmp_path, path=elsewhere)


def test_incomplete_sets_are_said_to_be(tmp_path: Path) -> None:
    write_set(tmp_path, "mnist", {"train": 1000, "test": 1000})
    lost = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    lost.unlink()
    data = datasets.load("mnist", "e1394-torch", tmp_path)
    assert data.source == "stand-in"
    assert any(str(lost) in note for note in data.notes)
    with pytest.raises(DataError, match="t10k-labels"):
        datasets.load("mnist", "e1394-torch", tmp_path, "real")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_labels": np.full(9, 6, np.uint8)}, "outside the classes 0 to 5"),
        ({"test_labels": np.zeros(4, np.uint8)}, "test has 5 examples and 4 labels"),
        ({"val_images": np.zeros((4, 48, 48), np.uint8)}, "val_images has shape"),
        ({"val_images": np.zeros((4, 48, 48, 3), np.float32)}, "val_images has dtype float32"),
        ({"train_images": np.zeros((0, 48, 48, 3), np.uint8)}, "empty"),
    ],
)
def test_unsound_files_are_never_replaced_by_a_stand_in(
    tmp_path: Path, changes: dict[str, np.ndarray], words: str
) -> None:
    folder = tmp_path / "intel-landscapes"
    folder.mkdir()
    (folder / "intel_landscapes.npz").write_bytes(small_landscapes(**changes))
    with pytest.raises(DataError, match=words):
        datasets.load("intel-landscapes", "ist2024", tmp_path)


def test_ames_with_numbers_that_are_none(tmp_path: Path) -> None:
    write_set(tmp_path, "ames", {"train": 12, "test": 8})
    path = tmp_path / "ames" / "ames.npz"
    arrays = dict(np.load(path))
    arrays["Xtest"][3, 4] = np.inf
    path.write_bytes(npz(**arrays))
    with pytest.raises(DataError, match="Xtest holds numbers that are not finite"):
        datasets.load("ames", "ist2021", tmp_path)


def test_images_and_labels_of_different_files(tmp_path: Path) -> None:
    write_set(tmp_path, "fashion-mnist", {"train": 60, "test": 10})
    labels = tmp_path / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gz(idx(np.zeros(59))))
    with pytest.raises(DataError, match="60 examples and 59 labels"):
        datasets.load("fashion-mnist", "ist2021", tmp_path)


def test_other_counts_are_noted(tmp_path: Path) -> None:
    write_set(tmp_path, "intel-landscapes", SMALL)
    notes = datasets.load("intel-landscapes", "ist2024", tmp_path).notes
    assert "train has 9 examples, the published file 12630" in notes


def test_default_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HW_DATA_DIR", raising=False)
    assert datasets.default_directory() == Path("data")
    monkeypatch.setenv("HW_DATA_DIR", "/somewhere")
    assert datasets.default_directory() == Path("/somewhere")


def test_importing_is_light() -> None:
    code = (
        "import sys, hw.datasets, hw.commands.data; "
        "heavy = ('torch', 'urllib.request', 'http.client', 'matplotlib'); "
        "print([module for module in heavy if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_new_data_set_is_one_new_file(tmp_path: Path) -> None:
    """A copy of the package with one file more knows one data set more."""
    shutil.copytree(Path(datasets.__file__).parents[1], tmp_path / "hw")
    folder = tmp_path / "hw" / "datasets"
    text = (folder / "intel_landscapes.py").read_text().replace("intel-landscapes", "hills")
    (folder / "hills.py").write_text(text)
    code = (
        "from pathlib import Path; from hw import datasets; "
        "print(len(datasets.load('hills', 'ist2024', Path('none')).train), *datasets.CATALOGUE)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1200", *sorted([*datasets.CATALOGUE, "hills"])]


def test_catalogue_is_well_formed() -> None:
    for name, entry in registry.CATALOGUE.items():
        assert name == entry.name
        assert len(entry.class_names) == entry.n_classes
        assert int(np.prod(entry.image_shape or (entry.width,))) == entry.width
        for file in entry.files:
            assert len(file.urls) >= 2, f"{file.name} has one mirror only"
            algorithm, _, digest = file.hash.partition(":")
            lengths = {"sha256": 64, "unpacked-sha256": 64, "md5": 32, "": 0}
            assert len(digest) == lengths[algorithm]
            assert file.limit >= file.size
