"""The first layer's update: against autograd, loops and SymPy; each fault noticed; sabotage."""

from functools import partial

import numpy as np
import pytest

from hw.questions.derivations.e1394 import weight_update
from hw.questions.derivations.lab.worlds import world

SETTINGS = weight_update.Settings(points=2)
NUMPY = world("numpy")
BOTH = [partial(weight_update.gradients, world(name)) for name in ("numpy", "torch")]


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in weight_update.compute(settings, None, backend).checks}


@pytest.fixture
def case():
    return weight_update.draw(SETTINGS, np.random.default_rng(5))


@pytest.mark.parametrize("derive", BOTH)
def test_gradients_against_autograd(case, derive):
    for ours, theirs in zip(derive(*case), weight_update.autograd(*case), strict=True):
        assert np.abs(theirs).max() > 1e-4
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-15, equal_nan=False)


def test_gradient_against_the_sums_of_the_derivation(case):
    net, x, y = case
    a1, a2, f = weight_update.forward(NUMPY, net, x)
    inner = sum(f[k] * (f[k] - y[k]) for k in range(len(f)))
    expected = np.empty_like(net.w1)
    for i in range(len(net.b1)):
        total = 0.0
        for m in range(len(net.b2)):
            for k in range(len(f)):
                slope = f[k] * ((f[k] - y[k]) - inner) * net.w3[k, m]
                total += net.w2[m, i] * (a2[m] > 0) * slope
        expected[i] = total * (a1[i] > 0) * x
    assert np.allclose(
        weight_update.gradients(NUMPY, net, x, y)[1], expected, rtol=1e-10, atol=1e-15
    )


def test_ten_updates_against_torch(case):
    net, x, y = case
    theirs = net
    for _ in range(10):
        theirs = theirs.replace(w1=weight_update.sgd_step(theirs, x, y, 0.5))
        net = net.replace(w1=net.w1 - 0.5 * weight_update.gradients(NUMPY, net, x, y)[1])
    assert np.allclose(net.w1, theirs.w1, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("derive", BOTH)
@pytest.mark.parametrize("fault", list(weight_update.FAULTS))
def test_each_fault_alone_changes_the_gradient(case, derive, fault):
    right, wrong = derive(*case)[1], derive(*case, [fault])[1]
    assert np.abs(right - wrong).max() > 1e-3 * np.abs(right).max()


def test_all_faults_make_the_printed_formula(case):
    net, x, y = case
    f = weight_update.forward(NUMPY, net, x)[2]
    found = weight_update.gradients(NUMPY, net, x, y, set(weight_update.FAULTS), only=1)
    printed = -2 * (y[1] - f[1]) * (net.w3[1] @ net.w2) / 2  # of L = 2J
    assert np.allclose(found[0], printed, rtol=1e-12, atol=1e-15)
    assert np.allclose(found[1], np.outer(printed, x), rtol=1e-12, atol=1e-15)


def test_ladder_ends_at_zero(case):
    errors = [e for _, e in weight_update.ladder([case], BOTH[0])]
    assert len(errors) == 1 + len(weight_update.FAULTS)
    assert min(errors[:-1]) > 0.01
    assert errors[-1] < 1e-12


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_gradient_that_is_wrong_by_a_little_fails(monkeypatch, backend):
    right = weight_update.softmax_slope
    monkeypatch.setattr(weight_update, "softmax_slope", lambda f, g: 1.0005 * right(f, g))
    found = verdicts(backend)
    assert not found["w1_derived"]
    assert not found["b1_derived"]
    assert not found["w1_update"]


def test_random_networks_have_open_and_closed_units(case):
    a1, a2, f = weight_update.forward(NUMPY, *case[:2])
    for a in (a1, a2):
        assert (a > 0).any()
        assert (a < 0).any()
        assert np.abs(a).min() > weight_update.OFF_KINK
    assert f.max() < 0.95


def test_the_report_is_judged_by_the_loss_that_it_differentiates(case):
    """With L = (y - f)^2 the factor 2 is right; its item 3 has J, and so another update."""
    found = verdicts()
    assert found["loss_slope_as_printed"]
    assert not found["one_loss_throughout"]
    net, x, y = case

    def squares(z):
        return ((y - weight_update.forward(NUMPY, net.replace(b3=z), x)[2]) ** 2).sum()

    doubled = 2 * weight_update.softmax_slope(f := weight_update.forward(NUMPY, net, x)[2], f - y)
    assert np.allclose(weight_update.central_difference(squares, net.b3), doubled, atol=1e-8)


def test_the_chain_rule_needs_the_index_of_the_input():
    assert verdicts()["chain_rule"]
    assert not verdicts()["slope_without_input_index"]
    assert all(d == 0 for d in weight_update.chain_rule_differences(3, 2))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_gates_that_let_everything_pass_would_be_found_harmless(monkeypatch, backend):
    right = weight_update.gradient_b1

    def open_gates(net, f, y, gates, faults=(), only=0):
        return right(net, f, y, gates, set(faults) - {"relu_gates", "class_sum"}, only)

    monkeypatch.setattr(weight_update, "gradient_b1", open_gates)
    found = verdicts(backend)
    assert found["harmless_relu_gates"]
    assert found["harmless_class_sum"]
    assert found["softmax_slope_matters"]
