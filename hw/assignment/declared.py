"""The scripts that a homework of one's own declares under ``commands`` in its homework.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hw.assignment.script import Invocation, Model, Script, metrics_of, settings_of
from hw.config import catalog, kinds
from hw.config.data import OWN_VIEW
from hw.config.homework import Homework
from hw.errors import UsageError, did_you_mean, quoted


def find(name: str) -> Script:
    """The script with a name such as ``mycourse/hw1-q1.py``. Raises `UsageError`."""
    homework, _, script = name.partition("/")
    known = catalog.homeworks()
    if homework not in known:
        raise UsageError(
            f"unknown homework {quoted(homework)}{did_you_mean(homework, known)}; name its folder "
            "in HW_HOMEWORKS or hw.toml"
        )
    return read(known[homework], script)


def read(homework: Homework, name: str) -> Script:
    """One script of a homework, held against the kinds that it trains. Raises `UsageError`."""
    where = f"{homework.folder / 'homework.yaml'}: commands"
    if name not in homework.commands:
        known = list(homework.commands)
        raise UsageError(f"{where}: there is no {quoted(name)}{did_you_mean(name, known)}")
    where = f"{where}, {name}"
    keys: dict[str, Any] = dict(homework.commands[name])
    shared, data = homework.around.shared, keys.pop("data", "")
    if data not in shared:
        raise UsageError(
            f"{where}: homework.yaml declares no data set{f' {quoted(data)}' if data else ''}"
        )
    models = {
        model: _model(model_keys, homework.around.homes, f"{where}, {model}")
        for model, model_keys in keys.pop("models").items()
    }
    script = Script(
        homework=homework.name,
        data=shared[data]["name"],
        view=OWN_VIEW,
        data_path=keys.pop("data_path", ""),
        backend=keys.pop("backend", "numpy"),
        flags=keys.pop("flags", {}),
        models=models,
        **keys,
    )
    _check(script, where)
    return script


def _model(keys: dict[str, Any], homes: tuple[Path, ...], where: str) -> Model:
    known = kinds.known(homes)
    if keys["kind"] not in known:
        near = did_you_mean(keys["kind"], known)
        raise UsageError(f"{where}: unknown kind {quoted(keys['kind'])}{near}")
    if not known[keys["kind"]].trains:
        raise UsageError(f"{where}: {keys['kind']} trains nothing")
    return Model(
        keys["kind"],
        keys.get("epoch", ""),
        keys.get("plots", {}),
        keys.get("settings", {}),
        keys.get("ignores", ()),
        homes,
    )


def _check(script: Script, where: str) -> None:
    """Defaults are settings that can be, and texts name metrics that are offered."""
    from hw.training.metrics import SPLITS, offered

    for name, model in script.models.items():
        try:
            settings_of(script, where, Invocation(name, script.flags, (), Path()))
        except UsageError as error:
            raise UsageError(f"{where}, {name}: {error}") from None
        known = offered(model.module, SPLITS)
        texts = (script.begin, script.end, model.epoch, *script.notes.values())
        for metric in metrics_of(texts, *model.plots.values()):
            if metric not in known:
                raise UsageError(
                    f"{where}, {name}: unknown metric {quoted(metric)}{did_you_mean(metric, known)}"
                )
