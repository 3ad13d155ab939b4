"""IST 2023-24: what is measured, and what its printed numbers can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.claims import Claim
from hw.config.record import Curve, curves
from hw.datasets.features import Dataset
from hw.datasets.octmnist import TEST_COUNTS
from hw.questions.models import feedforward
from hw.results.outcome import Outcome
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import CONTRADICTIONS, Verdict
from hw.verdicts.judge import judge_all

EPOCH = {"train_loss", "validation_loss", "validation_accuracy"}


def both(*variants: str) -> list[str]:
    """With two hidden layers, as the task asks, and with one, as the document's numbers have."""
    return [*variants, *(f"{variant}-one-layer" for variant in variants)]


METRICS = {
    "q1.perceptron": {"train_accuracy", "validation_accuracy", "test_accuracy"},
    "q1.logistic_regression": {"train_accuracy", "validation_accuracy", "test_accuracy"},
    "q1.mlp": {
        "train_loss",
        "train_loss_measured",
        "train_accuracy",
        "validation_accuracy",
        "test_accuracy",
    },
    "q2.logistic_regression": EPOCH | {"test_accuracy"},
    "q2.batch_size": EPOCH
    | {"train_accuracy", "test_accuracy", "updates_per_epoch", "update_noise"},
    "q2.learning_rate": EPOCH | {"test_accuracy", "early_rise"},
    "q2.regularization": EPOCH | {"test_accuracy"},
}
VARIANTS = {
    "q1.logistic_regression": ["lr-0.01", "lr-0.001"],
    "q2.logistic_regression": ["lr-0.001", "lr-0.01", "lr-0.1"],
    "q2.batch_size": [*both("batch-16", "batch-1024"), "batch-1-one-layer"],
    "q2.learning_rate": both("lr-1", "lr-0.1", "lr-0.01", "lr-0.001"),
    "q2.regularization": both("default", "l2", "dropout"),
}


@pytest.mark.parametrize("name", METRICS)
def test_what_is_measured(name: str) -> None:
    """That a run yields it, and draws its figures, is for tests/test_questions.py to say."""
    question = catalog.find(f"ist2023.{name}")
    assert question.data is not None
    assert question.data["name"] == "octmnist"
    assert set(question.variants) == set(VARIANTS.get(name, ["default"]))
    assert METRICS[name] <= {*question.measures("epoch"), *question.measures("end")}


@pytest.mark.parametrize(("network", "layers"), [("", 2), ("-one-layer", 1)])
def test_shared_run_of_two_tables(network: str, layers: int) -> None:
    # The document compares one and the same run with other batch sizes and other learning rates.
    batches = catalog.find("ist2023.q2.batch_size").resolve(f"batch-16{network}")
    rates = catalog.find("ist2023.q2.learning_rate").resolve(f"lr-0.1{network}")
    assert batches.as_dict() == rates.as_dict()
    assert batches.settings.layers == layers


@pytest.mark.parametrize("name", ["q2.batch_size", "q2.learning_rate", "q2.regularization"])
def test_the_variants_of_one_layer_differ_in_nothing_else(name: str) -> None:
    question = catalog.find(f"ist2023.{name}")
    for variant in [v for v in question.variants if f"{v}-one-layer" in question.variants]:
        one = question.resolve(f"{variant}-one-layer").as_dict()
        assert one == {**question.resolve(variant).as_dict(), "layers": 1}


def logged(name: str, variant: str, metric: str) -> list[Curve]:
    return curves(catalog.homeworks()["ist2023"].folder, name, variant, metric)


def test_the_authors_own_logs_end_in_what_they_print() -> None:
    """But for the one slip. The run at 0.1 is recorded as that of batches of 16."""
    found = {}
    for question in catalog.load_all().values():
        for claim in question.claims if question.homework == "ist2023" else ():
            if claim.sort == "value" and claim.details["metric"] == "test_accuracy":
                logs = logged(question.name, claim.variant, "test_accuracy")
                ends = {f"{curve.values[-1]:.4f}" for curve in logs}
                found[f"{question.name} {claim.variant}"] = claim.details["value"] in ends
    assert [name for name, agrees in found.items() if not agrees] == [
        "q2.batch_size batch-1024-one-layer",
        "q2.learning_rate lr-0.1-one-layer",
    ]
    assert len(found) == 12


def replayed(question: Question) -> Evidence:
    """As if a run had given the curves of the record, for all variants that have one alone."""
    outcomes = {}
    for variant in question.variants:
        metrics = ("train_loss", "train_accuracy", "validation_accuracy", "test_accuracy")
        found = {m: logged(question.name, variant, m) for m in metrics}
        history = {m: list(logs[0].values) for m, logs in found.items() if len(logs) == 1}
        if history:
            ends = {m: values[-1] for m, values in history.items()}
            del history["test_accuracy"]
            history["epoch"] = list(range(1, 1 + max(map(len, history.values()))))
            outcomes[variant] = Outcome(metrics=ends, history=history)
    return Evidence(question, outcomes, source="real")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_logs_contradict_nothing_that_the_document_says(name: str) -> None:
    found = judge_all(replayed(catalog.find(f"ist2023.{name}")))
    verdicts = [j.finding.verdict for j in found if not j.claim.erratum]
    assert not CONTRADICTIONS & set(verdicts)
    judged = [v for v in verdicts if v is not Verdict.NOT_RUN]
    assert judged.count(Verdict.EXACT) >= 5
    # Which takes a run at 0.1 or of batches of 1, or several seeds.
    unsupported = ("q2.batch_size", "q2.learning_rate", "q2.logistic_regression")
    assert Verdict.SUPPORTED in judged or name in unsupported


def test_a_curve_of_two_layers_is_noticed() -> None:
    """What another group logged of two layers, taken for the run of one."""
    evidence = replayed(catalog.find("ist2023.q2.regularization"))
    two = list(logged("q2.regularization", "default", "train_loss")[0].values)
    one = evidence.outcomes["default-one-layer"]
    changed = Outcome({**one.metrics, "train_loss": two[-1]}, {**one.history, "train_loss": two})
    outcomes = {**evidence.outcomes, "default-one-layer": changed}
    found = judge_all(replace(evidence, outcomes=outcomes))
    bad = [j.claim for j in found if j.finding.verdict is Verdict.DIFFERS]
    assert [(c.sort, c.variant, c.details["record"]) for c in bad] == [
        ("record", "default-one-layer", "train_loss")
    ]


@pytest.mark.parametrize(
    ("name", "variant"),
    [("q2.batch_size", "batch-16"), ("q2.batch_size", "batch-1024")]
    + [("q2.learning_rate", f"lr-{rate}") for rate in ("0.01", "0.001")]
    + [("q2.regularization", variant) for variant in ("default", "l2", "dropout")],
)
def test_logs_of_one_layer_are_of_another_network(name: str, variant: str) -> None:
    """After the first epoch, machines of one network differ far less than the two networks do."""
    two = [curve.values[0] for curve in logged(name, variant, "train_loss")]
    (one,) = [curve.values[0] for curve in logged(name, f"{variant}-one-layer", "train_loss")]
    assert max(two) - min(two) < 0.002 < 0.003 < min(abs(one - loss) for loss in two)


COUNTED = [
    claim
    for question in catalog.load_all().values()
    if question.homework == "ist2023"
    for claim in question.claims
    if "count" in claim.details
]


class TestPrintedNumbers:
    def test_every_test_accuracy_has_its_count(self) -> None:
        assert len(COUNTED) == 13
        assert sum(TEST_COUNTS) == 529
        assert {c.details["count"] for c in COUNTED} == {529, 10832}

    def test_only_one_is_impossible(self) -> None:
        impossible = [c for c in COUNTED if not c.possible_counts]
        assert [c.details["value"] for c in impossible] == ["0.7208"]
        assert impossible[0].erratum
        assert not any(c.erratum for c in COUNTED if c.possible_counts)

    def test_neighbours_of_the_impossible_one(self) -> None:
        assert [f"{k / 529:.4f}" for k in (381, 382)] == ["0.7202", "0.7221"]

    def test_learning_rate_1_answers_with_one_class(self) -> None:
        found = {
            c.details["metric"]: c.possible_counts for c in COUNTED if c.variant == "lr-1-one-layer"
        }
        assert found == {"test_accuracy": [250], "validation_accuracy": [5114]}
        assert TEST_COUNTS[3] == 250

    @pytest.mark.parametrize(("value", "count"), [("0.7208", 529), ("0.5", 2), ("0.33", 7)])
    def test_possible_counts_by_printing_them_all(self, value: str, count: int) -> None:
        claim = Claim("value", {"value": value, "count": count})
        decimals = len(value) - 2
        expected = []
        for k in range(count + 1):
            rounded = f"{k / count:.{decimals}f}"
            cut = f"{k / count:.{decimals + 12}f}"[: decimals + 2]
            if value in (rounded, cut):
                expected.append(k)
        assert claim.possible_counts == expected


@pytest.mark.parametrize(("variant", "dropout"), [("default", 0.0), ("l2", 0.0), ("dropout", 0.2)])
def test_equals_script(variant: str, dropout: float, dots: Dataset) -> None:
    """nn.Module, DataLoader with a generator of its own, and torch.optim, in batches of 16."""
    question = catalog.find("ist2023.q2.regularization")
    settings = feedforward.Settings(
        **{**question.resolve(variant).as_dict(), "batch_size": 16, "hidden_size": 9}
    )
    learner = feedforward.learner(settings, dots, "torch")
    torch.manual_seed(42)
    modules: list[nn.Module] = []
    for narrow in (dots.n_features, 9):
        modules += [nn.Linear(narrow, 9), nn.ReLU(), nn.Dropout(dropout)]
    model = nn.Sequential(*modules, nn.Linear(9, dots.n_classes))
    X = torch.tensor(dots.train.features.take(slice(None)), dtype=torch.float32)
    loader = DataLoader(
        TensorDataset(X, torch.tensor(dots.train.labels)),
        batch_size=16,
        shuffle=True,
        generator=torch.Generator().manual_seed(42),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=settings.l2_decay)
    losses = []
    for _ in range(3):
        losses.append([])
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
        assert learner.train_epoch()["train_loss"] == pytest.approx(np.mean(losses[-1]), rel=1e-5)
    assert np.ptp(np.mean(losses, axis=1)) > 1e-3
    for mine, theirs in zip(learner.parameters().values(), model.parameters(), strict=True):
        # float32, 9 updates
        assert_allclose(mine, theirs.detach().numpy(), rtol=1e-5, atol=1e-7, equal_nan=False)
