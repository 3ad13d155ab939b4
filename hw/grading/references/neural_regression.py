"""A small network that predicts a number: IST Deep Learning 2021-22, Homework 1, question 2.2(b).

    z₁ = W₁x + b₁,  h = relu(z₁),  ŷ = W₂h + b₂,  L = ½(ŷ - y)²
    δ₂ = ŷ - y,  δ₁ = W₂ᵀδ₂ ⊙ relu'(z₁)

W₁ and then W₂ are drawn from N(0.1, 0.1²); biases start at zero.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class NeuralRegression(Reference):
    shapes: ClassVar = {"W1": "HD", "b1": "H", "W2": "1H", "b2": "1"}
    W1: Array
    b1: Array
    W2: Array
    b2: Array

    def start(self) -> None:
        mean, deviation = 0.1, 0.1
        self.W1 = self.random.normal(mean, deviation, size=(self.H, self.D))
        self.b1 = np.zeros(self.H)
        self.W2 = self.random.normal(mean, deviation, size=(1, self.H))
        self.b2 = np.zeros(1)

    def update(self, x: Array, y: Any) -> float:
        z1 = self.W1 @ x + self.b1
        h = np.maximum(z1, 0)
        predicted = self.W2 @ h + self.b2
        delta2 = predicted - y
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
        return float(0.5 * delta2[0] * delta2[0])

    def predict(self, X: Array) -> Array:
        hidden = np.maximum(X @ self.W1.T + self.b1, 0)
        return (hidden @ self.W2.T + self.b2)[:, 0]
