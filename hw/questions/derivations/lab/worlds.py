"""One formula, three worlds: SymPy's symbols, NumPy's arrays, PyTorch's tensors.

A formula is a function of a world and of its arguments, ``lambda w, z: 1 / (1 + w.exp(-z))``, and
runs in each: in SymPy to be proved, in NumPy and PyTorch to be measured. Its derivatives are found
in each world by other means, none of which knows the formula under test:

=========  ====================  ==================================================
``numpy``  five-point stencils   within `calculus.FIRST` or `SECOND` of the derivative
``torch``  autograd              within `calculus.ROUNDING`
``sympy``  `sympy.diff`          exactly
=========  ====================  ==================================================

`World.slope` and `World.curvature` are of elementwise functions. `World.jacobian` and
`World.hessian` are of functions of vectors, which run along the last axis: numbers come as n rows,
(n, K), and symbols as one, (K,), in an array of objects.

PyTorch's own sigmoid and softmax carry their derivatives, which would be the formula under test.
Autograd is therefore led through `Elementary`, where they are written out.

What a world does not define itself (``exp``, ``where``, ``linalg``) is its library's: NumPy 2 and
PyTorch share the names that are needed here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw.nn import activations, losses
from hw.questions.derivations.lab.calculus import (
    FIRST,
    ROUNDING,
    SECOND,
    first_difference,
    hessian_by_differences,
    jacobian_by_differences,
    second_difference,
    torch_derivatives,
    torch_hessian,
    torch_jacobian,
)

Formula = Callable[["World", Any], Any]


class World(ABC):
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

    @abstractmethod
    def array(self, values: Any) -> Any:
        """Numbers of float64 as this world has them."""

    def eye(self, size: int) -> Any:
        """The unit matrix, (size, size)."""
        return self.array(np.eye(size))

    @abstractmethod
    def slope(self, f: Formula, z: Any) -> Any:
        """f'(z) of an elementwise ``f``, in z's shape."""

    @abstractmethod
    def curvature(self, f: Formula, z: Any) -> Any:
        """f''(z) of an elementwise ``f``, in z's shape."""

    @abstractmethod
    def jacobian(self, f: Formula, z: Any) -> Any:
        """Derivatives of f, (..., K) -> (..., M), as (..., M, K)."""

    @abstractmethod
    def hessian(self, f: Formula, z: Any) -> Any:
        """Second derivatives of f, (..., K) -> (...), as (..., K, K)."""


class NumPy(World):
    name, library, witness = "numpy", np, "finite differences"
    first, second = FIRST, SECOND

    sigmoid = staticmethod(activations.sigmoid)
    softmax = staticmethod(losses.softmax)
    log_softmax = staticmethod(losses.log_softmax)

    def log_sigmoid(self, z: Any) -> Any:
        return -np.logaddexp(0, -z)

    def array(self, values: Any) -> Any:
        return np.asarray(values, np.float64)

    def slope(self, f: Formula, z: Any) -> Any:
        return first_difference(lambda t: f(self, t), z)

    def curvature(self, f: Formula, z: Any) -> Any:
        return second_difference(lambda t: f(self, t), z)

    def jacobian(self, f: Formula, z: Any) -> Any:
        return jacobian_by_differences(lambda t: f(self, t), z, np.eye(z.shape[-1]))

    def hessian(self, f: Formula, z: Any) -> Any:
        return hessian_by_differences(lambda t: f(self, t), z)


class Torch(World):
    name, witness = "torch", "autograd"
    first, second = ROUNDING, ROUNDING

    def __init__(self) -> None:
        import torch

        self.library = torch

    def log_sigmoid(self, z: Any) -> Any:
        return self.nn.functional.logsigmoid(z)

    def softmax(self, z: Any) -> Any:
        return self.library.softmax(z, -1)

    def log_softmax(self, z: Any) -> Any:
        return self.library.log_softmax(z, -1)

    def array(self, values: Any) -> Any:
        return self.as_tensor(values, dtype=self.float64)

    def slope(self, f: Formula, z: Any) -> Any:
        leaf = z.detach().requires_grad_()
        return self.autograd.grad(f(elementary(), leaf).sum(), leaf, create_graph=True)[0]

    def curvature(self, f: Formula, z: Any) -> Any:
        return self.from_numpy(torch_derivatives(partial(f, elementary()), z)[1])

    def jacobian(self, f: Formula, z: Any) -> Any:
        return self.from_numpy(torch_jacobian(partial(f, elementary()), z))

    def hessian(self, f: Formula, z: Any) -> Any:
        return self.from_numpy(torch_hessian(partial(f, elementary()), z)[1])


class Elementary(Torch):
    """PyTorch with these functions written out, in steps whose derivatives are not in question."""

    def sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.exp(-z))

    def log_sigmoid(self, z: Any) -> Any:
        return -self.log1p(self.exp(-z))

    def softmax(self, z: Any) -> Any:
        return self.exp(z) / self.exp(z).sum(-1, keepdim=True)

    def log_softmax(self, z: Any) -> Any:
        return z - self.exp(z).sum(-1, keepdim=True).log()


class SymPy(World):
    name, witness = "sympy", "SymPy"
    first = second = 0.0

    def __init__(self) -> None:
        import sympy

        elementwise = ("exp", "log", "sin", "tanh", "sqrt", "sign")
        self.library = SimpleNamespace(
            **{name: np.frompyfunc(getattr(sympy, name), 1, 1) for name in elementwise},
            abs=sympy.Abs,
            maximum=sympy.Max,
            where=lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
            stack=np.stack,
            concatenate=np.concatenate,
        )
        self.sympy = sympy

    def sigmoid(self, z: Any) -> Any:
        return 1 / (1 + self.exp(-z))

    def log_sigmoid(self, z: Any) -> Any:
        return self.log(self.sigmoid(z))

    def softmax(self, z: Any) -> Any:
        total = sum(self.exp(entry) for entry in z)
        return np.array([self.exp(entry) / total for entry in z])

    def log_softmax(self, z: Any) -> Any:
        total = sum(self.exp(entry) for entry in z)
        return np.array([entry - self.log(total) for entry in z])

    def eye(self, size: int) -> Any:
        return np.eye(size, dtype=int)

    def array(self, values: Any) -> Any:
        return values

    def slope(self, f: Formula, z: Any) -> Any:
        return self.sympy.diff(f(self, z), z)

    def curvature(self, f: Formula, z: Any) -> Any:
        return self.sympy.diff(f(self, z), z, 2)

    def jacobian(self, f: Formula, z: Any) -> Any:
        return np.array([[self.sympy.diff(value, entry) for entry in z] for value in f(self, z)])

    def hessian(self, f: Formula, z: Any) -> Any:
        return np.array(self.sympy.hessian(f(self, z), list(z)))


@cache
def world(name: str) -> World:
    """``numpy``, ``torch`` or ``sympy``; the library is imported by the first call."""
    worlds: dict[str, Callable[[], World]] = {"numpy": NumPy, "torch": Torch, "sympy": SymPy}
    return worlds[name]()


@cache
def elementary() -> Elementary:
    """What `Torch` differentiates through."""
    return Elementary()
