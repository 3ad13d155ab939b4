"""Identities: exact verdicts, stable functions, O(n) products, and checks that can fail."""

import numpy as np
import pytest
from support import settings

from hw.errors import UsageError
from hw.questions.derivations.ift6390 import identities

SETTINGS: identities.Settings = settings("ift6390.q1.identities")


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in identities.compute(settings, None, backend).checks}


def test_functions_against_their_definitions():
    x = np.linspace(-5, 5, 101)
    assert np.allclose(identities.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-14, atol=0)
    assert np.allclose(identities.softplus(x), np.log(1 + np.exp(x)), rtol=1e-13, atol=0)
    assert identities.rectifier(x).tolist() == [max(0.0, v) for v in x]
    e = [np.exp(v) for v in x]
    assert np.allclose(identities.softmax(x), [v / sum(e) for v in e], rtol=1e-12, atol=0)


def test_functions_are_finite_far_out():
    x = np.array([-1000.0, 1000.0])
    with np.errstate(all="raise", under="ignore"):
        assert identities.sigmoid(x).tolist() == [0.0, 1.0]
        assert identities.softplus(x).tolist() == [0.0, 1000.0]
        assert identities.softmax(x).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("n", [2, 7])
def test_linear_products_against_a_double_loop(n):
    rng = np.random.default_rng(n)
    g = rng.normal(size=n)
    s = identities.softmax(rng.normal(size=n))
    loop = [sum((s[i] * (i == j) - s[i] * s[j]) * g[i] for i in range(n)) for j in range(n)]
    assert np.allclose(identities.softmax_vjp(s, g), loop, rtol=1e-12, atol=1e-15)
    y = identities.sigmoid(rng.normal(size=n))
    loop = [sum((i == j) * y[i] * (1 - y[i]) * g[i] for i in range(n)) for j in range(n)]
    assert np.allclose(identities.sigmoid_vjp(y, g), loop, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n", [2, 9, 40])
def test_counted_operations(n):
    count = identities.count_operations
    assert count(identities.sigmoid_vjp, n) == 3 * n
    assert count(identities.softmax_vjp, n) == 4 * n - 1  # the inner product has n - 1 additions
    assert count(identities.matrix_product, n) == n * (2 * n - 1)
    # s s^T and diag(s) - s s^T, n^2 each, then n inner products.
    assert count(identities.softmax_product, n) == 2 * n**2 + n * (2 * n - 1)


def test_a_product_that_is_not_linear_in_time_fails(monkeypatch):
    slow = {**identities.NUMPY_PRODUCTS, "softmax_linear": identities.softmax_product}
    monkeypatch.setattr(identities, "NUMPY_PRODUCTS", slow)
    assert not verdicts()["l_softmax_in_linear_time"]


def test_a_general_product_that_is_linear_fails(monkeypatch):
    monkeypatch.setattr(identities, "matrix_product", identities.sigmoid_vjp)
    assert not verdicts()["l_general_product_is_quadratic"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_product_that_serves_for_both_would_be_noticed(monkeypatch, backend):
    monkeypatch.setattr(identities, "softmax_vjp", identities.sigmoid_vjp)
    assert not verdicts(backend)["l_sigmoid_needs_its_own_product"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_part_is_broken_by_another_side(monkeypatch, backend):
    for part, sides in identities.SIDES.items():
        wrong = {part: lambda w, sides=sides: (sides(w)[0], 1.0005 * sides(w)[1] + 1e-3)}
        monkeypatch.setattr(identities, "SIDES", {**identities.SIDES, **wrong})
    found = verdicts(backend)
    expected = {"l_general_product_is_quadratic", "l_sigmoid_needs_its_own_product"}
    assert {name for name, holds in found.items() if holds} == expected


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("function", "check"),
    [("softmax_vjp", "l_softmax_in_linear_time"), ("sigmoid_vjp", "l_sigmoid_in_linear_time")],
)
def test_a_wrong_product_fails(monkeypatch, backend, function, check):
    right = getattr(identities, function)
    monkeypatch.setattr(identities, function, lambda y, g: 1.0005 * right(y, g))
    found = verdicts(backend)
    assert not found[check]
    assert found["k_softmax_jacobian"]


@pytest.mark.parametrize(
    ("function", "check"),
    [
        ("sigmoid", "a_sigmoid_by_tanh"),
        ("softplus", "b_log_sigmoid"),
        ("positive", "g_rectifier_derivative"),
        ("softmax_jacobian", "k_softmax_jacobian"),
    ],
)
def test_a_wrong_function_fails(monkeypatch, function, check):
    right = getattr(identities, function)
    monkeypatch.setattr(identities, function, lambda x: 1.0005 * right(x))
    assert not verdicts()[check]


def test_points_vary_and_stay_off_the_kink():
    x, v, _ = identities.points(SETTINGS)
    assert x.std() > 1
    assert {*np.sign(x)} == {-1.0, 1.0}
    assert min(np.abs(x).min(), np.abs(v).min()) >= 1e-3


def test_cost_is_drawn_without_times():
    outcome = identities.compute(SETTINGS, None, "numpy")
    assert set(outcome.timing) == {"sigmoid_linear", "softmax_linear", "full"}
    outcome.timing = {}
    assert len(identities.draw_vjp_cost({"default": outcome}, {}).axes) == 1


def test_times_are_no_metrics():
    assert not any(
        "second" in name or "time" in name
        for name in identities.compute(SETTINGS, None, "numpy").metrics
    )


def test_one_length_shows_no_growth():
    with pytest.raises(UsageError, match="counted_sizes"):
        identities.compute(identities.Settings(counted_sizes=(8, 8)), None, "numpy")
