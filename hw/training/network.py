"""A feed-forward network in training, in NumPy or in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.datasets.features import Dataset
from hw.training.network_spec import Draws, NetworkSpec

if TYPE_CHECKING:
    from hw.training.loop import Learner


def make(
    spec: NetworkSpec, data: Dataset, draws: Draws, backend: str, device: str, step: str
) -> Learner:
    """The learner of a network; ``device`` and ``step`` are PyTorch's."""
    # PyTorch takes a second to import, which a run in NumPy need not wait for.
    if backend == "numpy":
        from hw.training.numpy_network import NumPyNetwork

        return NumPyNetwork(spec, data, draws)
    from hw.training.torch_network import TorchNetwork

    return TorchNetwork(spec, data, draws, device, step)
