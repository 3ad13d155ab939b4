"""The assignment's own commands, as ``homework.yaml`` declares them.

`hw.assignment` runs them. Here are the keys; nothing of them is needed to run a question.
"""

from __future__ import annotations

import string
from typing import Any, Literal

from hw.config.located import Place
from hw.config.schema import as_it_stands, key, read, table


@table
class ModelKeys:
    """One of the models that a command offers."""

    kind: str = key("what trains it, a kind that trains")
    settings: dict[str, Any] = key("settings that no flag sets", ())
    ignores: list[str] = key("settings that its training does not use", ())
    epoch: str = key("printed after every epoch: a text with metrics, `{train_loss:.4f}`", "")
    plots: dict[str, list[str]] = key(
        "metrics by the name of the PDF that shows them; the name may hold flags, `{epochs}`", ()
    )


@table
class CommandKeys:
    """A script of the assignment. A file of its name with two lines runs it:
    `from hw.assignment import main` and `main("<homework>/<script>")`."""

    models: Any = key("the models by name", read=as_it_stands, shown="keys by name")
    data: str = key("which of the data sets that homework.yaml declares by name", "")
    data_path: str = key("where the script looks for the data; by default the declared file", "")
    backend: Literal["numpy", "torch"] = key("the implementation", "numpy")
    flags: dict[str, Any] = key("its flags, each with its default", ())
    renamed: dict[str, str] = key("the setting of a flag, where it is called otherwise", ())
    begin: str = key("printed before the first epoch, with metrics of the untrained model", "")
    announce: str = key("printed when an epoch begins", "Training epoch {epoch}")
    end: str = key("printed at the end, with metrics, `{minutes}` and `{seconds}`", "")
    notes: dict[str, str] = key("text files by name, of texts like `end`", ())


def read_commands(raw: Any, place: Place) -> dict[str, dict[str, Any]]:
    """The commands by the names of their scripts; what is wrong with them is noted."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        place.is_not(raw, "commands by the names of their scripts")
        return {}
    found = {}
    for name, one in raw.items():
        at = place.at(str(name))
        command = read(CommandKeys, one, at)
        models = command.get("models")
        if not isinstance(models, dict) or not models:
            if models is not None:
                at.at("models").is_not(models, "at least one model by name")
            continue
        command["models"] = {
            str(m): read(ModelKeys, keys, at.at("models", str(m))) for m, keys in models.items()
        }
        _check_templates(command, at)
        found[str(name)] = command
    return found


def _check_templates(command: dict[str, Any], place: Place) -> None:
    """Texts hold names of metrics and flags in braces, and nothing else."""
    texts: dict[tuple[str, ...], Any] = {(n,): command.get(n) for n in ("begin", "announce", "end")}
    texts |= {("notes", name): text for name, text in command.get("notes", {}).items()}
    for model, keys in command["models"].items():
        texts["models", model, "epoch"] = keys.get("epoch")
    for where, text in texts.items():
        try:
            names = [n for _, n, _, _ in string.Formatter().parse(text or "") if n is not None]
            wrong = [name for name in names if not name.isidentifier()]
        except ValueError as error:
            wrong = [str(error)]
        if wrong:
            place.at(*where).is_not(text, "a text with metrics in braces, {test_accuracy:.4f}")
