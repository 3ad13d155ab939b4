"""The runs that lie in a results folder: of each question as configured, and beside it the others.

A run's name is its question's id, with ``@`` and a digest of what differs where something does:
``ist2024.q1.mlp@1a2b3c4d``.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.results import lock
from hw.results.folder import OWN, Folder, Results, check_own
from hw.results.identity import Identity, shown

FILES = (
    *("run.json", "metrics.json", "history.json", "plots.json", "checks.json", "config.yaml"),
    *("calibration.json", lock.NAME),
)


@dataclass(frozen=True)
class Stored:
    """One run. Its files are read when they are asked for.

    question: None where there is no such question, or none any more.
    """

    path: Path
    question: Question | None

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}.{self.path.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """All that it may be called: without the default homework, too."""
        is_default = self.path.parent.name == catalog.DEFAULT_HOMEWORK
        return (self.name, self.path.name) if is_default else (self.name,)

    @property
    def is_beside(self) -> bool:
        return "@" in self.path.name

    @cached_property
    def results(self) -> Results:
        return Folder(self.path).read()

    @property
    def state(self) -> str:
        return self.results.run.status or "unknown"

    @property
    def backend(self) -> str:
        return self.results.run.backend or (self.question.backend if self.question else "")

    @property
    def source(self) -> str:
        """``real``, ``stand-in``, or nothing without data."""
        return (self.results.run.data or {}).get("source", "")

    @cached_property
    def differs(self) -> dict[str, Any]:
        """How it differs from the question as configured: settings, and how it was computed.

        Raises `UsageError` where the question's file cannot be read."""
        if self.question is None or not self.results.config.variants:
            return {}
        found = Identity.of_config(self.question, self.results.config).differs()
        return {**found.pop("settings", {}), **found}

    @property
    def facts(self) -> dict[str, set[str]]:
        """All by which it can be told from others, as a command line has it; the values of each
        setting are those of its variants."""
        run, config = self.results.run, self.results.config
        facts = {
            "state": {self.state},
            "backend": {self.backend},
            "data": {self.source},
            "seed": {str(seed) for seed in run.seeds},
        }
        for settings in config.variants.values():
            for key, value in settings.items():
                facts.setdefault(key, set()).add(shown(value))
        return facts

    @property
    def finished(self) -> float:
        """When run.json was last written, in seconds since 1970."""
        try:
            return datetime.fromisoformat(self.results.run.finished).timestamp()
        except ValueError:
            return max((p.stat().st_mtime for p in (self.path / "run.json", self.path)
                        if p.exists()), default=0.0)  # fmt: skip

    @cached_property
    def size(self) -> int:
        """Bytes of all its files. No link is followed."""
        return sum(
            os.lstat(os.path.join(folder, file)).st_size
            for folder, _, files in os.walk(self.path)
            for file in files
        )

    def remove(self) -> list[str]:
        """Remove what hw wrote; returns the names of what is left there, which is somebody else's.

        Raises `HwError` where a run is at work, or something cannot be removed.
        """
        held = lock.acquire(self.path)
        try:
            for name in OWN:
                check_own(self.path / name)
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
            for name in OWN:
                if (self.path / name).is_dir():
                    shutil.rmtree(self.path / name)
            left = sorted(path.name for path in self.path.iterdir())
            if not left:
                self.path.rmdir()
            return left
        except OSError as error:
            raise HwError(f"cannot remove {error.filename}: {error.strerror}") from error
        finally:
            if held:
                held.release()


def runs_of(question: Question, results: Path) -> list[Stored]:
    """The runs of one question that there are; as configured first."""
    own = question.folder(results)
    paths = [own, *sorted(own.parent.glob(f"{own.name}@*"))]
    return [Stored(path, question) for path in paths if _holds_a_run(path)]


def all_runs(results: Path) -> list[Stored]:
    """Every run in a results folder, by name."""
    return [
        Stored(path, _question(path)) for path in sorted(results.glob("*/*")) if _holds_a_run(path)
    ]


def _holds_a_run(path: Path) -> bool:
    # What is a link is somebody else's.
    is_run = any((path / name).is_file() for name in ("run.json", "metrics.json"))
    return is_run and not path.is_symlink()


def _question(path: Path) -> Question | None:
    try:
        return catalog.find(f"{path.parent.name}.{path.name.partition('@')[0]}")
    except UsageError:
        return None


def named(runs: Sequence[Stored], words: Iterable[str], with_beside: bool = False) -> list[Stored]:
    """The runs that names and globs mean, each once. Raises `UsageError` for a word that means
    none.

    with_beside: a question's id means all its runs.
    """
    chosen: dict[Path, Stored] = {}
    for word in words:
        patterns = [word, *([f"{word}@*"] if with_beside else [])]
        found = [r for r in runs if any(_fits(r, pattern) for pattern in patterns)]
        if not found:
            known = [name for r in runs for name in r.names]
            raise UsageError(
                f"no run is called {quoted(word)}{did_you_mean(word, known)}"
                " ('python -m hw runs' shows them all)"
            )
        chosen |= {r.path: r for r in found}
    return list(chosen.values())


def _fits(run: Stored, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in run.names)


def where(runs: Iterable[Stored], conditions: Mapping[str, str]) -> list[Stored]:
    """The runs of which all of these facts are true."""
    return [
        run
        for run in runs
        if all(_is_among(value, run.facts.get(key, set())) for key, value in conditions.items())
    ]


def _is_among(value: str, values: Iterable[str]) -> bool:
    """As text, or as a number: 0.10 is 0.1."""
    return any(_canonical(value) == _canonical(other) for other in values)


def _canonical(value: str) -> object:
    try:
        return float(value)
    except ValueError:
        return value
