"""The perceptron: IST Deep Learning, Homework 1, question 1.1(a) (3.1(a) in 2021-22).

On a mistake, W[y] <- W[y] + x and W[ŷ] <- W[ŷ] - x. W starts at zero.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class Perceptron(Reference):
    shapes: ClassVar = {"W": "KD", "b": "K"}
    optional: ClassVar = ("b",)  # a bias besides that among the weights: it stays zero
    W: Array
    b: Array

    def start(self) -> None:
        self.W = np.zeros((self.K, self.D))
        self.b = np.zeros(self.K)

    def update(self, x: Array, y: Any) -> float:
        scores = self.W @ x + self.b
        predicted = np.argmax(scores)
        if predicted != y:
            self.W[y] += x
            self.W[predicted] -= x
        return float(predicted != y)

    def predict(self, X: Array) -> Array:
        scores = X @ self.W.T + self.b
        return np.argmax(scores, axis=1)
