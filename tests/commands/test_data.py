"""``hw data``: status, fetch, verify."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_files import write_set

from hw import datasets
from hw.commands import data
from hw.datasets import recognition
from hw.errors import UsageError


def run(directory: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path)
    data.add_parser(parser.add_subparsers(required=True), common)
    args = parser.parse_args(["data", *words, "--data-dir", str(directory)])
    return int(args.run(args))


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """A folder with sound landscapes, a truncated OctMNIST, and half of MNIST."""
    write_set(tmp_path, "intel-landscapes", {"train": 9, "validation": 4, "test": 5})
    write_set(tmp_path, "octmnist", {"train": 9, "validation": 4, "test": 5})
    path = tmp_path / "octmnist" / "octmnist.npz"
    path.write_bytes(path.read_bytes()[:-200])
    write_set(tmp_path, "mnist", {"train": 10, "test": 10})
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
    return tmp_path


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    rows = json.loads(capsys.readouterr().out)["data"]
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("words", [(), ("status",)])
def test_status(some: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(some, *words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = {line.split()[0]: line for line in printed.out.splitlines()}
    assert set(datasets.CATALOGUE) <= set(lines)
    assert "present" in lines["intel-landscapes"]
    assert "other bytes" in lines["intel-landscapes"]
    assert "incomplete" in lines["mnist"]
    assert "absent" in lines["ames"]
    assert "stand-in only" in lines["ames"]
    assert "CC BY 4.0" in lines["octmnist"]


def test_status_as_json(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(some, "--json") == 0
    rows = document(capsys)
    assert list(rows) == list(datasets.CATALOGUE)
    assert rows["intel-landscapes"]["provenance"] == "other bytes"
    assert len(rows["intel-landscapes"]["sha256"]) == 64
    assert rows["mnist"]["missing"] == ["train-labels-idx1-ubyte.gz"]
    assert rows["ames"]["state"] == "absent"


def test_names_alone_mean_status(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(some, "mnist", "ames", "mnist", "--json") == 0
    assert list(document(capsys)) == ["mnist", "ames"]


def test_verify(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(some, "verify", "intel-landscapes", "--json") == 0
    assert document(capsys)["intel-landscapes"]["examples"] == {
        "train": 9,
        "validation": 4,
        "test": 5,
    }
    # The truncated one and the incomplete one are wrong; those that nobody fetched are not.
    assert run(some, "verify") == 4
    printed = capsys.readouterr()
    errors = printed.err.splitlines()
    assert len(errors) == 2
    assert "train-labels-idx1-ubyte.gz: no such file" in errors[0]
    assert "octmnist.npz: not an npz file, or truncated" in errors[1]
    assert "sound" in printed.out
    assert run(some, "verify", "ames") == 4
    assert "hw data fetch ames" in capsys.readouterr().err


def test_other_bytes_are_told_with_the_hash_they_should_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path, "octmnist", {"train": 9, "validation": 4, "test": 5})
    path = tmp_path / "octmnist" / "octmnist.npz"
    assert run(tmp_path, "verify", "octmnist") == 0
    (line,) = capsys.readouterr().err.splitlines()
    own = hashlib.md5(path.read_bytes()).hexdigest()
    published = "c68d92d5b585d8d81f7112f81e2d0842"
    assert line == (
        f"note: {path} has the md5 {own}; the published octmnist.npz has the md5 {published}"
    )


def test_verify_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "verify") == 0
    assert capsys.readouterr().err == ""


def test_fetch_offline(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tests' HW_OFFLINE: what is there is there, the rest fails, in one line each."""
    assert run(some, "fetch", "intel-landscapes", "--json") == 0
    assert document(capsys)["intel-landscapes"]["outcome"] == "already there"
    assert run(some, "fetch", "ames") == 4
    printed = capsys.readouterr()
    assert "failed" in printed.out
    assert len(printed.err.splitlines()) == 1
    assert str(some / "ames" / "ames.npz") in printed.err
    assert "HW_OFFLINE" in printed.err
    assert run(some, "fetch") == 4
    assert len(capsys.readouterr().err.splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("fetch", "minst"), "did you mean 'mnist'"),
        (("ftech",), "did you mean 'fetch'"),
        (("octmnst",), "did you mean 'octmnist'"),
        (("status", "nothing-like-it"), "unknown data set"),
    ],
)
def test_unknown_words(tmp_path: Path, words: tuple[str, ...], hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        run(tmp_path, *words)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_reader_who_has_gone_is_no_error(words: tuple[str, ...]) -> None:
    """As in ``hw data | head -1``."""
    shell = f"{sys.executable} -m hw data {' '.join(words)}"
    done = subprocess.run(
        ["bash", "-c", f"{shell} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_a_closed_standard_error_leaves_the_document_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hw data fetch ames --json --data-dir {tmp_path} 2>&-"],
        env={**os.environ, "HW_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 4
    assert json.loads(done.stdout)["data"][0]["outcome"] == "failed"


COUNTS = {"train": 9, "validation": 40, "test": 5}
LANDSCAPES = "intel-landscapes"
KNOWN = "published file (recognised by initial accuracies)"


@pytest.fixture
def issued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A made-up file under the second of its names, and what untrained models score on it."""
    write_set(tmp_path, LANDSCAPES, COUNTS)
    folder = tmp_path / LANDSCAPES
    (folder / "intel_landscapes.npz").rename(folder / "intel_landscapes.v2.npz")
    entry = dataclasses.replace(datasets.entry(LANDSCAPES), counts=COUNTS)
    found = data._initial_accuracies(entry, tmp_path)
    assert found.keys() == {"logistic_regression", "mlp"}
    printed = {model: f"{value:.4f}" for model, value in found.items()}
    entry = dataclasses.replace(entry, initial_accuracies=printed)
    monkeypatch.setitem(datasets.CATALOGUE, LANDSCAPES, entry)
    return found


def provenance(directory: Path) -> str:
    return datasets.load(LANDSCAPES, "ist2024", directory, "real").provenance


def test_the_day_that_somebody_has_the_file(
    issued: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provenance(tmp_path) == "other bytes"  # nobody has looked yet
    assert run(tmp_path, "verify", LANDSCAPES, "--json") == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)["data"]
    assert (row["outcome"], row["provenance"], row["initial_accuracies"]) == (
        "sound",
        KNOWN,
        issued,
    )
    assert row["files"] == ["intel_landscapes.v2.npz"]
    assert f"mlp {issued['mlp']:.4f} ({issued['mlp']:.4f})" in printed.err
    assert run(tmp_path, "status", LANDSCAPES) == 0
    assert KNOWN in capsys.readouterr().out
    assert provenance(tmp_path) == KNOWN


def test_what_is_known_is_not_worked_out_again(
    issued: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    monkeypatch.setattr(data, "_initial_accuracies", None)
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    assert provenance(tmp_path) == KNOWN


def test_another_file_is_not_recognised(
    issued: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither one with other scores, nor one that takes the place of the right one."""
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    write_set(tmp_path / "other", LANDSCAPES, {**COUNTS, "train": 8})
    first = tmp_path / LANDSCAPES / "intel_landscapes.npz"  # of both names, the one that is read
    (tmp_path / "other" / LANDSCAPES / first.name).rename(first)
    assert provenance(tmp_path) == "other bytes"
    wrong = {**datasets.entry(LANDSCAPES).initial_accuracies, "mlp": "0.9999"}
    entry = dataclasses.replace(datasets.entry(LANDSCAPES), initial_accuracies=wrong)
    datasets.CATALOGUE[LANDSCAPES] = entry  # the fixture puts the real one back
    first.unlink()
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    assert "(0.9999)" in capsys.readouterr().err
    assert provenance(tmp_path) == "other bytes"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sha256": 1}', "null", " " * 20_000])
def test_a_damaged_memory_is_none_and_is_mended(
    issued: dict[str, float], tmp_path: Path, text: str
) -> None:
    memory = tmp_path / LANDSCAPES / recognition.FILE
    memory.write_text(text)
    assert provenance(tmp_path) == "other bytes"
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    assert provenance(tmp_path) == KNOWN
    known = json.loads(memory.read_text())
    for value in ("0.5", True, 1.5, None):
        memory.write_text(json.dumps({**known, "validation_accuracy": {"mlp": value}}))
        assert provenance(tmp_path) == "other bytes"


def test_without_pytorch_or_a_place_to_write_it_is_said(
    issued: dict[str, float],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recognition, "remember", full)
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    assert "not remembered (No space left on device)" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "hw.questions.models.feedforward", None)
    assert run(tmp_path, "verify", LANDSCAPES) == 0
    assert "takes PyTorch" in capsys.readouterr().err
