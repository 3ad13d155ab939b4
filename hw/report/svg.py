"""matplotlib's SVG, made fit to stand inside a page.

Its ids become unique in the page, its colours follow the page's light or dark theme, and only
elements and attributes that draw are let through: a figure holds strings from a results folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from markupsafe import Markup, escape

from hw.errors import HwError

_ELEMENTS = {
    *("svg", "g", "defs", "path", "clipPath", "rect", "use", "text", "tspan", "image", "circle"),
    *("ellipse", "line", "polyline", "polygon", "pattern"),
}
_ATTRIBUTES = {
    *("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "points", "width"),
    *("height", "transform", "style", "clip-path", "fill", "stroke", "opacity", "text-anchor"),
    *("patternUnits", "preserveAspectRatio"),
}
# What a figure without colour maps is drawn in; these follow the theme. In a picture with others,
# text stands on colours that do not change, and so it must not change either.
_PALETTE = ("0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "b00020")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#([0-9a-f]{6})\b")
_UNSAFE_STYLE = re.compile(r"url\s*\((?!#)|[@\\<]|/\*|expression|import", re.IGNORECASE)


def inline(source: str, prefix: str, title: str, description: str) -> Markup:
    """An SVG document as an element of a page, with a text alternative.

    prefix: what its ids begin with, unique in the page.

    Raises `HwError` for what is not SVG.
    """
    if "<!ENTITY" in source:
        raise HwError("the SVG declares entities")
    try:
        root = ElementTree.fromstring(source)
    except ElementTree.ParseError as error:
        raise HwError(f"not SVG: {error}") from error
    box = root.get("viewBox", "")
    if _name(root) != "svg" or not re.fullmatch(r"[\d. -]+", box):
        raise HwError("not SVG: no viewBox")
    used = set(re.findall(r"(?:href=\"|url\()#([\w.-]+)", source))
    fixed = _fixed_colours(source)
    body = "".join(part for child in root for part in _element(child, prefix, used, fixed))
    width = round(float(box.split()[2]))
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing{" fixed" if fixed else ""}" '
        f'viewBox="{box}" style="max-width: {round(1.35 * width)}px" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-desc" focusable="false">'
        f'<title id="{prefix}-title">{escape(title)}</title>'
        f'<desc id="{prefix}-desc">{escape(description)}</desc>{body}</svg>'
    )


def _fixed_colours(source: str) -> bool:
    """Whether a figure has a colour map, so that its colours must stay as they are."""
    grey = {c for c in _COLOUR.findall(source) if c[:2] == c[2:4] == c[4:]}
    return "<image" in source or not set(_COLOUR.findall(source)) <= grey | set(_PALETTE)


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _element(
    element: ElementTree.Element, prefix: str, used: set[str], fixed: bool
) -> Iterator[str]:
    name = _name(element)
    if name not in _ELEMENTS:
        return
    attributes = "".join(_attributes(element, name, prefix, used, fixed))
    yield f"<{name}{attributes}>"
    if name in ("text", "tspan") and element.text:
        yield str(escape(element.text))
    for child in element:
        yield from _element(child, prefix, used, fixed)
    yield f"</{name}>"


def _attributes(
    element: ElementTree.Element, name: str, prefix: str, used: set[str], fixed: bool
) -> Iterator[str]:
    for key, value in element.attrib.items():
        key = key.rpartition("}")[2]
        if key == "id" and value in used:
            value = f"{prefix}-{value}"
        elif key == "href" and value.startswith("#"):
            value = f"#{prefix}-{value[1:]}"
        elif key == "href" and name == "image" and value.startswith("data:image/png;base64,"):
            pass
        elif key not in _ATTRIBUTES or _UNSAFE_STYLE.search(value):
            continue
        elif key in ("d", "x", "y", "points"):
            # A hundredth of a point is finer than any screen or printer.
            value = _NUMBER.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), value)
            value = value.replace("\n", "").strip()
        else:
            value = value.replace("url(#", f"url(#{prefix}-")
            if not fixed:
                value = _COLOUR.sub(lambda m: _themed(m[1], name), value)
        yield f' {key}="{escape(value)}"'


def _themed(colour: str, name: str) -> str:
    if colour == "000000":
        return "currentColor"
    if colour == "ffffff" and name not in ("text", "tspan"):
        return "var(--paper)"
    return f"var(--ink-{colour}, #{colour})" if colour in _PALETTE else f"#{colour}"
