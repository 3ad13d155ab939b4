"""Metrics of the parameters alone."""

from __future__ import annotations

import numpy as np
import pytest

from hw.training.metrics import weight_unevenness


def test_unevenness_is_the_spread_of_sizes_in_units_of_their_mean() -> None:
    assert weight_unevenness({"a": np.array([[2.0, -2.0]]), "b": np.array([2.0])}) == 0
    assert weight_unevenness({"a": np.array([1.0, -3.0])}) == pytest.approx(0.5)
    assert weight_unevenness({"a": np.zeros(3)}) == 0
    rng = np.random.default_rng(0)
    exponential = {"a": rng.exponential(size=200_000)}
    # The error of a sample's coefficient of variation is about 1/√n here.
    assert weight_unevenness(exponential) == pytest.approx(1, abs=0.01)
    # Multiplied by a number, weights are as even as before, however small.
    scaled = {"a": 1e-3 * exponential["a"]}
    assert weight_unevenness(scaled) == pytest.approx(weight_unevenness(exponential), rel=1e-9)
