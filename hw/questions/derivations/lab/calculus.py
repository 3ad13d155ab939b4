"""What the kinds of executable mathematics share: derivatives without formulas, chords.

Conventions: n draws, K components; a function of vectors maps (n, K) to (n,) or to (n, M), row by
row. The stencils use arithmetic alone, so that they serve NumPy arrays and torch tensors alike.

Step and tolerance belong together. A five-point stencil of step h has a truncation error of
h⁴/30 · f⁽⁵⁾ (first derivative) or h⁴/90 · f⁽⁶⁾ (second), and amplifies the rounding of f, about
1e-16 |f|, by 1.5/h or 5.3/h². With |f| up to about 50 and derivatives of order one, as here:

    first derivative, h = 1e-3: 3e-14 + 8e-12, judged by FIRST = 1e-10
    second derivative, h = 1e-2: 1e-10 + 3e-10, judged by SECOND = 1e-8

Formulas compared with autograd differ by rounding alone and are judged by ROUNDING = 1e-12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FIRST, SECOND, ROUNDING = 1e-10, 1e-8, 1e-12


def tolerances(backend: str) -> tuple[float, float]:
    """How far a first and a second derivative may lie from the formula.

    NumPy derivatives come from differences, PyTorch ones from autograd.
    """
    return (FIRST, SECOND) if backend == "numpy" else (ROUNDING, ROUNDING)


def witness(backend: str) -> str:
    """What a backend compares formulas with, in words."""
    return "finite differences" if backend == "numpy" else "autograd"


def first_difference(
    f: Callable[[Any], Any], z: Any, direction: Any = 1.0, step: float = 1e-3
) -> Any:
    """d/dt f(z + t direction) at t = 0, of fourth order."""
    h = step * direction
    return (8 * (f(z + h) - f(z - h)) - (f(z + 2 * h) - f(z - 2 * h))) / (12 * step)


def second_difference(
    f: Callable[[Any], Any], z: Any, direction: Any = 1.0, step: float = 1e-2
) -> Any:
    """d²/dt² f(z + t direction) at t = 0, of fourth order."""
    h = step * direction
    near, far = f(z + h) + f(z - h), f(z + 2 * h) + f(z - 2 * h)
    return (16 * near - far - 30 * f(z)) / (12 * step**2)


def jacobian_by_differences(
    f: Callable[[Any], Any], z: Any, axes: Any, stack: Callable[..., Any] = np.stack
) -> Any:
    """Derivatives of f, (n, K) -> (n, M) or (n,), as (n, M, K) or (n, K).

    ``axes`` are the K unit vectors and ``stack`` joins the partial derivatives, both in the
    arrays of the library in use.
    """
    return stack([first_difference(f, z, axis) for axis in axes], -1)


def hessian_by_differences(f: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    """Second derivatives of f, (n, K) -> (n,), as (n, K, K), from values of f alone.

    Polarisation: 4 eᵢᵀH eⱼ = (eᵢ + eⱼ)ᵀH(eᵢ + eⱼ) - (eᵢ - eⱼ)ᵀH(eᵢ - eⱼ).
    """
    axes = np.eye(z.shape[1])
    columns = [
        [second_difference(f, z, a + b) - second_difference(f, z, a - b) for a in axes]
        for b in axes
    ]
    return np.moveaxis(np.array(columns), -1, 0) / 4


def torch_derivatives(f: Callable[[Any], Any], z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f'(z) and f''(z) of an elementwise f by autograd, each of z's shape."""
    import torch

    leaf = torch.as_tensor(z, dtype=torch.float64).clone().requires_grad_()
    (first,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    return first.detach().numpy(), second.numpy()


def torch_jacobian(f: Callable[[Any], Any], z: np.ndarray) -> np.ndarray:
    """Derivatives of f, (n, K) -> (n, M), by autograd, as (n, M, K)."""
    import torch

    leaf = torch.as_tensor(z, dtype=torch.float64).clone().requires_grad_()
    outputs = f(leaf).sum(0)  # each row depends on its own z alone
    rows = [torch.autograd.grad(output, leaf, retain_graph=True)[0] for output in outputs]
    return torch.stack(rows, 1).numpy()


def torch_hessian(f: Callable[[Any], Any], z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (n, K) and Hessian (n, K, K) of f, (n, K) -> (n,), by autograd."""
    import torch

    leaf = torch.as_tensor(z, dtype=torch.float64).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)
    rows = [torch.autograd.grad(g, leaf, retain_graph=True)[0] for g in gradient.sum(0)]
    return gradient.detach().numpy(), torch.stack(rows, 1).numpy()


def chord_defect(f: Callable[[Any], Any], u: Any, v: Any, t: Any) -> Any:
    """f on the chord from v to u minus the chord over f: positive where f is not convex.

    u, v: (n, P), or (n,) for a function of one variable; t: (n,) in [0, 1]. Returns (n,).
    """
    weight = t[:, None] if len(u.shape) == 2 else t
    return f(weight * u + (1 - weight) * v) - (t * f(u) + (1 - t) * f(v))


def gap(a: Any, b: Any) -> float:
    """The largest absolute difference of two arrays; NaN if there is one, which passes no test."""
    return float(np.max(np.abs(np.asarray(a) - np.asarray(b))))
