"""A feed-forward network trained on mini-batches, forward and backward derived by hand.

The NumPy twin of the PyTorch questions: every hidden layer is linear, activation, dropout, and
the last layer is linear. No hidden layer at all is logistic regression. The loss is the caller's:
`backward` starts from its gradient in the logits.

Conventions: B examples of a batch, D features, K classes, layers numbered by depth from 0; X is
(B, D), labels (B,). Parameters are a dictionary in order of depth, named as torch names them and
shaped as torch shapes them: ``0.weight`` (out, in), ``0.bias`` (out,), ``1.weight``, … A layer
without a bias lacks that name. All of one type, float64 or float32, which is also the type of
the results.

Dropout is inverted and its draws are the caller's: ``masks[i]`` (B, width of layer i) multiplies
the activations of hidden layer i, with entries 0 or 1/(1-p). None means evaluation: no dropout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hw.nn.activations import activation as activation_named

Array = NDArray[Any]
Parameters = Mapping[str, Array]
Masks = Sequence[Array] | None


@dataclass(frozen=True)
class Trace:
    """What `forward` leaves for `backward`.

    inputs: what each layer was fed, X first. slopes: of each hidden layer, f'(z) times its mask.
    """

    inputs: list[Array]
    slopes: list[Array]


def n_layers(parameters: Parameters) -> int:
    """The number of linear layers, the last one included."""
    return sum(name.endswith(".weight") for name in parameters)


def forward(
    parameters: Parameters, X: Array, activation: str = "relu", masks: Masks = None
) -> tuple[Array, Trace]:
    """Logits (B, K), and the trace of how they came about."""
    f = activation_named(activation)
    last = n_layers(parameters) - 1
    if masks is not None and len(masks) != last:
        raise ValueError(f"{len(masks)} dropout masks for {last} hidden layers")
    trace = Trace([], [])
    for layer in range(last + 1):
        trace.inputs.append(X)
        z = X @ parameters[f"{layer}.weight"].T
        if f"{layer}.bias" in parameters:
            z += parameters[f"{layer}.bias"]
        if layer == last:
            break
        X = f.value(z)
        slope = f.derivative(z, X)
        if masks is not None:
            X = X * masks[layer]
            slope *= masks[layer]
        trace.slopes.append(slope)
    return z, trace


def backward(parameters: Parameters, trace: Trace, grad_logits: Array) -> dict[str, Array]:
    """Gradients by name, from the gradient of the loss in the logits, (B, K)."""
    gradients: dict[str, Array] = {}
    grad_z = grad_logits
    for layer in reversed(range(n_layers(parameters))):
        gradients[f"{layer}.weight"] = grad_z.T @ trace.inputs[layer]
        if f"{layer}.bias" in parameters:
            gradients[f"{layer}.bias"] = grad_z.sum(axis=0)
        if layer:
            grad_z = grad_z @ parameters[f"{layer}.weight"]
            grad_z *= trace.slopes[layer - 1]
    return {name: gradients[name] for name in parameters}
