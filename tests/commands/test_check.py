from __future__ import annotations

import json
import statistics

import pytest
from support import CommandLine
from written_results import OTHER, PUBLISHED, STAND_IN, calibrate, curve, outcome, write

from hw.config import catalog
from hw.results.outcome import Outcome
from hw.verdicts import calibration, one_start
from hw.verdicts.hints import CAUSES

MLP, LINEAR = "ist2024.q1.mlp", "ist2024.q1.logistic_regression"


def run(value: float, **metrics: float) -> Outcome:
    tail = [value + 0.002 * (-1) ** t for t in range(20)]
    return outcome({"test_accuracy": value, **metrics}, curve(tail))


def seeds(value: float = 0.54, spread: float = 0.01) -> dict[int, dict[str, Outcome]]:
    return {
        s: {"default": run(round((value + spread * d) * 3000) / 3000)}
        for s, d in enumerate((-1.3, -0.7, -0.2, 0.1, 0.4, 0.6, 1.1), start=1)
    }


def test_plausible(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    calibrate(hw.results, MLP, seeds())
    answer = hw("check", "q1.mlp", "test_accuracy=0.53")
    assert answer.code == 0
    assert answer.out.startswith("test_accuracy 0.53: plausible\n")
    assert "percentile" in answer.out
    assert "7 seeds: 0.5400 ±" in answer.out
    assert "published 0.54, ours 0.5400" in answer.out
    assert "look at" not in answer.out


def test_not_plausible_is_exit_code_3_and_says_what_to_look_at(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    calibrate(hw.results, MLP, seeds())
    answer = hw("check", "q1.mlp", "test_accuracy=0.32", "--json")
    assert answer.code == 3
    (found,) = answer.json["numbers"]
    assert found["plausible"] is False
    assert found["deviations"] < -10
    assert found["percentile"] == 0
    assert found["basis"].startswith("7 seeds")
    assert any("pixels / 256" in hint for hint in found["look_at"])
    text = hw("check", "q1.mlp", "test_accuracy=0.32").out
    assert "NOT PLAUSIBLE" in text
    assert "your code was not seen" in text
    assert all(hint in text for hint in found["look_at"])


def test_one_number_that_is_not_plausible_is_enough(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    assert hw("check", "q1.mlp", "test_accuracy=0.54", "validation_accuracy=0.54").code == 0
    assert hw("check", "q1.mlp", "test_accuracy=0.54", "validation_accuracy=0.1").code == 3


def test_one_run_has_binomial_error_and_swing(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    answer = hw("check", "q1.mlp", "test_accuracy=0.53")
    assert answer.code == 0
    assert "binomial error 0.0091 of n = 3000" in answer.out


@pytest.mark.parametrize("data", [None, STAND_IN])
def test_without_results_the_published_number_is_the_middle(data: object, hw: CommandLine) -> None:
    if data:
        write(hw.results, MLP, {"default": run(0.9)}, STAND_IN)
    answer = hw("check", "q1.mlp", "test_accuracy=0.53")
    assert answer.code == 0
    assert "the published 0.54 and the binomial error" in answer.out
    assert hw("check", "q1.mlp", "test_accuracy=0.9").code == 3
    answer = hw("check", "q1.mlp", "train_loss=1.2")
    assert answer.code == 1
    assert "python -m hw run ist2024.q1.mlp" in answer.error


def test_other_bytes_leave_room_for_the_published_number(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.45)}, OTHER)
    answer = hw("check", "q1.mlp", "test_accuracy=0.54")
    assert answer.code == 0
    assert "not the published file" in answer.out
    assert hw("check", "q1.mlp", "test_accuracy=0.45").code == 0
    assert hw("check", "q1.mlp", "test_accuracy=0.495").code == 3
    write(hw.results, MLP, {"default": run(0.45)})
    assert hw("check", "q1.mlp", "test_accuracy=0.54").code == 3


def test_variants(hw: CommandLine) -> None:
    write(hw.results, LINEAR, {"plain": run(0.46), "l2": run(0.51)})
    assert hw("check", "q1.logistic_regression", "l2.test_accuracy=0.51").code == 0
    assert hw("check", "q1.logistic_regression", "test_accuracy=51%", "--variant", "l2").code == 0
    answer = hw("check", "q1.logistic_regression", "plain.test_accuracy=0.51")
    assert answer.code == 3
    assert "it is our test_accuracy of variant l2" in answer.out
    assert "say which" in hw("check", "q1.logistic_regression", "test_accuracy=0.5").error
    error = hw("check", "q1.logistic_regression", "l3.test_accuracy=0.5").error
    assert "did you mean 'l2'" in error
    answer = hw("check", "q1.logistic_regression", "l2.test_accuracy=0.5", "--variant", "plain")
    assert answer.code == 2


def test_variant_names_may_have_points(hw: CommandLine) -> None:
    name = "ist2024.q2.logistic_regression"
    write(hw.results, name, {"lr-0.001": run(0.526)})
    assert hw("check", name, "lr-0.001.test_accuracy=0.526").code == 0


def test_hints_from_our_own_numbers(hw: CommandLine) -> None:
    mine = run(0.54, train_accuracy=0.901)
    mine.history["test_accuracy"] = [0.3 + 0.24 * t / 19 for t in range(20)]
    write(hw.results, MLP, {"default": mine})
    mixed = hw("check", "q1.mlp", "test_accuracy=0.901", "--json")
    assert "it is our train_accuracy" in mixed.json["numbers"][0]["look_at"]
    early = hw("check", "q1.mlp", "test_accuracy=0.3505", "--json")
    (hint,) = [h for h in early.json["numbers"][0]["look_at"] if "after epoch" in h]
    assert hint.startswith("it is our test_accuracy after epoch 5 of 20")
    chance = hw("check", "q1.mlp", "test_accuracy=0.1667")
    assert "no better than chance (1/6)" in chance.out


def test_hints_fit_the_settings(hw: CommandLine) -> None:
    write(hw.results, LINEAR, {"plain": run(0.46), "l2": run(0.51)})
    plain = hw("check", LINEAR, "plain.test_accuracy=0.301").out
    l2 = hw("check", LINEAR, "l2.test_accuracy=0.301").out
    assert "penalty's sign" in l2
    assert "penalty's sign" not in plain
    assert "dropout" not in plain + l2
    assert "column of ones" in plain


def test_every_cause_is_of_a_metric_and_a_direction() -> None:
    for cause in CAUSES:
        assert cause.direction in ("", "low", "high")
        assert cause.text[-1] != "."
        assert cause.when({}) in (True, False)


def test_rounding_is_part_of_the_number(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    assert "plausible, as rounded" in hw("check", "q1.mlp", "test_accuracy=0.5").out
    assert hw("check", "q1.mlp", "test_accuracy=0.5000").code == 3


def test_percentages_are_shares(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    answer = hw("check", "q1.mlp", "test_accuracy=54.0%", "--json")
    assert answer.json["numbers"][0]["value"] == 0.54


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("test_accuracy", "expected METRIC=NUMBER"),
        ("=0.5", "expected METRIC=NUMBER"),
        ("test_accuracy=", "expected METRIC=NUMBER"),
        ("test_accuracy=much", "not a number"),
        ("test_accuracy=nan", "not a finite number"),
        ("train_loss=1e999", "not a finite number"),
        ("test_accuracy=54", "a share from 0 to 1"),
        ("test_accuracy=-0.1", "a share from 0 to 1"),
        ("test_acuracy=0.5", "did you mean 'test_accuracy'"),
        ("epochs=3", "has no metric 'epochs'"),
    ],
)
def test_what_is_no_number_of_the_question(word: str, problem: str, hw: CommandLine) -> None:
    answer = hw("check", "q1.mlp", word)
    assert answer.code == 2
    assert problem in answer.error


def test_usage(hw: CommandLine) -> None:
    assert hw("check", "q1.mlp").code == 2
    assert hw("check", "q1.mlpp", "test_accuracy=0.5").code == 2


@pytest.mark.parametrize("name", catalog.load_all())
def test_every_published_number_can_be_checked_without_results(name: str, hw: CommandLine) -> None:
    for claim in catalog.find(name).claims:
        if claim.sort == "value" and claim.details["metric"].endswith("accuracy"):
            word = f"{claim.variant}.{claim.details['metric']}={claim.details['value']}"
            assert hw("check", name, word).code == 0


class TestOneStart:
    def write(self, hw: CommandLine, settings: str = "") -> None:
        write(hw.results, MLP, {"default": run(0.54)})
        calibrate(hw.results, MLP, seeds())
        question = catalog.find(MLP)
        changes = {k: {"default": run(0.53 + k / 100)} for k in (1, 2, 3)}
        values = calibration.values_of(["default"], changes)
        path = one_start.write(hw.folder(MLP), question, PUBLISHED, values)
        if settings:
            document = json.loads(path.read_text())
            document["depends_on"]["settings"] = settings
            path.write_text(json.dumps(document))

    def test_what_of_the_scatter_is_chaos(self, hw: CommandLine) -> None:
        self.write(hw)
        (told,) = hw("check", MLP, "test_accuracy=0.53", "--json").json["numbers"]
        assert told["chaos"]["runs"] == 3
        assert told["chaos"]["one_start_std"] == pytest.approx(0.01)
        of_seeds = [r["default"].metrics["test_accuracy"] for r in seeds().values()]
        share = 0.01**2 / statistics.variance(of_seeds)
        assert told["chaos"]["share"] == pytest.approx(min(1, share))
        out = " ".join(hw("check", MLP, "test_accuracy=0.53").out.split())
        assert "(from one start ± 0.0100)" in out
        assert "3 runs from one start, its last bits changed, scatter by 0.0100" in out

    def test_of_other_settings_it_is_said_and_not_used(self, hw: CommandLine) -> None:
        self.write(hw, settings="others")
        answer = hw("check", MLP, "test_accuracy=0.53")
        assert "one start" not in answer.out
        assert "runs from one start not used, for other settings" in answer.err
        assert "--ulps 10" in answer.err


@pytest.mark.figures
@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_a_figure_of_the_number_among_the_seeds(suffix: str, hw: CommandLine) -> None:
    calibrate(hw.results, MLP, seeds())
    path = hw.results / f"mine{suffix}"
    words = ("check", "q1.mlp", "test_accuracy=0.53", "validation_accuracy=0.53")
    answer = hw(*words, "--figure", path)
    assert answer.code == 0
    assert answer.err.endswith(f"figure: {path}\n")
    assert [p.name for p in hw.results.glob("mine*")] == [path.name]
    magic = {".pdf": b"%PDF", ".png": b"\x89PNG", ".svg": b"<?xml"}[suffix]
    first = path.read_bytes()
    assert first.startswith(magic)
    hw(*words, "--figure", path)
    assert path.read_bytes() == first


def test_a_figure_needs_seeds_and_a_known_form(hw: CommandLine) -> None:
    write(hw.results, MLP, {"default": run(0.54)})
    answer = hw("check", "q1.mlp", "test_accuracy=0.53", "--figure", "mine.png")
    assert answer.code == 1
    assert "python -m hw calibrate q1.mlp" in answer.error
    answer = hw("check", "q1.mlp", "test_accuracy=0.53", "--figure", "mine.jpg")
    assert answer.code == 2
    assert ".pdf, .png or .svg" in answer.error
