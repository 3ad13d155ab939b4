"""Plans: what a user asks for, as runs with their settings resolved and their folders named.

A run is one question with one backend and one seed; it has a task for each of its variants. All
that can be wrong with a command line or a configuration is found here, before any data are read.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import Layer, Resolved
from hw.errors import HwError, MissingPackage, UsageError, did_you_mean, quoted
from hw.results import lock
from hw.results.folder import Folder, digest
from hw.results.outcome import Outcome
from hw.runs.worker import Done


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the command line has it."""

    questions: Sequence[str]
    overrides: Mapping[str, str] = field(default_factory=dict)
    variants: Sequence[str] = ()
    backend: str | None = None
    seeds: Sequence[int] = ()
    device: str = "cpu"  # of PyTorch
    precision: str = "highest"  # of PyTorch's float32 matrix products
    data_mode: str = "auto"
    data_directory: Path = Path("data")
    results_directory: Path = Path("results")
    jobs: int = 1
    scheduler: str = ""  # address of a Dask scheduler
    limit: int = 0  # at most so many tasks; 0: all
    force: bool = False
    fail_fast: bool = False
    command: str = ""


@dataclass
class Run:
    """One question with one backend and one seed, and where its results go."""

    question: Question
    backend: str
    seed: int | None
    variants: dict[str, Resolved]
    folder: Folder
    flags: Layer
    as_configured: bool
    status: str = "planned"
    reason: str = ""
    error: HwError | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    data: dict[str, str] | None = None
    seeds: tuple[int, ...] = ()  # of the runs that this one sums up
    lock: lock.Lock | None = None
    begun: bool = False
    # Several tasks of a run may begin at the same moment.
    beginning: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.question.id

    def as_json(self) -> dict[str, Any]:
        data = self.data and {"name": self.data["name"], "source": self.data["source"]}
        return {
            "question": self.id,
            "backend": self.backend,
            "seed": self.seed,
            **({"seeds": list(self.seeds)} if self.seeds else {}),
            "data": data,
            "folder": str(self.folder.path.resolve()),
            "status": self.status,
            "metrics": {v: o.all_metrics() for v, o in self.outcomes.items()},
        }


def plan(request: Request) -> list[Run]:
    """Every run that a request means, its settings resolved and checked. Raises `UsageError`
    and, for a question asked for by its id, `MissingPackage`."""
    questions, exact = catalog.select(request.questions)
    if not questions:
        raise UsageError("no questions: 'python -m hw list' shows them all")
    variants = list(dict.fromkeys(v for q in questions for v in q.variants))
    for variant in request.variants:
        if variant not in variants:
            asked = (
                questions[0].id if len(questions) == 1 else f"none of {len(questions)} questions"
            )
            raise UsageError(
                f"{asked} has {'no' if len(questions) == 1 else 'a'} variant {quoted(variant)}"
                f"{did_you_mean(variant, variants)} (variants: {_listed(variants)})"
            )
    used: set[str] = set()
    runs = []
    for question in questions:
        names = set(question.module.Settings.__dataclass_fields__)
        overrides = {}
        for key, value in request.overrides.items():
            if key in names:
                overrides[key] = value
                used.add(key)
            elif question.id in exact and len(questions) == 1:
                raise UsageError(
                    f"{question.id} has no setting {key!r}{did_you_mean(key, names)}"
                    f" (settings: {', '.join(sorted(names))})"
                )
        chosen = [v for v in question.variants if not request.variants or v in request.variants]
        if not chosen:
            continue
        backends = {None: (question.backend,), "both": ("numpy", "torch")}.get(
            request.backend, (request.backend or question.backend,)
        )
        seeds: Sequence[int | None] = ()
        if request.seeds and "seed" not in names and question.id in exact and len(questions) == 1:
            raise UsageError(f"{question.id} draws nothing at random: it takes no --seed")
        if "seed" in names:
            seeds = request.seeds or (() if "seed" in overrides else question.seeds)
        for backend in backends:
            for seed in seeds or (None,):
                runs.append(_plan_run(question, request, overrides, chosen, backend, seed))
                _check_possible(runs[-1], question.id in exact)
    for key in request.overrides:
        if key not in used:
            known = {f for q in questions for f in q.module.Settings.__dataclass_fields__}
            raise UsageError(
                f"none of the {len(questions)} questions has a setting {key!r}"
                f"{did_you_mean(key, known)}"
            )
    if not runs:
        raise UsageError(f"no question has a variant {', '.join(request.variants)}")
    return runs


def _listed(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _plan_run(
    question: Question,
    request: Request,
    overrides: Mapping[str, str],
    chosen: Sequence[str],
    backend: str,
    seed: int | None,
) -> Run:
    values: dict[str, Any] = dict(overrides)
    if seed is not None:
        values["seed"] = seed
    flags = Layer("command line", values)
    resolved = {}
    for variant in chosen:
        about = question.variants[variant]
        resolved[variant] = question.resolve(variant, flags)
        for key in sorted(about.keys() & values.keys()):
            # The one thing that a variant is about: changing it makes the variant's name a lie.
            mine = getattr(question.resolve(variant).settings, key)
            if getattr(resolved[variant].settings, key) != mine:
                raise UsageError(
                    f"{question.id}: --{key.replace('_', '-')} {values[key]} contradicts variant "
                    f"{variant!r}, which is {key} {mine}; pick others with --variant"
                )
    difference = how_it_differs(question, resolved, backend, request)
    if question.seeds and not difference:
        difference = {"seed": seed}  # the question's own folder is that of all its seeds
    path = request.results_directory / question.homework / question.name
    settings = next(iter(resolved.values())).settings
    return Run(
        question=question,
        backend=backend,
        seed=getattr(settings, "seed", None),
        variants=resolved,
        folder=Folder(own_folder(path, difference)),
        flags=flags,
        as_configured=not difference,
    )


def own_folder(path: Path, difference: Mapping[str, Any]) -> Path:
    """``path`` for a question as configured, else a folder beside it.

    Short and stable: what differs stands in the folder's config.yaml and run.json.
    """
    return path.with_name(f"{path.name}@{digest(dict(difference))[:8]}") if difference else path


def how_it_differs(
    question: Question,
    resolved: Mapping[str, Resolved],
    backend: str,
    request: Request,
    but: Collection[str] = (),
) -> dict[str, Any]:
    """How a run differs from the question as configured, ``but`` in these settings; empty if it
    does not."""
    difference: dict[str, Any] = {}
    for variant, mine in resolved.items():
        configured = question.resolve(variant).as_dict()
        changed = {k: v for k, v in mine.as_dict().items() if v != configured[k] and k not in but}
        # Not by variant: a run of some variants belongs to that of all with the same changes.
        if changed:
            difference["settings"] = difference.get("settings", {}) | changed
    if backend != question.backend:
        difference["backend"] = backend
    return difference | unusual(backend, request)


_PLAIN = {"device": "cpu", "precision": "highest"}


def torch_options(backend: str, request: Request) -> dict[str, str]:
    """How torch computes; NumPy has one way only."""
    if backend != "torch":
        return dict(_PLAIN)
    return {"device": request.device, "precision": request.precision}


def unusual(backend: str, request: Request) -> dict[str, str]:
    """What of `torch_options` is not as it is without being asked for."""
    return {k: v for k, v in torch_options(backend, request).items() if v != _PLAIN[k]}


def _check_possible(run: Run, asked_for: bool) -> None:
    """Skip a run without an implementation or a package; raise if it was asked for by its id."""
    backends = getattr(run.question.module, "BACKENDS", (run.backend,))
    if run.backend not in backends:
        if asked_for:
            raise UsageError(
                f"{run.id} has no implementation in {run.backend};"
                f" run it with --backend {' or '.join(backends)}"
            )
        run.status, run.reason = "skipped", f"no implementation in {run.backend}"
    for package in getattr(run.question.module, "REQUIRES", ()):
        if importlib.util.find_spec(package) is None:
            error = MissingPackage(
                f"{run.id} needs {package}, which is not installed: pip install '.[{package}]'"
            )
            if asked_for:
                raise error
            run.status, run.reason = "skipped", f"{package} is not installed"
