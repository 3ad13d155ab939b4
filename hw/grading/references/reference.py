"""What every reference has in common: sizes, step size, and parameters that can be exchanged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Sizes:
    """D features (a bias column included, where the data have one), K classes, H units of the first
    hidden layer and G of the second."""

    features: int
    classes: int = 1
    hidden: int = 0
    second: int = 0


class Reference(ABC):
    """A model that learns from one example at a time.

    shapes:   the shape of every parameter, by its name, in letters of `Sizes`: ``KD``.
    optional: parameters that a right program may lack.
    """

    shapes: ClassVar[Mapping[str, str]]
    optional: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        sizes: Sizes,
        eta: float,
        l2: float = 0.0,
        seed: int = 42,
        activation: str = "relu",
    ) -> None:
        self.D, self.K = sizes.features, sizes.classes
        self.H, self.G = sizes.hidden, sizes.second
        self.eta, self.l2, self.activation_name = eta, l2, activation
        self.seed = seed

    @cached_property
    def random(self) -> np.random.RandomState:
        """The assignment's generator; made where it is drawn from, for that takes a while."""
        return np.random.RandomState(self.seed)

    @classmethod
    def shape(cls, name: str, sizes: Sizes) -> tuple[int, ...]:
        letters = {"D": sizes.features, "K": sizes.classes, "1": 1}
        letters |= {"H": sizes.hidden, "G": sizes.second}
        return tuple(letters[letter] for letter in cls.shapes[name])

    @abstractmethod
    def start(self) -> None:
        """Set the initial parameters, drawn as the assignment draws them."""

    @abstractmethod
    def update(self, x: Array, y: Any) -> float:
        """Learn from one example x (D,) with its label or target; its loss, before the update."""

    @abstractmethod
    def predict(self, X: Array) -> Array:
        """A label or a number for every row of X (N, D)."""

    def order(self, X: Array, y: Array) -> Iterator[tuple[Array, Any]]:
        """The examples of an epoch, in the order in which they are seen."""
        return zip(X, y, strict=True)

    def epoch(self, X: Array, y: Array) -> float:
        """Learn from every example in turn; the loss that is reported."""
        losses = [self.update(x_i, y_i) for x_i, y_i in self.order(X, y)]
        return self.report(np.array(losses), X, y)

    def report(self, losses: Array, X: Array, y: Array) -> float:
        """The loss of an epoch from those of its examples."""
        return float(np.mean(losses))

    def parameters(self) -> dict[str, Array]:
        return {name: np.array(getattr(self, name)) for name in self.shapes}

    def load(self, parameters: Mapping[str, Array]) -> None:
        """Take over copies of these values."""
        for name in self.shapes:
            setattr(self, name, np.array(parameters[name], np.float64))
