"""The network from scratch: a plain loop, autograd, finite differences, by hand, end to end."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hw.config.located import read_yaml
from hw.datasets import load
from hw.errors import UsageError
from hw.lockstep.compare import compare
from hw.questions.models import digits_scratch
from hw.questions.models.digits_scratch import MEASURE, Settings
from hw.training.loop import fit
from hw.training.random_draws import CentredDraws

CONFIG = Path(__file__).parents[3] / "configs" / "e1394/q2.scratch.yaml"
DERIVATIVES = ["diagonal", "jacobian"]
SMALL = {"hidden_sizes": (6, 5), "epochs": 3}


def plain_loop(settings, data):
    """The protocol as one would write it down: weights, and a row of the history an epoch."""
    np.random.seed(settings.seed)
    sizes = [data.n_features, *settings.hidden_sizes, data.n_classes]
    W = [np.random.rand(b, a) - 0.5 for a, b in pairwise(sizes)]

    def run(x):
        outputs = [x]
        for w in W[:-1]:
            outputs.append(1 / (1 + np.exp(-np.dot(w, outputs[-1]))))
        z = np.dot(W[-1], outputs[-1])
        exps = np.exp(z - z.max())
        return outputs, exps / np.sum(exps)

    def judge(split):
        X = split.features.take(slice(None))
        outputs = [run(x)[1] for x in X]
        right = [o.argmax() == label for o, label in zip(outputs, split.labels, strict=True)]
        losses = [
            sum((o[k] - (k == label)) ** 2 for k in range(len(o))) / len(o)
            for o, label in zip(outputs, split.labels, strict=True)
        ]
        return sum(right) / len(right), sum(losses) / len(losses)

    history = []
    train = data.splits["train"]
    for _ in range(settings.epochs):
        for x, label in zip(train.features.take(slice(None)), train.labels, strict=True):
            y = np.eye(data.n_classes)[label]
            outputs, s = run(x)
            if settings.softmax_derivative == "diagonal":
                error = 2 * (s - y) / s.shape[0] * (s * (1 - s))
            else:
                error = (np.diag(s) - np.outer(s, s)) @ (2 * (s - y) / s.shape[0])
            steps = []
            for layer in reversed(range(len(W))):
                steps.append((layer, np.outer(error, outputs[layer])))
                error = np.dot(W[layer].T, error) * outputs[layer] * (1 - outputs[layer])
            for layer, step in steps:
                W[layer] -= settings.learning_rate * step
        history.append([*judge(train), *judge(data.splits["validation"])])
    return W, np.array(history)


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_whole_runs_equal_a_plain_loop(dots, derivative, backend):
    settings = Settings(**SMALL, softmax_derivative=derivative)
    weights, expected = plain_loop(settings, dots)
    learner = digits_scratch.learner(settings, dots, backend)
    history = fit(learner, settings.epochs, MEASURE["epoch"], ()).history
    names = ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss")
    for name, column in zip(names, expected.T, strict=True):
        assert np.allclose(history[name], column, rtol=1e-9, atol=0, equal_nan=False)
    assert len({tuple(row) for row in expected}) == settings.epochs  # it does learn something
    for found, W in zip(learner.parameters().values(), weights, strict=True):
        assert np.allclose(found, W, rtol=1e-9, atol=1e-12, equal_nan=False)


def test_the_first_epoch_of_the_real_sizes_equals_a_plain_loop(no_data):
    data = load("mnist", "e1394-scratch", no_data, "stand-in")
    settings = Settings(epochs=1)
    weights, expected = plain_loop(settings, data)
    learner = digits_scratch.learner(settings, data, "numpy")
    history = fit(learner, 1, MEASURE["epoch"], ()).history
    assert history["train_accuracy"][0] == expected[0, 0]
    assert history["validation_accuracy"][0] == expected[0, 2]
    for found, W in zip(learner.parameters().values(), weights, strict=True):
        # The same operations in the same order; BLAS may sum a transposed matrix otherwise.
        assert np.allclose(found, W, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_numpy_and_torch_walk_together(dots, derivative):
    settings = Settings(hidden_sizes=(9, 8), softmax_derivative=derivative)
    learners = [digits_scratch.learner(settings, dots, b) for b in ("numpy", "torch")]
    assert compare(*learners, updates=100).parting is None


def test_the_two_derivatives_part(dots):
    learners = [
        digits_scratch.learner(Settings(**SMALL, softmax_derivative=d), dots, "numpy")
        for d in DERIVATIVES
    ]
    assert compare(*learners, updates=3).parting.update == 1


def slope_error(derivative):
    """How far δ_L lies from finite differences of C in the logits, relative to their length."""
    rng = np.random.default_rng(3)
    worst = 0.0
    for _ in range(3):
        z, y = rng.normal(size=5), np.eye(5)[rng.integers(5)]

        def cost(z, y=y):
            return float(np.mean((digits_scratch.softmax(z) - y) ** 2))

        steps = 1e-6 * np.eye(5)
        expected = np.array([(cost(z + h) - cost(z - h)) / 2e-6 for h in steps])
        found = digits_scratch.output_error(digits_scratch.softmax(z), y, derivative)
        worst = max(worst, float(np.linalg.norm(found - expected) / np.linalg.norm(expected)))
    return worst


def test_the_jacobian_gives_the_gradient_and_the_diagonal_does_not():
    # Central differences of step 1e-6 err by some 1e-10 of values near 1.
    assert slope_error("jacobian") < 1e-6
    assert slope_error("diagonal") > 0.05


def test_a_slightly_wrong_gradient_is_noticed(monkeypatch):
    right = digits_scratch.output_error
    monkeypatch.setattr(digits_scratch, "output_error", lambda *a: 1.0005 * right(*a))
    assert slope_error("jacobian") > 1e-4


def test_output_error_by_hand():
    s, y = np.array([0.25, 0.75]), np.array([1.0, 0.0])
    c = np.array([-0.75, 0.75])  # 2 (s - y) / 2
    diagonal = c * 3 / 16  # s (1 - s) is 3/16 for both
    assert digits_scratch.output_error(s, y, "diagonal") == pytest.approx(diagonal, rel=1e-15)
    # J = 3/16 (1 -1; -1 1)
    jacobian = 3 / 16 * np.array([c[0] - c[1], c[1] - c[0]])
    assert digits_scratch.output_error(s, y, "jacobian") == pytest.approx(jacobian, rel=1e-15)


def test_extreme_inputs_stay_finite():
    with np.errstate(over="ignore"):
        assert digits_scratch.sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0, 0.5, 1]
    assert digits_scratch.softmax(np.array([1000.0, 0.0])).tolist() == [1, 0]


def test_draws_follow_the_global_generator():
    np.random.seed(7)
    expected = [np.random.rand(3, 4) - 0.5, np.random.rand(2, 3) - 0.5]
    for found, wanted in zip(CentredDraws(7).weights((4, 3, 2)), expected, strict=True):
        assert np.array_equal(found, wanted)
    orders = CentredDraws(7).orders(3)
    assert [next(orders).tolist() for _ in range(2)] == [[0, 1, 2], [0, 1, 2]]


def test_updates_count_across_epochs(dots):
    whole, pieces = (digits_scratch.learner(Settings(**SMALL), dots, "numpy") for _ in range(2))
    whole.advance(len(dots.train) + 10)
    for updates in (1, len(dots.train), 9):
        pieces.advance(updates)
    for a, b in zip(whole.parameters().values(), pieces.parameters().values(), strict=True):
        assert np.array_equal(a, b)


def test_parameters_can_be_taken_over(dots):
    a, b = (digits_scratch.learner(Settings(**SMALL, seed=s), dots, "numpy") for s in (1, 2))
    b.load_parameters(a.parameters())
    assert a.measure(MEASURE["epoch"]) == b.measure(MEASURE["epoch"])


def test_what_makes_no_sense_is_refused(dots):
    with pytest.raises(UsageError, match="hidden layer"):
        Settings(hidden_sizes=())
    with pytest.raises(UsageError, match="GPU"):
        digits_scratch.learner(Settings(), dots, "torch", "cuda")


def test_the_configured_run_is_the_protocols():
    assert read_yaml(CONFIG)["settings"] == {
        "hidden_sizes": [128, 64], "epochs": 50, "learning_rate": 1.5, "seed": 1
    }  # fmt: skip


def test_one_example_of_each_digit_is_drawn_as_it_is_stored(no_data):
    from matplotlib.figure import Figure

    from hw.results.outcome import Outcome

    data = load("mnist", "e1394-scratch", no_data, "stand-in")
    shown = digits_scratch.examples(data)
    assert [example["label"] for example in shown] == list(range(10))
    for example in shown:
        first = data.train.features.stored[np.flatnonzero(data.train.labels == example["label"])[0]]
        assert np.array_equal(np.array(example["pixels"]).ravel(), first.ravel())
    outcome = Outcome()
    outcome.plots["examples"] = shown
    figure = digits_scratch.draw_examples({"template": outcome}, {"title": "digits"})
    assert isinstance(figure, Figure)
    figure.canvas.draw()


def test_images_of_another_shape_or_of_nine_digits_are_noticed(no_data, dots):
    data = load("mnist", "e1394-scratch", no_data, "stand-in")
    (check,) = digits_scratch.learner(Settings(**SMALL), data, "numpy").checks()
    assert check.holds
    (check,) = digits_scratch.learner(Settings(**SMALL), dots, "numpy").checks()
    assert not check.holds
