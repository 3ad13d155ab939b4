"""What is found of hand-ins that are right in another way, unfinished, or that do not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from local import LocalHandIn

from hw.grading import engine
from hw.grading.assignment import Assignment, assignments
from hw.grading.findings import ModelResult
from hw.grading.hand_in import Died, HandIn, Raised, TimedOut

RIGHT = """
import numpy as np

class MLP:
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.b1 = np.zeros(hidden_size)
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b2 = np.zeros(n_classes)

    def forward(self, x):
        h = np.maximum(self.W1 @ x + self.b1, 0)
        return h, self.W2 @ h + self.b2

    def predict(self, X):
        return np.array([self.forward(x)[1].argmax() for x in X])

    def evaluate(self, X, y):
        return (self.predict(X) == y).mean()

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        total = 0
        for x, label in zip(X, y):
            h, z = self.forward(x)
            z = z - z.max()
            total += np.log(np.exp(z).sum()) - z[label]
            d = np.exp(z) / np.exp(z).sum()
            d[label] -= 1
            d1 = (self.W2.T @ d) * (h > 0)
            self.W2 -= learning_rate * np.outer(d, h)
            self.b2 -= learning_rate * d
            self.W1 -= learning_rate * np.outer(d1, x)
            self.b1 -= learning_rate * d1
        return total / len(X)
"""


def assignment() -> Assignment:
    return next(a for a in assignments() if a.homework == "ist2023" and a.file == "hw1-q1.py")


def grade(hand_in: LocalHandIn | str, model: str = "mlp") -> ModelResult:
    handed_in = LocalHandIn(hand_in) if isinstance(hand_in, str) else hand_in
    results = engine.grade(
        cast(HandIn, handed_in),
        assignment(),
        only=model,
        directory=Path("/nowhere"),
        scripts=False,
    )
    return results[model]


def changed(*changes: tuple[str, str]) -> str:
    text = RIGHT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def status(result: ModelResult, check: str) -> str:
    return next(f.status for f in result.findings if f.check == check)


def test_a_right_one_passes_every_check() -> None:
    found = grade(RIGHT)
    assert (found.status, found.mistakes) == ("pass", ())
    assert {f.check for f in found.findings} == {
        "methods", "shapes", "start", "prediction", "first update", "updates", "epoch", "loss",
        "full size", "evaluation",
    }  # fmt: skip


OTHER_WAYS = {
    "loss in a list": [("    return total / len(X)", "    return [total / len(X)]")],
    "list of labels": [("np.array([self", "list([self")],
    "scores of every class": [
        ("[1].argmax() for x in X])", "[1] for x in X])"),
        ("self.predict(X) == y", "self.predict(X).argmax(axis=1) == y"),
    ],
    "classes counted in the epoch": [
        ("        total = 0\n", "        total, K = 0, np.unique(y).size\n"),
        ("            d[label] -= 1\n", "            d = d - np.eye(K)[label]\n"),
    ],
    "biases begin as numbers": [("np.zeros(n_classes)", "0"), ("np.zeros(hidden_size)", "0.0")],
    "number of layers": [("hidden_size):", "hidden_size, layers=1):")],
    "float32": [
        ("(hidden_size, n_features))\n", "(hidden_size, n_features)).astype('f4')\n"),
        ("(n_classes, hidden_size))\n", "(n_classes, hidden_size)).astype('f4')\n"),
    ],
    "other draws": [("np.random.normal", "np.random.default_rng(3).normal")],
    "a buffer of gradients": [
        (
            "        self.W1 =",
            "        self.dW1 = np.zeros((hidden_size, n_features))\n        self.W1 =",
        )
    ],
}


@pytest.mark.parametrize("changes", OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_right_in_another_way(changes: list[tuple[str, str]]) -> None:
    found = grade(changed(*changes))
    assert found.status == "pass", found
    assert not found.mistakes, found
    assert all(f.status == "pass" for f in found.findings), found


def test_sizes_that_are_written_into_the_program() -> None:
    """Its hidden size is the script's own; the number of features is fixed as well."""
    found = grade(changed(("(hidden_size, n_features)", "(hidden_size, 784)")))
    assert found.status == "pass", found


WITHOUT_BIASES = [
    ("self.b1 = np.zeros(hidden_size)", "pass"),
    ("self.b2 = np.zeros(n_classes)", "pass"),
    (" + self.b1", ""),
    (" + self.b2", ""),
    ("            self.b2 -= learning_rate * d\n", ""),
    ("            self.b1 -= learning_rate * d1\n", ""),
]
TWICE_W2 = ("learning_rate * np.outer(d, h)", "2 * learning_rate * np.outer(d, h)")
SUMMED_B1 = ("self.b1 -= learning_rate * d1", "self.b1 -= learning_rate * d1.sum()")
UPWARDS_B2 = ("self.b2 -= learning_rate * d", "self.b2 += learning_rate * d")
FIXED = ("hidden_size):", "hidden_size):\n        hidden_size = 50")
UNHEARD_OF = ("(h > 0)", "(np.sin(7 * h) > 0)")


@pytest.mark.parametrize(
    ("changes", "mistakes", "check"),
    [
        ([FIXED], {"hidden_size_ignored"}, "shapes"),
        (WITHOUT_BIASES, {"no_biases", "bias_not_updated"}, "shapes"),
        ([TWICE_W2, SUMMED_B1], {"factor_two", "bias_summed"}, "first update"),
        (
            [TWICE_W2, SUMMED_B1, UPWARDS_B2],
            {"factor_two", "bias_summed", "gradient_sign"},
            "first update",
        ),
        ([UNHEARD_OF], set(), "first update"),
        # All mistakes look alike where nothing is a number any more.
        ([("d[label] -= 1", "d[label] *= np.nan")], set(), "first update"),
        ([("d[label] -= 1", "d[label] -= 1 / 0")], set(), "first update"),
        ([("np.array([self", "np.array([None + self")], set(), "prediction"),
        ([(".mean()", ".sum()")], set(), "evaluation"),
    ],
)
def test_wrong_in_a_place(changes: list[tuple[str, str]], mistakes: set[str], check: str) -> None:
    found = grade(changed(*changes))
    assert found.status == "fail", found
    assert set(found.mistakes) == mistakes, found
    assert next(f.check for f in found.findings if f.status == "fail") == check, found


def test_what_depends_on_a_failure_is_skipped_with_the_reason() -> None:
    found = grade(changed(UNHEARD_OF))
    skipped = {f.check: f.text for f in found.findings if f.status == "skipped"}
    assert skipped.keys() == {"updates", "epoch", "loss"}
    assert all(skipped.values())


def test_no_loss_fails_alone() -> None:
    found = grade(changed(("        return total / len(X)\n", "")))
    assert (found.status, status(found, "loss")) == ("pass", "fail")


TO_DO = "        raise NotImplementedError\n"


@pytest.mark.parametrize(
    "changes",
    [
        [("        total = 0\n", TO_DO)],
        [("        self.W1 = np.random", f"{TO_DO}        self.W1 = np.random")],
        [("        total = 0\n", "        return 0\n")],
        [("class MLP", "class Network")],
    ],
)
def test_not_done(changes: list[tuple[str, str]]) -> None:
    assert grade(changed(*changes)).status == "not done"


def test_no_parameters_to_be_found_is_no_fault_of_anybody() -> None:
    hidden = changed(
        ("import numpy as np", "import numpy as np\nP = {}"),
        *((f"self.{name}", f"P['{name}']") for name in ("W1", "W2", "b1", "b2")),
    )
    found = grade(hidden)
    assert (found.status, status(found, "shapes")) == ("unknown", "unknown")


class Silent(LocalHandIn):
    """Falls silent, or dies, at some request."""

    def __init__(self, text: str, verb: str, fault: Exception, after: int = 0) -> None:
        super().__init__(text)
        self.verb, self.fault, self.left = verb, fault, after
        self.restarted = 0

    def _at(self, verb: str) -> None:
        if verb == self.verb:
            self.left -= 1
            if self.left < 0:
                raise self.fault

    def walk(self, *args: Any, **kwargs: Any) -> Any:
        self._at("walk")
        return super().walk(*args, **kwargs)

    def new(self, *args: Any, **kwargs: Any) -> Any:
        self._at("new")
        return super().new(*args, **kwargs)

    def call(self, handle: int, method: str, *args: Any, **kwargs: Any) -> Any:
        self._at(method)
        return super().call(handle, method, *args, **kwargs)

    @contextmanager
    def within(self, share: float) -> Iterator[None]:
        self._at("full size")
        yield

    def restart(self) -> None:
        self.restarted += 1


@pytest.mark.parametrize("verb", ["new", "walk", "train_epoch", "predict", "evaluate"])
@pytest.mark.parametrize("fault", [TimedOut("too long"), Died("by a signal")])
def test_a_silent_or_dead_one_never_passes(verb: str, fault: Exception) -> None:
    assert grade(Silent(RIGHT, verb, fault)).status == "unknown"


def test_one_that_is_slow_at_the_full_size_alone_passes() -> None:
    found = grade(Silent(RIGHT, "full size", TimedOut("too long")))
    assert (found.status, status(found, "full size")) == ("pass", "pass")


def test_a_process_that_has_ended_is_started_again_for_the_next_model() -> None:
    class Ended(Silent):
        def seed(self, seed: int) -> None:
            if not self.restarted:
                raise Died("by the model before")
            super().seed(seed)

    hand_in = Ended(RIGHT, "", TimedOut())
    assert grade(hand_in).status == "pass"
    assert hand_in.restarted == 1


def test_an_exception_says_what_it_is_and_where() -> None:
    found = grade(Silent(RIGHT, "predict", Raised("KeyError", "'W3'", line=12)))
    (failed,) = (f for f in found.findings if f.status == "fail")
    assert (failed.check, failed.where) == ("prediction", "line 12")
    assert "KeyError: 'W3'" in failed.text
