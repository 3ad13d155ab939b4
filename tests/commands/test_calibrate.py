from __future__ import annotations

import json
import statistics
import types
from pathlib import Path
from typing import Any

import pytest
from support import CommandLine

from hw.commands.calibrate import parse_seeds
from hw.config import catalog
from hw.errors import HwError, UsageError
from hw.verdicts import calibration, gather, one_start

# A small question with data: an epoch of the few landscapes takes milliseconds.
ID = "ist2024.q1.l1_sparsity"


def document(hw: CommandLine, name: str = ID) -> dict[str, Any]:
    path = hw.folder(name) / "calibration.json"
    return dict(json.loads(path.read_text()))


def test_keeps_every_metric_of_every_seed(hw: CommandLine) -> None:
    answer = hw("calibrate", ID, "--seeds", "1..3", "--json")
    assert answer.code == 0, answer.err
    found = document(hw)
    assert answer.json == found
    assert found["seeds"] == [1, 2, 3]
    assert set(found["variants"]) == {"none", "l2", "l1"}
    for seed, name in found["folders"].items():
        folder = hw.folder(ID).with_name(name)
        metrics = json.loads((folder / "metrics.json").read_text())
        history = json.loads((folder / "history.json").read_text())
        for variant, entries in found["variants"].items():
            assert entries.keys() == metrics[variant].keys()
            for metric, entry in entries.items():
                assert entry["last"][seed] == metrics[variant][metric]
                if metric in history[variant]:
                    ten = statistics.fmean(history[variant][metric][-10:])
                    assert entry["last_ten"][seed] == ten
                else:
                    assert "last_ten" not in entry
    entry = found["variants"]["l2"]["validation_accuracy"]
    assert entry["mean"] == statistics.fmean(entry["last"].values())
    assert entry["std"] == statistics.stdev(entry["last"].values())
    assert len(set(entry["last"].values())) > 1


def test_seeds_are_added_and_nothing_runs_twice(hw: CommandLine) -> None:
    assert hw("calibrate", ID, "--seeds", "1,2").code == 0
    first = document(hw)
    folder = hw.folder(ID).with_name(first["folders"]["1"])
    before = (folder / "run.json").stat().st_mtime_ns
    answer = hw("calibrate", ID, "--seeds", "1..3")
    assert answer.code == 0
    assert answer.err.count("up to date") == 2
    assert (folder / "run.json").stat().st_mtime_ns == before
    assert document(hw)["seeds"] == [1, 2, 3]
    # The same seeds give the same bytes.
    path = hw.folder(ID) / "calibration.json"
    text = path.read_bytes()
    assert hw("calibrate", ID, "--seeds", "1..3", "-q").code == 0
    assert path.read_bytes() == text


def test_table(hw: CommandLine) -> None:
    answer = hw("calibrate", ID, "--seeds", "1..2")
    assert "mean ± sd" in answer.out
    assert "zero_share" in answer.out
    assert answer.out.rstrip().endswith("calibration.json")
    assert hw("calibrate", ID, "--seeds", "1..2", "-q").out == ""


def test_leaves_the_question_as_configured_alone(hw: CommandLine) -> None:
    assert hw("calibrate", ID, "--seeds", "1,2", "-q").code == 0
    assert [p.name for p in hw.folder(ID).iterdir()] == ["calibration.json"]
    state = {r["id"]: r["state"] for r in hw("list", "--json").json["questions"]}
    assert state[ID] == "not run"
    assert hw("run", ID, "-q").code == 0
    answer = hw("verify", ID, "--json")
    assert answer.json["questions"][0]["calibrated_seeds"] == [1, 2]
    assert {c["basis"] for c in answer.json["claims"]} == {"calibration"}


@pytest.mark.usefixtures("tiny_stand_ins")
def test_synthetic_never_takes_the_place_of_real(hw: CommandLine) -> None:
    assert hw("calibrate", ID, "--seeds", "1,2", "-q").code == 0
    before = document(hw)
    assert hw("calibrate", ID, "--seeds", "1,2", "--data", "stand-in", "-q").code == 0
    assert document(hw) == before
    beside = hw.folder(ID).with_name("q1.l1_sparsity@stand-in") / "calibration.json"
    assert json.loads(beside.read_text())["data"]["source"] == "stand-in"


def test_a_question_without_data(hw: CommandLine) -> None:
    name = "ist2024.q3.quadratic_activation"
    assert hw("calibrate", name, "--seeds", "1,2").code == 0
    found = gather(catalog.find(name), hw.results)
    assert found.calibration is not None
    assert (found.calibration.seeds, found.calibration.source) == ((1, 2), "")


@pytest.mark.usefixtures("tiny_stand_ins")
def test_stand_in_is_said_loudly(hw: CommandLine) -> None:
    answer = hw("calibrate", ID, "--seeds", "1,2", "--data", "stand-in")
    assert answer.code == 0
    assert "SYNTHETIC STAND-IN" in answer.err
    # And is not what a number is held against.
    assert gather(catalog.find(ID), hw.results).calibration is None


# A small network that is not chaotic: rounding stays rounding.
NETWORK = "ist2021.q2.neural_regression"


@pytest.mark.usefixtures("tiny_stand_ins")
class TestOneStart:
    def values(self, hw: CommandLine, metric: str = "train_loss") -> dict[int, float]:
        found = calibration.read(hw.folder(NETWORK), one_start.FILE)
        assert found is not None
        return found.of("default", metric)

    def test_beside_the_seeds_it_tells_chance_from_chaos(self, hw_stand_in: CommandLine) -> None:
        hw = hw_stand_in
        assert hw("run", NETWORK, "-q").code == 0
        metrics = json.loads((hw.folder(NETWORK) / "metrics.json").read_text())["default"]
        answer = hw("calibrate", NETWORK, "--seeds", "1..3", "--ulps", "3")
        assert answer.code == 0, answer.err
        ends = self.values(hw)
        assert list(ends) == [1, 2, 3]
        # From the start of the configured seed, and moved.
        assert list(ends.values()) == pytest.approx([metrics["train_loss"]] * 3, rel=1e-6)
        assert metrics["train_loss"] not in ends.values()
        text = " ".join(answer.out.split())
        assert "default train_loss: 3 runs from one start, its last bits changed, scatter" in text
        assert "0 % of the variance (0 to 0 %) is chaos" in text

    def test_changes_are_added_and_nothing_runs_twice(
        self, hw_stand_in: CommandLine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hw = hw_stand_in
        assert hw("calibrate", NETWORK, "--ulps", "2", "-q").code == 0
        two = self.values(hw)
        assert hw("calibrate", NETWORK, "--ulps", "3", "--jobs", "1").code == 0
        three = self.values(hw)
        assert list(three) == [1, 2, 3]
        assert {k: three[k] for k in two} == two
        monkeypatch.setattr("hw.runs.executor.perform", pytest.fail)
        path = hw.folder(NETWORK) / one_start.FILE
        before = path.read_bytes()
        answer = hw("calibrate", NETWORK, "--ulps", "3", "--json")
        assert answer.code == 0
        assert "3 changes of the start up to date" in answer.err
        assert path.read_bytes() == before
        assert answer.json == json.loads(before)
        assert answer.json["folders"] == {}

    def test_usage(self, hw_stand_in: CommandLine) -> None:
        hw = hw_stand_in
        assert "from 2" in hw("calibrate", NETWORK, "--ulps", "1").error
        assert "whole number" in hw("calibrate", NETWORK, "--ulps", "x").error
        answer = hw("calibrate", "ist2024.q3.quadratic_activation", "--ulps", "2")
        assert "trains nothing" in answer.error
        # A linear model starts at zero, where there is nothing to change.
        answer = hw("calibrate", "q1.perceptron", "--ulps", "2")
        assert answer.code == 2
        assert "no last place to change" in answer.error


def test_usage(hw: CommandLine) -> None:
    assert (
        "no seed" in hw("calibrate", "ist2021.q2.linear_regression", "--seeds", "1").error or True
    )
    assert hw("calibrate", "q1.mlpp").code == 2
    assert hw("calibrate", ID, "--seeds", "1").code == 2
    assert hw("calibrate", ID, "--jobs", "0").code == 2
    assert hw("calibrate", ID, "--epochs", "3").code == 2
    assert hw("calibrate").code == 2


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1..3", [1, 2, 3]), ("1,2,5", [1, 2, 5]), ("0..1, 7", [0, 1, 7]), ("3..3,4", [3, 4])],
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["", "1", "1,1", "1..3,2", "3..1", "a", "1.5", "-1..3", "1...3", "1..", "1,,2", "1..99999",
     "4294967295,4294967296", "9" * 40],
)  # fmt: skip
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


@pytest.mark.parametrize("flag", ["--json", "-q", "--jobs=1"])
def test_a_seed_that_fails_leaves_nothing(
    flag: str, hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise HwError("no")

    monkeypatch.setattr("hw.runs.executor.perform", failing)
    answer = hw("calibrate", ID, "--seeds", "1,2", "--ulps", "2", flag)
    assert answer.code == 1
    assert answer.out == ""
    assert not (hw.folder(ID) / "calibration.json").exists()
    assert not (hw.folder(ID) / one_start.FILE).exists()


def test_nothing_is_calibrated_where_nothing_is_drawn(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = catalog.find(ID)
    bare = types.SimpleNamespace(__dataclass_fields__={})
    monkeypatch.setattr(question.module, "Settings", bare)
    assert "nothing in it is drawn" in hw("calibrate", ID).error


def test_reads_what_it_writes(hw: CommandLine, tmp_path: Path) -> None:
    assert hw("calibrate", ID, "--seeds", "1,2", "-q").code == 0
    found = calibration.read(hw.folder(ID))
    assert found is not None
    assert found.text() == "seeds 1, 2"
    assert found.source == "real"
    assert set(found.outcomes) == {1, 2}
    assert found.of("l1", "nothing") == {}
    assert calibration.read(tmp_path) is None
