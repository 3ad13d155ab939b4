"""The network of the course's Keras notebook, and the three mistakes of its template in Keras.

Source: Hertie E1394, Problem set 1, part 2, tasks 2(a), 2(b) and 3.

The notebook's network is Dense layers with sigmoid, a Dense layer with softmax, categorical
cross-entropy and SGD, whose step size is task 2(b)'s: η_t = max(1, η - t) in update t = 0, 1, ...
It is trained here in NumPy or in PyTorch. Keras itself, whose behaviour is the subject of task
2(a), makes the *demonstration*: a short training of the network with each of the template's
mistakes.

``no_input_layer``          nothing flattens the images: each row of 28 pixels is taken for an
                            example of its own
``swapped_activations``     softmax in the hidden layers, sigmoid at the output
``binary_cross_entropy``    in place of the categorical one, for classes of which one is right

Conventions: images (N, 28, 28), one-hot targets (N, K); batches in file order, never shuffled, as
in the two other networks. Weights are Keras's ``glorot_uniform``, biases 0. ``train_loss`` is the
mean of an epoch's losses, each before its update. Every network of the demonstration starts from
``keras.utils.set_random_seed(seed)``, so that those with and without a mistake start alike.

Keras 3 computes with PyTorch unless KERAS_BACKEND says otherwise.

Deviations from the handout: the document names no sizes, rates or batches; the variants say whose
they are. Keras draws other weights from a seed than `GlorotDraws`.
"""

from __future__ import annotations

import math
import os
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.errors import MissingPackage, UsageError
from hw.questions.derivations.e1394.learning_rate_schedule import (
    LOWEST,
    TimeBasedLearningRate,
    keras_schedule,
)
from hw.questions.derivations.lab.statements import titled
from hw.results.outcome import Check
from hw.training.batch_learner import BatchLearner
from hw.training.network_spec import Batches, NetworkSpec
from hw.training.numpy_network import NumPyNetwork
from hw.training.random_draws import Layers, UniformDraws, in_file_order
from hw.training.update_metrics import OF_UPDATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hw.results.outcome import Outcome

Array = NDArray[Any]

REQUIRES = ("keras",)

MEASURE = {
    "epoch": ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"),
    "end": (),
}
METRICS = tuple(OF_UPDATES)

MISTAKES = ("no_input_layer", "swapped_activations", "binary_cross_entropy")
# As they are mended: what is drawn, and the mistakes that are left.
STAGES = {
    "as given": MISTAKES,
    "images flattened": MISTAKES[1:],
    "and activations in place": MISTAKES[2:],
    "and categorical loss": (),
}


AGREEMENT_UPDATES = 20
# float32 on both sides, and Keras clips the shares that it takes logarithms of.
AGREEMENT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Settings:
    hidden_sizes: tuple[int, ...] = setting(
        (784, 128, 32), "units of each hidden layer", low=1, high=100_000
    )
    epochs: int = setting(50, "passes over the training set", low=1)
    schedule: Literal["time_based", "constant"] = setting(
        "time_based", "whether the step size falls by 1 with each update, down to 1"
    )
    learning_rate: float = setting(
        10.0, "step size η, that of the first update; whole if it falls", above=0, high=1e6
    )
    batch_size: int = setting(1, "examples of an update; more than there are: all", low=1)
    demonstration_epochs: int = setting(
        12, "passes of Keras for each stage of the mending, which a constant step size has", low=1
    )
    seed: int = setting(1, "of initial weights", low=0, high=2**32 - 1)
    dtype: Literal["float32", "float64"] = setting(
        "float32", "of weights and features in NumPy and PyTorch"
    )

    def __post_init__(self) -> None:
        if not self.hidden_sizes:
            raise UsageError("hidden_sizes: at least one hidden layer")
        if self.schedule == "time_based" and self.learning_rate != int(self.learning_rate):
            raise UsageError(
                f"learning_rate: {self.learning_rate:g} is no whole number, which a rate that "
                "falls by 1 must be; take --schedule constant with it"
            )

    def rate(self, update: int) -> float:
        """The step size of an update, counted from 0."""
        if self.schedule == "constant":
            return self.learning_rate
        return float(TimeBasedLearningRate(int(self.learning_rate))(update))

    def network(self, data: Dataset) -> NetworkSpec:
        """The network for a data set."""
        return NetworkSpec(
            sizes=(data.n_features, *self.hidden_sizes, data.n_classes),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            activation="sigmoid",
            dtype=self.dtype,
        )


# The network, in NumPy and in PyTorch


class GlorotDraws(UniformDraws):
    """Keras's initial weights, drawn from ``np.random.seed(seed)``."""

    def layers(self, sizes: Sequence[int]) -> Layers:
        """Weights uniform in ±√(6 / (fan_in + fan_out)), (out, in); biases zero."""
        drawn = []
        for narrow, wide in pairwise(sizes):
            bound = math.sqrt(6 / (narrow + wide))
            drawn.append((self.random.uniform(-bound, bound, (wide, narrow)), np.zeros(wide)))
        return drawn


class Scheduled(BatchLearner):
    """A network whose step size follows the settings, with the demonstration beside it."""

    backend: str
    settings: Settings
    device: str
    updates = 0  # that were made

    @abstractmethod
    def use_rate(self, rate: float) -> None:
        """Make the next updates with this step size."""

    def advance(self, updates: int) -> Array:
        losses = []
        while updates:
            rate = self.settings.rate(self.updates)
            # From 1 on, the rate stays; a constant one is as it was.
            few = self.settings.schedule == "time_based" and rate > LOWEST
            some = 1 if few else updates
            self.use_rate(rate)
            losses.append(np.asarray(super().advance(some)))  # type: ignore[safe-super]
            self.updates += some
            updates -= some
        return np.concatenate(losses)

    def state(self) -> dict[str, Array]:
        return {**super().state(), "updates": np.array(self.updates)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        super().load_state(state)
        self.updates = int(state["updates"])

    @cached_property
    def demonstration(self) -> Demonstration | None:
        """None with the falling rate, at which nothing is learned, with or without mistakes."""
        if self.settings.schedule == "time_based":
            return None
        return Demonstration(self.settings, self.data, self.device)

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        if "stages" not in names or self.demonstration is None:
            return {}
        return {"stages": self.demonstration.plot()}

    def checks(self) -> list[Check]:
        if self.demonstration is None:
            return []
        return [*self.demonstration.checks(), self._agreement()]

    def _agreement(self) -> Check:
        """Whether Keras makes the same updates from the same start, in float32 as it does."""
        settings = replace(self.settings, dtype="float32")
        ours = learner(settings, self.data, self.backend, self.device)
        theirs = KerasLearner(settings, self.data, self.device)
        theirs.load_parameters(ours.parameters())
        start = {name: p.copy() for name, p in ours.parameters().items()}
        ours.advance(AGREEMENT_UPDATES)
        theirs.advance(AGREEMENT_UPDATES)
        found, expected = ours.parameters(), theirs.parameters()
        gap = max(float(np.abs(found[n] - expected[n]).max()) for n in found)
        moved = max(float(np.abs(found[n] - start[n]).max()) for n in found)
        return Check(
            "keras_makes_the_same_updates",
            "from the same start, Keras makes the updates that the network makes here",
            gap <= AGREEMENT_TOLERANCE * moved,
            f"{self.backend}, {AGREEMENT_UPDATES} updates: the parameters move by {moved:.2g} at "
            f"most, and lie {gap:.1e} apart",
        )


class NumPyDigits(Scheduled, NumPyNetwork):
    """Gradients by hand."""

    backend = "numpy"

    def use_rate(self, rate: float) -> None:
        self.optimizer.learning_rate = rate


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Scheduled:
    """The model in training; see `hw.training.loop.Learner`."""
    spec, draws = settings.network(data), GlorotDraws(settings.seed)
    made: Scheduled
    if backend == "numpy":
        made = NumPyDigits(spec, data, draws)
    else:
        # PyTorch takes a second to import, which a run in NumPy need not wait for.
        from hw.training.torch_network import TorchNetwork

        class TorchDigits(Scheduled, TorchNetwork):
            """Gradients by autograd."""

            backend = "torch"

            def use_rate(self, rate: float) -> None:
                for group in self.optimizer.param_groups:
                    group["lr"] = rate

        made = TorchDigits(spec, data, draws, device)
    made.settings, made.device = settings, device
    return made


# Keras


def import_keras() -> Any:
    """Keras 3. Raises `MissingPackage` where it, or the backend that it is told to use, is not
    installed."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"Keras, with KERAS_BACKEND={os.environ['KERAS_BACKEND']}, needs the package "
            f"{error.name!r}, which is not installed: pip install '.[keras]'"
        ) from error
    return keras


def build(keras: Any, settings: Settings, n_classes: int, mistakes: Collection[str] = ()) -> Any:
    """The compiled network, with these mistakes of the template planted."""
    keras.utils.set_random_seed(settings.seed)
    hidden, output = "sigmoid", "softmax"
    if "swapped_activations" in mistakes:
        hidden, output = output, hidden
    layers = [] if "no_input_layer" in mistakes else [keras.layers.Flatten()]
    layers += [keras.layers.Dense(units, activation=hidden) for units in settings.hidden_sizes]
    layers.append(keras.layers.Dense(n_classes, activation=output))
    model = keras.Sequential(layers)
    loss = keras.losses.CategoricalCrossentropy
    if "binary_cross_entropy" in mistakes:
        loss = keras.losses.BinaryCrossentropy
    rate: Any = settings.learning_rate
    if settings.schedule == "time_based":
        rate = keras_schedule(int(rate))
    model.compile(
        optimizer=keras.optimizers.SGD(rate),
        loss=loss(),
        jit_compile=False,  # small steps: compiling takes longer than training
    )
    return model


class KerasLearner:
    """The network in Keras, with these mistakes of the template, as it is trained."""

    def __init__(
        self, settings: Settings, data: Dataset, device: str = "cpu", mistakes: Collection[str] = ()
    ) -> None:
        self.keras = import_keras()
        self.settings, self.data, self.device = settings, data, device
        n = len(data.train)
        self.batches = Batches(in_file_order(n), n, settings.batch_size)
        onehot = np.eye(data.n_classes, dtype=np.float32)
        self.images, self.targets = {}, {}
        for name, split in data.splits.items():
            pixels = split.features.take(slice(None), np.float32)
            self.images[name] = pixels.reshape(-1, *data.image_shape)
            self.targets[name] = onehot[split.labels]
        with self._on_device():
            self.model = build(self.keras, settings, data.n_classes, mistakes)
            if "no_input_layer" not in mistakes:  # else its first batch says what is wrong
                self.model.build((None, *data.image_shape))

    def _on_device(self) -> AbstractContextManager[Any]:
        """Left alone, Keras takes a GPU where there is one; only PyTorch's is ours to choose."""
        if self.keras.backend.backend() != "torch":
            return nullcontext()
        # Not "cpu:0", which to torch is another device than the variables' "cpu".
        return self.keras.device("cuda:0" if self.device == "cuda" else "cpu")

    def advance(self, updates: int) -> None:
        """The next ``updates`` batches."""
        images, targets = self.images["train"], self.targets["train"]
        with self._on_device():
            for _ in range(updates):
                rows = self.batches.next()
                self.model.train_on_batch(images[rows], targets[rows])

    def accuracy(self, split: str) -> float:
        """The share of a split that the network classifies correctly."""
        with self._on_device():
            shares = self.model.predict_on_batch(self.images[split])
        classes = np.asarray(shares).argmax(axis=1)
        return float((classes == self.data.splits[split].labels).mean())

    def parameters(self) -> dict[str, Array]:
        """Copies, weights as (out, in)."""
        found: dict[str, Array] = {}
        for layer, dense in enumerate(layer for layer in self.model.layers if layer.weights):
            kernel, bias = dense.get_weights()
            found |= {f"{layer}.weight": kernel.T, f"{layer}.bias": bias}
        return found

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        dense = [layer for layer in self.model.layers if layer.weights]
        for number, layer in enumerate(dense):
            layer.set_weights([parameters[f"{number}.weight"].T, parameters[f"{number}.bias"]])


# The demonstration


@dataclass(frozen=True)
class Trial:
    """A short training: accuracies by epoch, or else the error that ended it."""

    train: list[float]
    validation: list[float]
    error: str = ""

    def __str__(self) -> str:
        return f"fails ({self.error})" if self.error else f"{self.train[-1]:.3f}"


class Demonstration:
    """Short trainings with some of the mistakes, each from the same start."""

    def __init__(self, settings: Settings, data: Dataset, device: str) -> None:
        self.settings, self.data, self.device = settings, data, device
        self.trials: dict[tuple[str, ...], Trial] = {}

    def trial(self, mistakes: tuple[str, ...]) -> Trial:
        """What becomes of the network with these mistakes."""
        if mistakes not in self.trials:
            self.trials[mistakes] = self._train(mistakes)
        return self.trials[mistakes]

    def _train(self, mistakes: tuple[str, ...]) -> Trial:
        learner = KerasLearner(self.settings, self.data, self.device, mistakes)
        trial = Trial([], [])
        try:
            for _ in range(self.settings.demonstration_epochs):
                learner.advance(len(learner.batches))
                trial.train.append(learner.accuracy("train"))
                trial.validation.append(learner.accuracy("validation"))
        except Exception as error:
            # Shapes that do not fit: every backend of Keras has an error of its own for that. In
            # the networks whose images are flattened it would be a defect.
            if "no_input_layer" not in mistakes:
                raise
            return Trial([], [], f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return trial

    def plot(self) -> dict[str, Any]:
        return {
            "epoch": list(range(1, self.settings.demonstration_epochs + 1)),
            "chance": 1 / self.data.n_classes,
            "stages": [
                {"name": name, **vars(self.trial(mistakes))} for name, mistakes in STAGES.items()
            ],
        }

    def checks(self) -> list[Check]:
        """Each mistake on its own in a network that is otherwise sound; then one by one."""
        epochs, chance = self.settings.demonstration_epochs, 1 / self.data.n_classes
        sound = self.trial(())
        shapes, swapped, binary = (self.trial((name,)) for name in MISTAKES)
        stages = [self.trial(mistakes) for mistakes in STAGES.values()]
        so_far = f"training accuracy after {epochs} epochs"
        return [
            Check(
                "template_fails",
                "as given, the network cannot be trained",
                bool(stages[0].error),
                stages[0].error or f"{so_far}: {stages[0]}",
            ),
            Check(
                "input_layer_is_needed",
                "without a layer that flattens the images, training fails, all else being right",
                bool(shapes.error),
                shapes.error or f"{so_far}: {shapes}",
            ),
            Check(
                "swapped_activations_learn_nothing",
                "with softmax in the hidden layers and sigmoid at the output, and all else right, "
                "the network stays at the level of chance",
                max(swapped.train) < 2 * chance < sound.train[-1],
                f"{so_far}: {swapped}, and {sound} with them in place; chance {chance:.3f}",
            ),
            Check(
                "binary_cross_entropy_learns_less",
                "with binary cross-entropy, and all else right, the network learns less in as "
                "many epochs",
                sum(binary.train) < sum(sound.train) and binary.train[-1] < sound.train[-1],
                f"{so_far}: {binary}, and {sound} with the categorical one",
            ),
            Check(
                "every_mending_helps",
                "mended one by one, each mending takes the network further",
                all(
                    bool(before.error) or before.train[-1] <= after.train[-1]
                    for before, after in pairwise(stages)
                )
                and not stages[-1].error,
                f"{so_far}: " + "; ".join(f"{n}: {t}" for n, t in zip(STAGES, stages, strict=True)),
            ),
            Check(
                "mended_network_learns",
                "with the three mistakes mended, the network learns: training and validation "
                "accuracy are more than twice what chance gives",
                min(sound.train[-1], sound.validation[-1]) > 2 * chance,
                f"after {epochs} epochs: training accuracy {sound.train[-1]:.3f}, validation "
                f"accuracy {sound.validation[-1]:.3f}; chance {chance:.3f}",
            ),
        ]


# Figure


def draw_stages(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Training and validation accuracy by epoch after each mending."""
    from hw.figures.style import COLOURS, label, new_figure

    figure, axes = new_figure(1, 2, sharey=True)
    known = next((o.plots["stages"] for o in outcomes.values() if "stages" in o.plots), None)
    if known is None:
        for ax in axes[0]:
            ax.text(0.5, 0.5, "no demonstration was run", ha="center", transform=ax.transAxes)
        return titled(figure, spec)
    for ax, split in zip(axes[0], ("train", "validation"), strict=True):
        for colour, stage in zip(COLOURS, known["stages"], strict=False):
            text = f"{stage['name']}: error, no training" if stage["error"] else stage["name"]
            drawn = stage[split]
            ax.plot(
                known["epoch"][: len(drawn)], drawn, color=colour, label=text, marker="o", ms=3,
                ls="" if stage["error"] else "-",
            )  # fmt: skip
        ax.axhline(known["chance"], color="#777777", lw=1, ls="-.", label="chance")
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_ylabel(label(f"{split}_accuracy"))
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return titled(figure, spec)


FIGURES = {"stages": draw_stages}
