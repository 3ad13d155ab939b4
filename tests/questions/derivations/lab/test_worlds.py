"""The three worlds: one formula, and derivatives that do not know it."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from hw.questions.derivations.lab.lab import Lab, as_numpy
from hw.questions.derivations.lab.worlds import elementary, world

numeric = pytest.mark.parametrize("backend", ["numpy", "torch"])
Z = np.random.default_rng(0).normal(0, 2, (20, 3))


def polynomial(w, z):
    """(..., 3) -> (...): z₁² z₂ + z₃³."""
    return z[..., 0] ** 2 * z[..., 1] + z[..., 2] ** 3


def pair(w, z):
    """(..., 3) -> (..., 2)."""
    return w.stack([polynomial(w, z), z[..., 0] * z[..., 2]], -1)


@numeric
def test_derivatives_agree_with_sympy(backend):
    w, exact = world(backend), world("sympy")
    symbols = np.array(sympy.symbols("z1:4", real=True))
    t = sympy.Symbol("t", real=True)
    for found, of_vector, tolerance in (
        (w.jacobian(pair, w.array(Z)), exact.jacobian(pair, symbols), 10 * w.first),
        (w.hessian(polynomial, w.array(Z)), exact.hessian(polynomial, symbols), 10 * w.second),
    ):
        known = [sympy.lambdify(symbols, of_vector.tolist())(*row) for row in Z]
        np.testing.assert_allclose(as_numpy(found), known, rtol=0, atol=10 * tolerance)

    def elementwise(w, z):
        return w.log_sigmoid(z)

    for found, order, tolerance in (
        (w.slope(elementwise, w.array(Z)), 1, w.first),
        (w.curvature(elementwise, w.array(Z)), 2, w.second),
    ):
        known = sympy.lambdify(t, sympy.diff(exact.log_sigmoid(t), t, order))(Z)
        np.testing.assert_allclose(as_numpy(found), known, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["sigmoid", "log_sigmoid", "softmax", "log_softmax"])
def test_functions_agree_between_worlds(name):
    torch = world("torch")
    values = [as_numpy(getattr(w, name)(w.array(Z))) for w in (world("numpy"), torch, elementary())]
    values.append(np.array([getattr(world("sympy"), name)(row) for row in Z], float))
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=1e-12, atol=1e-14)


def test_autograd_never_differentiates_a_built_in_by_its_own_rule():
    worlds = []
    torch = world("torch")
    for derivative in (torch.slope, torch.curvature):
        derivative(lambda w, z: worlds.append(w) or w.sigmoid(z), torch.array(Z))
    for derivative in (torch.jacobian, torch.hessian):
        derivative(lambda w, z: worlds.append(w) or w.softmax(z)[..., :1], torch.array(Z))
    assert worlds == [elementary()] * 4


@numeric
def test_an_identity_is_found_true_or_false(backend):
    symbols = np.array(sympy.symbols("z1:4", real=True))
    for factor, holds in ((2, True), (2.001, False)):
        lab = Lab(None, backend)
        assert holds == lab.identity(
            "slope",
            "d/dz (z²) is a multiple of z",
            lambda w, z, factor=factor: (
                w.jacobian(lambda w, t: t**2, z),
                factor * z[..., None] * w.eye(3),
            ),
            symbols,
            Z,
            derivative=1,
            metric="error",
        )
        assert (lab.metrics["error"] <= lab.world.first) == holds
