"""The statistics against naive ones, and every verdict from evidence made by hand."""

from __future__ import annotations

import itertools
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_results import OTHER, STAND_IN, calibrate, curve, found, outcome, question, write

from hw.config import catalog
from hw.config.catalog import Question
from hw.datasets import hashes
from hw.results.outcome import Outcome
from hw.results.run_file import Entry
from hw.verdicts import Evidence, gather, judge, judge_all
from hw.verdicts.calibration import spans
from hw.verdicts.evidence import split_sizes
from hw.verdicts.finding import FAULTS, Finding, Verdict
from hw.verdicts.numbers import ordinal
from hw.verdicts.statistics import (
    Band,
    binomial_error,
    half_unit,
    mann_kendall,
    normal_factor,
    percentile,
    roughness,
    rounds_to,
    seeds_band,
    student_factor,
    turning_score,
    turns,
    variance_ratio,
    wilson,
)

RNG = np.random.default_rng(7)


class TestPrintedDigits:
    @pytest.mark.parametrize(
        ("value", "printed", "equal"),
        [
            (0.535, "0.54", True),  # a half goes either way
            (0.535, "0.53", True),
            (0.53500001, "0.53", False),
            (0.53499999, "0.54", False),
            (0.5349, "0.53", True),
            (107 / 200, "0.54", True),
            (0.4780, "0.4780", True),
            (0.47804, "0.4780", True),
            (0.47806, "0.4780", False),
            (0.0, "0", True),
            (-0.125, "-0.13", True),
            (1234.4, "1234", True),
            (0.00123, "1.2e-3", True),
            (1e300, "1e300", True),
        ],
    )
    def test_rounds_to(self, value: float, printed: str, equal: bool) -> None:
        assert rounds_to(value, printed) is equal

    @pytest.mark.parametrize("n", [529, 3000, 97])
    def test_every_count_rounds_to_what_python_prints(self, n: int) -> None:
        for k in range(n + 1):
            printed = f"{k / n:.4f}"
            assert rounds_to(k / n, printed)
            assert not rounds_to(k / n + 1.01e-4, printed)

    def test_half_unit(self) -> None:
        assert half_unit("0.54") == pytest.approx(0.005)
        assert half_unit("3") == 0.5


class TestStatistics:
    # Of the tables in any textbook.
    @pytest.mark.parametrize(
        ("level", "freedom", "factor"),
        [
            (0.95, 1, 12.706205),
            (0.95, 2, 4.302653),
            (0.95, 9, 2.262157),
            (0.99, 9, 3.249836),
            (0.99, 30, 2.749996),
            (0.95, 1001, 1.959964),
        ],
    )
    def test_student(self, level: float, freedom: int, factor: float) -> None:
        assert student_factor(level, freedom) == pytest.approx(factor, abs=1e-6)

    def test_normal(self) -> None:
        assert normal_factor(0.95) == pytest.approx(1.959963985, abs=1e-8)

    def test_binomial_error(self) -> None:
        p = (540 + 2) / 1004
        assert binomial_error(0.54, 1000) == pytest.approx(math.sqrt(p * (1 - p) / 1004))
        assert binomial_error(1.0, 1000) > 0
        # Against draws: 4000 shares of 300 examples.
        shares = RNG.binomial(300, 0.6, 4000) / 300
        assert binomial_error(0.6, 300) == pytest.approx(float(shares.std()), rel=0.05)

    def test_wilson_solves_its_equation(self) -> None:
        for k, n in ((9, 10), (0, 5), (5, 5), (17, 40)):
            for p in wilson(k, n, 0.95):
                assert (k / n - p) ** 2 == pytest.approx(
                    normal_factor(0.95) ** 2 * p * (1 - p) / n, abs=1e-12
                )
        assert wilson(9, 10, 0.95)[0] > 0.5 > wilson(8, 10, 0.95)[0]
        assert wilson(4, 4, 0.95)[0] > 0.5 > wilson(3, 3, 0.95)[0]

    def test_percentile_is_the_middle_rank(self) -> None:
        for _ in range(50):
            values = list(RNG.integers(0, 6, 9) / 10)
            x = float(RNG.integers(0, 6)) / 10
            naive = 100 * statistics.fmean(0.5 if v == x else float(v < x) for v in values)
            assert percentile(values, x, x) == pytest.approx(naive)
        # A rounded number may be above or below what it rounds.
        assert percentile([0.51, 0.534, 0.536, 0.56], 0.53, 0.54) == 50

    def test_roughness_ignores_the_slow_course(self) -> None:
        t = np.arange(400)
        noise = RNG.normal(0, 0.1, 400)
        assert roughness(list(noise + 0.01 * t)) == pytest.approx(0.1, rel=0.15)
        assert roughness([5.0 * i for i in range(20)]) == 0
        assert statistics.stdev(noise + 0.01 * t) > 0.5

    def test_mann_kendall_against_all_orders(self) -> None:
        """Over every order of six values, mean 0 and standard deviation 1 (but for its step)."""
        sums = []
        for order in itertools.permutations(range(6)):
            z = mann_kendall(order)
            total = sum(np.sign(b - a) for a, b in itertools.combinations(order, 2))
            sums.append(float(total))
            assert z == pytest.approx((total - np.sign(total)) / math.sqrt(6 * 5 * 17 / 18))
        assert statistics.pvariance(sums) == pytest.approx(6 * 5 * 17 / 18)

    def test_mann_kendall_on_the_edge(self) -> None:
        assert mann_kendall([]) == mann_kendall([1, 2]) == mann_kendall([3, 3, 3, 3]) == 0
        assert mann_kendall([1, 2, 2, 3, 4]) == -mann_kendall([4, 3, 2, 2, 1]) > 1.9

    def test_turns(self) -> None:
        assert turns([1, 3, 2, 2, 5, 4]) == [3, 5]
        assert turns([1, 2, 3]) == []
        scores = [turning_score(list(RNG.normal(size=50))) for _ in range(300)]
        assert abs(statistics.fmean(scores)) < 0.2
        assert statistics.stdev(scores) == pytest.approx(1, abs=0.15)
        assert turning_score(range(50)) < -10

    def test_prediction_interval_holds_one_more_in_99_of_100(self) -> None:
        hits = 0
        for _ in range(2000):
            *seeds, one_more = RNG.normal(0.5, 0.01, 6)
            mean, sd = statistics.fmean(seeds), statistics.stdev(seeds)
            hits += seeds_band(mean, sd, 5, "calibration", "").holds(one_more)
        assert 0.98 < hits / 2000 < 0.998

    def test_a_ratio_of_variances_lies_in_its_interval_in_95_of_100(self) -> None:
        hits = 0
        for _ in range(1000):
            a, b = RNG.normal(0, 3, 12), RNG.normal(0, 2, 15)
            ratio, low, high = variance_ratio(a.tolist(), b.tolist())
            assert ratio == pytest.approx(a.var(ddof=1) / b.var(ddof=1))
            hits += low <= 9 / 4 <= high
        assert 0.92 < hits / 1000 < 0.98

    def test_nothing_scatters(self) -> None:
        band = seeds_band(0.5, 0.0, 4, "calibration", "", [0.5] * 4)
        assert band.holds(0.5)
        assert not band.holds(0.5001)
        assert band.holds(0.5001, slack=0.0005)
        assert band.deviations(0.5) == 0
        assert band.deviations(0.4) == -math.inf

    def test_words(self) -> None:
        assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 100)] == [
            *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "100th")
        ]
        assert spans([3, 1, 2, 7, 9, 10]) == "1..3, 7, 9, 10"


@pytest.mark.parametrize(
    ("name", "view", "sizes"),
    [
        ("intel-landscapes", "ist2024", (12630, 1404, 3000)),
        ("octmnist", "ist2023", (97477, 10832, 529)),
        ("fashion-mnist", "ist2021", (50000, 10000, 10000)),
        ("cifar-10", "ift6390", (40000, 10000, 10000)),
        ("ames", "ist2021", (1465, None, 1465)),
        ("mnist", "e1394-scratch", (800, 200, None)),
        ("mnist", "e1394-torch", (1000, 1000, None)),
    ],
)
def test_split_sizes(name: str, view: str, sizes: tuple[int | None, ...]) -> None:
    found = split_sizes(name, view)
    assert tuple(found.get(s) for s in ("train", "validation", "test")) == sizes


# Verdicts. A question of two variants, on landscapes: test n = 3000, validation n = 1404.


def flat(value: float, swing: float = 0.0, epochs: int = 20) -> list[float]:
    """A curve about a value, up and down by ``swing``."""
    return [value + swing * (-1) ** t for t in range(epochs)]


VALUE = {"metric": "test_accuracy", "variant": "a", "value": "0.54"}


class TestValues:
    def test_exact(self) -> None:
        assert found(VALUE, {"a": outcome({"test_accuracy": 0.536})}).verdict is Verdict.EXACT

    def test_binomial_error_and_swing(self) -> None:
        run = outcome({"test_accuracy": 0.52}, curve(flat(0.5, 0.01)))
        answer = found(VALUE, {"a": run})
        assert answer.verdict is Verdict.CLOSE
        assert answer.basis == "binomial and swing"
        swing = statistics.stdev([0.01, -0.01] * 5)
        width = normal_factor(0.99) * math.hypot(binomial_error(0.52, 3000), math.sqrt(2) * swing)
        low, high = answer.numbers["band"]
        assert (high - low) / 2 == pytest.approx(width)
        assert "n = 3000" in answer.evidence
        assert "validation_accuracy over the last ten epochs" in answer.evidence

    def test_differs(self) -> None:
        run = outcome({"test_accuracy": 0.45}, curve(flat(0.5, 0.001)))
        assert found(VALUE, {"a": run}).verdict is Verdict.DIFFERS

    def test_rounding_counts_for_the_published_number(self) -> None:
        assert 0.022 < normal_factor(0.99) * binomial_error(0.503, 3000) < 0.0265
        run = {"a": outcome({"test_accuracy": 1509 / 3000})}
        assert found({**VALUE, "value": "0.53"}, run).verdict is Verdict.CLOSE
        assert found({**VALUE, "value": "0.530"}, run).verdict is Verdict.DIFFERS

    def test_other_sizes_give_no_binomial_error(self) -> None:
        # 0.5123 is no whole number of 3000 images, so that the file has another number of them.
        answer = found(VALUE, {"a": outcome({"test_accuracy": 0.51234}, curve(flat(0.5, 0.001)))})
        assert answer.basis == "swing"
        assert answer.verdict is Verdict.DIFFERS

    def test_a_band_of_its_own(self) -> None:
        claim = {**VALUE, "band": 0.1}
        assert found(claim, {"a": outcome({"test_accuracy": 0.45})}).verdict is Verdict.CLOSE
        assert found(claim, {"a": outcome({"test_accuracy": 0.43})}).verdict is Verdict.DIFFERS

    def test_nothing_tells_how_far_it_scatters(self) -> None:
        claim = {"metric": "train_loss", "variant": "a", "value": "0.1"}
        assert found(claim, {"a": outcome({"train_loss": 0.2})}).verdict is Verdict.DIFFERS

    def test_other_data(self) -> None:
        answer = found(VALUE, {"a": outcome({"test_accuracy": 0.3})}, published=False)
        assert answer.verdict is Verdict.OTHER_DATA
        assert answer.numbers["would_be"] == "differs"
        close = found(VALUE, {"a": outcome({"test_accuracy": 0.53})}, published=False)
        assert close.verdict is Verdict.CLOSE

    def test_stand_in_is_never_judged(self) -> None:
        answer = found(VALUE, {"a": outcome({"test_accuracy": 0.54})}, source="stand-in")
        assert answer.verdict is Verdict.STAND_IN

    def test_not_run(self) -> None:
        assert found(VALUE, {}, problem="not run").verdict is Verdict.NOT_RUN
        assert found(VALUE, {"b": outcome()}).verdict is Verdict.NOT_RUN
        assert found(VALUE, {"a": outcome()}).verdict is Verdict.NOT_RUN

    def test_divergence_differs(self) -> None:
        run = outcome({"diverged": 1, "diverged_epoch": 3})
        assert found(VALUE, {"a": run}).verdict is Verdict.DIFFERS

    def test_no_count_prints_so(self) -> None:
        claim = {**VALUE, "value": "0.7208", "count": 529}
        answer = found(claim, {}, problem="not run")
        assert answer.verdict is Verdict.ERRATUM
        assert "381/529 = 0.7202, 382/529 = 0.7221" in answer.evidence

    def test_erratum(self) -> None:
        claim = {**VALUE, "erratum": "no", "kind": "wrong"}
        assert found(claim, {"a": outcome({"test_accuracy": 0.3})}).verdict is Verdict.ERRATUM
        assert found(claim, {"a": outcome({"test_accuracy": 0.54})}).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        ({"low": 0.5}, Verdict.HOLDS),
        ({"low": 0.55, "high": 0.6}, Verdict.HOLDS),
        ({"low": 0.61}, Verdict.CLOSE),
        ({"low": 0.9}, Verdict.DIFFERS),
        ({"high": 0.35}, Verdict.DIFFERS),
        ({"low": 0.45, "epochs": "most"}, Verdict.HOLDS),
        ({"low": 0.56, "epochs": "most"}, Verdict.DIFFERS),
        ({"low": 0.2, "epochs": "all"}, Verdict.HOLDS),
        ({"low": 0.4, "epochs": "all"}, Verdict.DIFFERS),
        ({"low": 0.59, "epochs": "some"}, Verdict.HOLDS),
        ({"low": 0.7, "epochs": "some"}, Verdict.DIFFERS),
        ({"low": 0.59, "epochs": "several"}, Verdict.HOLDS),
        ({"high": 0.5, "epochs": "several"}, Verdict.DIFFERS),  # so before the last ten epochs
    ],
)
def test_ranges(item: dict[str, Any], verdict: Verdict) -> None:
    values = [0.3] * 5 + [0.5] * 6 + [842 / 1404] * 10  # 0.5997
    claim = {"metric": "validation_accuracy", "variant": "a", **item}
    assert found(claim, {"a": outcome(history=curve(values))}).verdict is verdict


@pytest.mark.parametrize("peaks", [1, 2])
def test_one_epoch_is_not_several(peaks: int) -> None:
    values = [0.3] * (20 - peaks) + [0.9] * peaks
    claim = {"metric": "train_loss", "variant": "a", "low": 0.8, "epochs": "several"}
    history = {"epoch": list(range(1, 21)), "train_loss": values}
    verdict = found(claim, {"a": outcome(history=history)}).verdict
    assert (verdict is Verdict.HOLDS) == (peaks > 1)


class TestStatements:
    def test_holds(self) -> None:
        answer = found({"check": "x"}, {"a": outcome(checks={"x": True})})
        assert (answer.verdict, answer.evidence) == (Verdict.HOLDS, "evidence of x")

    def test_false_statement_differs(self) -> None:
        assert found({"check": "x"}, {"a": outcome(checks={"x": False})}).verdict is (
            Verdict.DIFFERS
        )
        ours = {"check": "x", "ours": True}
        assert found(ours, {"a": outcome(checks={"x": False})}).verdict is Verdict.DIFFERS

    def test_one_variant_is_enough_to_make_it_false(self) -> None:
        both = {"a": outcome(checks={"x": True}), "b": outcome(checks={"x": False})}
        assert found({"check": "x"}, both).verdict is Verdict.DIFFERS

    def test_erratum_has_both_evidences(self) -> None:
        answer = found(
            {"check": "x", "erratum": "the sign", "kind": "wrong"},
            {"a": outcome(checks={"x": False})},
        )
        assert answer.verdict is Verdict.ERRATUM
        assert answer.evidence == "evidence of x; the sign"

    def test_erratum_that_holds(self) -> None:
        answer = found(
            {"check": "x", "erratum": "the sign", "kind": "wrong"},
            {"a": outcome(checks={"x": True})},
        )
        assert answer.verdict is Verdict.DIFFERS

    def test_missing_check(self) -> None:
        assert found({"check": "x"}, {"a": outcome()}).verdict is Verdict.NOT_RUN

    def test_slip_of_wording(self) -> None:
        claim = {"form": "a for b", "erratum": "b is right", "kind": "slip"}
        answer = found(claim, {}, problem="not run")
        assert (answer.verdict, answer.evidence) == (Verdict.SLIP, "b is right")


ORDER = {"order": "validation_accuracy", "higher": "a", "lower": "b"}


class TestOrders:
    @pytest.mark.parametrize(
        ("a", "b", "swing", "verdict"),
        [
            (0.6, 0.5, 0.01, Verdict.SUPPORTED),
            (0.5, 0.6, 0.01, Verdict.CONTRADICTED),
            (709 / 1404, 0.5, 0.0, Verdict.NOT_SUPPORTED),  # less than the binomial error
            (0.5, 709 / 1404, 0.0, Verdict.NOT_SUPPORTED),
        ],
    )
    def test_one_run(self, a: float, b: float, swing: float, verdict: Verdict) -> None:
        runs = {"a": outcome(history=curve(flat(a, swing))), "b": outcome(history=curve(flat(b)))}
        assert found(ORDER, runs).verdict is verdict

    def test_common_swings_do_not_count(self) -> None:
        t = RNG.normal(0, 0.05, 20)
        runs = {
            "a": outcome(history=curve(list(0.55 + t))),
            "b": outcome(history=curve(list(0.5 + t))),
        }
        assert found(ORDER, runs).verdict is Verdict.SUPPORTED
        runs["b"] = outcome(history=curve(list(0.5 - t)))
        assert found(ORDER, runs).verdict is Verdict.NOT_SUPPORTED

    def test_not_one_last_epoch(self) -> None:
        # The last epoch has it the other way round.
        runs = {
            "a": outcome(history=curve([*flat(0.6, epochs=19), 0.5])),
            "b": outcome(history=curve(flat(0.51))),
        }
        answer = found(ORDER, runs)
        assert answer.verdict is Verdict.SUPPORTED
        assert answer.ours.startswith("0.0800 ±")

    def test_metric_at_the_end_swings_as_validation_does(self) -> None:
        claim = {**ORDER, "order": "test_accuracy"}
        for swing, verdict in ((0.0, Verdict.SUPPORTED), (0.2, Verdict.NOT_SUPPORTED)):
            runs = {
                "a": outcome({"test_accuracy": 0.6}, curve(flat(0.5, swing))),
                "b": outcome({"test_accuracy": 0.5}, curve(flat(0.5))),
            }
            assert found(claim, runs).verdict is verdict

    def test_factor(self) -> None:
        claim = {"order": "weight_norm", "higher": "a", "lower": "b", "factor": 2}
        for a, verdict in (
            (3.0, Verdict.SUPPORTED),
            (1.5, Verdict.NOT_SUPPORTED),  # above, but not twice as high
            (0.5, Verdict.CONTRADICTED),
        ):
            runs = {
                "a": outcome(history=curve(flat(a, 0.01), "weight_norm")),
                "b": outcome(history=curve(flat(1.0, 0.01), "weight_norm")),
            }
            assert found(claim, runs).verdict is verdict

    def test_minus(self) -> None:
        claim = {**ORDER, "order": "validation_loss", "minus": "train_loss"}

        def run(gap: float) -> Outcome:
            loss = curve(flat(1.0, 0.01), "train_loss")
            return outcome(history=loss | curve(flat(1.0 + gap, 0.01), "validation_loss"))

        assert found(claim, {"a": run(0.5), "b": run(0.1)}).verdict is Verdict.SUPPORTED
        assert found(claim, {"a": run(0.1), "b": run(0.5)}).verdict is Verdict.CONTRADICTED

    def test_the_worst_pair_decides(self) -> None:
        asked = question({**ORDER, "lower": "others"}, variants=("a", "b", "c"))
        runs = {
            v: outcome(history=curve(flat(x))) for v, x in zip("abc", (0.6, 0.5, 0.4), strict=True)
        }
        answer = judge(asked.claims[0], Evidence(asked, runs, source="real"))
        assert answer.verdict is Verdict.SUPPORTED
        assert answer.evidence.startswith("a − b:")
        assert len(answer.numbers["pairs"]) == 2
        runs["c"] = outcome(history=curve(flat(0.7)))
        answer = judge(asked.claims[0], Evidence(asked, runs, source="real"))
        assert answer.verdict is Verdict.CONTRADICTED
        assert answer.evidence.startswith("a − c:")

    def test_divergence_is_worse_than_anything(self) -> None:
        runs = {
            "a": outcome(history=curve(flat(0.5))),
            "b": outcome({"diverged": 1, "diverged_epoch": 1}),
        }
        assert found(ORDER, runs).verdict is Verdict.SUPPORTED
        assert found({**ORDER, "higher": "b", "lower": "a"}, runs).verdict is Verdict.CONTRADICTED
        loss = {**ORDER, "order": "train_loss", "higher": "b", "lower": "a"}
        runs["a"] = outcome(history=curve(flat(0.5), "train_loss"))
        assert found(loss, runs).verdict is Verdict.SUPPORTED
        runs["a"] = runs["b"]
        assert found(loss, runs).verdict is Verdict.NOT_SUPPORTED

    def test_early_stopping_ends_at_its_best_epoch(self) -> None:
        claim = {**ORDER, "order": "accuracy_gap"}
        runs = {
            "a": outcome(history=curve(flat(0.3), "accuracy_gap")),
            "b": outcome(
                {"accuracy_gap": 0.05, "best_epoch": 3},
                curve([0.05, 0.05, 0.05, 0.5, 0.5, 0.5], "accuracy_gap"),
            ),
        }
        runs["b"].metrics["accuracy_gap"] = 0.05
        answer = found(claim, runs)
        assert answer.numbers["pairs"][0]["difference"] == pytest.approx(0.25)

    def test_several_seeds_of_its_own(self) -> None:
        def seeds(mean: float, sd: float) -> Outcome:
            return outcome(
                {
                    "n_seeds": 3,
                    "validation_accuracy": mean,
                    "validation_accuracy_mean": mean,
                    "validation_accuracy_std": sd,
                }
            )

        answer = found(ORDER, {"a": seeds(0.5, 0.004), "b": seeds(0.47, 0.004)})
        assert (answer.verdict, answer.basis) == (Verdict.SUPPORTED, "seeds")
        # Equal deviations: Welch's freedom is 2 (n - 1).
        half = student_factor(0.95, 4) * math.sqrt(2 * 0.004**2 / 3)
        assert answer.numbers["pairs"][0]["half_width"] == pytest.approx(half)
        wide = {"a": seeds(0.5, 0.02), "b": seeds(0.47, 0.02)}
        assert found(ORDER, wide).verdict is Verdict.NOT_SUPPORTED


RISING = [0.4 + t / 100 for t in range(20)]
ZIGZAG_UP = [value + (t % 2) / 20 for t, value in enumerate(RISING)]


@pytest.mark.parametrize(
    ("values", "item", "verdict"),
    [
        (RISING, {"direction": "rising"}, Verdict.SUPPORTED),
        (RISING, {"direction": "falling"}, Verdict.CONTRADICTED),
        (flat(0.5, 0.01), {"direction": "rising"}, Verdict.NOT_SUPPORTED),
        (RISING[:3], {"direction": "rising"}, Verdict.NOT_SUPPORTED),  # too few to tell
        # Rises, then falls: what is said of the end is not said of the whole.
        (RISING + RISING[::-1], {"direction": "falling"}, Verdict.SUPPORTED),
        (RISING + RISING[::-1], {"direction": "rising", "until": 20}, Verdict.SUPPORTED),
        (RISING + RISING[::-1], {"direction": "rising", "since": 1}, Verdict.NOT_SUPPORTED),
        (flat(0.5, 0.02), {"direction": "oscillating", "since": 1}, Verdict.SUPPORTED),
        (RISING, {"direction": "oscillating", "since": 1}, Verdict.CONTRADICTED),
        # Less often than noise, and yet at every second epoch for certain.
        ([0.5, 0.6, 0.7, 0.6] * 15, {"direction": "oscillating", "since": 1}, Verdict.SUPPORTED),
        ([0.5, 0.6, 0.5], {"direction": "oscillating", "since": 1}, Verdict.NOT_SUPPORTED),
        (ZIGZAG_UP, {"direction": "oscillating", "since": 1}, Verdict.SUPPORTED),
        (
            ZIGZAG_UP,
            {"direction": "oscillating", "trendless": True, "since": 1},
            Verdict.NOT_SUPPORTED,
        ),
        (
            flat(0.5, 0.02),
            {"direction": "oscillating", "trendless": True, "since": 1},
            Verdict.SUPPORTED,
        ),
        (flat(0.5, 1e-6), {"direction": "oscillating", "since": 1}, Verdict.CONTRADICTED),
        (
            flat(0.5, 0.02),
            {"direction": "oscillating", "since": 1, "amplitude": 0.05},
            Verdict.SUPPORTED,
        ),
        (
            flat(0.5, 0.1),
            {"direction": "oscillating", "since": 1, "amplitude": 0.05},
            Verdict.NOT_SUPPORTED,
        ),
        (flat(0.5, 0.005), {"direction": "steady", "amplitude": 0.01}, Verdict.SUPPORTED),
        (flat(0.5, 0.02), {"direction": "steady", "amplitude": 0.01}, Verdict.CONTRADICTED),
        (
            [0.5] * 12 + [0.6, 0.5, 0.6, 0.5],
            {"direction": "steady", "amplitude": 0.01},
            Verdict.NOT_SUPPORTED,
        ),
        ([0.5], {"direction": "steady"}, Verdict.NOT_SUPPORTED),
        (RISING, {"direction": "rising", "since": 50}, Verdict.NOT_RUN),
    ],
)
def test_trends(values: list[float], item: dict[str, Any], verdict: Verdict) -> None:
    claim = {"trend": "validation_accuracy", "variant": "a", **item}
    assert found(claim, {"a": outcome(history=curve(values))}).verdict is verdict


def test_a_loss_that_rises_has_no_downward_trend_either() -> None:
    claim = {"trend": "train_loss", "variant": "a", "direction": "oscillating", "since": 1}
    for values, verdict in (
        (ZIGZAG_UP, Verdict.SUPPORTED),
        (ZIGZAG_UP[::-1], Verdict.NOT_SUPPORTED),
    ):
        runs = {"a": outcome(history=curve(values, "train_loss"))}
        assert found({**claim, "trendless": True}, runs).verdict is verdict


def losses(*values: float) -> Outcome:
    return outcome(history=curve(values, "train_loss"))


CROSSING = {"crossing": "train_loss", "variant": "a", "reference": "b", "epoch": 5, "within": 1}
RATIO = {"time_ratio": 2, "slower": "a", "faster": "b"}


class TestEpochs:
    def test_crossing(self) -> None:
        slow = losses(*[2 - t / 20 for t in range(20)])  # ends at 1.05
        for quick, verdict in (
            ([2.0, 1.8, 1.5, 1.2, 1.0, 0.9], Verdict.SUPPORTED),
            ([2.0, 1.0, *[0.9 - t / 50 for t in range(18)]], Verdict.CONTRADICTED),
            ([2 - t / 50 for t in range(20)], Verdict.CONTRADICTED),  # never
        ):
            answer = found(CROSSING, {"a": losses(*quick), "b": slow})
            assert answer.verdict is verdict, quick

    def test_crossing_within_the_noise(self) -> None:
        noisy = losses(*flat(1.0, 0.2))
        quick = losses(2.0, 1.9, 1.3, 1.2, 1.1, 1.0, 0.9, 0.7)
        assert found(CROSSING, {"a": quick, "b": noisy}).verdict is Verdict.NOT_SUPPORTED

    @pytest.mark.parametrize(
        ("values", "verdict"),
        [
            ([3, 2, 1, 2, 3, 4, 5, 6], Verdict.CONTRADICTED),
            ([3, 2.5, 2, 1.5, 1, 2, 3, 4], Verdict.SUPPORTED),
            ([1.00, 1.02, 1.0, 1.02, 1.01, 1.03, 1.01, 1.02], Verdict.NOT_SUPPORTED),
        ],
    )
    def test_best(self, values: list[float], verdict: Verdict) -> None:
        claim = {"best": "train_loss", "variant": "a", "epoch": 5, "within": 1}
        assert found(claim, {"a": losses(*values)}).verdict is verdict

    def test_an_accuracy_is_best_where_it_is_highest(self) -> None:
        claim = {"best": "validation_accuracy", "variant": "a", "epoch": 3, "within": 0}
        run = outcome(history=curve([0.1, 0.2, 0.5, 0.2]))
        assert found(claim, {"a": run}).verdict is Verdict.SUPPORTED


class TestTimes:
    @pytest.mark.parametrize(
        ("slower", "verdict"),
        [(2.1, Verdict.SUPPORTED), (1.7, Verdict.SUPPORTED), (1.1, Verdict.NOT_SUPPORTED)],
    )
    def test_ratio(self, slower: float, verdict: Verdict) -> None:
        # The median: the first epoch may have to wait for something.
        entries = {
            "a": Entry(epoch_seconds=(9.0, slower, slower)),
            "b": Entry(epoch_seconds=(1.0, 1.0, 1.0)),
        }
        runs = {"a": outcome(), "b": outcome()}
        assert found(RATIO, runs, entries=entries).verdict is verdict

    @pytest.mark.parametrize("seconds", [None, [], "1", [None], [0.0], ["x", float("nan")]])
    def test_no_times(self, seconds: Any) -> None:
        entries = {
            "a": Entry.from_json({"epoch_seconds": seconds}),
            "b": Entry(epoch_seconds=(1.0,)),
        }
        runs = {"a": outcome(), "b": outcome()}
        assert found(RATIO, runs, entries=entries).verdict is Verdict.NOT_RUN


# On folders


ID = "ist2024.q1.logistic_regression"


def seeds(
    plain: float, l2: float, n: int = 10, swing: float = 0.01
) -> dict[int, dict[str, Outcome]]:
    """Runs of both variants with seeds 1 to n, apart by luck."""
    luck = np.random.default_rng(3).normal(0, swing, (n, 2))

    def one(value: float) -> Outcome:
        return outcome({"test_accuracy": round(value * 3000) / 3000}, curve(flat(value, 0.001)))

    return {s + 1: {"plain": one(plain + a), "l2": one(l2 + b)} for s, (a, b) in enumerate(luck)}


def verdicts(results: Path, name: str = ID) -> dict[str, Finding]:
    """By statement."""
    return {j.published: j.finding for j in judge_all(gather(catalog.find(name), results))}


class TestCalibrated:
    def test_values_are_judged_by_seeds(self, tmp_path: Path) -> None:
        runs = seeds(0.46, 0.45)
        write(tmp_path, ID, runs[1])
        calibrate(tmp_path, ID, runs)
        mine = verdicts(tmp_path)
        close = mine["plain: test_accuracy = 0.46"]
        assert close.verdict in (Verdict.CLOSE, Verdict.EXACT)
        values = [r["plain"].metrics["test_accuracy"] for r in runs.values()]
        assert close.numbers["percentile"] == pytest.approx(percentile(values, 0.455, 0.465))
        far = mine["l2: test_accuracy = 0.51"]
        assert (far.verdict, far.basis) == (Verdict.DIFFERS, "calibration")
        assert far.evidence.startswith("10 seeds: 0.4")
        assert "100th percentile" in far.evidence
        mean = statistics.fmean(r["l2"].metrics["test_accuracy"] for r in runs.values())
        sd = statistics.stdev(r["l2"].metrics["test_accuracy"] for r in runs.values())
        expected = (0.51 - mean) / (sd * math.sqrt(1.1))
        assert far.numbers["deviations"] == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("l2", "verdict"),
        [
            (0.50, Verdict.SUPPORTED),
            (0.463, Verdict.NOT_SUPPORTED),
            (0.42, Verdict.CONTRADICTED),
        ],
    )
    def test_conclusions_are_judged_over_seeds(
        self, l2: float, verdict: Verdict, tmp_path: Path
    ) -> None:
        runs = seeds(0.46, l2)
        write(tmp_path, ID, runs[1])
        calibrate(tmp_path, ID, runs)
        answer = verdicts(tmp_path)["with the penalty, validation accuracy ends higher"]
        assert (answer.verdict, answer.basis) == (verdict, "calibration")
        differences = [
            statistics.fmean(r["l2"].history["validation_accuracy"][-10:])
            - statistics.fmean(r["plain"].history["validation_accuracy"][-10:])
            for r in runs.values()
        ]
        pair = answer.numbers["pairs"][0]
        assert pair["difference"] == pytest.approx(statistics.fmean(differences))
        half = student_factor(0.95, 9) * statistics.stdev(differences) / math.sqrt(10)
        assert pair["half_width"] == pytest.approx(half)

    def test_curves_are_judged_on_every_seed(self, tmp_path: Path) -> None:
        question = "ist2024.q2.logistic_regression"
        oscillating = outcome(history=curve(flat(5, 1.0), "validation_loss"))
        smooth = outcome(history=curve([2 - t / 30 for t in range(20)], "validation_loss"))
        text = "at 0.1 the loss oscillates and has no downward trend"
        runs = {s: {"lr-0.1": oscillating if s < 10 else smooth} for s in range(1, 11)}
        write(tmp_path, question, {"lr-0.1": smooth})
        calibrate(tmp_path, question, runs)
        answer = verdicts(tmp_path, question)[text]
        assert answer.verdict is Verdict.SUPPORTED
        assert answer.evidence.startswith("in 9 of 10 seeds, the opposite in 1; the run:")
        runs = {s: {"lr-0.1": oscillating if s < 6 else smooth} for s in range(1, 11)}
        calibrate(tmp_path, question, runs)
        assert verdicts(tmp_path, question)[text].verdict is Verdict.NOT_SUPPORTED

    def test_calibration_of_other_data_is_not_used(self, tmp_path: Path) -> None:
        write(tmp_path, ID, seeds(0.46, 0.51)[1])
        calibrate(tmp_path, ID, seeds(0.46, 0.51), OTHER)
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.calibration is None
        assert "calibration not used, for other data" in evidence.notes[0]

    def test_calibration_of_older_code_is_used_and_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, ID, seeds(0.46, 0.51)[1])
        calibrate(tmp_path, ID, seeds(0.46, 0.51))
        monkeypatch.setattr("hw.results.fingerprint.code_digest", lambda *_: "another")
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.calibration is not None
        assert any("calibration is older than the code" in n for n in evidence.notes)


class TestFolders:
    def test_provenance_and_stand_ins(self, tmp_path: Path) -> None:
        runs = seeds(0.3, 0.3)[1]
        recognised = {**OTHER, "provenance": hashes.RECOGNISED}
        for data, verdict in (
            (OTHER, Verdict.OTHER_DATA),
            (STAND_IN, Verdict.STAND_IN),
            (recognised, Verdict.DIFFERS),
        ):
            write(tmp_path, ID, runs, data)
            mine = verdicts(tmp_path)
            assert mine["plain: test_accuracy = 0.46"].verdict is verdict

    def test_changed_settings_are_not_the_question_as_configured(self, tmp_path: Path) -> None:
        folder = write(tmp_path, ID, seeds(0.46, 0.51)[1])
        path = folder.path / "config.yaml"
        path.write_text(path.read_text().replace("epochs: 100", "epochs: 3", 1))
        evidence = gather(catalog.find(ID), tmp_path)
        assert len(evidence.stale) == 1
        assert "settings have changed" in evidence.notes[0]
        assert Verdict.NOT_RUN in {j.verdict for j in judge_all(evidence)}

    def test_a_setting_that_did_not_exist_then(self, tmp_path: Path) -> None:
        folder = write(tmp_path, ID, seeds(0.46, 0.51)[1])
        path = folder.path / "config.yaml"
        lines = path.read_text().splitlines(keepends=True)
        # At its default, it changes nothing; the penalty is one that the variants set.
        for key, stale in (("proximal_every", 0), ("l2_penalty", 2)):
            path.write_text("".join(line for line in lines if key not in line))
            assert len(gather(catalog.find(ID), tmp_path).stale) == stale

    @pytest.mark.parametrize("text", ["", "a: [", "3", "variants: 3", "variants: {plain: 3}"])
    def test_damaged_config_is_no_change(self, text: str, tmp_path: Path) -> None:
        folder = write(tmp_path, ID, seeds(0.46, 0.51)[1])
        (folder.path / "config.yaml").write_text(text)
        assert not gather(catalog.find(ID), tmp_path).stale

    def test_variants_that_did_not_run(self, tmp_path: Path) -> None:
        write(tmp_path, ID, {"plain": outcome({"test_accuracy": 0.46})})
        mine = verdicts(tmp_path)
        assert mine["plain: test_accuracy = 0.46"].verdict is Verdict.EXACT
        assert mine["l2: test_accuracy = 0.51"].verdict is Verdict.NOT_RUN

    @pytest.mark.parametrize("name", ["metrics.json", "history.json", "run.json", "checks.json"])
    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "3", "null", '{"plain": 3}', '{"status": "done", "data": 7}', "[" * 9999],
    )
    def test_damaged_folder_is_no_result(self, name: str, text: str, tmp_path: Path) -> None:
        folder = write(tmp_path, ID, seeds(0.46, 0.51)[1])
        (folder.path / name).write_text(text)
        evidence = gather(catalog.find(ID), tmp_path)
        assert all("\n" not in note for note in evidence.notes)
        assert judge_all(evidence)

    @pytest.mark.parametrize(
        "text",
        [
            "", "{", "[]", "null", "{}",
            '{"seeds": ["x"], "variants": {}, "folders": {}, "depends_on": {}, "data": null}',
            '{"seeds": [1], "variants": {"a": {"m": {"last": {"1": "x"}}}}, "folders": {},'
            ' "depends_on": {}, "data": null}',
            '{"seeds": [1], "variants": {"a": {"m": {"last": {"1": 1e999}}}}, "folders": {},'
            ' "depends_on": {}, "data": null}',
            '{"seeds": [1], "variants": {}, "folders": {"1": "../../x"}, "depends_on": {},'
            ' "data": null}',
        ],
    )  # fmt: skip
    def test_damaged_calibration_is_said_and_not_used(self, text: str, tmp_path: Path) -> None:
        folder = write(tmp_path, ID, seeds(0.46, 0.51)[1])
        (folder.path / "calibration.json").write_text(text)
        evidence = gather(catalog.find(ID), tmp_path)
        assert evidence.calibration is None
        assert len(evidence.notes) == 1
        assert "calibration.json" in evidence.notes[0]


# Keys of claims that hold a metric.
METRIC_KEYS = {"metric", "order", "minus", "trend", "crossing", "best", "record", "smoother"}
METRIC_KEYS |= {"ratio"}


@pytest.mark.parametrize("name", catalog.load_all())
class TestEveryClaim:
    def every(self, question: Question) -> dict[str, Outcome]:
        """A run that has everything a claim may ask for."""
        metrics = {
            str(c.details[key]) for c in question.claims for key in METRIC_KEYS if key in c.details
        }
        checks = {c.details["check"]: not c.erratum for c in question.claims if c.sort == "check"}
        found = {}
        for i, variant in enumerate(question.variants):
            history: dict[str, list[float]] = {"epoch": list(range(1, 101))}
            for metric in metrics:
                history[metric] = [0.5 + 0.01 * i + 0.001 * t for t in range(100)]
            found[variant] = outcome(history=history if metrics else {}, checks=checks)
        return found

    def test_not_run(self, name: str, tmp_path: Path) -> None:
        for judgement in judge_all(gather(catalog.find(name), tmp_path)):
            assert judgement.verdict in (Verdict.NOT_RUN, *FAULTS.values())
            assert judgement.published

    def test_stand_in(self, name: str, tmp_path: Path) -> None:
        question = catalog.find(name)
        write(tmp_path, name, self.every(question), STAND_IN)
        for judgement in judge_all(gather(question, tmp_path)):
            without_results = (
                judgement.claim.sort == "form" or judgement.finding.basis == "arithmetic"
            )
            if question.data is None:
                assert judgement.verdict in (Verdict.HOLDS, *FAULTS.values())
            elif without_results:
                assert judgement.verdict in FAULTS.values()
            else:
                assert judgement.verdict is Verdict.STAND_IN

    def test_judged(self, name: str, tmp_path: Path) -> None:
        question = catalog.find(name)
        timing = {v: {"epoch_seconds": [1.0, 1.0]} for v in question.variants}
        write(tmp_path, name, self.every(question), **timing)
        for judgement in judge_all(gather(question, tmp_path)):
            assert judgement.verdict not in (Verdict.NOT_RUN, Verdict.STAND_IN, Verdict.OTHER_DATA)
            assert judgement.as_json()["verdict"] == judgement.verdict


def test_bands_are_named_by_what_they_are_made_of() -> None:
    band = Band(0.5, 0.01, 2.0, "seeds", "text", 0.014)
    assert band.ends == pytest.approx((0.48, 0.52))
    assert band.percentile(0.5) is None
