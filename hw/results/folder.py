"""Results folders: what a run leaves, read back as one typed record.

A folder needs no tool to read it: four JSON files, a YAML file and a folder of figures. While a
run of many variants is at work, each finished one waits in a file of its own, in ``.finished``,
until the run ends and all are written together.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml

from hw.config.located import read_yaml
from hw.errors import HwError
from hw.results import lock
from hw.results.files import as_json, cannot_write, digest, read_json, write_text, write_texts
from hw.results.outcome import Outcome
from hw.results.run_file import Config, Entry, RunFile

FINISHED = ".finished"
# The folders that a results folder has of its own.
OWN = (FINISHED, ".checkpoint", "figures")

# What the files hold of a variant: its metrics, history, plots and checks, by these names.
Pieces = dict[str, Any]


def pieces_of(outcome: Outcome) -> Pieces:
    whole = outcome.as_json()
    return {
        "metrics": outcome.all_metrics(),
        **{name: whole[name] for name in ("history", "plots", "checks")},
    }


def digest_of(outcome: Outcome) -> str:
    """The digest of an outcome's numbers, measured times left out; the same for one that was just
    computed and for one read back. Raises `HwError` for what JSON cannot hold."""
    try:
        # Through JSON: a key that is a number comes back as a string, and sorts differently.
        return digest(json.loads(json.dumps(pieces_of(outcome))))
    except (TypeError, ValueError) as error:
        raise HwError(f"metrics.json cannot hold the results: {error}") from error


def is_stand_in(data: Mapping[str, Any] | None) -> bool:
    """Whether data, as run.json describes them, are a synthetic stand-in."""
    return data is not None and data.get("source") == "stand-in"


@dataclass(frozen=True)
class Results:
    """What a results folder holds, as `Folder.read` found it. Nothing in it has to be doubted."""

    path: Path
    run: RunFile = field(default_factory=RunFile)
    _finished: Mapping[str, Pieces] = field(default_factory=dict)
    _stamp: tuple[int, ...] = ()

    @cached_property
    def config(self) -> Config:
        """What config.yaml says; nothing where it cannot be read."""
        try:
            config = read_yaml(self.path / "config.yaml")
            digest(config)
        except (HwError, ValueError, TypeError):  # the last two: what JSON does not know
            config = None
        return Config.from_json(config)

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each variant. Raises `HwError` where they cannot be read, or are not
        what the run wrote."""
        lost = [v for v in self.run.variants if v not in self.sound]
        if lost:
            again = Folder(self.path).read()
            if again.run != self.run:  # it was being written
                return again.outcomes
            raise HwError(
                f"{self.path}: the numbers of {', '.join(lost)} are not those that were computed: "
                "a file was edited, exchanged or removed; run it again"
            )
        return self.sound

    @cached_property
    def sound(self) -> dict[str, Outcome]:
        """The outcomes without those of which a file was edited, exchanged or removed. Raises
        `HwError` where nothing can be read."""
        try:
            return {
                variant: _outcome(pieces, self.run.variants.get(variant, Entry()))
                for variant, pieces in self._pieces().items()
                if self._is_as_written(variant, pieces)
            }
        except (
            *(AttributeError, KeyError, TypeError, ValueError, OverflowError),
            RecursionError,
        ) as error:
            raise HwError(f"{self.path}: not a results folder ({error})") from error

    def out_of_date(self, variant: str, now: Mapping[str, str]) -> list[str]:
        """Why the variant must be computed: what of its fingerprint has changed (``settings``,
        ``data``, ``code``, ``versions``), or else its ``results``; empty if it is up to date.

        now: the fingerprint that it has today.
        """
        if variant not in self.run.variants:
            return ["results"]
        changed = self.run.variants[variant].changed(now)
        return changed or ([] if variant in self.sound else ["results"])

    def _is_as_written(self, variant: str, pieces: Pieces) -> bool:
        known = self.run.variants.get(variant, Entry()).digest
        try:
            return not known or known == digest(pieces)
        except (ValueError, RecursionError):  # an infinite number, or nested without end
            return False

    def _pieces(self) -> dict[str, Pieces]:
        nothing_yet = (self.run.status and not self.run.variants) or self._finished
        if nothing_yet and not os.path.exists(self.path / "metrics.json"):
            return dict(self._finished)
        files = {k: self._file(k) for k in ("metrics", "history", "plots", "checks")}
        found = {
            variant: {
                name: of_all.get(variant, [] if name == "checks" else {})
                for name, of_all in files.items()
            }
            for variant in files["metrics"]
        }
        return {**found, **self._finished}

    def _file(self, name: str) -> dict[str, Any]:
        path = self.path / f"{name}.json"
        # Only what a question has is written: no history without training, no checks without
        # statements.
        if name != "metrics" and not os.path.exists(path):
            return {}
        value = read_json(path)
        if not isinstance(value, dict):
            raise HwError(f"{path}: expected an object")
        return value


def _outcome(pieces: Pieces, entry: Entry) -> Outcome:
    checks = {check["name"] for check in pieces["checks"]}
    metrics = {name: v for name, v in pieces["metrics"].items() if name not in checks}
    return Outcome.from_json({**pieces, "metrics": metrics, "timing": entry.timing})


@dataclass(frozen=True)
class Folder:
    """The folder of one run: one question with one backend and one seed."""

    path: Path

    def read(self, before: Results | None = None) -> Results:
        """What the folder holds; an empty record where nothing has run. Never raises: what cannot
        be read says so when its numbers are asked for.

        A run whose process is gone without a word is ``interrupted``.

        before: what was read earlier, and is returned if no run has written here since.
        """
        stamp = self._stamp()
        if before is not None and (before.path, before._stamp) == (self.path, stamp):
            return before
        try:
            run = RunFile.from_json(read_json(self.path / "run.json"))
        except HwError:
            run = RunFile()
        if run.status == "running" and not lock.is_held(self.path):
            run = replace(run, status="interrupted")
        entries, pieces = self._finished()
        run = replace(run, variants={**run.variants, **entries})
        return Results(self.path, run, pieces, stamp)

    def _stamp(self) -> tuple[int, ...]:
        """Another one after every writing of run.json, which gets a new file."""
        try:
            status = (self.path / "run.json").stat()
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size

    # Writing

    def check_writable(self) -> None:
        """Raises `HwError` where the folder cannot be written: better before a run than after."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        for name in OWN:
            check_own(self.path / name)

    def write_outcomes(
        self,
        outcomes: Mapping[str, Outcome],
        config: Mapping[str, Any],
        meanwhile: RunFile | None = None,
    ) -> None:
        """Write what a run yields; ``run.json``, which makes it valid, is written last of all.

        meanwhile: what run.json says from before the first file changes.
        """
        pieces = {variant: pieces_of(outcome) for variant, outcome in outcomes.items()}
        texts: dict[Path, str] = {}
        if meanwhile is not None:
            texts[self.path / "run.json"] = as_json(meanwhile.as_json())
        gone = []
        for name in ("metrics", "history", "plots", "checks"):
            value = {v: p[name] for v, p in pieces.items() if p[name] or name == "metrics"}
            path = self.path / f"{name}.json"
            if value or name == "metrics":
                try:
                    # Pictures and surfaces are long rows of numbers: not one to a line.
                    texts[path] = as_json(value, None if name == "plots" else 2)
                except (TypeError, ValueError) as error:
                    raise HwError(f"{path}: cannot be written: {error}") from error
            else:
                gone.append(path)
        texts[self.path / "config.yaml"] = yaml.safe_dump(dict(config), sort_keys=True)
        write_texts(texts)
        for path in gone:
            path.unlink(missing_ok=True)
        self._forget_finished()

    def write_run(self, run: RunFile) -> None:
        write_text(self.path / "run.json", as_json(run.as_json()))

    # Variants that wait for the others of their run

    def keep(self, variant: str, outcome: Outcome, entry: Entry) -> None:
        """Write a finished variant into a file of its own, which is read with the others until
        `write_outcomes` writes all of them."""
        kept = {"entry": entry.as_json(), "pieces": pieces_of(outcome)}
        path = self.path / FINISHED / f"{quote(variant, safe='')}.json"
        write_text(path, as_json(kept, None))

    def _finished(self) -> tuple[dict[str, Entry], dict[str, Pieces]]:
        entries, pieces = dict[str, Entry](), dict[str, Pieces]()
        folder = self.path / FINISHED
        for path in () if os.path.islink(folder) else folder.glob("*.json"):
            with suppress(HwError, KeyError, TypeError, ValueError):
                kept = read_json(path)
                entry, found = Entry.from_json(kept["entry"]), kept["pieces"]
                if entry.digest == digest(found):
                    variant = unquote(path.stem)
                    entries[variant], pieces[variant] = entry, found
        return entries, pieces

    def _forget_finished(self) -> None:
        folder = self.path / FINISHED
        if os.path.isdir(folder) and not os.path.islink(folder):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()


def check_own(folder: Path) -> None:
    """Raises `HwError` where a folder of hw's own is a link: what it leads to is somebody else's,
    and must not be written, emptied or removed."""
    if os.path.islink(folder):
        raise HwError(f"{folder} is a link, and hw writes into folders of its own; remove the link")
