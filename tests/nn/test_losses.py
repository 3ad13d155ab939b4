"""Losses from logits: formulas, a naive loop, torch, finite differences, and ±1000."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gradient_check import coordinate_errors
from numpy.testing import assert_allclose

from hw.nn import losses

RTOL = 1e-9


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (8, 5)), rng.integers(0, 5, 8)
    assert logits.std() > 1
    return logits, labels


def test_formulas():
    z = np.log(np.array([[1.0, 2.0, 5.0]]))
    assert_allclose(losses.softmax(z), [[1 / 8, 2 / 8, 5 / 8]], rtol=RTOL)
    assert_allclose(losses.log_softmax(z), np.log([[1 / 8, 2 / 8, 5 / 8]]), rtol=RTOL)
    assert_allclose(losses.cross_entropy(z, np.array([2])), [math.log(8 / 5)], rtol=RTOL)
    assert_allclose(
        losses.cross_entropy_gradient(z, np.array([2])), [[1 / 8, 2 / 8, -3 / 8]], rtol=RTOL
    )
    assert_allclose(
        losses.bce_with_logits(np.array([math.log(3)] * 2), np.array([1.0, 0.0])),
        [math.log(4 / 3), math.log(4)],
        rtol=RTOL,
    )


def test_naive_loops(batch):
    logits, labels = batch
    total = 0.0
    for z, label in zip(logits, labels, strict=True):
        p = [math.exp(v) for v in z]
        total -= math.log(p[label] / sum(p))
    assert_allclose(losses.mean_cross_entropy(logits, labels), total / len(labels), rtol=RTOL)

    targets = np.random.default_rng(1).random(logits.shape)
    total = 0.0
    for v, t in zip(logits.ravel(), targets.ravel(), strict=True):
        s = 1 / (1 + math.exp(-v))
        total -= t * math.log(s) + (1 - t) * math.log(1 - s)
    assert_allclose(losses.mean_bce_with_logits(logits, targets), total / targets.size, rtol=RTOL)


def test_torch(batch):
    logits, labels = batch
    targets = np.random.default_rng(1).random(logits.shape)
    t = torch.tensor(logits, requires_grad=True)
    F = torch.nn.functional
    for ours, gradient, theirs in (
        (
            losses.cross_entropy(logits, labels),
            losses.cross_entropy_gradient(logits, labels),
            F.cross_entropy(t, torch.tensor(labels), reduction="none"),
        ),
        (
            losses.bce_with_logits(logits, targets),
            losses.bce_with_logits_gradient(logits, targets),
            F.binary_cross_entropy_with_logits(t, torch.tensor(targets), reduction="none"),
        ),
    ):
        assert_allclose(ours, theirs.detach().numpy(), rtol=RTOL)
        (expected,) = torch.autograd.grad(theirs.sum(), t)
        assert_allclose(gradient, expected.numpy(), rtol=RTOL, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_gradients_by_differences(seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 2, (4, 3)), rng.integers(0, 3, 4)
    targets = rng.random((4, 3))
    for objective, gradient in (
        (
            lambda p: losses.mean_cross_entropy(p["z"], labels),
            losses.cross_entropy_gradient(logits, labels) / 4,
        ),
        (
            lambda p: losses.mean_bce_with_logits(p["z"], targets),
            losses.bce_with_logits_gradient(logits, targets) / 12,
        ),
    ):
        assert coordinate_errors(objective, {"z": logits}, {"z": gradient})["z"] <= 1e-6


def test_finite_at_a_thousand():
    z = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])
    labels = np.array([1, 0])
    assert_allclose(losses.softmax(z), [[1, 0, 0], [1 / 3] * 3], atol=1e-300)
    assert_allclose(losses.cross_entropy(z, labels), [2000, math.log(3)], rtol=RTOL)
    assert_allclose(losses.cross_entropy_gradient(z, labels)[0], [1, -1, 0], atol=1e-300)
    targets = np.array([[0.0, 1.0, 0.5]])
    assert_allclose(losses.bce_with_logits(z[:1], targets), [[1000, 1000, math.log(2)]])
    assert_allclose(losses.bce_with_logits_gradient(z[:1], targets), [[1, -1, 0]], atol=1e-300)


def test_one_example_and_float32(batch):
    logits, labels = batch
    assert_allclose(
        losses.cross_entropy(logits[:1], labels[:1]), losses.cross_entropy(logits, labels)[:1]
    )
    single = logits.astype(np.float32)
    assert losses.log_softmax(single).dtype == np.float32
    assert_allclose(
        losses.cross_entropy(single, labels), losses.cross_entropy(logits, labels), rtol=1e-5
    )
