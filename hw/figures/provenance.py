"""Where a figure comes from: the record of it, the command that makes it, what has changed since.

`hw.figures.metadata` writes a record into the figure's file and reads it back. A record holds no
time and no path, so that a figure has the same bytes from run to run. A command is put together
from known words and quoted values, never copied from a file.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import Layer, plain, read_yaml
from hw.errors import HwError, UsageError
from hw.results.fingerprint import code_digest, version
from hw.results.folder import Folder, digest
from hw.results.outcome import Outcome

SHORT = 16  # hexadecimal digits of a digest: 64 bits tell figures apart
FORMAT = 1
Record = dict[str, Any]


# Writing


def describe(
    question: Question,
    figure: str,
    outcomes: Mapping[str, Outcome],
    config: Mapping[str, Any],
    data: Mapping[str, Any] | None,
) -> Record:
    """The record of one figure of a question.

    config: the resolved settings, as config.yaml has them.
    data:   as run.json has them.
    """
    return {
        **_origin(question, figure, config, data),
        "results": results_digest(outcomes),
    }


def describe_lockstep(
    question: Question, options: Mapping[str, Any], config: Mapping[str, Any], data: Any
) -> Record:
    """The record of the figure of ``hw lockstep``, with the options that it had."""
    record = _origin(question, "lockstep", {**config, "backend": "torch"}, data)
    return {**record, "lockstep": dict(options), "results": digest(dict(options))[:SHORT]}


def _origin(
    question: Question, figure: str, config: Mapping[str, Any], data: Mapping[str, Any] | None
) -> Record:
    variants = config.get("variants") or {}
    backend = config.get("backend", question.backend)
    packages = ("numpy", *(["torch"] if backend == "torch" else []), "matplotlib")
    seeds = config.get("seeds") or sorted({s["seed"] for s in variants.values() if "seed" in s})
    return {
        "hw": FORMAT,
        "question": question.id,
        "figure": figure,
        "backend": backend,
        "seeds": list(seeds),
        "variants": list(variants),
        "changed": _changed(question, config),
        "settings": digest(variants)[:SHORT],
        "code": _code(question),
        "data": data
        and {
            "name": str(data.get("name")),
            "source": str(data.get("source")),
            "sha256": str(data.get("sha256"))[:SHORT],
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
    }


def _changed(question: Question, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not as configured, and how torch computed where that is not plain."""
    changed = {k: config[k] for k in ("device", "precision") if k in config}
    for variant, settings in (config.get("variants") or {}).items():
        if variant in question.variants:
            configured = question.resolve(variant).as_dict()
            changed |= {k: v for k, v in settings.items() if configured.get(k) != v}
    # Seeds of several runs, or of one of a question's several, stand beside.
    if config.get("seeds") or question.seeds:
        changed.pop("seed", None)
    return changed


def _code(question: Question) -> str:
    return code_digest(question.module.__name__, question.data is not None)[:SHORT]


def results_digest(outcomes: Mapping[str, Outcome]) -> str:
    """Of what figures are drawn from, measured times left out; the same for outcomes that were
    just computed and for those read back."""
    values = {v: {**o.as_json(), "timing": None} for v, o in outcomes.items()}
    # Through JSON: a key that is a number comes back as a string, and sorts differently.
    return digest(json.loads(json.dumps(values)))[:SHORT]


def read_config(folder: Folder) -> dict[str, Any]:
    """config.yaml of a results folder; empty where there is none that can be read."""
    try:
        config = read_yaml(folder.path / "config.yaml")
        digest(config)
    except (HwError, ValueError, TypeError):  # the last two: what JSON does not know
        return {}
    if not isinstance(config, dict):
        return {}
    variants = config.get("variants")
    if not isinstance(variants, dict) or not all(isinstance(v, dict) for v in variants.values()):
        config.pop("variants", None)
    if not isinstance(config.get("seeds", []), list):
        config.pop("seeds")
    return config


# Commands


def command(record: Record) -> str:
    """The command line that makes what the record describes."""
    question = catalog.find(record["question"])
    short = question.homework == catalog.DEFAULT_HOMEWORK
    words = [question.name if short else question.id]
    for key, value in sorted(record["changed"].items()):
        if "lockstep" in record and key == "dtype":
            continue  # lockstep has float64 unless told otherwise
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{key.replace('_', '-')}", "none" if value is None else text]
    if set(record["variants"]) != set(question.variants):
        for variant in record["variants"]:
            words += ["--variant", variant]
    seeds = [str(s) for s in record["seeds"]]
    if "lockstep" in record:
        for key, value in sorted(record["lockstep"].items()):
            words += [f"--{key}", str(value)]
    elif record["backend"] != question.backend:
        words += ["--backend", record["backend"]]
    if question.seeds and seeds != [str(s) for s in question.seeds]:
        words += ["--seeds" if len(seeds) > 1 else "--seed", ",".join(seeds)]
    elif not question.seeds and len(seeds) > 1:
        words += ["--seeds", ",".join(seeds)]
    if record["data"] and record["data"]["source"] == "stand-in":
        words += ["--data", "stand-in"]
    verb = "lockstep" if "lockstep" in record else "run"
    return f"python -m hw {verb} {shlex.join(words)}"


# Whether a figure is out of date


def out_of_date(record: Record, folder: Folder | None) -> list[str]:
    """Why the figure would be another one today; empty if it would not, as far as can be told
    without running anything.

    folder: the results folder that holds what the figure shows, if there is one.
    """
    try:
        question = catalog.find(record["question"])
        today = {v: _settings_today(question, v, record) for v in record["variants"]}
    except UsageError as error:
        return [f"its question or settings are gone: {error}"]
    reasons = []
    if digest(today)[:SHORT] != record["settings"]:
        reasons.append("the question's settings have changed")
    if record["code"] != _code(question):
        reasons.append("the code behind it has changed")
    reasons += [
        f"{package} was {then} and is {now}"
        for package, then in record["versions"].items()
        if package != "python" and then != (now := version(package))
    ]
    if folder is not None and "lockstep" not in record:
        try:
            if results_digest(folder.outcomes()) != record["results"]:
                reasons.append(f"{folder.path} holds other results")
        except HwError:
            reasons.append(f"{folder.path} holds no results that can be read")
    return reasons


def _settings_today(question: Question, variant: str, record: Record) -> dict[str, Any]:
    if variant not in question.variants:
        raise UsageError(f"{question.id} has no variant {variant}")
    values = {k: v for k, v in record["changed"].items() if k not in ("device", "precision")}
    names = question.module.Settings.__dataclass_fields__
    if len(record["seeds"]) == 1 and question.seeds and "seed" in names:
        values["seed"] = record["seeds"][0]
    found = question.resolve(variant, Layer("the figure", values)).as_dict()
    if len(record["seeds"]) > 1:
        found.pop("seed", None)
    return dict(plain(found))
