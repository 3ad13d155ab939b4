"""The classes of E1394 and IFT-6390 under examination; see `Session`."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from hw.grading.hand_in import Nonsense, Raised
from hw.grading.material import Array, Material
from hw.grading.session import Made, NotDone, Session, accepted

PICKLE = "cifar10.pkl"


class ScratchSession(Session):
    """E1394's NeuralNetwork: ``fit`` learns from one example after the other, labels one-hot."""

    train: ClassVar = "fit"
    needed: ClassVar = ("_forward_pass", "_backward_pass", "_update_weights", "predict")
    evaluates: ClassVar = "compute_accuracy"
    large = False

    def _construct(self, material: Material) -> int:
        s = material.sizes
        sizes = [s.features, s.hidden, s.second, s.classes]
        wanted = {"epochs": 1, "learning_rate": material.eta, "random_state": self.seed}
        keywords = accepted(self.methods.get("__init__", ()), wanted)
        handle = self.hand_in.new(self.model.cls, sizes, **keywords)
        if self.hand_in.call(handle, "_forward_pass", material.X[0]) is None:
            raise NotDone  # the template's methods do nothing and say nothing
        return self.hand_in.new(self.model.cls, sizes, **keywords)

    def _states(self, made: Made, rows: Sequence[Array], l2: float) -> list[dict[str, Array]]:
        X, Y = made.material.X, np.eye(made.material.sizes.classes)[made.material.y]
        if self.train in self.methods:
            try:
                calls = [(X[r], Y[r], X[r][:1], Y[r][:1]) for r in rows]
                return self.hand_in.walk(made.handle, self.train, calls)
            except Raised:  # it may be the progress that is printed: method by method, then
                made.state = self.hand_in.state(made.handle)
        return [self._by_method(made, X[r], Y[r]) for r in rows]

    def _by_method(self, made: Made, X: Array, Y: Array) -> dict[str, Array]:
        call, handle = self.hand_in.call, made.handle
        for x, y in zip(X, Y, strict=True):
            output = call(handle, "_forward_pass", x)
            call(handle, "_update_weights", call(handle, "_backward_pass", y, output))
        return self.hand_in.state(handle)

    def _epoch(self, made: Made, rows: Array) -> Any:
        self._states(made, [rows], 0.0)

    def predict(self, made: Made) -> Any:
        X = made.material.held[0]
        found = [self.hand_in.call(made.handle, "predict", x) for x in X]
        try:
            return np.array([np.asarray(answer).reshape(()) for answer in found])
        except ValueError:
            raise Nonsense("predict returns one label for one example") from None

    def evaluate(self, made: Made) -> Any:
        X, y = made.material.held
        onehot = np.eye(made.material.sizes.classes)[y]
        return self.hand_in.call(made.handle, "compute_accuracy", X, onehot)


class CourseNetworkSession(Session):
    """IFT-6390's NN: forward, backward and update for a batch. It reads a pickle when made."""

    train: ClassVar = "backward"
    needed: ClassVar = ("initialize_weights", "forward", "backward", "update", "loss")
    evaluates: ClassVar = "compute_loss_and_accuracy"
    each: ClassVar = 8
    variants: ClassVar = ("sigmoid", "tanh")
    large = False

    def _construct(self, material: Material) -> int:
        sizes = material.sizes
        wanted = {
            "hidden_dims": (sizes.hidden, sizes.second),
            "datapath": PICKLE,
            "n_classes": sizes.classes,
            "epsilon": 1e-6,
            "lr": material.eta,
            "batch_size": self.each,
            "seed": self.seed,
            "activation": material.activation,
        }
        names = self.methods.get("__init__", ())
        handle = self.hand_in.new(self.model.cls, **accepted(names, wanted))
        dims = [sizes.features, sizes.classes]
        self.hand_in.call(handle, "initialize_weights", dims)
        cache = self.hand_in.call(handle, "forward", material.X[:1])
        if cache is None or (isinstance(cache, dict) and cache.keys() <= {"Z0"}):
            raise NotDone  # the template's forward returns what it was given
        return handle

    def _states(self, made: Made, rows: Sequence[Array], l2: float) -> list[dict[str, Array]]:
        found = []
        for r in rows:
            self._epoch(made, r)
            found.append(self.hand_in.state(made.handle))
        return found

    def _epoch(self, made: Made, rows: Array) -> Any:
        """One update; the loss before it."""
        X, Y = made.material.X[rows], np.eye(made.material.sizes.classes)[made.material.y[rows]]
        call, handle = self.hand_in.call, made.handle
        cache = call(handle, "forward", X)
        call(handle, "update", call(handle, "backward", cache, Y))
        return call(handle, "loss", self._output(cache), Y)

    def _output(self, cache: Any) -> Any:
        """The probabilities in a cache: its last Z."""
        if not isinstance(cache, dict):
            raise Nonsense("forward returns a dictionary")
        return cache.get("Z3")

    def predict(self, made: Made) -> Any:
        return self._output(self.hand_in.call(made.handle, "forward", made.material.held[0]))

    def evaluate(self, made: Made) -> Any:
        found = self.hand_in.call(made.handle, "compute_loss_and_accuracy", *made.material.held)
        return found[1:2] if isinstance(found, tuple | list) and len(found) > 1 else found


SESSIONS: dict[str, type[Session]] = {"scratch": ScratchSession, "network": CourseNetworkSession}


def pickled(material: Material) -> bytes:
    """The pickle that IFT-6390's class reads: three pairs of features and labels."""
    split = (material.X, material.y)
    return pickle.dumps((split, split, material.held), protocol=4)
