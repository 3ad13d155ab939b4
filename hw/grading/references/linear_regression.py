"""Linear regression: IST Deep Learning 2021-22, Homework 1, question 2.2(a).

ŷ = w·x, loss ½(ŷ - y)²;  w <- w - η (ŷ - y) x. w starts at zero.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hw.grading.references.reference import Array, Reference


class LinearRegression(Reference):
    shapes: ClassVar = {"w": "D", "b": "1"}
    optional: ClassVar = ("b",)  # a bias besides that among the weights: it stays zero
    w: Array
    b: Array

    def start(self) -> None:
        self.w = np.zeros(self.D)
        self.b = np.zeros(1)

    def update(self, x: Array, y: Any) -> float:
        predicted = self.w @ x + self.b[0]
        delta = predicted - y
        self.w = self.w - self.eta * delta * x
        return float(0.5 * delta * delta)

    def predict(self, X: Array) -> Array:
        return X @ self.w + self.b
