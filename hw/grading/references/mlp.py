"""A network with one hidden layer: IST Deep Learning, Homework 1, question 1.3 (1.2(b), 3.2(b)).

    z₁ = W₁x + b₁,  h = relu(z₁),  z₂ = W₂h + b₂,  p = softmax(z₂),  L = -log p_y
    δ₂ = p - onehot(y),  δ₁ = W₂ᵀδ₂ ⊙ relu'(z₁)
    ∂L/∂W₂ = δ₂hᵀ,  ∂L/∂b₂ = δ₂,  ∂L/∂W₁ = δ₁xᵀ,  ∂L/∂b₁ = δ₁

All gradients are taken at the old parameters. W₁ and then W₂ are drawn from N(0.1, 0.1²); biases
start at zero.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class MLP(Reference):
    shapes: ClassVar = {"W1": "HD", "b1": "H", "W2": "KH", "b2": "K"}
    W1: Array
    b1: Array
    W2: Array
    b2: Array

    def start(self) -> None:
        mean, deviation = 0.1, 0.1
        self.W1 = self.random.normal(mean, deviation, size=(self.H, self.D))
        self.b1 = np.zeros(self.H)
        self.W2 = self.random.normal(mean, deviation, size=(self.K, self.H))
        self.b2 = np.zeros(self.K)

    def update(self, x: Array, y: Any) -> float:
        z1 = self.W1 @ x + self.b1
        h = np.maximum(z1, 0)
        z2 = self.W2 @ h + self.b2
        p = self.softmax(z2)
        loss = self.loss(z2, p, y)
        onehot = np.eye(self.K)[y]
        delta2 = p - onehot
        back = self.W2.T @ delta2
        slope = z1 > 0
        delta1 = back * slope
        gradient_W2 = np.outer(delta2, h)
        gradient_b2 = delta2
        gradient_W1 = np.outer(delta1, x)
        gradient_b1 = delta1
        self.W2 = self.W2 - self.eta * gradient_W2
        self.b2 = self.b2 - self.eta * gradient_b2
        self.W1 = self.W1 - self.eta * gradient_W1
        self.b1 = self.b1 - self.eta * gradient_b1
        return loss

    def softmax(self, z: Array) -> Array:
        z = z - np.max(z)
        e = np.exp(z)
        return e / np.sum(e)

    def loss(self, z2: Array, p: Array, y: Any) -> float:
        shifted = z2 - np.max(z2)
        log_p = shifted - np.log(np.sum(np.exp(shifted)))
        return float(-log_p[y])

    def predict(self, X: Array) -> Array:
        hidden = np.maximum(X @ self.W1.T + self.b1, 0)
        scores = hidden @ self.W2.T + self.b2
        return np.argmax(scores, axis=1)
