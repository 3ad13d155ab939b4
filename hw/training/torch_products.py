"""Float32 matrix products of PyTorch on the CPU, by whichever of its two libraries is faster.

PyTorch's own products call MKL, which uses AVX-512 on Intel's processors only. Its other library,
oneDNN, uses it wherever the processor has it: on an AMD Zen 5 it multiplies in less than half
of MKL's time (docs/performance.md). Both are plain float32: each sum is rounded in its own order.

Small products, other devices and types, and the lower precisions of
`torch.set_float32_matmul_precision` are left to PyTorch's own.
"""

from __future__ import annotations

from functools import cache

import torch

# Below either, oneDNN's call, some ten microseconds, costs more than it saves.
FEWEST_ROWS = 16
FEWEST_MULTIPLICATIONS = 1 << 20
# A product of more numbers than this is added a few rows at a time.
LARGEST_PIECE, PIECE_ROWS = 1 << 19, 64


@cache
def has_onednn() -> bool:
    """Whether this PyTorch and this processor have what the faster products need."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        # What `torch.compile` puts in the place of a linear layer; no name of the public interface.
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def library() -> str:
    """What multiplies large float32 matrices here: a result depends on it in its last digits."""
    return "oneDNN" if has_onednn() else "MKL" if torch.backends.mkl.is_available() else "BLAS"


def affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """x Wᵀ + b, without a graph: x (B, D), weight (K, D), bias (K,) -> (B, K)."""
    if _is_faster_by_onednn(len(x), weight):
        return _onednn(x, weight, bias)
    return x @ weight.T if bias is None else torch.addmm(bias, x, weight.T)


def add_product(
    out: torch.Tensor, g: torch.Tensor, h: torch.Tensor, beta: float = 1.0, alpha: float = 1.0
) -> None:
    """out <- β out + α gᵀh in place, without a graph: g (B, K), h (B, D), out (K, D).

    β = 0 ignores what ``out`` held, NaN too.
    """
    if not _is_faster_by_onednn(len(g), out):
        torch.addmm(out, g.T, h, beta=beta, alpha=alpha, out=out)
        return
    # α on the smaller factor, so that one pass over ``out`` is left.
    factor = (g if alpha == 1 else g * alpha).T
    # Some rows at a time: oneDNN's product is fresh memory, whose pages the kernel clears anew
    # each time where there are many of them, and what is small is added while in the cache.
    rows = len(out) if out.numel() <= LARGEST_PIECE else PIECE_ROWS
    for part, some in zip(out.split(rows), factor.split(rows), strict=True):
        product = _onednn(some, h.T)
        if beta:
            torch.add(product, part, alpha=beta, out=part)
        else:
            part.copy_(product)


def _is_faster_by_onednn(rows: int, weight: torch.Tensor) -> bool:
    return (
        rows >= FEWEST_ROWS
        and rows * weight.numel() >= FEWEST_MULTIPLICATIONS
        and weight.dtype == torch.float32
        and weight.device.type == "cpu"
        and torch.get_float32_matmul_precision() == "highest"
        and has_onednn()
    )


def _onednn(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product
