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
from hw.errors import UsageError
from hw.verdicts import calibration, gather

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
