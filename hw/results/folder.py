"""Results folders: written beside and renamed, read without trust, compared by content.

A folder needs no tool to read it: four JSON or YAML files and a folder of figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hw.config.located import read_yaml
from hw.errors import HwError
from hw.results import lock
from hw.results.outcome import Outcome

MAX_JSON_BYTES = 200_000_000
PART = ".part"  # how the names of unfinished files end


def digest(value: Any) -> str:
    """sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all: beside it, flushed, then renamed.

    Raises `HwError` where the folder cannot be written.
    """
    write_texts({path: text})


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several files: all of them are on the disk before the first takes its place, so that
    a full disk leaves every old one as it was. They take their places in this order.

    Raises `HwError` where a folder cannot be written.
    """
    with ExitStack() as stack:
        for path, text in reversed(list(texts.items())):  # those entered last are renamed first
            beside = stack.enter_context(written_beside(path))
            with beside.open("wb") as file:
                # A path that is not text has lone surrogates, and a command line may hold one.
                file.write(text.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A file to write in place of ``path``, which it becomes at the end.

    However the block ends, nothing is left beside. Raises `HwError` where the folder cannot be
    written.
    """
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
        os.close(handle)
        beside = Path(name)
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
        beside = None
    except OSError as error:
        raise HwError(
            f"cannot write {path}: {error.strerror or error}; "
            "choose another folder with --results-dir"
        ) from error
    finally:
        if beside:
            beside.unlink(missing_ok=True)


def as_json(value: Any, indent: int | None = 2) -> str:
    """JSON as every file here has it: sorted keys, no NaN, a last newline."""
    return (
        json.dumps(value, indent=indent, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    )


def read_json(path: Path) -> Any:
    """A JSON file. Raises `HwError` for one that is missing, no regular file, too large or not
    JSON."""
    try:
        # A pipe without a writer must not hold up the reader.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise HwError(f"{path}: not a regular file; delete the folder and run again")
            raw = file.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise HwError(f"{path}: larger than {MAX_JSON_BYTES} bytes")
        # Python would also read NaN and Infinity, which are not JSON.
        return json.loads(raw.decode(), parse_constant=_refuse)
    except OSError as error:
        raise HwError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise HwError(f"{path}: not JSON ({error}); delete the folder and run again") from error


def is_stand_in(data: Mapping[str, Any] | None) -> bool:
    """Whether data, as run.json describes them, are a synthetic stand-in."""
    return data is not None and data.get("source") == "stand-in"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, dict) for v in value.values())


# The form of what is read back from run.json and config.yaml; what has another is left out.
_SOUND: dict[str, Callable[[Any], bool]] = {
    "status": lambda v: isinstance(v, str),
    "data": lambda v: isinstance(v, dict),
    "seeds": lambda v: isinstance(v, list),
    "variants": _by_name,
    "environment": lambda v: isinstance(v, dict) and isinstance(v.get("packages", {}), dict),
}


@dataclass(frozen=True)
class Folder:
    """The results of one run: one question with one backend and one seed."""

    path: Path

    def outcomes(self, run: Mapping[str, Any] | None = None) -> dict[str, Outcome]:
        """The outcome of each variant. Raises `HwError`.

        run: what run.json says, of those who have read it.
        """
        run = self.run() if run is None else run
        nothing_finished = "variants" in run and not run["variants"]
        if nothing_finished and not (self.path / "metrics.json").exists():
            return {}
        metrics = self._read("metrics.json", needed=True)
        history = self._read("history.json")
        plots = self._read("plots.json")
        checks = self._read("checks.json")
        entries = run.get("variants", {})
        try:
            return {
                variant: Outcome.from_json(
                    {
                        "metrics": {
                            k: v
                            for k, v in metrics[variant].items()
                            if k not in _names(checks, variant)
                        },
                        "history": history.get(variant, {}),
                        "plots": plots.get(variant, {}),
                        "checks": checks.get(variant, []),
                        "timing": entries.get(variant, {}).get("timing", {}),
                    }
                )
                for variant in metrics
            }
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise HwError(f"{self.path}: not a results folder ({error})") from error

    def _read(self, name: str, needed: bool = False) -> dict[str, Any]:
        path = self.path / name
        # Only what a question has is written: no history without training, no checks without
        # statements.
        if not needed and not path.exists():
            return {}
        value = read_json(path)
        if not isinstance(value, dict):
            raise HwError(f"{path}: expected an object")
        return value

    def run(self) -> dict[str, Any]:
        """What run.json says; empty where nothing has run. A run whose process is gone without a
        word is ``interrupted``."""
        try:
            value = read_json(self.path / "run.json")
        except HwError:
            return {}
        if not isinstance(value, dict):
            return {}
        value = {k: v for k, v in value.items() if k not in _SOUND or _SOUND[k](v)}
        if value.get("status") == "running" and not lock.is_held(self.path):
            value["status"] = "interrupted"
        return value

    def config(self) -> dict[str, Any]:
        """What config.yaml says; empty where there is none that can be read."""
        try:
            config = read_yaml(self.path / "config.yaml")
            digest(config)
        except (HwError, ValueError, TypeError):  # the last two: what JSON does not know
            return {}
        if not isinstance(config, dict):
            return {}
        return {k: v for k, v in config.items() if k not in _SOUND or _SOUND[k](v)}

    def check_writable(self) -> None:
        """Raises `HwError` where the folder cannot be written: better before a run than after."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise HwError(
                f"cannot write {self.path}: {error.strerror or error}; "
                "choose another folder with --results-dir"
            ) from error

    def write_outcomes(
        self,
        outcomes: Mapping[str, Outcome],
        config: Mapping[str, Any],
        meanwhile: Mapping[str, Any] | None = None,
    ) -> None:
        """Write what a run yields; ``run.json``, which makes it valid, is written last of all.

        meanwhile: what run.json says from before the first file changes.
        """
        files = {
            "metrics.json": {v: o.all_metrics() for v, o in outcomes.items()},
            "history.json": {v: o.history for v, o in outcomes.items() if o.history},
            "plots.json": {v: o.plots for v, o in outcomes.items() if o.plots},
            "checks.json": {v: o.as_json()["checks"] for v, o in outcomes.items() if o.checks},
        }
        texts: dict[Path, str] = {}
        for name, value in files.items():
            if value or name == "metrics.json":
                # Pictures and surfaces are long rows of numbers: not one to a line.
                try:
                    text = as_json(value, None if name == "plots.json" else 2)
                except (TypeError, ValueError) as error:
                    raise HwError(f"{self.path / name}: cannot be written: {error}") from error
                texts[self.path / name] = text
        texts[self.path / "config.yaml"] = yaml.safe_dump(dict(config), sort_keys=True)
        if meanwhile is not None:
            texts = {self.path / "run.json": as_json(dict(meanwhile)), **texts}
        write_texts(texts)
        for name in files:
            if self.path / name not in texts:
                (self.path / name).unlink(missing_ok=True)

    def remove_parts(self) -> None:
        """Remove the unfinished files of a process that was killed."""
        for folder in (self.path, *self.path.glob("*/")):
            for part in folder.glob(f".*{PART}"):
                with suppress(OSError):
                    part.unlink()

    def write_run(self, run: Mapping[str, Any]) -> None:
        write_text(self.path / "run.json", as_json(dict(run)))


def _names(checks: Mapping[str, Any], variant: str) -> set[str]:
    return {c["name"] for c in checks.get(variant, [])}
