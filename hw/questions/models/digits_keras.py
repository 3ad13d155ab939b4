"""A Keras network that reads digits, and the three mistakes of its template mended one by one.

Source: Hertie E1394, Problem set 1, part 2, task 2(a).

The template's mistakes, by name:

``no_input_layer``          nothing flattens the images: each row of 28 pixels is taken for an
                            example of its own
``swapped_activations``     softmax in the hidden layers, sigmoid at the output
``binary_cross_entropy``    in place of the categorical one, for classes of which one is right

Without them: Flatten, Dense layers with sigmoid, a Dense layer with softmax; categorical
cross-entropy.

Conventions: images (N, 28, 28), one-hot targets (N, K); batches in file order, never shuffled, as
in the two other networks; SGD. Losses are means over a split, measured after each epoch with the
loss that the network is trained on. Everything starts from ``keras.utils.set_random_seed(seed)``,
so that networks with and without a mistake have the same initial weights.

Keras 3 computes with PyTorch unless KERAS_BACKEND says otherwise. There is no NumPy implementation
of Keras: the backend ``numpy`` is refused.

Deviations from the handout: batches of 10 where the other two networks have single examples, for
speed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.errors import MissingPackage, UsageError
from hw.questions.derivations.lab.statements import sole, titled
from hw.results.outcome import Check
from hw.training.metrics import by_split
from hw.training.network_spec import Batches, prefixed, unprefixed
from hw.training.random_draws import in_file_order

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hw.results.outcome import Outcome
    from hw.training.loop import Learner

Array = NDArray[Any]

REQUIRES = ("keras",)
BACKENDS = ("torch",)

MEASURE = {
    "epoch": ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"),
    "end": (),
}

MISTAKES = ("no_input_layer", "swapped_activations", "binary_cross_entropy")
# As they are mended: what is drawn, and the mistakes that are left.
STAGES = {
    "as given": MISTAKES,
    "images flattened": MISTAKES[1:],
    "and activations in place": MISTAKES[2:],
    "and categorical loss": (),
}


@dataclass(frozen=True)
class Settings:
    hidden_sizes: tuple[int, ...] = setting(
        (128, 32), "units of each hidden layer", low=1, high=100_000
    )
    epochs: int = setting(50, "passes over the training set", low=1)
    learning_rate: float = setting(1.5, "step size η", above=0, high=1e6)
    batch_size: int = setting(10, "examples of an update; more than there are: all", low=1)
    demonstration_epochs: int = setting(
        12, "passes for each stage of the mending; a part of the figure, not of the result", low=1
    )
    seed: int = setting(1, "of initial weights", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        if not self.hidden_sizes:
            raise UsageError("hidden_sizes: at least one hidden layer")


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
    model.compile(
        optimizer=keras.optimizers.SGD(settings.learning_rate),
        loss=loss(),
        jit_compile=False,  # small steps: compiling takes longer than training
    )
    return model


class KerasLearner:
    """A `Learner`; see the module's docstring."""

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

    def train_epoch(self) -> dict[str, float]:
        self.advance(len(self.batches))
        return {}

    def advance(self, updates: int) -> None:
        """The next ``updates`` batches."""
        images, targets = self.images["train"], self.targets["train"]
        with self._on_device():
            for _ in range(updates):
                rows = self.batches.next()
                self.model.train_on_batch(images[rows], targets[rows])

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for split in by_split(metrics):
            with self._on_device():
                shares = self.model.predict_on_batch(self.images[split])
                loss = self.model.loss(self.targets[split], shares)
                found[f"{split}_loss"] = float(self.keras.ops.convert_to_numpy(loss))
            classes = np.asarray(shares).argmax(axis=1)
            found[f"{split}_accuracy"] = float((classes == self.data.splits[split].labels).mean())
        return {name: found[name] for name in metrics}

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

    def state(self) -> dict[str, Array]:
        # Plain SGD has no state of its own.
        return {**prefixed("parameters", self.parameters()), **self.batches.state()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        with self._on_device():
            self.load_parameters(unprefixed("parameters", state))
        self.batches.load_state(state)

    # The demonstration

    @cached_property
    def demonstration(self) -> Demonstration:
        return Demonstration(self.settings, self.data, self.device)

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {"stages": self.demonstration.plot()} if "stages" in names else {}

    def checks(self) -> list[Check]:
        chance = 1 / self.data.n_classes
        accuracy = self.measure(("train_accuracy", "validation_accuracy"))
        words = {split: f"{accuracy[f'{split}_accuracy']:.3f}" for split in ("train", "validation")}
        mended = Check(
            "mended_network_learns",
            "with the three mistakes mended, the network learns: training and validation accuracy "
            "are more than twice what chance gives",
            min(accuracy.values()) > 2 * chance,
            f"after {self.settings.epochs} epochs: training accuracy {words['train']}, validation "
            f"accuracy {words['validation']}; chance {chance:.3f}",
        )
        return [*self.demonstration.checks(), mended]


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
        rows = []
        try:
            for _ in range(self.settings.demonstration_epochs):
                learner.train_epoch()
                rows.append(learner.measure(("train_accuracy", "validation_accuracy")))
        except Exception as error:
            # Shapes that do not fit: every backend of Keras has an error of its own for that. In
            # the networks whose images are flattened it would be a defect.
            if "no_input_layer" not in mistakes:
                raise
            return Trial([], [], f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return Trial(
            [row["train_accuracy"] for row in rows], [row["validation_accuracy"] for row in rows]
        )

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
        ]


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Learner:
    """The model in training; see `hw.training.loop.Learner`. Raises `UsageError` for NumPy."""
    if backend == "numpy":
        raise UsageError("there is no NumPy implementation of Keras; run it with --backend torch")
    return KerasLearner(settings, data, device)


# Figure


def draw_stages(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Training and validation accuracy by epoch after each mending."""
    from hw.figures.style import COLOURS, label, new_figure

    known = sole(outcomes).plots["stages"]
    figure, axes = new_figure(1, 2, sharey=True)
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
