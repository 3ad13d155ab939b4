"""A feed-forward network in PyTorch: IST Deep Learning, Homework 1, question 2 (4 in 2021-22).

Hidden layers are linear, activation, dropout, in this order. The last layer is linear, and its
scores z go to the cross-entropy, which takes their softmax itself. No hidden layer is logistic
regression.
A step is plain SGD on a batch: zero_grad, forward, loss, backward, step.

Weights are (out, in), as those of `nn.Linear`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Layers = Sequence[tuple[Array, Array]]  # weights (out, in) and biases (out,), by depth


class _Torch:
    """PyTorch, imported when something of it is needed: that takes seconds."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)


torch: Any = _Torch()


class TorchNetwork:
    """``activation``: a function of torch; ``p``: the probability that dropout zeroes a unit."""

    def __init__(
        self,
        layers: Layers,
        activation: str = "relu",
        p: float = 0.0,
        eta: float = 0.1,
        loss: str = "cross_entropy",
    ) -> None:
        self.W = [torch.tensor(W, requires_grad=True) for W, _ in layers]
        self.b = [torch.tensor(b, requires_grad=True) for _, b in layers]
        self.L = len(layers) - 1
        self.p, self.eta, self.loss = p, eta, loss
        self.asked = activation

    def forward(self, x: Any, training: bool) -> Any:
        for k in range(self.L):
            x = torch.nn.functional.linear(x, self.W[k], self.b[k])
            x = self.activation(x)
            x = torch.nn.functional.dropout(x, self.p, training)
        z = torch.nn.functional.linear(x, self.W[self.L], self.b[self.L])
        return z

    def activation(self, x: Any) -> Any:
        return getattr(torch, self.asked)(x)

    def criterion(self, z: Any, y: Any) -> Any:
        if self.loss == "bce":
            onehot = torch.nn.functional.one_hot(y, z.shape[-1]).to(z.dtype)
            return torch.nn.functional.binary_cross_entropy_with_logits(z, onehot)
        return torch.nn.functional.cross_entropy(z, y)

    def train_batch(self, X: Any, y: Any) -> float:
        """One update; the loss before it."""
        self.zero_grad()
        z = self.forward(X, training=True)
        loss = self.criterion(z, y)
        loss.backward()
        self.step()
        return loss.item()

    def zero_grad(self) -> None:
        for parameter in (*self.W, *self.b):
            parameter.grad = None

    def step(self) -> None:
        with torch.no_grad():
            for parameter in (*self.W, *self.b):
                if parameter.grad is not None:
                    parameter -= self.eta * parameter.grad

    def predict(self, X: Any) -> Any:
        scores = self.forward(X, training=False)
        return scores.argmax(dim=-1)

    def layers(self) -> list[tuple[Array, Array]]:
        """Copies of weights and biases."""
        return [
            (W.detach().numpy().copy(), b.detach().numpy().copy())
            for W, b in zip(self.W, self.b, strict=True)
        ]


def drawn(sizes: Sequence[int], seed: int) -> list[tuple[Array, Array]]:
    """What `nn.Linear` draws for layers of these sizes, made in the order of their depth."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = [torch.nn.Linear(n, m) for n, m in pairwise(sizes)]
    return [(m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy()) for m in made]


def likely(W: Array, b: Array) -> bool:
    """Whether these can well be draws of `nn.Linear`: uniform, within ±1/√in."""
    bound = 1 / np.sqrt(W.shape[1])
    within = max(np.abs(W).max(), np.abs(b).max(initial=0)) <= bound * (1 + 1e-6)
    # The largest of n uniform draws, and their deviation in standard errors.
    spread = abs(float(W.std()) / (bound / np.sqrt(3)) - 1) * np.sqrt(1.25 * W.size)
    return bool(within and spread < 5)
