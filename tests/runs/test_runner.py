from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hw.commands.run import exit_code
from hw.errors import HwError, UsageError
from hw.figures import style
from hw.runs import executor, worker
from hw.runs.machine import environment
from hw.runs.planning import Request, Run, plan
from hw.runs.runner import execute
from hw.training.loop import Watcher

LR = "ist2024.q1.logistic_regression"


@pytest.fixture
def request_(tmp_path: Path, few_landscapes: Path) -> Request:
    return Request(
        questions=[LR],
        overrides={"epochs": "1"},
        data_directory=few_landscapes,
        results_directory=tmp_path,
    )


def carry_out(request: Request) -> tuple[Run, list[str]]:
    said: list[str] = []
    runs = plan(request)
    execute(runs, request, said.append, lambda run, variant: Watcher())
    return runs[0], said


def folder_metrics(run: Run) -> Any:
    return json.loads((run.folder.path / "metrics.json").read_text())


def test_plan_resolves_everything_and_touches_nothing(request_: Request) -> None:
    (run,) = plan(request_)
    assert list(run.variants) == ["plain", "l2"]
    assert run.variants["l2"].settings.epochs == 1
    assert run.variants["l2"].origins["epochs"] == "command line"
    assert (run.backend, run.seed, run.status) == ("numpy", 42, "planned")
    assert not run.folder.path.exists()


def test_plan_of_several_questions_takes_each_setting_where_it_exists(request_: Request) -> None:
    request = replace(request_, questions=["q1.*"], overrides={"hidden_size": "7"})
    by_id = {run.id: run for run in plan(request)}
    assert by_id["ist2024.q1.mlp"].variants["default"].settings.hidden_size == 7
    assert by_id[LR].as_configured
    assert not by_id["ist2024.q1.mlp"].as_configured


def test_variants_select_questions(request_: Request) -> None:
    runs = plan(replace(request_, questions=["all"], variants=["l2"], overrides={}))
    assert {run.id for run in runs} >= {LR, "ist2024.q1.l1_sparsity"}
    assert all(list(run.variants) == ["l2"] for run in runs)
    with pytest.raises(UsageError, match="has a variant 'l7'"):
        plan(replace(request_, questions=["all"], variants=["l2", "l7"]))


def failing(
    monkeypatch: pytest.MonkeyPatch, when: Callable[[Any], bool], error: BaseException
) -> None:
    perform = executor.perform

    def fails(task: Any, *rest: Any) -> Any:
        if when(task):
            raise error
        return perform(task, *rest)

    monkeypatch.setattr(executor, "perform", fails)


@pytest.mark.figures
def test_what_is_finished_survives_a_failure(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, lambda task: task.variant == "l2", HwError("out of luck"))
        run, said = carry_out(request_)
    assert run.status == "failed"
    assert said == [f"error: {LR} (l2): out of luck"]
    assert list(folder_metrics(run)) == ["plain"]
    assert run.folder.read().run.status == "failed"

    failing(monkeypatch, lambda task: task.variant == "plain", AssertionError("it is done already"))
    run, said = carry_out(request_)
    assert run.status == "done"
    assert sorted(folder_metrics(run)) == ["l2", "plain"]
    assert (run.folder.path / "figures" / "accuracies.pdf").exists()


def test_a_worker_with_other_data_is_no_source_of_results(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = executor.perform

    def elsewhere(task: Any, *rest: Any) -> Any:
        done = perform(task, *rest)
        return replace(done, data={**(done.data or {}), "sha256": "0" * 64})

    monkeypatch.setattr(executor, "perform", elsewhere)
    run, said = carry_out(request_)
    assert run.status == "failed"
    assert len(said) == 2
    assert "the worker's data are others than those here (sha256 00000000" in said[0]
    assert not run.outcomes


def test_what_is_finished_survives_an_interruption(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, lambda task: task.variant == "l2", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            carry_out(request_)
    (folder,) = (request_.results_directory / "ist2024").iterdir()
    assert list(json.loads((folder / "metrics.json").read_text())) == ["plain"]
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    run, _ = carry_out(request_)
    assert run.status == "done"
    assert [done.task.variant for done in run.done] == ["l2"]


def test_an_unwritable_folder_is_found_before_anything_is_trained(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda task: True, AssertionError("nothing may be trained"))
    (request_.results_directory / "ist2024").write_text("a file")
    run, (line,) = carry_out(request_)
    assert run.status == "failed"
    assert "cannot write" in line


def test_results_of_another_shape_are_dropped_not_mixed(request_: Request) -> None:
    run, _ = carry_out(request_)
    path = run.folder.path / "run.json"
    record = json.loads(path.read_text())
    record["variants"]["plain"]["fingerprint"]["code"] = "older"
    path.write_text(json.dumps(record))
    again, _ = carry_out(replace(request_, variants=["l2"]))
    assert again.status == "up to date"
    whole, said = carry_out(request_)
    assert said[0] == f"{LR}: runs again, changed: code"
    assert [done.task.variant for done in whole.done] == ["plain"]


def test_the_environment_holds_what_numbers_depend_on() -> None:
    found = environment()
    assert set(found["packages"]) >= {"numpy", "torch"}
    assert found["cores"] >= 1
    assert found["instruction_set"]


@pytest.mark.figures
@pytest.mark.parametrize("error", [RuntimeError("no LaTeX"), HwError("cannot write a.pdf")])
def test_a_figure_that_cannot_be_drawn_costs_no_number(
    request_: Request, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(figure: Any, stem: Path, *_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(style, "save", fails)
        run, (line,) = carry_out(request_)
    assert (run.status, run.error) == ("done", None)
    assert exit_code([run], print) == 1
    assert line.startswith(f"error: {LR}: ")
    assert str(error) in line
    assert line.endswith("its numbers are kept")
    assert run.folder.read().run.status == "done"
    failing(monkeypatch, lambda task: True, AssertionError("it is done already"))
    run, _ = carry_out(request_)
    assert run.status == "up to date"
    assert run.undrawn is None
    assert (run.folder.path / "figures" / "accuracies.pdf").exists()


@pytest.mark.parametrize("how", ["edited", "removed", "exchanged"])
def test_numbers_that_are_not_as_computed_are_computed_again(request_: Request, how: str) -> None:
    run, _ = carry_out(request_)
    path = run.folder.path / "history.json"
    sound = path.read_bytes()
    history = json.loads(sound)
    if how == "edited":
        history["l2"]["train_accuracy"][0] += 1e-9
    else:
        history = {"plain": history["l2"], "l2": history["plain"]}
    path.write_text(json.dumps(history))
    if how == "removed":
        path.unlink()
    with pytest.raises(HwError, match="are not those that were computed"):
        assert run.folder.read().outcomes
    again, said = carry_out(request_)
    assert said == [f"{LR}: runs again, changed: results"]
    computed = [done.task.variant for done in again.done]
    assert computed == (["l2"] if how == "edited" else ["plain", "l2"])
    assert path.read_bytes() == sound


def test_settings_that_somebody_edited_are_written_again(request_: Request) -> None:
    run, _ = carry_out(request_)
    path = run.folder.path / "config.yaml"
    sound = path.read_text()
    path.write_text(sound.replace("l2_penalty: 0.01", "l2_penalty: 0.5"))
    assert path.read_text() != sound
    again, _ = carry_out(request_)
    assert again.status == "up to date"
    assert path.read_text() == sound


@pytest.mark.parametrize("what", ["code", "versions"])
def test_numbers_of_other_code_are_not_vouched_for(
    request_: Request, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """As a worker of a cluster has it, or a process started while the source is edited."""
    right = worker.made_by
    monkeypatch.setattr(worker, "made_by", lambda *args: {**right(*args), what: "another"})
    run, said = carry_out(request_)
    assert run.status == "failed"
    assert f"computed with other {what} than those here" in said[-1]
    assert not (run.folder.path / "metrics.json").exists()
    monkeypatch.undo()
    run, _ = carry_out(request_)
    assert run.status == "done", "and nothing of it is up to date"
