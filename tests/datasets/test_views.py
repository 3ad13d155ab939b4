"""Views: every split against a naive formula, on small files in the upstream formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_files import write_set

from hw import datasets
from hw.datasets.entry import drawn_order
from hw.errors import UsageError


def values(split: Any) -> np.ndarray:
    return split.features.take(slice(None))


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def test_landscapes_are_the_upstream_splits(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "intel-landscapes", {"train": 9, "validation": 4, "test": 5})
    data = datasets.load("intel-landscapes", "ist2024", tmp_path, "real")
    assert list(data.splits) == ["train", "validation", "test"]
    for name, (images, labels) in arrays.items():
        split = data.splits[name]
        assert split.features.stored.dtype == np.uint8
        assert split.labels.dtype == np.int64
        np.testing.assert_array_equal(values(split), flat(images) / 256)
        np.testing.assert_array_equal(split.labels, labels)


def test_octmnist_test_set_is_cut_by_class(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "octmnist", {"train": 20, "validation": 10, "test": 1300})
    images, labels = arrays["test"]
    rows: list[int] = []
    for k, count in enumerate((182, 55, 42, 250)):
        of_class = [i for i, label in enumerate(labels) if label == k]
        rows += of_class[:count]
    data = datasets.load("octmnist", "ist2023", tmp_path, "real")
    test = data.splits["test"]
    assert len(test) == 529
    assert np.bincount(test.labels).tolist() == [182, 55, 42, 250]
    np.testing.assert_array_equal(test.labels, labels[rows])
    np.testing.assert_array_equal(values(test), flat(images[rows]) / 256)
    np.testing.assert_array_equal(values(data.train), flat(arrays["train"][0]) / 256)


def test_fashion_validation_is_drawn_first(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "fashion-mnist", {"train": 60, "test": 10})
    images, labels = arrays["train"]
    order = np.random.RandomState(42).permutation(60)
    data = datasets.load("fashion-mnist", "ist2021", tmp_path, "real")
    for i, row in enumerate(order[:10]):
        assert data.splits["validation"].labels[i] == labels[row]
    np.testing.assert_array_equal(values(data.splits["validation"]), flat(images[order[:10]]) / 256)
    np.testing.assert_array_equal(values(data.train), flat(images[order[10:]]) / 256)
    np.testing.assert_array_equal(data.train.labels, labels[order[10:]])
    np.testing.assert_array_equal(values(data.splits["test"]), flat(arrays["test"][0]) / 256)


def test_drawn_order_of_the_published_counts() -> None:
    """The draws of the protocols: first numbers as NumPy's legacy generator gives them."""
    np.random.seed(42)
    np.testing.assert_array_equal(drawn_order(60000), np.random.permutation(60000))
    assert drawn_order(1000)[:3].tolist() == [521, 737, 740]


def test_ames_is_read_as_stored(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "ames", {"train": 12, "test": 8})
    data = datasets.load("ames", "ist2021", tmp_path, "real")
    assert data.n_classes == 0
    for name in ("train", "test"):
        np.testing.assert_array_equal(values(data.splits[name]), arrays[name][0])
        np.testing.assert_array_equal(data.splits[name].labels, arrays[name][1].reshape(-1))
    assert list(data.splits) == ["train", "test"]


def test_cifar_is_cut_in_file_order(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "cifar-10", {"train": 50, "test": 10})
    images, labels = arrays["train"]
    data = datasets.load("cifar-10", "ift6390", tmp_path, "real")
    np.testing.assert_array_equal(values(data.train), flat(images[:40]) / 255)
    np.testing.assert_array_equal(values(data.splits["validation"]), flat(images[40:]) / 255)
    np.testing.assert_array_equal(data.splits["validation"].labels, labels[40:])
    assert len(data.splits["test"]) == 10


def test_e1394_scratch(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "mnist", {"train": 1100, "test": 30})
    images, labels = arrays["train"]
    order = np.random.RandomState(42).permutation(1000)
    # Exactly what dividing float32 pixels gives, also when computed with in float64.
    scaled = flat(images).astype(np.float32) / np.float32(255)
    data = datasets.load("mnist", "e1394-scratch", tmp_path, "real")
    assert list(data.splits) == ["train", "validation"]
    np.testing.assert_array_equal(values(data.splits["validation"]), scaled[order[:200]])
    np.testing.assert_array_equal(values(data.train), scaled[order[200:]])
    np.testing.assert_array_equal(data.train.labels, labels[order[200:]])
    in_float32 = data.train.features.take(slice(None), np.float32)
    assert in_float32.dtype == np.float32
    np.testing.assert_array_equal(in_float32, scaled[order[200:]])


def test_e1394_torch(tmp_path: Path) -> None:
    arrays = write_set(tmp_path, "mnist", {"train": 1010, "test": 1005})
    data = datasets.load("mnist", "e1394-torch", tmp_path, "real")
    for name, part in (("train", "train"), ("validation", "test")):
        pixels = torch.from_numpy(flat(arrays[part][0][:1000])).to(torch.float32).div(255)
        expected = pixels.sub(0.5).div(0.5).numpy()  # ToTensor, then Normalize(0.5, 0.5)
        np.testing.assert_array_equal(
            data.splits[name].features.take(slice(None), np.float32), expected
        )
        np.testing.assert_array_equal(data.splits[name].labels, arrays[part][1][:1000])
    assert values(data.train).min() == -1
    assert values(data.train).max() == 1


def test_every_data_set_has_a_view() -> None:
    assert all(entry.views for entry in datasets.CATALOGUE.values())


def test_unknown_view() -> None:
    with pytest.raises(UsageError, match="did you mean 'ist2024'"):
        datasets.entry("intel-landscapes").view("ist2023")


@pytest.mark.parametrize("name", datasets.CATALOGUE)
def test_a_view_says_which_splits_it_makes(name: str) -> None:
    entry = datasets.entry(name)
    upstream, _ = entry.make_stand_in()
    for view in entry.views.values():
        assert tuple(view.cut(upstream)) == view.splits
