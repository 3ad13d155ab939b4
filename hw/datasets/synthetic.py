"""Synthetic images for the stand-ins of the image data sets, from a fixed seed.

A stand-in has its data set's features, classes, image shape and number types, far fewer examples,
and structure in layers, so that the homeworks' models come out in their known order:

- each class has a faint smooth pattern of its own, which linear models find;
- each class has a strong second pattern that is added or subtracted at random: its mean is zero,
  so no linear model sees it, while two ReLU units per class do;
- smooth noise of the same wavelengths makes the classes overlap, which keeps the perceptron
  cycling; pixel noise makes small training sets easy to overfit.

Conventions: N examples, D features, K classes; images (N, D) uint8 in the upstream layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw.datasets.entry import Entry, Upstream
from hw.datasets.features import Array

_CHUNK = 256  # examples made at a time; bounds the memory for floats
_WAVES = 4  # cosines along each axis: nothing is finer than a quarter of the image


@dataclass(frozen=True)
class Images:
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

    def make(self, entry: Entry, rng: np.random.Generator) -> Upstream:
        waves = _Waves(entry.image_shape)
        own = waves.draw(rng, entry.n_classes)
        signed = waves.draw(rng, entry.n_classes)
        upstream: Upstream = {}
        for split, n in self.counts.items():
            if split == "test" and self.shares:
                # OctMNIST's test set is balanced although the others are not.
                labels = rng.permutation(np.arange(n) % entry.n_classes)
            else:
                labels = rng.choice(entry.n_classes, size=n, p=self.shares or None)
            images = np.empty((n, entry.width), np.uint8)
            for start in range(0, n, _CHUNK):
                rows = slice(start, min(start + _CHUNK, n))
                k = labels[rows]
                signs = rng.choice([-1.0, 1.0], size=(len(k), 1))
                strength = rng.gamma(4, 0.25, size=(len(k), 1))  # mean 1, often half or double
                block = waves.draw(rng, len(k))
                block *= self.smooth * strength
                block += self.base
                block += self.linear * own[k]
                block += self.polar * signs * signed[k]
                block += self.grain * rng.standard_normal(block.shape, np.float32)
                images[rows] = np.clip(np.rint(block), 0, 255)
            upstream[split] = (images, labels.astype(np.int64))
        return upstream


@dataclass(frozen=True)
class Pictures:
    """Images of any size: those of `Images`, as bytes or as floats from 0 to 1."""

    counts: dict[str, int]
    is_bytes: bool = True

    def make(self, entry: Entry, rng: np.random.Generator) -> Upstream:
        made = Images(self.counts).make(entry, rng)
        if self.is_bytes:
            return made
        return {split: (images / 255, labels) for split, (images, labels) in made.items()}


@dataclass(frozen=True)
class Table:
    """Rows of standardised columns, with classes or, without any, with a target.

    What a row is follows from a few hidden qualities, of which the columns are noisy traces: partly
    in proportion, which a linear model finds, and partly by their products, which it does not.
    """

    counts: dict[str, int]

    def make(self, entry: Entry, rng: np.random.Generator) -> Upstream:
        qualities, outputs = 4, entry.n_classes or 1
        mixing = rng.standard_normal((qualities, entry.width)) / np.sqrt(qualities)
        linear = rng.standard_normal((qualities, outputs))
        product = rng.standard_normal((qualities, qualities, outputs)) / 2
        upstream: Upstream = {}
        for split, n in self.counts.items():
            hidden = rng.standard_normal((n, qualities))
            features = 0.9 * hidden @ mixing + 0.4 * rng.standard_normal((n, entry.width))
            scores = hidden @ linear + np.einsum("ni,nj,ijk->nk", hidden, hidden, product)
            scores += 0.5 * rng.standard_normal(scores.shape)
            labels = scores.argmax(axis=1) if entry.n_classes else scores[:, 0]
            upstream[split] = (features, labels)
        return upstream


class _Waves:
    """Random smooth pictures: sums of a few cosines, weaker as they get finer."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        # CIFAR's rows hold one colour after the other; elsewhere colour is the last axis.
        self.channels_first = len(shape) == 3 and shape[0] == 3
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
        flat: Array = pictures.reshape(n, -1)
        flat /= np.sqrt(np.mean(flat**2, axis=1, keepdims=True))
        return flat


def _cosines(n: int) -> Array:
    """(_WAVES, n): the slowest cosines over n pixels."""
    return np.cos(np.pi * np.outer(np.arange(_WAVES), (np.arange(n) + 0.5) / n))
