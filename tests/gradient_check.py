"""Check a hand-written gradient against central finite differences of the whole objective.

Conventions: parameters θ and gradients are dictionaries of arrays of the same names and shapes;
the objective is a function of θ, penalty included, computed in float64.

The central difference (J(θ + h v) - J(θ - h v)) / 2h is off by O(h²) from the series cut short
and by about ε |J| / h from rounding; h = ∛ε ≈ 6e-6, in units of the parameters' size, balances
the two and leaves about ten digits. That assumes J smooth between the two points: keep away from
the kinks of relu.

What this cannot show: that the objective is the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Parameters = Mapping[str, Array]
Objective = Callable[[dict[str, Array]], float]

STEP = float(np.cbrt(np.finfo(np.float64).eps))


def relative_error(a: float | Array, b: float | Array) -> float:
    """|a - b| / max(|a|, |b|), Euclidean norms; 0 where both vanish, nan where either is nan."""
    difference = float(np.linalg.norm(np.subtract(a, b)))
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return difference / size if difference else 0.0


def directional_error(
    objective: Objective,
    parameters: Parameters,
    gradients: Parameters,
    generator: np.random.Generator,
    directions: int = 3,
) -> float:
    """The largest error over random directions, of v·∇J against the difference quotient.

    Two evaluations of the objective a direction, whatever the number of parameters, and every
    parameter takes part in each. Relative to |∇J| |v| / √n, the size that v·∇J typically has for
    n parameters: relative to v·∇J itself, a direction that happens to lie across the gradient
    would fail a right one.
    """
    worst = 0.0
    for _ in range(directions):
        v = {name: generator.normal(size=p.shape) for name, p in parameters.items()}
        scale = _norm(parameters) / _norm(v) or 1 / _norm(v)
        quotient = _quotient(objective, parameters, v, STEP * scale)
        slope = sum(float(np.vdot(v[name], gradients[name])) for name in parameters)
        count = sum(p.size for p in parameters.values())
        typical = _norm(gradients) * _norm(v) / np.sqrt(count)
        error = abs(slope - quotient)
        # Not `max`, which passes over a nan that comes second.
        worst = float(np.maximum(worst, error / max(typical, abs(quotient)) if error else 0.0))
    return worst


def coordinate_errors(
    objective: Objective, parameters: Parameters, gradients: Parameters
) -> dict[str, float]:
    """The relative error of each named gradient, every coordinate differenced on its own.

    Two evaluations of the objective a parameter: for small models. It tells which one is wrong.
    """
    errors = {}
    for name, parameter in parameters.items():
        quotients = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            v = {name: np.zeros_like(parameter)}
            v[name][index] = 1
            step = STEP * max(1.0, abs(float(parameter[index])))
            quotients[index] = _quotient(objective, parameters, v, step)
        errors[name] = relative_error(gradients[name], quotients)
    return errors


def _quotient(objective: Objective, parameters: Parameters, v: Parameters, step: float) -> float:
    ahead, behind = (
        objective({name: p + h * v[name] if name in v else p for name, p in parameters.items()})
        for h in (step, -step)
    )
    return (ahead - behind) / (2 * step)


def _norm(arrays: Parameters) -> float:
    return float(np.sqrt(sum(float(np.vdot(a, a)) for a in arrays.values())))
