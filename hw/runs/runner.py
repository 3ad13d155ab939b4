"""Runs: settings -> data -> question -> results folder.

What `hw.runs.planning` has planned is carried out here, and written as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from hw.errors import as_expected
from hw.results import lock
from hw.results.files import digest
from hw.results.folder import digest_of
from hw.results.identity import PLAIN
from hw.results.over_seeds import aggregate
from hw.results.run_file import Entry
from hw.runs import checkpoint, execution, executor, sharing, worker
from hw.runs.execution import Execution, Say
from hw.runs.planning import Request, Run
from hw.runs.worker import Done, Task
from hw.training.loop import Relay, Watcher

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
    sums = _sum_up(runs, say, draw)
    for run in runs:
        # What a figure compares its question with may have finished after it.
        if draw and run.outcomes and any("with" in f for f in run.question.figures):
            execution.draw(run, say, only_missing=True)
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
    if not request.force:
        todo = _without_known(todo, request, say)
    if request.limit and len(todo) > request.limit:
        say(f"note: {request.limit} of {len(todo)} tasks, as --limit asks; run again for more")
        for one, variant in todo[request.limit :]:
            one.run.status = "incomplete"
            one.missing.discard(variant)
        del todo[request.limit :]
    # Questions that share a result have it computed once, by the first of them.
    groups = sharing.alike([(one.run, variant) for one, variant in todo])
    firsts = [todo[group[0]] for group in groups]
    tasks = [_task(one.run, variant, request) for one, variant in firsts]
    _say_how_long(tasks, request, say)
    watchers = [_Beginning(watcher_for(one.run, variant), one, variant) for one, variant in firsts]
    with closing(_executor(tasks, watchers, request)) as results:  # what it started ends with it
        for number, result in results:
            first, of = firsts[number]
            first.add(of, result)
            for one, variant in (todo[which] for which in groups[number][1:]):
                say(f"{one.name(variant)}: has the result of {first.name(of)}")
                one.share(variant, replace(result, task=_task(one.run, variant, request)))
            if request.fail_fast and first.run.status in ("failed", "diverged"):
                return


def _without_known(
    todo: Sequence[tuple[Execution, str]], request: Request, say: Say
) -> list[tuple[Execution, str]]:
    """What is left to compute once other questions' folders were asked for their results."""
    shelf, left = sharing.Shelf(), []
    for one, variant in todo:
        found = shelf.find(one.run, variant)
        if found is None:
            left.append((one, variant))
            continue
        question, outcome, entry = found
        say(f"{one.name(variant)}: has the result of {question}")
        fingerprint = one.run.fingerprint(variant)
        done = Done(
            task=_task(one.run, variant, request),
            outcome=outcome,
            data=one.run.data,
            seconds=entry.seconds,
            peak_memory_mb=entry.peak_memory_mb,
            made_by={key: fingerprint[key] for key in ("code", "versions")},
            epoch_seconds=list(entry.epoch_seconds),
        )
        one.share(variant, done)
    return left


class _Beginning(Relay):
    """Marks a run as running when a task of it begins, and says what a task has to say."""

    def __init__(self, inner: Watcher, execution: Execution, variant: str) -> None:
        super().__init__(inner)
        self.execution, self.name = execution, execution.name(variant)

    def begun(self) -> None:
        self.execution.mark()

    def note(self, text: str) -> None:
        self.execution.say(f"note: {self.name}: {text}")

    def resumed(self, epoch: int) -> None:
        self.note(f"goes on after epoch {epoch}, where an earlier run stopped")


# Below this, a warning would be longer than the wait.
LONG = 5 * 60


def _say_how_long(tasks: Sequence[Task], request: Request, say: Say) -> None:
    """A warning before a run of many minutes, from what each kind of question says of itself."""
    seconds = 0.0
    for task in tasks:
        with suppress(Exception):  # a kind that cannot tell will say so when it runs
            seconds += worker.estimate(task)
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


# Several seeds


def _sum_up(runs: Sequence[Run], say: Say, draw: bool) -> list[Run]:
    """Mean and spread over the seeds of all that is otherwise the same and has several."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        changed = {key: value for key, value in run.flags.values.items() if key != "seed"}
        groups.setdefault((run.id, run.backend, str(sorted(changed.items()))), []).append(run)
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
        one = Execution(total, say, draw)
        try:
            _write_sum(one, _seed_entries(group, total))
        except Exception as error:  # as with a single run
            one.fail(as_expected(error))
        sums.append(total)
    return sums


def _write_sum(one: Execution, entries: dict[str, Entry]) -> None:
    one.keep_real()
    run = one.run
    changed = one.known.run.variants != entries or one.known.sound != run.outcomes
    if changed or run.request.force:
        run.status = "done"
        held = lock.acquire(run.folder.path)
        try:
            one.write(entries, run.status)
        finally:
            if held:
                held.release()
    if one.draw:
        execution.draw(run, one.say, only_missing=not changed)


def _seed_entries(group: Sequence[Run], total: Run) -> dict[str, Entry]:
    """What run.json says of each variant, from the run.json of every seed."""
    known = {str(r.seed): r.folder.read().run.variants for r in group}
    entries = {}
    for variant, outcome in total.outcomes.items():
        mine = {seed: variants.get(variant, Entry()) for seed, variants in known.items()}
        entries[variant] = Entry(
            fingerprint={seed: entry.fingerprint for seed, entry in mine.items()},
            digest=digest_of(outcome),
            seconds=round(sum(entry.seconds for entry in mine.values()), 3),
            peak_memory_mb=max(entry.peak_memory_mb for entry in mine.values()),
            status="diverged" if outcome.diverged else "done",
        )
    return entries
