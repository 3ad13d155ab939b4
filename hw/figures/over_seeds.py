"""Figures of what a question yields over seeds: where runs end, and the band of their curves.

Pure functions of numbers, as those of `hw.figures.style` are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.figures.style import COLOURS, label, look, new_figure
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, PUBLISHED, LOGGED, YOURS = COLOURS[0], COLOURS[1], COLOURS[4], COLOURS[3]
OURS = "#000000"
ROW = 0.62  # inches of a variant
QUANTILES = {"low": 0.0, "lower": 0.25, "middle": 0.5, "upper": 0.75, "high": 1.0}
_PLACES = 60  # for dots, side by side over the width of an axes
_FAR = 20  # times the lowest value from which on an axis is logarithmic


@dataclass(frozen=True)
class Ends:
    """Where the runs of one variant end: one row of dots.

    seeds:     the metric of each seed.
    one_start: of runs from one start whose weights differ by one unit in the last place.
    band:      where one more seed ends up, at 99 %.
    logged:    what students logged on the assignment's own file.
    """

    variant: str
    seeds: Sequence[float]
    one_start: Sequence[float] = ()
    band: tuple[float, float] | None = None
    published: float | None = None
    ours: float | None = None
    yours: float | None = None
    logged: Sequence[float] = ()

    @property
    def rows(self) -> int:
        return 2 if self.one_start else 1


@dataclass(frozen=True)
class Curves:
    """The curves of one variant and metric: ``seeds`` as `spread` gives them, our own run's, those
    that students logged, and the number that is published for the end."""

    metric: str
    seeds: Mapping[str, Sequence[float]]
    ours: Sequence[float] = ()
    logged: Sequence[Sequence[float]] = ()
    published: float | None = None


def spread(outcomes: Sequence[Outcome], metric: str) -> dict[str, list[float]] | None:
    """The quantiles of a metric over seeds, epoch by epoch, as far as all seeds go; None where
    fewer than two seeds have it. Seeds that diverged are left out.

    Returns ``{"epoch": [...], "low": [...], "lower", "middle", "upper", "high"}`` (`QUANTILES`).
    """
    histories = [o.history for o in outcomes if not o.diverged and o.history.get(metric)]
    if len(histories) < 2:
        return None
    length = min(len(history[metric]) for history in histories)
    values = np.array([history[metric][:length] for history in histories])
    rows = np.quantile(values, list(QUANTILES.values()), axis=0)
    found = {name: row.tolist() for name, row in zip(QUANTILES, rows, strict=True)}
    return {"epoch": [float(e) for e in histories[0]["epoch"][:length]], **found}


@look()
def distributions(panels: Mapping[str, Sequence[Ends]], title: str = "") -> Figure:
    """One axes a metric, in it a row of dots a variant: its seeds, with what was published."""
    heights = [0.6 + ROW * sum(ends.rows for ends in rows) for rows in panels.values()]
    figure, axes = new_figure(
        len(panels),
        width=7.0,
        height=(sum(heights) + 0.7) / len(panels),
        height_ratios=heights,
    )
    for ax, (metric, rows) in zip(axes[:, 0], panels.items(), strict=True):
        draw_ends(ax, metric, rows)
    _legend(figure, axes[:, 0], title)
    return figure


@look()
def of_numbers(numbers: Sequence[tuple[str, Ends, Curves | None]], title: str = "") -> Figure:
    """One row of axes for each (metric, ends, curves): where seeds end, and how they get there."""
    columns = 2 if any(curves for _, _, curves in numbers) else 1
    figure, axes = new_figure(len(numbers), columns, height=3.2)
    for (left, *right), (metric, ends, curves) in zip(axes, numbers, strict=True):
        draw_ends(left, metric, [ends])
        for ax in right:
            if curves:
                draw_curves(ax, curves)
            else:
                ax.set_axis_off()
    _legend(figure, list(axes.flat), title)
    return figure


def draw_ends(ax: Any, metric: str, rows: Sequence[Ends]) -> None:
    """Rows of dots from the top down, each a run; lines for published numbers."""
    everything = [v for ends in rows for v in (*ends.seeds, *ends.one_start)]
    low, high = min(everything), max(everything)
    if low > 0 and high > _FAR * low:
        ax.set_xscale("log")
    place = _places(low, high, ax.get_xscale() == "log")
    names, y = [], 0.0
    for ends in rows:
        top = y + ends.rows
        if ends.band and ax.get_xscale() == "linear":
            text = "99 % of runs"
            ax.fill_betweenx([y, top], *ends.band, color=SEEDS, alpha=0.1, lw=0, label=text)
        _dots(ax, ends.seeds, y + 0.5, place, label=f"{len(ends.seeds)} seeds", color=SEEDS)
        names.append((y + 0.5, ends.variant))
        if ends.one_start:
            text = "one start, its last bits changed"
            hollow = {"facecolors": "none", "edgecolors": SEEDS}
            _dots(ax, ends.one_start, y + 1.5, place, label=text, **hollow)
            names.append((y + 1.5, "one start"))
        for value, colour, style, text in (
            *((logged, LOGGED, "--", "students' logs") for logged in ends.logged),
            (ends.published, PUBLISHED, "-", "published"),
            (ends.yours, YOURS, "--", "your number"),
        ):
            if value is not None:
                ax.plot([value, value], [y + 0.06, top - 0.06], style, color=colour, label=text)
        if ends.ours is not None:
            ax.plot([ends.ours], [y + 0.5], "D", ms=7, mfc="none", mec=OURS, label="our run")
        y = top
    ax.set_ylim(y, 0)
    ax.set_yticks([at for at, _ in names], ["" if n == "default" else n for _, n in names])
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(label(metric))


def _places(low: float, high: float, logarithmic: bool) -> Callable[[float], int]:
    """Which of the places side by side over the width of an axes a value falls into."""
    scale = math.log if logarithmic else float
    width = (scale(high) - scale(low)) / _PLACES or 1.0
    return lambda value: round(scale(value) / width)


def _dots(
    ax: Any, values: Sequence[float], y: float, place: Callable[[float], int], **look: Any
) -> None:
    """One dot a value about the height ``y``; those at one place stand upon each other."""
    taken: Counter[int] = Counter()
    heights = []
    for value in values:
        k = taken[place(value)]
        taken[place(value)] += 1
        # Above and below in turns: 0, 1, -1, 2, -2.
        heights.append(y + (k + 1) // 2 * (-1) ** k * min(0.12, 0.8 / len(values)))
    ax.scatter(values, heights, s=22, lw=0.9, alpha=0.85, zorder=3, **look)


def draw_curves(ax: Any, curves: Curves) -> None:
    """A curve of our own above the band that the seeds make; published ones above both."""
    seeds = curves.seeds
    epochs = seeds["epoch"]
    text = "all seeds, and half of them"
    ax.fill_between(epochs, seeds["low"], seeds["high"], color=SEEDS, alpha=0.15, lw=0)
    ax.fill_between(
        epochs, seeds["lower"], seeds["upper"], color=SEEDS, alpha=0.3, lw=0, label=text
    )
    ax.plot(epochs, seeds["middle"], color=SEEDS, lw=1, label="their median")
    if curves.ours:
        ax.plot(range(1, len(curves.ours) + 1), curves.ours, color=OURS, lw=1, label="our run")
    for logged in curves.logged:
        at = range(1, len(logged) + 1)
        ax.plot(at, logged, "--", color=LOGGED, lw=1.2, label="students' logs")
    if curves.published is not None:
        ax.axhline(curves.published, color=PUBLISHED, lw=1.2, label="published")
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylabel(label(curves.metric))


def _legend(figure: Figure, axes: Sequence[Any], title: str) -> None:
    """Each entry of all axes once, below them."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(text, handle)
    columns = min(4, int(figure.get_figwidth() / 1.7))  # an entry takes up to 1.7 inches
    figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=columns, fontsize=9
    )
    if title:
        figure.suptitle(title)
