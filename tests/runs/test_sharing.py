"""One result for two questions: computed once, and the very bytes of each computed alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hw.errors import HwError
from hw.results.folder import Folder
from hw.runs import executor
from hw.runs.planning import Request, Run, plan
from hw.runs.runner import execute
from hw.runs.sharing import alike
from hw.training.loop import Watcher

# The first variant of the second question has the settings of the first.
BOTH = ["ift6390.p1.network", "ift6390.p1.regularised"]

pytestmark = pytest.mark.usefixtures("tiny_stand_ins")


@pytest.fixture
def request_(tmp_path: Path, no_data: Path) -> Request:
    return Request(
        questions=BOTH,
        overrides={"epochs": "1", "hidden_sizes": "8"},
        data_directory=no_data,
        results_directory=tmp_path / "together",
    )


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The tasks that are computed, by question and variant."""
    found: list[tuple[str, str]] = []
    perform = executor.perform

    def counting(task: Any, *arguments: Any) -> Any:
        found.append((task.question, task.variant))
        return perform(task, *arguments)

    monkeypatch.setattr(executor, "perform", counting)
    return found


def carry_out(request: Request) -> tuple[list[Run], list[str]]:
    said: list[str] = []
    runs = plan(request)
    execute(runs, request, said.append, lambda run, variant: Watcher())
    return runs, said


def test_computed_once_and_as_if_alone(
    request_: Request, performed: list[tuple[str, str]], tmp_path: Path
) -> None:
    runs, said = carry_out(request_)
    assert [run.status for run in runs] == ["done", "done"]
    assert performed == [(BOTH[0], "default")] + [
        (BOTH[1], variant) for variant in ("early-stopping", "dropout")
    ]
    assert "ift6390.p1.regularised (plain): has the result of ift6390.p1.network" in said
    alone = replace(request_, questions=BOTH[1:], results_directory=tmp_path / "alone")
    carry_out(alone)
    assert (BOTH[1], "plain") in performed
    names = ("metrics.json", "history.json", "config.yaml")
    for name in names:
        (together,) = (tmp_path / "together" / "ift6390").glob(f"p1.regularised*/{name}")
        (by_itself,) = (tmp_path / "alone" / "ift6390").glob(f"p1.regularised*/{name}")
        assert together.read_bytes() == by_itself.read_bytes()
    # And each is up to date from then on.
    performed.clear()
    runs, _ = carry_out(request_)
    assert [run.status for run in runs] == ["up to date", "up to date"]
    assert performed == []


class TestOneAfterTheOther:
    def after(self, request: Request, **changed: Any) -> tuple[Run, list[str]]:
        """The second question, when the first has run."""
        carry_out(replace(request, questions=BOTH[:1]))
        runs, said = carry_out(replace(request, questions=BOTH[1:], **changed))
        return runs[0], said

    def test_is_taken_from_the_folder(
        self, request_: Request, performed: list[tuple[str, str]]
    ) -> None:
        run, said = self.after(request_)
        assert run.status == "done"
        assert (BOTH[1], "plain") not in performed
        assert "ift6390.p1.regularised (plain): has the result of ift6390.p1.network" in said
        first = next((request_.results_directory / "ift6390").glob("p1.network*"))
        mine, theirs = run.folder.read(), Folder(first).read()
        assert mine.outcomes["plain"] == theirs.outcomes["default"]
        assert mine.run.variants["plain"].digest == theirs.run.variants["default"].digest
        assert mine.run.variants["plain"].seconds == theirs.run.variants["default"].seconds

    def test_force_computes_again(
        self, request_: Request, performed: list[tuple[str, str]]
    ) -> None:
        self.after(request_, force=True)
        assert (BOTH[1], "plain") in performed

    def test_an_edited_folder_is_not_believed(
        self, request_: Request, performed: list[tuple[str, str]]
    ) -> None:
        (run,), _ = carry_out(replace(request_, questions=BOTH[:1]))
        path = run.folder.path / "metrics.json"
        metrics = json.loads(path.read_text())
        metrics["default"]["test_accuracy"] = 1.0
        path.write_text(json.dumps(metrics))
        (run,), _ = carry_out(replace(request_, questions=BOTH[1:]))
        assert (BOTH[1], "plain") in performed
        assert run.outcomes["plain"].metrics["test_accuracy"] < 1

    def test_of_other_settings_it_is_computed(
        self, request_: Request, performed: list[tuple[str, str]]
    ) -> None:
        self.after(request_, overrides={**request_.overrides, "epochs": "2"})
        assert (BOTH[1], "plain") in performed


def test_a_failure_is_that_of_both(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    perform = executor.perform

    def failing(task: Any, *arguments: Any) -> Any:
        if task.question == BOTH[0]:
            raise HwError("no")
        return perform(task, *arguments)

    monkeypatch.setattr(executor, "perform", failing)
    runs, said = carry_out(request_)
    assert [run.status for run in runs] == ["failed", "failed"]
    assert list(runs[1].outcomes) == ["early-stopping", "dropout"]
    assert "error: ift6390.p1.regularised (plain): no" in said


@pytest.mark.parametrize(
    "change",
    [
        {"overrides": {"epochs": "2"}},
        {"overrides": {"seed": "1"}},
        {"backend": "torch"},
    ],
)
def test_what_differs_is_not_shared(request_: Request, change: dict[str, Any]) -> None:
    overrides = {**request_.overrides, **change.get("overrides", {})}
    first = plan(replace(request_, questions=BOTH[:1]))[0]
    other = plan(replace(request_, questions=BOTH[1:], **{**change, "overrides": overrides}))[0]
    todo = [(first, "default"), (other, "plain"), (other, "dropout")]
    assert alike(todo) == [[0], [1], [2]]
    same = plan(replace(request_, questions=BOTH[1:]))[0]
    assert alike([(first, "default"), (same, "plain")]) == [[0, 1]]


def test_other_data_behind_the_figures_are_another_result(request_: Request) -> None:
    first, other = plan(request_)
    other.question = replace(other.question, figures=({"name": "x", "draw": "weights"},))
    assert alike([(first, "default"), (other, "plain")]) == [[0], [1]]
