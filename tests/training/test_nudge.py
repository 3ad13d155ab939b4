from __future__ import annotations

import numpy as np

from hw.training.nudge import nudged


def test_nudged_moves_every_entry_but_zeros_by_one_unit() -> None:
    p = {"w": np.array([1.0, -3.0, 0.0]), "f": np.array([1.0], np.float32)}
    moved = nudged(p)
    assert moved["f"].dtype == np.float32
    assert abs(moved["w"][0] - 1) in (2**-52, 2**-53)
    assert moved["w"][2] == 0
    assert (moved["w"][:2] != p["w"][:2]).all()
    assert abs(float(moved["f"][0]) - 1) in (2**-23, 2**-24)


def test_each_change_is_another_and_the_same_every_time() -> None:
    p = {"a": np.linspace(0.1, 1, 50)}
    first, second = nudged(p, 1), nudged(p, 2)
    assert (first["a"] != second["a"]).any()
    assert (nudged(p, 1)["a"] == first["a"]).all()
