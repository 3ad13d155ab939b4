"""The right programs that hand-ins are held against, as short as a student would write them.

One module a model: one example at a time, nothing shared between examples, every formula on a
line of its own. A known mistake is a change of some of these lines (`hw.grading.mistakes`), so they
are written to be changed: one thought each.

Conventions: N examples, D features, H and G hidden units, K classes; η the learning rate, λ of the
ℓ2 penalty. A linear model's x ends with a one, its bias, and D counts that too. Parameters are
float64 and named as in the handouts.
"""

from __future__ import annotations

from typing import Any

from hw.grading.references.linear_regression import LinearRegression
from hw.grading.references.logistic_regression import LogisticRegression
from hw.grading.references.mlp import MLP
from hw.grading.references.network import Network
from hw.grading.references.neural_regression import NeuralRegression
from hw.grading.references.perceptron import Perceptron
from hw.grading.references.reference import Reference, Sizes
from hw.grading.references.scratch import Scratch
from hw.grading.references.torch_network import TorchNetwork

REFERENCES: dict[str, type[Reference]] = {
    "perceptron": Perceptron,
    "logistic_regression": LogisticRegression,
    "mlp": MLP,
    "linear_regression": LinearRegression,
    "neural_regression": NeuralRegression,
    "scratch": Scratch,
    "network": Network,
}

# Everything that known mistakes are changes of, by the model's name.
PROGRAMS: dict[str, Any] = {
    **REFERENCES,
    "torch_logistic_regression": TorchNetwork,
    "torch_network": TorchNetwork,
}

__all__ = ["PROGRAMS", "REFERENCES", "Reference", "Sizes"]
