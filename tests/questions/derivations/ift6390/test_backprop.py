"""Backpropagation: every gradient by name against autograd, loops and differences; sabotage."""

import numpy as np
import pytest

from hw.errors import UsageError
from hw.questions.derivations.ift6390 import _empirical_risk, _leaky_relu_network, backprop

SETTINGS = backprop.Settings()


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in backprop.compute(settings, None, backend).checks}


@pytest.fixture
def case():
    net, X, Y = backprop.draw(SETTINGS, np.random.default_rng(3))
    return net, X[0], int(Y[0])


@pytest.mark.parametrize("name", list(backprop.DERIVATION))
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_gradient_by_name_against_autograd(case, backend, name):
    ours, torchs = backprop.gradients(*case, backend)[name], backprop.autograd(*case)[name]
    assert ours.shape == torchs.shape
    assert ours.dtype == np.float64
    assert np.abs(ours).max() > 1e-3
    assert np.allclose(ours, torchs, rtol=1e-9, atol=1e-14, equal_nan=False)


def test_forward_against_a_naive_loop(case):
    net, x, y = case
    hidden = []
    for row, b in zip(net.W1, net.b1, strict=True):
        a = b + sum(w * v for w, v in zip(row, x, strict=True))
        hidden.append(a if a >= 0 else net.alpha * a)
    scores = [
        b + sum(w * h for w, h in zip(row, hidden, strict=True))
        for row, b in zip(net.W2, net.b2, strict=True)
    ]
    expected = -np.log(np.exp(scores[y]) / sum(np.exp(s) for s in scores))
    found = _leaky_relu_network.log_loss(backprop.forward(net, x).o_a, y)
    assert found == pytest.approx(expected, rel=1e-12)


def test_loss_is_finite_far_out():
    assert _leaky_relu_network.log_loss(np.array([1000.0, -1000.0]), 1) == 2000.0
    assert _leaky_relu_network.log_loss(np.array([1000.0, -1000.0]), 0) == 0.0


def test_ten_updates_against_torch(case):
    import torch

    net, x, y = case
    tensors, lib = backprop.tensors(net), backprop.library("torch")
    optimiser = torch.optim.SGD([value for _, value in tensors.items()], lr=0.1)
    x_ = torch.tensor(x, dtype=torch.float64)
    for _ in range(10):
        optimiser.zero_grad()
        lib.log_loss(backprop.forward(tensors, x_, lib).o_a, y).backward()
        optimiser.step()
        g = backprop.gradients(net, x, y, "numpy")
        net = net.replace(**{name: value - 0.1 * g[name] for name, value in net.items()})
    for name, value in net.items():
        theirs = getattr(tensors, name).detach().numpy()
        assert np.allclose(value, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("o_a", "g_gradient_o_a"),
        ("W2", "i_gradient_w2"),
        ("b2", "i_gradient_b2"),
        ("h_s", "k_gradient_h_s"),
        ("h_a", "m_gradient_h_a"),
        ("W1", "o_gradient_w1"),
        ("b1", "o_gradient_b1"),
        ("x", "p_gradient_x"),
    ],
)
def test_a_gradient_that_is_wrong_by_a_little_fails(monkeypatch, backend, name, check):
    step = backprop.DERIVATION[name]
    wrong = step._replace(gradient=lambda *a: 1.0005 * step.gradient(*a))
    monkeypatch.setitem(backprop.DERIVATION, name, wrong)
    assert not verdicts(backend)[check]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_penalty_gradient_that_is_wrong_by_a_little_fails(monkeypatch, backend):
    right = backprop.penalty_gradient
    monkeypatch.setattr(backprop, "penalty_gradient", lambda *a: 1.0005 * right(*a))
    assert not verdicts(backend)["q_penalty_adds_to_w1"]


def test_printed_risk_is_a_constant(case):
    X, Y = np.stack([case[1]] * 2), np.array([0, 1])
    for scale in (0.1, 1.0, 3.0):
        net = case[0].replace(W2=scale * case[0].W2)
        assert _empirical_risk.risk_as_printed_in_line_3(net, X, Y) == pytest.approx(
            np.log(4), rel=1e-12
        )


def test_first_layer_has_no_row_for_every_class():
    net, X, _ = backprop.draw(backprop.Settings(d_h=2), np.random.default_rng(0))
    assert _empirical_risk.score_as_printed_in_line_4(net, X[0], 3) is None
    assert not verdicts(settings=backprop.Settings(d_h=2))["e_first_layer_with_index_y"]


def test_penalty_has_four_lambdas(case):
    net = case[0]
    for i, expected in enumerate(
        (np.abs(net.W1).sum(), (net.W1**2).sum(), np.abs(net.W2).sum(), (net.W2**2).sum())
    ):
        lambdas = tuple(float(i == j) for j in range(4))
        assert backprop.penalty(net, lambdas) == pytest.approx(expected, rel=1e-14)


def test_random_networks_stay_off_the_kinks():
    net, X, Y = backprop.draw(SETTINGS, np.random.default_rng(0))
    assert np.abs(X @ net.W1.T + net.b1).min() >= backprop.OFF_KINK
    assert min(np.abs(net.W1).min(), np.abs(net.W2).min()) >= backprop.OFF_KINK
    assert len({*Y}) > 1


@pytest.mark.parametrize("values", [{"batch_size": 12}, {"d": 6}])
def test_sizes_that_show_nothing_are_refused(values):
    with pytest.raises(UsageError):
        backprop.compute(backprop.Settings(**values), None, "numpy")


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_step_that_is_wrong_by_a_little_fails(monkeypatch, backend):
    right = _empirical_risk.gradients

    def wrong(*a):
        return {name: 1.0005 * value for name, value in right(*a).items()}

    monkeypatch.setattr(_empirical_risk, "gradients", wrong)
    found = verdicts(backend)
    assert not found["f_step_on_the_whole_set"]
    assert not found["f_batch_sum_over_batch_size"]
    assert not found["g_risk_gradient_is_a_mean"]


def test_parameters_are_those_of_modules(monkeypatch):
    assert _empirical_risk.module_shapes(5, 6, 4) == [(6, 5), (6,), (4, 6), (4,)]
    monkeypatch.setattr(_empirical_risk, "module_shapes", lambda d, d_h, m: [(d_h, d), (d_h,)])
    assert not verdicts()["e_parameter_set"]


def test_a_factor_with_another_slope_fails(monkeypatch):
    right = backprop.leaky_relu_slope
    monkeypatch.setattr(backprop, "leaky_relu_slope", lambda z, alpha: right(z, alpha) + 1e-3)
    assert not verdicts()["m_slope_vector"]


def test_a_sorted_factor_would_be_right(case, monkeypatch):
    monkeypatch.setattr(
        backprop, "leaky_relu_slope", lambda z, alpha: np.sort(np.where(z >= 0, 1.0, alpha))[::-1]
    )
    assert verdicts()["m_ones_before_alphas"]


def test_the_figure_divides_by_the_size_of_the_set():
    outcome = backprop.compute(SETTINGS, None, "numpy")
    ratio = SETTINGS.batch_size / SETTINGS.n
    assert outcome.metrics["printed_step_ratio"] == pytest.approx(ratio, rel=1e-6)
