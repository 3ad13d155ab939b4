"""What ``hw lockstep`` finds of one question: every variant walked, and where the two part.

Both implementations make the same updates from the same draws: initial weights, batches, dropout
masks. In float64 they must agree; where they part, the updates are made once more with both put at
the same parameters after each, which tells a defect from rounding that the training amplifies.

In float32 they part by what is rounded, and by leaps: where a ReLU unit is fed less than the
rounding of its sum, one of the two has it on and the other off, for that example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hw.datasets.features import Dataset
from hw.lockstep.compare import Comparison, compare, doubling, rounding
from hw.runs import machine
from hw.runs.planning import Run

LEVELS = (1e-6, 1e-5, 1e-4, 1e-3)  # that float32 passes on its way

AGREE, ROUNDING, PART, DIVERGED, MEASURED = "agree", "rounding", "part", "diverged", "measured"
FAILED = (PART, DIVERGED)


def walk(
    planned: Run,
    data: Dataset | None,
    steps: int,
    every: int,
    dtype: str,
    tolerance: float | None,
) -> dict[str, Any]:
    """What ``hw lockstep`` writes of one question, folder excepted: plain JSON."""
    # Denormals as they are, in both; one thread each.
    machine.set_threads("torch", 1)
    machine.set_threads("numpy", 1)
    variants = {}
    for variant, resolved in planned.variants.items():

        def make(backend: str, settings: Any = resolved.settings) -> Any:
            return planned.question.module.learner(settings, data, backend, "cpu")

        variants[variant] = _walk_one(make, steps, every, tolerance)
    return {
        "question": planned.id,
        "backends": ["numpy", "torch"],
        "dtype": dtype,
        "steps": steps,
        "every": every,
        "tolerance": tolerance,
        "seed": planned.seed,
        "data": data and {"name": data.name, "source": data.source, "sha256": data.sha256},
        "variants": variants,
    }


def _walk_one(
    make: Callable[[str], Any], steps: int, every: int, tolerance: float | None
) -> dict[str, Any]:
    limit = math.inf if tolerance is None else tolerance
    found = compare(make("numpy"), make("torch"), steps, limit, every)
    end = found.updates[-1]
    status, one_by_one, yardstick = AGREE, None, None
    if found.diverged is not None:
        status = DIVERGED
    elif found.parting or tolerance is None:
        # Far enough to see the yardstick pass the tolerance too.
        yardstick = rounding(lambda: make("numpy"), min(steps, 4 * end), limit, every)
        status = MEASURED
    if found.parting:
        one_by_one = compare(make("numpy"), make("torch"), steps, limit, every=1, together=True)
        status = PART if one_by_one.parting or one_by_one.diverged else ROUNDING
    return {
        "status": status,
        **_as_json(found),
        "doubles_every": doubling(found.updates, found.worst),
        "beyond": {f"{level:g}": _first_beyond(found, level) for level in LEVELS},
        "each_update": one_by_one and _as_json(one_by_one, rows=False),
        "rounding": yardstick
        and {"updates": yardstick.updates, "worst": [_finite(w) for w in yardstick.worst]},
    }


def _as_json(found: Comparison, rows: bool = True) -> dict[str, Any]:
    worst = max(range(len(found.worst)), key=found.worst.__getitem__)
    row = found.differences[worst]
    names = list(row)
    whole = {
        "updates": found.updates,
        "differences": {n: [_finite(r[n]) for r in found.differences] for n in names},
    }
    return {
        **(whole if rows else {}),
        "largest": _finite(found.worst[worst]),
        "parameter": max(row, key=row.__getitem__),
        "at_update": found.updates[worst],
        "parted": found.parting
        and {
            "update": found.parting.update,
            "parameter": found.parting.parameter,
            "difference": _finite(found.parting.difference),
        },
        "diverged": found.diverged,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _first_beyond(found: Comparison, level: float) -> int | None:
    return next((u for u, w in zip(found.updates, found.worst, strict=True) if w > level), None)


def is_stand_in(found: Mapping[str, Any]) -> bool:
    """Whether a document's walk was on synthetic data."""
    return found["data"] is not None and found["data"]["source"] == "stand-in"


def infinite(number: float | None) -> float:
    """A difference read back: what JSON has no number for was infinite."""
    return math.inf if number is None else number
