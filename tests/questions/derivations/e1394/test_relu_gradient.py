"""ReLU's gradient: both sides, the kink, and checks that can fail."""

import numpy as np
import pytest

from hw.questions.derivations.e1394 import relu_gradient

SETTINGS = relu_gradient.Settings(points=20)


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in relu_gradient.compute(settings, None, backend).checks}


def test_gradient_by_hand():
    b, w, x = np.array([1.0, -5.0, -2.0]), np.array([2.0, 1.0, 1.0]), np.array([3.0, 2.0, 2.0])
    db, dw = relu_gradient.gradient(b, w, x)  # z = 7, -3, 0
    assert db.tolist() == [1, 0, 1]
    assert dw.tolist() == [3, 0, 2]
    assert relu_gradient.f(b, w, x).tolist() == [7, 0, 0]


def test_points_lie_on_both_sides_and_off_the_kink():
    b, w, x = relu_gradient.random_points(SETTINGS, np.random.default_rng(0))
    z = b + x * w
    assert np.abs(z).min() >= 0.99 * relu_gradient.OFF_KINK
    assert (z > 0).sum() == (z < 0).sum() == 10


def test_torch_at_the_kink():
    found = relu_gradient.torch_at_kink(1.5)
    assert found["relu"] == (0.0, 0.0)
    assert found["where_not_negative"] == (1.0, 1.5)
    assert found["maximum"] == (0.5, 0.75)


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        ((0, 0), True),
        ((1, 1.5), True),
        ((0.5, 0.75), True),
        ((0.1, 1.5 * 0.125), False),
        ((1.01, 1.01 * 1.5), False),
        ((-0.25, -0.375), False),
        ((1, 0), False),
        ((0, 1.5), False),
    ],
)
def test_subgradients(slope, expected):
    assert relu_gradient.is_subgradient(slope, 1.5) is expected
    # The definition, at random points: f never falls below the supporting plane.
    b, w = np.random.default_rng(0).uniform(-5, 5, (2, 4000))
    plane = slope[0] * (b + 1.5) + slope[1] * (w - 1)
    assert (relu_gradient.f(b, w, 1.5) >= plane - 1e-12).all() == expected


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_wrong_gradient_fails(monkeypatch, backend):
    right = relu_gradient.gradient
    monkeypatch.setattr(
        relu_gradient,
        "gradient",
        lambda b, w, x: (right(b, w, x)[0], 1.0005 * right(b, w, x)[1]),
    )
    found = verdicts(backend)
    assert not found["dw_active"]
    assert not found["report_at_kink_is_subgradient"]
    assert found["db_active"]
