"""The network from scratch of E1394, Problem Set 1: sigmoids, softmax, squared error, no biases.

    a₁ = σ(W₁x),  a₂ = σ(W₂a₁),  s = softmax(W₃a₂),  C = 1/K Σ (s - y)²
    δ₃ = 2 (s - y) / K ⊙ s(1 - s),  δ_l = W_(l+1)ᵀ δ_(l+1) ⊙ a_l(1 - a_l),  ∂C/∂W_l = δ_l a_(l-1)ᵀ

The course's template has the diagonal of softmax's Jacobian, s(1 - s), and so has this. Weights are
uniform in ±½, drawn layer by layer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class Scratch(Reference):
    shapes: ClassVar = {"W1": "HD", "W2": "GH", "W3": "KG"}
    W1: Array
    W2: Array
    W3: Array

    def start(self) -> None:
        self.W1 = self.random.rand(self.H, self.D) - 0.5
        self.W2 = self.random.rand(self.G, self.H) - 0.5
        self.W3 = self.random.rand(self.K, self.G) - 0.5

    def update(self, x: Array, y: Any) -> float:
        onehot = np.eye(self.K)[y]
        a1 = self.sigmoid(self.W1 @ x)
        a2 = self.sigmoid(self.W2 @ a1)
        z3 = self.W3 @ a2
        s = self.softmax(z3)
        cost_slope = 2 * (s - onehot) / self.K
        output_slope = s * (1 - s)
        delta3 = cost_slope * output_slope
        delta2 = self.W3.T @ delta3 * (a2 * (1 - a2))
        delta1 = self.W2.T @ delta2 * (a1 * (1 - a1))
        gradient_W3 = np.outer(delta3, a2)
        gradient_W2 = np.outer(delta2, a1)
        gradient_W1 = np.outer(delta1, x)
        self.W3 = self.W3 - self.eta * gradient_W3
        self.W2 = self.W2 - self.eta * gradient_W2
        self.W1 = self.W1 - self.eta * gradient_W1
        return float(np.mean((s - onehot) ** 2))

    def sigmoid(self, z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def softmax(self, z: Array) -> Array:
        z = z - np.max(z)
        e = np.exp(z)
        return e / np.sum(e)

    def predict(self, X: Array) -> Array:
        a1 = self.sigmoid(X @ self.W1.T)
        a2 = self.sigmoid(a1 @ self.W2.T)
        scores = a2 @ self.W3.T
        return np.argmax(scores, axis=1)
