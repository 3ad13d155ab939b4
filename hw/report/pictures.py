"""The figures of a results folder as a page shows them: the files that lie there, embedded.

They stand in the page as images, in which no script runs and from which nothing is loaded; so a
file that somebody else has put there can do no more than look wrong.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hw.figures.style import SUFFIXES, label
from hw.report.model import Picture
from hw.results.outcome import Outcome

MAX_SVG = 100_000  # bytes; beyond, the PNG may take less room
MAX_FILE = 5_000_000
POINT = 1.35  # CSS pixels on the page for a point of the figure
DOTS = 150 / 72  # dots of a PNG for a point of the figure


def pictures(
    specs: Sequence[Mapping[str, Any]],
    folder: Path,
    outcomes: Mapping[str, Outcome],
    results: Path,
) -> Iterator[Picture]:
    """The figures that a question specifies, in its order, from its results folder."""
    for spec in specs:
        stem = folder / "figures" / str(spec["name"])
        title, description = describe(spec, outcomes)
        paths = [stem.with_name(f"{stem.name}.{suffix}") for suffix in SUFFIXES]
        links = tuple((p.suffix[1:].upper(), address(p, results)) for p in paths if p.is_file())
        yield Picture(title, description, *(_shown(stem) or ("", 0, 0)), links)


def address(path: Path, results: Path) -> str:
    """A file of the results as a link from the report's folder."""
    return "../" + quote(path.relative_to(results).as_posix())


def drawn(title: str, description: str, svg: bytes) -> Picture:
    """A figure that is drawn for the page and lies in no results folder."""
    return Picture(title, description, *(_embedded(svg, b"") or ("", 0, 0)))


def _shown(stem: Path) -> tuple[str, int, int] | None:
    """A figure of a results folder, as `_embedded` has it."""
    svg, png = (_content(stem.with_name(f"{stem.name}.{suffix}")) for suffix in ("svg", "png"))
    return _embedded(svg, png)


def _embedded(svg: bytes, png: bytes) -> tuple[str, int, int] | None:
    """A figure as the source of an image, and its width and height in CSS pixels: the SVG, or the
    PNG where the SVG is missing or large; None where neither can be shown."""
    box = re.search(rb'<svg[^>]* viewBox="0 0 ([\d.]{1,9}) ([\d.]{1,9})"', svg[:2000])
    is_png = png.startswith(b"\x89PNG\r\n\x1a\n") and len(png) > 24
    if box and not (is_png and len(svg) > max(MAX_SVG, len(png))):
        width, height = (float(side) * POINT for side in box.groups())
        kind, content = "svg+xml", svg
    elif is_png:
        width, height = (int.from_bytes(png[i : i + 4]) / DOTS * POINT for i in (16, 20))
        kind, content = "png", png
    else:
        return None
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return source, round(width), round(height)


def _content(path: Path) -> bytes:
    """A file's bytes; none where it cannot be read or is far larger than any figure of ours."""
    try:
        if path.is_file() and path.stat().st_size <= MAX_FILE:
            return path.read_bytes()
    except OSError:
        pass
    return b""


def describe(spec: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> tuple[str, str]:
    """(title, description) of a figure: what a reader who does not see it is told."""
    metrics = [str(m) for m in spec.get("metrics", ())]
    title = str(spec.get("title") or _sentence(str(spec["name"]).replace("-", " ")))
    if not metrics:
        return title, "Drawn from plots.json of the results folder."
    names = [v for v in spec.get("variants", outcomes) if v in outcomes]
    ends = []
    for variant in names[:12]:
        history = outcomes[variant].history
        last = [f"{label(m)} {history[m][-1]:.4g}" for m in metrics if history.get(m)]
        if last:
            of = f"{variant}: " if len(names) > 1 else ""
            ends.append(f"{of}{', '.join(last)}")
    lines = f"{_sentence(', '.join(label(m) for m in metrics))} by epoch"
    more = f"; {len(names) - 12} more" if len(names) > 12 else ""
    return title, f"{lines}. At the end: {'; '.join(ends)}{more}." if ends else f"{lines}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
