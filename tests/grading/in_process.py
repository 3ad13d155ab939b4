"""Hand-ins in this process, for tests of the checks: quick, and as easily planted as they are made.

`planted` makes the classes of a homework from a reference with lines of it changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from hw.grading.child import reach
from hw.grading.hand_in import ClassFacts, Command, HandInFault, Raised
from hw.grading.mistakes import Changes, mutant
from hw.grading.references import REFERENCES, Sizes

Array = np.ndarray[Any, Any]


class InProcess:
    """What `hw.grading.process.HandIn` offers, of classes that are here."""

    printed = ""

    def __init__(self, *classes: type) -> None:
        self.of = {cls.__name__: cls for cls in classes}
        self.objects: list[Any] = []

    @property
    def classes(self) -> Mapping[str, ClassFacts]:
        return {name: ClassFacts(_methods(cls)) for name, cls in self.of.items()}

    def new(self, cls: str, *args: Any, **kwargs: Any) -> int:
        self.objects.append(_attempt(self.of[cls], *args, **kwargs))
        return len(self.objects) - 1

    def call(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Any:
        return _attempt(getattr(self.objects[handle], method), *args, **kwargs)

    def function(self, name: str, *args: Any, **kwargs: Any) -> Any:
        raise Raised("NameError", name)

    def state(self, handle: int) -> dict[str, Array]:
        return reach.state(self.objects[handle], lambda cls: cls.__module__ != "builtins")

    def put(self, handle: int, path: str, array: Array) -> None:
        raise NotImplementedError

    def walk(
        self, handle: int, method: str, calls: Sequence[Sequence[Any]], **kwargs: Any
    ) -> list[dict[str, Array]]:
        states = []
        for args in calls:
            self.call(handle, method, *args, **kwargs)
            states.append(self.state(handle))
        return states

    def seed(self, seed: int) -> None:
        np.random.seed(seed)

    @contextlib.contextmanager
    def within(self, share: float) -> Iterator[None]:
        yield

    def restart(self) -> None: ...

    def command(self, argv: Sequence[str], files: Mapping[str, bytes]) -> Command:
        raise NotImplementedError


def _attempt(do: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    copied = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            return do(*copied, **kwargs)
    except HandInFault:
        raise
    except Exception as error:
        raise Raised(type(error).__name__, str(error)) from error


def _methods(cls: type) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(
            "*" * (1 if p.kind is p.VAR_POSITIONAL else 2 if p.kind is p.VAR_KEYWORD else 0) + n
            for n, p in signature(getattr(cls, name)).parameters.items()
            if n != "self"
        )
        for name in dir(cls)
        if callable(getattr(cls, name)) and (not name.startswith("__") or name == "__init__")
    }


def planted(model: str, changes: Changes = ()) -> InProcess:
    """A hand-in of one model: the reference in the classes of the homework, with lines changed."""
    reference = mutant(REFERENCES[model], changes)

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
    return InProcess(*ist, NeuralNetwork, NN)
