"""``hw run`` as its users meet it: on a few dozen photographs, an epoch or two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Answer, CommandLine, write_landscapes

from hw.commands.run import settings
from hw.config import catalog
from hw.errors import UsageError

TWO = ("--epochs", "2")
LR = "ist2024.q1.logistic_regression"


def only(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    (run,) = answer.json["runs"]
    return dict(run)


def contents(folder: Path, *but: str) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name not in but)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


# Command lines ---------------------------------------------------------------------------------


def test_flags_and_set_by_name() -> None:
    words = ["--learning-rate", "0.1", "--l2_penalty=1e-3", "--width", "-1"]
    assert settings(words, ["hidden-size=7", "learning_rate=0.1"]) == {
        "learning_rate": "0.1",
        "l2_penalty": "1e-3",
        "width": "-1",
        "hidden_size": "7",
    }


@pytest.mark.parametrize(
    ("words", "pairs"),
    [(["--epochs"], []), (["--epochs", "--x", "1"], []), ([], ["epochs"]), ([], ["=3"]),
     (["--epochs", "1"], ["epochs=2"])],
)  # fmt: skip
def test_what_is_no_setting_is_refused(words: list[str], pairs: list[str]) -> None:
    with pytest.raises(UsageError):
        settings(words, pairs)


@pytest.mark.parametrize(
    "words",
    [
        ("q1.mlp", "--epochs", "2", "--hidden-size", "3"),
        ("--epochs", "2", "q1.mlp", "--hidden_size=3"),
        ("--epochs=2", "--set", "hidden-size=3", "q1.mlp"),
        ("--set", "epochs=2", "q1.mlp", "--set", "hidden_size=3"),
        ("--hidden-size", "3", "--epochs", "2", "--", "q1.mlp"),
    ],
)
def test_every_way_to_say_a_setting_means_the_same(hw: CommandLine, words: tuple[str, ...]) -> None:
    expected = only(hw("run", "--dry-run", "--json", "q1.mlp", "--set", "epochs=2", "--set",
                       "hidden_size=3"))  # fmt: skip
    assert only(hw("run", "--dry-run", "--json", *words)) == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("q1.perceptrn", "unknown question 'q1.perceptrn'; did you mean 'q1.perceptron'"),
        ("ist1999.*", "no question matches"),
        ("q1.perceptron --epoch 3", "no setting 'epoch'; did you mean 'epochs'"),
        ("q1.perceptron --set epoch=3", "no setting 'epoch'; did you mean 'epochs'"),
        ("q1.* --epoch 3", "has a setting 'epoch'; did you mean 'epochs'"),
        ("q1.perceptron --epochs 0", "epochs is 0; it must be at least 1"),
        ("q1.perceptron --epochs 1.5", "epochs is '1.5'; expected a whole number"),
        ("q1.perceptron --epochs", "--epochs needs a value"),
        ("q1.perceptron --learning-rate nan", "learning_rate is 'nan'; expected a finite number"),
        ("q1.perceptron --learning-rate -1e-3", "it must be above 0"),
        ("q1.perceptron --model svm", "model is 'svm'; one of: perceptron"),
        ("q1.perceptron --l2-penalty 0.1", "the perceptron takes no penalty"),
        ("q1.mlp --hidden-size 0", "hidden_size is 0"),
        ("q2.dropout --dropout 1.5 --variant dropout-0.5", "dropout is 1.5; it must be below 1"),
        ("q1.perceptron --variant l2", "no variant 'l2'"),
        ("q1.* --variant l3", "a variant 'l3'; did you mean 'l2'"),
        ("q1.perceptron --backend jax", "unknown --backend 'jax'"),
        ("q1.perceptron --data fake", "unknown --data 'fake'"),
        ("q1.perceptron --seed x", "seed 'x' is not a whole number"),
        ("q1.perceptron --seed 1,2", "--seeds"),
        ("q1.perceptron --seed -1", "must be from 0"),
        ("q1.perceptron --seeds 1,1", "names a seed twice"),
        ("q1.perceptron --seeds 1,", "seed '' is not a whole number"),
        ("q1.perceptron --seed 1 --seeds 1", "give one of them"),
        ("q1.perceptron --jobs 0", "--jobs is '0'"),
        ("q1.perceptron --jobs two", "--jobs is 'two'"),
        ("q1.perceptron --keep-going --fail-fast", "not allowed with"),
        ("q1.perceptron -epochs 3", "-epochs"),
        (f"{LR} --l2-penalty 0.1", "contradicts variant 'plain', which is l2_penalty 0.0"),
        (f"{LR} --l2-penalty 0", "contradicts variant 'l2', which is l2_penalty 0.01"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_anything_runs(
    hw: CommandLine, words: str, problem: str
) -> None:
    answer = hw("run", *words.split())
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err == answer.error + "\n"
    assert problem in answer.error
    assert not hw.results.exists()


def test_a_contradicting_flag_is_taken_where_variant_picks_others(hw: CommandLine) -> None:
    run = only(hw("run", LR, *TWO, "--l2-penalty", "0.0", "--variant", "plain", "--json"))
    assert list(run["metrics"]) == ["plain"]
    assert hw("run", LR, *TWO, "--l2-penalty", "0.0", "--variant", "l2").code == 2


# What a run leaves -----------------------------------------------------------------------------


def test_the_json_document(hw: CommandLine) -> None:
    answer = hw("run", "q1.perceptron", "--json")
    assert list(answer.json) == ["runs"]
    run = only(answer)
    assert sorted(run) == ["backend", "data", "folder", "metrics", "question", "seed", "status"]
    assert run["question"] == "ist2024.q1.perceptron"
    assert (run["backend"], run["seed"], run["status"]) == ("numpy", 42, "done")
    assert run["data"] == {"name": "intel-landscapes", "source": "real"}
    folder = Path(run["folder"])
    assert folder.is_absolute()
    assert folder == hw.folder("ist2024.q1.perceptron").resolve()
    assert run["metrics"] == json.loads((folder / "metrics.json").read_text())
    again = only(hw("run", "q1.perceptron", "--json"))
    assert again == {**run, "status": "up to date"}


@pytest.mark.figures
def test_the_files(hw: CommandLine) -> None:
    assert hw("run", LR, *TWO).code == 0
    (folder,) = (hw.results / "ist2024").iterdir()
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.yaml", "figures", "history.json", "metrics.json", "run.json",
    ]  # fmt: skip
    history = json.loads((folder / "history.json").read_text())
    names = {"epoch", "train_accuracy", "validation_accuracy", "weight_norm", "weight_unevenness"}
    assert set(history) == {"plain", "l2"}
    assert set(history["l2"]) == names
    assert history["l2"]["epoch"] == [1, 2]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["plain"]) == names - {"epoch"} | {"test_accuracy"}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (
        config["variants"]["l2"] | {"epochs": 2, "l2_penalty": 0.01, "seed": 42}
        == (config["variants"]["l2"])
    )
    run = json.loads((folder / "run.json").read_text())
    assert run["status"] == "done"
    assert run["command"].startswith("python -m hw run ")
    assert run["command"].endswith(f"{LR} --epochs 2")
    assert run["data"]["source"] == "real"
    assert len(run["data"]["sha256"]) == 64
    assert set(run["variants"]) == {"plain", "l2"}
    assert run["environment"]["packages"]["numpy"]


def test_results_on_standard_output_and_the_rest_elsewhere(hw_stand_in: CommandLine) -> None:
    answer = hw_stand_in("run", "q1.perceptron", "--epochs", "1")
    assert "ist2024.q1.perceptron" in answer.out
    assert "(0.56)" in answer.out, "the published number beside ours"
    assert "STAND-IN" in answer.err
    assert "synthetic" in answer.out
    quiet = hw_stand_in("run", "q1.perceptron", "--epochs", "1", "--force", "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_a_dry_run_writes_nothing(hw: CommandLine) -> None:
    answer = hw("run", "q1.*", "--epochs", "3", "--dry-run")
    assert answer.code == 0
    assert "q1.l1_sparsity" in answer.out
    runs = hw("run", "q1.*", "--dry-run", "--json").json["runs"]
    assert [r["status"] for r in runs] == ["planned"] * 4
    assert not hw.results.exists()


def test_what_differs_has_a_folder_of_its_own(hw: CommandLine) -> None:
    def folder(*words: str) -> str:
        return Path(only(hw("run", LR, "--dry-run", "--json", *words))["folder"]).name

    own = "q1.logistic_regression"
    assert folder() == own
    assert folder("--epochs", "100", "--seed", "42", "--backend", "numpy") == own
    assert folder("--variant", "l2") == own
    different = [
        folder("--epochs", "2"),
        folder("--epochs", "3"),
        folder("--seed", "1"),
        folder("--backend", "torch"),
        folder("--backend", "torch", "--seed", "1"),
    ]
    assert len({own, *different}) == 6
    assert all(name.startswith(f"{own}@") for name in different)
    assert folder("--epochs", "2", "--variant", "l2") == different[0]


@pytest.mark.figures
def test_a_changed_run_never_touches_the_configured_one(hw: CommandLine) -> None:
    assert hw("run", "q1.perceptron").code == 0
    folder = hw.folder("ist2024.q1.perceptron")
    before = contents(folder)
    for words in (TWO, ("--seed", "7"), ("--backend", "torch")):
        assert hw("run", "q1.perceptron", *words).code == 0
    assert contents(folder) == before
    assert len(list(folder.parent.iterdir())) == 4


def test_both_backends_and_several_seeds(hw: CommandLine) -> None:
    answer = hw("run", "q1.perceptron", *TWO, "--backend", "both", "--seeds", "1,2", "--json")
    assert answer.code == 0
    runs = answer.json["runs"]
    assert [(r["backend"], r["seed"]) for r in runs] == [
        ("numpy", 1), ("numpy", 2), ("torch", 1), ("torch", 2),
    ]  # fmt: skip
    assert len({r["folder"] for r in runs}) == 4
    # In the same order from the same weights, the perceptron is the same in both.
    assert runs[0]["metrics"] == runs[2]["metrics"]
    assert runs[0]["metrics"] != runs[1]["metrics"]


# Up to date or not -----------------------------------------------------------------------------


def test_up_to_date_is_skipped_and_force_runs_again(hw: CommandLine) -> None:
    first = hw("run", LR, *TWO)
    (folder,) = (hw.results / "ist2024").iterdir()
    stamp = (folder / "run.json").stat().st_mtime_ns
    second = hw("run", LR, *TWO)
    assert second.code == 0
    assert "up to date" in second.err
    assert (folder / "run.json").stat().st_mtime_ns == stamp
    assert "0." in first.out
    forced = hw("run", LR, *TWO, "--force")
    assert "--force" in forced.err
    assert (folder / "run.json").stat().st_mtime_ns != stamp


@pytest.mark.figures
def test_deleted_figures_are_drawn_again_without_training(hw: CommandLine) -> None:
    assert hw("run", LR, *TWO).code == 0
    (folder,) = (hw.results / "ist2024").iterdir()
    figure, metrics = folder / "figures" / "accuracies.pdf", folder / "metrics.json"
    before, stamp = figure.read_bytes(), metrics.stat().st_mtime_ns
    figure.unlink()
    assert "up to date" in hw("run", LR, *TWO).err
    assert figure.read_bytes() == before
    assert metrics.stat().st_mtime_ns == stamp


def test_other_data_run_again_with_the_reason(hw: CommandLine, tmp_path: Path) -> None:
    assert hw("run", "q1.perceptron", *TWO).code == 0
    hw.data = tmp_path / "other"
    write_landscapes(hw.data, seed=1)
    assert "runs again, changed: data" in hw("run", "q1.perceptron", *TWO).err


def test_a_changed_setting_runs_again_with_the_reason(hw: CommandLine) -> None:
    assert hw("run", "q1.perceptron", *TWO).code == 0
    (folder,) = (hw.results / "ist2024").iterdir()
    path = folder / "run.json"
    run = json.loads(path.read_text())
    run["variants"]["default"]["fingerprint"]["settings"] = "another"
    path.write_text(json.dumps(run))
    assert "runs again, changed: settings" in hw("run", "q1.perceptron", *TWO).err


@pytest.mark.parametrize("damage", ["{", '{"default": {"train_accuracy": NaN}}', "[]"])
def test_damaged_results_run_again(hw: CommandLine, damage: str) -> None:
    run = only(hw("run", "q1.perceptron", *TWO, "--json"))
    (Path(run["folder"]) / "metrics.json").write_text(damage)
    answer = hw("run", "q1.perceptron", *TWO, "--json")
    assert "runs again" in answer.err
    assert only(answer) == run


def test_a_run_of_some_variants_keeps_the_others(hw: CommandLine) -> None:
    whole = only(hw("run", LR, *TWO, "--json"))
    for force in ((), ("--force",)):
        part = only(hw("run", LR, *TWO, "--variant", "l2", "--json", *force))
        assert part["metrics"] == whole["metrics"]
        assert json.loads((Path(part["folder"]) / "metrics.json").read_text()) == whole["metrics"]


@pytest.mark.figures
def test_variants_one_after_the_other_are_the_same_as_together(
    hw: CommandLine, tmp_path: Path
) -> None:
    whole = only(hw("run", LR, *TWO, "--json"))
    before = contents(Path(whole["folder"]), "run.json")
    hw.results = tmp_path / "elsewhere"
    assert list(only(hw("run", LR, *TWO, "--variant", "l2", "--json"))["metrics"]) == ["l2"]
    both = only(hw("run", LR, *TWO, "--variant", "plain", "--json"))
    assert contents(Path(both["folder"]), "run.json") == before


@pytest.mark.figures
def test_a_stand_in_never_takes_the_place_of_real_results(hw: CommandLine, no_data: Path) -> None:
    real = only(hw("run", "q1.perceptron", *TWO, "--json"))
    before = contents(Path(real["folder"]))
    hw.data = no_data
    synthetic = only(hw("run", "q1.perceptron", *TWO, "--json"))
    assert synthetic["data"]["source"] == "stand-in"
    assert synthetic["folder"] != real["folder"]
    assert contents(Path(real["folder"])) == before


def test_real_results_take_the_place_of_a_stand_ins(
    hw: CommandLine, no_data: Path, few_landscapes: Path
) -> None:
    hw.data = no_data
    synthetic = only(hw("run", "q1.perceptron", *TWO, "--json"))
    hw.data = few_landscapes
    real = only(hw("run", "q1.perceptron", *TWO, "--json"))
    assert real["folder"] == synthetic["folder"]
    assert real["data"]["source"] == "real"


# Same bytes ------------------------------------------------------------------------------------


@pytest.mark.figures
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_same_bytes_from_run_to_run(hw: CommandLine, tmp_path: Path, backend: str) -> None:
    found = []
    for name in ("a", "b"):
        hw.results = tmp_path / name
        words = (LR, *TWO, "--backend", backend)
        run = only(hw("run", *words, "--json"))
        found.append(contents(Path(run["folder"]), "run.json"))
    assert found[0] == found[1]
    assert len(found[0]) == 13  # four files, and three figures in three formats


@pytest.mark.figures
def test_the_same_bytes_from_two_jobs(hw: CommandLine, tmp_path: Path) -> None:
    found = []
    for jobs in ("1", "2"):
        hw.results = tmp_path / jobs
        run = only(hw("run", LR, "--epochs", "1", "--jobs", jobs, "--json"))
        found.append(contents(Path(run["folder"]), "run.json"))
    assert found[0] == found[1]


# What goes wrong -------------------------------------------------------------------------------


def test_missing_data_are_exit_4_and_say_what_to_do(hw_stand_in: CommandLine) -> None:
    answer = hw_stand_in("run", "q1.perceptron", "--data", "real", "--json")
    assert answer.code == 4
    assert "intel_landscapes.npz: no such file" in answer.error
    assert "hw data fetch intel-landscapes" in answer.error
    (run,) = answer.json["runs"]
    assert (run["status"], run["data"], run["metrics"]) == ("failed", None, {})


def test_unsound_data_are_an_error_whatever_the_mode(hw: CommandLine, tmp_path: Path) -> None:
    hw.data = tmp_path / "damaged"
    path = write_landscapes(hw.data)
    path.write_bytes(path.read_bytes()[:-100])
    answer = hw("run", "q1.perceptron")
    assert answer.code == 4
    assert "intel_landscapes.npz" in answer.error


def test_a_results_folder_that_cannot_be_written(hw: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    hw.results = tmp_path / "file"
    answer = hw("run", "q1.perceptron", *TWO)
    assert answer.code == 1
    assert "--results-dir" in answer.error


@pytest.mark.figures
def test_a_diverging_run_keeps_its_history(hw: CommandLine) -> None:
    # |1 - ηλ| = 99: every update multiplies the weights, and the norm overflows in epoch 2.
    words = ("run", LR, "--epochs", "4", "--learning-rate", "1e4", "--json")
    answer = hw(*words)
    assert answer.code == 1
    assert "(l2): diverged in epoch 2" in answer.error
    (run,) = answer.json["runs"]
    assert run["status"] == "diverged"
    assert "diverged" not in run["metrics"]["plain"]
    l2 = run["metrics"]["l2"]
    assert (l2["diverged"], l2["diverged_epoch"]) == (1, 2)
    assert "test_accuracy" not in l2
    folder = Path(run["folder"])
    assert json.loads((folder / "metrics.json").read_text()) == run["metrics"]
    history = json.loads((folder / "history.json").read_text())
    assert history["l2"]["epoch"] == [1]
    assert history["l2"]["train_accuracy"] == [l2["train_accuracy"]]
    assert history["plain"]["epoch"] == [1, 2, 3, 4]
    assert (folder / "figures" / "accuracies.pdf").exists()
    again = hw(*words)
    assert again.code == 1, "a divergence is not forgotten because it is up to date"
    assert again.error == answer.error


def test_after_a_failure_the_rest_runs_unless_told_to_stop(hw: CommandLine) -> None:
    words = ("run", LR, "q1.perceptron", "--epochs", "2", "--learning-rate", "1e4", "--json")
    answer = hw(*words)
    assert answer.code == 1
    assert [r["status"] for r in answer.json["runs"]] == ["diverged", "done"]
    answer = hw(*words, "--fail-fast", "--force")
    assert answer.code == 1
    assert [r["status"] for r in answer.json["runs"]] == ["diverged", "planned"]


def test_a_missing_implementation_is_an_error_only_for_an_id(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog.find("q1.perceptron").module, "BACKENDS", ("numpy",), raising=False)
    answer = hw("run", "q1.perceptron", "--backend", "torch", "--dry-run")
    assert answer.code == 2
    assert "has no implementation in torch; run it with --backend numpy" in answer.error
    several = ("run", "q1.perceptro[n]", *TWO, "--backend", "both")
    assert "skipped, no implementation in torch" in hw(*several, "--dry-run").out
    answer = hw(*several, "--json")
    assert answer.code == 0
    assert "skipped, no implementation in torch" in answer.err
    assert [r["status"] for r in answer.json["runs"]] == ["done", "skipped"]


def test_a_missing_package_is_an_error_only_for_an_id(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = catalog.find("q1.perceptron").module
    monkeypatch.setattr(module, "REQUIRES", ("no_such_package",), raising=False)
    answer = hw("run", "q1.perceptron")
    assert answer.code == 4
    assert "no_such_package" in answer.error
    answer = hw("run", "q1.perceptro[n]", "--json")
    assert answer.code == 0
    assert "skipped" in answer.err
    assert [r["status"] for r in answer.json["runs"]] == ["skipped"]
