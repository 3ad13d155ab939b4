"""What a hand-in offers to the checks, wherever it runs, and how it may fail.

`hw.grading.process` has the hand-in in a process of its own. Nothing that comes back is believed:
the parent looks at types, shapes and sizes before it compares, and it alone decides what passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class HandInFault(Exception):
    """The hand-in did not answer as asked; the message is one line for its author."""


class Raised(HandInFault):
    """The hand-in's own code raised.

    type:    the exception's name.
    message: its text, cut short.
    line:    of the hand-in's file, the innermost one; 0 where there is none.
    done:    what it had answered before, where it was asked for many things at once.
    code:    the exit code that a script would end with.
    """

    def __init__(
        self, type: str, message: str = "", line: int = 0, done: Sequence[Any] = (), code: int = 1
    ) -> None:
        super().__init__(f"{type}: {message}" + (f" (line {line})" if line else ""))
        self.type, self.message, self.line = type, message, line
        self.done, self.code = list(done), code


class TimedOut(HandInFault):
    """It did not answer in time."""


class Died(HandInFault):
    """Its process ended; ``how`` says how."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Nonsense(HandInFault):
    """What came back is not an answer; ``what`` says what it is."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True)
class ClassFacts:
    """A class of the hand-in, as it is once the file is loaded.

    methods: the names of the parameters of each method, inherited ones too, without ``self``;
             ``*args`` and ``**kwargs`` with their asterisks.
    bases:   the names of all classes that it inherits from, nearest first.
    line:    where it begins.
    """

    methods: Mapping[str, tuple[str, ...]]
    bases: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Command:
    """What ``python hand-in.py ...`` did.

    stdout: what it printed, up to a bound, warnings included.
    stderr: the exception that ended it, in a line, or nothing.
    files:  those that it made or changed, by their names: the beginning of each.
    """

    exit: int
    stdout: str
    stderr: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


class HandIn(Protocol):
    """One loaded hand-in. Every method raises `HandInFault` where it is not answered as asked.

    Handles are numbers for objects that stay on the other side.
    """

    @property
    def classes(self) -> Mapping[str, ClassFacts]: ...

    @property
    def functions(self) -> Mapping[str, tuple[str, ...]]:
        """Functions of the module, with the names of their parameters."""
        ...

    @property
    def printed(self) -> str: ...

    def new(self, cls: str, *args: Any, **kwargs: Any) -> int: ...

    def call(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Any:
        """None, a number, a string, arrays, or lists, tuples and dictionaries of these."""
        ...

    def function(self, name: str, *args: Any, **kwargs: Any) -> Any: ...

    def make(self, name: str, *args: Any, **kwargs: Any) -> int:
        """A handle for what a function or a class of a package makes, such as ``torch.tensor``."""
        ...

    def keep(self, handle: int, method: str, *args: Any, **kwargs: Any) -> int:
        """A handle for what a method returns."""
        ...

    def state(self, handle: int) -> dict[str, Array]:
        """Every array of floats that is reachable from the object, by its path: ``W``,
        ``weights[0]``, ``params['W1']``, ``linear.weight``."""
        ...

    def put(self, handle: int, path: str, array: Array) -> None:
        """Set one of them, in place."""
        ...

    def walk(
        self, handle: int, method: str, calls: Sequence[tuple[Any, ...]], **kwargs: Any
    ) -> list[dict[str, Array]]:
        """The state after each of many calls, in one round trip.

        Where a call raises, `Raised` has the states before it in ``done``.
        """
        ...

    def seed(self, seed: int) -> None:
        """NumPy's legacy generator, `random` and torch."""
        ...

    def within(self, share: float) -> AbstractContextManager[None]:
        """Inside, there is only this share of the time that is left."""
        ...

    def restart(self) -> None:
        """A fresh process, after a fault or to forget what happened."""
        ...

    def command(self, argv: Sequence[str], files: Mapping[str, bytes]) -> Command: ...


def finite(*arrays: Array) -> bool:
    """Whether every entry of all of them is a finite number."""
    return all(bool(np.isfinite(a).all()) for a in arrays)
