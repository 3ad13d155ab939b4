"""The carrying out of one run: its folder is taken, filled as variants are done, and let go of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hw.errors import HwError, as_expected
from hw.results import lock
from hw.results.folder import Folder, Results, digest_of, is_stand_in
from hw.results.identity import PLAIN
from hw.results.run_file import Entry, RunFile
from hw.runs import checkpoint, worker
from hw.runs.executor import Failed
from hw.runs.machine import environment
from hw.runs.planning import Run
from hw.runs.worker import Done

Say = Callable[[str], None]


class Execution:
    """`begin`; `mark` as a task begins, and `add` for its result; `end`, whatever happened.

    known:   what the folder holds.
    missing: the variants that are still to come now.
    fresh:   what run.json will say of the variants that are done.
    """

    def __init__(self, run: Run, say: Say, draw: bool = True) -> None:
        self.run, self.say, self.draw = run, say, draw
        self.chosen = frozenset(run.variants)
        self.known = Results(run.folder.path)
        self.missing: set[str] = set()
        self.fresh: dict[str, Entry] = {}
        self.lock: lock.Lock | None = None
        self.marked = self.written = False
        # Several tasks of a run may begin at the same moment.
        self.marking = threading.Lock()

    # Before anything is computed

    def begin(self) -> list[str]:
        """Load the data, and return the variants that must be computed. Raises `HwError`: what is
        wrong with the data or with the folder is said before anything runs."""
        run, source = self.run, self.run.question.data
        if source is not None:
            request = run.request
            data = worker.load_source(source, request.data_directory, request.data_mode)
            run.data, run.data_notes = data.describe(), data.notes[1:]  # the first is the view's
        self.keep_real()
        busy = None
        try:
            self.lock = lock.acquire(run.folder.path)
        except lock.InUse as error:  # which matters only if there is something to compute
            busy = error
        try:
            stale = self._take_stock()
            if stale and busy:
                raise busy
            if stale:
                run.folder.check_writable()
                if run.reason:
                    self.say(f"{run.id}: runs again, {run.reason}")
                self.missing = set(stale)
            if not busy:
                done = run.variants if run.request.force else run.outcomes
                self._remove_checkpoints(done)
            if not stale:
                self._find_up_to_date()
            return stale
        finally:
            # The first task takes it again: a run that waits for others holds nothing open.
            self._release()

    def keep_real(self) -> None:
        """Read the folder. Synthetic results never take the place of real ones: they get a folder
        of their own."""
        run = self.run
        self.known = run.folder.read()
        known = self.known.run.data
        if known and known["source"] == "real" and is_stand_in(run.data):
            path = run.folder.path
            name = path.name + ("-" if "@" in path.name else "@") + "stand-in"
            run.folder = Folder(path.with_name(name))
            self.known = run.folder.read()

    def _take_stock(self) -> list[str]:
        """Take over what is up to date in the folder; returns the variants that are not."""
        run = self.run
        self.known = run.folder.read(self.known)
        known = self.known.run.variants
        stale = []
        # Other variants of the question in the same folder are kept if they are up to date.
        for variant in run.question.variants:
            if variant not in self.chosen and variant not in known:
                continue
            if variant not in run.variants:
                run.variants[variant] = run.question.resolve(variant, run.flags)
            changed = self._changed(variant)
            if not changed:
                run.outcomes[variant] = self.known.sound[variant]
                continue
            run.outcomes.pop(variant, None)
            if variant in self.chosen:
                stale.append(variant)
                run.reason = ", ".join(changed) if variant in known else run.reason
            else:
                del run.variants[variant]
        return stale

    def _changed(self, variant: str) -> list[str]:
        """Why the variant must be computed; empty if it is up to date."""
        if self.run.request.force and variant in self.chosen:
            return ["--force"]
        try:
            changed = self.known.out_of_date(variant, self.run.fingerprint(variant))
        except HwError as error:
            return [str(error)]
        return [f"changed: {', '.join(changed)}"] if changed else []

    def _find_up_to_date(self) -> None:
        """There is nothing to compute."""
        run, known = self.run, self.known
        run.status = "up to date"
        self.say(f"{run.id}: up to date ({run.folder.path}); --force runs it again")
        self._say_diverged()
        whole = run.outcomes.keys() >= set(run.question.variants)
        ended = known.run.status in ("running", "interrupted", "failed")
        settings = {v: run.identity.variants[v] for v in run.outcomes}
        if self.lock and whole and (ended or known.config.variants != settings):
            # It was killed before its end, or somebody edited config.yaml.
            with suppress(HwError):
                self.write({}, "done" if run.status == "up to date" else run.status)
        if self.draw:
            draw(run, self.say, only_missing=True)

    # While its tasks are at work

    def mark(self) -> None:
        """A task begins. The first one takes the folder, whose run.json then says that the run is
        under way: all that is left of it if it is killed. Raises `HwError`."""
        with self.marking:
            if self.marked:
                return
            self.lock = lock.acquire(self.run.folder.path)
            self.marked = True
            self._take_stock()  # another process may have been here since `begin`
            known = self.known.run
            about = known if known.variants else about_run(self.run)
            # A disk that cannot be written is reported where results are lost by it.
            with suppress(HwError):
                self._write_run(replace(about, status="running"))

    def add(self, variant: str, result: Done | Failed) -> None:
        """Keep what is there, after every variant: an interruption loses one at most."""
        self.missing.discard(variant)
        try:
            if isinstance(result, Failed):
                raise result.error
            check_vouched_for(result, self.run)
            self._keep(variant, result)
        except Exception as error:  # a defect in one question must not cost the others
            self.fail(as_expected(error), variant)
        if not self.missing:
            self.end()

    def share(self, variant: str, result: Done | Failed) -> None:
        """Keep the result of a task that was another question's, and is this one's too."""
        try:
            self.mark()
        except HwError as error:
            result = Failed(result.task, error)
        self.add(variant, result)

    def _keep(self, variant: str, done: Done) -> None:
        run = self.run
        entry = Entry(
            fingerprint=run.fingerprint(variant),
            digest=digest_of(done.outcome),
            seconds=round(done.seconds, 3),
            epoch_seconds=tuple(round(s, 4) for s in done.epoch_seconds),
            peak_memory_mb=round(done.peak_memory_mb, 1),
            status="diverged" if done.outcome.diverged else "done",
            timing=done.outcome.timing,
        )
        run.done.append(done)
        run.outcomes[variant] = done.outcome
        self.fresh[variant] = entry
        if not self.missing:
            return  # `end` writes it
        if self.written:
            # All of the folder after each of many variants would be a work that grows with their
            # square.
            run.folder.keep(variant, done.outcome, entry)
        else:
            self.write(self.fresh, "running")
            self.written = True
        self._remove_checkpoints([variant])

    def end(self) -> None:
        """Write what came last, and let go of the folder, which says what became of the run."""
        try:
            if self.marked:
                self.marked = False
                self._finish()
        finally:
            self._release()

    def _finish(self) -> None:
        run = self.run
        if run.error is None and not self.missing:
            run.status = "done" if run.outcomes.keys() >= run.variants.keys() else "incomplete"
            self._say_diverged()
        # Variants are missing after an interruption, or a failure with --fail-fast.
        interrupted = self.missing and run.error is None
        status = "interrupted" if interrupted else run.status
        try:
            if self.fresh:
                self.write(self.fresh, status)
                self._remove_checkpoints(self.fresh)
            else:
                self._write_run(replace(self.known.run, status=status))
            if self.draw and run.outcomes and not self.missing:
                draw(run, self.say)
        except Exception as error:  # as in `add`
            self.fail(as_expected(error))
        saved = (checkpoint.path_of(run.folder.path, v).exists() for v in self.missing)
        if any(saved):
            self.say(
                f"note: {run.id}: its last epoch is saved; the same command goes on from there"
            )

    # Writing

    def write(self, fresh: Mapping[str, Entry], status: str) -> None:
        """The run's folder; ``run.json``, which vouches for its numbers, last of all.

        fresh: what run.json will say of the variants that it does not know yet.
        """
        run, known = self.run, self.known.run.variants
        run.outcomes = {v: run.outcomes[v] for v in run.question.variants if v in run.outcomes}
        entries = {v: fresh[v] if v in fresh else known[v] for v in run.outcomes}
        # While its numbers change, no entry vouches for a variant that has others from now on.
        kept = {
            variant: entry
            for variant, entry in entries.items()
            if variant in known
            and known[variant].fingerprint == entry.fingerprint
            and known[variant].digest == entry.digest
        }
        about = about_run(run)
        run.folder.write_outcomes(
            run.outcomes, self._config(), replace(about, status="running", variants=kept)
        )
        self._write_run(
            replace(
                about,
                status=status,
                variants=entries,
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
                environment=environment(),
            )
        )

    def _config(self) -> dict[str, Any]:
        run = self.run
        return {
            "question": run.id,
            "title": run.question.title,
            "backend": run.backend,
            **run.options,
            "data": dict(run.question.data) if run.question.data else None,
            "variants": {v: run.identity.variants[v] for v in run.outcomes},
            **({"seeds": list(run.seeds)} if run.seeds else {}),
        }

    def _write_run(self, run: RunFile) -> None:
        self.run.folder.write_run(run)
        self.known = replace(self.known, run=run)

    def _remove_checkpoints(self, variants: Mapping[str, Any] | list[str]) -> None:
        for variant in variants:
            checkpoint.remove(checkpoint.path_of(self.run.folder.path, variant))

    def _release(self) -> None:
        held, self.lock = self.lock, None
        if held:
            held.release()

    # What is said

    def _say_diverged(self) -> None:
        """Mark and name a divergence that is no result, be it of today or of an earlier run."""
        run = self.run
        if run.question.may_diverge:
            return
        for variant, outcome in run.outcomes.items():
            if outcome.diverged:
                run.status = "diverged"
                text = f" ({variant})" if len(run.outcomes) > 1 else ""
                epoch = str(outcome.metrics.get("diverged_epoch"))
                if "diverged_step" in outcome.metrics:
                    epoch += f", after {outcome.metrics['diverged_step']} finite updates of it"
                self.say(
                    f"error: {run.id}{text}: diverged in epoch {epoch}; its history up to then is "
                    f"in {run.folder.path}; try a smaller learning rate"
                )

    def fail(self, error: HwError, variant: str = "") -> None:
        self.run.status, self.run.error = "failed", error
        self.say(f"error: {self.name(variant)}: {error}")

    def name(self, variant: str) -> str:
        """The run in a message, with the variant where there are several."""
        several = len(self.run.variants) > 1 and variant
        return f"{self.run.id} ({variant})" if several else self.run.id


def about_run(run: Run) -> RunFile:
    """What is known of a run before it begins."""
    options = PLAIN | run.options
    return RunFile(
        question=run.id,
        command=run.request.command,
        seeds=run.seeds or (() if run.seed is None else (run.seed,)),
        backend=run.backend,
        device=options["device"],
        precision=options["precision"],
        data=run.data,
    )


def check_vouched_for(done: Done, run: Run) -> None:
    """Raises `HwError` if a task was computed from other data, or by other code, than those found
    here: on a cluster, or while somebody edited the source."""
    here, there = (data["sha256"][:8] if data else "none" for data in (run.data, done.data))
    if here != there:
        raise HwError(
            f"the worker's data are others than those here (sha256 {there}…, {here}…): put the "
            f"same files into {done.task.data_directory} on every machine, and restart the "
            "workers, which keep what they have read"
        )
    mine = run.fingerprint(done.task.variant)
    other = [key for key, value in done.made_by.items() if mine[key] != value]
    if other:
        raise HwError(
            f"it was computed with other {' and '.join(other)} than those here: the source was "
            "changed meanwhile, or a worker has another one; run it again"
        )


def draw(run: Run, say: Say, only_missing: bool = False) -> None:
    """The figures of a run. One that cannot be drawn is told, and costs no number."""
    from hw.figures.draw import draw_all

    try:
        draw_all(run.question, run.outcomes, run.folder, run.data, only_missing=only_missing)
    except Exception as error:
        run.undrawn = as_expected(error)
        say(f"error: {run.id}: {run.undrawn}; its numbers are kept")
