"""What reaches a terminal: printable characters, and nothing that acts on it."""

from __future__ import annotations

import errno
import io
import json
import sys

import pytest

from hw import console


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ŷ = Σ xᵢ ≥ 0, 😀", "ŷ = Σ xᵢ ≥ 0, 😀"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("\x1b[2J\r", "\\u001b[2J\\u000d"),
        ("\x9b2J", "\\u009b2J"),  # the same in one byte
        ("a\u202egnp.exe", "a\\u202egnp.exe"),  # reverses what follows
        ("\udc80", "\\udc80"),  # a byte of a path that is no text
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_is_not_printable_is_shown_as_such(text: str, shown: str) -> None:
    assert console.printable(text) == shown


def test_a_json_document_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "\x9b2J\u202e\U000e0041", "list": [1, "tab\t"]}
    console.show(json.dumps(value, ensure_ascii=False))
    assert json.loads(capsys.readouterr().out) == value


def test_a_json_document_stays_one_where_the_encoding_lacks_its_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = {"title": "ℓ2 – 😀"}
    bytes_of = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_of, encoding="cp1252"))
    console.show_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(bytes_of.getvalue().decode("cp1252")) == value


def test_what_an_encoding_lacks_is_shown_by_what_is_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bytes_of = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_of, encoding="ascii"))
    console.replace_unprintable()
    console.show(console.table(["a – b"], [["ŷ…"]]))
    assert bytes_of.getvalue() == b"a - b\n-----\n?...\n"


@pytest.mark.parametrize(
    ("platform", "number", "is_gone"),
    [("linux", errno.EPIPE, True), ("win32", errno.EINVAL, True), ("linux", errno.EINVAL, False)],
)
def test_a_reader_who_has_gone_is_known_on_every_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, number: int, is_gone: bool
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(number, "closed")

    given_up: list[object] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(console, "_give_up", given_up.append)
    if is_gone:
        console.show("a result")
        assert given_up == [sys.stdout]
    else:
        with pytest.raises(OSError, match="closed"):
            console.show("a result")


def test_both_streams_are_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    console.show("\x1b[2J")
    console.say("\x1b[2J")
    assert "\x1b" not in "".join(capsys.readouterr())
