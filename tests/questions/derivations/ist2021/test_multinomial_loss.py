"""The multinomial logistic loss: verdicts, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw.questions.derivations.ist2021 import multinomial_loss
from hw.questions.derivations.lab.worlds import world
from hw.results.outcome import Outcome

SMALL = multinomial_loss.Settings(draws=60, classes=4)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("gradient_entry", lambda s, gold: s + gold, ["gradient"]),
        ("gradient_entry", lambda s, gold: 1.0005 * s - gold, ["gradient"]),
        ("hessian_entry", lambda a, b, same: a * (same + b), ["hessian", "quadratic_form"]),
        ("hessian_entry", lambda a, b, same: a * (same - 1.0005 * b), ["hessian"]),
        ("hessian_entry", lambda a, b, same: a * (b - same), ["positive_semidefinite", "convex"]),
        (
            "weighted_slack",
            lambda w, z: (w * z).sum(-1) ** 2 - (w * z * z).sum(-1) * w.sum(-1),
            ["cauchy_schwarz", "cauchy_schwarz_vectors", "softmax_of_x"],
        ),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(multinomial_loss, formula, wrong)
    holds = verdicts(multinomial_loss.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_loss_is_its_definition_and_stays_finite(backend):
    w = world(backend)
    z = w.array([[1.0, 2.0, 3.0]])
    total = np.exp(1) + np.exp(2) + np.exp(3)
    np.testing.assert_allclose(multinomial_loss.loss(w, z, 0), [np.log(total) - 1], rtol=1e-15)
    far = w.array([[1000.0, -1000.0]])
    assert multinomial_loss.loss(w, far, 0).tolist() == [0.0]
    assert multinomial_loss.loss(w, far, 1).tolist() == [2000.0]


def test_gradient_and_hessian_agree_with_torch():
    z, j = np.random.default_rng(3).normal(size=5), 2
    s = np.exp(z) / np.exp(z).sum()
    gradient = [multinomial_loss.gradient_entry(s[k], int(k == j)) for k in range(5)]
    hessian = [
        [multinomial_loss.hessian_entry(s[k], s[m], int(k == m)) for m in range(5)]
        for k in range(5)
    ]
    point = torch.tensor(z)

    def loss(t):
        return torch.nn.functional.cross_entropy(t[None], torch.tensor([j]))

    np.testing.assert_allclose(gradient, torch.func.grad(loss)(point).numpy(), rtol=1e-12)
    np.testing.assert_allclose(hessian, torch.func.hessian(loss)(point).numpy(), rtol=1e-12)


def test_cauchy_schwarz_in_whole_numbers_is_exact():
    slack = multinomial_loss.whole_number_slack(np.random.default_rng(4), 50, 3)
    assert slack.dtype == int
    assert slack.min() == 0 == slack[-1]  # the last has equal entries
    assert slack.max() > 0
    w, z = np.array([1, 2, 3]), np.array([1, 0, -1])
    assert multinomial_loss.weighted_slack(w, z) == (1 + 3) * 6 - (1 - 3) ** 2


def test_the_misprint_is_one_by_hand():
    x, z, printed, needed = multinomial_loss.misprint()
    assert (x, z) == ((0, 0), (0, 1))
    p = 1 / (1 + np.exp(-1))
    assert printed == pytest.approx(4 * (p - p**2), rel=1e-12)
    assert needed == 2 * 1 - 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_loss_that_is_not_convex_would_be_found_out(monkeypatch, backend):
    monkeypatch.setattr(multinomial_loss, "loss", lambda w, z, j: -w.sin(z[..., j]))
    holds = verdicts(multinomial_loss.compute(SMALL, None, backend))
    assert not any(holds[name] for name in ("convex", "gradient", "hessian"))
