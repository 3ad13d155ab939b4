"""Hand-ins with a planted mistake: the reference, lines of it changed, in a homework's classes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from local import LocalHandIn

from hw.grading.mistakes import Changes, mutant
from hw.grading.references import REFERENCES, Sizes

Array = np.ndarray[Any, Any]


class Planted(LocalHandIn):
    """Answers for these classes."""

    def __init__(self, *classes: type) -> None:
        self.module = ModuleType("local_hand_in")
        self.objects = []
        for cls in classes:
            setattr(self.module, cls.__name__, cls)

    def _own(self, thing: Any) -> bool:
        return getattr(thing, "__module__", None) in (__name__, "local_hand_in")


def planted(model: str, changes: Changes = ()) -> Planted:
    """A hand-in of one model: the reference in the classes of the homework, with lines changed."""

    class reference(mutant(REFERENCES[model], changes)):
        pass

    class HandedIn:
        def _begin(self, sizes: Sizes) -> None:
            self.inner = reference(sizes, 0.0, seed=42)
            self.inner.start()

        def train_epoch(
            self, X: Array, y: Array, learning_rate: float = 0.001, l2_penalty: float = 0.0
        ) -> float:
            self.inner.eta, self.inner.l2 = learning_rate, l2_penalty
            return self.inner.epoch(X, y)

        def predict(self, X: Array) -> Array:
            return self.inner.predict(X)

        def evaluate(self, X: Array, y: Array) -> float:
            return float((self.predict(X) == y).mean())

    class Perceptron(HandedIn):
        def __init__(self, n_classes: int, n_features: int) -> None:
            self._begin(Sizes(n_features, n_classes))

    class LogisticRegression(Perceptron): ...

    class MLP(HandedIn):
        def __init__(self, n_classes: int, n_features: int, hidden_size: int) -> None:
            self._begin(Sizes(n_features, n_classes, hidden_size))

    class Numbers(HandedIn):
        def evaluate(self, X: Array, y: Array) -> float:
            return float(np.sqrt(np.mean((self.predict(X) - y) ** 2)))

    class LinearRegression(Numbers):
        def __init__(self, n_features: int) -> None:
            self._begin(Sizes(n_features))

    class NeuralRegression(Numbers):
        def __init__(self, n_features: int, hidden: int) -> None:
            self._begin(Sizes(n_features, 1, hidden))

    class NeuralNetwork(HandedIn):
        """E1394's."""

        def __init__(
            self, sizes: list[int], epochs: int, learning_rate: float, random_state: int
        ) -> None:
            self.inner = reference(Sizes(sizes[0], sizes[3], *sizes[1:3]), learning_rate, 0, 1)
            self.inner.start()

        def _forward_pass(self, x: Array) -> Array:
            return x

        def _backward_pass(self) -> None: ...

        def _update_weights(self) -> None: ...

        def fit(self, X: Array, Y: Array, *validation: Array) -> None:
            self.inner.epoch(X, Y.argmax(axis=1))

        def predict(self, x: Array) -> Any:
            return self.inner.predict(x[None])[0]

        def compute_accuracy(self, X: Array, Y: Array) -> float:
            return float((self.inner.predict(X) == Y.argmax(axis=1)).mean())

    class NN:
        """IFT-6390's: all that an update does is done by ``update``."""

        def __init__(self, hidden_dims: list[int], lr: float, seed: int, activation: str) -> None:
            self.hidden, self.lr, self.seed, self.activation = hidden_dims, lr, seed, activation

        def initialize_weights(self, dims: list[int]) -> None:
            sizes = Sizes(dims[0], dims[1], *self.hidden)
            self.inner = reference(sizes, self.lr, 0, self.seed, self.activation)
            self.inner.start()

        def forward(self, x: Array) -> dict[str, Array]:
            return {"Z0": x, "Z3": np.eye(self.inner.K)[self.inner.predict(x)]}

        def backward(self, cache: dict[str, Array], labels: Array) -> dict[str, Array]:
            return {"X": cache["Z0"], "Y": labels}

        def update(self, grads: dict[str, Array]) -> None:
            self.reported = self.inner.epoch(grads["X"], grads["Y"].argmax(axis=1))

        def loss(self, prediction: Array, labels: Array) -> float:
            return self.reported

        def compute_loss_and_accuracy(self, X: Array, y: Array) -> tuple[float, float]:
            return 0.0, float((self.inner.predict(X) == y).mean())

    ist = (Perceptron, LogisticRegression, MLP, LinearRegression, NeuralRegression)
    return Planted(*ist, NeuralNetwork, NN)
