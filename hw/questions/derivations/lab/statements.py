"""What the kinds that compute share: exact tests for zero, numeric witnesses, data of figures.

SymPy decides identities; where a number stands beside it, it comes from central differences,
which know nothing of the formula they test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

# Central differences of step h err by h^2 |f'''| / 6 and by eps |f| / h. In float64 and for values
# and derivatives near 1, 1e-5 makes that 2e-11 and 1e-11.
STEP = 1e-5
DIFFERENCE_TOLERANCE = 1e-6  # relative, for gradients of some 100 entries with a few small ones
EXACT_TOLERANCE = 1e-9  # relative, for two float64 evaluations of one formula


def vanishes(*expressions: Any) -> bool:
    """Whether SymPy simplifies each expression, or each entry of each matrix, to exactly 0.

    A matrix is one of SymPy or an array of objects.
    """
    import sympy

    entries = [entry for each in expressions for entry in np.ravel(np.array(each, dtype=object))]
    return all(sympy.simplify(entry) == 0 for entry in entries)


def relative_error(found: Any, expected: Any) -> float:
    """``||found - expected|| / max(||found||, ||expected||)``; 0 where both are zero.

    Raises ValueError where the shapes differ: nothing is broadcast. A NaN stays one, and so
    passes no comparison.
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise ValueError(f"shapes {found.shape} and {expected.shape} differ")
    scale = max(np.linalg.norm(found), np.linalg.norm(expected))
    gap = np.linalg.norm(found - expected)
    return 0.0 if scale == 0 else float(gap / scale)


def largest_gap(found: Any, expected: Any) -> float:
    """``max |found - expected|``, of arrays of one shape."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise ValueError(f"shapes {found.shape} and {expected.shape} differ")
    return float(np.max(np.abs(found - expected)))


def central_difference(f: Callable[[Array], float], at: Array, step: float = STEP) -> Array:
    """The gradient of the scalar function ``f`` at ``at``, in the shape of ``at``."""
    gradient = np.empty(np.shape(at))
    for entry in np.ndindex(gradient.shape):
        up, down = np.array(at, float), np.array(at, float)
        up[entry] += step
        down[entry] -= step
        gradient[entry] = (f(up) - f(down)) / (2 * step)
    return gradient


def log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The exponent p of the least-squares fit ``y ~ x^p``, on logarithmic axes."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def numbers(values: Iterable[Any], digits: int = 7) -> list[float]:
    """Values for a figure: a plain list, ``digits`` significant digits."""
    return [float(f"{float(value):.{digits}g}") for value in values]


def sole(outcomes: Mapping[str, Outcome]) -> Outcome:
    """The outcome of a question that has one variant."""
    (outcome,) = outcomes.values()
    return outcome


def titled(figure: Figure, spec: Mapping[str, Any]) -> Figure:
    """The figure under the title that its question's file gives it, if any."""
    if spec.get("title"):
        figure.suptitle(spec["title"])
    return figure
