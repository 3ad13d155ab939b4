"""Activations: values and derivatives against formulas, torch and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from hw.errors import UsageError
from hw.nn.activations import ACTIVATIONS, activation

TORCH = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "identity": lambda z: z,
}
Z = np.concatenate([np.linspace(-40, 40, 801), [0.0, -0.0, 1000.0, -1000.0, 1e-300]])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value_and_derivative_equal_torch(name, dtype):
    f = activation(name)
    z = Z.astype(dtype)
    t = torch.tensor(z, requires_grad=True)
    expected = TORCH[name](t)
    expected.sum().backward()
    a = f.value(z)
    slope = f.derivative(z, a)
    assert a.dtype == slope.dtype == dtype
    rtol = 1e-13 if dtype == np.float64 else 1e-5
    # Absolute: where a nears one, 1 - a² keeps but the rounding of a, torch's and ours alike.
    atol = 4 * np.finfo(dtype).eps
    assert_allclose(a, expected.detach().numpy(), rtol=rtol, atol=atol, equal_nan=False)
    assert_allclose(slope, t.grad.numpy(), rtol=rtol, atol=atol, equal_nan=False)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_writing_to_out_changes_nothing(name):
    f = activation(name)
    a, slope, z = np.empty_like(Z), np.empty_like(Z), Z.copy()
    assert f.value(Z, a) is a
    assert f.derivative(Z, a, slope) is slope
    assert_array_equal(a, f.value(Z))
    assert_array_equal(slope, f.derivative(Z, a))
    f.value(z, z)  # onto its own input
    assert_array_equal(z, a)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_by_differences_and_its_bound(name):
    f = activation(name)
    z = np.random.default_rng(0).normal(0, 2, 1000)
    z = z[np.abs(z) > 1e-3]  # off the kink
    h = 1e-6
    differences = (f.value(z + h) - f.value(z - h)) / (2 * h)
    slope = f.derivative(z, f.value(z))
    # A central difference of h = 1e-6 is good to about ε / h = 2e-10.
    assert_allclose(slope, differences, rtol=0, atol=1e-8)
    assert np.abs(slope).max() <= f.lipschitz


def test_kinks_are_torchs():
    zero = np.zeros(1)
    assert activation("relu").derivative(zero, zero)[0] == 0
    assert activation("leaky_relu").derivative(zero, zero)[0] == 0.01


def test_sigmoid_keeps_its_small_values():
    # σ(-z) = exp(-z) / (1 + exp(-z)): to the last digits where 1 - σ(z) has none left.
    z = np.array([-30.0, -300.0, -700.0])
    assert_allclose(activation("sigmoid").value(z), np.exp(z), rtol=1e-12)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'sigmoid'"):
        activation("sigmod")
