from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CommandLine

from hw.commands import lockstep
from hw.config import catalog
from hw.questions.models import linear_classifier
from hw.runs import planning, worker

TRAINING = [q.id for q in catalog.load_all().values() if q.trains]
FEW = ("--steps", 6)


def only(answer: Any) -> dict[str, Any]:
    (document,) = answer.json["lockstep"]
    return dict(document)


# The sizes do not matter to whether two programs compute the same, and 3072 x 512 takes seconds.
SMALL = {"hidden_size": "9", "hidden_sizes": "9,5", "batch_size": "16"}


@pytest.mark.parametrize("question", TRAINING)
@pytest.mark.usefixtures("tiny_stand_ins")
def test_every_question_that_trains_agrees(question: str, no_data: Path) -> None:
    found = catalog.find(question)
    names = found.module.Settings.__dataclass_fields__
    variant = next(iter(found.variants))
    about = found.variants[variant]
    small = {k: v for k, v in SMALL.items() if k in names and k not in about}
    dtype = {"dtype": "float64"} if "dtype" in names else {}
    planned = planning.plan(
        planning.Request(questions=[question], overrides={**small, **dtype}, variants=[variant])
    )[0]
    assert found.data is not None
    data = worker.load_data(found.data["name"], found.data["view"], no_data, "stand-in")
    document = lockstep.walk(planned, data, 20, 1, "float64", 1e-9)
    walked = document["variants"][variant]
    assert walked["status"] == "agree"
    assert walked["updates"] == list(range(21))
    assert walked["largest"] <= 1e-9
    # They moved, and round in different ways; the perceptron's sums are exact.
    assert walked["largest"] > 0 or "perceptron" in question


@pytest.mark.parametrize(
    "question", [q.id for q in catalog.load_all().values() if not q.trains][:3]
)
def test_what_trains_nothing_is_refused(hw: CommandLine, question: str) -> None:
    answer = hw("lockstep", question)
    assert (answer.code, answer.out) == (2, "")
    assert "trains nothing" in answer.error
    assert not hw.results.exists()


@pytest.mark.figures
def test_the_table_the_figure_and_the_numbers(hw: CommandLine) -> None:
    answer = hw("lockstep", "q1.logistic_regression", "--steps", 12, "--every", 2)
    assert (answer.code, answer.err) == (0, "")
    for words in ("worst parameter", "plain: agree over 12 updates", "l2", "0.weight"):
        assert words in answer.out
    (folder,) = hw.folder("ist2024.q1.x").parent.glob("q1.logistic_regression@lockstep*")
    found = json.loads((folder / "lockstep.json").read_text())
    assert found["variants"]["l2"]["updates"] == [0, 2, 4, 6, 8, 10, 12]
    files = sorted(p.name for p in (folder / "figures").iterdir())
    assert files == ["lockstep.pdf", "lockstep.png", "lockstep.svg"]
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    hw("lockstep", "q1.logistic_regression", "--steps", 12, "--every", 2)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_it_never_touches_the_configured_folder(hw: CommandLine) -> None:
    assert hw("lockstep", "q1.perceptron", *FEW).code == 0
    assert not hw.folder("ist2024.q1.perceptron").exists()
    shown = [r for r in hw("list", "--json").json["questions"] if r["state"] != "not run"]
    assert shown == []
    assert hw("lockstep", "q1.perceptron").code == 0
    names = {p.name for p in hw.folder("ist2024.q1.perceptron").parent.iterdir()}
    assert "q1.perceptron@lockstep" in names, "plain, it has a plain name"
    assert len(names) == 2


def test_a_defect_is_found_and_named(hw: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient that is 0.05 % too large, in one of the two."""
    right = linear_classifier.per_example.logistic_epoch

    def wrong(W: Any, *args: Any, **options: Any) -> float:
        before = W.copy()
        loss = right(W, *args, **options)
        W[:, :-1] += 5e-4 * (W - before)[:, :-1]
        return loss

    monkeypatch.setattr(linear_classifier.per_example, "logistic_epoch", wrong)
    answer = hw("lockstep", "q1.logistic_regression", "--variant", "l2", *FEW)
    assert answer.code == 1
    assert "PART at update 1, in 0.weight" in answer.out
    assert "do not compute the same" in " ".join(answer.out.split())
    found = only(hw("lockstep", "q1.logistic_regression", "--variant", "l2", *FEW, "--json"))
    found = found["variants"]["l2"]
    assert found["status"] == "part"
    assert found["parted"]["parameter"] == "0.weight"
    assert found["parted"]["difference"] == pytest.approx(5e-4, rel=0.01)
    assert found["updates"] == [0, 1], "it stops at the first"


@pytest.mark.usefixtures("tiny_stand_ins")
def test_rounding_that_training_amplifies_is_no_defect(hw_stand_in: CommandLine) -> None:
    """Far above the stable step size the difference grows tenfold every few updates."""
    words = ("--set", "batch_size=8", "--variant", "lr-0.1", "--steps", 200)
    answer = hw_stand_in("lockstep", "q2.logistic_regression", *words, "--json")
    document = only(answer)
    found = document["variants"]["lr-0.1"]
    assert found["status"] == "rounding"
    assert found["parted"]["difference"] > 1e-9
    assert found["each_update"]["largest"] < 1e-12
    assert max(found["rounding"]["worst"]) > 1e-11
    assert found["doubles_every"] < 20
    assert answer.code == 0
    said = lockstep.text({**document, "folder": ""})
    assert "part by rounding alone" in said
    assert "agrees to" in said


def test_float32_measures_how_fast_they_part(hw: CommandLine) -> None:
    words = ("q2.dropout", "--variant", "dropout-0.5", "--dtype", "float32", "--hidden-size", 9)
    answer = hw("lockstep", *words, "--json")
    found = only(answer)["variants"]["dropout-0.5"]
    assert (answer.code, found["status"]) == (0, "measured")
    assert 1e-9 < found["largest"] < 1e-2
    assert set(found["beyond"]) == {"1e-06", "1e-05", "0.0001", "0.001"}
    assert "largest difference" in lockstep.text(only(answer))
    answer = hw("lockstep", *words, "--tolerance", "1e-12", "--steps", 5, "--json")
    assert answer.code == 1, "with a tolerance it is held to it"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["q1.percep"], "did you mean"),
        (["q1.perceptron", "--steps", "0"], "--steps"),
        (["q1.perceptron", "--every", "x"], "--every"),
        (["q1.perceptron", "--tolerance", "nan"], "--tolerance"),
        (["q1.perceptron", "--tolerance", "-1"], "--tolerance"),
        (["q1.perceptron", "--dtype", "float32"], "float64 only"),
        (["q1.perceptron", "--dtype", "float16"], "--dtype"),
        (["q1.perceptron", "--epochz", "3"], "no setting"),
        (["q1.perceptron", "--variant", "x"], "no variant"),
        (["q3.*"], "none of these"),
    ],
)
def test_what_cannot_be_meant(hw: CommandLine, words: list[str], problem: str) -> None:
    answer = hw("lockstep", *words)
    assert (answer.code, answer.out) == (2, "")
    assert problem in answer.error


def test_both_diverging_is_said(hw: CommandLine) -> None:
    words = ("--model", "logistic_regression", "--learning-rate", "1e6", "--l2-penalty", "1e6")
    answer = hw("lockstep", "q1.perceptron", *words)
    assert answer.code == 1
    assert "DIVERGED in update" in answer.out


def test_the_same_dropout_masks(hw: CommandLine) -> None:
    """Another seed draws others: agreement is not because nothing is dropped."""
    small = ("--steps", 4, "--hidden-size", 9, "--json")
    words = ("q2.dropout", "--variant", "dropout-0.5", *small)
    one = only(hw("lockstep", *words))["variants"]["dropout-0.5"]
    two = only(hw("lockstep", *words, "--seed", 7))["variants"]["dropout-0.5"]
    assert one["status"] == two["status"] == "agree"
    assert not np.array_equal(
        one["differences"]["0.weight"][1:], two["differences"]["0.weight"][1:]
    )


@pytest.mark.real_data
def test_a_hundred_updates_on_the_landscapes(hw: CommandLine, real_data: Path) -> None:
    answer = hw.plain(
        "lockstep",
        "q1.mlp",
        "--data-dir",
        str(real_data),
        "--results-dir",
        str(hw.results),
        "--json",
    )
    assert answer.code == 0
    assert only(answer)["variants"]["default"]["largest"] < 1e-12
