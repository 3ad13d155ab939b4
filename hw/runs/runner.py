"""Runs: settings -> data -> question -> results folder.

What `hw.runs.planning` has planned is carried out here, and written as soon as it is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hw.errors import HwError
from hw.results import lock
from hw.results.fingerprint import fingerprint
from hw.results.folder import Folder, digest
from hw.results.over_seeds import aggregate
from hw.runs import checkpoint, executor, worker
from hw.runs.machine import environment
from hw.runs.planning import Request, Run, how_it_differs, own_folder, torch_options, unusual
from hw.runs.worker import Task
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
    _execute(runs, request, say, watcher_for, draw)
    sums = _sum_up(runs, request, say, draw)
    for run in runs:
        # What a figure compares its question with may have finished after it.
        if draw and run.outcomes and any("with" in f for f in run.question.figures):
            _draw(run, only_missing=True)
    return sums


def _execute(
    runs: Sequence[Run], request: Request, say: Say, watcher_for: WatcherFor, draw: bool
) -> None:
    try:
        _execute_locked(runs, request, say, watcher_for, draw)
    finally:
        for run in runs:
            _leave(run, request, say)


def _execute_locked(
    runs: Sequence[Run], request: Request, say: Say, watcher_for: WatcherFor, draw: bool
) -> None:
    tasks: list[Task] = []
    owners: list[tuple[Run, str]] = []
    missing: dict[int, set[str]] = {}
    for run in runs:
        if run.status == "skipped":
            say(f"{run.id}: skipped, {run.reason}")
            continue
        try:
            _find_data(run, request)
            stale = _take(run, request)
        except HwError as error:
            _fail(run, error, say)
            if request.fail_fast:
                return
            continue
        if not stale:
            try:
                if draw:
                    _draw(run, only_missing=True)
            except HwError as error:
                _fail(run, error, say)
                continue
            run.status = "up to date"
            say(f"{run.id}: up to date ({run.folder.path}); --force runs it again")
            _say_diverged(run, say)
            _mend(run)
            _leave(run, request, say)
            continue
        if run.reason:
            say(f"{run.id}: runs again, {run.reason}")
        missing[id(run)] = set(stale)
        for variant in stale:
            tasks.append(_task(run, variant, request))
            owners.append((run, variant))
    if request.limit and len(tasks) > request.limit:
        say(f"note: {request.limit} of {len(tasks)} tasks, as --limit asks; run again for more")
        for run, variant in owners[request.limit :]:
            run.status = "incomplete"
            missing[id(run)].discard(variant)
        del tasks[request.limit :], owners[request.limit :]
    _say_how_long(tasks, request, say)
    watchers: list[Watcher] = []
    for run, variant in owners:
        text = f"{run.id}{f' ({variant})' if len(run.variants) > 1 else ''}"
        mark = partial(_begin, run, request)
        watchers.append(_Beginning(watcher_for(run, variant), mark, say, text))
    if request.scheduler:  # whose workers tell nothing
        for run, _ in owners:
            _begin(run, request)
    results = _executor(tasks, watchers, request)
    with contextlib.closing(results):  # whatever happens here, what it started ends with it
        _collect(results, owners, missing, request, say, draw)


def _collect(
    results: executor.Results,
    owners: Sequence[tuple[Run, str]],
    missing: Mapping[int, set[str]],
    request: Request,
    say: Say,
    draw: bool,
) -> None:
    """Write every result to its run's folder, as it comes."""
    for number, result in results:
        run, variant = owners[number]
        missing[id(run)].discard(variant)
        result = _of_the_same_data(result, run)
        if isinstance(result, executor.Failed):
            _fail(run, result.error, say, variant)
        else:
            run.done.append(result)
            run.outcomes[variant] = result.outcome
        complete = not missing[id(run)]
        if run.outcomes:
            try:
                _finish(run, request, say, draw, complete)
                if not isinstance(result, executor.Failed):
                    checkpoint.remove(checkpoint.path_of(run.folder.path, variant))
            except HwError as error:
                _fail(run, error, say)
        if complete:
            _leave(run, request, say)
        if request.fail_fast and run.status in ("failed", "diverged"):
            return


def _of_the_same_data(
    result: executor.Done | executor.Failed, run: Run
) -> executor.Done | executor.Failed:
    """A failure if the task was computed elsewhere, from data that are not those found here."""
    if isinstance(result, executor.Failed) or result.data == run.data:
        return result
    here, there = (data["sha256"][:8] if data else "none" for data in (run.data, result.data))
    place = result.task.data_directory
    error = HwError(
        f"the worker's data are others than those here (sha256 {there}…, {here}…): "
        f"put the same files into {place} on every machine, and restart the workers, which keep "
        "what they have read"
    )
    return executor.Failed(result.task, error)


def _take(run: Run, request: Request) -> list[str]:
    """The variants that must be computed, with the run's folder locked if there are any, or if
    it can be. Raises `HwError`."""
    try:
        run.lock = lock.acquire(run.folder.path)
    except lock.InUse:
        if _stale(run, request):
            raise
        return []
    if run.lock:
        run.folder.remove_parts()
    stale = _stale(run, request)
    if stale:
        run.folder.check_writable()
    for variant in run.variants:
        if request.force or variant not in stale:
            checkpoint.remove(checkpoint.path_of(run.folder.path, variant))
    return stale


class _Beginning(Relay):
    """Marks a run as running when its first task is begun, and says what a task has to say."""

    def __init__(self, inner: Watcher, mark: Callable[[], None], say: Say, name: str) -> None:
        super().__init__(inner)
        self.mark, self.say, self.name = mark, say, name

    def begun(self) -> None:
        self.mark()
        super().begun()

    def note(self, text: str) -> None:
        self.say(f"note: {self.name}: {text}")
        super().note(text)

    def resumed(self, epoch: int) -> None:
        self.say(f"note: {self.name}: goes on after epoch {epoch}, where an earlier run stopped")
        super().resumed(epoch)


def _begin(run: Run, request: Request) -> None:
    """Say in run.json that the run is under way: all that is left of it if it is killed."""
    with run.beginning:
        if run.begun:
            return
        run.begun = True
        before = run.folder.run()
        # A disk that cannot be written is reported where results are lost by it.
        if not before.get("variants"):
            before = {**_about(run, request), "variants": {}}
        with contextlib.suppress(HwError):
            run.folder.write_run({**before, "status": "running"})


def _leave(run: Run, request: Request, say: Say) -> None:
    """Let go of a run's folder, which says what became of it."""
    held, run.lock = run.lock, None
    if run.begun:
        run.begun = False
        known = run.folder.run()
        if known.get("status") in ("running", "interrupted"):
            # Ended before its last task: by an interruption, or a failure with --fail-fast.
            status = "failed" if run.status == "failed" else "interrupted"
            with contextlib.suppress(HwError):
                run.folder.write_run({**known, "status": status})
            if any(checkpoint.path_of(run.folder.path, v).exists() for v in run.variants):
                say(f"note: {run.id}: its last epoch is saved; the same command goes on from there")
    if held:
        held.release()


def _mend(run: Run) -> None:
    """What an interrupted run says of itself, once nothing is missing any more."""
    known = run.folder.run()
    whole = run.outcomes.keys() >= set(run.question.variants)
    if run.lock and whole and known.get("status") in ("running", "interrupted", "failed"):
        with contextlib.suppress(HwError):
            status = run.status if run.status == "diverged" else "done"
            run.folder.write_run({**known, "status": status})


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
        seeds = tuple(r.seed for r in group if r.seed is not None)
        difference = how_it_differs(
            first.question, first.variants, first.backend, request, {"seed"}
        )
        if seeds != first.question.seeds:
            difference["seeds"] = list(seeds)
        path = request.results_directory / first.question.homework / first.question.name
        total = Run(
            question=first.question,
            backend=first.backend,
            seed=None,
            variants=first.variants,
            folder=Folder(own_folder(path, difference)),
            flags=first.flags,
            as_configured=not difference,
            status="done" if any(r.status != "up to date" for r in group) else "up to date",
            outcomes=aggregate([r.outcomes for r in group]),
            data=first.data,
            seeds=seeds,
        )
        _keep_real(total)
        entries = _seed_entries(group, total)
        if total.folder.run().get("variants") == entries and not request.force:
            _draw(total, only_missing=True)
        else:
            total.status = "done"
            held = lock.acquire(total.folder.path)
            try:
                _write(total, request, entries, draw)
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


def _fail(run: Run, error: HwError, say: Say, variant: str = "") -> None:
    run.status, run.error = "failed", error
    say(f"error: {run.id}{f' ({variant})' if len(run.variants) > 1 and variant else ''}: {error}")


def _task(run: Run, variant: str, request: Request) -> Task:
    return Task(
        question=run.id,
        variant=variant,
        backend=run.backend,
        settings=run.variants[variant].as_dict(),
        data_mode=run.data["source"] if run.data else "auto",
        data_directory=request.data_directory,
        device=torch_options(run.backend, request)["device"],
        precision=torch_options(run.backend, request)["precision"],
        checkpoint=checkpoint.path_of(run.folder.path, variant),
        fingerprint=digest(_fingerprint(run, variant, request)),
    )


def _find_data(run: Run, request: Request) -> None:
    """Load the run's data once, so that what is wrong with them is said before anything runs."""
    if run.question.data is None:
        return
    name, view = run.question.data["name"], run.question.data["view"]
    data = worker.load_data(name, view, request.data_directory, request.data_mode)
    run.data = data.describe()
    _keep_real(run)


def _keep_real(run: Run) -> None:
    """Synthetic results never take the place of real ones: they get a folder of their own."""
    before = run.folder.run().get("data") or {}
    if before.get("source") == "real" and run.data and run.data["source"] == "stand-in":
        path = run.folder.path
        name = path.name + ("-" if "@" in path.name else "@") + "stand-in"
        run.folder = Folder(path.with_name(name))
        run.as_configured = False


def _depends_on(run: Run, variant: str, request: Request) -> dict[str, Any]:
    question = run.question
    return {
        "settings": run.variants[variant].as_dict(),
        "backend": run.backend,
        **torch_options(run.backend, request),
        "data": run.data,
        "view": dict(question.data) if question.data else None,
        "measure": [question.measures("epoch"), question.measures("end")],
    }


def _fingerprint(run: Run, variant: str, request: Request) -> dict[str, str]:
    question = run.question
    depends_on = _depends_on(run, variant, request)
    return fingerprint(question.module, depends_on, run.backend, question.data is not None)


def _stale(run: Run, request: Request) -> list[str]:
    """The variants that must be computed; those up to date are taken from the folder."""
    known = run.folder.run().get("variants")
    known = known if isinstance(known, dict) else {}
    if not known:
        return list(run.variants)
    chosen = list(run.variants)
    try:
        found = run.folder.outcomes()
    except HwError as error:
        run.reason = str(error)
        return chosen
    stale = []
    # Other variants of the question in the same folder are kept if they are up to date.
    for variant in run.question.variants:
        entry = known.get(variant)
        mine = run.variants.get(variant)
        if mine is None:
            if entry and variant in found:
                run.variants[variant] = run.question.resolve(variant, run.flags)
                if entry.get("fingerprint") == _fingerprint(run, variant, request):
                    run.outcomes[variant] = found[variant]
                else:
                    del run.variants[variant]
            continue
        current = _fingerprint(run, variant, request)
        before = entry.get("fingerprint") if isinstance(entry, dict) else None
        if variant in found and before == current:
            run.outcomes[variant] = found[variant]
        else:
            stale.append(variant)
            if isinstance(before, dict):
                changed = [k for k in current if before.get(k) != current[k]]
                run.reason = f"changed: {', '.join(changed) or 'results'}"
    if request.force:
        run.reason = "--force"
        for variant in chosen:
            run.outcomes.pop(variant, None)
        return chosen
    return stale


def _finish(run: Run, request: Request, say: Say, draw: bool, complete: bool) -> None:
    """Write what is finished: after every variant, so that an interruption loses one at most.

    complete: no variant is still to come now.
    """
    order = [v for v in run.question.variants if v in run.outcomes]
    run.outcomes = {v: run.outcomes[v] for v in order}
    if run.error is None:
        run.status = "done" if run.outcomes.keys() >= run.variants.keys() else "incomplete"
    before = run.folder.run().get("variants")
    entries = dict(before) if isinstance(before, dict) else {}
    entries = {v: e for v, e in entries.items() if v in run.outcomes}
    for done in run.done:
        entries[done.task.variant] = {
            "fingerprint": _fingerprint(run, done.task.variant, request),
            "seconds": round(done.seconds, 3),
            "epoch_seconds": [round(s, 4) for s in done.epoch_seconds],
            "peak_memory_mb": round(done.peak_memory_mb, 1),
            "status": "diverged" if done.outcome.diverged else "done",
            **({"timing": done.outcome.timing} if done.outcome.timing else {}),
        }
    if complete and run.error is None:
        _say_diverged(run, say)
    _write(run, request, entries, draw and complete, complete)


def _say_diverged(run: Run, say: Say) -> None:
    """Mark and name a divergence that is no result, whether it is of today or of an earlier run."""
    if run.question.may_diverge:
        return
    for variant, outcome in run.outcomes.items():
        if outcome.diverged:
            run.status = "diverged"
            text = f" ({variant})" if len(run.outcomes) > 1 else ""
            epoch = str(outcome.metrics.get("diverged_epoch"))
            if "diverged_step" in outcome.metrics:
                epoch += f", after {outcome.metrics['diverged_step']} finite updates of it"
            say(
                f"error: {run.id}{text}: diverged in epoch {epoch}; its history up to then is in "
                f"{run.folder.path}; try a smaller learning rate"
            )


def _write(
    run: Run,
    request: Request,
    entries: Mapping[str, Mapping[str, Any]],
    draw: bool,
    complete: bool = True,
) -> None:
    """The run's folder; ``run.json``, which makes it valid, last of all."""
    variants = {v: run.variants[v].as_dict() for v in run.outcomes}
    config: dict[str, Any] = {
        "question": run.id,
        "title": run.question.title,
        "backend": run.backend,
        **unusual(run.backend, request),
        "data": dict(run.question.data) if run.question.data else None,
        "variants": variants,
    }
    if run.seeds:
        config["seeds"] = list(run.seeds)
        for settings in variants.values():
            del settings["seed"]
    # While its numbers change, no entry vouches for a variant that has others from now on.
    before = run.folder.run().get("variants", {})
    kept = {
        variant: entry
        for variant, entry in entries.items()
        if before.get(variant, {}).get("fingerprint") == entry["fingerprint"]
    }
    about = _about(run, request)
    run.folder.write_outcomes(
        run.outcomes, config, {**about, "status": "running", "variants": kept}
    )
    if draw:
        _draw(run)
    run.folder.write_run(
        {
            **about,
            "status": run.status if complete else "running",
            "variants": dict(entries),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": environment(),
        }
    )


def _about(run: Run, request: Request) -> dict[str, Any]:
    """What is known of a run before it begins."""
    return {
        "question": run.id,
        "command": request.command,
        "seeds": list(run.seeds) or [run.seed],
        "backend": run.backend,
        **torch_options(run.backend, request),
        "threads": 1,
        "data": run.data,
    }


def _draw(run: Run, only_missing: bool = False) -> None:
    from hw.figures.draw import draw_all

    draw_all(run.question, run.outcomes, run.folder, run.data, only_missing=only_missing)
