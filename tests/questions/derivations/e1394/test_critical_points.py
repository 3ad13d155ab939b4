"""Critical points: by hand, by SymPy, by Newton in both backends; sabotage."""

from fractions import Fraction

import numpy as np

from hw.questions.derivations.e1394 import critical_points

SETTINGS = critical_points.Settings(starts=150, grid=21)
BOTH = critical_points.numpy_derivatives, critical_points.torch_derivatives


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in critical_points.compute(settings, None, backend).checks}


def test_points_by_hand():
    points = critical_points.exact_points()
    assert points == [(0, 0), (0, 6), (2, 2), (6, 0)]
    for x, y in points:  # y (2x + y - 6) = 0 and x (x + 2y - 6) = 0
        assert y * (2 * x + y - 6) == 0
        assert x * (x + 2 * y - 6) == 0
    assert critical_points.determinant((Fraction(2), Fraction(2))) == 4 * 4 - 2 * 2
    assert critical_points.kind((Fraction(2), Fraction(2))) == "minimum"


def test_the_printed_minimum_can_be_improved_upon_nearby():
    x, y = 1.5, 3.0
    assert critical_points.f(x, y - 0.1) < critical_points.f(x, y)
    rng = np.random.default_rng(0)
    around = 2 + rng.uniform(-0.1, 0.1, (200, 2))
    assert (critical_points.f(*around.T) > critical_points.f(2, 2)).all()


def test_derivatives_of_both_backends_agree():
    points = np.random.default_rng(1).uniform(-3, 9, (10, 2))
    found = critical_points.numpy_derivatives(points), critical_points.torch_derivatives(points)
    for ours, theirs in zip(*found, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_newton_of_both_backends_takes_the_same_steps():
    starts = np.random.default_rng(2).uniform(-3, 9, (20, 2))
    ours, theirs = (critical_points.newton(derivatives, starts, 3) for derivatives in BOTH)
    assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert not np.allclose(ours, starts)


def test_a_singular_hessian_does_not_move():
    at = np.array([[3.0, 0.0]])  # determinant 4xy - (2x + 2y - 6)^2 = 0
    for derivatives in BOTH:
        assert critical_points.newton(derivatives, at, 2).tolist() == at.tolist()
    assert critical_points.distinct(at) == []


def test_a_wrong_gradient_fails(monkeypatch):
    right = critical_points.gradient
    monkeypatch.setattr(
        critical_points, "gradient", lambda x, y: (right(x, y)[0], right(x, y)[1] * 1.0005 + 1e-3)
    )
    found = verdicts()
    assert not found["gradient"]
    assert not found["newton_finds_the_same"]


def test_a_wrong_hessian_fails(monkeypatch):
    monkeypatch.setattr(
        critical_points,
        "hessian",
        lambda x, y: ((2 * y, 2 * x + 2 * y - 5), (2 * x + 2 * y - 5, 2 * x)),
    )
    found = verdicts()
    assert not found["hessian"]
    assert not found["minimum"]


def test_a_wrong_entry_of_a_printed_hessian_fails(monkeypatch):
    point = (Fraction(0), Fraction(6))
    assert verdicts()["saddle_0_6"]
    wrong = critical_points.CLAIMED_SADDLES | {point: ((12, 6), (6, 1))}
    monkeypatch.setattr(critical_points, "CLAIMED_SADDLES", wrong)
    assert not verdicts()["saddle_0_6"]


def test_a_printed_minimum_that_is_one_would_be_found(monkeypatch):
    assert verdicts()["printed_minimum_is_none"]
    monkeypatch.setattr(critical_points, "CLAIMED_MINIMUM", critical_points.MINIMUM)
    assert not verdicts()["printed_minimum_is_none"]


def test_the_cases_of_the_first_equation_fail_with_another_gradient(monkeypatch):
    found = verdicts()
    assert found["first_equation_factors"]
    assert found["case_y_is_zero"]
    monkeypatch.setattr(
        critical_points,
        "gradient",
        lambda x, y: (2 * x * y + y**2 - 5 * y, x**2 + 2 * x * y - 5 * x),
    )
    found = verdicts()
    assert not found["first_equation_factors"]
    assert not found["case_y_is_zero"]
