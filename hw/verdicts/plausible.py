"""A student's own number against the band of the same run: plausible, how far out, and why.

The band is that of `Evidence.band`: seeds where they were calibrated, else one run's binomial
error and swing; without results, the published number and the binomial error of its examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hw.config.catalog import Question
from hw.config.claims import published_values
from hw.console import number
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.verdicts.evidence import Evidence, split_sizes
from hw.verdicts.finding import is_better_high
from hw.verdicts.numbers import against, standing
from hw.verdicts.statistics import (
    NUMBERS,
    Band,
    binomial_error,
    half_unit,
    normal_factor,
    rounds_to,
)


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
class Answer:
    """Whether a number is plausible.

    band: what it was held against.
    ours: what the question's own run has, None without one.
    hints: what to look at first; empty for a plausible number.
    """

    number: Number
    plausible: bool
    band: Band
    ours: float | None
    published: str
    hints: tuple[str, ...] = ()
    note: str = ""

    def text(self) -> str:
        """How far out, in words."""
        return standing(self.band, self.number.value, half_unit(self.number.printed))

    def as_json(self) -> dict[str, Any]:
        n = self.number
        return {
            "variant": n.variant,
            "metric": n.metric,
            "value": n.value,
            "plausible": self.plausible,
            "ours": self.ours,
            "published": self.published or None,
            "basis": self.band.text,
            **against(self.band, n.value, half_unit(n.printed)),
            "look_at": list(self.hints),
            **({"note": self.note} if self.note else {}),
        }


def parse(word: str, question: Question, variant: str = "") -> Number:
    """``test_accuracy=0.53`` or ``l2.test_accuracy=51%``. Raises `UsageError`."""
    name, equals, text = word.partition("=")
    if not equals or not name or not text:
        raise UsageError(f"{quoted(word)}: expected METRIC=NUMBER, such as test_accuracy=0.53")
    named, _, metric = name.strip().replace("-accuracy", "_accuracy").rpartition(".")
    if named and variant and named != variant:
        raise UsageError(f"{quoted(word)} is of variant {named!r}, and --variant says {variant!r}")
    chosen = named or variant or (next(iter(question.variants)) if _is_single(question) else "")
    if chosen not in question.variants:
        known = ", ".join(list(question.variants)[:10])
        if not chosen:
            example = f"{next(iter(question.variants))}.{word}"
            raise UsageError(f"{question.id} has variants ({known}): say which, as in {example}")
        raise UsageError(
            f"{question.id} has no variant {quoted(chosen)}"
            f"{did_you_mean(chosen, question.variants)} (variants: {known})"
        )
    return Number(chosen, metric, _printed(text.strip(), metric, word))


def _is_single(question: Question) -> bool:
    return len(question.variants) == 1


def _printed(text: str, metric: str, word: str) -> str:
    """The number as it was printed, a percentage as a share."""
    try:
        found = Decimal(text.removesuffix("%"))
        if text.endswith("%"):
            found = found.scaleb(-2)
    except ArithmeticError:
        raise UsageError(f"{quoted(word)}: {quoted(text)} is not a number") from None
    # Not by comparing: beyond its range, Decimal's arithmetic raises.
    if not found.is_finite() or found.adjusted() > 300:
        raise UsageError(f"{quoted(word)}: {quoted(text)} is not a finite number")
    if metric.endswith("accuracy") and not 0 <= found <= 1:
        raise UsageError(f"{quoted(word)}: an accuracy is a share from 0 to 1, or ends in %")
    return str(found)


def answer(mine: Number, evidence: Evidence) -> Answer:
    """Whether a number is plausible. Raises `UsageError` for a metric that the question has not,
    `HwError` where there is nothing to compare with."""
    question = evidence.question
    published = published_values(question.claims).get((mine.variant, mine.metric), "")
    if evidence.source == "stand-in":
        evidence = replace(evidence, outcomes={}, calibration=None)
    _check_metric(mine, evidence, published)
    band = evidence.band(mine.variant, mine.metric)
    bands = [band] if band else []
    if published and (band is None or not evidence.published):
        bands += _about(published, mine, evidence, band)
    ours = evidence.value(mine.variant, mine.metric)
    if not bands and ours is not None:
        text = "our own run, and nothing tells how far it scatters"
        bands.append(Band(ours, 0.0, 1.0, "one run", text, 0.0))
    if not bands:
        raise HwError(
            f"{question.id}: nothing to compare {mine.metric} with; run it first: "
            f"python -m hw run {question.id}"
        )
    slack = half_unit(mine.printed)
    nearest = min(bands, key=lambda b: abs(b.deviations(mine.value)))
    plausible = any(b.holds(mine.value, slack) for b in bands)
    return Answer(
        number=mine,
        plausible=plausible,
        band=nearest,
        ours=ours,
        published=published,
        hints=() if plausible else hints(mine, nearest, evidence),
        note="" if evidence.published else "ours is of data that are not the published file",
    )


def _check_metric(mine: Number, evidence: Evidence, published: str) -> None:
    question = evidence.question
    outcome = evidence.outcomes.get(mine.variant)
    known = dict.fromkeys(
        [
            *question.measures("epoch"),
            *question.measures("end"),
            *(c.details["metric"] for c in question.claims if "metric" in c.details),
            *(outcome.metrics if outcome else ()),
            *(evidence.calibration.values.get(mine.variant, {}) if evidence.calibration else ()),
        ]
    )
    if mine.metric not in known and not published:
        raise UsageError(
            f"{question.id} has no metric {quoted(mine.metric)}{did_you_mean(mine.metric, known)}"
            f" (metrics: {', '.join(known) or 'none'})"
        )


def _about(printed: str, mine: Number, evidence: Evidence, band: Band | None) -> list[Band]:
    """The published number as the middle: with the band's width, or else its binomial error."""
    centre = float(printed)
    if band is not None:
        text = f"the published {printed}, with the scatter of ours ({band.text})"
        return [replace(band, centre=centre, basis="published", text=text, values=())]
    data = evidence.question.data
    split = mine.metric.partition("_")[0]
    n = split_sizes(data["name"], data["view"]).get(split, 0) if data else 0
    if not mine.metric.endswith("accuracy") or not n:
        return []
    error = math.hypot(binomial_error(centre, n), half_unit(printed))
    text = f"the published {printed} and the binomial error {number(error)} of n = {n}; no results"
    return [Band(centre, error, normal_factor(NUMBERS), "published", text, error)]


# What to look at first


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


def hints(mine: Number, band: Band, evidence: Evidence) -> tuple[str, ...]:
    """What to look at first: what the number equals, then what moves it in its direction."""
    question = evidence.question
    settings = question.resolve(mine.variant).as_dict()
    high = mine.value > band.centre
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
