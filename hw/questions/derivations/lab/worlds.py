"""One formula, three worlds: SymPy's symbols, NumPy's arrays, PyTorch's tensors.

A formula is a function of a world and of its arguments, ``lambda w, z: 1 / (1 + w.exp(-z))``, and
runs in each: in SymPy to be proved, in NumPy and PyTorch to be measured. `World.slope` is its
derivative, found in each world by other means, none of which knows the formula under test:

=========  ====================  ==================================================
``numpy``  five-point stencils   within `calculus.FIRST` of the derivative
``torch``  autograd              within `calculus.ROUNDING`
``sympy``  `sympy.diff`          exactly
=========  ====================  ==================================================

What a world does not define itself (``exp``, ``where``, ``linalg``) is its library's: NumPy 2 and
PyTorch share the names that are needed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw.nn import activations, losses
from hw.questions.derivations.lab.calculus import FIRST, ROUNDING, SECOND, first_difference

Formula = Callable[["World", Any], Any]


class World:
    """Elementwise functions under NumPy's names, and a derivative.

    name:      ``numpy``, ``torch`` or ``sympy``.
    library:   where a name is looked up that is not defined here.
    first, second: how far a first and a second derivative may lie from a formula.
    witness:   where its derivatives come from, in words.
    """

    name: str
    library: Any
    first: float
    second: float
    witness: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.library, name)

    def array(self, values: Any) -> Any:
        """Numbers of float64 as this world has them."""
        raise NotImplementedError

    def slope(self, f: Formula, z: Any) -> Any:
        """f'(z) of an elementwise ``f``, in z's shape."""
        raise NotImplementedError


class NumPy(World):
    name, library, witness = "numpy", np, "finite differences"
    first, second = FIRST, SECOND

    sigmoid = plain_sigmoid = staticmethod(activations.sigmoid)
    softmax = staticmethod(losses.softmax)
    log_softmax = staticmethod(losses.log_softmax)

    def array(self, values: Any) -> Any:
        return np.asarray(values, np.float64)

    def slope(self, f: Formula, z: Any) -> Any:
        return first_difference(lambda t: f(self, t), z)


class Torch(World):
    name, witness = "torch", "autograd"
    first, second = ROUNDING, ROUNDING

    def __init__(self) -> None:
        import torch

        self.library = torch

    # From their definitions: autograd's own rules for the built-in ones are formulas under test.
    def plain_sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.exp(-z))

    def softmax(self, z: Any) -> Any:
        return self.exp(self.log_softmax(z))

    def log_softmax(self, z: Any) -> Any:
        return z - self.logsumexp(z, -1, keepdim=True)

    def array(self, values: Any) -> Any:
        return self.as_tensor(values, dtype=self.float64)

    def slope(self, f: Formula, z: Any) -> Any:
        leaf = z.detach().requires_grad_()
        return self.autograd.grad(f(self, leaf).sum(), leaf, create_graph=True)[0]


class SymPy(World):
    name, witness = "sympy", "SymPy"
    first = second = 0.0

    def __init__(self) -> None:
        import sympy

        self.library = SimpleNamespace(
            **{name: getattr(sympy, name) for name in ("exp", "log", "tanh", "sqrt", "sign")},
            abs=sympy.Abs,
            maximum=sympy.Max,
            where=lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
        )
        self.sympy = sympy

    def sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.exp(-z))

    plain_sigmoid = sigmoid

    def softmax(self, z: Sequence[Any]) -> Any:
        total = sum(self.exp(entry) for entry in z)
        return [self.exp(entry) / total for entry in z]

    def array(self, values: Any) -> Any:
        return values

    def slope(self, f: Formula, z: Any) -> Any:
        return self.sympy.diff(f(self, z), z)


@cache
def world(name: str) -> World:
    """``numpy``, ``torch`` or ``sympy``; the library is imported by the first call."""
    return {"numpy": NumPy, "torch": Torch, "sympy": SymPy}[name]()
