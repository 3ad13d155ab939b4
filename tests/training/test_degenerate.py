"""Data at the edge of what can be learned from: all training ends, with finite numbers."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import make_dataset

from hw.config import catalog
from hw.config.settings import Layer
from hw.datasets.features import Dataset, Features, Split, pixels
from hw.training.loop import fit
from hw.training.metrics import DERIVED

WIDTH, CLASSES = 12, 4
# One question of each kind that trains; Keras, an extra, only where it is installed.
KINDS = {q.kind: q for q in catalog.load_all().values() if q.trains}
RUNS = [
    (kind, backend)
    for kind in KINDS
    for backend in ("numpy", "torch", "torch, direct")
    if backend != "torch, direct" or "step" in KINDS[kind].module.Settings.__dataclass_fields__
]

IN_BATCHES = [
    run for run in RUNS if "batch_size" in KINDS[run[0]].module.Settings.__dataclass_fields__
]


def of(images: np.ndarray, labels: list[int]) -> Dataset:
    """The same few images in every split."""
    split = Split(pixels(images.astype(np.uint8), 256), np.array(labels, dtype=np.int64))
    return Dataset(
        name="edge",
        source="stand-in",
        provenance="stand-in",
        sha256="0" * 64,
        splits={"train": split, "validation": split, "test": split},
        n_classes=CLASSES,
        class_names=tuple("abcd"),
        image_shape=(3, 4),
    )


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, WIDTH))


EDGES: dict[str, Callable[[], Dataset]] = {
    "one example": lambda: of(noise(1), [2]),
    "two empty classes": lambda: of(noise(9), [1, 3, 1, 1, 3, 3, 1, 3, 1]),
    "one class": lambda: of(noise(5), [3] * 5),
    "zeros": lambda: of(np.zeros((6, WIDTH)), [0, 1, 2, 3, 0, 1]),
    "all pixels equal": lambda: of(np.full((6, WIDTH), 255), [0, 1, 2, 3, 0, 1]),
    "one example many times": lambda: of(np.repeat(noise(1), 7, axis=0), [0, 1, 2, 3, 0, 1, 2]),
    "N that no batch divides": lambda: make_dataset(n=41, width=WIDTH),
}


def regression(data: Dataset) -> Dataset:
    """The same with targets that are numbers."""
    splits = {
        name: Split(Features(split.features.take(slice(None))), split.labels.astype(np.float64))
        for name, split in data.splits.items()
    }
    return Dataset(**{**data.__dict__, "splits": splits, "n_classes": 0, "class_names": ()})


def learner(kind: str, backend: str, data: Dataset, **changed: Any) -> Any:
    question = KINDS[kind]
    for package in getattr(question.module, "REQUIRES", ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    backend, _, step = backend.partition(", ")
    layer = Layer("test", {"epochs": 2, **changed, **({"step": step} if step else {})})
    variant = next(iter(question.variants))
    settings = question.resolve(variant, layer).settings
    given = regression(data) if kind in ("linear_regression", "neural_regression") else data
    return question.module.learner(settings, given, backend, "cpu")


def names(kind: str) -> list[str]:
    question = KINDS[kind]
    found = [*question.measures("epoch"), *question.measures("end")]
    return [name for name in found if name not in DERIVED]


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("kind", "backend"), RUNS)
def test_training_ends_with_finite_numbers(kind: str, backend: str, edge: str) -> None:
    question = KINDS[kind]
    model = learner(kind, backend, EDGES[edge]())
    outcome = fit(model, 2, question.measures("epoch"), question.measures("end"))
    assert not outcome.diverged
    numbers = {**outcome.metrics, **{n: v[-1] for n, v in outcome.history.items()}}
    assert [n for n, value in numbers.items() if not math.isfinite(value)] == []
    assert all(0 <= v <= 1 for n, v in numbers.items() if n.endswith("_accuracy"))


@pytest.mark.parametrize(("kind", "backend"), IN_BATCHES)
def test_a_batch_larger_than_the_data_is_all_of_them(kind: str, backend: str) -> None:
    data = make_dataset(n=10, width=WIDTH)
    whole, more = (learner(kind, backend, data, batch_size=size) for size in (10, 1000))
    for model in (whole, more):
        model.train_epoch()
    for name, value in whole.parameters().items():
        assert np.array_equal(more.parameters()[name], value), name


@pytest.mark.parametrize(("kind", "backend"), RUNS)
def test_losses_are_finite_at_enormous_logits(kind: str, backend: str) -> None:
    model = learner(kind, backend, make_dataset(n=10, width=WIDTH))
    model.load_parameters({n: 1000 * (v + 1) for n, v in model.parameters().items()})
    found = model.measure(names(kind))
    assert [n for n, value in found.items() if not math.isfinite(value)] == []
