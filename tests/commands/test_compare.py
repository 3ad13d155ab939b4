from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import CommandLine, vouch

from hw.cli import main
from hw.figures import side_by_side
from hw.results.files import CannotWrite
from hw.results.side_by_side import letter
from hw.runs import execution


def one(answer: Any) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    (document,) = answer.json["comparisons"]
    return dict(document)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, few_landscapes: Path) -> Path:
    """Runs of one question with 1 and with 2 epochs, of one of its variants, and of another."""
    results = tmp_path_factory.mktemp("made")
    folders = ("--data-dir", str(few_landscapes), "--results-dir", str(results))
    for words in (
        ("q1.logistic_regression", "--epochs", "1"),
        ("q1.logistic_regression", "--epochs", "2"),
        ("q1.logistic_regression", "--epochs", "3", "--variant", "l2"),
        ("q1.mlp", "--epochs", "1", "--hidden-size", "3"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(execution, "draw", lambda *_, **__: None)  # half of the time
            assert main(["run", *words, *folders]) == 0
    return results


def name_of(results: Path, question: str, epochs: int) -> str:
    for path in (results / "ist2024").glob(f"{question}@*"):
        variants = yaml.safe_load((path / "config.yaml").read_text())["variants"]
        if next(iter(variants.values()))["epochs"] == epochs:
            return path.name
    raise AssertionError(question)


@pytest.fixture
def two(hw: CommandLine, made: Path) -> tuple[str, str]:
    """Names of the runs with 1 and with 2 epochs, in a copy that a test may damage."""
    shutil.copytree(made, hw.results)
    question = "q1.logistic_regression"
    return name_of(hw.results, question, 1), name_of(hw.results, question, 2)


@pytest.mark.figures
def test_settings_metrics_and_curves(hw: CommandLine, two: tuple[str, str]) -> None:
    a, b = (json.loads((hw.results / "ist2024" / n / "metrics.json").read_text()) for n in two)
    found = one(hw("compare", *two, "--json"))
    differing = [s for s in found["settings"] if s["a"] != s["b"]]
    assert [(s["variant"], s["setting"], s["a"], s["b"]) for s in differing] == [
        ("l2", "epochs", 1, 2),
        ("plain", "epochs", 1, 2),
    ]
    for row in found["metrics"]:
        left, right = a[row["variant"]][row["metric"]], b[row["variant"]][row["metric"]]
        assert (row["a"], row["b"], row["difference"]) == (left, right, right - left)
    assert len(found["metrics"]) == sum(map(len, a.values()))
    assert not found["identical"]
    figure = Path(found["figure"])
    assert figure.is_file()
    assert figure.is_relative_to(hw.results / "compare")
    # The same by paths.
    paths = [hw.results / "ist2024" / n for n in two]
    assert one(hw("compare", *paths, "--json"))["metrics"] == found["metrics"]


def test_for_people_only_what_differs(hw: CommandLine, two: tuple[str, str]) -> None:
    text = hw("compare", *two).out
    assert "epochs" in text
    assert "learning_rate" not in text
    assert "learning_rate" in hw("compare", *two, "--all").out
    assert "identical" in hw("compare", two[0], two[0]).out
    assert one(hw("compare", two[0], two[0], "--json"))["identical"]


@pytest.mark.figures
@pytest.mark.parametrize("suffix", ["pdf", "png", "svg"])
def test_the_figure_where_it_is_asked_for(
    hw: CommandLine, two: tuple[str, str], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / "deep" / f"curves.v2.{suffix}"
    assert one(hw("compare", *two, "--output", path, "--json"))["figure"] == str(path)
    assert path.stat().st_size > 1000
    assert not (hw.results / "compare").exists()


def test_runs_of_two_questions(hw: CommandLine, two: tuple[str, str]) -> None:
    mlp = name_of(hw.results, "q1.mlp", 1)
    found = one(hw("compare", two[0], mlp, "--json"))
    assert {s["setting"]: s["b"] for s in found["settings"]}["question"] == "ist2024.q1.mlp"
    only = [m for m in found["metrics"] if m["variant"] == "default"]
    assert all(m["a"] is None and m["difference"] is None for m in only)
    # One variant each: they are meant for one another.
    third = name_of(hw.results, "q1.logistic_regression", 3)
    found = one(hw("compare", third, mlp, "--json"))
    assert {m["variant"] for m in found["metrics"]} == {"l2 | default"}
    assert any(m["difference"] is not None for m in found["metrics"])


def test_two_whole_results_folders(hw: CommandLine, two: tuple[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(hw.results, other)
    path = other / "ist2024" / two[1] / "metrics.json"
    changed = json.loads(path.read_text())
    changed["l2"]["test_accuracy"] += 0.5
    path.write_text(json.dumps(changed))
    vouch(path.parent)
    answer = hw("compare", hw.results, other, "--json")
    assert answer.code == 0
    identical = {d["a"].split("/")[-1]: d["identical"] for d in answer.json["comparisons"]}
    assert [name for name, same in identical.items() if not same] == [two[1]]
    assert len(identical) == 4
    text = hw("compare", hw.results, other).out
    assert "+0.5" in text
    assert text.count("B - A") == 1, "what is identical is named only"
    assert "identical:" in text


def test_any_number_of_runs(hw: CommandLine, two: tuple[str, str]) -> None:
    third = name_of(hw.results, "q1.logistic_regression", 3)
    found = one(hw("compare", *two, third, "--json"))
    assert [found[side] for side in "abc"] == [*two, third]
    epochs = next(s for s in found["settings"] if (s["variant"], s["setting"]) == ("l2", "epochs"))
    assert [epochs[side] for side in "abc"] == [1, 2, 3]
    metrics = [
        json.loads((hw.results / "ist2024" / n / "metrics.json").read_text())["l2"]
        for n in (*two, third)
    ]
    for row in found["metrics"]:
        if row["variant"] == "l2":
            assert [row[side] for side in "abc"] == [m[row["metric"]] for m in metrics]
        else:
            assert row["c"] is None, "which has no such variant"
    # A row for each run and variant; the settings that differ, and no others.
    lines = hw("compare", *two, third).out.splitlines()
    header = next(line for line in lines if "variant" in line)
    assert "epochs" in header
    assert "learning_rate" not in header
    assert [line.split()[:3] for line in lines if line[:2] in ("A ", "B ", "C ")][3:] == [
        *(["A", "l2", "1"], ["B", "l2", "2"], ["C", "l2", "3"]),
        *(["A", "plain", "1"], ["B", "plain", "2"]),
    ]


def test_a_glob_means_all_runs_that_it_fits(hw: CommandLine, two: tuple[str, str]) -> None:
    found = one(hw("compare", "q1.logistic_regression@*", "--json"))
    assert {found[side] for side in "abc"} >= set(two)
    assert "d" not in found
    assert hw("compare", "q1.none@*").code == 2
    answer = hw("compare", "q1.mlp@*")
    assert answer.code == 2
    assert "one run alone" in answer.error


def test_three_whole_results_folders(hw: CommandLine, two: tuple[str, str], tmp_path: Path) -> None:
    for name in ("other", "third"):
        shutil.copytree(hw.results, tmp_path / name)
    shutil.rmtree(tmp_path / "third" / "ist2024" / two[0])
    answer = hw("compare", hw.results, tmp_path / "other", tmp_path / "third", "--json")
    assert len(answer.json["comparisons"]) == 3, "what all of them have"
    assert all(d["identical"] for d in answer.json["comparisons"])


@pytest.mark.parametrize(
    ("number", "name"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab"), (52, "ba"), (701, "zz")]
)
def test_there_are_letters_enough(number: int, name: str) -> None:
    assert letter(number) == name


@pytest.mark.figures
@pytest.mark.parametrize("runs", [1, 2, 30])
def test_every_curve_is_told_from_the_others(runs: int) -> None:
    history = {"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "train_loss_std": [0.0] * 3}
    lines = [[(f"{run}, {variant}", history) for run in range(runs)] for variant in "abc"[:2]]
    figure = side_by_side.curves(lines)
    assert figure is not None
    (ax,) = figure.axes
    looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert len(looks) == 2 * runs
    # 7 colours and 4 styles: more lines than that are beyond telling apart.
    assert len(set(looks)) == min(2 * runs, 28)
    assert side_by_side.curves([[("no curve", {})]]) is None


@pytest.mark.parametrize(
    ("a", "b", "code", "problem"),
    [
        ("q1.mlp", "q1.mlp", 1, "no results"),
        ("q1.ml", "q1.mlp", 2, "did you mean"),
        ("no/folder", "q1.mlp", 2, "no such folder"),
        ("q1.mlp@../..", "q1.mlp", 2, "no such folder"),
        ("q1.mlp@", "q1.mlp", 2, "no such folder"),
    ],
)
def test_what_is_not_there(hw: CommandLine, a: str, b: str, code: int, problem: str) -> None:
    answer = hw("compare", a, b)
    assert (answer.code, answer.out) == (code, "")
    assert problem in answer.error


def test_a_run_beside_is_offered(hw: CommandLine, two: tuple[str, str]) -> None:
    answer = hw("compare", "q1.logistic_regression", two[0])
    assert answer.code == 1
    assert two[0] in answer.error


def test_unlike_sides_and_outputs(hw: CommandLine, two: tuple[str, str], tmp_path: Path) -> None:
    assert hw("compare", two[0], hw.results).code == 2
    assert hw("compare", *two, "--output", "x.txt").code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert hw("compare", empty, hw.results).code == 1
    assert hw("compare", "", "").code in (1, 2)


def test_a_full_disk_is_told_with_the_option_that_helps(
    hw: CommandLine, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, stem: Path, *__: Any) -> None:
        raise CannotWrite(stem, "No space left on device")

    monkeypatch.setattr("hw.figures.style.save", full)
    answer = hw("compare", *two, "--output", "x.pdf")
    assert answer.error.endswith("No space left on device; choose another folder with --output")


@pytest.mark.parametrize("name", ["metrics.json", "history.json", "config.yaml", "run.json"])
@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"l2": 3}', "variants: {l2: [.nan]}\nseeds: 3", "\x1b[2J"]
)
def test_damaged_folders(hw: CommandLine, two: tuple[str, str], name: str, text: str) -> None:
    (hw.results / "ist2024" / two[0] / name).write_text(text)
    answer = hw("compare", *two)
    assert answer.code in (0, 1)
    assert "\x1b" not in answer.out + answer.err
