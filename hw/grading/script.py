"""The hand-in as a script, for two epochs on small data: ``python hw1-q1.py mlp -epochs 2``.

A crash that lies in the program counts. What may lie in the data that it was given here, or in a
library that this machine has not, does not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np

from hw.datasets.features import Dataset
from hw.grading.assignment import Assignment
from hw.grading.hand_in import Command, HandIn, HandInFault
from hw.grading.notes import Notes

CHECK = "script"
LANDSCAPES, _FILE = "intel-landscapes", "intel_landscapes.npz"
EPOCHS = 2
SHARE = 0.5  # of the time that is left
_COUNTS = {"train": 36, "validation": 12, "test": 12}
# The models that such a script trains, and their names on its command line.
MODELS = {
    "perceptron": "perceptron",
    "logistic_regression": "logistic_regression",
    "mlp": "mlp",
    "linear_regression": "linear_regression",
    "neural_regression": "nn",
}
# Faults of a program, whatever it is given; and of one that asks the course's file for what it
# does not have here.
_OF_THE_PROGRAM = ("NameError", "UnboundLocalError", "AttributeError", "TypeError")
_NOT_OURS = re.compile(r"module 'utils'|module 'torch|ModuleNotFoundError")


def check(
    hand_in: HandIn, model: str, assignment: Assignment, data: Mapping[str, bytes], notes: Notes
) -> None:
    words = [MODELS[model], "-epochs", str(EPOCHS)]
    if assignment.data[0] == LANDSCAPES:  # whose file has had several names
        words += ["-data_path", _FILE]
    shown = f"python {assignment.file} {' '.join(words)}"
    try:
        with hand_in.within(SHARE):
            ran = hand_in.command(words, data)
    except HandInFault as fault:
        return notes.passed(CHECK, f"{shown} was not looked at: {fault}.")
    if ran.exit == 0:
        return notes.passed(CHECK, f"{shown} runs.")
    if _is_of_the_program(ran):
        return notes.failed(
            CHECK,
            f"{shown} runs to its end. Yours ends with {ran.stderr.strip()}",
            expected="exit code 0",
            actual=ran.stderr.strip()[:200],
            where=shown,
        )
    notes.passed(CHECK, f"{shown} was not looked at: it could not be run on small data here.")


def _is_of_the_program(ran: Command) -> bool:
    fault = ran.stderr
    return fault.startswith(_OF_THE_PROGRAM) and "(line " in fault and not _NOT_OURS.search(fault)


def files(data: Dataset) -> dict[str, bytes]:
    """The data, a few of them, as the file that the course's loader reads, by its name."""
    if data.name == "ames":
        return {"ames.npz": _ames(data)}
    name = _FILE if data.name == LANDSCAPES else f"{data.name}.npz"
    return {name: _images(data)}


def _images(data: Dataset) -> bytes:
    arrays = {}
    for split, stored in (("train", "train"), ("validation", "val"), ("test", "test")):
        if split in data.splits:
            part = data.splits[split]
            rows = np.arange(min(_COUNTS[split], len(part)))
            images = part.features.stored[rows].reshape(len(rows), *data.image_shape)
            arrays[f"{stored}_images"], arrays[f"{stored}_labels"] = images, part.labels[rows]
    # Scripts count the classes that the training set shows.
    n = len(arrays["train_labels"])
    arrays["train_labels"] = np.arange(n) % data.n_classes
    return _npz(arrays)


def _ames(data: Dataset) -> bytes:
    arrays = {}
    for split in ("train", "test"):
        part = data.splits[split]
        rows = np.arange(_COUNTS[split])
        arrays[f"X{split}"] = part.features.take(rows)
        arrays[f"y{split}"] = part.labels[rows]
    return _npz(arrays)


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **dict(arrays))  # type: ignore[arg-type]
    return file.getvalue()
