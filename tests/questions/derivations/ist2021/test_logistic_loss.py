"""The binary logistic loss: verdicts, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw.questions.derivations.ist2021 import logistic_loss
from hw.questions.derivations.lab.worlds import world
from hw.results.outcome import Outcome

SMALL = logistic_loss.Settings(draws=200, points=41)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("one_formula", lambda p, q, y: -(1 + y) * p - (1 - y) * q, ["one_formula"]),
        ("first_derivative", lambda s, y: s - 1, ["first_derivative_negative"]),
        ("first_derivative", lambda s, y: s, ["first_derivative"]),
        (
            "second_derivative",
            lambda s, y: s - 1,
            ["second_derivative", "second_derivative_nonnegative"],
        ),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(logistic_loss, formula, wrong)
    holds = verdicts(logistic_loss.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("y", [1, -1])
def test_loss_is_its_definition_and_stays_finite(y, backend):
    w = world(backend)
    z = np.linspace(-20, 20, 81)
    naive = [np.log(1 + np.exp(-y * point)) for point in z]
    np.testing.assert_allclose(logistic_loss.loss(w, w.array(z), y), naive, rtol=1e-6, atol=1e-15)
    far = logistic_loss.loss(w, w.array([-1000.0, 1000.0]), y)
    assert far.tolist() == ([1000.0, 0.0] if y == 1 else [0.0, 1000.0])


@pytest.mark.parametrize("y", [1, -1])
def test_derivatives_agree_with_torch(y):
    z = np.random.default_rng(1).normal(0, 3, 50)
    leaf = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.softplus(-y * leaf, threshold=1000)
    (first,) = torch.autograd.grad(loss.sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    s = 1 / (1 + np.exp(-z))
    ours = logistic_loss.first_derivative(s, y), logistic_loss.second_derivative(s, y)
    np.testing.assert_allclose(ours[0], first.detach().numpy(), rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours[1], second.numpy(), rtol=0, atol=1e-15)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_concave_loss_would_be_found_out(monkeypatch, backend):
    loss = logistic_loss.loss
    monkeypatch.setattr(logistic_loss, "loss", lambda w, z, y: -loss(w, z, y))
    holds = verdicts(logistic_loss.compute(SMALL, None, backend))
    assert not holds["convex"]
    assert not holds["first_derivative"]
