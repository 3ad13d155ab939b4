"""A homework of one's own, as its lecturer would write it: two questions, data in an npz file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

HOMEWORK = """\
title: A course of ours
parts: ["1", "2"]
data:
  file: data/flowers.npz
  features: "{split}_pix"
  labels: "{split}_y"
  scale: 1/256
"""
PERCEPTRON = """\
title: The perceptron on flowers
kind: linear_classifier
source: {document: A course of ours, question: "1"}
settings: {model: perceptron, epochs: 2}
figures:
  - {name: accuracies, metrics: [train_accuracy, validation_accuracy]}
claims:
  - {metric: test_accuracy, value: "0.12", where: "1"}
"""
NETWORK = """\
title: A network on flowers
kind: mlp
source: {document: A course of ours, question: "2"}
settings: {epochs: 2}
variants:
  small: {hidden_size: 3}
  large: {hidden_size: 9}
figures:
  - {name: loss, metrics: [train_loss]}
claims:
  - order: test_accuracy
    higher: large
    lower: others
    where: "2"
    says: the large network is better
"""
SHAPE = (5, 4)


def flowers(seed: int = 0) -> dict[str, Any]:
    """Arrays under names of their own: 90, 30 and 40 examples of three classes."""
    random = np.random.default_rng(seed)
    centres = random.integers(40, 200, (3, *SHAPE))
    arrays: dict[str, Any] = {}
    for split, n in (("train", 90), ("val", 30), ("test", 40)):
        labels = random.integers(0, 3, n)
        noise = random.normal(0, 25, (n, *SHAPE))
        arrays[f"{split}_pix"] = np.clip(centres[labels] + noise, 0, 255).astype(np.uint8)
        arrays[f"{split}_y"] = labels[:, None]
    return arrays


def write(folder: Path, **files: str) -> Path:
    """``<folder>/course``: the homework ``ours`` with its data. ``files`` replace its own."""
    course = folder / "course"
    (course / "ours").mkdir(parents=True)
    (course / "data").mkdir()
    np.savez(course / "data" / "flowers.npz", **flowers())
    texts = {"homework": HOMEWORK, "q1.perceptron": PERCEPTRON, "q2.mlp": NETWORK, **files}
    for name, text in texts.items():
        (course / "ours" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return course
