"""Keys of a YAML file as dataclass fields: one table that checks, documents and completes.

A class of `key` fields is the table of a mapping's keys: its annotations are their types, its
metadata the meaning, the bounds, and what a name is a name of. `read` checks a mapping against it.
What is wrong is noted with its place, so that all of it can be said at once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

from hw.config.located import Place
from hw.config.settings import check_bounds, type_hints, type_in_words
from hw.errors import UsageError, did_you_mean, quoted

# A number as it was printed, which is quoted in YAML: its decimals are its precision.
Printed = NewType("Printed", str)
REQUIRED = dataclasses.MISSING
WRONG = object()  # in the place of a value that was refused


# A class of keys is a table and never an object: nothing is made for one, which would take time.
table = functools.partial(dataclasses.dataclass, init=False, repr=False, eq=False)


def key(
    help: str,
    default: Any = REQUIRED,
    *,
    of: str = "",
    pattern: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    read: Callable[[Any, Place], Any] | None = None,
    shown: str = "",
) -> Any:
    """A key of a YAML mapping. Without a default it must be there.

    help:    what it means, in a sentence.
    of:      what its names are names of: ``variant``, ``metric`` (measured at any time) or
             ``curve`` (measured after every epoch).
    pattern: what its words must match, as a whole.
    low, high, above, below: its bounds, as those of `hw.config.settings.setting`.
    read:    reads the value where a type cannot say what it may be; notes what is wrong.
    shown:   the type, in words for the reference, where it has a ``read``.
    """
    bounds = {"low": low, "high": high, "above": above, "below": below}
    metadata = {"help": help, "of": of, "pattern": pattern, "read": read, "shown": shown, **bounds}
    return dataclasses.field(default=default, metadata=metadata)


def as_it_stands(raw: Any, place: Place) -> Any:
    """For `key`: a value that another reader takes over."""
    return raw


def fields(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    return {f.name.rstrip("_"): f for f in dataclasses.fields(cls)}


def is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is REQUIRED


def read(cls: type, value: Any, place: Place) -> dict[str, Any]:
    """The keys of a mapping that are sound, converted; what is wrong with the others is noted."""
    if not isinstance(value, Mapping):
        place.wrong(f"expected keys and values, not {quoted(value)}")
        return {}
    known, hints = fields(cls), type_hints(cls)
    found: dict[str, Any] = {}
    for name, raw in value.items():
        if name not in known:
            place.at(str(name)).wrong_key(name, known)
            continue
        field, at = known[name], place.at(name)
        custom = field.metadata["read"]
        if custom is not None:
            result = custom(raw, at)
        else:
            result = _value(raw, hints[field.name], at, field.metadata)
        if result is not WRONG:
            found[name] = result
    for name, field in known.items():
        if is_required(field) and name not in value:
            place.wrong(f"{name} is missing ({field.metadata['help']})")
    return found


def _value(raw: Any, kind: Any, place: Place, meta: Mapping[str, Any]) -> Any:
    """``raw`` as the declared type, or `WRONG` once that is noted."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return raw
    if origin in (typing.Union, types.UnionType):
        return _one_of(raw, arguments, place, meta)
    if origin is typing.Literal:
        if isinstance(raw, str | int) and raw in arguments:
            return raw
        place.is_not(raw, f"one of: {', '.join(map(str, arguments))}{did_you_mean(raw, arguments)}")
        return WRONG
    if origin is list:
        if not isinstance(raw, list):
            place.is_not(raw, "a list")
            return WRONG
        found = [_value(item, arguments[0], place.at(i), meta) for i, item in enumerate(raw)]
        return WRONG if WRONG in found else found
    if origin is dict:
        if not isinstance(raw, dict):
            place.is_not(raw, "keys and values")
            return WRONG
        made = {str(k): _value(v, arguments[1], place.at(str(k)), meta) for k, v in raw.items()}
        return {k: v for k, v in made.items() if v is not WRONG}
    if dataclasses.is_dataclass(kind):
        return read(typing.cast(type, kind), raw, place)
    return _scalar(raw, kind, place, meta)


def _one_of(raw: Any, kinds: tuple[Any, ...], place: Place, meta: Mapping[str, Any]) -> Any:
    """The first of several types that is of the same form as ``raw``."""
    if raw is None and types.NoneType in kinds:
        return None
    for kind in kinds:
        form = typing.get_origin(kind) or (dict if dataclasses.is_dataclass(kind) else kind)
        if isinstance(raw, list | dict) and form is type(raw):
            return _value(raw, kind, place, meta)
    left = [
        k for k in kinds if k is not types.NoneType and typing.get_origin(k) not in (list, dict)
    ]
    plain = [k for k in left if not dataclasses.is_dataclass(k)]
    return _value(raw, (plain or left or kinds)[0], place, meta)


def _scalar(raw: Any, kind: Any, place: Place, meta: Mapping[str, Any]) -> Any:
    if kind is Printed:
        return _printed(raw, place)
    if not _fits(raw, kind):
        place.is_not(raw, _EXPECTED[kind] + _hint(raw, kind))
        return WRONG
    if kind is str and meta["pattern"] and not re.fullmatch(meta["pattern"], raw):
        place.is_not(raw, "letters, digits, '.', '-' and '_', the first a letter or digit")
        return WRONG
    try:
        if kind in (int, float):
            check_bounds(raw, meta, place.words)
    except UsageError as error:
        place.note(str(error))
        return WRONG
    return raw


_EXPECTED = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "words",
}


def _fits(raw: Any, kind: Any) -> bool:
    if kind is bool or isinstance(raw, bool):
        return kind is bool and isinstance(raw, bool)
    if kind is float:
        try:
            return isinstance(raw, int | float) and math.isfinite(raw)
        except OverflowError:
            return False
    if kind is str:
        return isinstance(raw, str) and bool(raw.strip())
    return isinstance(raw, kind)


def _hint(raw: Any, kind: Any) -> str:
    """What helps where YAML has read something else than what was meant."""
    if kind is str and isinstance(raw, int | float) and not isinstance(raw, bool):
        return "; put it in quotes"
    if kind in (int, float) and isinstance(raw, str):
        try:
            number = float(raw)
        except ValueError:
            return ""
        return f"; YAML takes it for words: write {number!r} without quotes"
    return ""


def _printed(raw: Any, place: Place) -> Any:
    if not isinstance(raw, str):
        # Unquoted, 0.4780 would lose its last digit, and with it the printed precision.
        place.wrong(f"quote the value, its decimals matter: '{quoted(raw)}'")
        return WRONG
    try:
        sound = Decimal(raw).is_finite() and len(raw) <= 40 and math.isfinite(float(raw))
    except InvalidOperation:
        sound = False
    if not sound:
        place.wrong(f"{quoted(raw)} is not a number")
        return WRONG
    return raw


def type_of(cls: type, name: str) -> str:
    """The type of a key in words, for the reference."""
    field = fields(cls)[name]
    return field.metadata["shown"] or type_in_words(type_hints(cls)[field.name], field.metadata)
