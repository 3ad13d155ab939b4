"""The squared error loss: verdicts, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import computed

from hw.questions.derivations.ist2021 import squared_loss
from hw.results.outcome import Outcome

SMALL = squared_loss.Settings(draws=50, outputs=2, features=3)


@pytest.fixture(params=["numpy", "torch"])
def outcome(request) -> Outcome:
    return computed("ist2021.q2.squared_loss", request.param)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("entry", lambda same: 1.0005 * same, ["diagonal_is_one"]),
        ("strong_slack", lambda t, d: t * (1 - t) * d, ["chord_slack"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(squared_loss, formula, wrong)
    holds = verdicts(squared_loss.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


def test_loss_is_its_definition_and_stays_finite():
    z, y = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([3.0, -1.0])
    assert squared_loss.loss(z, y).tolist() == [(4 + 9) / 2, (9 + 1) / 2]
    assert squared_loss.loss(np.array([[1000.0], [-1000.0]]), np.zeros(1)).tolist() == [5e5, 5e5]


def test_model_loss_is_a_loop_over_weights():
    rng = np.random.default_rng(7)
    w, b, phi, y = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=3), np.ones(2)
    z = [sum(w[d, k] * phi[d] for d in range(3)) + b[k] for k in range(2)]
    theta = np.concatenate([w.ravel(), b])[None]
    (ours,) = squared_loss.model_loss(theta, np.append(phi, 1.0), y)
    assert ours == pytest.approx(sum((z[k] - 1) ** 2 for k in range(2)) / 2, rel=1e-12)


def test_hessian_agrees_with_torch():
    y = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    by_torch = torch.func.hessian(lambda z: ((z - y) ** 2).sum() / 2)(torch.zeros(3).double())
    assert by_torch.tolist() == [
        [squared_loss.entry(int(i == j)) for j in range(3)] for i in range(3)
    ]


def test_the_erratum_does_not_touch_the_conclusion(outcome):
    holds = verdicts(outcome)
    assert not holds["diagonal_is_two"]
    assert all(
        holds[name] for name in ("diagonal_is_one", "positive_definite", "convex_in_parameters")
    )
    assert outcome.metrics["smallest_diagonal"] == pytest.approx(1, abs=1e-8)


def test_had_the_document_meant_the_loss_without_its_half_two_were_right(monkeypatch):
    monkeypatch.setattr(squared_loss, "published_entry", squared_loss.entry)
    holds = verdicts(squared_loss.compute(SMALL, None, "numpy"))
    assert holds["diagonal_is_two"]  # the check follows the formula, not its name
    assert not holds["two_without_the_half"]


def test_a_concave_loss_would_be_found_out(monkeypatch):
    monkeypatch.setattr(squared_loss, "loss", lambda z, y: -((z - y) ** 2).sum(-1) / 2)
    holds = verdicts(squared_loss.compute(SMALL, None, "numpy"))
    assert not any(
        holds[name] for name in ("positive_definite", "convex_in_outputs", "convex_in_parameters")
    )
