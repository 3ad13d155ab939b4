"""Logistic regression: IST Deep Learning, Homework 1, question 1.2 (1.1(b), 3.1(b) before).

p = softmax(W x);  W <- W - η ((p - onehot(y)) xᵀ + λ W). W starts at zero. The bias column is
penalised like any weight.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class LogisticRegression(Reference):
    shapes: ClassVar = {"W": "KD", "b": "K"}
    optional: ClassVar = ("b",)  # a bias besides that among the weights: it stays zero
    W: Array
    b: Array

    def start(self) -> None:
        self.W = np.zeros((self.K, self.D))
        self.b = np.zeros(self.K)

    def update(self, x: Array, y: Any) -> float:
        z = self.W @ x + self.b
        p = self.softmax(z)
        onehot = np.eye(self.K)[y]
        delta = p - onehot
        gradient = np.outer(delta, x)
        penalty = self.l2 * self.W
        self.W = self.W - self.eta * (gradient + penalty)
        return float(-np.log(p[y]))

    def softmax(self, z: Array) -> Array:
        z = z - np.max(z)
        e = np.exp(z)
        return e / np.sum(e)

    def predict(self, X: Array) -> Array:
        scores = X @ self.W.T + self.b
        return np.argmax(scores, axis=1)
