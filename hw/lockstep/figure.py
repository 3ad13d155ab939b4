"""The figure of a walk: how far the two are apart after every update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hw.figures.style import look, new_figure
from hw.lockstep.walk import infinite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEN = 1e-18  # less than a unit in the last place of float64: as good as equal


def _seen(values: Iterable[float | None]) -> list[float]:
    """Differences as a logarithmic axis can show them: none where the two are equal."""
    return [v if v is not None and v > SEEN else math.nan for v in values]


@look()
def draw(found: Mapping[str, Any]) -> Figure:
    """The differences over the updates: a panel a variant and a line a parameter, or, of more than
    four variants, one line each."""
    variants = found["variants"]
    panels = len(variants) if len(variants) <= 4 else 1
    figure, axes = new_figure(1, panels, width=5.2 if panels < 3 else 4.2)
    for number, (name, walked) in enumerate(variants.items()):
        ax = axes[0, number % panels]
        updates, lines = walked["updates"], walked["differences"]
        if panels < len(variants):
            rows = [[infinite(d) for d in row] for row in zip(*lines.values(), strict=True)]
            lines = {name: [max(row) for row in rows]}
        for parameter, values in lines.items():
            few = len(updates) < 10
            ax.plot(updates, _seen(values), label=parameter, lw=1.2, marker="o" if few else "")
        if walked["rounding"] and panels == len(variants):
            moved = walked["rounding"]
            ax.plot(
                moved["updates"],
                _seen(moved["worst"]),
                label="rounding alone: NumPy against itself",
                color="#777777",
                ls="--",
                lw=1,
            )
        if found["tolerance"]:
            ax.axhline(found["tolerance"], color="#B00020", ls=":", lw=1, label="tolerance")
        ax.set_yscale("log")
        drawn = [y for line in ax.lines for y in line.get_ydata() if y > 0]
        ax.set_ylim(min(drawn, default=SEEN) / 3, max(drawn, default=1.0) * 3)
        ax.set_xlabel("update")
        ax.set_title(name if panels > 1 else "")
        if len(ax.lines) <= 14:
            ax.legend(fontsize=8)
    axes[0, 0].set_ylabel("largest relative difference")
    figure.suptitle(f"{found['question']}: NumPy and PyTorch, {found['dtype']}")
    return figure
