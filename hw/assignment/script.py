"""What an assignment's script is, and how it runs on this project's core.

What a script prints after an epoch or at the end is a template of metrics, so that the metrics to
measure are the names in it.
"""

from __future__ import annotations

import dataclasses
import os
import string
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from hw import datasets
from hw.assignment.equivalent import equivalent
from hw.cli import Parser
from hw.config import kinds
from hw.config.settings import Layer, check_bounds, convert, resolve, type_hints
from hw.console import say, show
from hw.datasets.features import Dataset
from hw.errors import DataError, HwError, UsageError, did_you_mean
from hw.results.files import write_text
from hw.results.outcome import Outcome
from hw.runs import machine, worker
from hw.runs.progress import Bar
from hw.training.loop import Watcher, fit


@dataclass(frozen=True)
class Model:
    """One of the models that a script offers.

    kind:    module of `hw.questions`.
    epoch:   printed after every epoch.
    plots:   metrics by name of the PDF that shows them, itself a template of flags.
    fixed:   settings that no flag sets.
    ignores: settings that its training does not use.
    homes:   folders of one's own that may have the kind.
    """

    kind: str
    epoch: str
    plots: Mapping[str, Sequence[str]]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    ignores: Sequence[str] = ()
    homes: tuple[Path, ...] = ()

    @property
    def module(self) -> ModuleType:
        return kinds.known(self.homes)[self.kind].load()


@dataclass(frozen=True)
class Script:
    """One script of one assignment.

    homework:  of the equivalent questions; also the view of the data.
    data:      the data set, and ``data_path`` where the script looks for it.
    flags:     their defaults, as the assignment's script writes them into names of files.
    renamed:   the setting of a flag, where it is called otherwise.
    begin:     printed before the first epoch, from metrics of the untrained model.
    announce:  printed when an epoch begins.
    end:       printed after the last epoch; ``minutes`` and ``seconds`` are those of the training.
    notes:     text files by name, templates like ``end``.
    view:      of the data, where it is not called as the homework; then the data set has its own
               place, and ``data_path`` may be empty.
    """

    homework: str
    data: str
    data_path: str
    backend: str
    flags: Mapping[str, Any]
    models: Mapping[str, Model]
    renamed: Mapping[str, str] = field(default_factory=dict)
    begin: str = ""
    announce: str = "Training epoch {epoch}"
    end: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    view: str = ""

    @cached_property
    def settings(self) -> dict[str, tuple[Any, Mapping[str, Any]]]:
        """Declared type, and help and bounds, of every setting of the models."""
        found: dict[str, tuple[Any, Mapping[str, Any]]] = {}
        for model in self.models.values():
            declared = model.module.Settings
            for known in dataclasses.fields(declared):
                found.setdefault(known.name, (type_hints(declared)[known.name], known.metadata))
        return found

    def setting(self, flag: str) -> str:
        return self.renamed.get(flag, flag)

    def convert(self, flag: str, raw: str) -> Any:
        """The value given for a flag. Raises `UsageError`."""
        where = f"-{flag}"
        if self.setting(flag) not in self.settings:
            # What the assignment leaves to the ambitious, and no model here offers.
            if raw != str(self.flags[flag]):
                raise UsageError(f"{where} is {raw!r}; only {self.flags[flag]} is implemented")
            return self.flags[flag]
        kind, bounds = self.settings[self.setting(flag)]
        return check_bounds(convert(raw, kind, where), bounds, where)


@dataclass(frozen=True)
class Invocation:
    """A command line, checked.

    values: of every flag; ``given``: the flags that were on the command line.
    """

    model: str
    values: Mapping[str, Any]
    given: Sequence[str]
    path: Path


def parse(script: Script, program: str, arguments: Sequence[str]) -> Invocation:
    """Raises `UsageError`."""
    parser = Parser(
        prog=program,
        allow_abbrev=True,  # as in the assignments' scripts: -learn is -learning_rate there
        add_help=False,  # its -h would take every flag that begins with an h
        description="A command of the assignment, on this project's implementation.",
        epilog="Every flag may also begin with two dashes.",
    )
    parser.add_argument("-help", "--help", action="help", help="show this page, as does -h")
    parser.add_argument("model", choices=list(script.models), help="which model to train")
    for flag, default in script.flags.items():
        kind, about = script.settings.get(
            script.setting(flag), (int, {"help": "takes its default only"})
        )
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        parser.add_argument(
            f"-{flag}",
            f"--{flag}",
            dest=flag,
            metavar="|".join(choices) or "X",
            help=f"{about['help'].replace('%', '%%')} (default: {default})",
        )
    parser.add_argument(
        "-data_path",
        "--data_path",
        type=Path,
        default=Path(script.data_path),
        metavar="FILE",
        help=f"the {script.data} data (default: {script.data_path or 'where it is declared'})",
    )
    args, rest = parser.parse_known_args(["--help" if a == "-h" else a for a in arguments])
    if rest:
        known = [f"-{flag}" for flag in (*script.flags, "data_path")]
        raise UsageError(
            f"unknown argument {rest[0]!r}{did_you_mean(rest[0], known)} (flags: {' '.join(known)})"
        )
    given = [flag for flag in script.flags if getattr(args, flag) is not None]
    values = {flag: script.convert(flag, getattr(args, flag)) for flag in given}
    return Invocation(args.model, {**script.flags, **values}, given, args.data_path)


def run(script: Script, program: str, arguments: Sequence[str]) -> int:
    """Train as the command line says; print and write what the assignment's script would."""
    invocation = parse(script, program, arguments)
    model = script.models[invocation.model]
    settings = settings_of(script, program, invocation)
    unused = _unused(script, invocation)
    if not os.access(".", os.W_OK):
        raise HwError(f"cannot write into {Path.cwd()}; run {program} in a folder of your own")
    data = _load(script, invocation.path)
    for flag, who in unused.items():
        if flag in invocation.given or who == "adam":
            say(f"note: -{flag} {invocation.values[flag]} is ignored: {who} does not use it")
    say(equivalent(script, invocation.model, settings, invocation.path))

    machine.set_threads(script.backend, worker.Task.threads)
    printer = _Printer(program, script, model)
    outcome = fit(
        model.module.learner(settings, data, script.backend),
        settings.epochs,
        metrics_of([model.epoch], *model.plots.values()),
        metrics_of([script.end, *script.notes.values()]),
        printer,
    )
    _write(script, invocation, outcome, printer.clock)
    if outcome.diverged:
        raise HwError(
            f"diverged in epoch {outcome.metrics['diverged_epoch']}; try a smaller -learning_rate"
        )
    return 0


def settings_of(script: Script, program: str, invocation: Invocation) -> Any:
    """The settings of the model's kind of question. Raises `UsageError`."""
    model, unused = script.models[invocation.model], _unused(script, invocation)
    wanted = {script.setting(f): v for f, v in invocation.values.items() if f not in unused}
    layers = [Layer(program, model.fixed), Layer("command line", wanted)]
    return resolve(model.module.Settings, layers).settings


def _unused(script: Script, invocation: Invocation) -> dict[str, str]:
    """The flags that have no effect, each with what does not use it."""
    model = script.models[invocation.model]
    known = {f.name for f in dataclasses.fields(model.module.Settings)} - set(model.ignores)
    unused = {f: invocation.model for f in script.flags if script.setting(f) not in known}
    if invocation.values.get("optimizer") == "adam" and "momentum" in script.flags:
        # Handed to Adam, as the assignment's script does even with 0, it is an error.
        unused["momentum"] = "adam"
    return unused


def _load(script: Script, path: Path) -> Dataset:
    if script.view and path == Path(script.data_path):
        return datasets.load(script.data, script.view, Path(), "real")
    if not path.exists():
        name = script.data
        raise DataError(
            f"{path}: no such file or folder; give its place with -data_path, or get it: "
            f"'python -m hw data fetch {name}' puts it into data/{name}"
        )
    return datasets.load(script.data, script.view or script.homework, Path(), "real", path=path)


# What is printed


CLOCK = ("minutes", "seconds")


def metrics_of(templates: Iterable[str], *more: Sequence[str]) -> list[str]:
    """The metrics in templates, and others, each once."""
    named = [name for text in templates for _, name, _, _ in string.Formatter().parse(text) if name]
    named += [name for names in more for name in names]
    return [name for name in dict.fromkeys(named) if name not in CLOCK]


class _Printer(Watcher):
    """Prints, as it happens, what the assignment's script prints.

    Where that goes into a file, a terminal shows a progress bar instead.
    """

    def __init__(self, program: str, script: Script, model: Model) -> None:
        self.script, self.model = script, model
        self.wants_initial = metrics_of([script.begin])
        self.bar = Bar(program) if sys.stdout and not sys.stdout.isatty() else Watcher()
        self.began = self.ended = time.perf_counter()

    @property
    def clock(self) -> dict[str, int]:
        """The time that training took, up to the last epoch's measurements."""
        return dict(zip(CLOCK, divmod(int(self.ended - self.began), 60), strict=True))

    def started(self, epochs: int, initial: dict[str, float]) -> None:
        _print(self.script.begin.format(**initial))
        self.bar.started(epochs, initial)

    def epoch_started(self, epoch: int) -> None:
        _print(self.script.announce.format(epoch=epoch))

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        self.ended = time.perf_counter()
        _print(self.model.epoch.format(**row))
        self.bar.epoch_done(epoch, row)

    def finished(self, outcome: Outcome) -> None:
        self.bar.finished(outcome)
        if not outcome.diverged:
            _print(self.script.end.format(**outcome.metrics, **self.clock))


def _print(text: str) -> None:
    if text:
        show(text)


# What is written


def _write(
    script: Script, invocation: Invocation, outcome: Outcome, clock: Mapping[str, int]
) -> None:
    """The figures, of whatever epochs there are, and the notes if training came to its end."""
    from hw.figures import style

    named = {"model": invocation.model, **invocation.values}
    try:
        if outcome.history["epoch"]:
            for name, metrics in script.models[invocation.model].plots.items():
                figure = style.curves({invocation.model: outcome}, {"metrics": metrics})
                style.save(figure, Path(name.format(**named)), suffixes=["pdf"])
        if not outcome.diverged:
            for name, text in script.notes.items():
                write_text(Path(name.format(**named)), text.format(**outcome.metrics, **clock))
    except (OSError, HwError) as error:
        refused = error if isinstance(error, OSError) else error.__cause__
        reason = getattr(refused, "strerror", None) or error
        raise HwError(f"cannot write into {Path.cwd()}: {reason}") from error
