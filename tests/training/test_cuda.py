"""On a GPU: the same updates, recorded and replayed, without waiting for the device.

What needs no GPU (that a replay is the update) is tested everywhere, with a recording that only
calls the update again on its own copies of the tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support import CommandLine, make_dataset

from hw.datasets.features import Dataset
from hw.questions.models.feedforward import Settings, learner
from hw.training import cuda_graph
from hw.training.cuda_graph import Replayed
from hw.training.torch_direct import DirectNetwork

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
CASES: dict[str, dict[str, Any]] = {
    "SGD": {},
    "momentum, decay": {"momentum": 0.9, "l2_decay": 0.05},
    "adam": {"optimizer": "adam", "learning_rate": 0.01, "l2_decay": 0.1},
    "no dropout": {"dropout": 0.0},
    "tanh": {"activation": "tanh"},
    "logistic regression": {"model": "logistic_regression"},
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def data() -> Dataset:
    return make_dataset(n=83, width=20)


def network(case: dict[str, Any], data: Dataset, device: str = "cpu") -> DirectNetwork:
    small = {"hidden_size": 9, "batch_size": 8, "learning_rate": 0.1, "dropout": 0.3, "layers": 2}
    fixed = {"dtype": "float64", "step": "direct"}
    made = learner(Settings(**{**small, **fixed, **case}), data, "torch", device)
    assert isinstance(made, DirectNetwork)
    return made


def same(one: DirectNetwork, other: DirectNetwork, tolerance: float) -> None:
    for name, value in one.parameters().items():
        found = other.parameters()[name]
        assert np.allclose(found, value, rtol=tolerance, atol=tolerance), name


class Recording:
    """In the place of a CUDA graph: its own tensors, one loss in one place."""

    def __init__(self) -> None:
        self.made: list[tuple[torch.Size | None, ...]] = []

    def __call__(self, update: cuda_graph.Update, tensors: cuda_graph.Tensors) -> Any:
        self.made.append(tuple(None if t is None else t.shape for t in tensors))
        inputs = [None if t is None else torch.full_like(t, 0) for t in tensors]
        loss = torch.full((), torch.nan, dtype=torch.float64)

        def replay(*given: torch.Tensor | None) -> torch.Tensor:
            for own, new in zip(inputs, given, strict=True):
                if own is not None and new is not None:
                    own.copy_(new)
            loss.copy_(update(*inputs))
            return loss.clone()

        return replay


@cases
def test_a_replay_is_the_update(
    case: dict[str, Any], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording()
    monkeypatch.setattr(cuda_graph, "record", recording)
    plain, replayed = network(case, data), network(case, data)
    replayed.update = Replayed(replayed.one_update)
    for _ in range(3):
        assert plain.train_epoch() == replayed.train_epoch()
    same(plain, replayed, 0)
    # One for full batches, one for the last batch of an epoch, which is smaller.
    assert [shapes[0] for shapes in recording.made] == [(8, 20), (3, 20)]


def test_a_loaded_state_is_recorded_anew(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording()
    monkeypatch.setattr(cuda_graph, "record", recording)
    case = CASES["momentum, decay"]
    plain, replayed = network(case, data), network(case, data)
    replayed.update = Replayed(replayed.one_update)
    plain.advance(5)
    replayed.advance(5)
    replayed.load_state(plain.state())
    plain.advance(5)
    replayed.advance(5)
    same(plain, replayed, 0)
    assert len(recording.made) == 2


@gpu
@cases
def test_the_gpu_makes_the_same_updates(case: dict[str, Any], data: Dataset) -> None:
    on_cpu, on_gpu = network(case, data), network(case, data, "cuda")
    assert isinstance(on_gpu.update, Replayed)
    for updates in (1, 1, 20):
        on_cpu.advance(updates)
        on_gpu.advance(updates)
        same(on_cpu, on_gpu, 1e-9)
    losses = on_cpu.train_epoch(), on_gpu.train_epoch()
    assert losses[0]["train_loss"] == pytest.approx(losses[1]["train_loss"], rel=1e-9)


@gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@cases
def test_nothing_waits_for_the_gpu(case: dict[str, Any], data: Dataset) -> None:
    model = network(case, data, "cuda")
    model.advance(22)  # an epoch, whose last batch is smaller, twice: both are recorded
    try:
        torch.cuda.set_sync_debug_mode("error")
        model.advance(10)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@gpu
@cases
def test_a_stopped_run_goes_on(case: dict[str, Any], data: Dataset) -> None:
    whole, stopped = network(case, data, "cuda"), network(case, data, "cuda")
    for model in (whole, stopped):
        model.train_epoch()
        model.train_epoch()
    resumed = network(case, data, "cuda")
    resumed.load_state(stopped.state())
    assert whole.train_epoch() == resumed.train_epoch()
    same(whole, resumed, 0)


@gpu
@pytest.mark.parametrize(
    "question",
    ["q1.mlp", "q2.batch_size", "q2.momentum", "ist2021.q4.feedforward", "ift6390.p1.network"],
)
def test_end_to_end(hw: CommandLine, question: str) -> None:
    flags = ["--backend", "torch", "--device", "cuda", "--data", "stand-in", "--epochs", "2"]
    assert hw("run", question, *flags).code == 0
