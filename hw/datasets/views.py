"""The homeworks' own splits and scalings: each a named view of an upstream data set.

Conventions: N examples, D features; upstream splits as in `hw.datasets.upstream`. The counts in
the protocols are those of the published data sets; a smaller set (a stand-in) is cut in the same
proportions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.features import Features, Split, pixels
from hw.datasets.upstream import Upstream
from hw.errors import UsageError, did_you_mean

Array = NDArray[Any]
Splits = dict[str, Split]

SPLIT_SEED = 42  # of every drawn split; a run's --seed never changes a split


def drawn_order(n: int) -> Array:
    """The order from which validation examples are drawn: a permutation of ``range(n)``, (n,)."""
    return np.random.RandomState(SPLIT_SEED).permutation(n)


def _split(part: tuple[Array, Array], divisor: int) -> Split:
    return Split(pixels(part[0], divisor), part[1])


def _ist2024(upstream: Upstream) -> Splits:
    """The three upstream splits, pixels / 256."""
    return {name: _split(part, 256) for name, part in upstream.items()}


OCT_TEST_COUNTS = (182, 55, 42, 250)  # of classes 0 to 3; the document's 529 test images


def _ist2023(upstream: Upstream) -> Splits:
    """The upstream splits, pixels / 256, with the test set cut by class."""
    images, labels = upstream["test"]
    rows = np.concatenate(
        [np.flatnonzero(labels == k)[:count] for k, count in enumerate(OCT_TEST_COUNTS)]
    )
    return _ist2024({**upstream, "test": (images[rows], labels[rows])})


def _fashion(upstream: Upstream) -> Splits:
    """A sixth of the training images, drawn, validate; the rest trains, in the drawn order."""
    images, labels = upstream["train"]
    order = drawn_order(len(labels))
    n = len(labels) // 6  # 10000 of 60000
    held_out, rest = order[:n], order[n:]
    return {
        "train": _split((images[rest], labels[rest]), 256),
        "validation": _split((images[held_out], labels[held_out]), 256),
        "test": _split(upstream["test"], 256),
    }


def _ames(upstream: Upstream) -> Splits:
    """Features and log prices as stored, float64."""
    return {name: Split(Features(features), y) for name, (features, y) in upstream.items()}


def _ift6390(upstream: Upstream) -> Splits:
    """The last fifth of the training images validates, nothing is drawn; pixels / 255."""
    images, labels = upstream["train"]
    n = len(labels) * 4 // 5  # 40000 of 50000
    return {
        "train": _split((images[:n], labels[:n]), 255),
        "validation": _split((images[n:], labels[n:]), 255),
        "test": _split(upstream["test"], 255),
    }


E1394_EXAMPLES = 1000


def _e1394_scratch(upstream: Upstream) -> Splits:
    """The first 1000 training images, a drawn fifth of them validation; pixels / 255 in float32."""
    images, labels = (array[:E1394_EXAMPLES] for array in upstream["train"])
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


def _e1394_torch(upstream: Upstream) -> Splits:
    """The first 1000 training images, the first 1000 test images as validation; in [-1, 1]."""
    # ToTensor and Normalize(0.5, 0.5), which compute in float32.
    half = np.float32(0.5)
    unit = np.arange(256, dtype=np.float32) / np.float32(255)
    table = ((unit - half) / half).astype(np.float64)
    splits = {}
    for name, part in (("train", "train"), ("validation", "test")):
        # Copies: slices would keep all 70000 images in memory.
        images, labels = (array[:E1394_EXAMPLES].copy() for array in upstream[part])
        splits[name] = Split(Features(images, table), labels)
    return splits


@dataclass(frozen=True)
class View:
    """A homework's reading of a data set; ``note`` says in words what it takes."""

    cut: Callable[[Upstream], Splits]
    note: str


VIEWS: dict[str, dict[str, View]] = {
    "intel-landscapes": {"ist2024": View(_ist2024, "upstream splits; pixels / 256")},
    "octmnist": {
        "ist2023": View(
            _ist2023,
            "test set cut to the first 182, 55, 42 and 250 images of classes 0 to 3; pixels / 256",
        )
    },
    "fashion-mnist": {
        "ist2021": View(
            _fashion, "a sixth of the training images, drawn with seed 42, validates; pixels / 256"
        )
    },
    "ames": {"ist2021": View(_ames, "as stored")},
    "cifar-10": {
        "ift6390": View(_ift6390, "the last fifth of the training images validates; pixels / 255")
    },
    "mnist": {
        "e1394-scratch": View(
            _e1394_scratch,
            "first 1000 training images, a fifth of them, drawn with seed 42, validates; "
            "pixels / 255 in float32",
        ),
        "e1394-torch": View(
            _e1394_torch,
            "first 1000 training images, first 1000 test images as validation; pixels in [-1, 1]",
        ),
    },
}


def view(name: str, view_name: str) -> View:
    """The view of that name of data set ``name``. Raises `UsageError`."""
    known = VIEWS[name]
    if view_name not in known:
        raise UsageError(
            f"data set {name} has no view {view_name!r}{did_you_mean(view_name, known)}"
            f" (views: {', '.join(known)})"
        )
    return known[view_name]
