"""TimeBasedLearningRate: the rule in each form, what is refused, life without Keras."""

import sys
import types

import numpy as np
import pytest

from hw.errors import MissingPackage, UsageError
from hw.questions.derivations.e1394 import learning_rate_schedule

SETTINGS = learning_rate_schedule.Settings(initial=4, steps=6)


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in learning_rate_schedule.compute(settings, None, backend).checks}


@pytest.fixture(autouse=True)
def no_keras(request, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    if "real_keras" not in request.fixturenames:
        monkeypatch.setitem(sys.modules, "keras", None)  # as if it were not installed


@pytest.fixture
def real_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras", reason="the extra 'keras' is not installed")


@pytest.mark.parametrize(
    "rates",
    [
        learning_rate_schedule.numpy_rates,
        learning_rate_schedule.torch_rates,
    ],
)
def test_rates_by_hand(rates):
    assert rates(4, 6) == [4, 3, 2, 1, 1, 1]
    assert rates(1, 3) == [1, 1, 1]


@pytest.mark.parametrize("value", [*learning_rate_schedule.NOT_POSITIVE_INTEGERS, [3], 1j])
def test_anything_but_a_positive_integer_is_refused(value):
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    for make in (
        learning_rate_schedule.TimeBasedLearningRate,
        learning_rate_schedule.keras_schedule,
        lambda v: learning_rate_schedule.torch_scheduler(optimizer, v),
    ):
        with pytest.raises(UsageError, match="positive integer"):
            make(value)


def test_numpy_integers_are_integers():
    assert learning_rate_schedule.TimeBasedLearningRate(np.int32(3))(1) == 2


def test_torch_scheduler_drives_every_group_and_restores():
    import torch

    groups = [{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)], "lr": 7.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = learning_rate_schedule.torch_scheduler(optimizer, 3)
    assert scheduler.get_last_lr() == [3.0, 3.0]
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [2.0, 2.0]
    again = learning_rate_schedule.torch_scheduler(torch.optim.SGD([torch.zeros(1)], lr=9), 3)
    again.load_state_dict(scheduler.state_dict())
    again.optimizer.step()
    again.step()
    assert again.get_last_lr() == [1.0]


def test_without_keras_the_schedule_says_what_is_missing():
    with pytest.raises(MissingPackage, match="keras"):
        learning_rate_schedule.keras_schedule(3)


@pytest.fixture
def stub_keras(monkeypatch):
    """As much of Keras as a schedule needs."""
    schedules = types.SimpleNamespace(LearningRateSchedule=object)
    keras = types.ModuleType("keras")
    keras.optimizers = types.SimpleNamespace(schedules=schedules)
    keras.ops = types.SimpleNamespace(
        cast=lambda value, dtype: np.asarray(value, dtype), maximum=np.maximum
    )
    monkeypatch.setitem(sys.modules, "keras", keras)


def test_keras_form_with_a_stub(stub_keras):
    assert learning_rate_schedule.keras_rates(3, 5) == [3, 2, 1, 1, 1]
    assert learning_rate_schedule.keras_schedule(3).get_config() == {"initial": 3}
    assert verdicts()["keras_agrees"]


@pytest.mark.usefixtures("real_keras")
def test_keras_form_with_keras():
    assert learning_rate_schedule.keras_rates(3, 5) == [3, 2, 1, 1, 1]
    assert verdicts()["keras_agrees"]


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize(
    ("rule", "check"),
    [
        (lambda initial, steps: np.maximum(0, initial - np.arange(steps)), "never_under_one"),
        (
            lambda initial, steps: np.maximum(1, initial - 2.0 * np.arange(steps)),
            "falls_by_one_each_step",
        ),
        (
            lambda initial, steps: np.maximum(1, initial - 1 - np.arange(steps)),
            "starts_at_the_initial_rate",
        ),
    ],
)
def test_a_wrong_rule_fails(monkeypatch, rule, check):
    monkeypatch.setattr(
        learning_rate_schedule, "numpy_rates", lambda *a: [float(r) for r in rule(*a)]
    )
    found = verdicts()
    assert not found[check]
    assert not found["numpy_and_torch_agree"]


def test_accepting_anything_fails(monkeypatch):
    monkeypatch.setattr(learning_rate_schedule, "positive_integer", lambda v: v)
    assert not verdicts()["refuses_all_but_positive_integers"]
