"""The network of IFT-6390, Homework 3: two hidden layers, softmax, cross-entropy, in mini-batches.

    A_l = Z_(l-1) W_lᵀ + b_l,  Z_l = g(A_l),  P = softmax(A₃),  L = 1/B Σ -log p_y
    ∂L/∂A₃ = P - Y,  ∂L/∂A_l = (∂L/∂A_(l+1) W_(l+1)) ⊙ g'(A_l)
    ∂L/∂W_l = ∂L/∂A_lᵀ Z_(l-1) / B,  ∂L/∂b_l = Σ ∂L/∂A_l / B

An epoch is one batch here. Weights are uniform in ±1/√fan_in, drawn as (in, out); biases are zero.
The loss that is reported is of probabilities within [10⁻⁶, 1 - 10⁻⁶].
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference

EPSILON = 1e-6


class Network(Reference):
    shapes: ClassVar = {"W1": "HD", "b1": "H", "W2": "GH", "b2": "G", "W3": "KG", "b3": "K"}
    W1: Array
    b1: Array
    W2: Array
    b2: Array
    W3: Array
    b3: Array

    def start(self) -> None:
        self.W1 = self.draw(self.D, self.H).T
        self.b1 = np.zeros(self.H)
        self.W2 = self.draw(self.H, self.G).T
        self.b2 = np.zeros(self.G)
        self.W3 = self.draw(self.G, self.K).T
        self.b3 = np.zeros(self.K)

    def draw(self, inputs: int, outputs: int) -> Array:
        bound = 1 / np.sqrt(inputs)
        return self.random.uniform(-bound, bound, size=(inputs, outputs))

    def epoch(self, X: Array, y: Array) -> float:
        Y = np.eye(self.K)[y]
        A1 = X @ self.W1.T + self.b1
        Z1 = self.activation(A1)
        A2 = Z1 @ self.W2.T + self.b2
        Z2 = self.activation(A2)
        A3 = Z2 @ self.W3.T + self.b3
        P = self.softmax(A3)
        dA3 = P - Y
        dW3 = dA3.T @ Z2 / len(X)
        db3 = np.sum(dA3, axis=0) / len(X)
        dZ2 = dA3 @ self.W3
        dA2 = dZ2 * self.slope(A2)
        dW2 = dA2.T @ Z1 / len(X)
        db2 = np.sum(dA2, axis=0) / len(X)
        dZ1 = dA2 @ self.W2
        dA1 = dZ1 * self.slope(A1)
        dW1 = dA1.T @ X / len(X)
        db1 = np.sum(dA1, axis=0) / len(X)
        self.W3, self.b3 = self.W3 - self.eta * dW3, self.b3 - self.eta * db3
        self.W2, self.b2 = self.W2 - self.eta * dW2, self.b2 - self.eta * db2
        self.W1, self.b1 = self.W1 - self.eta * dW1, self.b1 - self.eta * db1
        return self.loss(P, Y)

    def activation(self, A: Array) -> Array:
        if self.activation_name == "sigmoid":
            return 1 / (1 + np.exp(-A))
        if self.activation_name == "tanh":
            return np.tanh(A)
        return np.maximum(A, 0)

    def slope(self, A: Array) -> Array:
        if self.activation_name == "sigmoid":
            return np.exp(-A) / (1 + np.exp(-A)) ** 2
        if self.activation_name == "tanh":
            return 1 - np.tanh(A) ** 2
        return (A > 0).astype(float)

    def softmax(self, A: Array) -> Array:
        A = A - np.max(A, axis=1, keepdims=True)
        e = np.exp(A)
        return e / np.sum(e, axis=1, keepdims=True)

    def loss(self, P: Array, Y: Array) -> float:
        P = np.clip(P, EPSILON, 1 - EPSILON)
        losses = -np.sum(Y * np.log(P), axis=1)
        return float(losses.mean())

    def update(self, x: Array, y: Any) -> float:
        return self.epoch(x[None], np.array([y]))

    def predict(self, X: Array) -> Array:
        Z1 = self.activation(X @ self.W1.T + self.b1)
        Z2 = self.activation(Z1 @ self.W2.T + self.b2)
        scores = Z2 @ self.W3.T + self.b3
        return np.argmax(scores, axis=1)
