"""The Jacobian of softmax: verdicts, witnesses, sabotage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from hw.config import read_yaml
from hw.outcome import Outcome
from hw.questions import softmax_jacobian

SMALL = softmax_jacobian.Settings(draws=20, classes=4)
ERRATA = set()
CONFIG = Path(__file__).parents[2] / "configs" / "ist2021" / "q1.softmax_jacobian.yaml"


@pytest.fixture(params=["numpy", "torch"], scope="module")
def outcome(request) -> Outcome:
    return softmax_jacobian.compute(SMALL, None, request.param)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


def test_every_statement_holds_but_the_errata(outcome):
    assert {name for name, holds in verdicts(outcome).items() if not holds} == ERRATA
    assert all(check.statement and check.evidence for check in outcome.checks)
    assert all("\n" not in check.evidence for check in outcome.checks)


def test_the_configuration_claims_what_is_checked(outcome):
    config = read_yaml(CONFIG)
    claims = config["claims"]
    assert sorted(claim["check"] for claim in claims) == sorted(verdicts(outcome))
    assert {claim["check"] for claim in claims if "erratum" in claim} == ERRATA
    assert {figure["draw"] for figure in config["figures"]} == set(softmax_jacobian.FIGURES)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_run_repeats_to_the_byte(backend):
    one, two = (softmax_jacobian.compute(SMALL, None, backend).as_json() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(two, allow_nan=False)


@pytest.mark.parametrize("name", sorted(softmax_jacobian.FIGURES))
def test_figures_are_drawn_from_json_alone(outcome, name):
    text = json.dumps(outcome.as_json(), allow_nan=False)
    again = Outcome.from_json(json.loads(text))
    figure = softmax_jacobian.FIGURES[name]({"default": again}, {"title": "A title"})
    assert isinstance(figure, Figure)
    assert figure.get_suptitle() == "A title"
    assert all(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes)
    figure.canvas.draw()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("entry", lambda a, b, same: a * (same - b) * 1.0005,
         ["jacobian_exact", "jacobian_three_ways"]),
        ("entry", lambda a, b, same: same * a * (1 - b), ["jacobian_exact", "jacobian_three_ways"]),
        ("log_derivative", lambda b, same: same + b, ["log_derivative"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(softmax_jacobian, formula, wrong)
    holds = verdicts(softmax_jacobian.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


def test_softmax_is_its_definition_and_stays_finite():
    z = np.array([[1.0, 2.0, 3.0]])
    total = np.exp(1) + np.exp(2) + np.exp(3)
    np.testing.assert_allclose(
        softmax_jacobian.softmax(z), [[np.exp(1) / total, np.exp(2) / total, np.exp(3) / total]],
        rtol=1e-15,
    )
    far = np.array([[1000.0, 0.0, -1000.0]])
    assert softmax_jacobian.softmax(far).tolist() == [[1.0, 0.0, 0.0]]
    assert softmax_jacobian.log_softmax(far).tolist() == [[0.0, -1000.0, -2000.0]]


def test_jacobian_agrees_with_a_loop_and_with_torch():
    z = np.random.default_rng(2).normal(size=(1, 5))
    (s,) = softmax_jacobian.softmax(z)
    naive = [
        [s[j] * (1 - s[k]) if j == k else -s[j] * s[k] for k in range(5)] for j in range(5)
    ]
    (ours,) = softmax_jacobian.jacobian(s[None])
    np.testing.assert_allclose(ours, naive, rtol=1e-14)
    by_torch = torch.autograd.functional.jacobian(
        lambda t: torch.softmax(t, -1), torch.tensor(z[0])
    )
    np.testing.assert_allclose(ours, by_torch.numpy(), rtol=1e-12)


def test_two_equal_logits_give_quarters():
    quarters = [[0.25, -0.25], [-0.25, 0.25]]
    assert softmax_jacobian.jacobian(np.array([0.5, 0.5])).tolist() == quarters


def test_the_heat_map_is_where_the_settings_say():
    settings = softmax_jacobian.Settings(draws=5, logits=(0.0, 0.0))
    plot = softmax_jacobian.compute(settings, None, "numpy").plots["heat_map"]
    assert plot["jacobian"] == [[0.25, -0.25], [-0.25, 0.25]]
