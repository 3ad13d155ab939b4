"""Metrics and history -> figures. Pure functions: nothing here trains, loads data or reads a clock.

matplotlib's object interface is used throughout (no pyplot), so that no figure needs to be closed.
Figures are drawn and saved inside `look`, so that the user's own matplotlibrc changes nothing.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.results.files import written_beside
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by readers with any colour vision, and in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler(color={list(COLOURS)})",
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",  # letters and not outlines, which take twice the room
    "svg.hashsalt": "hw",
}
SUFFIXES = ("pdf", "png", "svg")  # every figure is saved in each of these formats

LABELS = {
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "test_accuracy": "test accuracy",
    "train_loss": "training loss",
    "train_loss_measured": "training loss, after the epoch",
    "validation_loss": "validation loss",
    "test_loss": "test loss",
    "weight_norm": "norm of the weights",
    "weight_unevenness": "unevenness of the weights",
    "zero_share": "share of weights that are exactly zero",
    "accuracy_gap": "training minus validation accuracy",
    "loss_gap": "validation minus training loss",
    "distance": "distance to the closed form",
    "distance_row_space": "part in the row space",
    "distance_null_space": "part in the null space",
}

HEIGHT = 3.6  # inches of a row of axes


def label(metric: str) -> str:
    return LABELS.get(metric, metric.replace("_", " "))


@contextmanager
def look() -> Iterator[None]:
    """matplotlib's own defaults and our `STYLE`, and afterwards the caller's settings again.

    A figure must be made, filled and saved inside it. As ``@look()`` it is a decorator.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 5.2,
    height: float = HEIGHT,
    **options: Any,
) -> tuple[Figure, Any]:
    """A figure of ``rows`` by ``columns`` axes, ``width`` by ``height`` inches each; to be called
    inside `look`.

    Returns the figure and the (rows, columns) array of its axes; ``options`` go to
    ``Figure.subplots``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


@look()
def curves(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Metrics by epoch, as the documents plot them.

    spec["metrics"]:    what is drawn.
    spec["panels"]:     one axes per ``variant`` (the default with several variants), per
                        ``metric``, or ``none``: all in one.
    spec["published"]:  [{"variant", "metric", "value"}], drawn as dotted lines.
    spec["ranges"]:     [{"variant", "metric", "low", "high"}], drawn as shaded bands.
    spec["deviations"]: with several seeds, the half width of the band in standard deviations.
    spec["log"]:        logarithmic vertical axis.
    """
    # A run of some variants draws those.
    names = [v for v in spec.get("variants", outcomes) if v in outcomes and outcomes[v].history]
    metrics = list(spec["metrics"])
    panels = {
        "variant": [(name, [name], metrics) for name in names],
        "metric": [(label(metric), names, [metric]) for metric in metrics],
        "none": [("", names, metrics)],
    }[spec.get("panels", "variant" if len(outcomes) > 1 else "none")]
    figure, axes = new_figure(1, max(1, len(panels)), sharey=bool(spec.get("share_y", False)))
    for ax, (title, shown, drawn) in zip(axes[0], panels, strict=False):
        for name in shown:
            for metric in (m for m in drawn if m in outcomes[name].history):
                text = name if len(shown) > 1 else label(metric)
                if len(shown) > 1 and len(drawn) > 1:
                    text = f"{name}: {label(metric)}"
                _curve(ax, outcomes[name].history, metric, text, name, spec)
        _ranges(ax, shown, drawn, spec)
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_ylabel(spec.get("ylabel") or _quantity(drawn))
        if spec.get("log"):
            ax.set_yscale("log")
        if len(panels) > 1:
            ax.set_title(title)
        if ax.lines:
            _legend(ax)
    _headline(figure, spec)
    return figure


def _legend(ax: Any) -> None:
    """Inside the axes for two entries; more of them would cover the curves: below it."""
    entries = len(ax.get_legend_handles_labels()[0])
    if entries <= 2:
        ax.legend()
    else:
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17)}
        ax.legend(fontsize=9, **below)
        # The room that it takes is the figure's to give, not the axes'.
        figure = ax.get_figure()
        figure.set_figheight(max(figure.get_figheight(), HEIGHT + 0.2 * entries))


def _curve(
    ax: Any,
    history: Mapping[str, list[float]],
    metric: str,
    text: str,
    variant: str,
    spec: Mapping[str, Any],
) -> None:
    """One metric of one variant, its spread over seeds, and what was published of it."""
    epochs, middle = history["epoch"], history[metric]
    (line,) = ax.plot(epochs, middle, label=text, marker="o" if len(epochs) < 3 else "")
    spread = history.get(f"{metric}_std")
    if spread:
        k = spec.get("deviations", 1)
        low = [m - k * s for m, s in zip(middle, spread, strict=True)]
        high = [m + k * s for m, s in zip(middle, spread, strict=True)]
        ax.fill_between(epochs, low, high, alpha=0.2, color=line.get_color())
    for known in spec.get("published", ()):
        if known["variant"] == variant and known["metric"] == metric:
            text = f"published {label(metric)}, last epoch"
            ax.axhline(known["value"], ls=":", lw=1, color=line.get_color(), label=text)


def _ranges(ax: Any, names: list[str], metrics: list[str], spec: Mapping[str, Any]) -> None:
    """Published ranges as shaded bands, each once."""
    bands: dict[tuple[float, float], list[str]] = {}
    for known in spec.get("ranges", ()):
        if known["variant"] in names and known["metric"] in metrics:
            bands.setdefault((known["low"], known["high"]), []).append(label(known["metric"]))
    for (bottom, top), of in sorted(bands.items()):
        of_some = f" {', '.join(of)}" if len(of) < len(metrics) else ""
        text = f"published{of_some}: {bottom:g} to {top:g}"
        ax.axhspan(bottom, top, color="#999999", alpha=0.15, lw=0, label=text)


def _quantity(metrics: list[str]) -> str:
    """What an axes of these metrics shows: one by its name, several by their last words."""
    if len(metrics) == 1:
        return label(metrics[0])
    return " and ".join(sorted({label(m).split()[-1] for m in metrics}))


def _headline(figure: Figure, spec: Mapping[str, Any]) -> None:
    if spec.get("title"):
        # About ten letters an inch: a single panel is narrower than most titles.
        figure.suptitle(textwrap.fill(spec["title"], int(10 * figure.get_figwidth())))


def mark_stand_in(figure: Figure) -> None:
    """Say on the figure that its data are synthetic."""
    figure.text(
        0.995,
        0.005,
        "synthetic stand-in data",
        ha="right",
        va="bottom",
        fontsize=8,
        color="#B00020",
    )


@look()
def save(
    figure: Figure,
    stem: Path,
    metadata: Mapping[str, str] | None = None,
    suffixes: Sequence[str] = SUFFIXES,
) -> list[Path]:
    """Write ``stem``.pdf, .png and .svg, the same bytes for the same figure; returns the paths.

    Written beside and renamed, so that a reader never meets half a figure. Raises `HwError`
    where the folder cannot be written. The figure keeps the layout that it is written with.
    """
    # One layout for all formats; left to itself, each would work out its own, twice.
    if layout := figure.get_layout_engine():
        layout.execute(figure)
        figure.set_layout_engine("none")
    paths = []
    for suffix in suffixes:
        path = stem.with_name(f"{stem.name}.{suffix}")
        info: dict[str, Any] = dict(metadata or {})
        if suffix == "pdf":
            info |= {"CreationDate": None, "Creator": "hw", "Producer": "matplotlib"}
            info["Subject"] = info.pop("Description", "")
        elif suffix == "svg":
            info |= {"Date": None, "Creator": "hw, matplotlib"}
        else:
            info |= {"Software": "hw, matplotlib"}
        with written_beside(path) as beside:
            figure.savefig(beside, format=suffix, dpi=150, metadata=info)
        paths.append(path)
    return paths


@look()
def as_svg(figure: Figure) -> bytes:
    """The figure as an SVG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "hw, matplotlib"})
    return buffer.getvalue()


@look()
def error_bars(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Means over seeds of every variant in one axes, with bars of k standard deviations.

    spec["metrics"]:    what is drawn; a colour a variant, a line style a metric.
    spec["deviations"]: k, 1 by default.
    spec["variants"]:   which are drawn; all by default.
    """
    figure, axes = new_figure(width=7, height=4.4)
    ax, k, n = axes[0, 0], spec.get("deviations", 1), 0
    names = [v for v in spec.get("variants", outcomes) if v in outcomes]
    for colour, variant in zip(COLOURS, names, strict=False):
        outcome = outcomes[variant]
        history = outcome.history
        n = outcome.metrics.get("n_seeds", 1)
        for style, metric in zip(("-", "--", ":"), spec["metrics"], strict=False):
            spread = history.get(f"{metric}_std", [0.0] * len(history["epoch"]))
            bars = [k * s for s in spread]
            text = f"{variant}: {label(metric)}"
            ax.errorbar(
                history["epoch"], history[metric], bars, color=colour, ls=style, label=text,
                elinewidth=0.8, capsize=2,
            )  # fmt: skip
    ax.set_xlabel("epoch")
    ax.set_ylabel(_quantity(list(spec["metrics"])))
    ax.set_title(f"mean ± {k} standard deviations over {n} seeds", fontsize=10)
    if names:
        ax.legend()
    _headline(figure, spec)
    return figure


# What any question can draw, beside the FIGURES of its own kind.
FIGURES = {"curves": curves, "error_bars": error_bars}
