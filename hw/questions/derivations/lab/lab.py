"""The bench of a derivation: its draws, its statements put to the test, its figures.

A derivation's statements are rows of a table, name: (words, left and right side), and `Lab` puts
each to the test in one call; what needs a program of its own is told with `Lab.check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.questions.derivations.lab.calculus import ROUNDING, gap
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sides = Callable[[World, Any], tuple[Any, Any]]


class Lab:
    """One run of one derivation.

    settings: those of the derivation, with a ``seed`` if it draws.
    world:    the backend's, NumPy or PyTorch.
    rng:      the generator that every draw comes from.
    outcome:  what the statements turned out to be.
    """

    def __init__(self, settings: Any, backend: str) -> None:
        self.settings = settings
        self.world = world(backend)
        self.rng = np.random.default_rng(getattr(settings, "seed", None))
        self.outcome = Outcome()
        self.metrics, self.plots = self.outcome.metrics, self.outcome.plots

    def check(self, name: str, statement: str, holds: bool, evidence: str) -> bool:
        """Record a statement put to the test; returns whether it holds."""
        return self.outcome.check(name, statement, holds, evidence)

    def identity(
        self,
        name: str,
        statement: str,
        sides: Sides,
        symbol: Any,
        drawn: np.ndarray,
        *,
        derivative: bool = False,
        metric: str = "",
    ) -> bool:
        """left = right: exactly for every value of ``symbol``, and measured where ``drawn``.

        derivative: a side is a derivative, which the backend finds by differences or autograd.
        metric:     the name of the largest difference among the metrics; empty: none.
        """
        left, right = sides(world("sympy"), symbol)
        proved = vanishes(left - right)
        left, right = sides(self.world, self.world.array(drawn))
        error = gap(as_numpy(left), as_numpy(right))
        if metric:
            self.metrics[metric] = error
        return self.check(
            name,
            statement,
            proved and error <= (self.world.first if derivative else ROUNDING),
            f"{reduces(proved)}; largest |difference|"
            f"{f' from {self.world.witness}' if derivative else ''}"
            f" at {len(drawn)} points {error:.1e}",
        )


def reduces(proved: bool) -> str:
    """What SymPy found of left - right, as evidence says it."""
    return f"SymPy: the difference {'reduces' if proved else 'does not reduce'} to 0"


def as_numpy(values: Any) -> np.ndarray:
    """The numbers of either library as NumPy has them."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)


class Figures(dict[str, Any]):
    """The figures of one derivation by name; the decorator `add` registers each.

    What it decorates draws the data of the sole outcome onto axes that are there, one after the
    other for a figure of several: ``draw(plots, ax)``, ``draw(plots, left, right)``. The title is
    the question's.
    """

    def add(self, name: str, rows: int = 1, columns: int = 1, **options: Any) -> Callable[..., Any]:
        """Register a figure of ``rows`` by ``columns`` axes; `new_figure` has the ``options``."""

        def register(draw: Callable[..., None]) -> Callable[..., None]:
            def figure(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
                from hw.figures.style import new_figure

                (outcome,) = outcomes.values()
                made, axes = new_figure(rows, columns, **options)
                draw(outcome.plots, *axes.flat)
                if spec.get("title"):
                    made.suptitle(spec["title"])
                return made

            figure.__doc__ = draw.__doc__
            self[name] = figure
            return draw

        return register
