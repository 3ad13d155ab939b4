"""The figures of a page, drawn again from a results folder's JSON: as SVG, or as a picture where
that is smaller.

What was drawn is kept in ``.drawings`` beside the page, by a digest of all that it depends on, so
that a second report takes moments. Kept drawings are read with the same distrust as any file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from hw.config.catalog import Question
from hw.errors import HwError
from hw.figures.draw import draw
from hw.figures.style import label
from hw.report import svg
from hw.results.fingerprint import code_digest, version
from hw.results.folder import Folder, digest, written_beside
from hw.results.outcome import Outcome

MAX_SVG = 300_000  # characters; beyond, the picture in pixels is the smaller one
KEPT = ".drawings"
_PNG = b"\x89PNG\r\n\x1a\n"


class Drawings:
    """Draws figures, or takes them from those that are kept."""

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self.directory = directory / KEPT
        self.say = say
        self.told = False
        self.used: set[str] = set()

    def inline(
        self,
        question: Question,
        spec: Mapping[str, Any],
        folder: Folder,
        outcomes: Mapping[str, Outcome],
        data: Mapping[str, Any] | None,
        prefix: str,
        title: str,
        description: str,
    ) -> Markup:
        """One figure as an element of the page. Raises `HwError` where it cannot be drawn."""
        key = _key(question, spec, folder, outcomes, data)
        for name in (f"{key}.svg", f"{key}.png"):
            # What is kept may be anything by now; what is not a drawing is drawn again.
            with contextlib.suppress(OSError, HwError):
                content = (self.directory / name).read_bytes()
                return self._element(name, content, prefix, title, description)
        if not self.told:
            self.told = True
            self.say("note: drawing figures that are new or have changed; all others are kept")
        figure = redraw(question, spec, outcomes, data, folder)
        name, content = f"{key}.svg", _saved(figure, "svg")
        try:
            element = self._element(name, content, prefix, title, description)
        except HwError as error:
            raise HwError(f"figure {spec['name']}: {error}") from error
        if len(element) > MAX_SVG:
            name, content = f"{key}.png", _saved(figure, "png")
            element = self._element(name, content, prefix, title, description)
        self._keep(name, content)
        return element

    def tidy(self) -> None:
        """Remove the drawings that this report did not use."""
        for path in self.directory.glob("*"):
            if path.name not in self.used:
                path.unlink(missing_ok=True)

    def _keep(self, name: str, content: bytes) -> None:
        with written_beside(self.directory / name) as beside:
            beside.write_bytes(content)

    def _element(
        self, name: str, content: bytes, prefix: str, title: str, description: str
    ) -> Markup:
        if name.endswith(".svg"):
            element = svg.inline(content.decode(errors="replace"), prefix, title, description)
        elif content.startswith(_PNG):
            encoded = base64.b64encode(content).decode()
            # 150 dots an inch, shown at the size that the SVG would have.
            pixels_wide, pixels_high = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
            width = round(pixels_wide * 72 / 150 * 1.35)
            element = Markup(
                f'<img class="drawing fixed" src="data:image/png;base64,{encoded}" '
                f'alt="{escape(f"{title}. {description}")}" loading="lazy" '
                f'style="max-width: {width}px" width="{pixels_wide}" height="{pixels_high}">'
            )
        else:
            raise HwError(f"{name} is not a picture")
        self.used.add(name)
        return element


def redraw(
    question: Question,
    spec: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    data: Mapping[str, Any] | None,
    folder: Folder,
) -> Any:
    """A figure as matplotlib has it. Raises `HwError` where it cannot be drawn."""
    try:
        return draw(question, spec, outcomes, data, folder)
    except HwError:
        raise
    except Exception as error:
        # A folder made by hand may lack anything; its report says so and goes on.
        raise HwError(
            f"figure {spec['name']} cannot be drawn from these results"
            f" ({type(error).__name__}: {error})"
        ) from error


def _saved(figure: Any, form: str) -> bytes:
    import matplotlib

    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    # Text as text: it can be searched, selected and read aloud, and a fifth of the bytes.
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        try:
            figure.savefig(file, format=form, dpi=150, metadata=metadata)
        except Exception as error:  # such as what a title holds that mathematics cannot be
            raise HwError(f"cannot be drawn ({type(error).__name__}: {error})") from error
    return file.getvalue()


def _key(
    question: Question,
    spec: Mapping[str, Any],
    folder: Folder,
    outcomes: Mapping[str, Outcome],
    data: Mapping[str, Any] | None,
) -> str:
    """A digest of all that a drawing depends on."""
    folders = [folder, *(Folder(folder.path.parent / name) for name in spec.get("with", ()))]
    return digest(
        {
            "files": [
                _hash(one.path / name)
                for one in folders
                for name in ("metrics.json", "history.json", "plots.json", "checks.json")
            ],
            "timing": {variant: outcome.timing for variant, outcome in outcomes.items()},
            "question": question.id,
            "title": question.title,
            "figure": dict(spec),
            "claims": [[c.sort, c.variant, dict(c.details)] for c in question.claims],
            "sources": [str((one.run().get("data") or {}).get("source")) for one in folders],
            "code": [
                code_digest(name, has_data=False)
                for name in ("hw.figures.style", "hw.figures.draw", question.module.__name__)
            ],
            "matplotlib": version("matplotlib"),
        }
    )[:32]


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


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
