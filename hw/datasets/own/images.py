"""A folder of images, one folder for each class, as a data set of one's own."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from hw.config.data import SPLITS
from hw.datasets import formats
from hw.datasets.features import Array
from hw.datasets.own.source import ALSO, POOL, Source, shape_of
from hw.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
MOST_IMAGES = 500_000


class Images(Source):
    """``<file>/<class>/*.png``, or ``<file>/<split>/<class>/*.png``; of one size."""

    @property
    def folder(self) -> Path:
        return self.root / self.declared.file

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The folder of each split, or of all images."""
        there = {
            split: self.folder / word
            for split in SPLITS
            for word in ALSO[split]
            if (self.folder / word).is_dir()
        }
        return there if "train" in there else {POOL: self.folder}

    @cached_property
    def _images(self) -> dict[str, list[tuple[Path, str]]]:
        """Every image with its class, by split; in the order of their names."""
        found = {}
        for split, folder in self._folders.items():
            found[split] = [
                (path, of.name)
                for of in (sorted(folder.iterdir()) if folder.is_dir() else ())
                if of.is_dir() and not of.name.startswith(".")
                for path in sorted(of.iterdir())
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
            ]
        return found

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._folders)

    def is_there(self) -> bool:
        return self.folder.is_dir()

    @property
    def files(self) -> tuple[str, ...]:
        """The images; the folder where there are none."""
        images = [path for split in self._images.values() for path, _ in split]
        if len(images) > MOST_IMAGES:
            raise DataError(f"{self.folder}: more than {MOST_IMAGES} images")
        found = tuple(path.relative_to(self.root).as_posix() for path in images)
        return found or (self.declared.file,)

    def path(self, split: str) -> Path:
        return self._folders[split]

    def outline(self) -> tuple[dict[str, int], tuple[int, ...], bool, dict[str, Array]]:
        counts = {split: len(images) for split, images in self._images.items()}
        for split, n in counts.items():
            if not n:
                raise DataError(
                    f"{self.path(split)}: no images; expected a folder for each class, with "
                    f"{', '.join(SUFFIXES[:4])} files"
                )
        first = next(iter(self._images.values()))[0][0]
        labels = {s: np.array([name for _, name in found]) for s, found in self._images.items()}
        shape = shape_of(self.keys) or _open(first, ()).shape
        return counts, shape, True, labels

    def read(self) -> dict[str, tuple[Array, Array]]:
        _, shape, _, labels = self.outline()
        found = {}
        for split, images in self._images.items():
            pixels = np.empty((len(images), *shape), np.uint8)
            for i, (path, _) in enumerate(images):
                pixels[i] = _open(path, shape)
            found[split] = (pixels, labels[split])
        return found


def _open(path: Path, shape: tuple[int, ...]) -> Array:
    """An image's pixels, (height, width) or (height, width, 3) uint8; of this shape, if given."""
    from PIL import Image

    with formats.refusing(path), Image.open(path) as image:
        channels = len(shape) == 3 if shape else image.mode not in ("1", "L", "I", "I;16", "F")
        size = shape[:2] or (image.height, image.width)
        if (image.height, image.width) != size:
            raise formats.problem(
                path,
                f"has {image.height} x {image.width} pixels, not {size[0]} x {size[1]}: all images "
                "must be of one size",
            )
        return np.asarray(image.convert("RGB" if channels else "L"))
