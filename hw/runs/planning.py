"""Plans: what a user asks for, as runs with their settings resolved and their folders named.

A run is one question with one backend and one seed; it has a task for each of its variants. All
that can be wrong with a command line or a configuration is found here, before any data are read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import Layer, Resolved
from hw.errors import HwError, MissingPackage, UsageError, did_you_mean, quoted
from hw.results.identity import PLAIN, Identity
from hw.results.outcome import Outcome
from hw.runs.worker import Done


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the command line has it."""

    questions: Sequence[str]
    overrides: Mapping[str, Any] = field(default_factory=dict)
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
    """One question with one backend and one seed, or the sum of several: what was asked for, where
    its results go, and what has become of it.

    status: ``planned``, ``skipped``, ``done``, ``incomplete``, ``diverged``, ``up to date`` or
            ``failed``.
    """

    question: Question
    backend: str
    variants: dict[str, Resolved]
    request: Request
    flags: Layer
    seeds: tuple[int, ...] = ()  # of the runs that this one sums up
    status: str = "planned"
    reason: str = ""
    error: HwError | None = None
    undrawn: HwError | None = None  # why a figure could not be drawn
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    data: dict[str, str] | None = None
    data_notes: tuple[str, ...] = ()  # what a user must know of them

    def __post_init__(self) -> None:
        self._fingerprints: dict[str, dict[str, str]] = {}
        self.folder = self.identity.folder(self.request.results_directory)

    @property
    def seed(self) -> int | None:
        """The seed of a single run that has one."""
        settings = next(iter(self.variants.values())).settings
        return None if self.seeds else getattr(settings, "seed", None)

    @property
    def options(self) -> dict[str, str]:
        """How PyTorch computes, where that is not as it is without being asked for."""
        asked = {"device": self.request.device, "precision": self.request.precision}
        return {k: v for k, v in asked.items() if self.backend == "torch" and v != PLAIN[k]}

    @property
    def identity(self) -> Identity:
        settings = {v: resolved.as_dict() for v, resolved in self.variants.items()}
        if self.seeds:
            for of_variant in settings.values():
                del of_variant["seed"]
        seeds = self.seeds or (() if self.seed is None else (self.seed,))
        return Identity(self.question, settings, self.backend, self.options, seeds)

    def fingerprint(self, variant: str) -> dict[str, str]:
        """What makes the results of a variant up to date, worked out once the data are known."""
        if variant not in self._fingerprints:
            settings = {variant: self.variants[variant].as_dict()}
            alone = Identity(self.question, settings, self.backend, self.options)
            self._fingerprints[variant] = alone.fingerprint(variant, self.data)
        return self._fingerprints[variant]

    @property
    def as_configured(self) -> bool:
        return not self.identity.differs()

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
    overrides: Mapping[str, Any],
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
    return Run(question, backend, resolved, request, flags)


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
