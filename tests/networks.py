"""Small networks for the tests of `hw.nn.network`, which has a forward and a backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.nn import network
from hw.nn.losses import cross_entropy_gradient, mean_cross_entropy

Array = NDArray[Any]


def initialise(
    widths: Sequence[int],
    weight: Callable[[tuple[int, int]], Array],
    bias: Callable[[int], Array] | None = np.zeros,
) -> dict[str, Array]:
    """Parameters for layers of the ``widths`` D, H, …, K.

    weight((out, in)) and bias(out) are called in order of depth, a layer's weight first; without
    ``bias`` the layers have none.
    """
    parameters: dict[str, Array] = {}
    for layer, (narrow, wide) in enumerate(pairwise(widths)):
        parameters[f"{layer}.weight"] = weight((wide, narrow))
        if bias is not None:
            parameters[f"{layer}.bias"] = bias(wide)
    return parameters


def loss_and_gradients(
    parameters: network.Parameters,
    X: Array,
    labels: Array,
    activation: str = "relu",
    masks: network.Masks = None,
) -> tuple[float, dict[str, Array]]:
    """The mean cross-entropy of the batch and its gradients by name."""
    logits, trace = network.forward(parameters, X, activation, masks)
    gradient = cross_entropy_gradient(logits, labels) / len(labels)
    return mean_cross_entropy(logits, labels), network.backward(parameters, trace, gradient)
