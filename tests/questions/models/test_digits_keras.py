"""The Keras network: against torch, its template's mistakes, and life without Keras."""

import dataclasses
import importlib.util
import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hw.config.located import read_yaml
from hw.errors import MissingPackage, UsageError
from hw.lockstep.compare import compare
from hw.questions.models import digits_keras
from hw.questions.models.digits_keras import MEASURE, MISTAKES, STAGES, KerasLearner, Settings
from hw.results.outcome import Outcome
from hw.runs import planning
from hw.training.loop import fit

CONFIG = Path(__file__).parents[3] / "configs" / "e1394/q2.keras.yaml"
SMALL = Settings(
    hidden_sizes=(9, 8), epochs=2, schedule="constant", learning_rate=1.5, batch_size=4,
    demonstration_epochs=2,
)  # fmt: skip

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None,
    reason="Keras is not installed; the optional extra 'keras' brings it",
)


@pytest.fixture(autouse=True)
def torch_behind_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")


@pytest.fixture
def images(dots):
    """The dots as images of seven rows with a pixel each."""
    return dataclasses.replace(dots, image_shape=(7, 1))


@needs_keras
def test_updates_equal_torchs(images):
    import torch
    from torch.nn import functional

    learner = KerasLearner(SMALL, images)
    tensors = [torch.tensor(p, requires_grad=True) for p in learner.parameters().values()]
    optimizer = torch.optim.SGD(tensors, lr=SMALL.learning_rate)
    X = torch.from_numpy(images.train.features.take(slice(None), np.float32))
    labels = torch.from_numpy(images.train.labels)

    def logits(x):
        h = x
        for W, b in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
            h = torch.sigmoid(functional.linear(h, W, b))
        return functional.linear(h, *tensors[-2:])

    for update in range(10):
        rows = slice(4 * update, 4 * update + 4)
        optimizer.zero_grad()
        functional.cross_entropy(logits(X[rows]), labels[rows]).backward()
        optimizer.step()
    start = [p.copy() for p in learner.parameters().values()]
    learner.advance(10)
    for found, theirs, before in zip(learner.parameters().values(), tensors, start, strict=True):
        assert np.abs(found - before).max() > 1e-2
        # float32 both; Keras clips the shares that it takes logarithms of.
        assert np.allclose(found, theirs.detach(), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        right = (logits(X).argmax(1) == labels).double().mean()
    assert learner.accuracy("train") == float(right)


@needs_keras
def test_the_same_each_time_and_parameters_can_be_taken_over(images):
    first, second = (KerasLearner(SMALL, images) for _ in range(2))
    other = KerasLearner(dataclasses.replace(SMALL, seed=2), images)
    for learner in (first, second, other):
        learner.advance(10)

    def equal(a, b):
        pairs = zip(a.parameters().values(), b.parameters().values(), strict=True)
        return all(np.array_equal(x, y) for x, y in pairs)

    assert equal(first, second)
    assert not equal(first, other)
    other.load_parameters(first.parameters())
    assert equal(first, other)
    assert first.accuracy("validation") == other.accuracy("validation")


def test_numpy_and_torch_walk_together(dots):
    for settings in (SMALL, dataclasses.replace(SMALL, schedule="time_based", learning_rate=4.0)):
        exact = dataclasses.replace(settings, dtype="float64")
        learners = [digits_keras.learner(exact, dots, b) for b in ("numpy", "torch")]
        assert compare(*learners, updates=60).parting is None


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_rate_falls_by_one_with_each_update(images, backend):
    settings = dataclasses.replace(SMALL, schedule="time_based", learning_rate=3.0)
    found = digits_keras.learner(settings, images, backend)
    steps = []
    found.use_rate, use = lambda rate: (steps.append(rate), use(rate)), found.use_rate
    found.advance(2)
    found.advance(3)
    # At 1 it stays, and so the last updates are made at one go.
    assert steps == [3, 2, 1]
    by_hand = digits_keras.learner(SMALL, images, backend)
    for rate in (3.0, 2.0, 1.0, 1.0, 1.0):
        by_hand.settings = dataclasses.replace(SMALL, learning_rate=rate)
        by_hand.advance(1)
    for name, p in found.parameters().items():
        assert np.array_equal(p, by_hand.parameters()[name])


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_schedule_goes_on_where_it_was_left(images, backend):
    settings = dataclasses.replace(SMALL, schedule="time_based", learning_rate=9.0)
    whole, first, second = (digits_keras.learner(settings, images, backend) for _ in range(3))
    whole.advance(7)
    first.advance(4)
    second.load_state(first.state())
    second.advance(3)
    for name, p in whole.parameters().items():
        assert np.array_equal(p, second.parameters()[name])


def test_initial_weights_are_keras_glorot_uniform():
    (W, b), _ = digits_keras.GlorotDraws(1).layers((300, 200, 10))
    bound = np.sqrt(6 / 500)
    assert W.shape == (200, 300)
    assert 0.99 * bound < np.abs(W).max() <= bound
    assert not b.any()


@needs_keras
def test_every_mistake_is_planted_as_named(images):
    keras = digits_keras.import_keras()
    sound = digits_keras.build(keras, SMALL, 4)
    kinds = [type(layer).__name__ for layer in sound.layers]
    assert kinds == ["Flatten", "Dense", "Dense", "Dense"]

    def activations(model):
        return [layer.activation.__name__ for layer in model.layers[-3:]]

    assert activations(sound) == ["sigmoid", "sigmoid", "softmax"]
    assert type(sound.loss).__name__ == "CategoricalCrossentropy"
    given = digits_keras.build(keras, SMALL, 4, MISTAKES)
    assert [type(layer).__name__ for layer in given.layers] == ["Dense"] * 3
    assert activations(given) == ["softmax", "softmax", "sigmoid"]
    assert type(given.loss).__name__ == "BinaryCrossentropy"


def test_stages_mend_one_mistake_at_a_time():
    left = [set(mistakes) for mistakes in STAGES.values()]
    assert left[0] == set(MISTAKES)
    assert left[-1] == set()
    assert [len(a - b) for a, b in pairwise(left)] == [1, 1, 1]


def demonstrate(**trials):
    """The verdicts on given outcomes of short trainings, by the mistakes they were made with."""
    from hw.questions.models.digits_keras import Demonstration, Trial

    made = Demonstration(SMALL, dataclasses.make_dataclass("Data", ["n_classes"])(10), "cpu")
    failed = Trial([], [], "ValueError: shapes")
    known = {
        "given": failed, "flattened": Trial([0.1], [0.1]), "activated": Trial([0.7], [0.7]),
        "sound": Trial([0.9], [0.8]), "swapped": Trial([0.12], [0.1]), "shapes": failed,
    } | trials  # fmt: skip
    stages = zip(STAGES.values(), ("given", "flattened", "activated", "sound"), strict=True)
    made.trials = {mistakes: known[name] for mistakes, name in stages}
    made.trials[MISTAKES[:1]], made.trials[MISTAKES[1:2]] = known["shapes"], known["swapped"]
    return {check.name: check.holds for check in made.checks()}


def test_verdicts_follow_the_trainings():
    from hw.questions.models.digits_keras import Trial

    assert all(demonstrate().values())
    assert not demonstrate(sound=Trial([0.9], [0.15]))["mended_network_learns"]
    good = Trial([0.9], [0.9])
    for trials, wrong in (
        ({"given": good}, {"template_fails", "every_mending_helps"}),
        ({"shapes": good}, {"input_layer_is_needed"}),
        ({"swapped": good}, {"swapped_activations_learn_nothing"}),
        ({"activated": Trial([0.95], [0.9])},
         {"binary_cross_entropy_learns_less", "every_mending_helps"}),
    ):  # fmt: skip
        found = demonstrate(**trials)
        assert {name for name, holds in found.items() if not holds} == wrong


@needs_keras
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_checks_are_the_claims_and_figures_draw_from_json(images, backend):
    from matplotlib.figure import Figure

    learner = digits_keras.learner(SMALL, images, backend)
    outcome = fit(learner, SMALL.epochs, MEASURE["epoch"], (), plots={"curves", "stages"})
    claims = [c["check"] for c in read_yaml(CONFIG)["claims"] if "check" in c]
    assert [check.name for check in outcome.checks] == claims
    assert all("\n" not in check.evidence for check in outcome.checks)
    failing = {check.name: check.holds for check in outcome.checks}
    assert failing["template_fails"]
    assert failing["input_layer_is_needed"]
    again = Outcome.from_json(json.loads(json.dumps(outcome.as_json(), allow_nan=False)))
    stages = again.plots["stages"]["stages"]
    assert [bool(stage["error"]) for stage in stages] == [True, False, False, False]
    without = Outcome()  # a variant that demonstrates nothing
    both = {"notebook": without, "batches": again}
    digits_keras.draw_stages({"notebook": without}, {"title": "stages"}).canvas.draw()
    figure = digits_keras.draw_stages(both, {"title": "stages"})
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)


@needs_keras
def test_a_failure_of_a_sound_network_is_no_demonstration(images, monkeypatch):
    def fail(self, split):
        raise RuntimeError("something else")

    monkeypatch.setattr(KerasLearner, "accuracy", fail)
    with pytest.raises(RuntimeError, match="something else"):
        digits_keras.Demonstration(SMALL, images, "cpu").trial(MISTAKES[1:])


@needs_keras
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_other_updates_than_keras_makes_are_noticed(images, backend, monkeypatch):
    def agrees():
        return digits_keras.learner(SMALL, images, backend).checks()[-1]

    assert agrees().name == "keras_makes_the_same_updates"
    assert agrees().holds
    monkeypatch.setattr(Settings, "rate", lambda self, update: 1.005 * self.learning_rate)
    assert not agrees().holds


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="whole number"):
        Settings(schedule="time_based", learning_rate=1.5)
    with pytest.raises(UsageError, match="hidden layer"):
        Settings(hidden_sizes=())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)  # as if it were not installed
    with pytest.raises(MissingPackage, match="'keras'"):
        digits_keras.import_keras()


@pytest.fixture
def without_keras(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        planning.importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "keras" else find(name, *rest),
    )


@pytest.mark.usefixtures("without_keras")
def test_without_keras_an_id_is_an_error_and_a_glob_skips(hw_stand_in):
    answer = hw_stand_in("run", "e1394.q2.keras")
    assert answer.code == 4
    assert "pip install '.[keras]'" in answer.error
    answer = hw_stand_in("run", "e1394.q2.k*", "--json")
    assert answer.code == 0
    (run,) = answer.json["runs"]
    assert (run["question"], run["status"]) == ("e1394.q2.keras", "skipped")
    assert "e1394.q2.keras" in answer.err


@pytest.mark.usefixtures("without_keras")
def test_without_keras_it_is_listed_and_shown(hw_stand_in):
    assert "e1394.q2.keras" in hw_stand_in("list").out
    assert hw_stand_in("show", "e1394.q2.keras").code == 0
