"""Conclusions over seeds: the effect, its interval, the share, and what to believe instead."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from written_results import OTHER, PUBLISHED, curve, found, outcome, question

from hw.results.outcome import Outcome
from hw.results.run_file import Entry
from hw.verdicts import Verdict
from hw.verdicts.calibration import Calibration, values_of
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import Finding
from hw.verdicts.statistics import student_factor

RANDOM = np.random.default_rng(11)
ELSEWHERE = {**OTHER, "sha256": "1" * 64}


def made(
    seeds: Sequence[Mapping[str, Outcome]],
    data: Mapping[str, str] = PUBLISHED,
    seconds: Mapping[str, Sequence[float]] | None = None,
) -> Calibration:
    """A calibration of these runs, with seeds from 1."""
    outcomes = dict(enumerate(seeds, start=1))
    return Calibration(
        seeds=tuple(outcomes),
        values=values_of(["a", "b"], outcomes),
        load=lambda: outcomes,
        data=data,
        seconds={v: dict(enumerate(s, start=1)) for v, s in (seconds or {}).items()},
        shipped=True,
    )


def judged(
    claim: dict[str, Any],
    seeds: Sequence[Mapping[str, Outcome]],
    run: Mapping[str, Outcome] | None = None,
    **known: Any,
) -> Finding:
    """By these seeds; the run at hand is the first of them if it is not another one."""
    where = {k: known.pop(k) for k in ("data", "seconds") if k in known}
    calibration = made(seeds, **where)
    return found(
        claim, dict(run or seeds[0]), calibration=calibration, data=dict(PUBLISHED), **known
    )


def flat(value: float) -> Outcome:
    return outcome(history=curve([value] * 12, "validation_loss"))


def pairs(differences: Sequence[float], start: float = 1.0) -> list[dict[str, Outcome]]:
    """Runs of a and b with ``a - b`` as given, both far apart from seed to seed."""
    levels = RANDOM.normal(start, 0.3 * start, len(differences))
    return [
        {"a": flat(b + d), "b": flat(b)} for b, d in zip(levels.tolist(), differences, strict=True)
    ]


ORDER = {"order": "validation_loss", "higher": "a", "lower": "b"}
CLEAR = [0.02, 0.03, 0.04, 0.03, 0.025]
OPEN = [0.02, -0.03, 0.04, -0.01, 0.01]


class TestOrders:
    def test_effect_interval_and_share(self) -> None:
        answer = judged(ORDER, pairs(CLEAR))
        assert answer.verdict is Verdict.SUPPORTED
        assert answer.instead == ""
        mean = statistics.fmean(CLEAR)
        half = student_factor(0.95, 4) * statistics.stdev(CLEAR) / math.sqrt(5)
        (pair,) = answer.numbers["pairs"]
        assert (pair["seeds"], pair["seeds_above"]) == (5, 5)
        assert (pair["difference"], pair["half_width"]) == pytest.approx((mean, half))
        assert answer.evidence == (
            f"above in 5 of 5 seeds, by {mean - half:.4f} to {mean + half:.4f} (last ten epochs)"
        )
        assert answer.basis == "shipped calibration"

    def test_reversed(self) -> None:
        answer = judged(ORDER, pairs([-d for d in CLEAR]))
        assert answer.verdict is Verdict.CONTRADICTED
        half = student_factor(0.95, 4) * statistics.stdev(CLEAR) / math.sqrt(5)
        low, high = 0.029 - half, 0.029 + half
        assert answer.instead == (
            "validation loss ends lower with a than with b, "
            f"by {low:.4f} to {high:.4f}, in 5 of 5 seeds"
        )

    def test_open(self) -> None:
        answer = judged(ORDER, pairs(OPEN))
        assert answer.verdict is Verdict.NOT_SUPPORTED
        assert answer.instead.startswith("validation loss does not tell a and b apart: a minus b")
        assert answer.instead.endswith("and it is above in 3 of 5 seeds")

    def test_not_by_so_much(self) -> None:
        seeds = [{"a": flat(1.5 * b), "b": flat(b)} for b in (1.0, 1.1, 1.2, 0.9)]
        answer = judged({**ORDER, "factor": 2}, seeds)
        assert answer.verdict is Verdict.NOT_SUPPORTED
        assert answer.instead == (
            "validation loss ends higher with a than with b, 1.5 times as high, but not 2 times"
        )

    def test_one_that_subtracts_is_named_in_full(self) -> None:
        def run(loss: float) -> Outcome:
            history = curve([loss] * 12, "validation_loss") | {"train_loss": [0.5] * 12}
            return outcome(history=history)

        seeds = [{"a": run(1 - d), "b": run(1.0)} for d in CLEAR]
        answer = judged({**ORDER, "minus": "train_loss"}, seeds)
        assert answer.instead.startswith("validation loss minus training loss ends lower with a")

    def test_one_run_cannot_tell_what_to_believe_instead(self) -> None:
        runs = pairs([-0.5])[0]
        assert found(ORDER, dict(runs)).instead == ""

    def test_an_erratum_says_itself_what_is_right(self) -> None:
        claim = {**ORDER, "erratum": "it is lower", "kind": "wrong"}
        answer = judged(claim, pairs([-d for d in CLEAR]))
        assert (answer.verdict, answer.instead) == (Verdict.ERRATUM, "")

    @pytest.mark.parametrize(
        ("mine", "verdict"),
        [(0.1, Verdict.SUPPORTED), (0.005, Verdict.NOT_SUPPORTED), (-0.1, Verdict.CONTRADICTED)],
    )
    def test_seeds_of_other_data_lend_their_scatter(self, mine: float, verdict: Verdict) -> None:
        """The effect is that of the run at hand, give or take t s: it is one run."""
        answer = judged(ORDER, pairs(CLEAR), pairs([mine])[0], data=ELSEWHERE)
        assert answer.verdict is verdict
        assert answer.basis == "shipped calibration, on other data"
        (pair,) = answer.numbers["pairs"]
        assert pair["difference"] == pytest.approx(mine)
        half = student_factor(0.95, 4) * statistics.stdev(CLEAR)
        assert pair["half_width"] == pytest.approx(half)


TWICE = {"time_ratio": 2, "slower": "a", "faster": "b"}
ENTRIES = {"a": Entry(epoch_seconds=(2.0,)), "b": Entry(epoch_seconds=(1.0,))}


class TestTimes:
    def judge(self, slower: Sequence[float], faster: Sequence[float]) -> Finding:
        seeds = pairs([0.0] * len(slower))
        seconds = {"a": slower, "b": faster}
        return judged(TWICE, seeds, seconds=seconds, entries=ENTRIES)

    def test_over_seeds(self) -> None:
        slower, faster = [1.2, 1.3, 2.6], [1.0, 1.0, 2.0]
        answer = self.judge(slower, faster)
        assert answer.verdict is Verdict.NOT_SUPPORTED
        logs = [math.log(a / b) for a, b in zip(slower, faster, strict=True)]
        assert answer.numbers["ratio"] == pytest.approx(math.exp(statistics.fmean(logs)))
        half = student_factor(0.95, 2) * statistics.stdev(logs) / math.sqrt(3)
        interval = [math.exp(statistics.fmean(logs) + s * half) for s in (-1, 1)]
        assert answer.numbers["interval"] == pytest.approx(interval)
        assert answer.instead.startswith("an epoch of a takes 1.3 times as long as one of b")
        assert "not 2 times" in answer.instead

    def test_nearly_is_enough(self) -> None:
        answer = self.judge([1.7, 1.7], [1.0, 1.0])
        assert (answer.verdict, answer.instead) == (Verdict.SUPPORTED, "")

    def test_seeds_without_times_leave_it_to_the_run(self) -> None:
        answer = judged(TWICE, pairs([0.0, 0.0]), entries=ENTRIES)
        assert answer.verdict is Verdict.SUPPORTED
        assert answer.numbers["ratio"] == 2


FALLING = [2 - t / 20 for t in range(20)]
RISING = FALLING[::-1]
ZIGZAG = [1 + 0.2 * (-1) ** t for t in range(20)]


def losses(*rows: Sequence[float]) -> list[dict[str, Outcome]]:
    return [{"a": outcome(history=curve(row, "train_loss"))} for row in rows]


TREND = {"trend": "train_loss", "variant": "a", "direction": "falling", "since": 1}


class TestCurves:
    def test_trend(self) -> None:
        answer = judged(TREND, losses(FALLING, RISING, RISING, ZIGZAG))
        assert answer.verdict is Verdict.NOT_SUPPORTED
        assert answer.instead == (
            "training loss of a is rising in 2 of 4 seeds, falling in 1, and neither beyond "
            "chance in 1"
        )
        assert judged(TREND, losses(*[FALLING] * 4)).instead == ""

    @pytest.mark.parametrize(
        ("direction", "text"),
        [
            ("oscillating", "as described in 2 of 4 seeds; it swings by 0.2 (0 to 0.4)"),
            ("steady", "as described in 0 of 4 seeds; it changes by 0.225 (0.05 to 0.4)"),
        ],
    )
    def test_shape(self, direction: str, text: str) -> None:
        claim = {**TREND, "direction": direction}
        seeds = losses(FALLING, FALLING, ZIGZAG, ZIGZAG)
        answer = judged(claim, seeds)
        assert answer.verdict is not Verdict.SUPPORTED
        assert answer.instead == f"training loss of a is {direction} {text}"

    def test_best_epoch(self) -> None:
        def at(epoch: int) -> list[float]:
            return [1 + abs(t - epoch) / 10 for t in range(1, 21)]

        claim = {"best": "train_loss", "variant": "a", "epoch": 3, "within": 1}
        answer = judged(claim, losses(at(10), at(12), at(16), at(12)))
        assert answer.verdict is Verdict.CONTRADICTED
        assert (
            answer.instead == "training loss of a is at its best at epoch 12 (10 to 16) in 4 seeds"
        )

    def test_crossing_that_never_comes(self) -> None:
        claim = {"crossing": "train_loss", "variant": "a", "reference": "b", "epoch": 3}
        low = outcome(history=curve([0.1] * 20, "train_loss"))
        never = outcome(history=curve(FALLING, "train_loss"))
        quick = outcome(history=curve([2.0] * 9 + [0.01] * 11, "train_loss"))
        answer = judged(claim, [{"a": never, "b": low}] * 3 + [{"a": quick, "b": low}] * 3)
        assert answer.verdict is Verdict.CONTRADICTED
        assert answer.instead.endswith("is where b ends at epoch 10 in 6 seeds, never in 3")

    def test_smoothness(self) -> None:
        noisy, smooth = curve(ZIGZAG, "train_loss"), curve(FALLING, "train_loss")
        claim = {"smoother": "train_loss", "variant": "a", "than": "b"}
        seeds = [{"a": outcome(history=noisy), "b": outcome(history=smooth)}] * 4
        answer = judged(claim, seeds)
        assert answer.verdict is Verdict.CONTRADICTED
        assert answer.instead.startswith("training loss scatters about its course by 0.3")
        assert answer.instead.endswith("with b")

    @pytest.mark.parametrize(
        ("seeds", "run", "verdict"),
        [
            (FALLING, FALLING, Verdict.SUPPORTED),
            (FALLING, ZIGZAG, Verdict.SUPPORTED),
            (FALLING, RISING, Verdict.NOT_SUPPORTED),
            (RISING, FALLING, Verdict.NOT_SUPPORTED),
            (RISING, ZIGZAG, Verdict.NOT_SUPPORTED),
            (RISING, RISING, Verdict.CONTRADICTED),
        ],
    )
    def test_seeds_of_other_data_do_not_outvote_the_run(
        self, seeds: list[float], run: list[float], verdict: Verdict
    ) -> None:
        answer = judged(TREND, losses(*[seeds] * 5), losses(run)[0], data=ELSEWHERE)
        assert answer.verdict is verdict
        assert "of 5 seeds on other data" in answer.evidence

    def test_a_curve_of_which_only_some_epochs_are_kept_is_not_judged(self) -> None:
        thinned = outcome(history={"epoch": [1, 4, 7], "train_loss": [3.0, 2.0, 1.0]})
        answer = judged(TREND, [{"a": thinned}] * 5, losses(FALLING)[0])
        assert answer.basis == "one run"


class TestRanges:
    def test_of_how_many_seeds_it_is_true(self) -> None:
        claim = {"metric": "train_loss", "variant": "a", "high": 0.99, "epochs": "last"}
        seeds = losses([1.0] * 3, [0.98] * 3, [0.97] * 3, [1.02] * 3)
        answer = judged(claim, seeds)
        assert answer.verdict is Verdict.CLOSE
        assert answer.basis == "shipped calibration"
        assert answer.evidence.endswith("; true of 2 of 4 seeds")
        answer = judged(claim, seeds, seeds[1])
        assert answer.verdict is Verdict.HOLDS
        assert (answer.numbers["seeds"], answer.numbers["seeds_inside"]) == (4, 2)
        assert "seeds" not in judged(claim, seeds, data=ELSEWHERE).numbers


def test_seeds_that_are_far_off_are_told() -> None:
    def band(values: Sequence[float]) -> str:
        seeds = [{"a": outcome({"test_loss": v})} for v in values]
        evidence = Evidence(question(), dict(seeds[0]), calibration=made(seeds))
        found = evidence.band("a", "test_loss")
        assert found is not None
        return found.text

    assert "some of them far off (median 0.1700)" in band([0.16, 0.17, 0.18, 0.17, 47.0])
    assert "far off" not in band([0.16, 0.17, 0.18, 0.17, 0.19])
