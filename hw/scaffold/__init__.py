"""Files of a homework, a question and a kind of one's own that run at once, and teach.

What a key or a setting means is told by the tables that check them, so that no comment goes stale.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hw.config import catalog, kinds
from hw.config.homework import FILE, read_homework
from hw.config.kinds import Kind
from hw.config.located import read_yaml
from hw.config.question import QuestionKeys
from hw.config.schema import fields
from hw.config.settings import plain, type_hints, type_in_words
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.results.files import write_text

TEMPLATES = Path(__file__).parent / "templates"
# Keys of a question that are of its kind and not of its document, in the order of a new file.
_KEPT = ("kind", "backend", "data", "settings", "variants", "grid", "seeds", "measure", "figures")


def homework(path: Path, like: str = "") -> list[Path]:
    """A homework in the folder ``path``: two questions on data of one's own, or the questions that
    train of another homework, without what its document publishes. Returns the files.

    Raises `UsageError` for a folder that holds a homework, and for an unknown one to be like.
    """
    name = path.resolve().name
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UsageError(
            f"{path}: {quoted(name)} cannot be the name of a homework: letters, digits, '-' and '_'"
        )
    if like:
        found = catalog.current().homework(_known(like))
        files = {
            f"{q}.yaml": _question_like(catalog.find(f"{like}.{q}").path, f"{like}.{q}")
            for q in found.questions
            if catalog.find(f"{like}.{q}").trains
        }
        head = f"title: {name}, a homework like {like}\n"
        files = {FILE: head + _template("homework-like.yaml", name=name), **files}
    else:
        files = {
            FILE: _template("homework.yaml", name=name),
            "q1.logistic_regression.yaml": _template("q1.yaml", name=name),
            "q2.mlp.yaml": _template("q2.yaml", name=name),
        }
    return [_write(path / file, text) for file, text in files.items()]


def question(path: Path, kind: Kind) -> Path:
    """A question on a kind, with all of its settings; ``path`` is that of its file."""
    path = path if path.suffix == ".yaml" else path.with_name(f"{path.name}.yaml")
    if not (path.parent / FILE).is_file():
        raise UsageError(
            f"{path.parent}: no {FILE} there; 'python -m hw new homework {path.parent}' makes one"
        )
    module = kind.load()
    shared = "" in read_homework("", path.parent.resolve(), path.parent / FILE).around.shared
    lines = [
        "# Every key is told in docs/yaml.md.",
        f"title: {path.stem}, on the kind {kind.name}",
        f"kind: {kind.name}",
        'source: {document: The name of the document, question: "1"}',
        "settings:  # those that you leave out keep these values",
    ]
    types, known = type_hints(module.Settings), module.Settings.__dataclass_fields__
    for name, field in known.items():
        told = f"{field.metadata.get('help', '')} ({type_in_words(types[name], field.metadata)})"
        lines += [f"  # {told}", f"  {name}: {_inline(plain(field.default))}"]
    if not known:
        lines[-1] = "settings: {}"
    measure = getattr(module, "MEASURE", {})
    curves = list(measure.get("epoch", ()))
    if kind.trains:
        lines += [
            "# Data: those that homework.yaml declares; or one of hw's, by name and view.",
            f"{'# ' if shared else ''}data: {_inline(_some_data(module))}",
            f"measure: {_inline(plain(dict(measure)))}",
            "figures:",
            f"  - {_inline({'name': 'curves', 'metrics': curves})}",
        ]
    lines += [
        "# What the document publishes, and 'python -m hw verify' judges. Quote printed numbers.",
        "# claims:",
        '#   - {metric: test_accuracy, value: "0.87", where: "1, Table 2"}',
    ]
    return _write(path, "\n".join(lines) + "\n")


def model(path: Path) -> Path:
    """A kind that trains, in NumPy and in PyTorch; ``path`` is that of its module."""
    path = path if path.suffix == ".py" else path.with_name(f"{path.name}.py")
    if not path.stem.isidentifier() or path.stem in kinds.shipped():
        raise UsageError(f"{path}: {path.stem!r} cannot be the name of a kind of yours")
    if path.parent.name != "models":
        path = path.parent / "models" / path.name
    return _write(path, _template("model.py.txt", name=path.stem))


def _known(name: str) -> str:
    known = catalog.homeworks()
    if name not in known:
        raise UsageError(
            f"unknown homework {quoted(name)}{did_you_mean(name, known)}"
            f" (homeworks: {', '.join(known)})"
        )
    return name


def _question_like(path: Path, origin: str) -> str:
    """A question of a homework without what its document says, each key with its meaning."""
    source = path if path.is_file() else catalog.CONFIGS.parent / path
    raw: Mapping[str, Any] = read_yaml(source)
    meanings = fields(QuestionKeys)
    lines = [
        f"# Like {origin}. Every key is told in docs/yaml.md.",
        f"title: {_inline(raw['title'])}",
    ]
    for key in _KEPT:
        if key in raw:
            value = raw[key]
            if key == "figures":
                value = [{k: v for k, v in figure.items() if k != "with"} for figure in value]
            told = textwrap.wrap(meanings[key].metadata["help"], 96)
            lines += ["", *(f"# {line}" for line in told), _dump(key, value)]
    lines += [
        "",
        "# What your document publishes, and 'python -m hw verify' judges. Quote printed numbers.",
        "# claims:",
        '#   - {metric: test_accuracy, value: "0.87", where: "1, Table 2"}',
    ]
    return "\n".join(lines) + "\n"


def _some_data(module: Any) -> dict[str, str]:
    return (
        {"name": "ames", "view": "ist2021"}
        if getattr(module, "TASK", "") == "regression"
        else {"name": "fashion-mnist", "view": "ist2021"}
    )


def _dump(key: str, value: Any) -> str:
    """A key on lines of its own, what it holds in braces where that is short."""
    if not isinstance(value, list | dict):
        return f"{key}: {_inline(value)}"
    text: str = yaml.safe_dump(
        {key: value}, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text.rstrip("\n")


def _inline(value: Any) -> str:
    text: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=True
    )
    return text.removesuffix("\n...\n").rstrip("\n")


def _template(file: str, **values: str) -> str:
    text = (TEMPLATES / file).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _write(path: Path, text: str) -> Path:
    """A new file; never the place of one that is there."""
    if path.exists():
        raise UsageError(f"{path}: is there already, and is left as it is")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise HwError(f"{path}: {error.strerror or error}") from error
    return path
