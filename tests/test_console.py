"""What reaches a terminal: printable characters, and nothing that acts on it."""

from __future__ import annotations

import json

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


def test_both_streams_are_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    console.show("\x1b[2J")
    console.say("\x1b[2J")
    assert "\x1b" not in "".join(capsys.readouterr())
