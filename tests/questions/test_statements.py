"""What every question that computes has: verdicts that its file claims, results that repeat."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import support
import torch
from matplotlib.figure import Figure

from hw.config import catalog
from hw.config.catalog import Question
from hw.results.outcome import Outcome

QUESTIONS = {name: q for name, q in catalog.load_all().items() if not q.trains}

# Statements that are false, by question, independently of what its file says; others have none.
FALSE = {
    "ist2024.q3.quadratic_activation":
        "c3_published inputs_can_be_independent",
    "ist2023.q3.boolean_range": "weights_are_whole",
    "ist2021.q1.multinomial_loss": "softmax_of_z",
    "ist2021.q1.convexity": "equation_1_3",
    "ist2021.q2.squared_loss": "diagonal_is_two",
    "ift6390.q1.identities": "a_one_inside_tanh",
    "ift6390.q2.backprop":
        "c_a_bias_for_each_input e_risk_with_index_y e_first_layer_with_index_y"
        " f_summand_without_index m_ones_before_alphas o_shapes_by_d_h p_summand_as_printed",
    "ift6390.p1.parameters":
        "total_as_printed equation_counts_all_layers equation_inputs n_hidden_as_printed"
        " listed_network_is_closest",
    "e1394.q1.critical_points": "substitution_as_printed",
    "e1394.q1.overfitting":
        "training_error_falls_with_more_data more_data_leads_to_overfitting",
    "e1394.q1.capacity": "identity_activation_makes_the_product",
    "e1394.q1.weight_update":
        "relu_is_a_step one_loss_throughout softmax_slope_is_one slope_without_input_index"
        " harmless_class_sum harmless_relu_gates",
}  # fmt: skip
# Where every axes of every figure has both labels. Elsewhere panels share one, or are colour bars.
BOTH_LABELS = {"ist2024.q3.quadratic_activation", "e1394.q1.overfitting"}

both_backends = pytest.mark.parametrize("backend", ["numpy", "torch"])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As runs have it: on matrices this small, several threads wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=QUESTIONS.values(), ids=list(QUESTIONS))
def question(request: pytest.FixtureRequest) -> Question:
    # Of the module, so that tests of one question follow one another and share what it computed.
    return request.param


@pytest.fixture(scope="module")
def ran(
    question: Question, tmp_path_factory: pytest.TempPathFactory, no_data: Path
) -> Iterator[tuple[Path, dict[str, Outcome]]]:
    """The results folder of a run, and its outcomes. Keras is not there, as for `computed`."""
    words = ["--data", "stand-in", "--data-dir", str(no_data), *support.flags(question.id)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "keras", None)
        yield support.run(question, tmp_path_factory.mktemp("results"), *words)


def as_json(outcome: Outcome) -> str:
    """All that repeats: what was measured does not."""
    plain = {k: v for k, v in outcome.as_json().items() if k != "timing"}
    return json.dumps(plain, allow_nan=False, sort_keys=True)


def again(outcome: Outcome) -> dict[str, Any]:
    return {"default": Outcome.from_json(json.loads(json.dumps(outcome.as_json())))}


def inside(ax: Any) -> bool:
    """Whether a panel has others to the left of it and below, whose labels are its own."""
    place = ax.get_subplotspec()
    return bool(place) and not place.is_first_col() and not place.is_last_row()


def test_tables_name_questions() -> None:
    assert {*FALSE, *BOTH_LABELS} <= QUESTIONS.keys()
    assert support.SMALL.keys() <= catalog.load_all().keys()


@both_backends
def test_verdicts_are_those_that_the_file_claims(question: Question, backend: str) -> None:
    checks = support.computed(question.id, backend).checks
    found = {check.name: check.holds for check in checks}
    assert len(found) == len(checks), "a check's name is there twice"
    assert {name for name, holds in found.items() if not holds} == {
        *FALSE.get(question.id, "").split()
    }
    claims = [(c.details["check"], not c.erratum) for c in question.claims if c.sort == "check"]
    assert sorted(claims) == sorted(found.items())
    for check in checks:
        assert check.statement
        assert check.evidence
        assert "\n" not in check.evidence


def test_a_run_writes_what_was_computed_and_every_figure(question: Question, ran: Any) -> None:
    folder, outcomes = ran
    assert set(outcomes) == set(question.variants) == {"default"}
    # To the byte, and after the way through the files.
    assert as_json(outcomes["default"]) == as_json(support.computed(question.id, question.backend))
    support.check_metrics(outcomes)
    support.check_published(question, outcomes)
    support.check_files(question, folder)


def test_the_other_backend_repeats_to_the_byte(question: Question) -> None:
    other = {"numpy": "torch", "torch": "numpy"}[question.backend]
    first = support.computed(question.id, other)
    assert as_json(support.compute(question.id, other)) == as_json(first)


@both_backends
def test_figures_are_drawn_from_json_alone(question: Question, backend: str) -> None:
    draws = question.module.FIGURES
    assert {spec["draw"] for spec in question.figures} == set(draws)
    outcomes = again(support.computed(question.id, backend))
    for spec in question.figures:
        figure = draws[spec["draw"]](outcomes, {**spec, "title": "A title"})
        assert isinstance(figure, Figure)
        assert figure.get_suptitle() == "A title"
        assert figure.axes
        for ax in figure.axes:
            labels = [ax.get_xlabel(), ax.get_ylabel()]
            assert all(labels) if question.id in BOTH_LABELS else any(labels) or inside(ax)
        if backend != question.backend:  # a run has rendered those of its own
            figure.canvas.draw()
