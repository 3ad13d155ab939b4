from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.errors import HwError
from hw.results.files import as_json, digest, read_json, write_text, written_beside
from hw.results.folder import Folder
from hw.results.outcome import Check, Outcome, all_finite
from hw.results.run_file import Entry, RunFile


def outcome() -> Outcome:
    return Outcome(
        metrics={"test_accuracy": 0.5, "counts": {"a": 1}},
        history={"epoch": [1, 2], "train_loss": [1.5, 0.1 + 0.2]},
        plots={"weights": {"levels": [[1, -1]]}},
        checks=[Check("symmetric", "A = Aᵀ", True, "residual 0")],
    )


def write(folder: Folder, **outcomes: Outcome) -> None:
    folder.write_outcomes(outcomes, {"question": "x"})
    folder.write_run(RunFile(status="done", variants=dict.fromkeys(outcomes, Entry())))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")
    write(folder, one=outcome(), two=Outcome(metrics={"m": 1}))
    assert folder.read().outcomes == {"one": outcome(), "two": Outcome(metrics={"m": 1})}
    assert folder.read().run.status == "done"
    assert json.loads((folder.path / "metrics.json").read_text())["one"] == {
        "test_accuracy": 0.5,
        "counts": {"a": 1},
        "symmetric": 1,
    }
    assert sorted(p.name for p in folder.path.iterdir()) == [
        "checks.json", "config.yaml", "history.json", "metrics.json", "plots.json", "run.json",
    ]  # fmt: skip


def test_what_a_question_no_longer_has_is_removed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write(folder, one=outcome())
    write(folder, one=Outcome(metrics={"m": 1}))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "metrics.json", "run.json"]
    assert folder.read().outcomes == {"one": Outcome(metrics={"m": 1})}


def test_json_is_sorted_and_finite() -> None:
    assert as_json({"b": 1, "a": "ℓ"}) == '{\n  "a": "ℓ",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json({"a": float("nan")})
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_an_outcome_that_json_cannot_hold_is_an_expected_error(tmp_path: Path, value: Any) -> None:
    folder = Folder(tmp_path)
    write(folder, one=outcome())
    with pytest.raises(HwError, match=r"metrics\.json"):
        write(folder, one=Outcome(metrics={"m": value}))
    assert folder.read().outcomes == {"one": outcome()}, "what was there before stays"


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    write_text(path, "before")

    def interrupted() -> None:
        with written_beside(path) as beside:
            beside.write_text("half")
            assert not beside.name.endswith(".json")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_command_line_that_is_not_text_is_kept(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    Folder(tmp_path).write_run(RunFile(command=odd))
    assert Folder(tmp_path).read().run == RunFile(command=odd)


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HwError, match="--results-dir"):
        write_text(blocked / "x.json", "{}")
    with pytest.raises(HwError, match="--results-dir"):
        Folder(blocked / "x").check_writable()
    Folder(tmp_path / "new").check_writable()
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[1e", '{"a": NaN}', "[" * 10_000, b"\xff", "1" * 5000])
def test_what_is_not_json_is_an_expected_error(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(HwError, match=r"x\.json"):
        read_json(path)


def test_a_missing_folder(tmp_path: Path) -> None:
    assert Folder(tmp_path / "no").read().run == RunFile()
    with pytest.raises(HwError, match="No such file"):
        assert Folder(tmp_path / "no").read().outcomes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metrics.json", []),
        ("metrics.json", {"one": 3}),
        ("metrics.json", {"one": {"m": "high"}}),
        ("metrics.json", {"one": {"m": None}}),
        ("metrics.json", {"one": {"m": 10**400}}),
        ("history.json", {"one": {"train_loss": [1.0]}}),
        ("history.json", {"one": {"epoch": [1, 2], "train_loss": [1.0]}}),
        ("history.json", {"one": {"epoch": [1], "train_loss": ["x"]}}),
        ("history.json", {"one": [1]}),
        ("plots.json", {"one": [1]}),
        ("checks.json", {"one": [{"name": "x"}]}),
        ("checks.json", {"one": [{"name": "x", "statement": 1, "holds": {}, "evidence": ""}]}),
        ("checks.json", {"one": "x"}),
    ],
)
def test_damaged_results_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    folder = Folder(tmp_path)
    write(folder, one=Outcome(metrics={"m": 1}))
    (tmp_path / name).write_text(json.dumps(value))
    with pytest.raises(HwError, match=str(tmp_path)):
        assert folder.read().outcomes


@pytest.mark.parametrize("value", [[], "x", {"status": 3, "data": "x", "variants": {"a": 1}}])
def test_what_is_odd_in_run_json_is_not_believed(tmp_path: Path, value: Any) -> None:
    (tmp_path / "run.json").write_text(json.dumps(value))
    assert Folder(tmp_path).read().run == RunFile()


KEYS = (
    *("one", "two", "epoch", "m", "name", "statement", "holds", "evidence", "status", "data"),
    *("variants", "fingerprint", "source"),
)
numbers = st.sampled_from(["1", "-0.5", "1e999", "-1e999", "NaN", "Infinity", "9" * 400, "true"])
texts = st.recursive(
    numbers | st.sampled_from(["null", '"x"', '""', '"<script>"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: f"[{','.join(v)}]")
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        ).map(lambda d: "{" + ",".join(f'"{k}": {v}' for k, v in d.items()) + "}")
    ),
    max_leaves=12,
)
NAMES = ("metrics.json", "history.json", "plots.json", "checks.json", "run.json")


@given(st.dictionaries(st.sampled_from(NAMES), texts | st.text(max_size=10)))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=200,
    deadline=None,
)
def test_results_fuzz(tmp_path: Path, files: dict[str, str]) -> None:
    for name in NAMES:
        (tmp_path / name).write_text(files.get(name, '{"one": {}}'))
    folder = Folder(tmp_path)
    with suppress(HwError):
        for found in folder.read().outcomes.values():
            assert all_finite(found.metrics)
            assert isinstance(found.diverged, bool)
