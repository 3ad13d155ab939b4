"""One model of one hand-in under examination: it is made, walked and asked, as its script would.

Everything goes through ``train_epoch``, which is what the assignment's script calls: an epoch of a
single example is an update, and the hand-in's own loop hands it the numbers that it gets in a real
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.grading import layout as layouts
from hw.grading.assignment import Model
from hw.grading.hand_in import HandIn, HandInFault, Nonsense, Raised
from hw.grading.layout import Layout
from hw.grading.material import Array, Material
from hw.grading.references import REFERENCES, Reference, Sizes
from hw.grading.walk import SINGLE, TOLERANCE, Walk

TRAIN = "train_epoch"
# What students call the arguments of their constructors.
_ARGUMENTS = {
    "n_classes": "classes",
    "n_class": "classes",
    "num_classes": "classes",
    "n_features": "features",
    "n_feats": "features",
    "n_feat": "features",
    "num_features": "features",
    "hidden_size": "hidden",
    "hidden": "hidden",
    "hidden_units": "hidden",
    "n_hidden": "hidden",
    "layers": "layers",
    "n_layers": "layers",
    "num_layers": "layers",
}


class NotDone(Exception):
    """The hand-in leaves this model to be written."""


@dataclass
class Made:
    """An object of the hand-in's.

    state:  its arrays as they are now, as far as is known here.
    layout: where its parameters lie; None where they are not to be found.
    """

    handle: int
    material: Material
    state: dict[str, Array]
    layout: Layout | None


class Session:
    """What can be asked of one model of a hand-in.

    small, full: the material of either size; ``full`` is None where it would show nothing more.
    """

    def __init__(
        self, hand_in: HandIn, model: Model, small: Material, full: Material | None, seed: int
    ) -> None:
        self.hand_in, self.model, self.seed = hand_in, model, seed
        self.small, self.full = small, full
        self.reference: type[Reference] = REFERENCES[model.name]
        self.methods = hand_in.classes[model.cls].methods

    # Construction

    def make(self, material: Material) -> Made:
        """A fresh object, its random numbers those of the assignment's seed. Raises
        `HandInFault`."""
        self.hand_in.seed(self.seed)
        with _not_done():
            handle = self.hand_in.new(self.model.cls, *self._arguments(material.sizes))
        state = self.hand_in.state(handle)
        return Made(handle, material, state, self._layout(material.sizes, state))

    def _arguments(self, sizes: Sizes) -> list[int]:
        values = {
            "classes": sizes.classes,
            "features": sizes.features,
            "hidden": sizes.hidden,
            "layers": 1,
        }
        wanted = ["classes", "features"] if self.classifies else ["features"]
        wanted += ["hidden"] if sizes.hidden else []
        wanted += ["layers"] if self.model.layers else []
        names = self.methods.get("__init__", ())
        plain = [n for n in names if not n.startswith("*")]
        if plain and all(n in _ARGUMENTS for n in plain):
            wanted = [_ARGUMENTS[n] for n in plain]
        elif len(plain) == len(names):
            wanted = wanted[: len(plain)]
        return [values[name] for name in wanted]

    @property
    def classifies(self) -> bool:
        return self.model.name not in ("linear_regression", "neural_regression")

    def _layout(self, sizes: Sizes, state: dict[str, Array]) -> Layout | None:
        found = layouts.layouts(self.reference, sizes, state)
        if not found and sizes.hidden and (hidden := layouts.hidden_units(sizes, state)):
            sizes = Sizes(sizes.features, sizes.classes, hidden)
            found = layouts.layouts(self.reference, sizes, state)
        return self._likeliest(found, sizes, state)

    def _likeliest(
        self, found: list[Layout], sizes: Sizes, state: dict[str, Array]
    ) -> Layout | None:
        """Of several layouts, the one that holds the assignment's own draws, else the first."""
        drawn = self.reference(sizes, 0.0, seed=self.seed)
        drawn.start()
        for layout in found:
            read = layout.read(state)
            if all(np.array_equal(read[n], p) for n, p in drawn.parameters().items()):
                return layout
        return found[0] if found else None

    # Training

    def walk(self, made: Made, rows: Sequence[Array], l2: float = 0.0) -> Walk:
        """An epoch of these rows for each call, from where the object stands. Raises `HandInFault`,
        also where a parameter goes lost on the way."""
        X, y = made.material.X, made.material.y
        with _not_done():
            states = self.hand_in.walk(
                made.handle,
                TRAIN,
                [(X[r], y[r]) for r in rows],
                **self.keywords(l2, made.material.eta),
            )
        if made.layout is not None and states:
            made.layout = made.layout.with_late_biases(states[0])
        before, made.state = made.state, states[-1]
        return self.read(made, rows, [before, *states], l2)

    def read(
        self, made: Made, rows: Sequence[Array], states: Sequence[dict[str, Array]], l2: float
    ) -> Walk:
        layout = made.layout
        if layout is None:
            raise Nonsense("its parameters are not to be found")
        try:
            read = [layout.read(state) for state in states]
        except LookupError as error:
            raise Nonsense(f"a parameter has gone: {error}") from None
        tolerance = SINGLE if layout.single(states[-1]) else TOLERANCE
        return Walk(made.material, layout, rows, read, l2, tolerance)

    def epoch(self, made: Made, rows: Array) -> Any:
        """What one epoch of these rows returns. Raises `HandInFault`."""
        self.hand_in.seed(self.seed)
        X, y = made.material.X[rows], made.material.y[rows]
        keywords = self.keywords(0.0, made.material.eta)
        reported = self.hand_in.call(made.handle, TRAIN, X, y, **keywords)
        made.state = self.hand_in.state(made.handle)
        return reported

    def keywords(self, l2: float, eta: float) -> dict[str, float]:
        """The arguments that the script hands to train_epoch, as far as the hand-in takes them."""
        wanted = {"learning_rate": eta}
        if self.model.l2:
            wanted["l2_penalty"] = l2
        return {name: value for name, value in wanted.items() if self.takes(name)}

    def takes(self, keyword: str) -> bool:
        """Whether train_epoch takes an argument, and hands it on where it takes any."""
        own = self.methods.get(TRAIN, ())
        if keyword in own:
            return True
        if not any(name.startswith("**") for name in own):
            return False
        inner = self.methods.get("update_weight", ("**",))
        return keyword in inner or any(name.startswith("**") for name in inner)

    # Prediction

    def predict(self, made: Made, X: Array) -> Any:
        with _not_done():
            return self.hand_in.call(made.handle, "predict", X)

    def parameters(self, made: Made) -> dict[str, Array]:
        """The parameters as they are now, in the reference's names. Raises `HandInFault`."""
        made.state = self.hand_in.state(made.handle)
        return dict(self.read(made, (), [made.state], 0.0).states[0])

    def evaluate(self, made: Made) -> Any:
        return self.hand_in.call(made.handle, "evaluate", *made.material.held)


class _not_done:
    """Turns the skeleton's NotImplementedError into `NotDone`."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Raised) and error.type == "NotImplementedError":
            raise NotDone from None


def words(fault: HandInFault, doing: str) -> str:
    """A fault as a sentence for its author."""
    if isinstance(fault, Raised):
        line = f" in line {fault.line}" if fault.line else ""
        return f"{doing} raises {fault.type}{line}: {fault.message}"
    return f"{doing}: {fault}"
