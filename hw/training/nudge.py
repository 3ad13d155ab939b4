"""Parameters moved by rounding alone: what tells how chaotic a training is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.errors import UsageError

if TYPE_CHECKING:
    from hw.training.loop import Learner

Array = NDArray[Any]


def nudge(learner: Learner, seed: int) -> None:
    """Move every parameter of a learner by one unit in the last place, as `nudged` does.

    Raises `UsageError` where all of them are 0, as those of linear models are at the start.
    """
    start = learner.parameters()
    if not any(p.any() for p in start.values()):
        raise UsageError("every weight is 0 at the start: there is no last place to change")
    learner.load_parameters(nudged(start, seed))


def nudged(parameters: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
    """Copies whose entries are each moved by one unit in the last place, up or down; zeros stay."""
    random = np.random.default_rng(seed)
    moved = {}
    for name, p in parameters.items():
        towards = np.where(random.random(p.shape) < 0.5, -np.inf, np.inf).astype(p.dtype)
        moved[name] = np.where(p == 0, p, np.nextafter(p, towards))
    return moved
