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
from typing import Any

from hw.config.located import Place, Problem, WrongFile
from hw.errors import UsageError, did_you_mean, quoted


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
    """Values of one origin, such as a YAML file's ``settings`` or the command line.

    place: where they stand, if they stand in a file.
    """

    origin: str
    values: Mapping[str, Any]
    place: Place | None = None

    def wrong(self, key: object, text: str) -> UsageError:
        """What to raise for the value of ``key``: with file and line where they are known."""
        if self.place is None:
            return UsageError(f"{self.origin}: {text}")
        at = self.place.at(str(key))
        return WrongFile([Problem(at.path, at.line, f"{self.place.words}: {text}")])


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
                raise layer.wrong(
                    key,
                    f"unknown setting {quoted(key)}{did_you_mean(name, fields)}"
                    f" (settings: {', '.join(fields)})",
                )
            try:
                value = check_bounds(convert(raw, kinds[name], name), fields[name].metadata, name)
            except UsageError as error:
                raise layer.wrong(key, str(error)) from None
            values[name] = value
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


_WORDS = {int: "whole number", float: "number", bool: "true or false", str: "words"}


def type_in_words(kind: Any, meta: Mapping[str, Any]) -> str:
    """A declared type with its bounds: ``whole number ≥ 1``."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        some = [k for k in arguments if k is not types.NoneType]
        return " or ".join(type_in_words(k, meta) for k in some)
    if origin is typing.Literal:
        return " or ".join(map(str, arguments))
    if origin in (list, tuple):
        one, *bounds = type_in_words(arguments[0], meta).split(" ≥", 1)
        many = {"words": one, "keys": one, "number in quotes": "numbers in quotes"}
        return " ≥".join([f"list of {many.get(one, f'{one}s')}", *bounds])
    if origin is dict:
        return f"{type_in_words(arguments[1], meta)} by name"
    if dataclasses.is_dataclass(kind):
        return "keys"
    named = {"curve": "metric"}.get(meta.get("of", ""), meta.get("of", ""))
    words = (
        named
        or _WORDS.get(kind)
        or {"Printed": "number in quotes"}.get(getattr(kind, "__name__", ""), "anything")
    )
    bounds = [
        f"{sign} {meta[bound]:.15g}"
        for bound, sign in (("low", "≥"), ("above", ">"), ("high", "≤"), ("below", "<"))
        if kind in (int, float) and meta.get(bound) is not None
    ]
    return f"{words} {', '.join(bounds)}".strip()


def plain(value: Any) -> Any:
    """The same value in what YAML and JSON know: tuples become lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
