"""Three experiments on overfitting: the networks against torch and differences, the verdicts."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support import settings

from hw.config.located import read_yaml
from hw.errors import UsageError
from hw.questions.derivations.e1394 import overfitting
from hw.questions.derivations.e1394.overfitting import (
    Experiment,
    NumPyNetworks,
    Settings,
    TorchNetworks,
)
from hw.questions.derivations.lab.lab import Lab

CONFIG = Path(__file__).parents[4] / "configs" / "e1394/q1.overfitting.yaml"
CLAIMS = {c["check"]: "erratum" not in c for c in read_yaml(CONFIG)["claims"]}
TINY = Settings(
    repetitions=3, epochs=4, train_sizes=(5, 9), hidden_sizes=(1, 3), examples=8,
    long_hidden_size=4, validation_examples=20, test_points=50,
)  # fmt: skip
# Large enough for the verdicts, a seventh of the default's work.
MODEST = dataclasses.replace(
    settings("e1394.q1.overfitting"), epochs=600, learning_rate=Settings.learning_rate
)


def started(kind, settings=TINY, hidden=4, n=9):
    run = Experiment(settings)
    start = run.start(hidden)
    # A bias that is 0 would hide a mistake in its gradient.
    start["c"] += 0.3
    return kind(start, run.train.first(n), settings.learning_rate)


def mean_losses(networks):
    """(R,): the mean cross-entropy of each network, one example at a time."""
    p, sample = networks.parameters(), networks.sample
    losses = []
    for r in range(len(sample.X)):
        total = 0.0
        for x, y in zip(sample.X[r], sample.y[r, :, 0], strict=True):
            h = [np.tanh(x @ p["W"][r, :, k] + p["b"][r, 0, k]) for k in range(p["W"].shape[2])]
            z = float(np.dot(h, p["v"][r, :, 0]) + p["c"][r, 0, 0])
            total += np.log1p(np.exp(-z)) if y else np.log1p(np.exp(z))
        losses.append(total / len(sample.X[r]))
    return np.array(losses)


def gradient_error(networks):
    """The largest gap to central differences, relative to the largest slope of its parameter."""
    worst = 0.0
    found = networks.gradients()
    for name, array in networks.parameters().items():
        expected = np.empty_like(array)
        for at in np.ndindex(array.shape):
            was, losses = array[at], []
            for step in (1e-5, -1e-5):
                array[at] = was + step
                losses.append(mean_losses(networks)[at[0]])
            array[at] = was
            expected[at] = (losses[0] - losses[1]) / 2e-5
        assert np.abs(expected).max() > 1e-3
        worst = max(worst, np.abs(found[name] - expected).max() / np.abs(expected).max())
    return worst


def test_gradients_against_differences_and_a_wrong_one_is_noticed(monkeypatch):
    networks = started(NumPyNetworks)
    assert gradient_error(networks) < 1e-6
    right = networks.gradients

    def wrong():
        found = right()
        found["b"] *= 1.0005
        return found

    monkeypatch.setattr(networks, "gradients", wrong)
    assert gradient_error(networks) > 1e-4


def test_numpy_and_torch_walk_together():
    ours, theirs = started(NumPyNetworks), started(TorchNetworks)
    before = {name: p.copy() for name, p in ours.parameters().items()}
    for _ in range(100):
        ours.step()
        theirs.step()
    for name, expected in theirs.parameters().items():
        found = ours.parameters()[name]
        assert np.abs(found - before[name]).max() > 0.1
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=False)
    points = Experiment(TINY).points
    assert np.array_equal(ours.classes(points), theirs.classes(points))


def test_networks_in_a_stack_do_not_touch_one_another():
    stack = started(NumPyNetworks)
    run = Experiment(TINY)
    for r in range(TINY.repetitions):
        start = {n: p[r : r + 1].copy() for n, p in started(NumPyNetworks).parameters().items()}
        sample = overfitting.Sample(run.train.X[r : r + 1, :9], run.train.y[r : r + 1, :9])
        alone = NumPyNetworks(start, sample, TINY.learning_rate)
        if r == 0:
            for _ in range(20):
                stack.step()
        for _ in range(20):
            alone.step()
        for name, p in alone.parameters().items():
            assert np.allclose(stack.parameters()[name][r], p[0], rtol=1e-9, atol=1e-12)


def test_data_follow_the_distribution():
    settings = Settings(repetitions=2, train_sizes=(10, 40_000), test_points=100_000)
    run = Experiment(settings)
    X, y = run.train.X[0], run.train.y[0, :, 0]
    assert np.abs(X).max() <= 1.5
    assert len(np.unique(X, axis=0)) == len(X)
    clear = X[:, 1] - np.sin(3 * X[:, 0]) > 1  # there, P(y = 1) is 1 - ρ within 0.2 %
    assert y[clear].mean() == pytest.approx(0.85, abs=0.02)
    # The best classifier, on drawn labels: three standard deviations of 40000 draws.
    best = (X[:, 1] > np.sin(3 * X[:, 0])) != y
    assert best.mean() == pytest.approx(run.noise_level, abs=3 * 0.5 / np.sqrt(40_000))


def test_test_error_is_what_drawn_labels_give():
    run = Experiment(Settings(repetitions=2, train_sizes=(5, 9), test_points=20_000))
    networks = started(NumPyNetworks, Settings(repetitions=2))
    drawn = np.random.default_rng(1).random(len(run.points)) < run.chances
    counted = (networks.classes(run.points) != drawn).mean(axis=1)
    assert run.test_error(networks) == pytest.approx(counted, abs=3 * 0.5 / np.sqrt(20_000))
    assert (run.test_error(networks) > run.noise_level).all()


def test_larger_sets_contain_smaller_ones_and_more_repetitions_the_first():
    small, large = (
        Experiment(TINY),
        Experiment(Settings(repetitions=5, train_sizes=(5, 9), examples=8)),
    )
    assert np.array_equal(small.train.X, large.train.X[:3])
    assert np.array_equal(small.train.first(4).y, small.train.y[:, :4])


def test_error_counts_wrong_classes():
    sample = overfitting.Sample(np.zeros((2, 4, 2)), np.array([[0, 1, 1, 1], [0] * 4])[..., None])

    class Ones:
        def classes(self, X):
            return np.ones(X.shape[:2], bool)

    assert overfitting.error(Ones(), sample).tolist() == [0.25, 1]


def test_exceeds_by_more_than_two_standard_errors():
    low = np.zeros(4)
    spread = np.array([1, -1, 1, -1]) / np.sqrt(4 / 3)  # standard deviation 1, error 1/2
    assert overfitting.exceeds(low + 1.01 + spread, low)
    assert not overfitting.exceeds(low + 0.99 + spread, low)
    assert not overfitting.exceeds(low, low)


def test_the_verdicts_of_another_seed():
    outcome = overfitting.compute(dataclasses.replace(MODEST, seed=1), None, "numpy")
    assert {c.name: c.holds for c in outcome.checks} == CLAIMS


def judged(train, test):
    """Verdicts on given mean errors over two training sets."""
    settings = Settings(repetitions=2, train_sizes=(10, 20))
    lab = Lab(settings, "numpy")
    wobble = np.array([-1e-3, 1e-3])
    curves = {"train": np.array(train)[:, None] + wobble, "test": np.array(test)[:, None] + wobble}
    overfitting._judge_training_sets(lab, Experiment(settings), curves)
    return {c.name: c.holds for c in lab.outcome.checks}


def test_verdicts_turn_with_the_curves():
    expected = {name: CLAIMS[name] for name in judged([0, 0.2], [0.4, 0.22])}
    assert judged([0, 0.2], [0.4, 0.22]) == expected
    # Had the document been right, every verdict would be the other.
    turned = {name: not holds for name, holds in expected.items()}
    turned["training_is_the_lower_line_by_data"] = True  # of the lines, as the document has them
    assert judged([0.15, 0.0], [0.3, 0.4]) == turned
    assert not judged([0.15, 0.41], [0.3, 0.4])["training_is_the_lower_line_by_data"]


def test_early_stopping_takes_the_lowest_validation_error():
    long = Experiment(TINY).by_epoch()
    assert long.tested == [1, 2, 3, 4]
    assert long.stopped.tolist() == (long.validation.argmin(axis=0) + 1).tolist()
    for r, epoch in enumerate(long.stopped):
        assert long.stopped_test[r] == long.test[epoch - 1, r]


def test_backends_agree_on_every_number():
    ours, theirs = (overfitting.compute(TINY, None, b).as_json() for b in ("numpy", "torch"))
    assert ours == theirs
    assert {check["name"] for check in ours["checks"]} == set(CLAIMS)


def test_errors_are_drawn_from_zero():
    outcome = overfitting.compute(TINY, None, "numpy")
    for draw in overfitting.FIGURES.values():
        assert draw({"default": outcome}, {}).axes[0].get_ylim()[0] == 0


@pytest.mark.parametrize("sizes", [(10,), (20, 10), (10, 10)])
def test_sizes_that_make_no_curve_are_refused(sizes):
    with pytest.raises(UsageError, match="rising order"):
        Settings(train_sizes=sizes)
    with pytest.raises(UsageError, match="rising order"):
        Settings(hidden_sizes=sizes)


def long_training(test, validation):
    """Verdicts on given mean errors of five epochs, the test error known at each."""
    settings = dataclasses.replace(TINY, epochs=5)
    lab, run = Lab(settings, "numpy"), Experiment(settings)
    wobble = np.array([-1e-3, 0, 1e-3])
    curves = {"test": test, "validation": validation, "train": [0.4, 0.3, 0.2, 0.1, 0.0]}
    drawn = {name: np.array(curve)[:, None] + wobble for name, curve in curves.items()}
    stopped = np.full(3, int(np.argmin(validation)) + 1)
    stopped_test = drawn["test"][stopped[0] - 1]
    overfitting._judge_epochs(
        lab, run, overfitting.Long(**drawn, tested=[1, 2, 3, 4, 5], stopped=stopped,
                                   stopped_test=stopped_test),
    )  # fmt: skip
    return {c.name: c.holds for c in lab.outcome.checks}


def test_the_optimum_is_where_the_validation_error_turns():
    valley = [0.4, 0.3, 0.2, 0.3, 0.35]
    assert long_training(valley, valley)["lowest_validation_error_is_the_optimum"]
    later = [0.4, 0.3, 0.25, 0.2, 0.35]
    assert not long_training(later, valley)["lowest_validation_error_is_the_optimum"]
