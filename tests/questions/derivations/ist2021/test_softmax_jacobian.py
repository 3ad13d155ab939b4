"""The Jacobian of softmax: verdicts, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw.questions.derivations.ist2021 import softmax_jacobian
from hw.questions.derivations.lab.worlds import world
from hw.results.outcome import Outcome

SMALL = softmax_jacobian.Settings(draws=20, classes=4)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        (
            "entry",
            lambda a, b, same: a * (same - b) * 1.0005,
            ["jacobian_exact", "jacobian_three_ways"],
        ),
        ("entry", lambda a, b, same: same * a * (1 - b), ["jacobian_exact", "jacobian_three_ways"]),
        ("log_derivative", lambda b, same: same + b, ["log_derivative"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(softmax_jacobian, formula, wrong)
    holds = verdicts(softmax_jacobian.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_softmax_is_its_definition_and_stays_finite(backend):
    w = world(backend)
    z = w.array([[1.0, 2.0, 3.0]])
    total = np.exp(1) + np.exp(2) + np.exp(3)
    np.testing.assert_allclose(
        w.softmax(z),
        [[np.exp(1) / total, np.exp(2) / total, np.exp(3) / total]],
        rtol=1e-15,
    )
    far = w.array([[1000.0, 0.0, -1000.0]])
    assert w.softmax(far).tolist() == [[1.0, 0.0, 0.0]]
    assert w.log_softmax(far).tolist() == [[0.0, -1000.0, -2000.0]]


def test_jacobian_agrees_with_a_loop_and_with_torch():
    z = np.random.default_rng(2).normal(size=(1, 5))
    (s,) = world("numpy").softmax(z)
    naive = [[s[j] * (1 - s[k]) if j == k else -s[j] * s[k] for k in range(5)] for j in range(5)]
    (ours,) = softmax_jacobian.jacobian(s[None], np.eye(5))
    np.testing.assert_allclose(ours, naive, rtol=1e-14)
    by_torch = torch.autograd.functional.jacobian(
        lambda t: torch.softmax(t, -1), torch.tensor(z[0])
    )
    np.testing.assert_allclose(ours, by_torch.numpy(), rtol=1e-12)


def test_two_equal_logits_give_quarters():
    quarters = [[0.25, -0.25], [-0.25, 0.25]]
    assert softmax_jacobian.jacobian(np.array([0.5, 0.5]), np.eye(2)).tolist() == quarters


def test_the_heat_map_is_where_the_settings_say():
    settings = softmax_jacobian.Settings(draws=5, logits=(0.0, 0.0))
    plot = softmax_jacobian.compute(settings, None, "numpy").plots["heat_map"]
    assert plot["jacobian"] == [[0.25, -0.25], [-0.25, 0.25]]
