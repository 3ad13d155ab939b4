"""The sigmoid and its derivative: verdicts, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import computed

from hw.nn.activations import sigmoid as plain
from hw.questions.derivations.ist2021 import sigmoid
from hw.results.outcome import Outcome

SMALL = sigmoid.Settings(draws=200, points=41)


@pytest.fixture(params=["numpy", "torch"])
def outcome(request) -> Outcome:
    return computed("ist2021.q1.sigmoid", request.param)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("derivative", lambda s: s * (1 - s) * 1.0005, ["derivative", "derivative_curve"]),
        ("derivative_quotient", lambda u: u / (1 + u), ["derivative_quotient"]),
        ("complement", lambda u: 1 / (1 + u), ["complement"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(sigmoid, formula, wrong)
    holds = verdicts(sigmoid.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


def test_sigmoid_is_its_definition_and_stays_finite():
    z = np.linspace(-30, 30, 121)
    naive = [1 / (1 + np.exp(-point)) for point in z]
    np.testing.assert_allclose(plain(z), naive, rtol=1e-13)
    assert plain(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]


def test_derivative_agrees_with_torch_and_with_differences():
    z = np.random.default_rng(0).normal(0, 3, 50)
    assert np.ptp(z) > 1
    leaf = torch.tensor(z, requires_grad=True)
    torch.special.expit(leaf).sum().backward()
    ours = sigmoid.derivative(plain(z))
    np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=0, atol=1e-15)
    h = 1e-6
    slope = (plain(z + h) - plain(z - h)) / (2 * h)
    np.testing.assert_allclose(ours, slope, rtol=0, atol=1e-9)  # rounding of 1e-16 over 1e-6


def test_published_curves_have_their_landmarks(outcome):
    curves = outcome.plots["curves"]
    middle = len(curves["z"]) // 2
    assert (curves["z"][middle], curves["sigmoid"][middle]) == (0.0, 0.5)
    assert curves["derivative"][middle] == max(curves["derivative"]) == 0.25
