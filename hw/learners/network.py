"""A feed-forward network in training, in NumPy or in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.datasets.features import Dataset
from hw.learners.spec import Draws, NetworkSpec

if TYPE_CHECKING:
    from hw.training import Learner


def make(
    spec: NetworkSpec, data: Dataset, draws: Draws, backend: str, device: str, step: str
) -> Learner:
    """The learner of a network; ``device`` and ``step`` are PyTorch's."""
    # PyTorch takes a second to import, which a run in NumPy need not wait for.
    if backend == "numpy":
        from hw.learners.numpy_network import NumPyNetwork

        return NumPyNetwork(spec, data, draws)
    from hw.learners.torch_network import TorchNetwork

    return TorchNetwork(spec, data, draws, device, step)
