"""OctMNIST: 109,309 retinal scans of 28x28 grey pixels, which ist2023 reads."""

from __future__ import annotations

import numpy as np

from hw.datasets.entry import Entry, File, Splits, Upstream, View, scaled
from hw.datasets.formats import read_npz_splits
from hw.datasets.synthetic import Images

TEST_COUNTS = (182, 55, 42, 250)  # of classes 0 to 3; the document's 529 test images


def cut_ist2023(upstream: Upstream) -> Splits:
    """The upstream splits, pixels / 256, with the test set cut by class."""
    images, labels = upstream["test"]
    rows = np.concatenate(
        [np.flatnonzero(labels == k)[:count] for k, count in enumerate(TEST_COUNTS)]
    )
    cut = {**upstream, "test": (images[rows], labels[rows])}
    return {name: scaled(*part, 256) for name, part in cut.items()}


def lack(upstream: Upstream) -> str:
    """The classes of which fewer test images are there than the document took."""
    there = np.bincount(upstream["test"][1], minlength=len(TEST_COUNTS)).tolist()
    if all(n >= count for n, count in zip(there, TEST_COUNTS, strict=True)):
        return ""
    found, wanted = ("/".join(map(str, counts)) for counts in (there, TEST_COUNTS))
    return f"the test set is cut to {wanted} images of classes 0 to 3, and the file has {found}"


ENTRY = Entry(
    name="octmnist",
    title="OctMNIST retinal scans, 28x28 grey",
    licence="CC BY 4.0",
    homepage="https://zenodo.org/records/10519652",
    files=(
        File(
            "octmnist.npz",
            (
                "https://zenodo.org/records/10519652/files/octmnist.npz?download=1",
                "https://zenodo.org/record/6496656/files/octmnist.npz?download=1",
                "https://zenodo.org/record/5208230/files/octmnist.npz?download=1",
            ),
            "md5:c68d92d5b585d8d81f7112f81e2d0842",
        ),
    ),
    counts={"train": 97477, "validation": 10832, "test": 1000},
    width=784,
    image_shape=(28, 28),
    class_names=("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    reader=read_npz_splits,
    views={
        "ist2023": View(
            cut_ist2023,
            "test set cut to the first 182, 55, 42 and 250 images of classes 0 to 3; pixels / 256",
            lack=lack,
        )
    },
    stand_in=Images(
        {"train": 3000, "validation": 500, "test": 1000},
        base=100,
        linear=12,
        grain=30,
        # of the published training set: 33484, 10213, 7754 and 46026 images
        shares=(0.344, 0.105, 0.079, 0.472),
    ),
)
