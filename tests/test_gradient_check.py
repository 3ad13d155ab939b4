"""The checker passes right gradients and fails one that is 0.05 % wrong."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from gradient_check import coordinate_errors, directional_error, relative_error

from hw.nn import network
from hw.nn.losses import mean_cross_entropy

TOLERANCE = 1e-6
PENALTY = 0.05


@pytest.fixture(params=[0, 1, 2])
def checked(request):
    """Objective with its penalty, parameters and gradients, at a random point off the kinks."""
    rng = np.random.default_rng(request.param)
    parameters = networks.initialise(
        [6, 5, 4, 3], lambda shape: rng.normal(0, 0.5, shape), lambda n: rng.normal(0, 0.5, n)
    )
    X, labels = rng.normal(size=(7, 6)), rng.integers(0, 3, 7)

    def objective(theta):
        logits, trace = network.forward(theta, X)
        assert all(np.isin(slope, (0, 1)).all() for slope in trace.slopes)
        penalty = 0.5 * PENALTY * sum(float((p**2).sum()) for p in theta.values())
        return mean_cross_entropy(logits, labels) + penalty

    _, gradients = networks.loss_and_gradients(parameters, X, labels)
    for name, p in parameters.items():
        gradients[name] += PENALTY * p
    return objective, parameters, gradients


def test_right_gradients_pass(checked):
    objective, parameters, gradients = checked
    assert directional_error(*checked, np.random.default_rng(9)) <= TOLERANCE
    errors = coordinate_errors(objective, parameters, gradients)
    assert errors.keys() == parameters.keys()
    assert max(errors.values()) <= TOLERANCE


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.weight", "2.bias"])
def test_sabotage_fails(checked, name):
    objective, parameters, gradients = checked
    wrong = {**gradients, name: gradients[name] * 1.0005}
    assert directional_error(objective, parameters, wrong, np.random.default_rng(9)) > TOLERANCE
    errors = coordinate_errors(objective, parameters, wrong)
    assert errors[name] > 4e-4
    assert max(error for other, error in errors.items() if other != name) <= TOLERANCE


def test_one_wrong_entry_and_a_forgotten_penalty_fail(checked):
    objective, parameters, gradients = checked
    weight = gradients["2.weight"].copy()
    weight[np.unravel_index(np.abs(weight).argmax(), weight.shape)] *= 1.0005
    wrong = {**gradients, "2.weight": weight}
    assert coordinate_errors(objective, parameters, wrong)["2.weight"] > TOLERANCE
    bare = {name: g - PENALTY * parameters[name] for name, g in gradients.items()}
    assert directional_error(objective, parameters, bare, np.random.default_rng(9)) > 1e-3


def test_not_a_number_does_not_pass(checked):
    objective, parameters, gradients = checked
    wrong = {**gradients, "0.bias": gradients["0.bias"] * np.nan}
    error = directional_error(objective, parameters, wrong, np.random.default_rng(9))
    assert not error <= TOLERANCE
    assert not coordinate_errors(objective, parameters, wrong)["0.bias"] <= TOLERANCE


def test_parameters_are_left_alone(checked):
    objective, parameters, gradients = checked
    before = {name: p.copy() for name, p in parameters.items()}
    directional_error(*checked, np.random.default_rng(9))
    coordinate_errors(objective, parameters, gradients)
    assert all((before[name] == p).all() for name, p in parameters.items())


def test_relative_error():
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0
    assert relative_error(0.0, 0.0) == 0
    assert relative_error(np.array([0.0, 1.0]), np.array([0.0, 0.0])) == 1
    assert np.isnan(relative_error(np.nan, 1.0))
