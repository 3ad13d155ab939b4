"""A learning rate that falls by 1 each step, from a positive integer down to 1.

Source: Hertie E1394, Problem set 1, part 2, task 2(b), TimeBasedLearningRate.

    rate(t) = max(1, initial - t),   t = 0, 1, 2, ...

Three forms of one rule: a callable (NumPy), a ``torch.optim.lr_scheduler.LRScheduler``, and a
``keras.optimizers.schedules.LearningRateSchedule``. Keras is optional: without it the question
works, and only `keras_schedule` cannot be had. With it, one check more compares the third form.

Conventions: step t counts from 0, so that the first step is made at the initial rate.

Deviations: none. "Reduced by 1 at each step" is read as each optimiser step, which is what Keras
counts; PyTorch's scheduler falls with each call of its ``step()``.
"""

from __future__ import annotations

import contextlib
import numbers
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import MissingPackage, UsageError
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.questions.derivations.lab.statements import Array
from hw.results.outcome import Outcome

LOWEST = 1


@dataclass(frozen=True)
class Settings:
    initial: int = setting(10, "learning rate of the first step", low=1, high=10_000)
    steps: int = setting(16, "steps that are drawn", low=1, high=10_000)


# The rule, in NumPy -------------------------------------------------------------------------------


def positive_integer(initial: Any) -> int:
    """``initial`` as an int. Raises `UsageError` for anything but a positive integer.

    True is refused as well: it is an integer to Python, but nobody means it as a rate.
    """
    whole = isinstance(initial, numbers.Integral) and not isinstance(initial, bool)
    if whole and int(initial) >= LOWEST:
        return int(initial)
    raise UsageError(
        f"the initial learning rate is {initial!r}; it must be a positive integer, such as 10"
    )


class TimeBasedLearningRate:
    """``schedule(step)``: max(1, initial - step), for one step or an array of steps from 0."""

    def __init__(self, initial: int) -> None:
        self.initial = positive_integer(initial)

    def __call__(self, step: Any) -> Any:
        return np.maximum(LOWEST, self.initial - np.asarray(step))


def numpy_rates(initial: int, steps: int) -> list[float]:
    """The rates of steps 0 to ``steps`` - 1."""
    return [float(rate) for rate in TimeBasedLearningRate(initial)(np.arange(steps))]


# PyTorch ------------------------------------------------------------------------------------------


def torch_scheduler(optimizer: Any, initial: int) -> Any:
    """The rule as a scheduler of ``optimizer``, whatever rate that one was made with."""
    from torch.optim.lr_scheduler import LRScheduler

    first = positive_integer(initial)

    class TorchTimeBasedLearningRate(LRScheduler):
        def get_lr(self) -> list[float | Any]:
            # From the step count, not from the last rate: a restored scheduler is exact.
            rate = float(max(LOWEST, first - self.last_epoch))
            return [rate for _ in self.optimizer.param_groups]

    return TorchTimeBasedLearningRate(optimizer)


def torch_rates(initial: int, steps: int) -> list[float]:
    """The rates that SGD makes steps 0 to ``steps`` - 1 with."""
    import torch

    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scheduler = torch_scheduler(optimizer, initial)
    rates = []
    for _ in range(steps):
        before = weight.item()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        rates.append(before - weight.item())  # a slope of 1: the step is the rate
        scheduler.step()
    return rates


# Keras, where it is -------------------------------------------------------------------------------


def keras_schedule(initial: int) -> Any:
    """The rule as a Keras schedule. Raises `MissingPackage` where Keras is not installed."""
    first = positive_integer(initial)
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"the Keras schedule needs the package {error.name!r}, which is not installed; the "
            "optional extra 'keras' brings it"
        ) from error

    class KerasTimeBasedLearningRate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            rate = float(first) - keras.ops.cast(step, "float32")
            return keras.ops.maximum(float(LOWEST), rate)

        def get_config(self) -> dict[str, int]:
            return {"initial": first}

    return KerasTimeBasedLearningRate()


def keras_rates(initial: int, steps: int) -> list[float]:
    """The schedule's rates of steps 0 to ``steps`` - 1."""
    schedule = keras_schedule(initial)
    return [float(schedule(step)) for step in range(steps)]


# The question -------------------------------------------------------------------------------------

NOT_POSITIVE_INTEGERS: tuple[Any, ...] = (0, -3, 2.5, 3.0, "4", True, None, float("nan"))


def refused(make: Callable[[Any], Any], value: Any) -> bool:
    """Whether ``make(value)`` is refused as a matter of usage."""
    try:
        make(value)
    except UsageError:
        return True
    return False


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The demands on the schedule, each as a check. ``data`` is not used."""
    lab = Lab(settings, backend)
    initial, drawn = settings.initial, settings.steps
    steps = max(drawn, initial + 3)  # long enough to see it stay at 1
    with_numpy, with_torch = numpy_rates(initial, steps), torch_rates(initial, steps)
    rates = np.array(with_torch if backend == "torch" else with_numpy)
    falls, above = rates[:-1] - rates[1:], rates[:-1] > LOWEST
    reached = int(np.argmax(rates == LOWEST))
    lab.check(
        "starts_at_the_initial_rate",
        "the first step is made at the initial rate, a positive integer",
        rates[0] == initial,
        f"initial = {initial}: {rates[0]:g} at step 0",
    )
    lab.check(
        "falls_by_one_each_step",
        "the rate falls by exactly 1 with each step until it is 1",
        bool((falls[above] == 1).all()) and (initial == LOWEST or bool(above.any())),
        f"{int(above.sum())} falls, each of {_span(falls[above])}; 1 is reached at step {reached}",
    )
    lab.check(
        "never_under_one",
        "the rate stays at 1 from then on",
        rates.min() == LOWEST and bool((rates[initial - 1 :] == LOWEST).all()),
        f"{steps} steps: the least rate is {rates.min():g}, the last {rates[-1]:g}",
    )
    lab.check(
        "numpy_and_torch_agree",
        "the NumPy form gives the rates at which PyTorch's SGD steps under the scheduler",
        with_numpy == with_torch,
        f"{steps} steps, largest gap {np.abs(np.subtract(with_numpy, with_torch)).max():g}",
    )
    refusals = [repr(v) for v in NOT_POSITIVE_INTEGERS if refused(TimeBasedLearningRate, v)]
    lab.check(
        "refuses_all_but_positive_integers",
        "anything but a positive integer is refused, and positive integers are not",
        len(refusals) == len(NOT_POSITIVE_INTEGERS)
        and not any(refused(TimeBasedLearningRate, v) for v in (1, initial, np.int64(2))),
        "refused: " + ", ".join(refusals),
    )
    with contextlib.suppress(MissingPackage):  # the question works without Keras
        lab.check(
            "keras_agrees",
            "the Keras schedule gives the same rates",
            keras_rates(initial, steps) == with_numpy,
            f"{steps} steps",
        )
    lab.metrics |= {
        "initial_rate": float(rates[0]),
        "final_rate": float(rates[-1]),
        "steps_to_one": reached,
    }
    lab.plots["schedule"] = {"step": list(range(drawn)), "rate": rates[:drawn].tolist()}
    return lab.outcome


def _span(values: Array) -> str:
    """What the values span, in words: ``1``, ``0.5 to 2`` or ``none``."""
    if not len(values):
        return "none"
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


FIGURES = Figures()


@FIGURES.add("schedule")
def draw_schedule(plots: Any, ax: Any) -> None:
    """The rate over the steps, and the 1 under which it never falls."""
    from hw.figures.style import COLOURS

    steps, rates = plots["schedule"]["step"], plots["schedule"]["rate"]
    ax.step(steps, rates, where="post", color=COLOURS[0], lw=1, alpha=0.6)
    marker, label = "o" if len(steps) <= 60 else ",", f"learning rate, from {rates[0]:g}"
    ax.plot(steps, rates, marker, ms=5, color=COLOURS[0], label=label)
    ax.axhline(LOWEST, ls=":", color=COLOURS[1], label="1, the lowest")
    ax.set_ylim(bottom=0)
    ax.set(xlabel="step", ylabel="learning rate")
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    ax.legend()
