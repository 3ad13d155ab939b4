"""Every question there is: its file, its place in the list, and a run of two epochs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import support

from hw.config import catalog
from hw.config.catalog import CONFIGS, Question
from hw.datasets import entry
from hw.figures import style
from hw.results.outcome import Outcome

QUESTIONS = catalog.load_all()
every_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))

# What the contract names, by homework. A question that is not made yet is not listed anywhere.
IDS = {
    "ist2024": "q1.perceptron q1.logistic_regression q1.l1_sparsity q1.mlp q2.logistic_regression"
    " q2.batch_size q2.dropout q2.momentum q3.quadratic_activation",
    "ist2023": "q1.perceptron q1.logistic_regression q1.expressiveness q1.mlp"
    " q2.logistic_regression q2.batch_size q2.learning_rate q2.regularization q3.boolean_range",
    "ist2021": "q1.sigmoid q1.logistic_loss q1.softmax_jacobian q1.multinomial_loss q1.convexity"
    " q2.squared_loss q2.gradients q2.linear_regression q2.more_epochs q2.neural_regression"
    " q2.learning_rate q3.perceptron"
    " q3.logistic_regression q3.linear_collapse q3.mlp q4.logistic_regression q4.feedforward"
    " q4.feedforward_grid q4.depth",
    "ift6390": "q1.identities q2.backprop p1.network p1.parameters p1.deep_network p1.regularised"
    " p1.seeds",
    "e1394": "q1.critical_points q1.relu_gradient q1.overfitting q1.capacity q1.weight_update"
    " q2.scratch q2.pytorch q2.keras q2.learning_rate_schedule",
}


def test_every_file_is_listed_and_every_listed_question_has_a_file() -> None:
    for homework in catalog.homeworks().values():
        files = {p.stem for p in homework.folder.glob("*.yaml")} - {"homework", "grading"}
        assert files == set(homework.questions)
        assert len(homework.questions) == len(set(homework.questions))
    # Of 2022-23, whose document is none of the five, hand-ins can be graded.
    assert {p.name for p in CONFIGS.iterdir()} - {"ist2022"} == set(catalog.homeworks())
    assert [p.name for p in (CONFIGS / "ist2022").iterdir()] == ["grading.yaml"]


def test_no_question_has_a_name_that_the_contract_does_not_know() -> None:
    known = {f"{homework}.{name}" for homework, names in IDS.items() for name in names.split()}
    assert set(QUESTIONS) <= known


def test_questions_come_in_the_contracts_order() -> None:
    for homework in catalog.homeworks().values():
        order = IDS[homework.name].split()
        assert list(homework.questions) == [n for n in order if n in homework.questions]


@every_question
def test_settings_figures_and_claims_resolve(question: Question) -> None:
    for variant in question.variants:
        question.resolve(variant)
    if question.data is not None:
        assert entry(question.data["name"]).view(question.data["view"])
    draws = style.FIGURES | getattr(question.module, "FIGURES", {})
    for figure in question.figures:
        assert figure.get("draw", "curves") in draws
    assert question.trains == (not hasattr(question.module, "compute"))
    assert question.source.get("document")
    assert question.source.get("question")


@every_question
def test_variants_of_a_question_differ(question: Question) -> None:
    resolved = [json.dumps(question.resolve(v).as_dict()) for v in question.variants]
    assert len(set(resolved)) == len(resolved)


# A run of two epochs on the stand-in -------------------------------------------------------------
# Questions that compute run in tests/questions/test_statements.py.

TRAINED = {name: question for name, question in QUESTIONS.items() if question.trains}
# Of a sweep, this many variants: all of them come from one grid.
MANY = 6


@pytest.fixture(scope="module", params=TRAINED.values(), ids=list(TRAINED))
def trained(request: pytest.FixtureRequest) -> Question:
    # Of the module, so that tests of one question follow one another and share its run.
    return request.param


@pytest.fixture(scope="module")
def ran(
    trained: Question, tmp_path_factory: pytest.TempPathFactory, no_data: Path
) -> tuple[Path, dict[str, Outcome]]:
    """The results folder of a run, and its outcomes."""
    words = ["--data", "stand-in", "--data-dir", str(no_data), "--epochs", "2"]
    words += support.flags(trained.id)
    if len(trained.seeds) > 1:
        words += ["--seed", str(trained.seeds[0])]
    if len(trained.variants) > MANY:
        for variant in list(trained.variants)[:MANY]:
            words += ["--variant", variant]
    return support.run(trained, tmp_path_factory.mktemp("results"), *words)


def test_two_epochs_write_finite_metrics_and_every_figure(trained: Question, ran: Any) -> None:
    folder, outcomes = ran
    assert set(outcomes) == set(list(trained.variants)[:MANY])
    support.check_metrics(outcomes)
    for outcome in outcomes.values():
        assert outcome.history["epoch"] == [1, 2]
        measured = {*trained.measures("epoch"), *trained.measures("end")}
        assert measured <= outcome.metrics.keys()
        assert set(trained.measures("epoch")) <= outcome.history.keys()
        assert all(map(math.isfinite, outcome.metrics.values()))
    support.check_files(trained, folder)


def test_every_published_metric_and_check_is_produced(trained: Question, ran: Any) -> None:
    support.check_published(trained, ran[1])


@every_question
def test_curves_are_of_metrics_that_are_measured(question: Question) -> None:
    measured = set(question.measures("epoch"))
    for figure in question.figures:
        if question.trains and figure.get("draw", "curves") == "curves":
            assert set(figure["metrics"]) <= measured
