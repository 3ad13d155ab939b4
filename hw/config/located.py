"""YAML read with the line of every key, so that what is wrong can be said with its place."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.results.files import read_bytes

MAX_YAML_BYTES = 1_000_000
MAX_YAML_DEPTH = 50

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a file; line 0 where it is of no line."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


@dataclass(frozen=True)
class Place:
    """A place in a document: its file, and the keys that lead there.

    lines:    the line of every key and item, by the keys that lead there.
    problems: what is found wrong anywhere in the document; shared by all its places.
    """

    path: Path
    keys: Keys = ()
    lines: Mapping[Keys, int] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list, repr=False)

    def at(self, *keys: str | int) -> Place:
        return Place(self.path, (*self.keys, *keys), self.lines, self.problems)

    def copy(self) -> Place:
        """The same place, to note more without noting it here."""
        return Place(self.path, self.keys, self.lines, list(self.problems))

    @property
    def line(self) -> int:
        """The line of the place, or that of the nearest one around it; 0 where none is known."""
        for n in range(len(self.keys), 0, -1):
            if self.keys[:n] in self.lines:
                return self.lines[self.keys[:n]]
        return 0

    @property
    def words(self) -> str:
        """``claim 2, variant`` for the keys ``("claims", 1, "variant")``."""
        found: list[str] = []
        for key in self.keys:
            if isinstance(key, int) and found:
                found[-1] = f"{found[-1].removesuffix('s')} {key + 1}"
            else:
                found.append(str(key))
        return ", ".join(found)

    def wrong(self, text: str) -> None:
        """Note that something is wrong here; ``text`` goes on from the words for the place."""
        self.note(f"{self.words}: {text}" if self.keys else text)

    def note(self, text: str) -> None:
        """Note a whole sentence on what is wrong here."""
        problem = Problem(self.path, self.line, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def is_not(self, value: object, expected: str) -> None:
        """Note a value that is something else than what was expected."""
        self.note(f"{self.words} is {quoted(value)}; expected {expected}")

    def wrong_key(self, key: object, known: typing.Iterable[str]) -> None:
        """Note that the last key of this place is none of the ``known``."""
        around = Place(self.path, self.keys[:-1], self.lines, self.problems)
        near = did_you_mean(key, known)
        listed = "" if near else f" (keys: {', '.join(known)})"
        about = f"{around.words}: " if around.keys else ""
        self.note(f"{about}unknown key {quoted(key)}{near}{listed}")

    def unknown(self, what: str, name: object, known: typing.Iterable[object]) -> None:
        """Note a name that there is not, with the nearest one that there is."""
        known = list(dict.fromkeys(known))
        near = did_you_mean(name, known)
        listed = "" if near else f" (there is {', '.join(map(str, known[:20])) or 'none'})"
        self.wrong(f"unknown {what} {quoted(name)}{near}{listed}")


class WrongFile(UsageError):
    """A configuration file with its problems: the first one, and how many more there are."""

    def __init__(self, problems: typing.Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(problems) - 1
        rest = f" (and {more} more problem{'s' * (more > 1)})" if more else ""
        super().__init__(f"{problems[0]}{rest}")

    @classmethod
    def of(cls, place: Place, error: UsageError) -> WrongFile:
        """An error as a problem at a place, unless it has one of its own."""
        if isinstance(error, WrongFile):
            return error
        return cls([Problem(place.path, place.line, str(error))])


def refuse(place: Place) -> None:
    """Raise `WrongFile` if anything in the document of ``place`` was found wrong."""
    if place.problems:
        raise WrongFile(sorted(place.problems, key=lambda p: p.line))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that knows no types but JSON's."""

    yaml_implicit_resolvers: typing.ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _name in ("timestamp", "binary", "set", "omap", "pairs"):
    _Loader.add_constructor(
        f"tag:yaml.org,2002:{_name}", yaml.constructor.SafeConstructor.construct_undefined
    )


def read_yaml(path: Path) -> Any:
    """The document in a YAML file: JSON's types only, no aliases, no repeated keys.

    Raises `UsageError` that names the file and the line.
    """
    return read_located(path, path)[0]


def read_located(path: Path, shown: Path) -> tuple[Any, Place]:
    """The document in a YAML file, and the place of its beginning.

    shown: the path as messages have it. Raises `UsageError`.
    """
    try:
        builder = _Builder(read_bytes(path, MAX_YAML_BYTES).decode())
        return builder.document(), Place(shown, lines=builder.lines)
    except HwError as error:
        raise UsageError(str(error).replace(str(path), str(shown))) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown}: not UTF-8 text") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        # Besides YAMLError: what constructors raise on a tag that does not fit, `!!bool x`.
        mark = getattr(error, "problem_mark", None)
        line = f"{mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise UsageError(f"{shown}:{line} {problem}") from error


class _Builder:
    """Values from the parser's events, each with its line.

    From events and not from PyYAML's nodes: what no file needs is refused before it costs anything.
    Aliases make a small file expand without bound; nesting overflows a recursive loader's stack.
    """

    def __init__(self, text: str) -> None:
        self.loader = _Loader(text)
        self.lines: dict[Keys, int] = {}

    def document(self) -> Any:
        events = iter(self.loader.get_event, None)
        found = [
            self._value(event, (), 1)
            for event in events
            if isinstance(event, yaml.NodeEvent)  # those between are consumed by _value
        ]
        if len(found) > 1:
            raise yaml.constructor.ConstructorError(problem="holds several documents")
        return found[0] if found else None

    def _value(self, event: Any, keys: Keys, depth: int) -> Any:
        self.lines.setdefault(keys, _line(event))
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("YAML aliases (*name) are not accepted", event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth > MAX_YAML_DEPTH:
            raise _refusal(f"nested more than {MAX_YAML_DEPTH} deep", event)
        standard = {"tag:yaml.org,2002:seq", "tag:yaml.org,2002:map", None, "!"}
        if event.tag not in standard:
            raise _refusal(f"could not determine a constructor for the tag {event.tag!r}", event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(keys, depth)
        return self._mapping(keys, depth)

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        return self.loader.construct_object(node)

    def _sequence(self, keys: Keys, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            found.append(self._value(event, (*keys, len(found)), depth + 1))
        return found

    def _mapping(self, keys: Keys, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _refusal("a key must be a word: lists and mappings are unhashable", event)
            key = self._scalar(event)
            if key in found:
                raise _refusal(f"the key {key!r} stands there twice", event)
            place = (*keys, str(key))
            self.lines[place] = _line(event)
            found[key] = self._value(self.loader.get_event(), place, depth + 1)
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refusal(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, event.start_mark)
