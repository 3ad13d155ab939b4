"""The hand-in's side: networks are made, trained and asked as the assignment's script does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hw.grading.assignment import Model
from hw.grading.hand_in import HandIn, Nonsense, Raised
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
    """A network of the hand-in's, and its parameters as they were after construction."""

    handle: int
    start: dict[str, Array]
    chain: Chain | None


Step = Callable[[Array, Array], Any]


class OnlySingle(Exception):
    """The hand-in computes in float32, whatever its module is turned to."""


class Side:
    """What can be asked of IST's classes. Every method raises `HandInFault`, `NotDone` where it
    meets the skeleton's NotImplementedError, and `OnlySingle`.

    double:      whether modules are turned to float64, in which a difference is no rounding.
    layers:      numbers of hidden layers that are asked for.
    activations: those that are asked for.
    eta, batch:  the step, and the examples of one.
    loss:        as `TorchNetwork` has it.
    dropout:     whether there is any.
    train:       what makes a step, and ``forward`` what computes the scores, for messages.
    """

    batch: ClassVar = 8
    eta: ClassVar = 0.1
    loss: ClassVar = "cross_entropy"
    train: ClassVar = "train_batch"
    forward: ClassVar = "forward"

    def __init__(self, hand_in: HandIn, model: Model, seed: int) -> None:
        self.hand_in, self.model, self.seed = hand_in, model, seed
        self.double = True
        self.layers: Sequence[int] = (2, 1, 3) if model.hidden else (0,)
        self.activations: Sequence[str] = ("relu", "tanh") if model.hidden else ("relu",)
        self.dropout = bool(model.hidden)

    @property
    def missing(self) -> bool:
        """Whether something that is needed is not there."""
        return self.train not in self.hand_in.functions

    def make(self, sizes: Sizes, layers: int, activation: str, dropout: float = 0.0) -> Made:
        """A fresh network, its random numbers those of the assignment's seed."""
        self.hand_in.seed(self.seed)
        handle = self._new(sizes, layers, activation, dropout)
        start = self.hand_in.state(handle)
        if self.double:
            self.hand_in.call(handle, "double")
            if any(array.dtype != np.float64 for array in self.hand_in.state(handle).values()):
                raise OnlySingle
        return Made(handle, start, chain.find(start, sizes.features, sizes.classes))

    def _new(self, sizes: Sizes, layers: int, activation: str, dropout: float) -> int:
        values = {
            "classes": sizes.classes,
            "features": sizes.features,
            "hidden": sizes.hidden,
            "layers": layers,
            "activation": activation,
            "dropout": dropout,
        }
        return self.asked(self.hand_in.new, self.model.cls, *self._arguments(values))

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
        inputs = self.tensor(X)
        self.hand_in.seed(seed)
        method = "__call__" if self.forward == "forward" else self.forward
        found = self.asked(self.hand_in.call, made.handle, method, inputs)
        if not isinstance(found, np.ndarray) or found.ndim != 2 or len(found) != len(X):
            raise Nonsense("a row of scores for each example was expected")
        return np.asarray(found, np.float64)

    def training(self, made: Made) -> Step:
        """What makes a step of plain SGD, and returns what the hand-in returns of it."""
        parameters = self.hand_in.keep(made.handle, "parameters")
        optimizer = self.hand_in.make("torch.optim.SGD", parameters, lr=self.eta)
        criterion = self.criterion()
        self.hand_in.call(made.handle, "train")

        def step(X: Array, y: Array) -> Any:
            batch = (self.tensor(X), self.tensor(y))
            arguments = (*batch, made.handle, optimizer, criterion)
            return self.asked(self.hand_in.function, self.train, *arguments)

        return step

    def criterion(self) -> int:
        return self.hand_in.make("torch.nn.CrossEntropyLoss")

    def evaluate(self, made: Made, X: Array, y: Array) -> float | None:
        """The accuracy that it finds; None where it has no such function."""
        names = self.hand_in.functions.get("evaluate")
        if names is None:
            return None
        self.hand_in.seed(0)
        arguments = [made.handle, self.tensor(X), self.tensor(y), self.criterion()]
        plain = [name for name in names if not name.startswith("*")]
        found = self.asked(self.hand_in.function, "evaluate", *arguments[: len(plain)])
        # Of loss and accuracy, the accuracy is the last.
        if isinstance(found, tuple | list) and found:
            found = found[-1]
        return accuracy(found)

    def current(self, made: Made) -> list[tuple[Array, Array]]:
        """Its weights and biases as they are now."""
        if made.chain is None:
            raise Nonsense("its layers are not to be found")
        try:
            return made.chain.read(self.hand_in.state(made.handle))
        except KeyError as error:
            raise Nonsense(f"a parameter has gone: {error}") from None

    def tensor(self, array: Array) -> int:
        if array.dtype.kind == "f":
            array = array.astype(np.float64 if self.double else np.float32)
        return self.hand_in.make("torch.tensor", array)

    def asked(self, ask: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        try:
            return ask(*arguments, **keywords)
        except Raised as fault:
            if fault.type == "NotImplementedError":
                raise NotDone from None
            if self.double and re.search("dtype|scalar type|Float|Double", fault.message):
                raise OnlySingle from None
            raise


def accuracy(found: Any) -> float:
    """Raises `Nonsense` for what is no number."""
    if np.ndim(found) != 0 or not isinstance(found, int | float | np.ndarray):
        raise Nonsense("an accuracy was expected")
    return float(found)


class DigitsSide(Side):
    """E1394's NeuralNetworkTorch: one example at a time by ``fit``, which makes its own optimizer.

    Labels become one-hot whole numbers there, which students turn to float32.
    """

    batch: ClassVar = 1
    eta: ClassVar = 0.5
    loss: ClassVar = "bce"
    train: ClassVar = "fit"
    forward: ClassVar = "_forward_pass"

    def __init__(self, hand_in: HandIn, model: Model, seed: int) -> None:
        super().__init__(hand_in, model, seed)
        self.double, self.dropout = False, False
        self.layers, self.activations = (2,), ("sigmoid",)

    @property
    def missing(self) -> bool:
        return not {self.train, self.forward} <= set(self.hand_in.classes[self.model.cls].methods)

    def _new(self, sizes: Sizes, layers: int, activation: str, dropout: float) -> int:
        widths = [sizes.features, sizes.hidden, sizes.second, sizes.classes]
        keywords = {"epochs": 1, "learning_rate": self.eta, "random_state": self.seed}
        return self.asked(self.hand_in.new, self.model.cls, widths, **keywords)

    def training(self, made: Made) -> Step:
        def step(X: Array, y: Array) -> None:
            loader = self._loader(X, y)
            self.asked(self.hand_in.keep, made.handle, self.train, loader, loader)

        return step

    def evaluate(self, made: Made, X: Array, y: Array) -> float | None:
        found = self.asked(self.hand_in.call, made.handle, "compute_accuracy", self._loader(X, y))
        return accuracy(found)

    def _loader(self, X: Array, y: Array) -> int:
        data = self.hand_in.make("torch.utils.data.TensorDataset", self.tensor(X), self.tensor(y))
        return self.hand_in.make("torch.utils.data.DataLoader", data, batch_size=1)
