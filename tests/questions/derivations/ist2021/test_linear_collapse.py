"""The collapse of linear layers: verdicts, witnesses, sabotage."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from support import computed

from hw.questions.derivations.ist2021 import linear_collapse
from hw.questions.derivations.lab.lab import Lab
from hw.questions.derivations.lab.separability import separate
from hw.results.outcome import Outcome

SMALL = linear_collapse.Settings(networks=3, per_class=40, hidden=8, points=11)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As runs have it: on matrices this small, several threads wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["numpy", "torch"])
def outcome(request) -> Outcome:
    return computed("ist2021.q3.linear_collapse", request.param)


def forget_bias(layers, slope=1, offset=0):
    """A collapse that loses the first layers' biases."""
    weight, bias = layers[0]
    for w, b in layers[1:]:
        weight, bias = slope * (w @ weight), b
    return weight, bias


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        ("collapse", forget_bias, ["identity_is_one_layer", "linear_is_one_layer"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(linear_collapse, formula, wrong)
    holds = verdicts(linear_collapse.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


def test_collapse_by_hand():
    layers = [(np.array([[1, 2], [3, 4]]), np.array([5, 6])), (np.array([[1, -1]]), np.array([7]))]
    weight, bias = linear_collapse.collapse(layers)
    assert (weight.tolist(), bias.tolist()) == ([[-2, -2]], [5 - 6 + 7])
    weight, bias = linear_collapse.collapse(layers, slope=2, offset=1)
    assert (weight.tolist(), bias.tolist()) == ([[-4, -4]], [11 - 13 + 7])


def test_rational_networks_are_rational_and_vary():
    layers = linear_collapse.rational_layers(np.random.default_rng(8), (3, 4, 2))
    numbers = [entry for w, b in layers for entry in [*w.flat, *b]]
    assert all(isinstance(number, Fraction) for number in numbers)
    assert len(set(numbers)) > 5


@pytest.mark.parametrize(("into", "out"), [(2, 3), (3, 2)])
def test_every_layer_goes_through_as_few_hidden_units_as_it_needs(into, out):
    (layer,) = linear_collapse.rational_layers(np.random.default_rng(9), (into, out))
    weight, bias = linear_collapse.collapse(linear_collapse.through_hidden(layer, 2))
    assert (weight == layer[0]).all()
    assert (bias == layer[1]).all()


def test_certificates_tell_separable_labels_apart():
    square = linear_collapse.SQUARE
    answer = separate(square.tolist(), linear_collapse.XOR.tolist())
    assert answer.certificate == (1, 1, 1, 1)
    for labels in np.ndindex(2, 2, 2, 2):
        signs = 2 * np.array(labels) - 1
        separable, _, weights = linear_collapse.perceptron(square, signs)
        assert separable == separate(square.tolist(), signs.tolist()).separable
        if separable:
            scores = square @ weights[:2] + weights[2]
            assert (scores * signs > 0).all()


def test_relu_weights_solve_xor_by_hand():
    for a, b in np.ndindex(2, 2):
        score = max(a + b, 0) - 2 * max(a + b - 1, 0) - 0.5
        (ours,) = linear_collapse.forward(
            linear_collapse.XOR_LAYERS, linear_collapse.relu, np.array([a, b])
        )
        assert ours == score
        assert (score > 0) == (a != b)


@pytest.mark.parametrize("name", ["linear", "identity", "relu"])
def test_ten_steps_agree_with_torch(name):
    rng = np.random.default_rng(10)
    x, y = linear_collapse.two_rings(rng, 20)
    layers = linear_collapse.initial_layers(rng, (2, 3) if name == "linear" else (2, 5, 3))
    (ours, our_losses), (theirs, their_losses) = (
        linear_collapse.train(backend, layers, x, y, name == "relu", 10)
        for backend in ("numpy", "torch")
    )
    assert our_losses[-1] < our_losses[0]
    np.testing.assert_allclose(our_losses, their_losses, rtol=1e-9)
    for (w, b), (v, c) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(w, v, rtol=1e-9)
        np.testing.assert_allclose(b, c, rtol=1e-9, atol=1e-15)


def test_optimum_is_stationary():
    x, y = linear_collapse.two_rings(np.random.default_rng(11), 40)
    loss, probabilities = linear_collapse.optimum(x, y)
    rows = np.column_stack([x, np.ones(len(x))])
    np.testing.assert_allclose((probabilities - y).T @ rows / len(x), 0, atol=1e-12)
    assert 0 < loss < np.log(3)


def test_trained_identity_network_is_the_linear_layer(outcome):
    metrics = outcome.metrics
    assert metrics["train_loss_identity"] == pytest.approx(
        metrics["train_loss_linear"], abs=linear_collapse.SAME_LOSS
    )
    assert metrics["train_loss_linear"] >= metrics["train_loss_linear_optimum"] - 1e-12
    assert metrics["train_accuracy_relu"] == 1 > metrics["train_accuracy_identity"]


def test_a_network_that_is_not_linear_does_not_collapse(monkeypatch):
    monkeypatch.setattr(linear_collapse, "same", linear_collapse.relu)
    assert not verdicts(linear_collapse.compute(SMALL, None, "numpy"))["identity_linear_in_input"]


def test_half_spaces_of_another_class_are_found_out(monkeypatch):
    for spaces, holds in (
        (linear_collapse.half_spaces, True),
        (lambda layer, k: (layer[0][k] - layer[0], layer[1] - layer[1][k]), False),
    ):
        monkeypatch.setattr(linear_collapse, "half_spaces", spaces)
        lab = Lab(SMALL, "numpy")
        linear_collapse.check_regions(lab)
        assert verdicts(lab.outcome) == {"regions_are_intersections": holds}


def test_relu_that_does_not_bend_separates_nothing(monkeypatch):
    monkeypatch.setattr(linear_collapse, "relu", linear_collapse.same)
    holds = verdicts(linear_collapse.compute(SMALL, None, "numpy"))
    assert not holds["relu_separates_xor"]
    assert not holds["relu_nonlinear_in_input"]
