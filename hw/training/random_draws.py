"""The assignments' random draws, and nowhere else: numbers reproduce only if the draws do.

Every stream is a generator object of its own. The assignments seed the global generators of NumPy
and of PyTorch; the objects here draw the same numbers in the same order and leave those alone.

Source: the protocol of each assignment's scripts, and the PyTorch sources of `nn.Linear`,
`RandomSampler` and `_BaseDataLoaderIter` for what they draw and when.

Conventions: layers in order of depth, each ``(weight, bias)``; weights are (out, in) unless said
otherwise; an epoch's order is an int64 array of the rows of the training set. A `state` is a
dictionary of arrays for a checkpoint: put back, it goes on with the very next draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array = NDArray[Any]
Layers = list[tuple[Array, Array]]


class Generators(Protocol):
    """Generators whose state can be read and put back."""

    def state(self) -> dict[str, Array]: ...

    def load_state(self, state: Mapping[str, Array]) -> None: ...


class Orders(Iterator[Array]):
    """The order of every epoch, one after the other.

    following: the next order, from the one before it; the first one follows 0..n-1.
    draws:     what ``following`` draws from, if anything, and whatever else does: its state is
               part of this one.
    """

    def __init__(
        self, n: int, following: Callable[[Array], Array], draws: Generators | None = None
    ) -> None:
        self.current = np.arange(n)
        self.following, self.draws = following, draws

    def __next__(self) -> Array:
        self.current = self.following(self.current)
        return self.current

    def state(self) -> dict[str, Array]:
        return {"order": self.current, **(self.draws.state() if self.draws else {})}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what `state` returned. Raises `ValueError` or `KeyError` if it does not
        fit."""
        order = state["order"]
        if order.shape != self.current.shape:
            raise ValueError(f"an order of {len(order)} rows, not of {len(self.current)}")
        self.current = order.astype(np.int64)
        if self.draws:
            self.draws.load_state(state)


class LegacyGenerator:
    """NumPy's legacy generator, seeded."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)

    def state(self) -> dict[str, Array]:
        known: Any = self.random.get_state(legacy=False)
        return {
            "numpy.key": np.array(known["state"]["key"]),
            "numpy.pos": np.array(known["state"]["pos"]),
            # A normal number that is drawn and not handed out yet: they come in pairs.
            "numpy.has_gauss": np.array(known["has_gauss"]),
            "numpy.gauss": np.array(known["gauss"]),
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        self.random.set_state(
            (
                "MT19937",
                state["numpy.key"],
                int(state["numpy.pos"]),
                int(state["numpy.has_gauss"]),
                float(state["numpy.gauss"]),
            )
        )


class NumPyDraws(LegacyGenerator):
    """What the NumPy questions of IST draw from ``np.random.seed(seed)``: weights, then orders."""

    def layers(self, sizes: Sequence[int]) -> Layers:
        """Weights ~ N(0.1, 0.1²), biases zero, for layers of these sizes, input first."""
        return [
            (self.random.normal(0.1, 0.1, size=(wide, narrow)), np.zeros(wide))
            for narrow, wide in pairwise(sizes)
        ]

    def orders(self, n: int) -> Orders:
        """The order of every epoch: each permutes the data as the last epoch left them."""
        return Orders(n, lambda order: order[self.random.permutation(n)], self)

    def mask(self, shape: tuple[int, ...], keep: float) -> Array:
        """A dropout mask: 1/keep where a unit is kept, else 0 (these questions have none)."""
        return (self.random.uniform(size=shape) < keep) / keep


class UniformDraws(LegacyGenerator):
    """What IFT-6390's network draws from ``np.random.seed(seed)``: weights alone."""

    def layers(self, sizes: Sequence[int]) -> Layers:
        """Weights uniform in ±1/√fan_in, drawn as (in, out) and returned as (out, in); biases
        zero."""
        drawn = []
        for narrow, wide in pairwise(sizes):
            bound = 1 / math.sqrt(narrow)
            drawn.append(
                (self.random.uniform(-bound, bound, size=(narrow, wide)).T.copy(), np.zeros(wide))
            )
        return drawn

    def orders(self, n: int) -> Orders:
        return in_file_order(n, self)

    def mask(self, shape: tuple[int, ...], keep: float) -> Array:
        """A dropout mask: 1/keep where a unit is kept, else 0 (the course's network has none)."""
        return (self.random.uniform(size=shape) < keep) / keep


class CentredDraws(LegacyGenerator):
    """What E1394's network from scratch draws from ``np.random.seed(seed)``: weights alone."""

    def weights(self, sizes: Sequence[int]) -> list[Array]:
        """Uniform in [-½, ½), (out, in), layer by layer; these networks have no biases."""
        return [self.random.rand(wide, narrow) - 0.5 for narrow, wide in pairwise(sizes)]

    def orders(self, n: int) -> Orders:
        return in_file_order(n, self)


class TorchDraws:
    """What the PyTorch questions draw after ``torch.manual_seed(seed)``.

    loader_seed: seed of the DataLoader's own generator (IST 2023-24 and 2024-25); None: it has
                 none, and takes its seeds from the global stream, which dropout uses too
                 (IST 2021-22).
    shuffle:     False: batches in file order. The loader draws its base seed all the same.
    """

    def __init__(self, seed: int, loader_seed: int | None = None, shuffle: bool = True) -> None:
        import torch

        self.torch = torch
        # Seeded alike, a generator object and torch's global one draw the same numbers.
        self.stream = torch.Generator().manual_seed(seed)
        self.loader = None if loader_seed is None else torch.Generator().manual_seed(loader_seed)
        self.shuffle = shuffle

    def layers(self, sizes: Sequence[int]) -> Layers:
        """`nn.Linear`'s defaults, float32: weight, then bias, layer by layer."""
        torch = self.torch
        drawn = []
        for narrow, wide in pairwise(sizes):
            weight, bias = torch.empty(wide, narrow), torch.empty(wide)
            torch.nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=self.stream)
            bound = 1 / math.sqrt(narrow)
            bias.uniform_(-bound, bound, generator=self.stream)
            drawn.append((weight.numpy(), bias.numpy()))
        return drawn

    def orders(self, n: int) -> Orders:
        """The order of every epoch, as DataLoader's sampler draws it."""
        return Orders(n, lambda _: self._order(n), self)

    def _order(self, n: int) -> Array:
        torch = self.torch
        base = self.loader or self.stream
        # _BaseDataLoaderIter draws a base seed for workers, used or not.
        torch.empty((), dtype=torch.int64).random_(generator=base)
        if not self.shuffle:
            return np.arange(n)
        if self.loader is not None:
            sampler = self.loader
        else:
            seed = int(torch.empty((), dtype=torch.int64).random_(generator=self.stream))
            sampler = torch.Generator().manual_seed(seed)
        order = torch.randperm(n, generator=sampler)
        if self.loader is not None:
            # RandomSampler ends with the first 0 entries of one more permutation.
            torch.randperm(n, generator=sampler)
        return order.numpy()

    def mask(self, shape: tuple[int, ...], keep: float) -> torch.Tensor:
        """`nn.Dropout`'s mask on the CPU, float32: 1/keep where a unit is kept, else 0."""
        noise = self.torch.empty(shape)
        return noise.bernoulli_(keep, generator=self.stream).div_(keep)

    def state(self) -> dict[str, Array]:
        return {f"torch.{name}": g.get_state().numpy() for name, g in self._generators()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        for name, generator in self._generators():
            values = np.array(state[f"torch.{name}"], dtype=np.uint8)
            generator.set_state(self.torch.from_numpy(values))

    def _generators(self) -> list[tuple[str, torch.Generator]]:
        loader = [] if self.loader is None else [("loader", self.loader)]
        return [("stream", self.stream), *loader]


def in_file_order(n: int, draws: Generators | None = None) -> Orders:
    """The same order every epoch; ``draws``: what draws anything else."""
    return Orders(n, lambda order: order, draws)
