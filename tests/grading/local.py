"""A hand-in in this process, for tests of the checks alone: what is written here is trusted."""

from __future__ import annotations

import importlib
import inspect
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from hw.grading.child import reach
from hw.grading.hand_in import ClassFacts, Command, Raised


class LocalHandIn:
    """Answers as `hw.grading.process.HandIn` does."""

    printed = ""

    def __init__(self, text: str) -> None:
        self.module = ModuleType("local_hand_in")
        sys.modules["local_hand_in"] = self.module
        exec(compile(text, "local_hand_in.py", "exec"), vars(self.module))
        self.objects: list[Any] = []

    def _own(self, thing: Any) -> bool:
        return getattr(thing, "__module__", None) == "local_hand_in"

    @property
    def classes(self) -> Mapping[str, ClassFacts]:
        return {
            name: ClassFacts(
                {n: _parameters(f) for c in cls.__mro__ if self._own(c) for n, f in vars(c).items()
                 if callable(f)}
            )
            for name, cls in vars(self.module).items()
            if inspect.isclass(cls) and self._own(cls)
        }  # fmt: skip

    @property
    def functions(self) -> Mapping[str, tuple[str, ...]]:
        return {
            name: _parameters(f)
            for name, f in vars(self.module).items()
            if inspect.isfunction(f) and self._own(f)
        }

    def new(self, cls: str, *args: Any, **kwargs: Any) -> int:
        return self._kept(_run(getattr(self.module, cls), args, kwargs))

    def make(self, name: str, *args: Any, **kwargs: Any) -> int:
        module, _, function = name.rpartition(".")
        made = getattr(importlib.import_module(module), function)
        return self._kept(_run(made, self._things(args), self._named(kwargs)))

    def keep(self, handle: int, method: str, *args: Any, **kwargs: Any) -> int:
        return self._kept(_run(getattr(self.objects[handle], method), self._things(args), kwargs))

    def call(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Any:
        return _plain(_run(getattr(self.objects[handle], method), self._things(args), kwargs))

    def function(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return _plain(_run(getattr(self.module, name), self._things(args), kwargs))

    def state(self, handle: int) -> dict[str, np.ndarray]:
        return reach.state(self.objects[handle], self._own)

    def put(self, handle: int, path: str, array: np.ndarray) -> None:
        reach.put(self.objects[handle], path, array, self._own)

    def walk(
        self, handle: int, method: str, calls: Sequence[Sequence[Any]], **kwargs: Any
    ) -> list[dict[str, np.ndarray]]:
        states = []
        for args in calls:
            try:
                _run(getattr(self.objects[handle], method), args, kwargs)
            except Raised as fault:
                fault.done = states
                raise
            states.append(self.state(handle))
        return states

    def seed(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)

    @contextmanager
    def within(self, share: float) -> Iterator[None]:
        yield

    def restart(self) -> None: ...

    def command(self, argv: Sequence[str], files: Mapping[str, bytes]) -> Command:
        raise NotImplementedError

    def _kept(self, thing: Any) -> int:
        self.objects.append(thing)
        return _Handle(len(self.objects) - 1)

    def _things(self, values: Sequence[Any]) -> list[Any]:
        return [self.objects[v] if isinstance(v, _Handle) else v for v in values]

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(zip(values, self._things(list(values.values())), strict=True))


class _Handle(int):
    pass


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    names = tuple(stars.get(p.kind, "") + p.name for p in found)
    return names[1:] if names[:1] == ("self",) else names


def _run(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    own = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            return function(*own, **kwargs)
    except Exception as error:
        raise Raised(type(error).__name__, str(error)) from error


def _plain(value: Any) -> Any:
    if reach.is_tensor(value):
        return value.detach().numpy()
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    return value
