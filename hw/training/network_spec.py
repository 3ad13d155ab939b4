"""What a network is and how it is trained, and where its random numbers come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.nn.errors import Diverged
from hw.training.random_draws import Orders

Array = NDArray[Any]


@dataclass(frozen=True)
class NetworkSpec:
    """A feed-forward network and its training.

    sizes:        input, hidden layers, output.
    loss:         ``cross_entropy`` (mean over the batch) or ``bce`` (with logits on one-hot
                  targets, mean over batch and classes).
    train_loss:   what the training loss of an epoch is: the mean over its batches (``epoch``), over
                  all batches since the first one (``running``), or measured after it, without
                  dropout (``measured``).
    clip:         where not 0, losses that are reported are of probabilities clipped to
                  [clip, 1 - clip].
    """

    sizes: tuple[int, ...]
    batch_size: int
    learning_rate: float
    activation: str = "relu"
    dropout: float = 0.0
    loss: str = "cross_entropy"
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    dtype: str = "float32"
    train_loss: str = "epoch"
    clip: float = 0.0

    @property
    def names(self) -> list[str]:
        """Names of the parameters, in order of depth."""
        return [f"{i}.{what}" for i in range(len(self.sizes) - 1) for what in ("weight", "bias")]


class Draws(Protocol):
    """Where initial weights, orders and dropout masks come from: see `hw.training.random_draws`."""

    def layers(self, sizes: Sequence[int]) -> list[tuple[Array, Array]]: ...

    def orders(self, n: int) -> Orders: ...

    def mask(self, shape: tuple[int, ...], keep: float) -> Any: ...


def draw_masks(draws: Draws, spec: NetworkSpec, batch: int) -> list[Any]:
    """A dropout mask (batch, width) for each hidden layer, in order of depth; None without."""
    hidden = spec.sizes[1:-1]
    if not spec.dropout:
        return [None] * len(hidden)
    return [draws.mask((batch, width), 1 - spec.dropout) for width in hidden]


class Batches:
    """The rows of one batch after another, epoch after epoch."""

    def __init__(self, orders: Orders, n: int, size: int) -> None:
        self.orders, self.n, self.size = orders, n, size
        self.order = np.empty(0, dtype=np.int64)
        self.position = n  # the first batch begins an epoch

    def __len__(self) -> int:
        """Batches of an epoch; the last one may be smaller."""
        return -(-self.n // self.size)

    def next(self, batches: int = 1) -> Array:
        """The rows of the next ``batches`` batches, one after the other; fewer where the epoch
        ends."""
        if self.position >= self.n:
            self.order, self.position = next(self.orders), 0
        rows = self.order[self.position : self.position + batches * self.size]
        self.position += len(rows)
        return rows

    def state(self) -> dict[str, Array]:
        """The place in the order, and the generators: all that is random about a model in
        training, dropout included."""
        return {"position": np.array(self.position), **self.orders.state()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what `state` returned."""
        self.orders.load_state(state)
        self.order, self.position = self.orders.current, int(state["position"])


def prefixed(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Copies of the arrays, each as ``prefix.NAME``."""
    return {f"{prefix}.{name}": np.array(array) for name, array in arrays.items()}


def unprefixed(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays called ``prefix.NAME``, by NAME."""
    start = f"{prefix}."
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}


def mean_of_epoch(mean: Any, losses: Any) -> float:
    """``mean`` as a Python number. Raises `Diverged` if it is not finite, with the first of the
    epoch's ``losses`` (an array, a tensor or a list) that is to blame."""
    if not math.isfinite(mean):
        fine = np.isfinite(np.asarray(losses.cpu() if hasattr(losses, "cpu") else losses))
        raise Diverged(len(fine) if fine.all() else int(fine.argmin()))
    return float(mean)


def seconds_per_epoch(spec: NetworkSpec, n: int, autograd: bool = False) -> float:
    """What an epoch of ``n`` examples takes on one core of a recent machine, roughly.

    Six operations a weight and example (forward, gradient, update), and the overhead of an update;
    with batches of a few examples, moving the weights costs more than multiplying by them.
    """
    weights = sum(a * b for a, b in pairwise(spec.sizes))
    updates = -(-n // spec.batch_size)
    rate = 80e9 if spec.dtype == "float32" else 40e9
    overhead = 140e-6 if autograd else 40e-6
    traffic = {"adam": (0.5e-9, 2e-9), "sgd": (0.13e-9, 0.3e-9)}[spec.optimizer][autograd]
    return n * 6 * weights / rate + updates * (overhead + traffic * weights)
