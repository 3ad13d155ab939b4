"""Softmax classifiers, linear and with one hidden layer of ReLUs: losses and their derivatives.

Conventions: N examples, D features, K classes, H hidden units. Inputs X (N, D), labels y (N,) in
0 … K-1; the loss is the mean cross-entropy of the softmax, in nats. Parameters are flat vectors
θ (..., P), whose leading axes are independent models:

    linear   z = Wx + b                     θ = (W (K, D), b (K,))
    network  z = V relu(Wx + b) + a         θ = (W (H, D), b (H,), V (K, H), a (K,))

The forward pass is written once over both libraries; derivatives are by hand in NumPy and
autograd's in PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.nn.losses import softmax
from hw.questions.derivations.lab.lab import as_numpy
from hw.questions.derivations.lab.worlds import world


@dataclass(frozen=True)
class Data:
    """Inputs X (N, D) and labels y (N,)."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; ``hidden`` is 0 for the linear one."""

    features: int
    hidden: int
    classes: int

    def sizes(self) -> dict[str, tuple[int, ...]]:
        D, H, K = self.features, self.hidden, self.classes
        if not H:
            return {"W": (K, D), "b": (K,)}
        return {"W": (H, D), "b": (H,), "V": (K, H), "a": (K,)}

    def parameters(self) -> int:
        return sum(int(np.prod(size)) for size in self.sizes().values())

    def split(self, theta: Any) -> list[Any]:
        """The matrices and biases in θ (..., P), each (..., *size); NumPy or torch."""
        parts, start = [], 0
        for size in self.sizes().values():
            stop = start + int(np.prod(size))
            parts.append(theta[..., start:stop].reshape(*theta.shape[:-1], *size))
            start = stop
        return parts


class Models:
    """The models in either library, θ, X and what results in its arrays."""

    def __init__(self, backend: str) -> None:
        self.xp = world(backend)

    def forward(self, shape: Shape, theta: Any, X: Any) -> Any:
        """z (..., N, K) for θ (..., P) and X (N, D); exact on NumPy's arrays of fractions."""
        W, b, *rest = shape.split(theta)
        z = X @ W.mT + b[..., None, :]
        if rest:
            V, a = rest
            z = self.xp.where(z > 0, z, 0) @ V.mT + a[..., None, :]
        return z


class NumPyModels(Models):
    """Losses and derivatives in NumPy, derived by hand."""

    def __init__(self) -> None:
        super().__init__("numpy")

    logits = Models.forward

    def losses(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        """Mean cross-entropy (...) of each model."""
        z = self.logits(shape, theta, data.X)
        z = z - z[..., range(len(data.y)), data.y][..., None]  # 0 at the label
        top = z.max(-1)
        return (top + np.log(np.exp(z - top[..., None]).sum(-1))).mean(-1)

    def gradient(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        """The gradient (..., P) of each model's loss; that of a ReLU is 0 at 0."""
        W, b, *rest = shape.split(theta)
        X, N = data.X, len(data.y)
        dz = softmax(self.logits(shape, theta, X))
        dz[..., range(N), data.y] -= 1
        dz /= N
        back = dz.swapaxes(-1, -2)  # (..., K, N)
        if not rest:
            parts = [back @ X, dz.sum(-2)]
        else:
            u = X @ W.swapaxes(-1, -2) + b[..., None, :]
            du = (dz @ rest[0]) * (u > 0)
            parts = [
                du.swapaxes(-1, -2) @ X, du.sum(-2), back @ np.maximum(u, 0), dz.sum(-2),
            ]  # fmt: skip
        lead = theta.shape[:-1]
        return np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1)

    def hessian(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        """The Hessian (P, P) of one model's loss at θ (P,).

        Linear: the mean of (diag(p) - ppᵀ) ⊗ x̃x̃ᵀ. Network: central differences of the gradient.
        """
        if shape.hidden:
            step = 1e-6 * np.eye(len(theta))
            rise = self.gradient(shape, theta + step, data)
            return (rise - self.gradient(shape, theta - step, data)) / 2e-6
        p = softmax(self.logits(shape, theta, data.X))
        K, D = shape.classes, shape.features
        x = np.concatenate([data.X, np.ones((len(data.X), 1))], axis=1)
        J = p[:, :, None] * (np.eye(K) - p[:, None, :])  # diag(p) - ppᵀ, (N, K, K)
        H = np.einsum("nkl,ni,nj->kilj", J, x, x) / len(x)
        # From rows (w_k, b_k) to the order of θ: all weights, then all biases.
        places = np.arange(K * (D + 1)).reshape(K, D + 1)
        order = np.concatenate([places[:, :D].ravel(), places[:, D]])
        return H.reshape(len(order), -1)[np.ix_(order, order)]


class TorchModels(Models):
    """Losses in PyTorch with autograd's derivatives, float64; NumPy arrays in and out."""

    def __init__(self) -> None:
        super().__init__("torch")

    def mean_losses(self, shape: Shape, theta: Any, data: Data) -> Any:
        """Mean cross-entropy (...) of each model, as a tensor."""
        z = self.forward(shape, theta, self.xp.array(data.X))
        chosen = z[..., np.arange(len(data.y)), data.y]
        return (self.xp.logsumexp(z, -1) - chosen).mean(-1)

    def logits(self, shape: Shape, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
        return as_numpy(self.forward(shape, self.xp.array(theta), self.xp.array(X)))

    def losses(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        return as_numpy(self.mean_losses(shape, self.xp.array(theta), data))

    def gradient(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        leaf = self.xp.array(theta).clone().requires_grad_()
        # The models share no parameter: the sum's gradient is each one's own.
        (gradient,) = self.xp.autograd.grad(self.mean_losses(shape, leaf, data).sum(), leaf)
        return as_numpy(gradient)

    def hessian(self, shape: Shape, theta: np.ndarray, data: Data) -> np.ndarray:
        hessian = self.xp.func.hessian(lambda t: self.mean_losses(shape, t, data))
        return as_numpy(hessian(self.xp.array(theta)))


MODELS = {"numpy": NumPyModels, "torch": TorchModels}
