"""What the figures of seeds are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from written_results import OTHER, PUBLISHED, calibrate, curve, outcome, write

from hw.config import catalog
from hw.results.outcome import Outcome
from hw.verdicts import calibration, gather, one_start, spread

ID = "ist2024.q1.logistic_regression"


def runs(value: float) -> dict[str, Outcome]:
    history = curve([value - 0.01, value, value + 0.01])
    one = outcome({"test_accuracy": value, "weight_norm": 3.0}, history)
    return {"plain": one, "l2": one}


SEEDS = {s: runs(0.4 + s / 100) for s in (1, 2, 3)}


def test_a_row_has_all_that_is_known_of_a_number(tmp_path: Path) -> None:
    write(tmp_path, ID, runs(0.45))
    calibrate(tmp_path, ID, SEEDS)
    question = catalog.find(ID)
    changes = calibration.values_of(["plain"], {k: runs(0.4 + k / 1000) for k in (1, 2)})
    one_start.write(question.folder(tmp_path), question, PUBLISHED, changes)
    found = spread.ends(gather(question, tmp_path), "plain", "test_accuracy", yours=0.47)
    assert found is not None
    assert found.seeds == pytest.approx([0.41, 0.42, 0.43])
    assert found.one_start == pytest.approx([0.401, 0.402])
    assert (found.published, found.ours, found.yours) == (0.46, 0.45, 0.47)
    assert found.logged == [0.459667]
    assert found.band is not None
    assert sum(found.band) / 2 == pytest.approx(0.42)


def test_curves_with_their_spread(tmp_path: Path) -> None:
    write(tmp_path, ID, runs(0.45))
    calibrate(tmp_path, ID, SEEDS)
    found = spread.curves(gather(catalog.find(ID), tmp_path), "l2", "validation_accuracy")
    assert found is not None
    assert found.seeds["low"] == pytest.approx([0.40, 0.41, 0.42])
    assert found.seeds["high"] == pytest.approx([0.42, 0.43, 0.44])
    assert found.ours == pytest.approx([0.44, 0.45, 0.46])
    assert found.published is None
    assert spread.curves(gather(catalog.find(ID), tmp_path), "l2", "test_accuracy") is None


def test_logged_curves_are_those_of_the_record(tmp_path: Path) -> None:
    name = "ist2024.q2.logistic_regression"
    seeds = {s: {"lr-0.1": outcome(history=curve([s, 2, 3], "train_loss"))} for s in (1, 2)}
    calibrate(tmp_path, name, seeds)
    found = spread.curves(gather(catalog.find(name), tmp_path), "lr-0.1", "train_loss")
    assert found is not None
    (logged,) = found.logged
    assert len(logged) == 100


def test_around_a_run_on_other_data_there_is_no_band(tmp_path: Path) -> None:
    write(tmp_path, ID, runs(0.45))
    calibrate(tmp_path, ID, SEEDS)
    evidence = gather(catalog.find(ID), tmp_path)
    object.__setattr__(evidence, "data", {**OTHER, "sha256": "1" * 64})
    found = spread.ends(evidence, "plain", "test_accuracy")
    assert found is not None
    assert found.band is None


def test_nothing_without_seeds(tmp_path: Path) -> None:
    write(tmp_path, ID, runs(0.45))
    evidence = gather(catalog.find(ID), tmp_path)
    assert spread.ends(evidence, "plain", "test_accuracy") is None
    assert spread.distributions(evidence) is None
    calibrate(tmp_path, ID, {1: SEEDS[1]})
    assert spread.distributions(gather(catalog.find(ID), tmp_path)) is None


@pytest.mark.figures
def test_the_report_shows_what_is_published_or_else_the_usual(tmp_path: Path) -> None:
    calibrate(tmp_path, ID, SEEDS)
    figure = spread.distributions(gather(catalog.find(ID), tmp_path))
    assert [ax.get_xlabel() for ax in figure.axes] == ["test accuracy"]
    texts = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert texts == ["plain", "l2"]
    name = "ift6390.p1.network"  # which publishes no number
    seeds = {s: {"default": runs(0.4 + s / 100)["plain"]} for s in (1, 2)}
    calibrate(tmp_path, name, seeds)
    figure = spread.distributions(gather(catalog.find(name), tmp_path))
    assert [ax.get_xlabel() for ax in figure.axes] == ["test accuracy"]
