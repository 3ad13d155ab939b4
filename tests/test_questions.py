"""Every question there is: its file, its place in the list, and a run of one epoch."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hw import catalog, plotting
from hw.catalog import CONFIGS, Question
from hw.cli import main
from hw.datasets import views
from hw.outcome import Outcome
from hw.results import Folder

QUESTIONS = catalog.load_all()
every_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))

# What the contract names, by homework. A question that is not made yet is not listed anywhere.
IDS = {
    "ist2024": "q1.perceptron q1.logistic_regression q1.l1_sparsity q1.mlp q2.logistic_regression"
    " q2.batch_size q2.dropout q2.momentum q3.quadratic_activation",
    "ist2023": "q1.perceptron q1.logistic_regression q1.expressiveness q1.mlp"
    " q2.logistic_regression q2.batch_size q2.learning_rate q2.regularization q3.boolean_range",
    "ist2021": "q1.sigmoid q1.logistic_loss q1.softmax_jacobian q1.multinomial_loss q1.convexity"
    " q2.squared_loss q2.linear_regression q2.neural_regression q3.perceptron"
    " q3.logistic_regression q3.linear_collapse q3.mlp q4.logistic_regression q4.feedforward"
    " q4.feedforward_grid q4.depth",
    "ift6390": "q1.identities q2.backprop p1.network p1.parameters p1.deep_network p1.regularised"
    " p1.seeds",
    "e1394": "q1.critical_points q1.relu_gradient q1.overfitting q1.capacity q1.weight_update"
    " q2.scratch q2.pytorch q2.keras q2.learning_rate_schedule",
}


def test_every_file_is_listed_and_every_listed_question_has_a_file() -> None:
    for homework in catalog.homeworks().values():
        files = {p.stem for p in homework.folder.glob("*.yaml")} - {"homework"}
        assert files == set(homework.questions)
        assert len(homework.questions) == len(set(homework.questions))
    assert {p.name for p in CONFIGS.iterdir()} == set(catalog.homeworks())


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
        assert views.view(question.data["name"], question.data["view"])
    draws = plotting.FIGURES | getattr(question.module, "FIGURES", {})
    for figure in question.figures:
        assert figure.get("draw", "curves") in draws
    assert question.trains == (not hasattr(question.module, "compute"))
    assert question.source.get("document")
    assert question.source.get("question")


@every_question
def test_variants_of_a_question_differ(question: Question) -> None:
    resolved = [json.dumps(question.resolve(v).as_dict()) for v in question.variants]
    assert len(set(resolved)) == len(resolved)


# A run of one epoch on the stand-in -------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, no_data: Path) -> Iterator[Any]:
    """Runs a question once for all the tests that ask for it; returns its folder and outcomes."""

    @functools.cache
    def run(question_id: str) -> tuple[Path, dict[str, Outcome]]:
        question = QUESTIONS[question_id]
        for package in getattr(question.module, "REQUIRES", ()):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed")
        results = tmp_path_factory.mktemp("results")
        words = ["run", question.id, "-q", "--data", "stand-in"]
        words += ["--data-dir", str(no_data), "--results-dir", str(results)]
        if question.trains:
            words += ["--epochs", "1"]
        if len(question.seeds) > 1:
            words += ["--seed", str(question.seeds[0])]
        if len(question.variants) > MANY:
            for variant in list(question.variants)[:MANY]:
                words += ["--variant", variant]
        assert main(words) == 0
        (folder,) = (results / question.homework).iterdir()
        return folder, Folder(folder).outcomes()

    yield run
    run.cache_clear()


# Of a sweep, this many variants: all of them come from one grid.
MANY = 6


@every_question
def test_one_epoch_writes_finite_metrics_and_every_figure(question: Question, ran: Any) -> None:
    folder, outcomes = ran(question.id)
    assert set(outcomes) == set(list(question.variants)[:MANY])
    for outcome in outcomes.values():
        assert not outcome.diverged
        assert outcome.metrics or outcome.checks
        for name, value in outcome.metrics.items():
            if name.endswith("_accuracy"):
                assert 0 <= value <= 1
        if question.trains:
            assert outcome.history["epoch"] == [1]
            measured = {*question.measures("epoch"), *question.measures("end")}
            assert measured <= outcome.metrics.keys()
            assert set(question.measures("epoch")) <= outcome.history.keys()
            for name in question.measures("epoch"):
                assert math.isfinite(outcome.metrics[name])
    for figure in question.figures:
        assert (folder / "figures" / f"{figure['name']}.pdf").stat().st_size > 1000
        assert (folder / "figures" / f"{figure['name']}.png").stat().st_size > 1000
    for path in folder.glob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


@every_question
def test_every_published_metric_and_check_is_produced(question: Question, ran: Any) -> None:
    _, outcomes = ran(question.id)
    checks = {c.name for o in outcomes.values() for c in o.checks}
    for claim in question.claims:
        details = claim.details
        if claim.sort == "check":
            assert details["check"] in checks
        if claim.sort in ("value", "range") and claim.variant in outcomes:
            assert details["metric"] in outcomes[claim.variant].all_metrics()
        if claim.sort in ("trend", "crossing", "best") and claim.variant in outcomes:
            curve = details[claim.sort]
            assert curve in outcomes[claim.variant].history
        if claim.sort == "order":
            for outcome in outcomes.values():
                assert details["order"] in outcome.all_metrics()
                assert details.get("minus", details["order"]) in outcome.all_metrics()


@every_question
def test_curves_are_of_metrics_that_are_measured(question: Question) -> None:
    measured = set(question.measures("epoch"))
    for figure in question.figures:
        if question.trains and figure.get("draw", "curves") == "curves":
            assert set(figure["metrics"]) <= measured
