"""Two hidden units for a range of sums: against plain loops, at every corner, and by sabotage."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import support

from hw.errors import UsageError
from hw.questions.derivations.ist2023 import boolean_range as question
from hw.questions.derivations.ist2023.boolean_range import HALF, Network, Settings
from hw.questions.derivations.lab import separability as exact
from hw.questions.derivations.lab.lab import Lab
from hw.questions.derivations.lab.worlds import world
from hw.results.outcome import Outcome

SMALL: Settings = support.settings("ist2023.q3.boolean_range")
FAMILIES = {
    "published_sign": question.published_sign,
    "published_relu": question.published_relu,
    "doubled_sign": question.doubled(question.published_sign),
    "doubled_relu": question.doubled(question.published_relu),
    "margin_relu": question.margin_relu,
}


def verdicts(outcome: Outcome) -> dict[str, bool]:
    return {check.name: check.holds for check in outcome.checks}


def test_the_assignments_bound() -> None:
    """All D up to 10, as asked; the count of ranges is Σ (2D+1)(D+1), of inputs that times 2ᴰ."""
    outcome = question.compute(Settings(directions=1), None, "numpy")
    assert {n for n, holds in verdicts(outcome).items() if not holds} == {"weights_are_whole"}
    counts = {D: (2 * D + 1) * (D + 1) for D in range(1, 11)}
    assert outcome.metrics["networks"] == sum(counts.values())
    assert outcome.metrics["inputs_tried"] == sum(2**D * n for D, n in counts.items())


def by_loop(net: Network, x: tuple[Fraction, ...]) -> int:
    """The network's class with its weight matrix written out, in rational arithmetic."""
    hidden = []
    for w, b in zip(net.weights, net.biases, strict=True):
        z = sum(Fraction(w) * xi for xi in x) + b
        hidden.append((1 if z >= 0 else -1) if net.activation == "sign" else max(z, Fraction(0)))
    out = sum(w * h for w, h in zip(net.out_weights, hidden, strict=True)) + net.out_bias
    return 1 if out >= 0 else -1


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("D", [1, 2, 3])
def test_every_corner_of_the_perturbations(name: str, D: int) -> None:
    """x + e for every input x and every corner e of |e_i| ≤ δ, just below 1/(2D), and beyond it."""
    broken = 0
    below, above = (HALF / D + s * Fraction(1, 1000) for s in (-1, 1))
    for A, B in question.ranges(D):
        net = FAMILIES[name](A, B)
        beyond = 0
        for x in itertools.product((-1, 1), repeat=D):
            f = 1 if A <= sum(x) <= B else -1
            for corner in itertools.product((-1, 0, 1), repeat=D):
                near, far = (
                    tuple(a + delta * e for a, e in zip(x, corner, strict=True))
                    for delta in (below, above)
                )
                assert by_loop(net, near) == f
                beyond += by_loop(net, far) != f
        broken += beyond > 0
    assert broken == len(list(question.ranges(D))), "every network breaks beyond 1/(2D)"


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", FAMILIES)
def test_arrays_equal_loops(backend: str, name: str) -> None:
    X = question.all_inputs(3)
    found = question.classes(world(backend), FAMILIES[name], X)
    expected = [
        [by_loop(FAMILIES[name](A, B), tuple(Fraction(int(v)) for v in x)) for x in X]
        for A, B in question.ranges(3)
    ]
    np.testing.assert_array_equal(found, expected)
    assert len(set(map(tuple, expected))) > 1, "the ranges differ"


@pytest.mark.parametrize("name", [*FAMILIES, "bare_sign", "bare_relu"])
def test_cells_tell_the_class_of_any_sum(name: str) -> None:
    family = FAMILIES.get(name) or getattr(question, name)
    for A, B in question.ranges(3):
        net = family(A, B)
        for S in (Fraction(k, 12) for k in range(-60, 61)):
            inside = [
                cell
                for cell in net.cells
                if (cell.point and cell.low == S)
                or (
                    not cell.point
                    and (cell.low is None or cell.low < S)
                    and (cell.high is None or cell.high > S)
                )
            ]
            assert [cell.label for cell in inside] == [net.classify(S)]


def test_survival_is_open_or_closed_as_the_class() -> None:
    """A sum of class +1 is on its closed interval's side, one of class -1 is not."""
    net = question.published_sign(-1, 1)
    assert question.survival(net, 1) == (HALF, True)
    assert question.survival(net, 2) == (HALF, False)
    assert question.survival(net, 4) == (Fraction(5, 2), False)


def failed() -> set[str]:
    return {n for n, holds in verdicts(question.compute(SMALL, None, "numpy")).items() if not holds}


def test_a_wrong_bias_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(A: int, B: int) -> Network:
        return replace(question.published_sign(A, B), biases=(HALF - A, B - HALF))

    lab = Lab(SMALL, "numpy")
    question.part_b_or_c(lab, "sign", shifted)
    assert not verdicts(lab.outcome)["sign_network_computes_f"]


def test_thresholds_without_halves_are_found_fragile() -> None:
    lab = Lab(SMALL, "numpy")
    question.part_b_or_c(lab, "relu", question.bare_relu)
    found = verdicts(lab.outcome)
    assert found["relu_network_computes_f"]
    assert not found["relu_network_is_robust"]
    assert not found["relu_largest_perturbation"]


@pytest.mark.parametrize("part", ["sign", "relu"])
def test_another_output_bias_is_found(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a unit higher, (b) still computes f, but its output is no class; (c) does not."""
    published = question.PUBLISHED[part]

    def raised(A: int, B: int) -> Network:
        net = published(A, B)
        return replace(net, out_bias=net.out_bias + HALF)

    monkeypatch.setitem(question.PUBLISHED, part, raised)
    check = {"sign": "sign_output_is_class", "relu": "relu_output_is_zero_or_negative"}
    assert check[part] in failed()


def test_a_separable_function_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "target", lambda S, A, B: 1 if S >= A else -1)
    assert failed() >= {"four_points", "equals_xor", "not_linearly_separable"}


def test_the_range_of_the_figure_is_checked() -> None:
    with pytest.raises(UsageError, match="figure_low"):
        question.compute(replace(SMALL, figure_low=3), None, "numpy")


def test_separability_of_all_boolean_functions() -> None:
    """2, 3 variables have 14, 104 threshold functions (OEIS A000609)."""
    for D, expected in ((2, 14), (3, 104)):
        points = list(itertools.product((-1, 1), repeat=D))
        answers = [
            exact.separate(points, labels) for labels in itertools.product((-1, 1), repeat=2**D)
        ]
        assert sum(answer.separable for answer in answers) == expected
        assert all((a.plane is None) != (a.certificate is None) for a in answers)


def test_proofs_are_checked() -> None:
    points, labels = [(-1, -1), (-1, 1), (1, -1), (1, 1)], [-1, 1, 1, -1]
    assert exact.is_certificate(points, labels, (1, 1, 1, 1))
    assert not exact.is_certificate(points, labels, (1, 1, 1, 2))
    assert not exact.is_certificate(points, labels, (0, 0, 0, 0))
    assert not exact.is_certificate(points, [-1, -1, -1, 1], (1, 1, 1, 1))
    assert exact.is_plane(points, [-1, -1, -1, 1], (1, 1, -1))
    assert not exact.is_plane(points, labels, (1, 1, -1))
    assert not exact.is_plane(points, [-1, -1, -1, 1], (1, 1, -2)), "a point on the plane"
