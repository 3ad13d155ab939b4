"""The products of PyTorch's two libraries against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw.training import torch_products
from hw.training.torch_products import add_product, affine

# B, D, K: above both limits; below one of them; more weights than are added in one piece
LARGE, SMALL, WIDE = (64, 700, 40), (5, 12, 7), (16, 4100, 130)
SHAPES = pytest.mark.parametrize("shape", [LARGE, SMALL, WIDE], ids=["large", "small", "wide"])


@pytest.fixture(params=["oneDNN", "PyTorch's own"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test with both libraries; oneDNN wherever this PyTorch has it, slower or not."""
    used = request.param == "oneDNN"
    if used and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch is built without oneDNN")
    monkeypatch.setattr(torch_products, "has_onednn", lambda: used)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "highest")
    return str(request.param)


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    rng = np.random.default_rng(shape)
    return torch.from_numpy(rng.normal(size=shape)).to(dtype)


def close(got: torch.Tensor, expected: np.ndarray) -> bool:
    tolerance = 1e-5 if got.dtype == torch.float32 else 1e-12
    return np.allclose(got.numpy(), expected, rtol=tolerance, atol=40 * tolerance)


@SHAPES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_affine(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    B, D, K = shape
    x, weight, bias = (numbers(*s, dtype=dtype) for s in ((B, D), (K, D), (K,)))
    expected = x.double().numpy() @ weight.double().numpy().T
    assert close(affine(x, weight), expected)
    assert close(affine(x, weight, bias), expected + bias.double().numpy())
    # As a network's backward pass calls it, with a transposed weight.
    g = numbers(B, K, dtype=dtype)
    assert close(affine(g, weight.T), g.double().numpy() @ weight.double().numpy())


@SHAPES
@pytest.mark.parametrize("beta", [1.0, 0.9])
def test_add_product(shape: tuple[int, int, int], beta: float) -> None:
    B, D, K = shape
    g, h, out = numbers(B, K), numbers(B, D), numbers(K, D)
    expected = beta * out.double().numpy() - 0.01 * (g.double().numpy().T @ h.double().numpy())
    memory = out.data_ptr()
    add_product(out, g, h, beta, -0.01)
    assert close(out, expected)
    assert out.data_ptr() == memory


def test_no_beta_ignores_what_was_there() -> None:
    B, D, K = LARGE
    g, h, out = numbers(B, K), numbers(B, D), torch.full((K, D), torch.nan)
    add_product(out, g, h, beta=0)
    assert close(out, g.double().numpy().T @ h.double().numpy())


def test_which_products_are_onednn_s(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = torch_products._onednn
    monkeypatch.setattr(torch_products, "_onednn", lambda *a: calls.append(1) or real(*a))
    B, D, K = LARGE
    affine(numbers(B, D), numbers(K, D))
    assert len(calls) == (library == "oneDNN")
    calls.clear()
    affine(numbers(1, 784), numbers(200, 784))  # one example
    affine(numbers(SMALL[0], SMALL[1]), numbers(SMALL[2], SMALL[1]))  # little work
    affine(numbers(B, D, dtype=torch.float64), numbers(K, D, dtype=torch.float64))
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    affine(numbers(B, D), numbers(K, D))
    assert not calls
