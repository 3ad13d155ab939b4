"""Gradients and updates: witnesses of their own, and planted faults that must be found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hw.questions.derivations.ist2021 import gradients
from hw.results.outcome import Outcome

SMALL = gradients.Settings(draws=20, examples=8)

both_backends = pytest.mark.parametrize("backend", ["numpy", "torch"])


def broken(outcome: Outcome) -> set[str]:
    return {check.name for check in outcome.checks if not check.holds}


@both_backends
@pytest.mark.parametrize(
    ("formula", "wrong", "found_by"),
    [
        (
            "output_gradient",
            lambda prediction, y: 2 * (prediction - y),
            {"output_gradient", "linear_regression_updates", "neural_regression_updates"},
        ),
        (
            "weight_gradient",
            lambda dz, h: 2 * dz[..., :, None] * h[..., None, :],
            {
                "weight_gradient",
                "neural_regression_updates",
                "logistic_regression_updates",
                "mlp_updates",
            },
        ),
        (
            "bias_gradient",
            lambda dz: -dz,
            {
                "bias_gradient",
                "neural_regression_updates",
                "logistic_regression_updates",
                "mlp_updates",
            },
        ),
        (
            "below_gradient",
            lambda W, dz: (abs(W) * dz[..., :, None]).sum(-2) + 0.1,
            {"below_gradient", "neural_regression_updates", "mlp_updates"},
        ),
        (
            "gated_gradient",
            lambda dh, z_is_positive: dh,
            {"gated_gradient", "neural_regression_updates", "mlp_updates"},
        ),
        (
            "softmax_gradient",
            lambda p, y: y - p,
            {"softmax_gradient", "logistic_regression_updates", "mlp_updates"},
        ),
        (
            "perceptron_updated",
            lambda W, x, gold, predicted: W,
            {"perceptron_updates"},
        ),
    ],
)
def test_a_wrong_formula_is_found_out(
    monkeypatch: pytest.MonkeyPatch, backend: str, formula: str, wrong: Any, found_by: set[str]
) -> None:
    monkeypatch.setattr(gradients, formula, wrong)
    assert broken(gradients.compute(SMALL, None, backend)) == found_by


@both_backends
def test_an_update_that_descends_too_far_is_found_out(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setattr(gradients, "updated", lambda p, g, rate: p - 1.001 * rate * g)
    assert broken(gradients.compute(SMALL, None, backend)) == {
        name for name in gradients.UPDATES if not name.startswith("perceptron")
    }


def test_backpropagation_by_the_report_is_that_of_torch() -> None:
    """The chained formulas against a network of PyTorch's own modules, with units off and on."""
    random = np.random.default_rng(3)
    for size, of_output, loss in (
        (1, gradients.output_gradient, lambda z, y: 0.5 * (z - y).square().sum()),
        (4, gradients.of_class, lambda z, y: torch.nn.functional.cross_entropy(z, torch.tensor(y))),
    ):
        model = torch.nn.Sequential(
            torch.nn.Linear(5, 6), torch.nn.ReLU(), torch.nn.Linear(6, size)
        ).double()
        names = ("0.weight", "0.bias", "1.weight", "1.bias")
        x = random.normal(size=5)
        y = int(random.integers(4)) if size > 1 else random.normal()
        p = {n: q.detach().numpy().copy() for n, q in zip(names, model.parameters(), strict=True)}
        assert 0 < (p["0.weight"] @ x + p["0.bias"] > 0).sum() < 6
        loss(model(torch.from_numpy(x)), y).backward()
        after = gradients.plain_network(p, x, y, 0.1, of_output)
        for name, q in zip(names, model.parameters(), strict=True):
            expected = (q - 0.1 * q.grad).detach().numpy()
            np.testing.assert_allclose(after[name], expected, rtol=1e-12, atol=1e-15)


def test_draws_keep_off_the_kink() -> None:
    from hw.questions.derivations.lab.lab import Lab

    drawn = gradients.draw(Lab(gradients.Settings(), "numpy"), gradients.RELU)
    assert abs(drawn).min() >= gradients.OFF_THE_KINK
    assert {*np.sign(drawn).ravel()} == {-1.0, 1.0}


def test_parts_come_back_in_their_shapes() -> None:
    vector = np.arange(26.0).reshape(2, 13)
    parts = gradients.cut(vector, gradients.LAYER)
    assert parts["W"][1].tolist() == [[13, 14, 15], [16, 17, 18]]
    assert parts["b"][0].tolist() == [6, 7]


def test_shapes_of_other_networks_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    straight = gradients.feedforward.Settings
    monkeypatch.setattr(
        gradients.feedforward, "Settings", lambda **given: straight(**{**given, "layers": 2})
    )
    assert broken(gradients.compute(SMALL, None, "numpy")) == {"feedforward_shapes"}
