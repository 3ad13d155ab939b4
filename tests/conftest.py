"""What the tests share: the command line in-process, with small data and folders of its own."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import CommandLine, make_dataset, write_landscapes
from threadpoolctl import threadpool_limits

from hw.datasets import CATALOGUE
from hw.datasets.features import Dataset
from hw.figures import style
from hw.runs import execution, worker
from hw.verdicts import shipped


def pytest_configure() -> None:
    """No network, and nothing of the caller's own settings."""
    os.environ["HW_OFFLINE"] = "1"
    # A job in the background is started with Ctrl-C ignored, and so would be what tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("HW_DATA_DIR", "HW_RESULTS_DIR", "HW_HOMEWORKS", "HW_DEBUG"):
        os.environ.pop(name, None)
    # For the processes that tests start: idle BLAS threads would spin for a tenth of a second.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


def pytest_collection_finish() -> None:
    """What is imported by now stays: no full collection of garbage walks through it any more."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    # Two threads that fight over a core cost more than they bring.
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    """A run with PyTorch flushes denormals to zero: a flag of the processor, which outlives it."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(autouse=True)
def _figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn where a test is marked ``figures``: they are most of the time of a short
    run."""
    if request.node.get_closest_marker("figures") is None:
        monkeypatch.setattr(execution, "draw", lambda *_, **__: None)
        monkeypatch.setattr(style, "save", lambda _, stem, *__, **___: [stem.with_suffix(".pdf")])
        monkeypatch.setattr(style, "as_svg", lambda _: b"")


@pytest.fixture(autouse=True)
def _no_shipped_calibrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test finds in a results folder is all that there is; `shipped_calibrations` brings
    back the ones that come with hw."""
    monkeypatch.setattr(shipped, "FOLDER", "no-calibrations")


@pytest.fixture
def shipped_calibrations(_no_shipped_calibrations: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", "calibrations")


@pytest.fixture(scope="session")
def no_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with nothing in it: every question learns from its stand-in."""
    return tmp_path_factory.mktemp("no-data")


@pytest.fixture(scope="session")
def few_landscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a file of real form, and small: an epoch takes milliseconds."""
    folder = tmp_path_factory.mktemp("data")
    write_landscapes(folder)
    return folder


@pytest.fixture
def hw(tmp_path: Path, few_landscapes: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "results", few_landscapes, capsys)


@pytest.fixture
def hw_stand_in(tmp_path: Path, no_data: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "results", no_data, capsys)


@pytest.fixture
def dots() -> Dataset:
    return make_dataset()


@pytest.fixture
def tiny_stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand-ins of a few dozen examples: a question runs end to end in a moment."""
    # Enough that each of OctMNIST's classes is in its test set, which is cut by class.
    few = {"train": 120, "validation": 30, "test": 40}
    for name, entry in CATALOGUE.items():
        counts = {split: 60 if name == "ames" else few[split] for split in entry.stand_in.counts}
        small = replace(entry, stand_in=replace(entry.stand_in, counts=counts))
        monkeypatch.setitem(CATALOGUE, name, small)
    worker.load_data.cache_clear()
    yield
    worker.load_data.cache_clear()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets, which $HW_TEST_DATA names."""
    folder = os.environ.get("HW_TEST_DATA")
    if not folder:
        pytest.skip("HW_TEST_DATA names no folder with the real data sets")
    return Path(folder)
