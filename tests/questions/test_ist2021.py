"""IST 2021-22: what is measured, and every training against the assignment's own loops."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from support import CommandLine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import plain
from hw import datasets
from hw.config import catalog
from hw.datasets.features import Dataset
from hw.questions.models import feedforward, linear_classifier
from hw.results.outcome import Outcome
from hw.training.loop import fit
from hw.training.per_example import SequentialLearner

BEST = "lr-0.001_hidden-200_dropout-0.3_activation-relu_optimizer-sgd"
EVERY_EPOCH = {
    "q2.linear_regression": {
        "train_loss",
        "test_loss",
        "distance",
        "distance_row_space",
        "distance_null_space",
    },
    "q2.more_epochs": {"distance"},
    "q2.neural_regression": {"train_loss", "test_loss"},
    "q2.learning_rate": {"train_loss", "test_loss"},
    "q3.perceptron": {"validation_accuracy", "test_accuracy"},
    "q3.logistic_regression": {"validation_accuracy", "test_accuracy"},
    "q3.mlp": {"train_loss", "validation_accuracy", "test_accuracy"},
    "q4.logistic_regression": {"train_loss", "validation_loss", "validation_accuracy"},
    "q4.feedforward": {"train_loss", "validation_loss", "validation_accuracy"},
    "q4.depth": {"train_loss", "validation_loss", "validation_accuracy"},
}
VARIANTS = {
    "q2.learning_rate": ["lr-0.001", "lr-0.0009", "lr-0.0005"],
    "q4.logistic_regression": ["lr-0.1", "lr-0.01", "lr-0.001"],
    "q4.depth": ["layers-2", "layers-3"],
}


@pytest.mark.parametrize("name", EVERY_EPOCH)
def test_what_is_measured(name: str) -> None:
    """That a run yields it, and draws its figures, is for tests/test_questions.py to say."""
    question = catalog.find(f"ist2021.{name}")
    assert set(question.variants) == set(VARIANTS.get(name, ["default"]))
    assert EVERY_EPOCH[name] <= set(question.measures("epoch"))
    assert not name.startswith("q4") or "test_accuracy" in question.measures("end")


def test_the_rates_of_one_network_and_the_epochs_of_one_regression_are_all_that_differs() -> None:
    for name, base, change in (
        ("q2.learning_rate", "q2.neural_regression", "learning_rate"),
        ("q2.more_epochs", "q2.linear_regression", "epochs"),
    ):
        question, of = catalog.find(f"ist2021.{name}"), catalog.find(f"ist2021.{base}")
        expected = of.resolve("default").as_dict()
        for variant in question.variants:
            found = question.resolve(variant).as_dict()
            assert {k for k in found if found[k] != expected[k]} <= {change}


@pytest.mark.figures
@pytest.mark.usefixtures("tiny_stand_ins")
def test_grid_runs_end_to_end(hw_stand_in: CommandLine) -> None:
    diverging = BEST.replace("0.001", "0.1").replace("sgd", "adam")
    words = ["--epochs", 1, "--variant", BEST, "--variant", diverging, "--json"]
    answer = hw_stand_in("run", "ist2021.q4.feedforward_grid", *words)
    assert answer.code == 0, answer.err
    (run,) = answer.json["runs"]
    assert set(run["metrics"]) == {BEST, diverging}
    figures = {path.stem for path in (Path(run["folder"]) / "figures").glob("*.png")}
    assert figures == {"grid", "main-effects"}


class TestGrid:
    question = catalog.find("ist2021.q4.feedforward_grid")

    def test_all_combinations(self) -> None:
        assert len(self.question.variants) == 48
        assert BEST in self.question.variants
        settings = [tuple(v.values()) for v in self.question.variants.values()]
        assert len(set(settings)) == 48
        assert "ist2021.q4.feedforward_grid" not in {
            q.id for q in catalog.select(["ist2021.*", "all", "ist2021"])[0]
        }

    def test_best_is_the_configuration_of_q4_feedforward(self) -> None:
        single = catalog.find("ist2021.q4.feedforward").resolve("default").as_dict()
        # A sweep takes the fast step, a single run the plain one.
        assert self.question.resolve(BEST).as_dict() == {**single, "step": "direct"}
        assert single["step"] == "autograd"

    def test_best_is_compared_with_all_others(self) -> None:
        (claim,) = (claim for claim in self.question.claims if claim.sort == "order")
        assert claim.details["higher"] == BEST
        assert set(claim.details["lower"]) == set(self.question.variants) - {BEST}

    @staticmethod
    def outcomes(names: list[str]) -> dict[str, Outcome]:
        """Better for smaller learning rates; one diverged."""
        found = {}
        for i, name in enumerate(names):
            rate = float(re.findall(r"lr-([^_]+)", name)[0])
            found[name] = Outcome(metrics={"validation_accuracy": 0.88 - rate - 0.0001 * i})
        found[names[1]] = Outcome(metrics={"diverged": 1, "diverged_epoch": 3})
        return found

    @pytest.mark.parametrize("count", [48, 7, 2])
    def test_picture_of_any_subset(self, count: int) -> None:
        outcomes = self.outcomes(list(self.question.variants)[:count])
        figure = feedforward.draw_grid(outcomes, {"title": "Grid"})
        texts = [t.get_text() for ax in figure.axes for t in ax.texts]
        assert len(texts) == count
        assert texts.count("×") == 1
        # The best one, and no other, is framed.
        frames = [p for ax in figure.axes for p in ax.patches if p.get_linewidth() == 2]
        assert len(frames) == 1
        best = max(o.metrics.get("validation_accuracy", 0) for o in outcomes.values())
        assert f"{best:.3f}".lstrip("0") in texts
        assert len({ax.get_title() for ax in figure.axes} - {""}) == min(3, -(-count // 16))

    def test_main_effects_come_in_their_order(self) -> None:
        outcomes = self.outcomes(list(self.question.variants))
        figure = feedforward.draw_main_effects(outcomes, {"title": "Effects"})
        assert figure.axes[0].get_xlabel() == "learning rate"
        assert {ax.get_xlabel() for ax in figure.axes} == {
            "learning rate",
            "hidden units",
            "dropout",
            "activation",
            "optimiser",
        }
        levels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
        assert levels == ["0.001", "0.01", "0.1"]

    def test_nothing_to_compare(self) -> None:
        one = {BEST: Outcome(metrics={"validation_accuracy": 0.88})}
        assert feedforward.draw_grid(one, {}).axes
        assert feedforward.draw_main_effects(one, {}).axes


def script_losses(
    model: nn.Module, data: Dataset, learning_rate: float, epochs: int, steps: int | None = None
) -> list[list[float]]:
    """The losses of every step of the assignment's loop: DataLoader, batches of one, SGD."""
    train = data.train
    X = torch.tensor(train.features.take(slice(None)), dtype=torch.float32)
    loader = DataLoader(TensorDataset(X, torch.tensor(train.labels)), batch_size=1, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    criterion = nn.CrossEntropyLoss()
    model.train()
    epochs_losses = []
    for _ in range(epochs):
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
        epochs_losses.append(losses)
    return epochs_losses


class TestToolkit:
    """Question 4 against nn.Module, DataLoader and torch.optim, seeded as the script seeds them."""

    def learner(self, name: str, variant: str, data: Dataset) -> tuple[Any, Any]:
        settings = catalog.find(f"ist2021.{name}").resolve(variant).settings
        return feedforward.learner(settings, data, "torch"), settings

    @pytest.mark.parametrize(
        ("name", "variant", "hidden"),
        [
            ("q4.logistic_regression", "lr-0.01", 0),
            ("q4.feedforward", "default", 1),
            ("q4.depth", "layers-3", 3),
        ],
    )
    def test_equals_script(self, name: str, variant: str, hidden: int, dots: Dataset) -> None:
        learner, settings = self.learner(name, variant, dots)
        torch.manual_seed(42)
        sizes = [dots.n_features, *[200] * hidden, dots.n_classes]
        modules: list[nn.Module] = []
        for narrow, wide in itertools.pairwise(sizes):
            modules += [nn.Linear(narrow, wide), nn.ReLU(), nn.Dropout(0.3)]
        model = nn.Sequential(*modules[:-2])
        losses = script_losses(model, dots, settings.learning_rate, epochs=3)
        seen: list[float] = []
        for epoch in losses:
            seen += epoch
            # The year's plotted loss: the mean over all steps since the first.
            loss = learner.train_epoch()["train_loss"]
            assert loss == pytest.approx(np.mean(seen), rel=1e-5)
        assert np.ptp([np.mean(epoch) for epoch in losses]) > 1e-3
        for mine, theirs in zip(learner.parameters().values(), model.parameters(), strict=True):
            # float32, 123 updates
            assert_allclose(mine, theirs.detach().numpy(), rtol=1e-4, atol=1e-6, equal_nan=False)

    def test_defaults_of_the_script(self) -> None:
        for name in ("q4.logistic_regression", "q4.feedforward", "q4.depth"):
            question = catalog.find(f"ist2021.{name}")
            for variant in question.variants:
                s = question.resolve(variant).settings
                assert (s.batch_size, s.epochs, s.loader, s.running_loss, s.l2_decay) == (
                    (1, 20, "global", True, 0.0)
                )


@pytest.fixture(scope="module")
def fashion(real_data: Path) -> Dataset:
    return datasets.load("fashion-mnist", "ist2021", real_data, mode="real")


@pytest.mark.real_data
class TestFashion:
    def plain_accuracies(self, data: Dataset, model: str, epochs: int) -> list[tuple[float, float]]:
        """The assignment's script for question 3: validation and test accuracy by epoch."""
        parts = {
            name: (np.column_stack([s.features.take(slice(None)), np.ones(len(s))]), s.labels)
            for name, s in data.splits.items()
        }
        random = np.random.RandomState(42)
        X, y = parts["train"]
        W = np.zeros((10, X.shape[1]))
        rows = []
        for _ in range(epochs):
            order = random.permutation(len(X))
            X, y = X[order], y[order]
            if model == "perceptron":
                plain.plain_perceptron(W, X, y)
            else:
                plain.plain_logistic(W, X, y, 0.001)
            accuracy = [
                float(((A @ W.T).argmax(1) == labels).mean())
                for A, labels in (parts["validation"], parts["test"])
            ]
            rows.append((accuracy[0], accuracy[1]))
        return rows

    @pytest.mark.parametrize("model", ["perceptron", "logistic_regression"])
    def test_linear_models_equal_plain_loops(self, model: str, fashion: Dataset) -> None:
        question = catalog.find(f"ist2021.q3.{model}")
        settings = question.resolve("default").settings
        learner: SequentialLearner = linear_classifier.learner(settings, fashion, "numpy")
        history = fit(learner, 2, question.measures("epoch"), ()).history
        mine = list(zip(history["validation_accuracy"], history["test_accuracy"], strict=True))
        assert mine == self.plain_accuracies(fashion, model, 2)

    def test_first_losses_equal_script(self, fashion: Dataset) -> None:
        settings = catalog.find("ist2021.q4.logistic_regression").resolve("lr-0.001").settings
        learner = feedforward.learner(settings, fashion, "torch")
        torch.manual_seed(42)
        model = nn.Linear(784, 10)
        (losses,) = script_losses(model, fashion, 0.001, epochs=1, steps=2000)
        learner.advance(2000)
        for mine, theirs in zip(learner.parameters().values(), model.parameters(), strict=True):
            # float32, 2000 updates
            assert_allclose(mine, theirs.detach().numpy(), rtol=1e-3, atol=1e-6, equal_nan=False)
        assert np.mean(losses[-200:]) < np.mean(losses[:200])

    def test_published_test_accuracy(self, fashion: Dataset) -> None:
        question = catalog.find("ist2021.q4.logistic_regression")
        # A million updates: autograd's, which a full run makes, take four minutes here.
        settings = replace(question.resolve("lr-0.001").settings, step="direct")
        learner = feedforward.learner(settings, fashion, "torch")
        metrics = fit(learner, 20, ("train_loss",), ("test_accuracy",)).metrics
        assert f"{metrics['test_accuracy']:.4f}" == "0.8388"
