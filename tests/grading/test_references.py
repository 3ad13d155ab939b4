"""The references against hw's own learners: two programs that share no line of their gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw import datasets
from hw.datasets.features import Dataset
from hw.grading.references import REFERENCES, Sizes
from hw.questions.models import (
    course_network,
    digits_scratch,
    linear_classifier,
    linear_regression,
    mlp,
    neural_regression,
)

UPDATES = 25


def stand_in(name: str, view: str) -> Dataset:
    return datasets.load(name, view, Path("/nowhere"), "stand-in")


def of_layers(names: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A learner's ``0.weight``, ``0.bias``, … under the names of the handout."""
    return dict(zip(names.split(), parameters.values(), strict=True))


CASES = {
    "perceptron": (
        ("octmnist", "ist2023"),
        linear_classifier.learner,
        linear_classifier.Settings(model="perceptron"),
    ),
    "logistic_regression": (
        ("octmnist", "ist2023"),
        linear_classifier.learner,
        linear_classifier.Settings(learning_rate=0.01, l2_penalty=0.1),
    ),
    "linear_regression": (
        ("ames", "ist2021"),
        linear_regression.learner,
        linear_regression.Settings(learning_rate=0.001),
    ),
}


@pytest.mark.parametrize("model", CASES)
def test_a_linear_model_is_that_of_its_question(model: str) -> None:
    (name, view), make, settings = CASES[model]
    data = stand_in(name, view)
    learner = make(settings, data, "numpy")
    learner.advance(UPDATES)
    X = data.train.features.take(slice(None))
    X = np.column_stack([X, np.ones(len(X))])
    sizes = Sizes(X.shape[1], data.n_classes or 1)
    reference = REFERENCES[model](
        sizes, settings.learning_rate, getattr(settings, "l2_penalty", 0.0)
    )
    reference.start()
    rows = np.random.RandomState(42).permutation(len(X))[:UPDATES]
    reference.epoch(X[rows], data.train.labels[rows])
    weight, bias = learner.parameters().values()
    expected = np.concatenate([np.atleast_2d(weight), bias.reshape(-1, 1)], axis=1).squeeze()
    found = next(iter(reference.parameters().values()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert np.ptp(found) > 0
    assert not reference.b.any()


@pytest.mark.parametrize("model", ["mlp", "neural_regression"])
def test_a_network_is_that_of_its_question(model: str) -> None:
    module: Any = {"mlp": mlp, "neural_regression": neural_regression}[model]
    data = stand_in("octmnist", "ist2023") if model == "mlp" else stand_in("ames", "ist2021")
    settings = module.Settings(hidden_size=20, learning_rate=0.001)
    learner = module.learner(settings, data, "numpy")
    sizes = Sizes(data.n_features, data.n_classes or 1, 20)
    reference = REFERENCES[model](sizes, 0.001)
    reference.start()
    names = "W1 b1 W2 b2"
    for n, p in of_layers(names, learner.parameters()).items():
        np.testing.assert_array_equal(reference.parameters()[n], p)
    loss = learner.advance(UPDATES)
    rows = reference.random.permutation(len(data.train))[:UPDATES]
    X, y = data.train.features.take(rows), data.train.labels[rows]
    reported = reference.epoch(X, y)
    assert reported == pytest.approx(loss, rel=1e-12)
    for n, p in of_layers(names, learner.parameters()).items():
        found = reference.parameters()[n]
        np.testing.assert_allclose(found, p, rtol=0, atol=1e-12 * np.abs(p).max(), err_msg=n)
        assert np.ptp(found) > 0 or found.size == 1


def test_the_network_from_scratch_is_that_of_its_question() -> None:
    data = stand_in("mnist", "e1394-scratch")
    settings = digits_scratch.Settings(hidden_sizes=(12, 9), learning_rate=1.5)
    learner = digits_scratch.learner(settings, data, "numpy")
    reference = REFERENCES["scratch"](Sizes(data.n_features, 10, 12, 9), 1.5, seed=1)
    reference.start()
    learner.advance(UPDATES)
    reference.epoch(data.train.features.take(slice(UPDATES)), data.train.labels[:UPDATES])
    for n, p in of_layers("W1 W2 W3", learner.parameters()).items():
        np.testing.assert_allclose(reference.parameters()[n], p, rtol=0, atol=1e-12, err_msg=n)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_the_course_s_network_is_that_of_its_question(activation: Any) -> None:
    data = stand_in("cifar-10", "ift6390")
    settings = course_network.Settings(
        hidden_sizes=(12, 9), activation=activation, batch_size=10, dtype="float64"
    )
    learner = course_network.learner(settings, data, "numpy")
    sizes = Sizes(data.n_features, 10, 12, 9)
    reference = REFERENCES["network"](sizes, 0.03, seed=0, activation=activation)
    reference.start()
    learner.advance(5)
    for first in range(0, 50, 10):
        rows = slice(first, first + 10)
        reference.epoch(data.train.features.take(rows), data.train.labels[rows])
    for n, p in of_layers("W1 b1 W2 b2 W3 b3", learner.parameters()).items():
        np.testing.assert_allclose(reference.parameters()[n], p, rtol=0, atol=1e-12, err_msg=n)
        assert np.ptp(reference.parameters()[n]) > 0


@pytest.mark.parametrize("model", REFERENCES)
def test_predictions_are_the_outputs_highest(model: str) -> None:
    """Against a loop over examples: the score of an example depends on no other."""
    sizes = Sizes(
        7, 1 if model.endswith("al_regression") or model == "linear_regression" else 4, 5, 3
    )
    reference = REFERENCES[model](sizes, 0.1)
    reference.start()
    random = np.random.default_rng(0)
    reference.load({n: random.standard_normal(p.shape) for n, p in reference.parameters().items()})
    X = random.standard_normal((20, 7))
    one_by_one = np.concatenate([reference.predict(x[None]) for x in X])
    np.testing.assert_allclose(reference.predict(X), one_by_one, rtol=1e-12)
    assert np.ptp(one_by_one) > 0
