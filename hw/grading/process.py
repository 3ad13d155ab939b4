"""A hand-in in a process of its own, and what the grader can ask it for.

The process runs `hw/grading/child`, in a folder of its own that the hand-in's folder is copied
into. Nothing that comes back is believed: values are checked as they arrive, and whoever asked
compares them. A process that dies, is silent, or answers what is no answer is a `HandInFault`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

import hw
from hw.errors import HwError
from hw.grading import hand_in_folder
from hw.grading.child import wire
from hw.grading.conversation import MAX_PRINTED, Child, Handle
from hw.grading.hand_in import (
    ClassFacts,
    Command,
    Died,
    HandInFault,
    Nonsense,
    Raised,
    TimedOut,
)
from hw.grading.sandbox import launch

TIME_LIMIT = 10.0  # seconds, of all that one hand-in is asked for
_START_LIMIT = 60.0  # seconds until Python and NumPy are there, which is not the hand-in's time
MEMORY_MB = 2000
_FILE_MB = 64


__all__ = ["TIME_LIMIT", "ClassFacts", "Command", "Died", "HandIn", "HandInFault", "Handle",
           "Nonsense", "Raised", "TimedOut"]  # fmt: skip


class HandIn:
    """One hand-in, loaded. A context manager: its process ends and its folder goes with it.

    classes, functions: what the file and those beside it define, from the loaded module.
    held:               the protections that hold, in words.
    printed:            the beginning of what it has printed so far.
    left_out:           how many files of its folder were not copied.

    Raises `HandInFault` where loading it does, and `HwError` where no process can be started.
    """

    def __init__(
        self,
        file: Path,
        time_limit: float = TIME_LIMIT,
        files: Mapping[str, bytes] | None = None,
        memory_mb: int = MEMORY_MB,
        sandbox: str = "process",
    ) -> None:
        """``files``: what its folder holds besides, by name (data for its own loader)."""
        self.file = file
        self._left = time_limit
        self._limit, self._memory_mb, self._sandbox = time_limit, memory_mb, sandbox
        self._folder = tempfile.TemporaryDirectory(prefix="hand-in-", ignore_cleanup_errors=True)
        self._process: Child | None = None
        self._printed = ""
        self.held: tuple[str, ...] = ()
        try:
            self.left_out = hand_in_folder.copy(file, self._place, files or {})
            self.restart()
        except BaseException:
            self.close()
            raise

    @property
    def _place(self) -> Path:
        return Path(self._folder.name)

    def restart(self) -> None:
        """A fresh process with the time that is left: after a fault, or to forget what happened."""
        self._end()
        self._start()
        facts = self._ask("load")
        self.classes = {n: _class_facts(f) for n, f in _named(facts, "classes").items()}
        self.functions = {n: _words(f, n) for n, f in _named(facts, "functions").items()}

    @contextmanager
    def within(self, share: float) -> Iterator[None]:
        """Inside, there is only this share of the time that is left; the rest comes back."""
        kept = (1 - share) * self._left
        self._left -= kept
        try:
            yield
        finally:
            self._left += kept

    @property
    def printed(self) -> str:
        return (self._printed + (self._process.printed if self._process else ""))[:MAX_PRINTED]

    # What it can be asked for

    def new(self, cls: str, *args: Any, **kwargs: Any) -> Handle:
        """An object of a class; its handle."""
        return self._handle(self._ask("new", cls, *args, **kwargs))

    def call(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method returns: numbers, strings, arrays, and lists, tuples and dicts of these;
        any other object as a handle."""
        return self._ask("call", Handle(handle), method, *args, **kwargs)

    def keep(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Handle:
        """What a method returns, kept where it is; its handle."""
        return self._handle(self._ask("keep", Handle(handle), method, *args, **kwargs))

    def function(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What a function of the module returns; handles may be among its arguments."""
        return self._ask("function", name, *args, **kwargs)

    def state(self, handle: int) -> dict[str, np.ndarray]:
        """Every array of floats that can be reached from the object, by its path: ``W``,
        ``weights[0]``, ``params['W1']``, ``linear.weight``."""
        return _state(self._ask("state", Handle(handle)))

    def put(self, handle: int, path: str, array: np.ndarray) -> None:
        """Set one of these, in place."""
        self._ask("put", Handle(handle), path, np.asarray(array))

    def walk(
        self, handle: int, method: str, calls: Sequence[Sequence[Any]], **kwargs: Any
    ) -> list[dict[str, np.ndarray]]:
        """The state after each of many calls of one method; ``kwargs`` are the same in all.

        A `Raised` has the states before in its ``done``.
        """
        asked = [list(args) for args in calls]
        try:
            found = self._ask("walk", Handle(handle), method, asked, **kwargs)
        except Raised as fault:
            fault.done = [_state(s) for s in fault.done]
            raise
        if not isinstance(found, list) or len(found) != len(asked):
            raise Nonsense("one state for each call was expected")
        return [_state(s) for s in found]

    def make(self, name: str, *args: Any, **kwargs: Any) -> Handle:
        """What a function or a class of a package makes, such as ``torch.tensor``; its handle."""
        return self._handle(self._ask("make", name, *args, **kwargs))

    def seed(self, seed: int) -> None:
        """Seed the global generators: NumPy's legacy one, Python's, and PyTorch's where loaded."""
        self._ask("seed", seed)

    def command(self, argv: Sequence[str], files: Mapping[str, bytes] | None = None) -> Command:
        """Run the file as a script in its folder, after writing ``files`` there.

        Raises `TimedOut` and `Died`. An exception that the script does not catch is exit code 1.
        """
        self._end()
        hand_in_folder.write(self._place, files or {})
        before = hand_in_folder.listing(self._place)
        self._start()
        process, code, last = self._running(), 0, ""
        try:
            self._ask("run", list(argv))
        except Raised as fault:
            code, last = fault.code, "" if fault.type == "SystemExit" else str(fault)
        finally:
            self._end()
        return Command(code, process.printed, last, hand_in_folder.made(self._place, before))

    @staticmethod
    def _handle(found: Any) -> Handle:
        if type(found) is not int:
            raise Nonsense(f"a handle was expected, not {type(found).__name__}")
        return Handle(found)

    # The process

    def _start(self) -> None:
        start = launch(self._sandbox, self._place, self._memory_mb)
        self._process = Child(start, self._place)
        settings = {
            "imports": ["torch"] if imports_torch(self.file) else [],
            "file": str(self._place / self.file.name),
            "confine": {
                "folder": str(self._place),
                "hidden": str(Path(hw.__file__).parent),
                "seconds": int(self._limit) + 2,
                "memory_mb": self._memory_mb,
                "file_mb": _FILE_MB,
            },
        }
        try:
            answer = self._process.exchange(wire.pack(settings, _number), _START_LIMIT)
        except HandInFault as fault:
            words = self._process.printed.strip().splitlines()[-1:] or [str(fault)]
            raise HwError(f"{self.file}: no process could be started for it: {words[0]}") from None
        self.held = (*start.held, *(str(h) for h in _named(answer, "held", list)))

    def _running(self) -> Child:
        if self._process is None:
            raise Died("its process has ended")
        return self._process

    def _ask(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        process = self._running()
        process.asked += 1
        request = {"id": process.asked, "do": verb, "args": list(args), "kwargs": kwargs}
        frame = wire.pack(request, _number)
        begun = process.clock()
        try:
            answer = process.exchange(frame, self._left)
        except TimedOut:
            raise TimedOut(f"it took more than {self._limit:g} s") from None
        finally:
            self._left -= process.clock() - begun
        if not isinstance(answer, dict) or answer.get("id") != process.asked:
            raise process.end(Nonsense("an answer to nothing that was asked"))
        if "raised" in answer:
            raise _raised(answer["raised"])
        return answer.get("value")

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._printed = (self._printed + self._process.printed)[:MAX_PRINTED]
            self._process = None

    def close(self) -> None:
        self._end()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def imports_torch(file: Path) -> bool:
    """Whether the file wants PyTorch, which takes seconds to import: not the hand-in's seconds."""
    return bool(re.search(rb"^\s*(?:import|from)\s+torch\b", file.read_bytes(), re.MULTILINE))


# What comes back, checked


def _number(handle: Any) -> int:
    if not isinstance(handle, Handle):
        raise TypeError(f"a {type(handle).__name__} cannot be sent to a hand-in")
    return int(handle)


def _named(found: Any, key: str, kind: type = dict) -> Any:
    inside = found.get(key) if isinstance(found, dict) else None
    if not isinstance(inside, kind):
        raise Nonsense(f"an answer without its {key}")
    return inside


def _words(found: Any, where: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(w, str) for w in found):
        raise Nonsense(f"names were expected of {where}")
    return tuple(found)


def _class_facts(found: Any) -> ClassFacts:
    methods = {str(n): _words(p, n) for n, p in _named(found, "methods").items()}
    line = found.get("line")
    return ClassFacts(
        methods,
        _words(found.get("bases"), "bases"),
        line if type(line) is int else 0,
    )


def _state(found: Any) -> dict[str, np.ndarray]:
    if not isinstance(found, dict) or not all(
        isinstance(k, str) and isinstance(v, np.ndarray) for k, v in found.items()
    ):
        raise Nonsense("arrays by their names were expected")
    return found


def _raised(found: Any) -> Raised:
    kind, message = _named(found, "type", str), _named(found, "message", str)
    line, done, code = found.get("line"), found.get("done"), found.get("code")
    return Raised(
        kind[:100],
        message[:1000],
        line if type(line) is int else 0,
        done if isinstance(done, list) else (),
        code if type(code) is int else 1,
    )
