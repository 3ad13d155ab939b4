"""A few trials of every kind; ``tests/trials.py`` makes all of them."""

from __future__ import annotations

from itertools import islice

import pytest
from trials import KINDS, Bench, without_drawing

FEW = 3
MORE = {"odd files": 6, "words": 20}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    with without_drawing():
        return Bench.build(tmp_path_factory.mktemp("trials"))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hangs_is_lost_or_a_defect(kind: str, bench: Bench) -> None:
    every = list(KINDS[kind](bench))
    step = max(1, len(every) // MORE.get(kind, FEW))
    # Not always the first of a group: a step that has no divisor in common with it.
    few = islice(every, 0, None, step + (step % 2 == 0))
    assert not {name: fault for name, trial in few if (fault := trial())}
