"""The keys of a question's figures, by what they draw."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from hw.config.located import Place
from hw.config.schema import key, read, table

# A figure's name is a file's: no folders, nothing hidden.
FILE_NAME = r"\w[\w.-]*"


@table
class FigureKeys:
    """A figure that the question's kind draws: its name is one of the kind's `FIGURES`."""

    name: str = key("the name of its files, in figures/", pattern=FILE_NAME)
    draw: str = key("what is drawn: `curves`, `error_bars`, or a figure of the kind", "curves")
    title: str = key("above the figure", "")
    variants: list[str] = key("which variants are drawn; all by default", (), of="variant")
    metric: str = key("the metric that a figure of a grid shows", "", of="metric")
    spread: float = key("how far below the best a grid's colours reach", 0.15, above=0)
    options: dict[str, Any] = key("what else a figure of a kind of yours takes", ())


@table
class CurveKeys:
    """`draw: curves`, which is meant where nothing else is said: metrics by epoch."""

    name: str = key("the name of its files, in figures/", pattern=FILE_NAME)
    draw: Literal["curves"] = key("what is drawn", "curves")
    metrics: list[str] = key("what is drawn", of="curve")
    title: str = key("above the figure", "")
    variants: list[str] = key("which variants are drawn; all by default", (), of="variant")
    panels: Literal["variant", "metric", "none"] = key(
        "an axes for each variant, for each metric, or one for all; by default for each variant, "
        "where there are several",
        "variant",
    )
    share_y: bool = key("all axes have the same range", False)
    log: bool = key("a logarithmic vertical axis", False)
    ylabel: str = key("beside the vertical axis; by default the metric's name", "")
    deviations: float = key("half width of the band over several seeds, in σ", 1, above=0)
    with_: list[str] = key(
        "questions of the same homework whose curves are drawn beside, once they have run", ()
    )


@table
class ErrorBarKeys:
    """`draw: error_bars`: means over seeds, with bars."""

    name: str = key("the name of its files, in figures/", pattern=FILE_NAME)
    draw: Literal["error_bars"] = key("what is drawn")
    metrics: list[str] = key("what is drawn", of="curve")
    title: str = key("above the figure", "")
    variants: list[str] = key("which variants are drawn; all by default", (), of="variant")
    deviations: float = key("half length of the bars, in σ", 1, above=0)


TABLES: dict[str, type] = {"curves": CurveKeys, "error_bars": ErrorBarKeys}


def table_of(draw: Any) -> type:
    """The keys of a figure that draws this."""
    return TABLES.get(draw if isinstance(draw, str) else "", FigureKeys)


def read_figures(
    raw: Any, variants: Collection[str], place: Place
) -> tuple[Mapping[str, Any], ...]:
    """The figures of a question's YAML; what is wrong with them is noted at ``place``."""
    if not isinstance(raw, list):
        place.is_not(raw, "a list of figures")
        return ()
    found = [_read(item, variants, place.at(i)) for i, item in enumerate(raw)]
    names = [figure.get("name") for figure in found]
    for i, name in enumerate(names):
        if name and name in names[:i]:
            place.at(i, "name").wrong(f"another figure is called {name!r} too")
    return tuple(found)


def _read(item: Any, variants: Collection[str], place: Place) -> dict[str, Any]:
    draw = item.get("draw", "curves") if isinstance(item, dict) else None
    figure = read(table_of(draw), item, place)
    metrics = figure.get("metrics")
    if metrics == [] or (metrics and len(set(metrics)) < len(metrics)):
        place.at("metrics").wrong("name every metric once, and at least one")
    for variant in figure.get("variants", ()):
        if variant not in variants:
            place.at("variants").unknown("variant", variant, variants)
    return figure
