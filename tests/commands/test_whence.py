from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from support import CommandLine, vouch

from hw.errors import HwError
from hw.figures import metadata, provenance, style
from hw.results import fingerprint

QUESTION = "ist2024.q1.perceptron"
pytestmark = pytest.mark.figures


def whence(hw: CommandLine, path: Path) -> dict[str, Any]:
    answer = hw("whence", path, "--json")
    assert answer.code == 0, answer.err
    ((figure,),) = [f["figures"] for f in answer.json["files"]]
    return dict(figure)


def figures(hw: CommandLine, *words: object) -> list[Path]:
    """Of a question with one variant and one figure."""
    answer = hw("run", "q1.perceptron", "--epochs", 1, *words, "--json")
    assert answer.code == 0, answer.err
    return sorted((Path(answer.json["runs"][0]["folder"]) / "figures").glob("[!.]*"))


def test_every_figure_says_where_it_comes_from(hw: CommandLine) -> None:
    files = figures(hw, "--learning-rate", 0.01)
    assert {f.suffix for f in files} == {".pdf", ".png", ".svg"}
    for file in files:
        found = whence(hw, file)
        assert (found["question"], found["figure"]) == (QUESTION, file.stem)
        assert found["backend"] == "numpy"
        assert found["seeds"] == [42]
        assert found["variants"] == ["default"]
        assert found["data"]["source"] == "real"
        assert len(found["data"]["sha256"]) == 16
        assert {"python", "numpy", "matplotlib"} == set(found["versions"])
        command = "python -m hw run q1.perceptron --epochs 1 --learning-rate 0.01"
        assert found["command"] == command
        assert (found["out_of_date"], found["reasons"]) == (False, [])
    shown = hw("whence", *files)
    assert shown.code == 0
    assert shown.out.count("up to date") == len(files)


def test_the_command_makes_the_same_figure(hw: CommandLine) -> None:
    words = ("--backend", "torch", "--seed", 7, "--data", "stand-in")
    files = figures(hw, *words)
    command = whence(hw, files[0])["command"].split()
    assert command[:3] == ["python", "-m", "hw"]
    assert hw(*command[3:], "--dry-run", "--json").json["runs"][0]["folder"] == str(
        files[0].parent.parent
    ).replace("-stand-in", "")
    before = [f.read_bytes() for f in files]
    assert hw(*command[3:], "--force").code == 0
    assert [f.read_bytes() for f in files] == before, "not a byte differs from run to run"


def test_several_seeds_and_a_lockstep(hw: CommandLine) -> None:
    assert hw("run", "q1.perceptron", "--epochs", 1, "--seeds", "1,2").code == 0
    pictures = list(hw.results.rglob("accuracies.png"))
    commands = {whence(hw, p)["command"] for p in pictures}
    start = "python -m hw run q1.perceptron --epochs 1"
    assert commands == {f"{start} --seeds 1,2", f"{start} --seed 1", f"{start} --seed 2"}
    assert not any(whence(hw, p)["out_of_date"] for p in pictures)
    assert hw("lockstep", "q2.dropout", "--steps", 2, "--variant", "dropout-0.5").code == 0
    (figure,) = hw.results.rglob("lockstep.pdf")
    found = whence(hw, figure)
    assert found["command"] == "python -m hw lockstep q2.dropout --variant dropout-0.5 --steps 2"
    assert not found["out_of_date"]


def test_changed_code_and_settings_and_results(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = figures(hw)[0]
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(file.read_bytes())
    assert whence(hw, copy)["folder"] == str(file.parent.parent), "found by its settings"
    metrics = file.parent.parent / "metrics.json"
    sound = metrics.read_text()
    changed = json.loads(sound)
    changed["default"]["test_accuracy"] = 0.125
    metrics.write_text(json.dumps(changed))
    vouch(metrics.parent)
    assert "other results" in whence(hw, copy)["reasons"][0]
    metrics.write_text("{")
    assert "no results" in whence(hw, copy)["reasons"][0]
    metrics.write_text(sound)
    assert whence(hw, copy)["reasons"] == []
    with monkeypatch.context() as patch:
        patch.setattr("hw.results.identity.code_digest", lambda *_: "0" * 64)
        assert whence(hw, copy)["reasons"] == ["the code behind it has changed"]
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "version", lambda package: "9.9")
        reasons = whence(hw, copy)["reasons"]
        assert [r.split()[0] for r in reasons] == ["matplotlib", "numpy"]
    record = metadata.read(copy)[0]
    for wrong in ({"settings": "0" * 16}, {"variants": ["l7"]}, {"question": "ist2024.q9.x"}):
        assert provenance.out_of_date({**record, **wrong}, None)
    assert fingerprint.version("numpy") == record["versions"]["numpy"]


def test_one_file_of_many_figures_and_an_svg(hw: CommandLine, tmp_path: Path) -> None:
    record = metadata.read(figures(hw)[0])[0]
    several = [record, {**record, "figure": "other (1)\\"}]
    with style.look():
        figure, _ = style.new_figure()
    fields = metadata.fields(several, "two")
    for path in style.save(figure, tmp_path / "two", fields):
        assert metadata.read(path) == several
        assert hw("whence", path).out.count("up to date") == 2
        before = path.read_bytes()
        style.save(figure, tmp_path / "two", fields, [path.suffix[1:]])
        assert path.read_bytes() == before


def png(text: str = "", **options: Any) -> bytes:
    """A picture of one pixel that carries a text."""
    file, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("Keywords", text, **options)
    Image.new("L", (1, 1)).save(file, "png", pnginfo=info)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG: length, kind, data, checksum (PNG, section 5.3)."""
    size, checksum = len(data), zlib.crc32(kind + data)
    return size.to_bytes(4, "big") + kind + data + checksum.to_bytes(4, "big")


MAGIC, NOT_OURS = b"\x89PNG\r\n\x1a\n", "does not say where it comes from"
BOMB = chunk(b"zTXt", b"Keywords\0\0" + zlib.compress(b"[" * 10**8, 9))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "neither PDF, PNG nor SVG"),
        (b"hello", "neither PDF, PNG nor SVG"),
        (MAGIC, "damaged"),
        (MAGIC + b"\xff" * 40, "damaged"),
        (MAGIC + b"\0\0\0\x04tEXtab\0c\0\0\0\0", "damaged"),
        (png(), NOT_OURS),
        (png()[:40], "damaged"),
        (png()[:33] + BOMB + png()[33:], "damaged"),
        (MAGIC + chunk(b"IHDR", b"\0\1\0\0\0\1\0\0\x08\0\0\0\0") + png()[33:], "damaged"),
        (b"%PDF-1.4\n<< /Keywords (((( >>", NOT_OURS),
        (b"%PDF-1.4\n/Keywords ([[[[" + b"[" * 100_000 + b")", NOT_OURS),
        (b"%PDF-1.4\n" + b"/Keywords (\\(" * 10**6, NOT_OURS),
        (b'%PDF-1.4\n/Keywords ({"hw": 1})', NOT_OURS),
        (b"<svg>" + b"<rdf:li>&lt;&#0;</rdf:li>" * 9, NOT_OURS),
        (b"<svg>" + b"<rdf:li>&lt;" * 10**6, NOT_OURS),
        (b"%PDF-" + bytes(metadata.MAX_FILE), "larger than"),
    ],
)
def test_files_of_others(hw: CommandLine, tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "figure"
    path.write_bytes(content)
    answer = hw("whence", path)
    assert (answer.code, answer.out) == (1, "")
    assert problem in answer.error


def test_no_file_and_a_folder(hw: CommandLine, tmp_path: Path) -> None:
    for path in (tmp_path / "none.pdf", tmp_path):
        answer = hw("whence", path)
        assert answer.code == 1
        assert str(path) in answer.error


RECORD = {
    "hw": 1, "question": QUESTION, "figure": "accuracies", "backend": "numpy", "seeds": [42],
    "variants": ["default"], "changed": {}, "settings": "0" * 16, "code": "0" * 16,
    "results": "0" * 16, "data": None, "versions": {"numpy": "2.0"},
}  # fmt: skip


def test_what_a_file_says_is_never_run_nor_printed_raw(hw: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    for wrong in (
        {"question": "q1\x1b[2J"},
        {"changed": {"epochs": "\n3"}},
        {"versions": {"numpy": 2}},
        {"seeds": ["x"]},
        {"variants": "plain"},
        {"data": {"name": "x"}},
        {"changed": {"epochs": 10**400}},
        {"hw": 2},
    ):
        path.write_bytes(png(json.dumps({**RECORD, **wrong})))
        assert hw("whence", path).code == 1, wrong
    path.write_bytes(png(json.dumps({**RECORD, "changed": {"epochs": "3; rm -rf ~"}})))
    assert "--epochs '3; rm -rf ~'" in whence(hw, path)["command"]
    path.write_bytes(png(json.dumps({**RECORD, "question": "ist2024.q9.none"})))
    found = whence(hw, path)
    assert found["command"] is None
    assert "gone" in found["reasons"][0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(key=st.sampled_from(list(RECORD)), value=JSON)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None
)
def test_any_record_is_shown_or_refused(hw: CommandLine, key: str, value: Any) -> None:
    path = hw.results.parent / "any.png"
    path.write_bytes(png(json.dumps({**RECORD, key: value})))
    assert hw("whence", path).code in (0, 1)


@given(
    content=st.binary(max_size=300),
    start=st.sampled_from([b"%PDF-1.4 /Keywords (", b"<svg><rdf:li>", MAGIC, png()[:33]]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, start: bytes, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(start + content)
    with pytest.raises(HwError):
        metadata.read(path)
