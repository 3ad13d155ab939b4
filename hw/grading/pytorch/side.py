"""The hand-in's side: networks are made, trained and asked as the assignment's script does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.grading.assignment import Model
from hw.grading.hand_in import HandIn, HandInFault, Nonsense, Raised
from hw.grading.pytorch import chain
from hw.grading.pytorch.chain import Array, Chain
from hw.grading.references.reference import Sizes
from hw.grading.session import NotDone

# What students call the arguments of their constructors.
_ARGUMENTS = {
    "n_classes": "classes",
    "n_features": "features",
    "hidden_size": "hidden",
    "hidden_sizes": "hidden",
    "layers": "layers",
    "activation_type": "activation",
    "activation": "activation",
    "dropout": "dropout",
}


@dataclass
class Made:
    """A network of the hand-in's, and its parameters as they were after construction.

    double: whether it computes in float64.
    """

    handle: int
    start: dict[str, Array]
    chain: Chain | None
    double: bool


class Side:
    """What can be asked. Every method raises `HandInFault`, and `NotDone` where it meets the
    skeleton's NotImplementedError."""

    def __init__(self, hand_in: HandIn, model: Model, seed: int) -> None:
        self.hand_in, self.model, self.seed = hand_in, model, seed

    @property
    def missing(self) -> list[str]:
        """What must be there and is not."""
        needed = ("train_batch",)
        return [name for name in needed if name not in self.hand_in.functions]

    def make(
        self, sizes: Sizes, layers: int = 1, activation: str = "relu", dropout: float = 0.0
    ) -> Made:
        """A fresh network, its random numbers those of the assignment's seed; in float64 where it
        can be."""
        self.hand_in.seed(self.seed)
        values = {
            "classes": sizes.classes,
            "features": sizes.features,
            "hidden": sizes.hidden,
            "layers": layers,
            "activation": activation,
            "dropout": dropout,
        }
        handle = self._asked(self.hand_in.new, self.model.cls, *self._arguments(values))
        start = self.hand_in.state(handle)
        found = chain.find(start, sizes.features, sizes.classes)
        try:
            self.hand_in.call(handle, "double")
            double = all(array.dtype == np.float64 for array in self.hand_in.state(handle).values())
        except HandInFault:
            double = False
        return Made(handle, start, found, double)

    def _arguments(self, values: dict[str, Any]) -> list[Any]:
        """The constructor's arguments: by their names where all are known, else by their places."""
        wanted = list(values) if self.model.hidden else ["classes", "features"]
        names = self.hand_in.classes[self.model.cls].methods.get("__init__", ())
        plain = [name for name in names if not name.startswith("*")]
        if plain and all(name in _ARGUMENTS for name in plain):
            wanted = [_ARGUMENTS[name] for name in plain]
        return [values[name] for name in wanted]

    def scores(self, made: Made, X: Array, training: bool = False, seed: int = 0) -> Array:
        """What the network returns for the rows of X, the random numbers of dropout seeded."""
        self.hand_in.call(made.handle, "train" if training else "eval")
        inputs = self._tensor(X, made)
        self.hand_in.seed(seed)
        found = self._asked(self.hand_in.call, made.handle, "__call__", inputs)
        if not isinstance(found, np.ndarray) or found.ndim != 2 or len(found) != len(X):
            raise Nonsense("a row of scores for each example was expected")
        return np.asarray(found, np.float64)

    def training(self, made: Made, eta: float) -> Training:
        """Everything that a training by plain SGD needs."""
        parameters = self.hand_in.keep(made.handle, "parameters")
        optimizer = self.hand_in.make("torch.optim.SGD", parameters, lr=eta)
        self.hand_in.call(made.handle, "train")
        return Training(self, made, optimizer, self.criterion())

    def criterion(self) -> int:
        return self.hand_in.make("torch.nn.CrossEntropyLoss")

    def evaluate(self, made: Made, X: Array, y: Array) -> float | None:
        """The accuracy that it finds; None where it has no such function."""
        names = self.hand_in.functions.get("evaluate")
        if names is None:
            return None
        self.hand_in.seed(0)
        arguments = [made.handle, self._tensor(X, made), self._tensor(y, made), self.criterion()]
        plain = [name for name in names if not name.startswith("*")]
        found = self._asked(self.hand_in.function, "evaluate", *arguments[: len(plain)])
        # Of loss and accuracy, the accuracy is the last.
        if isinstance(found, tuple | list) and found:
            found = found[-1]
        if np.ndim(found) != 0 or not isinstance(found, int | float | np.ndarray):
            raise Nonsense("an accuracy was expected of evaluate")
        return float(found)

    def _tensor(self, array: Array, made: Made) -> int:
        kind = np.float64 if made.double else np.float32
        if array.dtype.kind == "f":
            array = array.astype(kind)
        return self.hand_in.make("torch.tensor", array)

    @staticmethod
    def _asked(ask: Any, *arguments: Any) -> Any:
        try:
            return ask(*arguments)
        except Raised as fault:
            if fault.type == "NotImplementedError":
                raise NotDone from None
            raise


@dataclass
class Training:
    """A network in training."""

    side: Side
    made: Made
    optimizer: int
    criterion: int

    def step(self, X: Array, y: Array) -> Any:
        """One batch; what train_batch returns."""
        side, made = self.side, self.made
        arguments = (side._tensor(X, made), side._tensor(y, made), made.handle)
        return side._asked(
            side.hand_in.function, "train_batch", *arguments, self.optimizer, self.criterion
        )

    def layers(self) -> list[tuple[Array, Array]]:
        """Its weights and biases as they are now."""
        if self.made.chain is None:
            raise Nonsense("its layers are not to be found")
        try:
            return self.made.chain.read(self.side.hand_in.state(self.made.handle))
        except KeyError as error:
            raise Nonsense(f"a parameter has gone: {error}") from None
