"""The public record: a made-up log, played against made-up results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from written_results import curve, outcome

from hw.config import catalog, record
from hw.config.claims import read_claims
from hw.config.located import Place, refuse
from hw.errors import UsageError
from hw.verdicts import record as judging
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import Finding, Verdict
from hw.verdicts.judge import judge

METRIC = "validation_accuracy"
LOGGED = [0.5118, 0.4635, 0.6308, 0.3407, 0.4342]


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A homework's record of our own making."""
    question = catalog.find("ist2023.q1.perceptron")
    homework = replace(catalog.homeworks()["ist2023"], folder=tmp_path)
    monkeypatch.setattr(judging, "homeworks", lambda: {"ist2023": homework})

    def write(*curves: tuple[int, list[float]]) -> None:
        record._read.cache_clear()
        rows = [
            {"question": question.name, "variant": "default", "witnesses": n, METRIC: values}
            for n, values in curves
        ]
        (tmp_path / "record.json").write_text(json.dumps(rows))

    return write


def found(ours: list[float], published: bool = True, **claim: Any) -> Finding:
    asked = catalog.find("ist2023.q1.perceptron")
    item = {"record": METRIC, **claim}
    place = Place(Path("a file"))
    claims = read_claims([item], asked.variants, place)
    refuse(place)
    asked = replace(asked, claims=claims)
    results = {"default": outcome(history=curve(ours, METRIC))}
    evidence = Evidence(asked, results, source="real", published=published)
    return judge(asked.claims[0], evidence)


def test_the_day_that_somebody_has_the_file(logged: Any) -> None:
    """Every epoch to the printed digit: what is computed has more of them."""
    logged((4, LOGGED))
    answer = found([v + 4e-5 for v in LOGGED])
    assert answer.verdict is Verdict.EXACT
    assert "4 groups alike in the first 5 of 5 epochs" in answer.evidence


def test_a_deterministic_curve_that_parts_is_told_where(logged: Any) -> None:
    logged((4, LOGGED))
    answer = found([*LOGGED[:3], 0.3409, LOGGED[4]])
    assert answer.verdict is Verdict.DIFFERS
    assert "epoch 4 is 0.3409 where 0.3407 was logged" in answer.evidence
    assert answer.numbers["epochs_equal"] == 3
    assert found([*LOGGED[:3], 0.3409, 0.4], published=False).verdict is Verdict.OTHER_DATA


def test_a_chaotic_curve_is_judged_by_the_spread_of_machines(logged: Any) -> None:
    machines = [(1, [0.1 * k, *[0.75 + 0.01 * k] * 10]) for k in range(4)]
    logged(*machines)
    assert found([0.05, *[0.77] * 10]).verdict is Verdict.CLOSE
    assert found([0.05, *[0.10] * 10]).verdict is Verdict.DIFFERS
    assert found([0.1, *[0.76] * 10]).verdict is Verdict.EXACT, "one of the machines"


def test_numbers_of_one_and_of_several_machines(logged: Any) -> None:
    logged((1, LOGGED))
    assert found([0.70134], value="0.7013", witnesses=4).verdict is Verdict.EXACT
    assert found([0.7015], value="0.7013").verdict is Verdict.DIFFERS
    machines = ["0.5443", "0.5417", "0.5440", "0.5390", "0.5320"]
    assert found([0.5417], value=machines).verdict is Verdict.EXACT
    assert found([0.5350], value=machines).verdict is Verdict.CLOSE
    assert found([0.60], value=machines).verdict is Verdict.DIFFERS


def test_what_is_no_record_is_refused(logged: Any, tmp_path: Path) -> None:
    logged((1, []))
    with pytest.raises(UsageError, match="must be a list of numbers"):
        found(LOGGED)
    with pytest.raises(UsageError, match="quote the value"):
        found(LOGGED, value=0.7)
    logged()
    with pytest.raises(UsageError, match="the record has no validation_accuracy of default"):
        found(LOGGED)


def test_the_shipped_records_are_of_variants_that_exist() -> None:
    for homework in catalog.homeworks().values():
        path = homework.folder / "record.json"
        for row in record._read(path) if path.exists() else ():
            question = catalog.find(f"{homework.name}.{row['question']}")
            assert row["variant"] in question.variants
