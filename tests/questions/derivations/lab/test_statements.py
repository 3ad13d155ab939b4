"""What the kinds that compute share: the exact test, the witnesses, and cheap imports."""

import subprocess
import sys

import numpy as np
import pytest

from hw.config.catalog import kinds
from hw.questions.derivations.lab import statements

KINDS = (
    "identities",
    "backprop",
    "parameter_counts",
    "critical_points",
    "relu_gradient",
    "capacity",
    "weight_update",
    "learning_rate_schedule",
)


def test_importing_a_kind_imports_nothing_heavy():
    code = (
        f"import sys, {', '.join(kinds()[kind] for kind in KINDS)}\n"
        "print(sorted({'torch', 'sympy', 'matplotlib', 'keras'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_vanishes():
    import sympy as sp

    x = sp.Symbol("x", real=True)
    assert statements.vanishes(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1)
    assert statements.vanishes(sp.Matrix([[x - x, 0]]), 0)
    assert not statements.vanishes(0, sp.Matrix([[0, x / 10**9]]))


def test_relative_error():
    assert statements.relative_error([0, 0], [0, 0]) == 0
    assert statements.relative_error([3, 4], [3, 5]) == pytest.approx(1 / np.sqrt(34))
    assert not statements.relative_error([np.nan], [1]) <= 1
    with pytest.raises(ValueError, match="shapes"):
        statements.relative_error([1.0], [[1.0]])


def test_largest_gap():
    assert statements.largest_gap([1, 2, 3], [1, 4, 3]) == 2
    assert not statements.largest_gap([np.nan, 0], [0, 0]) <= 1
    with pytest.raises(ValueError, match="shapes"):
        statements.largest_gap(1.0, [1.0, 1.0])


def test_central_difference():
    at = np.array([[1.0, -2.0], [0.5, 3.0]])
    found = statements.central_difference(lambda z: float((z**3).sum()), at)
    assert np.allclose(found, 3 * at**2, rtol=1e-9, atol=0)
    assert at.tolist() == [[1.0, -2.0], [0.5, 3.0]]


def test_log_slope():
    n = [1, 10, 100]
    assert statements.log_slope(n, [5 * v**1.5 for v in n]) == pytest.approx(1.5)
