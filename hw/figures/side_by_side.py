"""Several runs in one figure: their curves over each other, or their numbers against a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hw.figures.style import COLOURS, label, look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", ":", "-.")
MOST_IN_LEGEND = 12
# A history by name, and the numbers of one line over a setting.
History = Mapping[str, Sequence[float]]
Numbers = Mapping[str, float]


@look()
def curves(lines: Sequence[Sequence[tuple[str, History]]], title: str = "") -> Figure | None:
    """A panel a metric, with a curve for each run and variant; None where there is no curve.

    lines: for each variant the label and the history of every run. With several variants a colour
           is a variant and a style a run; with one, a colour is a run.
    """
    histories = [history for of_variant in lines for _, history in of_variant]
    metrics = [
        metric
        for metric in dict.fromkeys(m for history in histories for m in history)
        if metric != "epoch" and not metric.endswith("_std")
    ]
    if not metrics:
        return None
    columns = min(3, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, width=4.4, height=3.2)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for i, of_variant in enumerate(lines):
            for j, (text, history) in enumerate(of_variant):
                if metric in history:
                    # More runs than styles: their colours differ, too.
                    style, shift = (j, i) if len(lines) > 1 else (j // len(COLOURS), j)
                    ax.plot(
                        history["epoch"],
                        history[metric],
                        STYLES[style % len(STYLES)],
                        color=COLOURS[(shift + style // len(STYLES)) % len(COLOURS)],
                        marker="o" if len(history["epoch"]) < 3 else "",
                        label=text,
                    )
        ax.set_xlabel("epoch")
        ax.set_ylabel(label(metric))
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(ax.lines) <= MOST_IN_LEGEND:
            ax.legend(fontsize=8)
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


@look()
def against(
    setting: str, lines: Mapping[str, Sequence[tuple[float, Numbers]]], metrics: Sequence[str]
) -> Figure:
    """A panel a metric: what came out at each value of a setting.

    lines: of each line in a panel, by its label, the values of the setting with the numbers there.
    """
    values = [value for line in lines.values() for value, _ in line]
    # Learning rates and penalties are tried by factors, sizes by steps.
    by_factors = min(values) > 0 and max(values) >= 20 * min(values)
    columns = min(3, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, width=4.4, height=3.2)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for i, (text, line) in enumerate(lines.items()):
            points = sorted((x, numbers[metric]) for x, numbers in line if metric in numbers)
            ax.plot(
                [x for x, _ in points],
                [y for _, y in points],
                STYLES[i // len(COLOURS) % len(STYLES)],
                color=COLOURS[i % len(COLOURS)],
                marker="o",
                label=text,
            )
        if by_factors:
            ax.set_xscale("log")
        ax.set_xlabel(label(setting))
        ax.set_ylabel(label(metric))
        if 1 < len(ax.lines) <= MOST_IN_LEGEND:
            ax.legend(fontsize=8)
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    return figure
