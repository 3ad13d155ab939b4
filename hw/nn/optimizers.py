"""Optimizers of named parameters, step by step the arithmetic of torch.optim.

Sources: the algorithms in the documentation of torch.optim.SGD (dampening 0, no Nesterov
momentum) and torch.optim.Adam (no AMSGrad). The penalty is torch's: ``weight_decay`` times the
parameter is added to the gradient, biases included. (In the objective that is ½ wd |θ|².)

Conventions: parameters and gradients are dictionaries of arrays of the same names and shapes;
parameters are updated in place. An optimizer's `state` is a dictionary of arrays for a
checkpoint: with it and the parameters, training goes on as if it had never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.errors import UsageError, did_you_mean

Array = NDArray[Any]


class SGD:
    """Gradient descent with momentum: v <- μ v + g, θ <- θ - η v; v is g in the first step."""

    def __init__(
        self,
        parameters: dict[str, Array],
        learning_rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self._velocity: dict[str, Array] = {}

    def step(self, gradients: Mapping[str, Array]) -> None:
        """One update. The gradients are only read."""
        for name, parameter in self.parameters.items():
            step = gradients[name]
            if self.weight_decay:
                step = step + self.weight_decay * parameter
            if self.momentum:
                velocity = self._velocity.get(name)
                if velocity is None:
                    velocity = self._velocity[name] = np.array(step)
                else:
                    velocity *= self.momentum
                    velocity += step
                step = velocity
            parameter -= self.learning_rate * step

    def state(self) -> dict[str, Array]:
        """``velocity.NAME`` for every parameter; empty before the first step, or without μ."""
        return {f"velocity.{name}": v.copy() for name, v in self._velocity.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what `state` returned. Raises `ValueError` if it does not fit."""
        self._velocity = _matching(state, "velocity", self.parameters) if state else {}


class Adam:
    """Adam: running means of g and g², corrected for their start at zero.

    m <- β₁ m + (1-β₁) g, v <- β₂ v + (1-β₂) g²,
    θ <- θ - η/(1-β₁ᵗ) m / (√v/√(1-β₂ᵗ) + ε), t = 1 in the first step.
    """

    def __init__(
        self,
        parameters: dict[str, Array],
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.betas = betas
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self._steps = 0
        self._mean = {name: np.zeros_like(p) for name, p in parameters.items()}
        self._square = {name: np.zeros_like(p) for name, p in parameters.items()}

    def step(self, gradients: Mapping[str, Array]) -> None:
        """One update. The gradients are only read."""
        self._steps += 1
        beta1, beta2 = self.betas
        rate = self.learning_rate / (1 - beta1**self._steps)
        root_correction = math.sqrt(1 - beta2**self._steps)
        for name, parameter in self.parameters.items():
            gradient = gradients[name]
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter
            mean, square = self._mean[name], self._square[name]
            mean += (1 - beta1) * (gradient - mean)
            square *= beta2
            square += (1 - beta2) * np.square(gradient)
            denominator = np.sqrt(square)
            denominator /= root_correction
            denominator += self.epsilon
            np.divide(mean, denominator, out=denominator)
            denominator *= rate
            parameter -= denominator

    def state(self) -> dict[str, Array]:
        """``steps``, and ``mean.NAME`` and ``square.NAME`` for every parameter."""
        return {
            "steps": np.array(self._steps),
            **{f"mean.{name}": m.copy() for name, m in self._mean.items()},
            **{f"square.{name}": s.copy() for name, s in self._square.items()},
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from what `state` returned. Raises `ValueError` if it does not fit."""
        if "steps" not in state:
            raise ValueError("the optimizer's state lacks 'steps'")
        mean = _matching(state, "mean", self.parameters)
        square = _matching(state, "square", self.parameters)
        self._steps, self._mean, self._square = int(state["steps"]), mean, square


OPTIMIZERS = {"sgd": SGD, "adam": Adam}


def optimizer(
    name: str,
    parameters: dict[str, Array],
    learning_rate: float,
    *,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> SGD | Adam:
    """The optimizer called ``sgd`` or ``adam``; Adam takes no momentum (`UsageError`)."""
    if name not in OPTIMIZERS:
        raise UsageError(
            f"unknown optimizer {name!r}{did_you_mean(name, OPTIMIZERS)}"
            f" (known: {', '.join(OPTIMIZERS)})"
        )
    if name == "sgd":
        return SGD(parameters, learning_rate, momentum, weight_decay)
    if momentum:
        raise UsageError(f"momentum {momentum} is of sgd; adam has its own")
    return Adam(parameters, learning_rate, weight_decay=weight_decay)


def _matching(
    state: Mapping[str, Array], kind: str, parameters: Mapping[str, Array]
) -> dict[str, Array]:
    """Copies of the arrays ``kind.NAME``, checked against the parameters' shapes."""
    arrays = {}
    for name, parameter in parameters.items():
        array = state.get(f"{kind}.{name}")
        if array is None or array.shape != parameter.shape:
            found = "nothing" if array is None else f"shape {array.shape}"
            raise ValueError(
                f"the optimizer's state has {found} for {kind}.{name}, not {parameter.shape}"
            )
        arrays[name] = array.astype(parameter.dtype)  # a copy
    return arrays
