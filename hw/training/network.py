"""A feed-forward network in training, in NumPy or in PyTorch."""

from __future__ import annotations

from hw.datasets.features import Dataset
from hw.training.batch_learner import BatchLearner
from hw.training.network_spec import Draws, NetworkSpec


def make(
    spec: NetworkSpec, data: Dataset, draws: Draws, backend: str, device: str, step: str
) -> BatchLearner:
    """The learner of a network; ``device`` and ``step`` (``autograd`` or ``direct``) are
    PyTorch's."""
    learner = _make(spec, data, draws, backend, device, step)
    learner.start = learner.state()
    return learner


def _make(
    spec: NetworkSpec, data: Dataset, draws: Draws, backend: str, device: str, step: str
) -> BatchLearner:
    # PyTorch takes a second to import, which a run in NumPy need not wait for.
    if backend == "numpy":
        from hw.training.numpy_network import NumPyNetwork

        return NumPyNetwork(spec, data, draws)
    if step == "direct":
        from hw.training.torch_direct import DirectNetwork

        return DirectNetwork(spec, data, draws, device)
    from hw.training.torch_network import TorchNetwork

    return TorchNetwork(spec, data, draws, device)
