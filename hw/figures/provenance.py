"""Where a figure comes from: the record of it, the command that makes it, what has changed since.

`hw.figures.metadata` writes a record into the figure's file and reads it back. A record holds no
time and no path, so that a figure has the same bytes from run to run. A command is put together
from known words and quoted values, never copied from a file.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.errors import HwError, UsageError
from hw.results.files import digest
from hw.results.fingerprint import version
from hw.results.folder import Folder, is_stand_in
from hw.results.identity import Identity, code_of, flags, shown
from hw.results.identity import command as command_of
from hw.results.outcome import Outcome
from hw.results.run_file import Config

SHORT = 16  # hexadecimal digits of a digest: 64 bits tell figures apart
FORMAT = 1
Record = dict[str, Any]


# Writing


def describe(
    question: Question,
    figure: str,
    outcomes: Mapping[str, Outcome],
    config: Config,
    data: Mapping[str, Any] | None,
) -> Record:
    """The record of one figure of a question.

    data: as run.json has them.
    """
    return {
        **_origin(question, figure, config, data),
        "results": results_digest(outcomes),
    }


def describe_lockstep(
    question: Question, options: Mapping[str, Any], config: Config, data: Any
) -> Record:
    """The record of the figure of ``hw lockstep``, with the options that it had."""
    record = _origin(question, "lockstep", replace(config, backend="torch"), data)
    return {**record, "lockstep": dict(options), "results": digest(dict(options))[:SHORT]}


def _origin(
    question: Question, figure: str, config: Config, data: Mapping[str, Any] | None
) -> Record:
    run = Identity.of_config(question, config)
    packages = ("numpy", *(["torch"] if run.backend == "torch" else []), "matplotlib")
    # Seeds of several runs, or of one of a question's several, stand beside what has changed.
    seeds_beside = bool(config.seeds or question.seeds)
    return {
        "hw": FORMAT,
        "question": question.id,
        "figure": figure,
        "backend": run.backend,
        "seeds": list(run.seeds),
        "variants": list(run.variants),
        "changed": {**run.options, **run.changed({"seed"} if seeds_beside else ())},
        "settings": digest(run.variants)[:SHORT],
        "code": code_of(question)[:SHORT],
        "data": data
        and {
            "name": str(data.get("name")),
            "source": str(data.get("source")),
            "sha256": str(data.get("sha256"))[:SHORT],
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
    }


def results_digest(outcomes: Mapping[str, Outcome]) -> str:
    """Of what figures are drawn from, measured times left out; the same for outcomes that were
    just computed and for those read back."""
    values = {v: {**o.as_json(), "timing": None} for v, o in outcomes.items()}
    # Through JSON: a key that is a number comes back as a string, and sorts differently.
    return digest(json.loads(json.dumps(values)))[:SHORT]


# Commands


def command(record: Record) -> str:
    """The command line that makes what the record describes."""
    question = catalog.find(record["question"])
    lockstep = record.get("lockstep")
    # Lockstep has float64 unless told otherwise.
    silent = () if lockstep is None else ("dtype",)
    words = flags({k: v for k, v in sorted(record["changed"].items()) if k not in silent})
    if set(record["variants"]) != set(question.variants):
        words += [word for variant in record["variants"] for word in ("--variant", variant)]
    if lockstep is not None:
        words += flags(dict(sorted(lockstep.items())))
    elif record["backend"] != question.backend:
        words += ["--backend", record["backend"]]
    seeds = record["seeds"]
    if len(seeds) > 1 if not question.seeds else seeds != list(question.seeds):
        words += ["--seeds" if len(seeds) > 1 else "--seed", shown(seeds)]
    if is_stand_in(record["data"]):
        words += ["--data", "stand-in"]
    return command_of(question, words, "run" if lockstep is None else "lockstep")


def identity(record: Record) -> Identity:
    """The run that the record's command would make today. Raises `UsageError` where its question,
    a variant or a setting is gone."""
    question = catalog.find(record["question"])
    for variant in record["variants"]:
        if variant not in question.variants:
            raise UsageError(f"{question.id} has no variant {variant}")
    return Identity.as_it_would_be(
        question, record["variants"], record["changed"], record["backend"], record["seeds"]
    )


# Whether a figure is out of date


def out_of_date(record: Record, folder: Folder | None) -> list[str]:
    """Why the figure would be another one today; empty if it would not, as far as can be told
    without running anything.

    folder: the results folder that holds what the figure shows, if there is one.
    """
    try:
        today = identity(record)
    except UsageError as error:
        return [f"its question or settings are gone: {error}"]
    reasons = []
    if digest(today.variants)[:SHORT] != record["settings"]:
        reasons.append("the question's settings have changed")
    if record["code"] != code_of(today.question)[:SHORT]:
        reasons.append("the code behind it has changed")
    reasons += [
        f"{package} was {then} and is {now}"
        for package, then in record["versions"].items()
        if package != "python" and then != (now := version(package))
    ]
    if folder is not None and "lockstep" not in record:
        try:
            if results_digest(folder.read().outcomes) != record["results"]:
                reasons.append(f"{folder.path} holds other results")
        except HwError:
            reasons.append(f"{folder.path} holds no results that can be read")
    return reasons
