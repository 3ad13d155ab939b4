"""run.json and config.yaml: what has not the form that hw writes is left at its default."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hw.results.run_file import Config, Entry, RunFile

DATA = {"name": "x", "source": "real", "provenance": "published file", "sha256": "0" * 64}
RUN = RunFile(
    question="ist2024.q1.mlp",
    status="done",
    seeds=(1, 2),
    data=DATA,
    variants={"default": Entry({"code": "abc"}, "d", 1.5, (0.5, 1.0), 80.0, "done", {"a": [1]})},
    environment={"packages": {"numpy": "2"}},
)


def test_what_is_written_is_read_back() -> None:
    assert RunFile.from_json(json.loads(json.dumps(RUN.as_json()))) == RUN


@pytest.mark.parametrize("value", [None, [], "x", 3, {"status": 3, "seeds": [None], "other": 1}])
def test_what_is_no_record_is_an_empty_one(value: Any) -> None:
    assert RunFile.from_json(value) == RunFile()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seeds", [True]),
        ("seeds", ["1"]),
        ("seeds", 1),
        ("data", {"source": "real"}),
        ("data", {**DATA, "name": 3}),
        ("variants", {"default": 1}),
        ("variants", []),
        ("threads", "one"),
        ("status", None),
    ],
)
def test_one_field_that_is_odd_costs_itself(field: str, value: Any) -> None:
    found = RunFile.from_json({**RUN.as_json(), field: value})
    assert getattr(found, field) == getattr(RunFile(), field)
    assert found.question == RUN.question


@pytest.mark.parametrize("seconds", ["1", None, True, 1e308, 10**400, float("nan"), [1.0]])
def test_times_are_numbers_that_can_be_added_up(seconds: Any) -> None:
    assert Entry.from_json({"seconds": seconds, "epoch_seconds": [1, seconds]}) == Entry()


def test_what_has_changed_is_named() -> None:
    now = {"settings": "s", "code": "c"}
    assert Entry({"settings": "s", "code": "older"}).changed(now) == ["code"]
    assert Entry({"1": now, "2": {**now, "settings": "t"}}).changed(now) == ["settings"]
    assert Entry().changed(now) == ["settings", "code"]
    assert Entry(now).changed(now) == []


def test_the_seeds_of_settings() -> None:
    config = Config.from_json(
        {"variants": {"a": {"seed": 2}, "b": {"seed": 1}, "c": {"seed": "x"}}}
    )
    assert config.seeds_of_variants == (1, 2)
    assert Config.from_json({"variants": {"a": []}}) == Config()
