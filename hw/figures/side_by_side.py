"""Several runs in one figure: their curves over each other, or their numbers against a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hw.figures.style import COLOURS, label, look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", ":", "-.")
MOST_IN_LEGEND = 24
# A history by name, and the numbers of one line over a setting.
History = Mapping[str, Sequence[float]]
Numbers = Mapping[str, float]


@look()
def curves(lines: Sequence[Sequence[tuple[str, History]]], title: str = "") -> Figure | None:
    """A panel a metric, with a curve for each run and variant; None where there is no curve.

    lines: for each variant the label and the history of every run. What there is more of, variants
           or runs, is told apart by colours, the other by styles.
    """
    histories = [history for of_variant in lines for _, history in of_variant]
    known = dict.fromkeys(metric for history in histories for metric in history)
    metrics = [m for m in known if m != "epoch" and not m.endswith("_std")]
    if not metrics:
        return None
    styled_by_run = len(lines) >= max(map(len, lines)) > 1
    figure, panels = _panels(metrics)
    for ax, metric in panels:
        for variant, of_variant in enumerate(lines):
            for run, (text, history) in enumerate(of_variant):
                if metric in history:
                    colour, style = (variant, run) if styled_by_run else (run, variant)
                    ax.plot(
                        history["epoch"],
                        history[metric],
                        marker="o" if len(history["epoch"]) < 3 else "",
                        label=text,
                        **_told_apart(colour, style),
                    )
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    _legend(figure)
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
    figure, panels = _panels(metrics)
    for ax, metric in panels:
        for number, (text, line) in enumerate(lines.items()):
            points = sorted((x, numbers[metric]) for x, numbers in line if metric in numbers)
            xs, ys = [x for x, _ in points], [y for _, y in points]
            ax.plot(xs, ys, marker="o", label=text, **_told_apart(number))
        if by_factors:
            ax.set_xscale("log")
        ax.set_xlabel(label(setting))
    if len(lines) > 1:
        _legend(figure)
    return figure


def _panels(metrics: Sequence[str]) -> tuple[Figure, list[tuple[Any, str]]]:
    """A figure with an axes for each metric, three in a row."""
    columns = min(3, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, width=4.4, height=3.2)
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    panels = list(zip(axes.flat, metrics, strict=False))
    for ax, metric in panels:
        ax.set_ylabel(label(metric))
    return figure, panels


def _told_apart(colour: int, style: int = 0) -> dict[str, str]:
    """Another style, too, where there are more lines than colours."""
    again, colour = divmod(colour, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": STYLES[(style + again) % len(STYLES)]}


def _legend(figure: Figure) -> None:
    """One for all panels, below them: it would cover curves."""
    entries = {
        text: handle
        for ax in figure.axes
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if 0 < len(entries) <= MOST_IN_LEGEND:
        columns = 1 if len(figure.axes) == 1 else 3
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=columns, fontsize=8
        )
