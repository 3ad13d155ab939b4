"""The ``python -m hw run`` that trains what an assignment's command trains."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw import datasets
from hw.cli import PROGRAM
from hw.config import catalog
from hw.config.settings import plain
from hw.results.identity import command, flags

if TYPE_CHECKING:
    from hw.assignment.script import Script
    from hw.config.catalog import Question


def equivalent(script: Script, name: str, settings: Any, path: Path) -> str:
    """One line: the command with the fewest flags, or the nearest one where a variant forbids it.

    name: of the model. The question of the same name is preferred.
    """
    model = script.models[name]
    mine = {k: v for k, v in plain(asdict(settings)).items() if k not in model.ignores}
    best: tuple[tuple[int, bool, int], str, dict[str, Any]] | None = None
    for question in catalog.load_all().values():
        if (question.homework, question.kind) != (script.homework, model.kind):
            continue
        for variant, about in question.variants.items():
            configured = question.configured(variant)
            changed = {k: v for k, v in mine.items() if configured[k] != v}
            # What a variant is about cannot be changed by a flag.
            fixed = {k: v for k, v in changed.items() if k in about}
            free = {k: v for k, v in changed.items() if k not in about}
            rank = len(fixed), not question.name.endswith(f".{name}"), len(free)
            if best is None or rank < best[0]:
                best = rank, _command(script, question, variant, free, path), fixed
    if best is None:
        return f"note: '{PROGRAM} run' has no question that trains this"
    _, line, fixed = best
    if fixed:
        missing = ", ".join(f"{k} {v}" for k, v in fixed.items())
        return f"the nearest, for want of a variant with {missing}: {line}"
    return f"the same as: {line}"


def _command(
    script: Script, question: Question, variant: str, changed: dict[str, Any], path: Path
) -> str:
    words = ["--variant", variant] if len(question.variants) > 1 else []
    words += flags(changed)
    if question.backend != script.backend:
        words += ["--backend", script.backend]
    directory = _data_directory(script.data, path)
    if directory and directory != datasets.default_directory().resolve():
        words += ["--data-dir", str(directory)]
    return command(question, words)


def _data_directory(name: str, path: Path) -> Path | None:
    """The data folder that ``path`` belongs to, if it lies in one."""
    entry, path = datasets.entry(name), path.resolve()
    folder = path if path.is_dir() else path.parent
    fits = folder.name == name and (path == folder or path in entry.paths(folder.parent))
    return folder.parent if fits else None
