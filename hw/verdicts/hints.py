"""What to look at first where a number is not plausible: guesses, for the code was not seen.

What the number equals comes first (another split, another variant, another epoch), then what
usually moves this metric in this direction, for the settings of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hw.config.catalog import Question
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import is_better_high
from hw.verdicts.statistics import rounds_to


@dataclass(frozen=True)
class Number:
    """A number that a student has: of which variant and metric, and with how many digits."""

    variant: str
    metric: str
    printed: str

    @property
    def value(self) -> float:
        return float(self.printed)


@dataclass(frozen=True)
class Cause:
    """Something that moves a metric in a direction.

    when: from the settings of the variant, whether it can be at all.
    """

    metric: str  # a part of its name
    direction: str  # "low", "high" or "" for either
    text: str
    when: Callable[[Mapping[str, Any]], bool]


def _always(settings: Mapping[str, Any]) -> bool:
    return True


def _has(*keys: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether one of these settings is there and not 0, none or empty."""
    return lambda settings: any(settings.get(key) for key in keys)


def _is(key: str, *values: Any) -> Callable[[Mapping[str, Any]], bool]:
    return lambda settings: settings.get(key) in values


def _per_example(settings: Mapping[str, Any]) -> bool:
    return "batch_size" not in settings


_LINEAR = _is("model", "perceptron", "logistic_regression")
_PENALTY = ("l2_penalty", "l2_decay")
_OFTEN = (
    # What a homework of these kinds goes wrong by, the most common first.
    ("accuracy", "low", _has("dropout"), "dropout left on while measuring (model.eval())"),
    ("accuracy", "low", _LINEAR, "the column of ones (the bias) is missing"),
    ("accuracy", "low", _has(*_PENALTY), "the penalty's sign: W <- W - lr (gradient + l2 W)"),
    ("accuracy", "low", _has("batch_size"), "gradients not set to zero before each backward pass"),
    (
        "accuracy",
        "low",
        _has("hidden_size"),
        "output weights updated before the error is carried back through them",
    ),
    ("accuracy", "low", _is("model", "perceptron"), "the row of the predicted class not lowered"),
    ("accuracy", "low", _always, "images and labels shuffled apart from each other"),
    ("accuracy", "low", _always, "fewer epochs, or a smaller learning rate"),
    ("train_accuracy", "high", _has(*_PENALTY, "dropout"), "penalty or dropout not applied"),
    (
        "train_accuracy",
        "high",
        _always,
        "fewer training images, which are easier to learn by heart",
    ),
    ("accuracy", "high", _always, "more epochs, or a larger network"),
    ("test_accuracy", "high", _always, "the best epoch picked on the test set, not the last"),
    ("test_accuracy", "high", _always, "another split measured, or its images trained on"),
    ("validation_accuracy", "high", _always, "the best epoch reported instead of the last"),
    (
        "accuracy",
        "",
        _per_example,
        "seed and order: one permutation before each epoch, of the already permuted data",
    ),
    ("accuracy", "", _has("hidden_size"), "initial weights: distribution, seed, biases at zero"),
    ("loss", "high", _always, "a sum over examples instead of their mean"),
    ("loss", "high", _always, "fewer epochs, or a smaller learning rate"),
    ("loss", "high", _has("dropout"), "dropout left on while measuring (model.eval())"),
    ("loss", "low", _always, "a mean over classes as well as over examples"),
    ("loss", "", _always, "a logarithm to another base"),
    ("loss", "", _always, "when it is measured: while training, or after the epoch"),
    ("weight_norm", "high", _has(*_PENALTY), "the penalty is not applied, or its sign is wrong"),
    ("weight_norm", "low", _always, "the norm is of all weights, with the bias column"),
    ("weight_norm", "", _always, "the norm itself, or its square"),
    ("distance", "high", _always, "another closed form: a solve with ridge and column of ones"),
)
CAUSES = tuple(Cause(metric, way, text, when) for metric, way, when, text in _OFTEN)
MOST_HINTS = 6


def hints(mine: Number, centre: float, evidence: Evidence) -> tuple[str, ...]:
    """What to look at first for a number that is not about ``centre``."""
    question = evidence.question
    settings = question.resolve(mine.variant).as_dict()
    high = mine.value > centre
    found = [*_equal_to(mine, evidence), *_by_chance(mine, question)]
    if mine.metric.endswith("accuracy") and not high and question.data is not None:
        found.append(f"the features: {_view_note(question)}")
    for cause in CAUSES:
        fits = cause.metric in mine.metric and cause.direction in ("", "high" if high else "low")
        if fits and cause.when(settings):
            found.append(cause.text)
    return tuple(dict.fromkeys(found))[:MOST_HINTS]


def _equal_to(mine: Number, evidence: Evidence) -> list[str]:
    """Other numbers of the same question that print as this one: a mix-up, or another epoch."""
    found = []
    for variant, outcome in evidence.outcomes.items():
        for metric, value in outcome.metrics.items():
            same = (variant, metric) == (mine.variant, mine.metric)
            alike = metric.endswith("accuracy") == mine.metric.endswith("accuracy")
            is_number = isinstance(value, int | float) and not metric.endswith(("_mean", "_std"))
            if not same and alike and is_number and rounds_to(float(value), mine.printed):
                of = "" if variant == mine.variant else f" of variant {variant}"
                found.append(f"it is our {metric}{of}")
    curve = evidence.curve(mine.variant, mine.metric)
    epochs = [t for t, v in enumerate(curve, start=1) if rounds_to(v, mine.printed)]
    if epochs:
        text = f"it is our {mine.metric} after epoch {epochs[-1]} of {len(curve)}"
        found.append(f"{text}: the number of epochs, or which one is reported")
    return found[:2]


def _by_chance(mine: Number, question: Question) -> list[str]:
    """An accuracy that one answer to everything would have."""
    from hw.datasets.registry import entry

    if question.data is None or not is_better_high(mine.metric):
        return []
    n_classes = entry(question.data["name"]).n_classes
    if not n_classes or mine.value > 1.2 / n_classes:
        return []
    return [
        f"no better than chance (1/{n_classes}): labels shuffled apart from the images, "
        "or a step so large that one class is answered to everything"
    ]


def _view_note(question: Question) -> str:
    from hw.datasets.registry import entry

    assert question.data is not None
    return entry(question.data["name"]).view(question.data["view"]).note
