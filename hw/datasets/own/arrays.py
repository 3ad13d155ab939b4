"""Arrays of an npz file as a data set of one's own."""

from __future__ import annotations

from functools import cached_property

from hw.config.data import SPLITS
from hw.datasets import formats
from hw.datasets.features import Array
from hw.datasets.formats import Header, Spec
from hw.datasets.own.source import ALSO, Source
from hw.errors import DataError


class Npz(Source):
    """One npz file, or one for each split."""

    @cached_property
    def _headers(self) -> dict[str, dict[str, Header]]:
        """What each file holds, by the file's name."""
        return {file: formats.npz_headers(self.root / file) for file in self.files}

    def _splits_inside(self) -> tuple[str, ...]:
        path = self.root / str(self.keys["file"])
        if not path.is_file():
            return SPLITS
        there = formats.npz_headers(path)
        pattern = str(self.keys.get("features", ""))
        found = tuple(
            s for s in SPLITS if any(pattern.replace("{split}", w) in there for w in ALSO[s])
        )
        return found if "train" in found else ("train", *found)

    def _names(self, split: str) -> tuple[str, str]:
        there = self._headers[self._file(split)]
        return self.name("features", split, there), self.name(self.label_key, split, there)

    def outline(self) -> tuple[dict[str, int], tuple[int, ...], bool, dict[str, Array]]:
        counts, shapes, labels, is_bytes = {}, {}, {}, True
        for split in self.splits:
            of_features, of_labels = self._names(split)
            header = self._headers[self._file(split)][of_features]
            if not header.shape or header.shape[0] == 0:
                raise formats.problem(self.path(split), f"{of_features} holds no examples")
            counts[split], shapes[split] = header.shape[0], header.shape[1:] or (1,)
            is_bytes = is_bytes and str(header.dtype) == "uint8"
            spec = Spec("label", (), header.shape[0])
            labels[split] = formats.read_npz(self.path(split), {of_labels: spec})[of_labels]
        first = shapes[self.splits[0]]
        for split, shape in shapes.items():
            if shape != first:
                raise DataError(
                    f"{self.path(split)}: {split} has examples of shape {shape}, "
                    f"{self.splits[0]} of {first}"
                )
        return counts, first, is_bytes, labels

    def read(self) -> dict[str, tuple[Array, Array]]:
        counts, shape, _, labels = self.outline()
        found = {}
        for split, count in counts.items():
            name, _ = self._names(split)
            spec = Spec("number", shape, count)
            features = formats.read_npz(self.path(split), {name: spec})[name]
            found[split] = (features, labels[split])
        return found
