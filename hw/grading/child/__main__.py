"""The process of one hand-in: it loads the file, does what it is asked, and answers.

Run as ``python -I child``. Requests come on standard input and answers go to standard output, each
a frame of `wire`; what the hand-in prints goes to standard error. Nothing of hw is imported: what
the grader expects is not to be found in this process.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import random
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

# The folder that is run is the first that is searched; a hand-in may have files of these names.
_OWN = ("confine", "reach", "stand_ins", "wire")
confine, reach, stand_ins, wire = (importlib.import_module(name) for name in _OWN)
for _name in _OWN:
    del sys.modules[_name]
del sys.path[0]


class Channel:
    """The two pipes to the grader, out of the way of what the hand-in prints and reads."""

    def __init__(self) -> None:
        self._requests, self._answers = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)

    def receive(self, resolve: Callable[[Any], Any]) -> Any:
        text, blocks = wire.HEAD.unpack(self._read(wire.HEAD.size))
        return wire.unpack(self._read(text), self._read(blocks), resolve)

    def send(self, value: Any, refer: Callable[[Any], Any]) -> None:
        rest = memoryview(wire.pack(value, refer))
        while rest:
            rest = rest[os.write(self._answers, rest) :]

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._requests, min(size, 1 << 20))
            if not part:
                os._exit(0)  # the grader has gone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class NoReference:
    """An import of hw is refused: a hand-in is not to borrow what it is compared with."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "hw":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class Worker:
    """The hand-in's module, and the objects that the grader has handles of."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)
        self.objects: list[Any] = []
        self.module = ModuleType("hand_in")

    # What the grader can ask for

    def load(self) -> dict[str, Any]:
        spec = importlib.util.spec_from_file_location("hand_in", self.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.file.name} is no Python file")
        self.module = importlib.util.module_from_spec(spec)
        sys.modules["hand_in"] = self.module
        spec.loader.exec_module(self.module)
        names = sorted(vars(self.module).items())
        return {
            "classes": {n: self._class(c) for n, c in names if inspect.isclass(c) and self._own(c)},
            "functions": {
                n: _parameters(f) for n, f in names if inspect.isfunction(f) and self._own(f)
            },
        }

    def new(self, name: str, *args: Any, **kwargs: Any) -> int:
        self.objects.append(getattr(self.module, name)(*args, **kwargs))
        return len(self.objects) - 1

    def call(self, thing: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(thing, method)(*args, **kwargs)

    def keep(self, thing: Any, method: str, *args: Any, **kwargs: Any) -> int:
        self.objects.append(getattr(thing, method)(*args, **kwargs))
        return len(self.objects) - 1

    def function(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.module, name)(*args, **kwargs)

    def state(self, thing: Any) -> dict[str, np.ndarray]:
        return reach.state(thing, self._own)

    def put(self, thing: Any, path: str, array: np.ndarray) -> None:
        reach.put(thing, path, array, self._own)

    def walk(
        self, thing: Any, method: str, calls: Sequence[Sequence[Any]], **kwargs: Any
    ) -> Iterator[dict[str, np.ndarray]]:
        for args in calls:
            getattr(thing, method)(*args, **kwargs)
            yield reach.state(thing, self._own)

    def make(self, name: str, *args: Any, **kwargs: Any) -> int:
        module, _, function = name.rpartition(".")
        made = getattr(importlib.import_module(module), function)(*args, **kwargs)
        self.objects.append(made)
        return len(self.objects) - 1

    def seed(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)

    def run(self, argv: Sequence[str]) -> None:
        sys.argv = [self.file.name, *argv]
        runpy.run_path(str(self.file), run_name="__main__")

    # What they need

    def _own(self, thing: Any) -> bool:
        """Whether a class or a function is the hand-in's: of its file, or of one beside it."""
        module = sys.modules.get(getattr(thing, "__module__", None) or "")
        file = getattr(module, "__file__", None)
        return file is not None and Path(file).is_relative_to(self.file.parent)

    def _class(self, found: type) -> dict[str, Any]:
        own = [c for c in reversed(found.__mro__) if self._own(c)]
        methods = {n: _parameters(f) for c in own for n, f in vars(c).items() if callable(f)}
        try:
            line = inspect.getsourcelines(found)[1]
        except (OSError, TypeError):
            line = 0
        return {
            "methods": methods,
            "bases": [str(c.__name__) for c in found.__mro__[1:]],
            "line": line,
        }

    def refer(self, thing: Any) -> list[Any]:
        """What stands for an object that cannot travel: its handle, and the name of its class."""
        if reach.is_tensor(thing):
            raise ValueError("a tensor that holds no numbers cannot be sent")
        self.objects.append(thing)
        return [len(self.objects) - 1, type(thing).__name__]

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked; the value, or what was raised and where."""
        done: list[Any] = []
        try:
            found = getattr(self, request["do"])(*request["args"], **request["kwargs"])
            if request["do"] == "walk":
                done.extend(found)
                found = done
            return {"value": _plain(found)}
        except BaseException as error:
            return {"raised": {**self._described(error), "done": done}}

    def _described(self, error: BaseException) -> dict[str, Any]:
        frames = traceback.extract_tb(error.__traceback__)
        if isinstance(error, SyntaxError) and error.filename == str(self.file):
            line = error.lineno
        else:
            line = next((f.lineno for f in reversed(frames) if f.filename == str(self.file)), 0)
        message = ""
        with contextlib.suppress(Exception):
            message = str(error)[:1000]
        code = 1
        if isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
        return {"type": type(error).__name__, "message": message, "line": line, "code": code}


def _parameters(function: Any) -> list[str]:
    """The names of a function's parameters, without ``self``, starred as in its definition."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    stars: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    names = [stars.get(p.kind, "") + p.name for p in found]
    return names[1:] if names[:1] == ["self"] else names


def _plain(value: Any) -> Any:
    """The value with tensors as arrays, wherever they are."""
    if reach.is_tensor(value):
        return value.detach().cpu().numpy()
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    return value


def main() -> None:
    channel = Channel()
    settings = channel.receive(lambda _: None)
    for name in settings["imports"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    held = confine.confine(**settings["confine"])
    os.chdir(settings["confine"]["folder"])
    sys.path.insert(0, settings["confine"]["folder"])
    sys.meta_path.insert(0, NoReference())
    stand_ins.install()
    worker = Worker(settings["file"])
    sys.argv = [worker.file.name]
    channel.send({"held": held}, worker.refer)
    while True:
        request = channel.receive(lambda number: worker.objects[number])
        answer = worker.answer(request)
        sys.stdout.flush()
        try:
            channel.send({"id": request["id"], **answer}, worker.refer)
        except ValueError as error:
            described = {**worker._described(error), "done": []}
            channel.send({"id": request["id"], "raised": described}, worker.refer)


if __name__ == "__main__":
    main()
