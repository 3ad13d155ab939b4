"""Settings: dataclass default < YAML < variant < flag, converted by declared type or refused.

Each kind of question declares a frozen dataclass of `setting` fields. `resolve` lays the layers
over one another and remembers where each value came from.
"""

from __future__ import annotations

import dataclasses
import math
import operator
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.results.files import read_bytes


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A dataclass field with its meaning (and unit) and its bounds.

    ``low``/``high`` are inclusive, ``above``/``below`` exclusive; they hold for every element
    of a tuple.
    """
    bounds = {"low": low, "high": high, "above": above, "below": below}
    return dataclasses.field(default=default, metadata={"help": help, **bounds})


@dataclass(frozen=True)
class Layer:
    """Values of one origin, such as a YAML file's ``settings`` or the command line."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """Settings and, by name, the origin of each value."""

    settings: Any
    origins: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        return plain(dataclasses.asdict(self.settings))


def resolve(cls: type, layers: Iterable[Layer]) -> Resolved:
    """Lay ``layers`` over the defaults of ``cls``, later ones winning.

    Raises `UsageError` for an unknown key, a wrong type or a value out of bounds, naming the
    origin, the key and the nearest key that exists.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    kinds = type_hints(cls)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(fields, "default")
    for layer in layers:
        for key, raw in layer.values.items():
            name = key.replace("-", "_") if isinstance(key, str) else key
            if name not in fields:
                raise UsageError(
                    f"{layer.origin}: unknown setting {quoted(key)}{did_you_mean(name, fields)}"
                    f" (settings: {', '.join(fields)})"
                )
            where = f"{layer.origin}: {name}"
            values[name] = check_bounds(
                convert(raw, kinds[name], where), fields[name].metadata, where
            )
            origins[name] = layer.origin
    return Resolved(cls(**values), origins)


@cache
def type_hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def convert(raw: Any, kind: Any, where: str) -> Any:
    """``raw`` (from YAML or from a flag, then a string) as the declared type ``kind``.

    PyYAML reads 1e-3 as a string and ``no`` as a boolean: what does not fit the declared type
    is refused, never passed on. Raises `UsageError`.
    """
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        choices = typing.get_args(kind)
        for choice in choices:
            if raw == choice and type(raw) is type(choice):
                return choice
        known = ", ".join(map(str, choices))
        raise UsageError(f"{where} is {quoted(raw)}; one of: {known}{did_you_mean(raw, choices)}")
    if origin in (typing.Union, types.UnionType):  # T | None
        if raw is None or raw == "none":
            return None
        (kind,) = (k for k in typing.get_args(kind) if k is not type(None))
        return convert(raw, kind, where)
    if origin is tuple:  # tuple[T, ...]
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple):
            items = [items]
        return tuple(convert(item, typing.get_args(kind)[0], where) for item in items)
    try:
        if kind is bool:
            if isinstance(raw, bool):
                return raw
            if isinstance(raw, str) and raw.lower() in ("true", "false"):
                return raw.lower() == "true"
        elif kind is int:
            if isinstance(raw, str) or (isinstance(raw, int) and not isinstance(raw, bool)):
                return int(raw)
        elif kind is float:
            if isinstance(raw, str | int | float) and not isinstance(raw, bool):
                number = float(raw)
                if math.isfinite(number):
                    return number
        elif kind is str and isinstance(raw, str):
            return raw
    except (ValueError, OverflowError):
        pass
    expected = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "a string",
    }
    raise UsageError(f"{where} is {quoted(raw)}; expected {expected.get(kind, kind)}")


def check_bounds(value: Any, bounds: Mapping[str, Any], where: str) -> Any:
    for number in value if isinstance(value, tuple) else (value,):
        for key, fails, words in (
            ("low", operator.lt, "at least"),
            ("high", operator.gt, "at most"),
            ("above", operator.le, "above"),
            ("below", operator.ge, "below"),
        ):
            bound = bounds.get(key)
            if bound is not None and number is not None and fails(number, bound):
                raise UsageError(f"{where} is {quoted(number)}; it must be {words} {bound}")
    return value


def plain(value: Any) -> Any:
    """The same value in what YAML and JSON know: tuples become lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that also refuses repeated keys, and knows no types but JSON's."""

    yaml_implicit_resolvers: typing.ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            keys = [self.construct_object(k, deep=True) for k, _ in node.value]
            twice = next(k for k in keys if keys.count(k) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice!r} stands there twice", node.start_mark
            )
        return mapping


for _name in ("timestamp", "binary", "set", "omap", "pairs"):
    _StrictLoader.add_constructor(
        f"tag:yaml.org,2002:{_name}", yaml.constructor.SafeConstructor.construct_undefined
    )

MAX_YAML_BYTES = 1_000_000
MAX_YAML_DEPTH = 50


def read_yaml(path: Path) -> Any:
    """The document in a YAML file: JSON's types only, no aliases, no repeated keys.

    Raises `UsageError` that names the file and the line.
    """
    try:
        text = read_bytes(path, MAX_YAML_BYTES).decode()
        _check_events(yaml.parse(text, _StrictLoader), path)
        return yaml.load(text, _StrictLoader)
    except HwError as error:
        raise UsageError(str(error)) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        # Besides YAMLError: what constructors raise on a tag that does not fit, `!!bool x`.
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise UsageError(f"{path}:{line} {problem}") from error


def _check_events(events: Iterable[Any], path: Path) -> None:
    """Refuse what no file of ours needs: aliases, which make a small file expand without bound,
    and nesting so deep that the loader's recursion overflows the stack."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise UsageError(f"{path}: YAML aliases (*name) are not accepted")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_YAML_DEPTH:
            raise UsageError(f"{path}: nested more than {MAX_YAML_DEPTH} deep")
