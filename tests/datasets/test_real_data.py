"""The real files, where ``$HW_TEST_DATA`` holds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw import datasets

pytestmark = pytest.mark.real_data

CASES = {
    "intel-landscapes": ("ist2024", {"train": 12630, "validation": 1404, "test": 3000}),
    "octmnist": ("ist2023", {"train": 97477, "validation": 10832, "test": 529}),
    "fashion-mnist": ("ist2021", {"train": 50000, "validation": 10000, "test": 10000}),
    "ames": ("ist2021", {"train": 1465, "test": 1465}),
    "cifar-10": ("ift6390", {"train": 40000, "validation": 10000, "test": 10000}),
    "mnist": ("e1394-scratch", {"train": 800, "validation": 200}),
}


def directory(name: str) -> Path:
    where = os.environ.get("HW_TEST_DATA")
    if not where:
        pytest.skip("HW_TEST_DATA names no folder with the real data sets")
    if not datasets.exists(name, Path(where)):
        pytest.skip(f"{name} is not in $HW_TEST_DATA")
    return Path(where)


@pytest.mark.parametrize("name", list(CASES))
def test_counts_classes_and_ranges(name: str) -> None:
    view, counts = CASES[name]
    data = datasets.load(name, view, directory(name), "real")
    assert data.source == "real"
    assert {split: len(part) for split, part in data.splits.items()} == counts
    for part in data.splits.values():
        assert part.features.width == datasets.CATALOGUE[name].width
        if data.n_classes:
            assert set(part.labels) == set(range(data.n_classes))
            assert part.features.stored.dtype == np.uint8


def test_mnist_begins_with_its_well_known_digits() -> None:
    data = datasets.load("mnist", "e1394-torch", directory("mnist"), "real")
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.splits["validation"].labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_ames_is_the_published_file() -> None:
    data = datasets.load("ames", "ist2021", directory("ames"), "real")
    assert data.provenance == "published file"
    assert 12 < data.train.labels.mean() < 12.05


def test_landscapes_are_read_in_little_memory() -> None:
    """The arrays have 118 MB; a reader that keeps a second copy would pass 350 MB."""
    where = directory("intel-landscapes")
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")  # getrusage counts the memory of the process that forked, too
    code = (
        "from pathlib import Path; from hw import datasets; "
        f"data = datasets.load('intel-landscapes', 'ist2024', Path({str(where)!r}), 'real'); "
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 350e6
