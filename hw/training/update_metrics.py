"""Metrics of the updates themselves, as networks in mini-batches make them.

Read after the last epoch. Those that make further updates, or draw further masks, put the learner
back afterwards to where it was, to the last bit.

Conventions: μ momentum, η learning rate; Δₜ the change of all parameters in update t.

updates_per_epoch: how many updates an epoch has; the last batch may be a smaller one.
dropped_share:     share of hidden units that dropout switches off, over an epoch's masks.
steady_step:       length of a step of the optimizer, in units of η, along a gradient that is 1 in
                   every update; it tends to 1/(1-μ).
alternating_step:  the same along a gradient that is 1 and -1 in turn; it tends to 1/(1+μ).
update_cosine:     mean cosine of the angle between an update and the next, over an epoch: 1 where
                   the parameters go straight on, 0 where every update goes its own way.
overshooting:      share of an epoch's updates after which the loss of their own batch is higher
                   than before. Masks would differ, so that it is of networks without dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.training.network_spec import draw_masks

if TYPE_CHECKING:
    from hw.training.batch_learner import BatchLearner

Array = NDArray[Any]

STEPS = 400  # 0.9⁴⁰⁰ is below the resolution of float64


def measure(learner: BatchLearner, name: str) -> float:
    """The metric of that name (a key of `OF_UPDATES`); the learner is as before afterwards."""
    before = learner.state()
    try:
        return OF_UPDATES[name](learner)
    finally:
        learner.load_state(before)


def _updates_per_epoch(learner: BatchLearner) -> float:
    return len(learner.batches)


def _dropped_share(learner: BatchLearner) -> float:
    off = total = 0
    n, size = learner.batches.n, learner.batches.size
    for start in range(0, n, size):
        for mask in draw_masks(learner.draws, learner.spec, min(size, n - start)):
            if mask is not None:
                found = np.asarray(mask)
                off, total = off + int((found == 0).sum()), total + found.size
    return off / total if total else 0.0


def _last_step(learner: BatchLearner, gradients: list[float]) -> float:
    places = learner.positions(gradients)
    return abs(places[-1] - places[-2]) / learner.spec.learning_rate


def _steady_step(learner: BatchLearner) -> float:
    return _last_step(learner, [1.0] * STEPS)


def _alternating_step(learner: BatchLearner) -> float:
    return _last_step(learner, [1.0, -1.0] * (STEPS // 2))


def _update_cosine(learner: BatchLearner) -> float:
    cosines: list[float] = []
    place, last = _flat(learner), None
    for _ in range(len(learner.batches)):
        learner.advance(1)
        there = _flat(learner)
        change = there - place
        lengths = 0.0 if last is None else math.sqrt(float((change @ change) * (last @ last)))
        if last is not None and lengths:
            cosines.append(float(change @ last) / lengths)
        place, last = there, change
    return float(np.mean(cosines)) if cosines else 0.0


def _overshooting(learner: BatchLearner) -> float:
    batches, worse = learner.batches, 0
    for _ in range(len(batches)):
        loss = float(learner.advance(1).tolist()[0])
        after = {name: np.array(p) for name, p in learner.parameters().items()}
        # The same batch once more, for its loss alone, which is the one before the second update.
        end = batches.position
        batches.position = (end - 1) // batches.size * batches.size
        worse += float(learner.advance(1).tolist()[0]) > loss
        learner.load_parameters(after)
    return worse / len(batches)


def _flat(learner: BatchLearner) -> Array:
    """All parameters in one row, as a copy in float64."""
    return np.concatenate([p.ravel() for p in learner.parameters().values()]).astype(np.float64)


OF_UPDATES: dict[str, Callable[[BatchLearner], float]] = {
    "updates_per_epoch": _updates_per_epoch,
    "dropped_share": _dropped_share,
    "steady_step": _steady_step,
    "alternating_step": _alternating_step,
    "update_cosine": _update_cosine,
    "overshooting": _overshooting,
}
