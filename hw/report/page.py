"""The page: one HTML file that needs nothing else, neither network nor neighbours.

Templates escape everything; style and script are the only markup that is let through.
A Content-Security-Policy allows no script but the page's own, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

import jinja2

from hw import console
from hw.report import model

HERE = Path(__file__).resolve().parent


def render(report: model.Report) -> str:
    """The report as HTML. The same report gives the same bytes."""
    script = _asset("report.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            script=script,
            style=_asset("report.css"),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _asset(name: str) -> str:
    text = (HERE / "assets" / name).read_text(encoding="utf-8").strip()
    assert "</s" not in text, "it would end its element"
    return f"\n{text}\n"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"duration": console.duration, "slug": _slug}
    environment.globals |= {"TONES": model.TONES, "tone": model.tone, "counted": model.counted}
    return environment


def _slug(text: str) -> str:
    """Letters, digits and '-', as a class or a value of an attribute."""
    return "".join(c if c.isalnum() else "-" for c in text)
