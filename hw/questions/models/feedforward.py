"""Feed-forward networks and logistic regression in a toolkit, in mini-batches.

Source: IST Deep Learning, Homework 1 of 2024-25 (question 2), 2023-24 (question 2) and 2021-22
(question 4).

Conventions: a hidden layer is linear, activation, dropout; ``layers`` counts hidden layers, each
of ``hidden_size`` units; logistic regression has none. Weights and biases start as `nn.Linear`'s
after ``torch.manual_seed(seed)``; batches are those of the assignment's DataLoader; the training
loss of an epoch is the mean of its batches' losses, validation and test loss are means over their
split, without dropout. The ℓ2 penalty is the optimiser's weight decay: λ times every parameter,
biases included, is added to its gradient.

Deviations from the handouts: with Adam the momentum is ignored (the 2024-25 script passes it on,
and fails).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hw.config.settings import setting
from hw.datasets.features import Dataset
from hw.training import network
from hw.training.network_spec import NetworkSpec, seconds_per_epoch
from hw.training.random_draws import TorchDraws
from hw.training.update_metrics import OF_UPDATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hw.results.outcome import Outcome
    from hw.training.loop import Learner

MEASURE = {
    "epoch": ("train_loss", "validation_loss", "validation_accuracy"),
    "end": ("test_accuracy", "test_loss"),
}
METRICS = tuple(OF_UPDATES)


@dataclass(frozen=True)
class Settings:
    """What the assignments' scripts take on their command lines, and what they fix."""

    model: Literal["logistic_regression", "mlp"] = setting("mlp", "with hidden layers or without")
    epochs: int = setting(200, "passes over the training set", low=1)
    batch_size: int = setting(64, "examples of an update; more than there are: all", low=1)
    hidden_size: int = setting(200, "units of each hidden layer", low=1, high=100_000)
    layers: int = setting(2, "hidden layers", low=1, high=100)
    learning_rate: float = setting(0.002, "step size η", above=0, high=1e6)
    l2_decay: float = setting(0.0, "weight decay λ", low=0)
    dropout: float = setting(0.3, "probability of setting a hidden unit to zero", low=0, below=1)
    momentum: float = setting(0.0, "of SGD; Adam ignores it", low=0, below=1)
    activation: Literal["relu", "tanh"] = setting("relu", "of the hidden layers")
    optimizer: Literal["sgd", "adam"] = setting("sgd", "SGD or Adam")
    seed: int = setting(42, "of initial weights, dropout and order", low=0, high=2**32 - 1)
    loader: Literal["own", "global"] = setting(
        "own", "where the DataLoader's seeds come from: its own generator, or the global one"
    )
    running_loss: bool = setting(
        False, "training loss as the mean over all batches since the first (2021-22)"
    )
    dtype: Literal["float32", "float64"] = setting("float32", "of weights and features")
    step: Literal["autograd", "direct"] = setting(
        "autograd", "PyTorch: autograd's update, or the hand-derived one, which is faster"
    )

    def network(self, data: Dataset) -> NetworkSpec:
        """The network for a data set."""
        hidden = () if self.model == "logistic_regression" else (self.hidden_size,) * self.layers
        return NetworkSpec(
            sizes=(data.n_features, *hidden, data.n_classes),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            activation=self.activation,
            dropout=self.dropout if hidden else 0.0,
            optimizer=self.optimizer,
            momentum=self.momentum if self.optimizer == "sgd" else 0.0,
            weight_decay=self.l2_decay,
            dtype=self.dtype,
            train_loss="running" if self.running_loss else "epoch",
        )

    def draws(self) -> TorchDraws:
        """Everything random, from one seed."""
        # The scripts give the loader's generator the number that they seed torch with.
        return TorchDraws(self.seed, self.seed if self.loader == "own" else None)


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> Learner:
    """The model in training; see `hw.training.loop.Learner`."""
    spec, draws = settings.network(data), settings.draws()
    return network.make(spec, data, draws, backend, device, settings.step)


def estimate(settings: Settings, data: Dataset, backend: str) -> float:
    """Seconds of a run, roughly."""
    autograd = backend == "torch" and settings.step == "autograd"
    return settings.epochs * seconds_per_epoch(settings.network(data), len(data.train), autograd)


# Figures of a grid of settings, whose variants are named like lr-0.1_dropout-0.3


def _settings_in(variant: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|_)([a-z][a-z_]*)-([^_]+)", variant))


def _metric(outcomes: Mapping[str, Outcome], metric: str) -> dict[str, float | None]:
    """The metric of each variant; None where it diverged."""
    return {
        variant: None if outcome.diverged else outcome.metrics.get(metric)
        for variant, outcome in outcomes.items()
    }


def _in_order(names: list[str]) -> list[str]:
    """Each once: as numbers where they are, else as they come."""
    once = list(dict.fromkeys(names))
    try:
        return sorted(once, key=float)
    except ValueError:
        return once


AXES = (("activation", "optimizer"), ("lr",), ("hidden", "dropout"))  # rows, blocks, columns


def draw_grid(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """A cell for each configuration, coloured by how well it ends.

    Rows are activation and optimiser, a block for each learning rate, in it a column for width
    and dropout. A cross is a run that diverged, an empty cell one that has not been run; the best
    has a frame. The colours tell apart the upper part of the scale: what is below it is pale.
    """
    import itertools

    import numpy as np

    from hw.figures.style import label, new_figure

    metric = spec.get("metric", "validation_accuracy")
    values = _metric(outcomes, metric)
    chosen = {variant: _settings_in(variant) for variant in outcomes}
    levels = [
        list(itertools.product(*(_in_order([c.get(k, "") for c in chosen.values()]) for k in keys)))
        for keys in AXES
    ]
    where = {
        tuple(tuple(c.get(k, "") for k in keys) for keys in AXES): v for v, c in chosen.items()
    }
    finite = [v for v in values.values() if v is not None]
    top = max(finite, default=1.0)
    low = max(min(finite, default=0.0), top - spec.get("spread", 0.15))
    rows, blocks, columns = levels
    figure, axes = new_figure(
        1,
        len(blocks),
        width=max(0.85 * len(columns) + 1, 6 / len(blocks)),
        height=0.55 * len(rows) + 1.6,
    )
    image = None
    for ax, block in zip(axes[0], blocks, strict=True):
        cells = np.full((len(rows), len(columns)), np.nan)
        for (r, row), (c, column) in itertools.product(enumerate(rows), enumerate(columns)):
            variant = where.get((row, block, column))
            if variant is None:
                continue
            value = values[variant]
            if value is not None:
                cells[r, c] = value
            dark = value is not None and value > low + 0.6 * (top - low)
            text = "×" if value is None else f"{value:.3f}".lstrip("0")
            ax.text(
                c,
                r,
                text,
                ha="center",
                va="center",
                fontsize=9,
                color="white" if dark else "black",
                fontweight="bold" if value == top else "normal",
            )
            if value == top:
                ax.add_patch(_frame(c, r))
        image = ax.imshow(
            cells, cmap="Blues", vmin=low - 0.1 * (top - low), vmax=top, aspect="auto"
        )
        ax.set_title(f"learning rate {block[0]}", fontsize=10)
        ax.set_xticks(range(len(columns)), [f"{h}\n{d}" for h, d in columns])
        ax.set_xlabel("hidden units\ndropout")
        ax.set_yticks(range(len(rows)), [f"{a}, {o}" for a, o in rows])
        ax.tick_params(length=0, labelleft=ax is axes[0][0])
        ax.grid(False)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes[0]), extend="min", pad=0.02)
        bar.set_label(f"{label(metric)}, last epoch")
    if spec.get("title"):
        figure.suptitle(spec["title"])
    return figure


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False, lw=2, ec="#D55E00")


def draw_main_effects(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """A panel for each setting, the one that matters most first: what changing it alone does.

    A dot is a configuration, a line joins two that differ in nothing else, a bar is the median.
    Settings are ordered by how far their medians lie apart. Runs that diverged stand as crosses
    at the bottom and count as the lowest in the medians. The scale is logarithmic in the error,
    1 - accuracy: without it, the runs that failed would press all others together.
    """
    import numpy as np

    from hw.figures.style import COLOURS, label, new_figure

    metric = spec.get("metric", "validation_accuracy")
    values = _metric(outcomes, metric)
    chosen = {variant: _settings_in(variant) for variant in outcomes}
    floor = min((v for v in values.values() if v is not None), default=0.0) - 0.03
    heights = {variant: floor if v is None else v for variant, v in values.items()}
    keys = list(dict.fromkeys(k for c in chosen.values() for k in c))
    medians = {
        key: {
            level: statistics.median(heights[v] for v in chosen if chosen[v].get(key) == level)
            for level in _in_order([c[key] for c in chosen.values() if key in c])
        }
        for key in keys
    }
    effects = {key: max(m.values()) - min(m.values()) for key, m in medians.items()}
    order = sorted((k for k in keys if len(medians[k]) > 1), key=lambda k: -effects[k])
    figure, axes = new_figure(1, max(1, len(order)), width=2.5, height=3.6, sharey=True)
    for ax, key in zip(axes[0], order, strict=False):
        levels = list(medians[key])
        others: dict[tuple[tuple[str, str], ...], dict[int, tuple[float, bool]]] = {}
        for variant, settings in chosen.items():
            rest = tuple(sorted((k, v) for k, v in settings.items() if k != key))
            at_level = others.setdefault(rest, {})
            at_level[levels.index(settings[key])] = heights[variant], values[variant] is None
        for line, shift in zip(others.values(), np.linspace(-0.2, 0.2, len(others)), strict=True):
            at = sorted(line)
            found = [line[x] for x in at]
            ax.plot([x + shift for x in at], [h for h, _ in found], lw=0.6, color="#BBBBBB")
            for x, (height, diverged) in zip(at, found, strict=True):
                ax.plot(
                    x + shift,
                    height,
                    ls="",
                    ms=5,
                    color=COLOURS[0],
                    marker="x" if diverged else "o",
                    alpha=0.7,
                )
        for x, level in enumerate(levels):
            ax.hlines(medians[key][level], x - 0.3, x + 0.3, lw=2.5, color=COLOURS[1])
        ax.set_xticks(range(len(levels)), levels)
        ax.set_xlim(-0.6, len(levels) - 0.4)
        ax.set_title(f"medians {effects[key]:.3f} apart", fontsize=9)
        ax.set_xlabel(NAMES.get(key, key))
    axes[0][0].set_yscale("function", functions=(_log_error, _from_log_error))
    axes[0][0].set_yticks([y for y in TICKS if floor <= y <= max(heights.values(), default=1)])
    axes[0][0].set_ylabel(f"{label(metric)}, last epoch")
    if spec.get("title"):
        figure.suptitle(spec["title"])
    return figure


def _log_error(accuracy: Any) -> Any:
    import numpy as np

    return -np.log(np.maximum(1 - accuracy, 1e-6))


def _from_log_error(height: Any) -> Any:
    import numpy as np

    return 1 - np.exp(-height)


TICKS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
NAMES = {"lr": "learning rate", "hidden": "hidden units", "optimizer": "optimiser"}

FIGURES = {"grid": draw_grid, "main_effects": draw_main_effects}
