"""Runs: settings -> data -> question -> results folder.

What `hw.runs.planning` has planned is carried out here, and written as soon as it is there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hw.errors import HwError, as_expected
from hw.results import lock
from hw.results.folder import Folder, digest, is_stand_in
from hw.results.identity import PLAIN
from hw.results.over_seeds import aggregate
from hw.runs import checkpoint, executor, worker
from hw.runs.machine import environment
from hw.runs.planning import Request, Run
from hw.runs.worker import Done, Task
from hw.training.loop import Relay, Watcher

Say = Callable[[str], None]
WatcherFor = Callable[[Run, str], Watcher]


def execute(
    runs: Sequence[Run], request: Request, say: Say, watcher_for: WatcherFor, draw: bool = True
) -> list[Run]:
    """Carry out planned runs, each written to its folder as soon as its variants are done.

    say: told what a user must know, a line at a time.

    Returns the runs over several seeds, one for each question and backend that has them.
    """
    executions = [Execution(run, say, draw) for run in runs]
    try:
        _execute(executions, request, say, watcher_for)
    finally:
        for one in executions:
            one.end()
    sums = _sum_up(runs, request, say, draw)
    for run in runs:
        # What a figure compares its question with may have finished after it.
        if draw and run.outcomes and any("with" in f for f in run.question.figures):
            _draw(run, only_missing=True)
    return sums


def _execute(
    executions: Sequence[Execution], request: Request, say: Say, watcher_for: WatcherFor
) -> None:
    todo: list[tuple[Execution, str]] = []
    for one in executions:
        if one.run.status == "skipped":
            say(f"{one.run.id}: skipped, {one.run.reason}")
            continue
        try:
            todo += [(one, variant) for variant in one.begin()]
        except Exception as error:  # a defect in one question is no reason to drop the others
            one.fail(as_expected(error))
            if request.fail_fast:
                return
    if request.limit and len(todo) > request.limit:
        say(f"note: {request.limit} of {len(todo)} tasks, as --limit asks; run again for more")
        for one, variant in todo[request.limit :]:
            one.run.status = "incomplete"
            one.missing.discard(variant)
        del todo[request.limit :]
    tasks = [_task(one.run, variant, request) for one, variant in todo]
    _say_how_long(tasks, request, say)
    watchers = [_Beginning(watcher_for(one.run, variant), one, variant) for one, variant in todo]
    if request.scheduler:  # whose workers tell nothing
        for one, _ in todo:
            one.mark()
    results = _executor(tasks, watchers, request)
    with contextlib.closing(results):  # whatever happens here, what it started ends with it
        for number, result in results:
            one, variant = todo[number]
            one.add(variant, _vouched_for(result, one.run))
            if request.fail_fast and one.run.status in ("failed", "diverged"):
                return


class Execution:
    """The carrying out of one run: `begin`, `add` for every result, `end`.

    known:   what run.json says; read once, and remembered as it is written.
    missing: the variants that are still to come now.
    """

    def __init__(self, run: Run, say: Say, draw: bool = True) -> None:
        self.run, self.say, self.draw = run, say, draw
        self.known: dict[str, Any] = {}
        self.missing: set[str] = set()
        self.lock: lock.Lock | None = None
        self.marked = False
        # Several tasks of a run may begin at the same moment.
        self.marking = threading.Lock()

    def begin(self) -> list[str]:
        """Load the data, take the folder, and return the variants that must be computed. Raises
        `HwError`, before anything of the run is computed."""
        run = self.run
        self._find_data()
        try:
            self.lock = lock.acquire(run.folder.path)
        except lock.InUse:
            if self._stale():
                raise
            stale = []
        else:
            if self.lock:
                run.folder.remove_parts()
            stale = self._stale()
            if stale:
                run.folder.check_writable()
            for variant in run.variants:
                if run.request.force or variant not in stale:
                    checkpoint.remove(checkpoint.path_of(run.folder.path, variant))
        if stale:
            if run.reason:
                self.say(f"{run.id}: runs again, {run.reason}")
            self.missing = set(stale)
            return stale
        if self.draw:
            _draw(run, only_missing=True)
        run.status = "up to date"
        self.say(f"{run.id}: up to date ({run.folder.path}); --force runs it again")
        self._say_diverged()
        self._mend()
        self.end()
        return []

    def _find_data(self) -> None:
        """Load the data once, so that what is wrong with them is said before anything runs."""
        run, source = self.run, self.run.question.data
        if source is not None:
            request = run.request
            data = worker.load_data(
                source["name"], source["view"], request.data_directory, request.data_mode
            )
            run.data, run.data_notes = data.describe(), data.notes[1:]  # the first is the view's
        self.known = _keep_real(run)

    def _stale(self) -> list[str]:
        """The variants that must be computed; those up to date are taken from the folder."""
        run, chosen = self.run, list(self.run.variants)
        known = self.known.get("variants")
        if not known:
            return chosen
        try:
            found = run.folder.outcomes(self.known)
        except HwError as error:
            run.reason = str(error)
            return chosen
        stale = []
        # Other variants of the question in the same folder are kept if they are up to date.
        for variant in run.question.variants:
            asked_for = variant in run.variants
            if not asked_for:
                if variant not in known or variant not in found:
                    continue
                run.variants[variant] = run.question.resolve(variant, run.flags)
            current, before = run.fingerprint(variant), known.get(variant, {}).get("fingerprint")
            if variant in found and before == current:
                run.outcomes[variant] = found[variant]
            elif not asked_for:
                del run.variants[variant]
            else:
                stale.append(variant)
                if isinstance(before, dict):
                    changed = [k for k in current if before.get(k) != current[k]]
                    run.reason = f"changed: {', '.join(changed) or 'results'}"
        if run.request.force:
            run.reason = "--force"
            for variant in chosen:
                run.outcomes.pop(variant, None)
            return chosen
        return stale

    def mark(self) -> None:
        """Say in run.json that the run is under way: all that is left of it if it is killed."""
        with self.marking:
            if self.marked:
                return
            self.marked = True
            if not self.known.get("variants"):
                self.known = {**_about(self.run), "variants": {}}
            # A disk that cannot be written is reported where results are lost by it.
            with contextlib.suppress(HwError):
                self._write_run({**self.known, "status": "running"})

    def add(self, variant: str, result: Done | executor.Failed) -> None:
        """Write what is there: after every variant, so that an interruption loses one at most."""
        run = self.run
        self.missing.discard(variant)
        if isinstance(result, executor.Failed):
            self.fail(result.error, variant)
        else:
            run.done.append(result)
            run.outcomes[variant] = result.outcome
        if run.outcomes:
            try:
                self._finish()
                if not isinstance(result, executor.Failed):
                    checkpoint.remove(checkpoint.path_of(run.folder.path, variant))
            except Exception as error:  # a defect in one question must not cost the others
                self.fail(as_expected(error))
        if not self.missing:
            self.end()

    def _finish(self) -> None:
        run, complete = self.run, not self.missing
        run.outcomes = {v: run.outcomes[v] for v in run.question.variants if v in run.outcomes}
        if run.error is None:
            run.status = "done" if run.outcomes.keys() >= run.variants.keys() else "incomplete"
        entries = {v: e for v, e in self.known.get("variants", {}).items() if v in run.outcomes}
        for done in run.done:
            entries[done.task.variant] = {
                "fingerprint": run.fingerprint(done.task.variant),
                "seconds": round(done.seconds, 3),
                "epoch_seconds": [round(s, 4) for s in done.epoch_seconds],
                "peak_memory_mb": done.peak_memory_mb and round(done.peak_memory_mb, 1),
                "status": "diverged" if done.outcome.diverged else "done",
                **({"timing": done.outcome.timing} if done.outcome.timing else {}),
            }
        if complete and run.error is None:
            self._say_diverged()
        self.write(entries, complete)

    def write(self, entries: Mapping[str, Mapping[str, Any]], complete: bool = True) -> None:
        """The run's folder; ``run.json``, which makes it valid, last of all. The figures, of
        which none is worth a number, come after it."""
        run = self.run
        config: dict[str, Any] = {
            "question": run.id,
            "title": run.question.title,
            "backend": run.backend,
            **run.options,
            "data": dict(run.question.data) if run.question.data else None,
            "variants": {v: run.identity.variants[v] for v in run.outcomes},
        }
        if run.seeds:
            config["seeds"] = list(run.seeds)
        # While its numbers change, no entry vouches for a variant that has others from now on.
        before = self.known.get("variants", {})
        kept = {
            variant: entry
            for variant, entry in entries.items()
            if before.get(variant, {}).get("fingerprint") == entry["fingerprint"]
        }
        about = _about(run)
        run.folder.write_outcomes(
            run.outcomes, config, {**about, "status": "running", "variants": kept}
        )
        self._write_run(
            {
                **about,
                "status": run.status if complete else "running",
                "variants": dict(entries),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "environment": environment(),
            }
        )
        if self.draw and complete:
            _draw(run)

    def _write_run(self, known: dict[str, Any]) -> None:
        self.run.folder.write_run(known)
        self.known = known

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

    def _mend(self) -> None:
        """What an interrupted run says of itself, once nothing is missing any more."""
        run = self.run
        whole = run.outcomes.keys() >= set(run.question.variants)
        ended = self.known.get("status") in ("running", "interrupted", "failed")
        if self.lock and whole and ended:
            status = run.status if run.status == "diverged" else "done"
            with contextlib.suppress(HwError):
                self._write_run({**self.known, "status": status})

    def fail(self, error: HwError, variant: str = "") -> None:
        self.run.status, self.run.error = "failed", error
        self.say(f"error: {self.name(variant)}: {error}")

    def name(self, variant: str) -> str:
        """The run in a message, with the variant where there are several."""
        several = len(self.run.variants) > 1 and variant
        return f"{self.run.id} ({variant})" if several else self.run.id

    def end(self) -> None:
        """Let go of the folder, which says what became of the run."""
        run = self.run
        held, self.lock = self.lock, None
        if self.marked:
            self.marked = False
            if self.known.get("status") in ("running", "interrupted"):
                # Ended before its last task: by an interruption, or a failure with --fail-fast.
                status = "failed" if run.status == "failed" else "interrupted"
                with contextlib.suppress(HwError):
                    self._write_run({**self.known, "status": status})
                saved = (checkpoint.path_of(run.folder.path, v).exists() for v in run.variants)
                if any(saved):
                    self.say(
                        f"note: {run.id}: its last epoch is saved; "
                        "the same command goes on from there"
                    )
        if held:
            held.release()


class _Beginning(Relay):
    """Marks a run as running when its first task is begun, and says what a task has to say."""

    def __init__(self, inner: Watcher, execution: Execution, variant: str) -> None:
        super().__init__(inner)
        self.execution, self.name = execution, execution.name(variant)

    def begun(self) -> None:
        self.execution.mark()
        super().begun()

    def note(self, text: str) -> None:
        self.execution.say(f"note: {self.name}: {text}")
        super().note(text)

    def resumed(self, epoch: int) -> None:
        self.execution.say(
            f"note: {self.name}: goes on after epoch {epoch}, where an earlier run stopped"
        )
        super().resumed(epoch)


def _vouched_for(result: Done | executor.Failed, run: Run) -> Done | executor.Failed:
    """A failure if the task was computed from other data, or by other code, than those found here:
    on a cluster, or while somebody edited the source."""
    if isinstance(result, executor.Failed):
        return result
    here, there = (data["sha256"][:8] if data else "none" for data in (run.data, result.data))
    if here != there:
        return executor.Failed(
            result.task,
            HwError(
                f"the worker's data are others than those here (sha256 {there}…, {here}…): put the "
                f"same files into {result.task.data_directory} on every machine, and restart the "
                "workers, which keep what they have read"
            ),
        )
    mine = run.fingerprint(result.task.variant)
    other = [key for key, value in result.made_by.items() if mine[key] != value]
    if other:
        return executor.Failed(
            result.task,
            HwError(
                f"it was computed with other {' and '.join(other)} than those here: the source was "
                "changed meanwhile, or a worker has another one; run it again"
            ),
        )
    return result


# Below this, a warning would be longer than the wait.
LONG = 5 * 60


def _say_how_long(tasks: Sequence[Task], request: Request, say: Say) -> None:
    """A warning before a run of many minutes, from what each kind of question says of itself."""
    seconds = sum(worker.estimate(task) for task in tasks)
    jobs = max(1, min(request.jobs, len(tasks)))
    if seconds / jobs > LONG and not request.scheduler:
        say(
            f"note: about {round(seconds / jobs / 60)} minutes for {len(tasks)} "
            f"task{'s' * (len(tasks) > 1)}, {jobs} at a time; --epochs, --variant or --limit "
            "make it shorter, and what is finished is kept"
        )


def _executor(
    tasks: Sequence[Task], watchers: Sequence[Watcher], request: Request
) -> executor.Results:
    if request.scheduler:
        return executor.dask(tasks, watchers, request.scheduler)
    if min(request.jobs, len(tasks)) > 1:
        return executor.processes(tasks, watchers, min(request.jobs, len(tasks)))
    return executor.serial(tasks, watchers)


def _sum_up(runs: Sequence[Run], request: Request, say: Say, draw: bool) -> list[Run]:
    """Mean and spread over the seeds of each question and backend that has several."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.id, run.backend), []).append(run)
    sums = []
    for group in groups.values():
        first = group[0]
        if len(group) < 2 or any(r.status not in ("done", "up to date", "diverged") for r in group):
            continue
        total = Run(
            question=first.question,
            backend=first.backend,
            variants=first.variants,
            request=first.request,
            flags=first.flags,
            seeds=tuple(r.seed for r in group if r.seed is not None),
            status="done" if any(r.status != "up to date" for r in group) else "up to date",
            outcomes=aggregate([r.outcomes for r in group]),
            data=first.data,
        )
        execution = Execution(total, say, draw)
        execution.known = _keep_real(total)
        entries = _seed_entries(group, total)
        if execution.known.get("variants") == entries and not request.force:
            _draw(total, only_missing=True)
        else:
            total.status = "done"
            held = lock.acquire(total.folder.path)
            try:
                execution.write(entries)
            finally:
                if held:
                    held.release()
        sums.append(total)
    return sums


def _seed_entries(group: Sequence[Run], total: Run) -> dict[str, dict[str, Any]]:
    """What run.json says of each variant, from the run.json of every seed."""
    known = {str(r.seed): r.folder.run().get("variants", {}) for r in group}
    entries = {}
    for variant, outcome in total.outcomes.items():
        mine = {seed: variants.get(variant, {}) for seed, variants in known.items()}
        entries[variant] = {
            "fingerprint": {seed: entry.get("fingerprint") for seed, entry in mine.items()},
            "seconds": round(sum(entry.get("seconds", 0) for entry in mine.values()), 3),
            "status": "diverged" if outcome.diverged else "done",
        }
    return entries


def _task(run: Run, variant: str, request: Request) -> Task:
    options = PLAIN | run.options
    return Task(
        question=run.id,
        variant=variant,
        backend=run.backend,
        settings=vars(run.variants[variant].settings),
        data_mode=run.data["source"] if run.data else "auto",
        data_directory=request.data_directory,
        device=options["device"],
        precision=options["precision"],
        checkpoint=checkpoint.path_of(run.folder.path, variant),
        fingerprint=digest(run.fingerprint(variant)),
    )


def _keep_real(run: Run) -> dict[str, Any]:
    """What run.json of the run's folder says. Synthetic results never take the place of real ones:
    they get a folder of their own."""
    known = run.folder.run()
    if known.get("data", {}).get("source") == "real" and is_stand_in(run.data):
        path = run.folder.path
        name = path.name + ("-" if "@" in path.name else "@") + "stand-in"
        run.folder = Folder(path.with_name(name))
        known = run.folder.run()
    return known


def _about(run: Run) -> dict[str, Any]:
    """What is known of a run before it begins."""
    return {
        "question": run.id,
        "command": run.request.command,
        "seeds": list(run.seeds) or [run.seed],
        "backend": run.backend,
        **PLAIN,
        **run.options,
        "threads": 1,
        "data": run.data,
    }


def _draw(run: Run, only_missing: bool = False) -> None:
    from hw.figures.draw import draw_all

    draw_all(run.question, run.outcomes, run.folder, run.data, only_missing=only_missing)
