"""Checkpoints: a variant in training, saved after an epoch, so that the same command goes on there.

A checkpoint is an .npz file of arrays (parameters, optimiser, generators, place in the order) with
a JSON text among them (epoch, history, fingerprint), in a hidden folder of the results folder. It
is written beside and renamed, read without pickle, and removed when its variant is finished. One
that is damaged, or whose fingerprint is not that of the task, is ignored: the run starts over.

Saving costs little: the state is copied once a second at most, and written every ten seconds, or
less often where writing is slow; runs shorter than a second do neither.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import stat
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from hw.errors import HwError
from hw.results.files import remove_parts, written_beside
from hw.results.folder import check_own
from hw.runs import interruption
from hw.training.loop import Progress

Array = NDArray[Any]

FORMAT = 1
FOLDER = ".checkpoint"
ABOUT = "about.json"
SNAPSHOT_SECONDS = 1.0
WRITE_SECONDS = 10.0
# Of the time of a run, at most one part in so many goes into writing.
WRITE_SHARE = 50


class Unusable(Exception):
    """A file that is no checkpoint of this task, with the reason."""


def path_of(folder: Path, variant: str) -> Path:
    """The checkpoint of a variant in a results folder."""
    return folder / FOLDER / f"{quote(variant, safe='')}.npz"


def remove(path: Path) -> None:
    """Remove a checkpoint, and the folder of them if it was the last one."""
    with contextlib.suppress(OSError, HwError):
        check_own(path.parent)
        path.unlink(missing_ok=True)
        remove_parts(path.parent)
        path.parent.rmdir()


def write(path: Path, fingerprint: str, progress: Progress, epoch_seconds: Sequence[float]) -> None:
    """Write a checkpoint as a whole or not at all. Raises `HwError`."""
    about = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "epoch": progress.epoch,
        "history": progress.history,
        "best": list(progress.best),
        "epoch_seconds": list(epoch_seconds),
    }
    text = json.dumps(about, allow_nan=False).encode()
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez(file, **{ABOUT: np.frombuffer(text, np.uint8)}, **progress.arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, fingerprint: str) -> tuple[Progress, list[float]] | None:
    """What `write` was given; None where there is no checkpoint. Raises `Unusable`."""
    try:
        arrays = _arrays(path)
        about = json.loads(arrays.pop(ABOUT).tobytes())
        if (about["format"], about["fingerprint"]) != (FORMAT, fingerprint):
            raise Unusable("it is of other settings, data, code or versions")
        return _progress(about, arrays), about["epoch_seconds"]
    except FileNotFoundError:
        return None
    except Unusable:
        raise
    except Exception as error:  # whatever is wrong with a file: there is a way to do without it
        raise Unusable(f"it is damaged ({type(error).__name__})") from error


def _progress(about: dict[str, Any], arrays: dict[str, Array]) -> Progress:
    """Where the run stood, if the file says so without contradiction. Raises `Unusable`."""
    epoch, history, (best_epoch, best_loss) = about["epoch"], about["history"], about["best"]
    if type(epoch) is not int or not all(_are_finite(values) for values in history.values()):
        raise Unusable("its history is none")
    # Lengths first: an epoch of many digits costs no memory here.
    if {len(values) for values in history.values()} != {epoch}:
        raise Unusable("its history does not fit its epoch")
    if history["epoch"] != list(range(1, epoch + 1)):
        raise Unusable("its history does not fit its epoch")
    if type(best_epoch) is not int or not 0 <= best_epoch <= epoch or not _are_finite([best_loss]):
        raise Unusable("its best epoch is none")
    if not _are_finite(about["epoch_seconds"]):
        raise Unusable("its times are none")
    return Progress(epoch, history, (best_epoch, best_loss), arrays)


def _are_finite(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(v) in (int, float) and math.isfinite(v) for v in values
    )


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file, each checked against its checksum before it is looked at."""
    found = {}
    # Neither a folder, nor what a FIFO or a device brings without end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unusable("it is no file")
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError("a compressed member")
            content = io.BytesIO(archive.read(member))
            found[member.filename.removesuffix(".npy")] = np.lib.format.read_array(
                content, allow_pickle=False
            )
    return found


class Keeper:
    """Saves a variant while it trains.

    path:          None: nothing is saved, and an interruption loses the variant.
    epoch_seconds: how long each epoch has taken; read whenever something is written.
    note:          told in one line what goes wrong: a run can do without its checkpoints.
    """

    def __init__(
        self,
        path: Path | None,
        fingerprint: str,
        epoch_seconds: Sequence[float] = (),
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        # A results folder that is not there is that of another machine.
        self.path = path if path is not None and path.parent.parent.is_dir() else None
        self.fingerprint, self.epoch_seconds, self.note = fingerprint, epoch_seconds, note
        self.snapshot: tuple[Progress, list[float]] | None = None
        self.copied_at = self.written_at = time.monotonic()
        self.pause = WRITE_SECONDS

    def epoch_done(self, progress: Callable[[], Progress]) -> None:
        """Save, if it is time to. Raises `KeyboardInterrupt` if the run is to end here."""
        ending = interruption.requested()
        now = time.monotonic()
        if self.path is not None and (ending or now - self.copied_at >= SNAPSHOT_SECONDS):
            self.snapshot = progress(), list(self.epoch_seconds)
            self.copied_at = now
            if now - self.written_at >= self.pause:
                self.flush()
        if ending:
            self.flush()
            raise KeyboardInterrupt

    def flush(self) -> None:
        """Write what has been copied last, unless it is written already."""
        if self.path is None or self.snapshot is None:
            return
        (progress, epoch_seconds), self.snapshot = self.snapshot, None
        began = time.monotonic()
        try:
            write(self.path, self.fingerprint, progress, epoch_seconds)
        except HwError as error:
            self.note(f"no checkpoint, the run goes on without: {error}")
            self.path = None
        self.written_at = time.monotonic()
        self.pause = max(WRITE_SECONDS, WRITE_SHARE * (self.written_at - began))
