"""Small synthetic twins of the data sets, made in memory from a fixed seed.

A stand-in has its data set's features, classes, image shape and number types, far fewer examples,
and structure in layers, so that the homeworks' models come out in their known order:

- each class has a faint smooth pattern of its own, which linear models find;
- each class has a strong second pattern that is added or subtracted at random: its mean is zero,
  so no linear model sees it, while two ReLU units per class do;
- smooth noise of the same wavelengths makes the classes overlap, which keeps the perceptron
  cycling; pixel noise makes small training sets easy to overfit.

The Ames stand-in has the real one's defects: constant, repeated and dependent columns, so that
the normal equations are singular.

Conventions: N examples, D features, K classes; images (N, D) uint8 in the upstream layout.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.datasets.registry import CIFAR_10, Entry, entry
from hw.datasets.upstream import Upstream

Array = NDArray[Any]

_CHUNK = 256  # examples made at a time; bounds the memory for floats


@dataclass(frozen=True)
class Recipe:
    """How to draw images. Amplitudes are root mean squares, in grey levels of 0 to 255.

    counts:  examples of each upstream split.
    base:    mean brightness.
    linear:  amplitude of the class's own pattern.
    polar:   amplitude of its pattern of random sign.
    smooth:  amplitude of the smooth noise (varies from image to image).
    grain:   standard deviation of the pixel noise.
    shares:  probabilities of the classes in training and validation; empty for equal ones.
    """

    counts: dict[str, int]
    base: float = 110
    linear: float = 8
    polar: float = 80
    smooth: float = 60
    grain: float = 12
    shares: tuple[float, ...] = ()


RECIPES = {
    "intel-landscapes": Recipe(
        {"train": 1200, "validation": 240, "test": 480}, base=100, linear=8, polar=55
    ),
    "octmnist": Recipe(
        {"train": 3000, "validation": 500, "test": 1000},
        base=100,
        linear=12,
        grain=30,
        # of the published training set: 33484, 10213, 7754 and 46026 images
        shares=(0.344, 0.105, 0.079, 0.472),
    ),
    "fashion-mnist": Recipe({"train": 3600, "test": 1000}, linear=22, polar=90, grain=40),
    "cifar-10": Recipe({"train": 2500, "test": 500}, linear=16, polar=55, grain=15),
    "mnist": Recipe({"train": 1000, "test": 1000}, base=70, linear=25, polar=60, smooth=40),
}
AMES_ROWS = 800  # of each split
_WAVES = 4  # cosines along each axis: nothing is finer than a quarter of the image


def make(name: str) -> tuple[Upstream, str]:
    """Upstream splits of the stand-in of data set ``name``, and the sha256 of its arrays."""
    chosen = entry(name)
    # crc32: a number from the name that stays the same from run to run, unlike hash().
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    upstream = _images(chosen, RECIPES[name], rng) if chosen.image_shape else _houses(chosen, rng)
    digest = hashlib.sha256()
    for features, labels in upstream.values():
        digest.update(features.tobytes())
        digest.update(labels.tobytes())
    return upstream, digest.hexdigest()


def _images(chosen: Entry, recipe: Recipe, rng: np.random.Generator) -> Upstream:
    waves = _Waves(chosen)
    own = waves.draw(rng, chosen.n_classes)
    signed = waves.draw(rng, chosen.n_classes)
    upstream: Upstream = {}
    for split, n in recipe.counts.items():
        if split == "test" and recipe.shares:
            # OctMNIST's test set is balanced although the others are not.
            labels = rng.permutation(np.arange(n) % chosen.n_classes)
        else:
            labels = rng.choice(chosen.n_classes, size=n, p=recipe.shares or None)
        images = np.empty((n, chosen.width), np.uint8)
        for start in range(0, n, _CHUNK):
            rows = slice(start, min(start + _CHUNK, n))
            k = labels[rows]
            signs = rng.choice([-1.0, 1.0], size=(len(k), 1))
            strength = rng.gamma(4, 0.25, size=(len(k), 1))  # mean 1, often half or double
            block = waves.draw(rng, len(k))
            block *= recipe.smooth * strength
            block += recipe.base
            block += recipe.linear * own[k]
            block += recipe.polar * signs * signed[k]
            block += recipe.grain * rng.standard_normal(block.shape, np.float32)
            images[rows] = np.clip(np.rint(block), 0, 255)
        upstream[split] = (images, labels.astype(np.int64))
    return upstream


class _Waves:
    """Random smooth pictures: sums of a few cosines, weaker as they get finer."""

    def __init__(self, chosen: Entry) -> None:
        shape = chosen.image_shape
        # CIFAR's rows hold one colour after the other; elsewhere colour is the last axis.
        self.channels_first = chosen is CIFAR_10
        height, width = shape[1:] if self.channels_first else shape[:2]
        self.channels = {2: 1, 3: shape[0] if self.channels_first else shape[-1]}[len(shape)]
        self.rows = _cosines(height)
        self.columns = _cosines(width)
        order = np.arange(_WAVES)
        self.weights = 1 / (1 + order[:, None] + order)
        self.weights[0, 0] = 0  # overall brightness carries nothing

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        """(n, D) float64 with mean square 1 in each row."""
        size = (n, self.channels, _WAVES, _WAVES)
        # Mostly grey, somewhat coloured: the channels share half of their variance.
        shared = rng.standard_normal((n, 1, _WAVES, _WAVES))
        coefficients = (shared + rng.standard_normal(size)) * self.weights
        pictures = self.rows.T @ coefficients @ self.columns  # (n, channels, height, width)
        if not self.channels_first:
            pictures = np.moveaxis(pictures, 1, -1)
        flat = pictures.reshape(n, -1)
        return flat / np.sqrt(np.mean(flat**2, axis=1, keepdims=True))


def _cosines(n: int) -> Array:
    """(_WAVES, n): the slowest cosines over n pixels."""
    return np.cos(np.pi * np.outer(np.arange(_WAVES), (np.arange(n) + 0.5) / n))


def _houses(chosen: Entry, rng: np.random.Generator) -> Upstream:
    """Standardised measurements, one-hot groups, constant and repeated columns; log prices."""
    n, width = 2 * AMES_ROWS, chosen.width
    n_measured, n_constant, n_repeated = 36, 52, 56  # about as in the real table
    quality = rng.standard_normal((n, 6))  # what a house is like; the columns are its traces
    mixing = rng.standard_normal((6, n_measured)) / np.sqrt(6)
    measured = 0.6 * quality @ mixing + 0.8 * rng.standard_normal((n, n_measured))
    blocks = [measured]
    room = width - n_measured - n_constant - n_repeated
    while room > 1:  # each group sums to one: together with the column of ones, dependent
        size = min(room, int(rng.integers(3, 12)))
        if room - size == 1:
            size += 1
        scores = quality @ rng.standard_normal((6, size)) + rng.gumbel(size=(n, size)) * 2
        blocks.append(np.eye(size)[scores.argmax(axis=1)])
        room -= size
    varied = np.hstack(blocks)
    groups = varied[:, n_measured:]
    repeated = groups[:, rng.choice(groups.shape[1], n_repeated, replace=False)]
    features = np.hstack([varied, np.zeros((n, n_constant)), repeated])
    features = features[:, rng.permutation(width)]
    effect = quality @ (0.2 * rng.standard_normal(6))
    curved = 0.06 * np.maximum(quality[:, 0], 0) * quality[:, 1]  # what a network can add
    prices = 12.02 + effect + curved + 0.1 * rng.standard_normal(n)
    return {
        "train": (features[:AMES_ROWS].copy(), prices[:AMES_ROWS].copy()),
        "test": (features[AMES_ROWS:].copy(), prices[AMES_ROWS:].copy()),
    }
