"""Convexity: verdicts, the search for counterexamples, witnesses, sabotage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from support import settings

from hw.questions.derivations.ist2021 import convexity
from hw.questions.derivations.lab.worlds import world
from hw.results.outcome import Outcome

SMALL: convexity.Settings = settings("ist2021.q1.convexity")
WORLDS = world("numpy"), world("torch")

both_backends = pytest.mark.parametrize("backend", ["numpy", "torch"])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As runs have it: on matrices this small, several threads wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


@both_backends
@pytest.mark.parametrize(
    ("formula", "wrong", "broken"),
    [
        (
            "equation_1_2",
            lambda a, b, x, y, t: t * (a @ x) + (1 - t) * (a @ y) + t * b,
            ["equation_1_2"],
        ),
        ("corrected_1_3", convexity.equation_1_3, ["equation_1_3_corrected"]),
    ],
)
def test_a_wrong_formula_is_found_out(monkeypatch, backend, formula, wrong, broken):
    monkeypatch.setattr(convexity, formula, wrong)
    holds = verdicts(convexity.compute(SMALL, None, backend))
    assert not any(holds[name] for name in broken)


@both_backends
def test_a_function_that_is_not_convex_is_found_out_when_composed(monkeypatch, backend):
    monkeypatch.setitem(convexity.CONVEX, "-‖u‖₁", lambda w, u: 1e3 - abs(u).sum(-1))
    assert not verdicts(convexity.compute(SMALL, None, backend))["composition_is_convex"]


def test_a_map_that_is_not_affine_is_found_out(monkeypatch):
    monkeypatch.setattr(convexity, "composed", lambda g, a, b: lambda x: g((x @ a.T + b) ** 3))
    assert not verdicts(convexity.compute(SMALL, None, "numpy"))["composition_is_convex"]


def test_search_finds_what_is_not_convex_and_nothing_else():
    rng = np.random.default_rng(5)
    for f, convex in (
        (lambda x: (x**2).sum(1), True),
        (lambda x: np.abs(x).sum(1), True),
        (lambda x: np.cos(x).sum(1) + 2, False),
        # Not convex within a narrow band alone: random chords seldom show it, climbing does.
        (lambda x: (x**2).sum(1) + 0.5 * np.exp(-100 * (x[:, 0] - 1) ** 2), False),
    ):
        found = convexity.search(f, 2, rng, draws=400, rounds=6)
        assert (found.worst <= convexity.NOISE) == convex


def test_linear_loss_is_its_definition():
    phi, theta = np.array([1.0, -2.0]), np.arange(6.0)
    z = [0 * 1 + 1 * -2 + 2, 3 * 1 + 4 * -2 + 5]
    expected = np.log(np.exp(z[0]) + np.exp(z[1])) - z[1]
    for w in WORLDS:
        (loss,) = convexity.linear_loss(w, w.array(theta[None]), phi, 1, 2)
        assert loss == pytest.approx(expected, rel=1e-12)


def test_backends_agree_on_losses_and_gradients():
    rng = np.random.default_rng(6)
    x, y = convexity.sloped_data(rng, SMALL)
    theta = rng.normal(size=(2, SMALL.classes, SMALL.features + 1))
    ours, by_torch = (gradient(theta, x, y) for gradient in convexity.GRADIENTS.values())
    for a, b in zip(ours, by_torch, strict=True):
        assert np.ptp(a) > 0
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)
    h, direction = 1e-6, rng.normal(size=theta.shape)
    ahead, behind = (
        convexity.training_gradient(theta + s * h * direction, x, y)[0] for s in (1, -1)
    )
    along = (ours[1] * direction).sum((1, 2))
    np.testing.assert_allclose((ahead - behind) / (2 * h), along, rtol=1e-6)
    points = rng.normal(0, 3, (7, 2))
    for loss in (convexity.sine_loss, convexity.logit_loss):
        one, two = (convexity.on_arrays(w, loss)(points) for w in WORLDS)
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_losses_are_finite_far_out():
    far = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    for w in WORLDS:
        assert convexity.logit_loss(w, w.array(far)).tolist() == [0.0, 2000.0]


def test_shrinking_ends_at_simple_numbers_that_still_violate():
    chord = (np.array([-2.9, 0.13]), np.array([0.2, -0.4]), 0.37)
    f = convexity.on_arrays(WORLDS[0], convexity.sine_loss)
    assert convexity.chord_defect(f, chord[0][None], chord[1][None], np.array([0.37]))[0] > 0.1
    u, v, t = convexity.shrink(f, chord)
    assert t == 0.5
    assert all(number == int(number) and abs(number) <= 4 for number in [*u, *v])
    assert convexity.proved_defect((u, v, t))[2] > 0.1


def test_proof_encloses_the_defect_and_refuses_a_chord_that_is_fine():
    u, v = np.array([0.0, 0.0]), np.array([0.0, 2.0])
    inner, height, bound = convexity.proved_defect((u, v, 0.5))
    by_hand = np.log(1 + np.exp(np.sin(1))) - (np.log(2) + np.log(1 + np.exp(np.sin(2)))) / 2
    assert bound <= by_hand <= bound + 1e-12
    assert inner - height == pytest.approx(by_hand, abs=1e-12)
    assert convexity.proved_defect((u, np.array([2.0, 0.0]), 0.5))[2] < 0


def test_printed_equation_is_broken_by_hand():
    found = convexity.affine_counterexample(convexity.equation_1_3)
    a, b, x, y, t = (found[name] for name in ("a", "b", "x", "y", "λ"))
    assert a * (t * x + (1 - t) * y) + b == found["left"] != found["right"] == a * x + b
    assert convexity.affine_counterexample(convexity.corrected_1_3) is None


def test_exact_curvature_agrees_with_differences():
    _, value = convexity.sine_curvature()
    x, h = np.array([-np.pi / 2, 0.0]), np.array([1e-4, 0.0])
    f = convexity.on_arrays(WORLDS[0], convexity.sine_loss)
    by_differences = (f((x + h)[None]) - 2 * f(x[None]) + f((x - h)[None])) / 1e-8
    assert by_differences[0] == pytest.approx(value, abs=1e-6)


@both_backends
def test_a_convex_model_in_place_of_the_sine_is_no_counterexample(monkeypatch, backend):
    monkeypatch.setattr(convexity, "sine_loss", convexity.logit_loss)
    result = convexity.compute(SMALL, None, backend)
    assert not verdicts(result)["sine_not_convex"]
    assert "chord" not in result.plots["sine"]
    for draw in convexity.FIGURES.values():
        assert isinstance(draw({"default": result}, {}), Figure)


@both_backends
def test_logits_that_are_not_affine_would_be_found_out(monkeypatch, backend):
    straight = convexity.linear_loss
    monkeypatch.setattr(
        convexity, "linear_loss", lambda w, theta, *rest: straight(w, w.sin(theta), *rest)
    )
    assert not verdicts(convexity.compute(SMALL, None, backend))["convex_in_parameters"]
