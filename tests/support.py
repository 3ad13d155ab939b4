"""What tests of several places share: small data, real in form; runs and outcomes of questions."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import struct
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw import datasets
from hw.cli import main
from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import Layer
from hw.datasets.features import Dataset, Features, Split, pixels
from hw.figures.style import SUFFIXES
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.runs.contract import unmet


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code, and both of its streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an expected error."""
        lines = [line for line in self.err.splitlines() if line.startswith("error:")]
        assert len(lines) == 1, self.err
        return lines[0]


class CommandLine:
    """``python -m hw`` in this process, with folders of its own."""

    def __init__(self, results: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.results, self.data, self.capsys = results, data, capsys

    def __call__(self, verb: str, *words: object) -> Answer:
        folders = ["--data-dir", str(self.data), "--results-dir", str(self.results)]
        return self.plain(verb, *folders, *map(str, words))

    def plain(self, *words: str) -> Answer:
        """A command line as it stands."""
        self.capsys.readouterr()
        code = main(words)
        answer = Answer(code, *self.capsys.readouterr())
        assert "Traceback" not in answer.err
        assert "a defect of hw" not in answer.err
        return answer

    def folder(self, question: str) -> Path:
        """The results folder of a question as configured."""
        homework, _, name = question.partition(".")
        return self.results / homework / name


COUNTS = {"train": 60, "validation": 24, "test": 30}


def write_landscapes(folder: Path, seed: int = 0) -> Path:
    """A few dozen of the stand-in's images as the landscapes' file under ``folder``."""
    upstream, _ = datasets.entry("intel-landscapes").make_stand_in()
    arrays = {}
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        images, labels = upstream[split]
        rows = np.random.default_rng(seed).permutation(len(labels))[: COUNTS[split]]
        arrays[f"{name}_images"] = images[rows].reshape(-1, 48, 48, 3)
        arrays[f"{name}_labels"] = labels[rows]
    path = folder / "intel-landscapes" / "intel_landscapes.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)
    return path


def make_dataset(seed: int = 0, n: int = 41, width: int = 7, n_classes: int = 4) -> Dataset:
    """Bytes in which a linear model finds something, in three splits, read as pixels / 256."""
    random = np.random.default_rng(seed)
    centres = random.integers(40, 200, (n_classes, width))

    def split(count: int) -> Split:
        labels = random.integers(0, n_classes, count)
        noise = random.integers(-40, 41, (count, width))
        return Split(pixels((centres[labels] + noise).astype(np.uint8), 256), labels)

    return Dataset(
        name="dots",
        source="stand-in",
        provenance="stand-in",
        sha256="0" * 64,
        splits={"train": split(n), "validation": split(13), "test": split(17)},
        n_classes=n_classes,
        class_names=tuple("abcdefghij"[:n_classes]),
        image_shape=(1, width),
    )


def floats(features: Features) -> np.ndarray:
    """All rows as float64, (N, D)."""
    return features.take(slice(None))


# Runs of questions ------------------------------------------------------------------------------


def run(question: Question, folder: Path, *words: str) -> tuple[Path, dict[str, Outcome]]:
    """A question from the command line to its results folder; the folder and its outcomes."""
    for package in getattr(question.module, "REQUIRES", ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    assert main(["run", question.id, "-q", "--results-dir", str(folder), *words]) == 0
    (results,) = (folder / question.homework).iterdir()
    return results, Folder(results).read().outcomes


def vouch(folder: Path) -> None:
    """Let run.json vouch for whatever numbers the folder holds, as if they had been computed."""
    run = Folder(folder).read().run
    entries = {v: replace(entry, digest="") for v, entry in run.variants.items()}
    Folder(folder).write_run(replace(run, variants=entries))


def check_files(question: Question, folder: Path) -> None:
    """Just the question's figures are there, each of some size; the JSON is JSON, without NaN."""
    drawn = {path.name: path.stat().st_size for path in (folder / "figures").glob("[!.]*")}
    assert drawn.keys() == {f"{f['name']}.{s}" for f in question.figures for s in SUFFIXES}
    assert all(size > 1000 for size in drawn.values())
    for path in folder.glob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def check_metrics(outcomes: dict[str, Outcome]) -> None:
    """Every variant came to an end, with numbers that can be."""
    for outcome in outcomes.values():
        assert not outcome.diverged
        assert outcome.metrics or outcome.checks
        for name, value in outcome.metrics.items():
            if name.endswith("_accuracy"):
                assert 0 <= value <= 1


def check_published(question: Question, outcomes: dict[str, Outcome]) -> None:
    """Every metric, curve and check that a claim speaks of was produced."""
    assert unmet(question, outcomes) == []


# Where the settings of a question's file take seconds: less work and, of one that computes, the
# same verdicts.
SMALL: dict[str, dict[str, Any]] = {
    "ist2024.q3.quadratic_activation": {
        "symbolic_dimension": 2, "dimensions": [1, 2, 4], "draws": 4, "starts": 3, "steps": 1500,
        "learning_rate": 0.02,
    },
    "ist2023.q1.expressiveness": {
        "segments": 600, "hessians": 20, "starts": 8, "steps": 600, "grid": 9,
    },
    "ist2023.q3.boolean_range": {
        "largest_dimension": 4, "certificate_dimension": 2, "directions": 2,
    },
    "ist2021.q1.convexity": {
        "draws": 200, "rounds": 3, "examples": 2, "descents": 3, "steps": 60, "points": 11,
    },
    "ift6390.q1.identities": {
        "n_points": 50, "counted_sizes": [4, 8, 16], "product_sizes": [8, 16],
        "linear_sizes": [8, 16], "repeats": 1,
    },
    "e1394.q1.overfitting": {
        "repetitions": 8, "epochs": 300, "learning_rate": 0.04, "train_sizes": [10, 80, 640],
        "hidden_sizes": [1, 4, 48], "long_hidden_size": 48, "test_points": 500,
    },
    # Trained once for each stage of the mending.
    "e1394.q2.keras": {"hidden_sizes": [20, 10], "demonstration_epochs": 1},
}  # fmt: skip


def settings(question_id: str) -> Any:
    """The settings under which the tests compute a question."""
    small = Layer("tests/support.py", SMALL.get(question_id, {}))
    return catalog.find(question_id).resolve(catalog.DEFAULT_VARIANT, small).settings


def flags(question_id: str) -> list[str]:
    """The same settings as words of the command line."""
    words = []
    for name, value in SMALL.get(question_id, {}).items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    return words


def compute(question_id: str, backend: str) -> Outcome:
    """The outcome of a question, as if no optional package were installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "keras", None)
        return catalog.find(question_id).module.compute(settings(question_id), None, backend)


@functools.cache
def computed(question_id: str, backend: str) -> Outcome:
    """`compute`, once for all tests of a process: to be read, not changed."""
    return compute(question_id, backend)


def gz(data: bytes, level: int = 1) -> bytes:
    """Compressed, to the same bytes at any time: processes must collect the same tests."""
    return gzip.compress(data, level, mtime=0)


def idx(array: np.ndarray) -> bytes:
    """An MNIST file, not compressed."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_upstream(folder: Path, name: str, count: int = 48) -> None:
    """The first examples of a stand-in, in the format and at the place that a script expects."""
    entry = datasets.entry(name)
    upstream, _ = entry.make_stand_in()
    if name == "ames":
        arrays = {f"X{split}": x for split, (x, _) in upstream.items()}
        np.savez(folder / "ames.npz", **arrays, **{f"y{s}": y for s, (_, y) in upstream.items()})
        return
    # ist2023's test set takes the first of each class: all of them must be there.
    parts = {
        split: (x[: 4 * count].reshape(-1, *entry.image_shape), y[: 4 * count])
        for split, (x, y) in upstream.items()
    }
    if entry.files[0].name.endswith(".npz"):
        short = {"train": "train", "validation": "val", "test": "test"}
        arrays = {f"{short[s]}_images": x for s, (x, _) in parts.items()}
        arrays |= {f"{short[s]}_labels": y for s, (_, y) in parts.items()}
        np.savez(folder / entry.files[0].name, **arrays)
        return
    (folder / name).mkdir()
    contents = [array for part in parts.values() for array in part]
    for file, array in zip(entry.files, contents, strict=True):
        (folder / name / file.name).write_bytes(gz(idx(array)))
