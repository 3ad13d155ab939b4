"""The draws against the very calls that the assignments' scripts make."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hw.training.random_draws import NumPyDraws, TorchDraws, UniformDraws

SIZES = (7, 5, 4, 3)


def same(mine: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs), strict=True)


@pytest.mark.parametrize("seed", [42, 0, 2**32 - 1])
def test_numpy_weights_then_composed_permutations(seed: int) -> None:
    draws = NumPyDraws(seed)
    layers, orders = draws.layers((7, 5, 3)), list(islice(draws.orders(11), 3))

    np.random.seed(seed)
    for weight, bias in layers:
        same(weight, np.random.normal(0.1, 0.1, size=weight.shape))
        same(bias, np.zeros(len(weight)))
    data = np.arange(11)
    for order in orders:
        # The scripts shuffle the data themselves, so each epoch permutes what the last one left.
        data = data[np.random.permutation(11)]
        same(order, data)
    assert len({tuple(order) for order in orders}) == 3


def test_numpy_linear_models_draw_orders_only() -> None:
    order = next(NumPyDraws(42).orders(20))
    np.random.seed(42)
    same(order, np.random.permutation(20))


def test_uniform_weights_and_file_order() -> None:
    draws = UniformDraws(3)
    layers = draws.layers(SIZES)
    np.random.seed(3)
    for (weight, bias), fan_in, fan_out in zip(layers, SIZES, SIZES[1:], strict=False):
        bound = 1 / np.sqrt(fan_in)
        same(weight, np.random.uniform(-bound, bound, (fan_in, fan_out)).T)
        assert not bias.any()
    for order in islice(draws.orders(5), 2):
        same(order, np.arange(5))


def test_draws_leave_the_global_generators_alone() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    for draws in (NumPyDraws(42), UniformDraws(42), TorchDraws(42), TorchDraws(42, 42)):
        draws.layers(SIZES)
        next(draws.orders(9))
        draws.mask((2, 3), 0.5)
    mine = torch.rand(3), np.random.rand(3)
    torch.manual_seed(1)
    np.random.seed(1)
    same(mine[0], torch.rand(3))
    same(mine[1], np.random.rand(3))


@pytest.mark.parametrize("seed", [42, 0])
def test_linear_layers_are_torchs_own(seed: int) -> None:
    layers = TorchDraws(seed).layers(SIZES)
    torch.manual_seed(seed)
    for (weight, bias), fan_in, fan_out in zip(layers, SIZES, SIZES[1:], strict=False):
        linear = nn.Linear(fan_in, fan_out)
        same(weight, linear.weight.detach())
        same(bias, linear.bias.detach())


def loader(n: int, batch: int, shuffle: bool, generator: torch.Generator | None) -> DataLoader[Any]:
    data = TensorDataset(torch.arange(n))
    return DataLoader(data, batch_size=batch, shuffle=shuffle, generator=generator)


def epochs(loader: DataLoader[Any], count: int, after: Any = lambda: None) -> list[np.ndarray]:
    orders = []
    for _ in range(count):
        rows = []
        for (batch,) in loader:
            rows.append(batch)
            after()
        orders.append(torch.cat(rows).numpy())
    return orders


@pytest.mark.parametrize("n", [1, 10, 64, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_orders_of_a_loader_with_a_generator_of_its_own(n: int, shuffle: bool) -> None:
    torch.manual_seed(42)
    theirs = epochs(loader(n, 3, shuffle, torch.Generator().manual_seed(42)), 3)
    mine = list(islice(TorchDraws(42, 42, shuffle).orders(n), 3))
    for a, b in zip(mine, theirs, strict=True):
        same(a, b)
    if shuffle and n > 3:
        assert not np.array_equal(mine[0], mine[1])


@pytest.mark.parametrize("shuffle", [True, False])
def test_orders_and_dropout_of_a_loader_without_one(shuffle: bool) -> None:
    """The sampler's seeds come from the stream that dropout draws from, in turn."""
    torch.manual_seed(42)
    linear, dropout = nn.Linear(4, 6), nn.Dropout(0.3)
    theirs: list[torch.Tensor] = []
    orders = epochs(
        loader(10, 5, shuffle, None), 3, lambda: theirs.append(dropout(torch.ones(5, 6)))
    )

    draws = TorchDraws(42, None, shuffle)
    ((weight, _),) = draws.layers((4, 6))
    same(weight, linear.weight.detach())
    mine = draws.orders(10)
    for epoch in range(3):
        same(next(mine), orders[epoch])
        for step in range(2):
            same(draws.mask((5, 6), 0.7), theirs[2 * epoch + step])
    assert 0 < torch.stack(theirs).count_nonzero() < 6 * 30, "some units are dropped, not all"


def test_dropout_is_torchs_own_next_to_a_loader_with_a_generator() -> None:
    torch.manual_seed(0)
    dropout = nn.Dropout(0.25)
    theirs = []
    list(epochs(loader(9, 4, True, torch.Generator().manual_seed(5)), 2,
                lambda: theirs.append(dropout(torch.ones(3, 8)))))  # fmt: skip
    draws = TorchDraws(0, 5)
    mine = draws.orders(9)
    for epoch in range(2):
        next(mine)
        for step in range(3):
            same(draws.mask((3, 8), 0.75), theirs[3 * epoch + step])
