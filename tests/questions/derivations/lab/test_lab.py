"""The bench of a derivation: a formula holds only if SymPy and every witness say so."""

import math
from types import SimpleNamespace

import pytest

from hw.questions.derivations.lab.lab import Lab


@pytest.mark.parametrize(
    ("proved", "errors", "holds"),
    [
        (True, {"differences": 1e-7}, True),
        (True, {"autograd": 1e-10}, True),
        (True, {"differences": 1e-7, "autograd": 1e-10}, True),
        (False, {"differences": 0.0, "autograd": 0.0}, False),
        (True, {"differences": 1e-5}, False),
        (True, {"differences": 0.0, "autograd": 1e-7}, False),
        (True, {"differences": math.nan}, False),
    ],
)
def test_a_formula_needs_its_proof_and_every_witness(proved, errors, holds):
    lab = Lab(SimpleNamespace(seed=0), "numpy")
    assert lab.formula("name", "a formula", proved, **errors) is holds
    (check,) = lab.outcome.checks
    assert (check.name, check.holds) == ("name", holds)
    assert ("central differences" in check.evidence) == ("differences" in errors)
