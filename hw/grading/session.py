"""One model of one hand-in under examination: it is made, trained and asked, as its script would.

`Session` is for the classes of IST's homeworks. Everything goes through ``train_epoch``, which is
what their scripts call: an epoch of a single example is an update, and the hand-in's own loop hands
it the numbers that it gets in a real run. Subclasses are for other courses' classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hw.grading import layout as layouts
from hw.grading.assignment import Model
from hw.grading.hand_in import HandIn, Nonsense, Raised
from hw.grading.layout import Layout
from hw.grading.material import Array, Material
from hw.grading.references import REFERENCES, Reference, Sizes
from hw.grading.walk import SINGLE, TOLERANCE, Walk

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
    """What can be asked of one model of a hand-in. Every method raises `HandInFault`, and `NotDone`
    where it meets the skeleton's NotImplementedError.

    small, full: the material of either size.
    train:       the method that learns, for messages.
    needed:      the methods that there must be.
    evaluates:   the method that scores predictions.
    each:        examples of an update.
    variants:    activations that the class offers besides the first.
    large:       whether the full size shows what the small one does not.
    """

    train: ClassVar = "train_epoch"
    needed: ClassVar[Sequence[str]] = ("train_epoch", "predict")
    evaluates: ClassVar = "evaluate"
    each: ClassVar = 1
    variants: ClassVar[Sequence[str]] = ()

    def __init__(
        self, hand_in: HandIn, model: Model, small: Material, full: Material, seed: int
    ) -> None:
        self.hand_in, self.model, self.seed = hand_in, model, seed
        self.small, self.full = small, full
        self.reference: type[Reference] = REFERENCES[model.name]
        self.methods = hand_in.classes[model.cls].methods

    @property
    def classifies(self) -> bool:
        return self.small.sizes.classes > 1

    @property
    def large(self) -> bool:
        return bool(self.model.hidden)

    # Construction

    def make(self, material: Material) -> Made:
        """A fresh object, its random numbers those of the assignment's seed."""
        self.hand_in.seed(self.seed)
        with attempt():
            handle = self._construct(material)
        state = self.hand_in.state(handle)
        return Made(handle, material, state, self._layout(material.sizes, state))

    def _construct(self, material: Material) -> int:
        return self.hand_in.new(self.model.cls, *self._arguments(material.sizes))

    def _arguments(self, sizes: Sizes) -> list[int]:
        """What the assignment's script hands to the constructor, as far as the class takes it."""
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

    def _layout(self, sizes: Sizes, state: dict[str, Array]) -> Layout | None:
        found = layouts.layouts(self.reference, sizes, state)
        if not found and sizes.hidden and (hidden := layouts.hidden_units(sizes, state)):
            sizes = replace(sizes, hidden=hidden)
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
        """Training on these rows for each call, from where the object stands. Raises `Nonsense`
        where a parameter goes lost on the way."""
        with attempt():
            states = self._states(made, rows, l2)
        if made.layout is not None and states:
            made.layout = made.layout.with_late_biases(states[0])
        before, made.state = made.state, states[-1]
        return self.read(made, rows, [before, *states], l2)

    def _states(self, made: Made, rows: Sequence[Array], l2: float) -> list[dict[str, Array]]:
        X, y = made.material.X, made.material.y
        calls = [(X[r], y[r]) for r in rows]
        return self.hand_in.walk(
            made.handle, self.train, calls, **self.keywords(l2, made.material.eta)
        )

    def read(
        self, made: Made, rows: Sequence[Array], states: Sequence[Mapping[str, Array]], l2: float
    ) -> Walk:
        """The states in the reference's names. Raises `Nonsense`."""
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
        """What training on these rows, all at once, returns."""
        self.hand_in.seed(self.seed)
        with attempt():
            reported = self._epoch(made, rows)
        made.state = self.hand_in.state(made.handle)
        return reported

    def _epoch(self, made: Made, rows: Array) -> Any:
        X, y = made.material.X[rows], made.material.y[rows]
        keywords = self.keywords(0.0, made.material.eta)
        return self.hand_in.call(made.handle, self.train, X, y, **keywords)

    def keywords(self, l2: float, eta: float) -> dict[str, float]:
        """The arguments that the script hands to train_epoch, as far as the hand-in takes them."""
        wanted = {"learning_rate": eta}
        if self.model.l2:
            wanted["l2_penalty"] = l2
        return {name: value for name, value in wanted.items() if self.takes(name)}

    def takes(self, keyword: str) -> bool:
        """Whether train_epoch takes an argument, and hands it on where it takes any."""
        own = self.methods.get(self.train, ())
        if keyword in own:
            return True
        if not any(name.startswith("**") for name in own):
            return False
        inner = self.methods.get("update_weight", ("**",))
        return keyword in inner or any(name.startswith("**") for name in inner)

    # Prediction

    def predict(self, made: Made) -> Any:
        """Of the examples that are held back."""
        with attempt():
            return self.hand_in.call(made.handle, "predict", made.material.held[0])

    def parameters(self, made: Made) -> dict[str, Array]:
        """The parameters as they are now, in the reference's names."""
        made.state = self.hand_in.state(made.handle)
        return dict(self.read(made, (), [made.state], 0.0).states[0])

    def evaluate(self, made: Made) -> Any:
        return self.hand_in.call(made.handle, self.evaluates, *made.material.held)


class attempt:
    """Turns the skeleton's NotImplementedError into `NotDone`."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Raised) and error.type == "NotImplementedError":
            raise NotDone from None


def accepted(names: Sequence[str], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those keyword arguments that a function with these parameters takes."""
    if any(name.startswith("**") for name in names):
        return dict(wanted)
    return {name: value for name, value in wanted.items() if name in names}
