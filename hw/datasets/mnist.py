"""MNIST: 70,000 handwritten digits of 28x28 grey pixels, which e1394 reads."""

from __future__ import annotations

import numpy as np

from hw.datasets.entry import Entry, Splits, Upstream, View, drawn_order
from hw.datasets.features import Features, Split
from hw.datasets.formats import idx_files, read_idx_splits
from hw.datasets.synthetic import Images

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
    "http://yann.lecun.com/exdb/mnist/",
)
# Bytes of each file, and the sha256 of what it unpacks to.
PUBLISHED = (
    (9912422, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    (28881, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    (1648877, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    (4542, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
EXAMPLES = 1000  # the course takes no more


def cut_scratch(upstream: Upstream) -> Splits:
    """The first 1000 training images, a drawn fifth of them validation; pixels / 255 in float32."""
    images, labels = (array[:EXAMPLES] for array in upstream["train"])
    order = drawn_order(len(labels))
    n = len(labels) // 5  # 200 of 1000
    held_out, rest = order[:n], order[n:]
    # The course divides float32 pixels: the quotients are rounded to float32 before anything
    # else sees them, whatever the precision of what follows.
    table = (np.arange(256, dtype=np.float32) / np.float32(255)).astype(np.float64)
    return {
        "train": Split(Features(images[rest], table), labels[rest]),
        "validation": Split(Features(images[held_out], table), labels[held_out]),
    }


def cut_torch(upstream: Upstream) -> Splits:
    """The first 1000 training images, the first 1000 test images as validation; in [-1, 1]."""
    # ToTensor and Normalize(0.5, 0.5), which compute in float32.
    half = np.float32(0.5)
    unit = np.arange(256, dtype=np.float32) / np.float32(255)
    table = ((unit - half) / half).astype(np.float64)
    splits = {}
    for name, part in (("train", "train"), ("validation", "test")):
        # Copies: slices would keep all 70000 images in memory.
        images, labels = (array[:EXAMPLES].copy() for array in upstream[part])
        splits[name] = Split(Features(images, table), labels)
    return splits


ENTRY = Entry(
    name="mnist",
    title="MNIST handwritten digits, 28x28 grey",
    licence="CC BY-SA 3.0",
    homepage="https://github.com/fgnt/mnist",
    files=idx_files(MIRRORS, PUBLISHED),
    counts={"train": 60000, "test": 10000},
    width=784,
    image_shape=(28, 28),
    class_names=tuple("0123456789"),
    reader=read_idx_splits,
    views={
        "e1394-scratch": View(
            cut_scratch,
            "first 1000 training images, a fifth of them, drawn with seed 42, validates; "
            "pixels / 255 in float32",
            ("train", "validation"),
        ),
        "e1394-torch": View(
            cut_torch,
            "first 1000 training images, first 1000 test images as validation; pixels in [-1, 1]",
            ("train", "validation"),
        ),
    },
    stand_in=Images({"train": 1000, "test": 1000}, base=70, linear=25, polar=60, smooth=40),
)
