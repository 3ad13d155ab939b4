from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support import CommandLine
from written_results import OTHER, PUBLISHED, STAND_IN, calibrate, curve, damage, outcome, write

from hw.config import catalog
from hw.results.outcome import Outcome
from hw.verdicts import Verdict

ID = "ist2024.q1.logistic_regression"


def runs(plain: float = 0.46, l2: float = 0.51) -> dict[str, Outcome]:
    def one(value: float) -> Outcome:
        return outcome({"test_accuracy": value}, curve([value - 0.001, value + 0.001] * 10))

    return {"plain": one(plain), "l2": one(l2)}


def claim(answer: Any, published: str) -> dict[str, Any]:
    (found,) = [c for c in answer.json["claims"] if c["published"] == published]
    return dict(found)


def test_nothing_has_run(hw: CommandLine) -> None:
    answer = hw("verify")
    assert answer.code == 0
    assert answer.err == ""
    last = answer.out[answer.out.index("not run: ") :]
    for question in catalog.load_all().values():
        if any(c.sort != "form" for c in question.claims):
            assert question.id in last


def test_table_shows_published_beside_ours(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.47))
    answer = hw("verify", "q1.logistic_regression")
    assert answer.code == 0
    rows = answer.out.splitlines()
    (row,) = [r for r in rows if "plain: test_accuracy = 0.46" in r]
    assert row.split()[0] == ID
    assert row.split()[1] == "1.2(a)"
    assert row.split()[-2:] == ["0.4700", "close"]
    # Evidence stands under what is not plain agreement, and only there.
    assert "sd from ours" in rows[rows.index(row) + 1]
    (row,) = [r for r in rows if "l2: test_accuracy = 0.51" in r]
    assert row.endswith("exact")
    assert rows[rows.index(row) + 1].startswith(ID)
    assert f"{len(catalog.find(ID).claims)} claims: 1 exact, 3 close" in answer.out


def test_a_claim_that_differs_is_exit_code_3(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.2))
    answer = hw("verify", ID)
    assert answer.code == 3
    assert f"contradicted: {ID} 1.2(a)" in answer.out
    assert hw("verify", ID, "--json").code == 3
    assert hw("verify", ID, "--markdown").code == 3
    assert hw("verify", "q1.perceptron").code == 0


def test_a_contradicted_conclusion_is_exit_code_3(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.51, 0.46))
    answer = hw("verify", ID, "--json")
    assert answer.code == 3
    found = claim(answer, "with the penalty, validation accuracy ends higher")
    assert found["verdict"] == "contradicted"
    assert answer.json["contradicted"] is True


def test_other_bytes_are_never_exit_code_3(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.2), OTHER)
    answer = hw("verify", ID)
    assert answer.code == 0
    assert "other data" in answer.out
    assert "not the published file: x" in answer.out


def test_stand_in_is_never_judged(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.2), STAND_IN)
    answer = hw("verify", ID, "--json")
    assert answer.code == 0
    assert {c["verdict"] for c in answer.json["claims"] if c["sort"] != "form"} == {"stand-in"}
    assert f"stand-in: {ID}" in hw("verify", ID).out


def test_a_run_is_judged_from_end_to_end(
    hw_stand_in: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hw.runs.execution.draw", lambda *_, **__: None)
    assert hw_stand_in("run", "ift6390.p1.parameters", "-q").code == 0
    answer = hw_stand_in("verify", "ift6390.p1.parameters", "--json")
    assert answer.code == 0, answer.out
    assert answer.err == ""
    assert {c["verdict"] for c in answer.json["claims"]} == {"holds", "erratum", "slip", "unmet"}
    faults = [c for c in answer.json["claims"] if c["verdict"] != "holds"]
    assert all(c["evidence"] and c["erratum"] for c in faults)


def test_json_is_one_document_with_everything(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.47))
    document = hw("verify", "--json").json
    assert set(document) == {"claims", "contradicted", "counts", "questions"}
    questions = catalog.load_all().values()
    assert len(document["claims"]) == sum(len(q.claims) for q in questions)
    assert list(document["counts"]) == sorted(str(v) for v in Verdict)
    assert sum(document["counts"].values()) == len(document["claims"])
    (state,) = [q for q in document["questions"] if q["question"] == ID]
    assert state == {
        "question": ID,
        "problem": None,
        "data": PUBLISHED,
        "calibrated_seeds": [],
        "notes": [],
    }
    first = next(c for c in document["claims"] if c["question"] == ID)
    assert first["verdict"] == "close"
    assert first["numbers"]["published"] == 0.46
    assert first["numbers"]["ours"] == 0.47
    assert first["numbers"]["band"][0] < 0.46 < first["numbers"]["band"][1]


def test_markdown(hw: CommandLine) -> None:
    write(hw.results, ID, runs())
    lines = hw("verify", ID, "--markdown").out.splitlines()
    table = [line for line in lines if line.startswith("|")]
    # What has not run (four claims, on metrics that these results lack) shares a row.
    assert len(table) == 2 + len(catalog.find(ID).claims) - 3
    assert all(line.replace("\\|", "").count("|") == 7 for line in table)
    assert any(line.startswith("- ") and "claims:" in line for line in lines)


def test_calibration_is_used_and_one_of_another_experiment_is_said(hw: CommandLine) -> None:
    write(hw.results, ID, runs(0.47))
    calibrate(hw.results, ID, {s: runs(0.46 + s / 3000, 0.51 - s / 3000) for s in range(1, 7)})
    answer = hw("verify", ID, "--json")
    assert claim(answer, "plain: test_accuracy = 0.46")["basis"] == "calibration"
    (state,) = answer.json["questions"]
    assert state["calibrated_seeds"] == [1, 2, 3, 4, 5, 6]
    calibrate(hw.results, ID, {s: runs() for s in range(1, 7)}, OTHER)
    answer = hw("verify", ID, "--json")
    assert "calibration not used" in answer.err
    assert claim(answer, "plain: test_accuracy = 0.46")["basis"] == "binomial and swing"


@pytest.mark.parametrize("name", ["metrics.json", "calibration.json", "history.json"])
def test_a_damaged_file_is_a_note_of_one_line(name: str, hw: CommandLine) -> None:
    damage(write(hw.results, ID, runs()), name, "{")
    answer = hw("verify", ID)
    assert answer.code == 0
    assert len(answer.err.splitlines()) == 1
    assert name in answer.err


def test_usage(hw: CommandLine) -> None:
    assert "did you mean" in hw("verify", "q1.perceptrn").error
    assert hw("verify", "q9.*").code == 2
    assert hw("verify", "--json", "--markdown").code == 2
    assert hw("verify", "ist2024", "--jsn").code == 2


def test_a_question_without_claims(hw: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(catalog.find(ID), claims=())
    monkeypatch.setattr(catalog, "select", lambda _: ([bare], set()))
    answer = hw("verify", ID)
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "no claims")
