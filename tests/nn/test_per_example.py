"""The block method does what the plain loop does: same updates, same order, up to rounding."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import plain
from hw.datasets.features import Features, pixels
from hw.nn import per_example
from hw.nn.errors import Diverged

RTOL = 1e-9
# The number is |W| rounding, not drift: entries that cancel to nearly zero have no digits.
ATOL = 1e-12

ACTIVATIONS = ["relu", "tanh", "sigmoid", "leaky_relu", "identity"]


def problem(
    seed: int, n: int = 30, width: int = 7, classes: int = 3
) -> tuple[Features, np.ndarray, np.ndarray, np.random.Generator]:
    """Pixels / 256, labels, and an order with repeats (drawn with replacement)."""
    rng = np.random.default_rng(seed)
    features = pixels(rng.integers(0, 256, (n, width), dtype=np.uint8), 256)
    assert features.stored.std() > 0
    return features, rng.integers(0, classes, n), rng.integers(0, n, 2 * n + 1), rng


def as_seen(features: Features, order: np.ndarray, *, bias: bool) -> np.ndarray:
    """The examples in their order, float64, with the column of ones."""
    X = features.stored[order] / 256
    return np.column_stack([X, np.ones(len(order))]) if bias else X


def network(rng: np.random.Generator, width: int, hidden: int, outputs: int) -> dict[str, Any]:
    return {
        "W1": rng.normal(0.1, 0.3, (hidden, width)),
        "b1": rng.normal(0, 0.3, hidden),
        "W2": rng.normal(0.1, 0.3, (outputs, hidden)),
        "b2": rng.normal(0, 0.3, outputs),
    }


def copies(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: p.copy() for name, p in parameters.items()}


def assert_same_parameters(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_allclose(
            actual[name], expected[name], rtol=RTOL, atol=ATOL, equal_nan=False, err_msg=name
        )


seeds = st.integers(0, 2**32 - 1)
block_sizes = st.one_of(st.none(), st.integers(1, 70))  # 61 examples: 70 is more than there are
penalties = st.sampled_from([0.0, 0.01, 0.5])


class TestLogistic:
    @settings(max_examples=60, deadline=None)
    @given(seeds, block_sizes, penalties, st.booleans(), st.sampled_from([0.01, 0.3]))
    def test_equals_plain_loop(self, seed, block_size, l2_penalty, bias, learning_rate):
        features, labels, order, rng = problem(seed)
        W = rng.normal(size=(3, 7 + bias))
        expected = W.copy()
        for _ in range(2):
            loss = per_example.logistic_epoch(
                W, features, labels, order, learning_rate, l2_penalty, block_size
            )
            plain_loss = plain.plain_logistic(
                expected,
                as_seen(features, order, bias=bias),
                labels[order],
                learning_rate,
                l2_penalty,
            )
            assert_allclose(loss, plain_loss, rtol=RTOL)
        assert_allclose(W, expected, rtol=RTOL, atol=ATOL, equal_nan=False)

    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_few_examples(self, n):
        features, labels, order, rng = problem(1)
        order = order[:n]
        W = rng.normal(size=(3, 8))
        expected = W.copy()
        loss = per_example.logistic_epoch(W, features, labels, order, 0.1, 0.01, 2)
        if not n:
            assert math.isnan(loss)
        else:
            plain.plain_logistic(
                expected, as_seen(features, order, bias=True), labels[order], 0.1, 0.01
            )
        assert_allclose(W, expected, rtol=RTOL)

    def test_first_step_from_zero_is_a_formula(self):
        # p is uniform, so W = -η (1/K - onehot) xᵀ; and the loss is log K.
        features, labels, order, _ = problem(2)
        W = np.zeros((3, 8))
        loss = per_example.logistic_epoch(W, features, labels, order[:1], 0.1)
        x = np.append(features.stored[order[0]] / 256, 1)
        assert_allclose(W, -0.1 * np.outer(1 / 3 - np.eye(3)[labels[order[0]]], x), rtol=RTOL)
        assert_allclose(loss, np.log(3), rtol=RTOL)

    @pytest.mark.parametrize("l2_penalty", [0.0, 0.01])
    def test_a_hundred_updates_equal_torch(self, l2_penalty):
        features, labels, order, rng = problem(3, n=100)
        order = order[:100]
        W = rng.normal(size=(3, 8))
        theta = torch.tensor(W, requires_grad=True)
        optimiser = torch.optim.SGD([theta], lr=0.1, weight_decay=l2_penalty)
        X = torch.tensor(as_seen(features, order, bias=True))
        for x, label in zip(X, torch.tensor(labels[order]), strict=True):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy((theta @ x)[None], label[None]).backward()
            optimiser.step()
        per_example.logistic_epoch(W, features, labels, order, 0.1, l2_penalty)
        assert_allclose(W, theta.detach().numpy(), rtol=RTOL)

    def test_whole_run_of_many_blocks(self):
        features, labels, order, rng = problem(4, n=1500, width=40, classes=6)
        W = np.zeros((6, 41))
        expected = W.copy()
        for _ in range(3):
            order = order[rng.permutation(len(order))]
            per_example.logistic_epoch(W, features, labels, order, 0.05, 0.001)
            plain.plain_logistic(
                expected, as_seen(features, order, bias=True), labels[order], 0.05, 0.001
            )
        assert np.abs(W).max() > 0.1
        assert_allclose(W, expected, rtol=RTOL, atol=ATOL)

    def test_penalty_that_flips_the_sign_of_the_weights(self):
        # η λ > 1: the powers of 1 - η λ alternate in sign.
        features, labels, order, rng = problem(5)
        W = rng.normal(size=(3, 8))
        expected = W.copy()
        per_example.logistic_epoch(W, features, labels, order, 0.5, 3.0, 16)
        plain.plain_logistic(expected, as_seen(features, order, bias=True), labels[order], 0.5, 3.0)
        assert_allclose(W, expected, rtol=RTOL, atol=ATOL)

    def test_is_in_place_in_any_memory_layout(self):
        features, labels, order, rng = problem(6)
        start = rng.normal(size=(3, 8))
        C, F = start.copy(), np.asfortranarray(start)
        for W in (C, F):
            per_example.logistic_epoch(W, features, labels, order, 0.1)
        assert np.abs(C - start).max() > 0
        assert_allclose(F, C, rtol=RTOL)

    def test_a_wrong_coupling_would_be_seen(self, monkeypatch):
        # The comparison above has teeth: 0.05 % off in the Gram matrix fails it.
        features, labels, order, rng = problem(7)
        W = rng.normal(size=(3, 8))
        expected = W.copy()
        where = np.where  # makes the factors of the Gram matrix
        monkeypatch.setattr(per_example.np, "where", lambda *a: 0.9995 * where(*a))
        per_example.logistic_epoch(W, features, labels, order, 0.1, block_size=8)
        plain.plain_logistic(expected, as_seen(features, order, bias=True), labels[order], 0.1)
        with pytest.raises(AssertionError):
            assert_allclose(W, expected, rtol=RTOL, atol=ATOL)


class TestLinearRegression:
    @settings(max_examples=40, deadline=None)
    @given(seeds, block_sizes, penalties, st.booleans())
    def test_equals_plain_loop(self, seed, block_size, l2_penalty, bias):
        features, _, order, rng = problem(seed)
        targets = rng.normal(size=30)
        w = rng.normal(size=7 + bias)
        expected = w.copy()
        loss = per_example.linear_regression_epoch(
            w, features, targets, order, 0.05, l2_penalty, block_size
        )
        plain_loss = plain.plain_linear_regression(
            expected, as_seen(features, order, bias=bias), targets[order], 0.05, l2_penalty
        )
        assert_allclose(loss, plain_loss, rtol=RTOL)
        assert_allclose(w, expected, rtol=RTOL, atol=ATOL, equal_nan=False)

    def test_floats_and_one_step_as_a_formula(self):
        features = Features(np.array([[2.0, -1.0]]))
        w = np.array([1.0, 3.0, 0.5])
        loss = per_example.linear_regression_epoch(w, features, np.array([4.0]), np.array([0]), 0.1)
        # ŷ = 2 - 3 + 0.5 = -0.5, so the error is -4.5
        assert_allclose(w, np.array([1.0, 3.0, 0.5]) + 0.45 * np.array([2.0, -1.0, 1.0]))
        assert_allclose(loss, 4.5**2 / 2)


class TestPerceptron:
    @settings(max_examples=40, deadline=None)
    @given(seeds, st.booleans(), st.integers(0, 120))
    def test_is_the_plain_loop_exactly(self, seed, bias, n):
        # Pixels / 256 and sums of them are exact, whatever the order of summation.
        features, labels, order, rng = problem(seed)
        order = rng.integers(0, 30, n)
        W = np.zeros((3, 7 + bias))
        expected = W.copy()
        mistakes = per_example.perceptron_epoch(W, features, labels, order)
        assert mistakes == plain.plain_perceptron(
            expected, as_seen(features, order, bias=bias), labels[order]
        )
        assert_array_equal(W, expected)

    def test_ties_go_to_the_lowest_class(self):
        features = pixels(np.array([[128]], np.uint8), 256)
        W = np.zeros((3, 2))  # every score is zero: class 0 is predicted
        assert per_example.perceptron_epoch(W, features, np.array([0]), np.array([0])) == 0
        assert per_example.perceptron_epoch(W, features, np.array([2]), np.array([0])) == 1
        assert_array_equal(W, [[-0.5, -1], [0, 0], [0.5, 1]])


class TestProximal:
    @settings(max_examples=40, deadline=None)
    @given(seeds, st.booleans(), st.sampled_from([0.0, 0.01, 1.0]))
    def test_equals_plain_loop(self, seed, bias, l1_penalty):
        features, labels, order, rng = problem(seed)
        W = rng.normal(0, 0.2, size=(3, 7 + bias))
        expected = W.copy()
        loss = per_example.proximal_epoch(W, features, labels, order, 0.1, l1_penalty)
        plain_loss = plain.plain_proximal(
            expected, as_seen(features, order, bias=bias), labels[order], 0.1, l1_penalty
        )
        assert_allclose(loss, plain_loss, rtol=RTOL)
        assert_allclose(W, expected, rtol=RTOL, atol=ATOL, equal_nan=False)
        assert_array_equal(W == 0, expected == 0)

    def test_makes_exact_zeros(self):
        features, labels, order, rng = problem(8)
        W = rng.normal(0, 0.1, size=(3, 8))
        per_example.proximal_epoch(W, features, labels, order, 0.1, 0.3)
        assert 0 < (W == 0).sum() < W.size

    def test_without_penalty_it_is_logistic_regression(self):
        features, labels, order, rng = problem(9)
        W = rng.normal(size=(3, 8))
        V = W.copy()
        per_example.proximal_epoch(W, features, labels, order, 0.1, 0.0)
        per_example.logistic_epoch(V, features, labels, order, 0.1)
        assert_allclose(W, V, rtol=RTOL)

    def test_solves_its_minimisation(self):
        # One step against a grid search over λ |w| + (w - v)²/(2η), weight by weight.
        features, labels, order, rng = problem(10)
        W = rng.normal(0, 0.2, size=(3, 8))
        V = W.copy()
        rate, penalty = 0.1, 0.8
        per_example.logistic_epoch(V, features, labels, order[:1], rate)
        per_example.proximal_epoch(W, features, labels, order[:1], rate, penalty)
        grid = np.arange(-10000, 10001) / 10000  # holds zero
        objective = penalty * np.abs(grid) + (grid - V[..., None]) ** 2 / (2 * rate)
        assert (V != 0).all()
        assert (W == 0).sum() > 0
        assert_allclose(W, grid[objective.argmin(axis=-1)], atol=0.51e-4)  # the grid's spacing

    def test_no_examples(self):
        features, labels, _, _ = problem(11)
        W = np.ones((3, 8))
        none = np.empty(0, int)
        assert math.isnan(per_example.proximal_epoch(W, features, labels, none, 0.1, 0.1))
        assert (W == 1).all()


class TestMLP:
    @settings(max_examples=80, deadline=None)
    @given(seeds, block_sizes, st.sampled_from(ACTIVATIONS), st.booleans())
    def test_equals_plain_loop(self, seed, block_size, activation, regression):
        features, labels, order, rng = problem(seed)
        outputs, loss = (1, "half_squared_error") if regression else (3, "cross_entropy")
        targets = rng.normal(size=30) if regression else labels
        P = network(rng, 7, 5, outputs)
        Q = copies(P)
        actual = per_example.mlp_epoch(
            P, features, targets, order, 0.05, activation, loss, block_size
        )
        expected = plain.plain_mlp(
            Q, as_seen(features, order, bias=False), targets[order], 0.05, activation, loss
        )
        assert_allclose(actual, expected, rtol=RTOL)
        assert_same_parameters(P, Q)

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_a_hundred_updates_equal_torch(self, activation):
        features, labels, order, rng = problem(12, n=100, width=20, classes=4)
        order = order[:100]
        P = network(rng, 20, 8, 4)
        theta = {name: torch.tensor(p, requires_grad=True) for name, p in P.items()}
        optimiser = torch.optim.SGD(theta.values(), lr=0.05)
        f = {
            **{name: getattr(torch, name) for name in ("relu", "tanh", "sigmoid")},
            "leaky_relu": torch.nn.functional.leaky_relu,
            "identity": torch.nn.Identity(),
        }[activation]
        losses = []
        X = torch.tensor(as_seen(features, order, bias=False))
        for x, label in zip(X, torch.tensor(labels[order]), strict=True):
            optimiser.zero_grad()
            logits = theta["W2"] @ f(theta["W1"] @ x + theta["b1"]) + theta["b2"]
            loss = torch.nn.functional.cross_entropy(logits[None], label[None])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        actual = per_example.mlp_epoch(P, features, labels, order, 0.05, activation)
        assert_allclose(actual, np.mean(losses), rtol=RTOL)
        assert_same_parameters(P, {name: t.detach().numpy() for name, t in theta.items()})

    def test_gradients_are_of_the_old_weights(self):
        # One step by hand: H = K = 1, z = 2x, h = z, ŷ = 3h; x = 1/2, y = 1: ŷ = 3, error 2.
        values = {"W1": [[2.0]], "b1": [0.0], "W2": [[3.0]], "b2": [0.0]}
        P = {name: np.array(value) for name, value in values.items()}
        features = pixels(np.array([[128]], np.uint8), 256)
        loss = per_example.mlp_epoch(
            P, features, np.array([1.0]), np.array([0]), 0.1, loss="half_squared_error"
        )
        assert_allclose(loss, 2.0)
        assert_allclose(P["W2"], 3 - 0.1 * 2 * 1)
        assert_allclose(P["b2"], -0.1 * 2)
        assert_allclose(P["W1"], 2 - 0.1 * (2 * 3) * 0.5)  # 3, not the new 2.8
        assert_allclose(P["b1"], -0.1 * (2 * 3))

    def test_half_squared_error_has_one_output(self):
        features, labels, order, rng = problem(13)
        with pytest.raises(ValueError, match="one output"):
            per_example.mlp_epoch(
                network(rng, 7, 4, 3), features, labels, order, 0.1, loss="half_squared_error"
            )


class TestDivergence:
    """A state that is not finite is raised with its step, and nothing warns."""

    @pytest.fixture(autouse=True)
    def _no_warnings(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield

    @pytest.mark.parametrize("block_size", [1, 4, 7, 100])
    def test_linear_regression_says_at_which_step(self, block_size):
        # w <- w - η (w x - y) x with x = 1, y = 0, η = 1e60 multiplies w by -1e60, from 1 on.
        # ½ w² is the first to overflow, at |w| = 1e180: step 3.
        features = Features(np.ones((10, 1)))
        with pytest.raises(Diverged) as raised:
            per_example.linear_regression_epoch(
                np.array([1.0]), features, np.zeros(10), np.arange(10), 1e60, 0.0, block_size
            )
        assert raised.value.step == 3

    def test_other_kinds(self):
        features, labels, order, rng = problem(14)
        weights = np.full((3, 8), 1e308)
        weights[1] *= -1
        with pytest.raises(Diverged) as raised:
            per_example.logistic_epoch(weights.copy(), features, labels, order, 0.1)
        assert raised.value.step == 0
        with pytest.raises(Diverged):
            per_example.proximal_epoch(weights.copy(), features, labels, order, 0.1, 0.1)
        P = network(rng, 7, 4, 1)
        with pytest.raises(Diverged):
            per_example.mlp_epoch(
                P, features, labels * 1.0, order, 1e3, "relu", "half_squared_error"
            )

    def test_weights_that_overflow_in_the_last_step(self):
        features = Features(np.array([[1e300]]))
        with pytest.raises(Diverged) as raised:
            per_example.linear_regression_epoch(
                np.array([0.0]), features, np.array([1e100]), np.array([0]), 1.0
            )
        assert raised.value.step == 1

    def test_survives_a_process_boundary(self):
        import pickle

        assert pickle.loads(pickle.dumps(Diverged(7))).step == 7

    def test_large_logits_are_no_divergence(self):
        features, labels, order, rng = problem(15)
        W = rng.normal(size=(3, 8)) * 1e4
        loss = per_example.logistic_epoch(W, features, labels, order, 0.1)
        assert math.isfinite(loss)
        assert loss > 100


def test_block_epoch_takes_any_head():
    """A head with two layers of its own equals torch, so deeper networks can use the method."""
    features, labels, order, rng = problem(16)
    W1, W2, W3 = (rng.normal(0, 0.5, s) for s in ((5, 7), (4, 5), (3, 4)))
    theta = [torch.tensor(W, requires_grad=True) for W in (W1, W2, W3)]
    rate = 0.1

    def head(z, label, step):
        h1 = np.tanh(z)
        h2 = np.tanh(W2 @ h1)
        p = np.exp(W3 @ h2)
        p /= p.sum()
        loss = -math.log(p[label])
        p[label] -= 1
        g2 = (W3.T @ p) * (1 - h2**2)
        step[:] = rate * (W2.T @ g2) * (1 - h1**2)
        W3[...] -= rate * np.outer(p, h2)
        W2[...] -= rate * np.outer(g2, h1)
        return loss

    per_example.block_epoch(W1, features, labels, order, head, block_size=9)
    optimiser = torch.optim.SGD(theta, lr=rate)
    X = torch.tensor(as_seen(features, order, bias=False))
    for x, label in zip(X, torch.tensor(labels[order]), strict=True):
        optimiser.zero_grad()
        logits = theta[2] @ torch.tanh(theta[1] @ torch.tanh(theta[0] @ x))
        torch.nn.functional.cross_entropy(logits[None], label[None]).backward()
        optimiser.step()
    for W, t in zip((W1, W2, W3), theta, strict=True):
        assert_allclose(W, t.detach().numpy(), rtol=RTOL, atol=ATOL)
