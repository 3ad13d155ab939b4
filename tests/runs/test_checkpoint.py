"""A run that stops and goes on gives what one gives that never stopped, to the last bit."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.config import catalog
from hw.config.settings import Layer
from hw.results.files import as_json
from hw.runs import checkpoint, interruption
from hw.runs.checkpoint import Keeper, Unusable
from hw.runs.worker import Done, Task, perform
from hw.training.loop import Progress, Watcher

pytestmark = pytest.mark.usefixtures("tiny_stand_ins")

EPOCHS = 4

MOMENTUM: dict[str, Any] = {"momentum": 0.9, "l2_decay": 0.01, "dropout": 0.3}
ADAM: dict[str, Any] = {"optimizer": "adam", "dropout": 0.3, "l2_decay": 0.01}
RUNNING: dict[str, Any] = {"running_loss": True, "loader": "global", "dropout": 0.5}
SMALL: dict[str, Any] = {"hidden_size": 9}
NARROW: dict[str, Any] = {"hidden_sizes": (9, 5)}
STOPPING: dict[str, Any] = {**NARROW, "dropout": 0.2, "patience": 2, "learning_rate": 3.0}
L1: dict[str, Any] = {"l1_penalty": 0.01}
DIRECT: dict[str, Any] = {"step": "direct"}

# Every kind that trains; with each of its switches that has a state of its own.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "perceptron": ("ist2024.q1.perceptron", "numpy torch", {}),
    "logistic": ("ist2024.q1.logistic_regression", "numpy torch", {"l2_penalty": 0.01}),
    "logistic, direct": ("ist2024.q1.logistic_regression", "torch", DIRECT),
    "l1, each step": ("ist2024.q1.l1_sparsity", "numpy torch", {**L1, "proximal_every": 1}),
    "l1, each 50": ("ist2024.q1.l1_sparsity", "numpy torch", {**L1, "proximal_every": 50}),
    "mlp": ("ist2024.q1.mlp", "numpy torch", SMALL),
    "linear regression": ("ist2021.q2.linear_regression", "numpy torch", {}),
    "neural regression": ("ist2021.q2.neural_regression", "numpy torch", SMALL),
    "momentum": ("ist2024.q2.momentum", "numpy torch", {**SMALL, **MOMENTUM}),
    "momentum, direct": ("ist2024.q2.momentum", "torch", {**SMALL, **MOMENTUM, **DIRECT}),
    "adam": ("ist2021.q4.feedforward", "numpy torch", {**SMALL, **ADAM}),
    "adam, direct": ("ist2021.q4.feedforward", "torch", {**SMALL, **ADAM, **DIRECT}),
    "running loss": ("ist2021.q4.feedforward", "numpy torch", {**SMALL, **RUNNING}),
    "running loss, direct": ("ist2021.q4.feedforward", "torch", {**SMALL, **RUNNING, **DIRECT}),
    "course network": ("ift6390.p1.network", "numpy torch", {**NARROW, "batch_size": 50}),
    "early stopping": ("ift6390.p1.regularised", "numpy torch", STOPPING),
    "scratch, diagonal": ("e1394.q2.scratch", "numpy torch", NARROW),
    "scratch, jacobian": (
        "e1394.q2.scratch",
        "numpy torch",
        {**NARROW, "softmax_derivative": "jacobian"},
    ),
    "toolkit": ("e1394.q2.pytorch", "numpy torch", NARROW),
    "keras": ("e1394.q2.keras", "numpy torch", {**NARROW, "batch_size": 100}),
}
PAIRS = [(name, backend) for name, (_, both, _) in CASES.items() for backend in both.split()]


def task_of(name: str, backend: str, data: Path, path: Path | None = None, **more: Any) -> Task:
    question, _, settings = CASES[name]
    variant = next(iter(catalog.find(question).variants))
    layer = Layer("test", {"epochs": EPOCHS, **settings, **more})
    chosen = vars(catalog.find(question).resolve(variant, layer).settings)
    return Task(
        question, variant, backend, chosen, "stand-in", data, checkpoint=path, fingerprint="mine"
    )


class Recorder(Watcher):
    """Asks for an end in some epochs; notes what it is told."""

    def __init__(self, *stops: int) -> None:
        self.stops = stops
        self.epochs: list[int] = []
        self.resumed_after: list[int] = []
        self.notes: list[str] = []

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.epochs.append(epoch)
        interruption._State.requested = epoch in self.stops

    def resumed(self, epoch: int) -> None:
        self.resumed_after.append(epoch)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption._State, "requested", False)


def stop_after(epoch: int, task: Task) -> Recorder:
    """Run a task up to the end of an epoch."""
    watcher = Recorder(epoch)
    with pytest.raises(KeyboardInterrupt):
        perform(task, watcher)
    interruption._State.requested = False
    return watcher


def numbers(done: Done) -> str:
    return as_json(done.outcome.as_json())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return checkpoint.path_of(tmp_path, "a variant")


# Every kind that trains


def test_every_kind_that_trains_is_among_the_cases() -> None:
    known = {q.kind for q in catalog.load_all().values() if q.trains}
    assert known == {catalog.find(question).kind for question, _, _ in CASES.values()}


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_stopped_after_each_epoch_and_resumed(
    name: str, backend: str, no_data: Path, path: Path
) -> None:
    task = task_of(name, backend, no_data, path)
    expected = perform(replace(task, checkpoint=None))
    last = len(expected.outcome.history["epoch"])
    assert last >= 3 or expected.outcome.diverged
    for epoch in range(1, last):
        watcher = stop_after(epoch, task)
        assert watcher.epochs == [epoch], "what was trained is not trained again"
        assert watcher.resumed_after == ([epoch - 1] if epoch > 1 else [])
    done = perform(task, Recorder())
    assert numbers(done) == numbers(expected)
    assert len(done.epoch_seconds) == last
    assert done.seconds >= sum(done.epoch_seconds)


def test_early_stopping_does_stop_early_here(no_data: Path) -> None:
    for backend in ("numpy", "torch"):
        metrics = perform(task_of("early stopping", backend, no_data, epochs=30)).outcome.metrics
        assert 1 <= metrics["best_epoch"] < 28


def test_early_stopping_remembers_a_best_epoch_of_before_the_stop(
    no_data: Path, path: Path
) -> None:
    task = task_of("early stopping", "numpy", no_data, path, epochs=30)
    expected = perform(replace(task, checkpoint=None)).outcome
    best = expected.metrics["best_epoch"]
    stop_after(best + 1, task)
    assert numbers(perform(task)) == as_json(expected.as_json())


@pytest.mark.parametrize(
    ("name", "backend", "forgotten"),
    [
        ("momentum", "numpy", "optimizer."),
        ("momentum", "torch", "optimizer."),
        ("momentum, direct", "torch", "optimizer."),
        ("momentum", "numpy", "torch.stream"),
        ("momentum", "torch", "torch.loader"),
        ("adam", "numpy", "optimizer."),
        ("adam", "torch", "optimizer."),
        ("adam, direct", "torch", "optimizer."),
        ("running loss", "numpy", "losses"),
        ("running loss", "torch", "losses"),
        ("mlp", "numpy", "order"),
        ("mlp", "torch", "numpy."),
        ("logistic", "torch", "parameters."),
        ("course network", "numpy", "parameters."),
        ("linear regression", "numpy", "distances"),
    ],
)
def test_what_is_saved_is_needed(
    name: str, backend: str, forgotten: str, no_data: Path, path: Path
) -> None:
    """A state with one thing as it was after another epoch gives other results: the tests above
    would notice."""
    task = task_of(name, backend, no_data, path)
    expected = numbers(perform(replace(task, checkpoint=None)))
    stop_after(1, task)
    early = read(path)
    stop_after(2, task)
    late = read(path)
    arrays = {n: early.arrays[n] if n.startswith(forgotten) else a for n, a in late.arrays.items()}
    assert any(n.startswith(forgotten) for n in arrays)
    checkpoint.write(path, "mine", replace(late, arrays=arrays), [0.1, 0.1])
    watcher = Recorder()
    assert numbers(perform(task, watcher)) != expected
    assert watcher.resumed_after == [2]


def read(path: Path) -> Progress:
    found = checkpoint.read(path, "mine")
    assert found is not None
    return found[0]


# The file


@pytest.fixture
def saved(path: Path, no_data: Path) -> Path:
    """A small checkpoint, of a network with dropout and momentum."""
    stop_after(2, task_of("momentum", "numpy", no_data, path, hidden_size=2, layers=1))
    return path


def same(a: Progress, b: Progress) -> bool:
    return (
        (a.epoch, a.history, a.best) == (b.epoch, b.history, b.best)
        and a.arrays.keys() == b.arrays.keys()
        and all(
            x.dtype == b.arrays[n].dtype and np.array_equal(x, b.arrays[n])
            for n, x in a.arrays.items()
        )
    )


def test_a_checkpoint_is_an_npz_that_needs_no_pickle(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as archive:
        about = json.loads(archive["about.json"].tobytes())
        assert about["epoch"] == 2
        assert about["fingerprint"] == "mine"
        assert len(about["history"]["epoch"]) == len(about["epoch_seconds"]) == 2
        assert {n for n in archive if n != "about.json"} == set(read(saved).arrays)


def test_bytes_that_are_cut_or_changed_are_noticed(saved: Path, tmp_path: Path) -> None:
    whole, content = read(saved), saved.read_bytes()
    damaged = tmp_path / "damaged.npz"
    harmless = refused = 0
    positions = np.random.default_rng(0).integers(0, len(content), 300).tolist()
    for position in positions:
        cut = content[:position]
        flipped = bytearray(content)
        flipped[position] ^= 1 + position % 255
        for other in (cut, bytes(flipped)):
            damaged.write_bytes(other)
            try:
                found = checkpoint.read(damaged, "mine")
            except Unusable:
                refused += 1
            else:  # in a time stamp of the archive, for example
                assert found is not None
                assert same(found[0], whole)
                harmless += 1
    assert refused > 10 * harmless


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"not a checkpoint", b"PK\x05\x06" + bytes(18), os.urandom(2000)],
    ids=["empty", "magic", "text", "no members", "noise"],
)
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(Unusable, match="damaged"):
        checkpoint.read(path, "mine")


def test_pickles_and_compressed_members_are_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    about = np.load(saved)["about.json"]
    np.savez(path, **{"about.json": about, "x": np.array([{}], dtype=object)})
    with pytest.raises(Unusable, match="damaged"):
        checkpoint.read(path, "mine")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        array = io.BytesIO()
        np.save(array, about)
        archive.writestr("about.json.npy", array.getvalue())
    with pytest.raises(Unusable, match="damaged"):
        checkpoint.read(path, "mine")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", 200_000_000),  # whose epochs would fill the memory
        ("epoch", 10**40),
        ("epoch", True),
        ("history", {"epoch": [1], "train_loss": [None]}),
        ("history", {"epoch": [1], "train_loss": [0.5, 0.4]}),
        ("history", {"epoch": 1}),
        ("history", {}),
        ("best", ["soon", 0.5]),
        ("best", [7, 0.5]),
        ("best", [1, "low"]),
        ("best", [1]),
        ("epoch_seconds", [None]),
        ("epoch_seconds", "long"),
    ],
)
def test_a_sound_file_with_contradictions_is_refused(
    tmp_path: Path, key: str, value: object
) -> None:
    """Made by hand: its checksums and its fingerprint are right."""
    about = {
        "format": checkpoint.FORMAT,
        "fingerprint": "mine",
        "epoch": 1,
        "history": {"epoch": [1], "train_loss": [0.5]},
        "best": [0, 0.0],
        "epoch_seconds": [0.1],
    }
    path = tmp_path / "crafted.npz"

    def put(content: dict[str, object]) -> None:
        text = np.frombuffer(json.dumps(content).encode(), np.uint8)
        np.savez(path, **{checkpoint.ABOUT: text})

    put(about)
    assert checkpoint.read(path, "mine") is not None
    put({**about, key: value})
    with pytest.raises(Unusable):
        checkpoint.read(path, "mine")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no FIFOs")
def test_a_fifo_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "default.npz")
    with pytest.raises(Unusable, match="it is no file"):
        checkpoint.read(tmp_path / "default.npz", "mine")


def test_a_checkpoint_of_something_else_is_refused(saved: Path) -> None:
    with pytest.raises(Unusable, match="other settings, data, code or versions"):
        checkpoint.read(saved, "another")
    assert checkpoint.read(saved.with_name("none.npz"), "mine") is None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def of_another_task(path: Path) -> None:
    checkpoint.write(path, "another", read(path), [])


def of_another_model(path: Path) -> None:
    known = read(path)
    arrays = {n: np.zeros((3, 3), a.dtype) if "weight" in n else a for n, a in known.arrays.items()}
    checkpoint.write(path, "mine", replace(known, arrays=arrays), [])


def without_the_order(path: Path) -> None:
    known = read(path)
    checkpoint.write(
        path,
        "mine",
        replace(known, arrays={n: a for n, a in known.arrays.items() if n != "order"}),
        [],
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut, "it is damaged (BadZipFile)"),
        (of_another_task, "it is of other settings, data, code or versions"),
        (of_another_model, "it does not fit the model"),
        (without_the_order, "it does not fit the model"),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_checkpoint_that_is_no_use_is_ignored_with_one_line(
    spoil: Callable[[Path], None], reason: str, backend: str, no_data: Path, path: Path
) -> None:
    task = task_of("momentum", backend, no_data, path)
    expected = perform(replace(task, checkpoint=None))
    stop_after(2, task)
    spoil(path)
    watcher = Recorder()
    assert numbers(perform(task, watcher)) == numbers(expected)
    assert watcher.notes == [f"its checkpoint is ignored: {reason}; starting over"]
    assert watcher.epochs == [1, 2, 3, 4]
    assert not watcher.resumed_after
    assert not path.exists()


# When


def progress_of(epoch: int) -> Progress:
    return Progress(epoch, {"epoch": list(range(1, epoch + 1))}, (0, 0.0), {"x": np.zeros(1)})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_it_is_copied_each_second_and_written_each_ten(
    path: Path, clock: Callable[[float], None]
) -> None:
    keeper = Keeper(path, "mine")
    copied: list[int] = []
    written: dict[int, int] = {}
    for epoch in range(1, 101):
        clock(0.3)

        def progress(epoch: int = epoch) -> Progress:
            copied.append(epoch)
            return progress_of(epoch)

        keeper.epoch_done(progress)
        if path.exists():
            written.setdefault(read(path).epoch, epoch)
    assert copied == list(range(4, 101, 4))  # 1.2 seconds apart
    assert written == {36: 36, 72: 72}
    clock(0.1)
    keeper.flush()
    assert read(path).epoch == 100


def test_where_writing_is_slow_it_is_seldom(
    path: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def slow(path: Path, fingerprint: str, progress: Progress, seconds: Any) -> None:
        written.append(progress.epoch)
        clock(4)

    monkeypatch.setattr(checkpoint, "write", slow)
    keeper = Keeper(path, "mine")
    for epoch in range(1, 501):
        clock(1)
        keeper.epoch_done(lambda epoch=epoch: progress_of(epoch))
    assert written == [10, 210, 410]  # of 200 seconds, 4


def test_a_short_run_saves_nothing(
    no_data: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SNAPSHOT_SECONDS", 60)  # of a slow machine
    monkeypatch.setattr(checkpoint, "write", lambda *_: pytest.fail("written"))
    perform(task_of("momentum", "numpy", no_data, path))
    assert not path.parent.exists()


def test_what_cannot_be_saved_costs_no_run(
    no_data: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SNAPSHOT_SECONDS", 0)
    monkeypatch.setattr(checkpoint, "WRITE_SECONDS", 0)
    expected = perform(task_of("momentum", "numpy", no_data))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    watcher = Recorder()
    assert numbers(perform(task_of("momentum", "numpy", no_data, path), watcher)) == numbers(
        expected
    )
    (note,) = watcher.notes
    assert note.startswith("no checkpoint, the run goes on without: cannot write ")
    assert "No space left on device" in note
    assert not list(path.parent.iterdir())


def test_a_folder_of_another_machine_is_left_alone(no_data: Path, tmp_path: Path) -> None:
    path = checkpoint.path_of(tmp_path / "not here", "default")
    stop_after(2, task_of("momentum", "numpy", no_data, path))
    assert not list(tmp_path.iterdir())


def test_names_of_variants_make_names_of_files(tmp_path: Path) -> None:
    for name in ("lr-0.1_dropout-0.3", "a/b", "..", "ünïcode"):
        path = checkpoint.path_of(tmp_path, name)
        assert path.parent == tmp_path / ".checkpoint"
        checkpoint.write(path, "mine", progress_of(1), [])
        assert read(path).epoch == 1
        checkpoint.remove(path)
    assert not list(tmp_path.iterdir())
