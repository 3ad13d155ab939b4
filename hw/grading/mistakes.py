"""Known mistakes, each a change of lines of a reference, and the mutants that make them.

A mistake stands in a YAML file under the check that it is found by::

    update:
      gradient_sign:
        says: An update goes against the gradient.
        handout: "W ← W - η ∂L/∂W"
        hint: Look at the sign of the step.
        ways:
          - "delta = p - onehot": "delta = onehot - p"

A way maps lines of the reference, as they stand in its module, to what stands there instead:
none, one or several lines of Python. ``values`` fills in what a ``$name`` stands for, with one way
for each value. Those that every lecturer will meet are in `hw/grading/mistakes`; a homework's
``grading.yaml`` adds its own. Both are programs: like a module of Python, they are run.
"""

from __future__ import annotations

import inspect
import itertools
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from string import Template
from typing import Any, TypeVar, cast

from hw.config.located import read_yaml
from hw.errors import UsageError, did_you_mean, quoted
from hw.grading.references import PROGRAMS

FOLDER = Path(__file__).parent / "known"
CHECKS = ("shapes", "start", "prediction", "dropout", "update", "epoch", "loss")
_KEYS = {"says", "handout", "hint", "ways", "values", "harmless", "overflows"}

Program = TypeVar("Program")
Changes = tuple[tuple[str, str], ...]  # lines of a reference, and what stands there instead


@dataclass(frozen=True)
class Mistake:
    """A known mistake of one model.

    check:    which check finds it.
    says:     the fact that should hold, in a sentence for the student.
    handout:  the line of the handout, as a formula.
    hint:     one thing to try.
    ways:     how it is made; none for one that is told by other means than a mutant.
    harmless: it changes no prediction, so that it is named and nothing fails.
    overflows: it may leave the finite numbers. Others are never told from what is not a number,
               for there all mistakes look alike.
    """

    id: str
    check: str
    says: str
    handout: str = ""
    hint: str = ""
    ways: tuple[Changes, ...] = ()
    harmless: bool = False
    overflows: bool = False


@cache
def known(model: str) -> tuple[Mistake, ...]:
    """The mistakes of a model that come with hw, in the order in which they are tried."""
    path = FOLDER / f"{model}.yaml"
    return read_mistakes(read_yaml(path), model, str(path)) if path.is_file() else ()


def read_mistakes(raw: Any, model: str, where: str) -> tuple[Mistake, ...]:
    """Mistakes by check and id. Raises `UsageError` that says where and what."""
    if not isinstance(raw, dict):
        raise UsageError(f"{where}: expected checks with their mistakes")
    found = []
    for check, mistakes in raw.items():
        if check not in CHECKS:
            raise UsageError(f"{where}: unknown check {quoted(check)}{did_you_mean(check, CHECKS)}")
        if not isinstance(mistakes, dict):
            raise UsageError(f"{where}: {check} must hold mistakes by their ids")
        found += [_mistake(str(k), check, v, model, f"{where}: {k}") for k, v in mistakes.items()]
    return tuple(found)


def _mistake(id: str, check: str, raw: Any, model: str, where: str) -> Mistake:
    if not isinstance(raw, dict) or not isinstance(raw.get("says"), str):
        raise UsageError(f"{where}: a mistake says, in a sentence, what should hold")
    for key in raw:
        if key not in _KEYS:
            raise UsageError(f"{where}: unknown key {quoted(key)}{did_you_mean(key, _KEYS)}")
    ways, values = raw.get("ways", []), raw.get("values", {})
    if not isinstance(ways, list) or not all(isinstance(way, dict) and way for way in ways):
        raise UsageError(f"{where}: ways must be a list, each of lines and what they become")
    if not isinstance(values, dict) or not all(isinstance(v, list) for v in values.values()):
        raise UsageError(f"{where}: values must be lists by name")
    lines = lines_of(PROGRAMS[model]) if ways else {}
    for line in itertools.chain.from_iterable(ways):
        if line not in lines:
            raise UsageError(
                f"{where}: the reference {model} has no line {quoted(line)} of its own"
                f"{did_you_mean(line, lines)}"
            )
    return Mistake(
        id,
        check,
        says=raw["says"].strip(),
        handout=str(raw.get("handout", "")),
        hint=str(raw.get("hint", "")).strip(),
        ways=tuple(way for raw_way in ways for way in _filled(raw_way, values, where)),
        harmless=bool(raw.get("harmless", False)),
        overflows=bool(raw.get("overflows", False)),
    )


def _filled(way: Mapping[str, Any], values: Mapping[str, list[Any]], where: str) -> list[Changes]:
    """A way for every combination of the values that its lines name."""
    texts = {str(line): "" if text is None else str(text) for line, text in way.items()}
    used = {n for text in texts.values() for n in Template(text).get_identifiers()}
    if missing := used - values.keys():
        raise UsageError(f"{where}: values are missing for {', '.join(sorted(missing))}")
    names = sorted(used)
    return [
        tuple((line, Template(t).substitute(dict(zip(names, chosen, strict=True))))
              for line, t in texts.items())
        for chosen in itertools.product(*(values[name] for name in names))
    ]  # fmt: skip


@cache
def lines_of(reference: Any) -> dict[str, str]:
    """Every line of the reference's methods that can be changed, and the method it stands in.

    A line that stands in several places is none of them.
    """
    found = [(line.strip(), name) for name, source in _methods(reference).items()
             for line in source.splitlines()[1:]]  # fmt: skip
    counts = Counter(line for line, _ in found)
    return {line: name for line, name in found if line and counts[line] == 1}


@cache
def _methods(reference: Any) -> dict[str, str]:
    """The source of every method of a reference that may be changed, by its name."""
    return {
        name: textwrap.dedent(inspect.getsource(method))
        for name, method in inspect.getmembers(reference, inspect.isfunction)
        if name not in ("__init__", "load", "parameters")
    }


def mutant(reference: type[Program], changes: Changes) -> type[Program]:
    """The reference with these lines changed."""
    made: type[Program] = _mutant(cast(Any, reference), changes)
    return made


@lru_cache(maxsize=20_000)
def _mutant(reference: Any, changes: Changes) -> Any:
    lines, methods = lines_of(reference), _methods(reference)
    by_method: dict[str, dict[str, str]] = {}
    for line, text in changes:
        by_method.setdefault(lines[line], {})[line] = text
    namespace = dict(vars(sys.modules[reference.__module__]))
    body: dict[str, Any] = {}
    for name, of_method in by_method.items():
        source = "\n".join(_changed(methods[name].splitlines(), of_method))
        exec(
            compile("from __future__ import annotations\n" + source, f"<{name}>", "exec"), namespace
        )
        body[name] = namespace[name]
    return type(reference.__name__, (reference,), body)


def _changed(source: list[str], changes: Mapping[str, str]) -> Iterator[str]:
    for line in source:
        if line.strip() not in changes:
            yield line
            continue
        indent = line[: len(line) - len(line.lstrip())]
        yield textwrap.indent(changes[line.strip()] or "pass", indent)


def combined(*ways: Changes) -> Changes | None:
    """Several ways at once; None where two of them change the same line."""
    changes = tuple(itertools.chain.from_iterable(ways))
    return changes if len({line for line, _ in changes}) == len(changes) else None
