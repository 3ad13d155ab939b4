"""Many hand-ins: one after the other or side by side, and a bad one is no reason to stop."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from hw.errors import HwError, as_expected, debugging
from hw.grading import engine
from hw.grading.assignment import Assignment
from hw.grading.findings import HandInResult, ModelResult, ModelStatus
from hw.grading.hand_in import HandInFault, Raised
from hw.grading.identify import identify, read_source
from hw.grading.notes import Notes
from hw.grading.process import TIME_LIMIT, HandIn
from hw.runs import machine

Watch = Callable[[HandInResult], None]


def _nobody(_: HandInResult) -> None:
    pass


@dataclass(frozen=True)
class Request:
    """What is asked for of every hand-in.

    homework: which one, where the file does not tell.
    only:     the one model to look at.
    data:     ``stand-in`` or ``real``, in ``data_directory``.
    claims:   numbers of a report, by metric.
    results:  the folder of our own results, which the claims are held against.
    sandbox:  ``process``, ``podman`` or ``docker``.
    """

    data_directory: Path
    homework: str | None = None
    only: str | None = None
    data: str = "stand-in"
    claims: Mapping[str, str] = field(default_factory=dict)
    results: Path = Path("results")
    time_limit: float = TIME_LIMIT
    sandbox: str = "process"


@dataclass(frozen=True)
class Graded:
    """One file with what was found, or with the one line that says why nothing was."""

    file: str
    result: HandInResult | None = None
    error: str = ""


def grade_file(file: Path, request: Request, watch: Watch = _nobody) -> HandInResult:
    """Grade one hand-in; ``watch`` is shown the result as it grows. Raises `HwError`."""
    assignment = identify(file, read_source(file), request.homework)
    if request.only is not None and request.only not in assignment.models:
        raise HwError(
            f"{file}: {assignment.homework} {assignment.question} has no {request.only} "
            f"(it has {', '.join(assignment.models)})"
        )

    def result(models: Mapping[str, ModelResult], held: Sequence[str]) -> HandInResult:
        return HandInResult(
            str(file), assignment.homework, assignment.question, models, tuple(held)
        )

    files = engine.files(assignment, request.data, request.data_directory)
    try:
        hand_in = HandIn(file, request.time_limit, files, sandbox=request.sandbox)
    except HandInFault as fault:
        return result(_not_loaded(assignment, request.only, fault), ())
    with hand_in:
        held = hand_in.held
        models = engine.grade(
            hand_in,
            assignment,
            only=request.only,
            data=request.data,
            claims=request.claims,
            directory=request.data_directory,
            watch=lambda models: watch(result(models, held)),
            reproduced=request.results,
        )
        return result(models, held)


def _not_loaded(
    assignment: Assignment, only: str | None, fault: HandInFault
) -> dict[str, ModelResult]:
    """Every model of a file that does not even load."""
    notes = Notes()
    notes.fault("loads", fault, "Importing the file, without running it as a script,")
    status: ModelStatus = "fail" if isinstance(fault, Raised) else "unknown"
    found = ModelResult(status, (), tuple(notes.findings))
    return {name: found for name in assignment.models if only in (None, name)}


def grade_all(
    files: Sequence[Path],
    request: Request,
    jobs: int = 1,
    watch: Callable[[int], Watch] = lambda _: _nobody,
) -> Iterator[tuple[int, Graded]]:
    """Every file's result with its number, in the order in which they are ready.

    watch: who is shown the growing result of a file, by its number; nobody where there are jobs.
    """
    if jobs <= 1 or len(files) <= 1:
        for number, file in enumerate(files):
            yield number, _attempt(file, request, watch(number))
        return
    # Fresh processes: what was imported here, and its threads, stays here.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(jobs, len(files)), context, machine.set_threads, ("numpy", 1)
    ) as pool:
        futures = {pool.submit(_attempt, file, request): n for n, file in enumerate(files)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise HwError(
                "a process of the grader was killed (out of memory?); try --jobs 1"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _attempt(file: Path, request: Request, watch: Watch = _nobody) -> Graded:
    try:
        return Graded(str(file), grade_file(file, request, watch))
    except Exception as error:  # a defect on one hand-in is no reason to drop the others
        if debugging():
            traceback.print_exc()
        return Graded(str(file), error=str(as_expected(error)))
