"""Hand-ins in PyTorch: right ones in many styles pass, and every planted mistake is named."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from grading.local import LocalHandIn
from support import make_dataset

from hw.grading import engine, material
from hw.grading.assignment import Assignment, Model, assignments
from hw.grading.findings import ModelResult
from hw.grading.pytorch import chain
from hw.grading.references.torch_network import TorchNetwork, drawn, likely

HEAD = """
import torch
import torch.nn as nn
import torch.nn.functional as F
"""
LINEAR = """
class LogisticRegression(nn.Module):
    def __init__(self, n_classes, n_features, **kwargs):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, x, **kwargs):
        return self.linear(x)
"""
NETWORK = """
class FeedforwardNetwork(nn.Module):
    def __init__(
        self, n_classes, n_features, hidden_size, layers, activation_type, dropout, **kwargs
    ):
        super().__init__()
        self.hidden = nn.ModuleList()
        width = n_features
        for _ in range(layers):
            self.hidden.append(nn.Linear(width, hidden_size))
            width = hidden_size
        self.output = nn.Linear(width, n_classes)
        self.activation = nn.ReLU() if activation_type == "relu" else nn.Tanh()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, **kwargs):
        for layer in self.hidden:
            x = self.dropout(self.activation(layer(x)))
        return self.output(x)
"""
TRAIN = """
def train_batch(X, y, model, optimizer, criterion, **kwargs):
    optimizer.zero_grad()
    scores = model(X)
    loss = criterion(scores, y)
    loss.backward()
    optimizer.step()
    return loss.item()

def predict(model, X):
    return model(X).argmax(dim=-1)

@torch.no_grad()
def evaluate(model, X, y, criterion):
    model.eval()
    scores = model(X)
    loss = criterion(scores, y).item()
    accuracy = (scores.argmax(dim=-1) == y).float().mean().item()
    model.train()
    return loss, accuracy
"""
RIGHT = HEAD + LINEAR + NETWORK + TRAIN


@pytest.fixture(autouse=True)
def _small_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    data = make_dataset(n=250, width=40)
    monkeypatch.setattr(material, "load", lambda *_: data)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def assignment() -> Assignment:
    return next(a for a in assignments() if (a.homework, a.question) == ("ist2024", "q2"))


def graded(text: str, model: str = "torch_network") -> ModelResult:
    return engine.grade(LocalHandIn(text), assignment(), model)[model]


def changed(*pairs: tuple[str, str]) -> str:
    text = RIGHT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


SEQUENTIAL = """
class FeedforwardNetwork(nn.Module):
    def __init__(self, n_classes, n_features, hidden_size, layers, activation_type, dropout):
        super().__init__()
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation_type]
        sizes = [n_features] + [hidden_size] * layers
        parts = []
        for i in range(layers):
            parts.append(nn.Linear(sizes[i], sizes[i + 1]))
            parts.append(activation())
            parts.append(nn.Dropout(dropout))
        parts.append(nn.Linear(hidden_size, n_classes))
        self.network = nn.Sequential(*parts)

    def forward(self, x, **kwargs):
        return self.network(x)
"""
LIST = "        self.hidden = nn.ModuleList()\n"
OUTPUT = "self.output = nn.Linear(width, n_classes)"
HIDDEN = "self.dropout(self.activation(layer(x)))"
SCORES = "return self.output(x)"
LOSS = "loss = criterion(scores, y)\n    loss.backward()"
RETURN = "return loss.item()\n\ndef predict"
ZERO, STEP = "    optimizer.zero_grad()\n", "    optimizer.step()\n"

OUTPUT_FIRST = NETWORK.replace(f"        {OUTPUT}\n", "").replace(
    LIST, "        self.output = nn.Linear(hidden_size, n_classes)\n" + LIST
)
FUNCTIONAL = NETWORK.replace("self.dropout = nn.Dropout(dropout)", "self.p = dropout").replace(
    HIDDEN, "F.dropout(self.activation(layer(x)), p=self.p, training=self.training)"
)
UNUSED = NETWORK.replace(LIST, LIST + "        self.extra = nn.Linear(hidden_size, hidden_size)\n")


@pytest.mark.parametrize("network", [NETWORK, SEQUENTIAL, OUTPUT_FIRST, FUNCTIONAL, UNUSED])
def test_right_networks_pass(network: str) -> None:
    found = graded(HEAD + LINEAR + network + TRAIN)
    assert (found.status, found.mistakes) == ("pass", ()), found.findings
    assert {f.status for f in found.findings} == {"pass"}
    assert [f.check for f in found.findings] == [
        *("methods", "shapes", "start", "prediction", "dropout"),
        *("first update", "updates", "loss", "evaluation"),
    ]


OTHER_WAYS = {
    "zero_grad after the step": ((ZERO, ""), (STEP, STEP + ZERO)),
    "log-softmax": ((SCORES, "return F.log_softmax(self.output(x), dim=1)"),),
    "a tensor as loss": ((RETURN, "return loss.detach()\n\ndef predict"),),
    "accuracy alone": (
        ("def evaluate(model, X, y, criterion)", "def evaluate(model, X, y)"),
        ("    loss = criterion(scores, y).item()\n", ""),
        ("return loss, accuracy", "return accuracy"),
    ),
}


@pytest.mark.parametrize("name", OTHER_WAYS)
def test_other_ways_to_be_right(name: str) -> None:
    found = graded(changed(*OTHER_WAYS[name]))
    assert found.status == "pass", found.findings
    assert set(found.mistakes) <= {"log_softmax"}


MISTAKES = {
    "softmax_before_cross_entropy": (SCORES, "return torch.softmax(self.output(x), 1)"),
    "activation_on_output": (SCORES, "return self.activation(self.output(x))"),
    "activation_ignored": (' if activation_type == "relu" else nn.Tanh()', ""),
    "activation_missing": (HIDDEN, "self.dropout(layer(x))"),
    "dropout_in_evaluation": (HIDDEN, "F.dropout(self.activation(layer(x)), self.dropout.p)"),
    "dropout_misplaced": (SCORES, "return self.dropout(self.output(x))"),
    "dropout_missing": (HIDDEN, "self.activation(layer(x))"),
    "dropout_probability": ("nn.Dropout(dropout)", "nn.Dropout(1 - dropout)"),
    "layers_plus_one": ("range(layers)", "range(layers + 1)"),
    "layers_minus_one": ("range(layers)", "range(max(1, layers - 1))"),
    "layers_ignored": ("range(layers)", "range(2)"),
    "hidden_size_ignored": ("width = n_features\n", "width, hidden_size = n_features, 50\n"),
    "bias_missing": (OUTPUT, "self.output = nn.Linear(width, n_classes, bias=False)"),
    "no_zero_grad": (ZERO, ""),
    "other_loss": (
        LOSS,
        LOSS.replace("criterion(scores, y)", "F.mse_loss(scores, F.one_hot(y)+0.)"),
    ),
    "step_twice": (STEP, STEP + STEP),
}


@pytest.mark.parametrize("id", MISTAKES)
def test_a_planted_mistake_is_named(id: str) -> None:
    found = graded(changed(MISTAKES[id]))
    assert found.status == "fail"
    assert found.mistakes == (id,), found.findings


OWN = """self.W = nn.Parameter(torch.randn(n_classes, width))
        self.b = nn.Parameter(torch.zeros(n_classes))"""
ALONE = {
    "loss_after_update": [(RETURN, "return criterion(model(X), y).item()\n\ndef predict")],
    "loss_summed": [(RETURN, "return loss.item() * len(y)\n\ndef predict")],
    "own_parameters": [(OUTPUT, OWN), (SCORES, "return x @ self.W.T + self.b")],
    "start_other": [(OUTPUT, OUTPUT + "\n        nn.init.xavier_normal_(self.output.weight)")],
}


@pytest.mark.parametrize("id", ALONE)
def test_what_is_named_and_passes(id: str) -> None:
    found = graded(changed(*ALONE[id]))
    assert (found.status, found.mistakes) == ("pass", (id,)), found.findings
    failed = [f.check for f in found.findings if f.status == "fail"]
    assert failed == ["loss" if id.startswith("loss") else "start"]


def test_two_mistakes_at_once() -> None:
    found = graded(changed((SCORES, "return torch.sigmoid(self.output(x))"), (ZERO, "")))
    assert found.status == "fail"
    assert set(found.mistakes) == {"softmax_before_cross_entropy", "no_zero_grad"}


def test_what_is_no_known_mistake_is_not_given_a_name() -> None:
    found = graded(changed((HIDDEN, HIDDEN + " + 0.01 * x.sum()")))
    assert (found.status, found.mistakes) == ("fail", ())
    (finding,) = [f for f in found.findings if f.status == "fail"]
    assert finding.check == "prediction"
    assert "no mistake that is known" in finding.text


def test_logistic_regression() -> None:
    name = "torch_logistic_regression"
    assert graded(RIGHT, name).status == "pass"
    softmax = ("return self.linear(x)", "return torch.softmax(self.linear(x), dim=1)")
    found = graded(changed(softmax), name)
    assert (found.status, found.mistakes) == ("fail", ("softmax_before_cross_entropy",))
    summed = LOSS.replace("criterion(scores, y)", "F.cross_entropy(scores, y, reduction='sum')")
    assert graded(changed((LOSS, summed)), name).mistakes == ("other_loss",)


def test_what_is_not_done() -> None:
    unwritten = "    raise NotImplementedError\n"
    assert graded(changed((ZERO, unwritten))).status == "not done"
    assert graded(changed((f"        {SCORES}\n", f"    {unwritten}"))).status == "not done"
    assert graded(HEAD + LINEAR + TRAIN).status == "not done"
    crash = graded(changed((SCORES, "return self.out(x)")))
    assert crash.status == "fail"
    assert any("AttributeError" in f.text for f in crash.findings)


def test_the_reference_is_pytorchs_own_program() -> None:
    """nn.Module, criterion and optimizer, ten steps in float64."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Dropout(0.4), torch.nn.Linear(4, 3)
    ).double()
    linear = (model[0], model[3])
    layers = [(m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy()) for m in linear]
    reference = TorchNetwork(layers, "tanh", p=0.4, eta=0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    X, y = torch.randn(40, 5, dtype=torch.float64), torch.randint(3, (40,))
    for k in range(10):
        rows = slice(4 * k, 4 * k + 4)
        torch.manual_seed(k)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
        torch.manual_seed(k)
        assert reference.train_batch(X[rows], y[rows]) == pytest.approx(loss.item(), rel=1e-12)
    for (W, b), module in zip(reference.layers(), linear, strict=True):
        np.testing.assert_allclose(W, module.weight.detach().numpy(), rtol=1e-9)
        np.testing.assert_allclose(b, module.bias.detach().numpy(), rtol=1e-9)
    model.eval()
    assert (reference.predict(X) == model(X).argmax(dim=1)).all()


def test_draws_are_those_of_the_layers_and_leave_the_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    (W, b), _ = drawn([20, 30, 4], seed=42)
    assert torch.rand(1) == expected
    torch.manual_seed(42)
    np.testing.assert_array_equal(W, torch.nn.Linear(20, 30).weight.detach().numpy())
    assert likely(W, b)
    assert not likely(2 * W, b)
    assert not likely(0.5 * W, b)
    assert not likely(W, b + 1)


def test_the_models_are_those_of_the_contract() -> None:
    assert list(assignment().models) == ["torch_logistic_regression", "torch_network"]
    assert isinstance(assignment().models["torch_network"], Model)


# One example at a time, by methods of the class

DIGITS = """
import time
import torch
import torch.nn as nn
import torch.optim as optim

class NeuralNetworkTorch(nn.Module):
    def __init__(self, sizes, epochs=10, learning_rate=0.01, random_state=1):
        super().__init__()
        self.epochs = epochs
        torch.manual_seed(random_state)
        self.linear1 = nn.Linear(sizes[0], sizes[1])
        self.linear2 = nn.Linear(sizes[1], sizes[2])
        self.linear3 = nn.Linear(sizes[2], sizes[3])
        self.activation_func = torch.sigmoid
        self.output_func = torch.softmax
        self.loss_func = nn.BCEWithLogitsLoss()
        self.optimizer = optim.SGD(self.parameters(), lr=learning_rate)

    def _forward_pass(self, x_train):
        x = self.activation_func(self.linear1(x_train))
        x = self.activation_func(self.linear2(x))
        return self.linear3(x)

    def _backward_pass(self, y_train, output):
        loss = self.loss_func(output, y_train.float())
        loss.backward()

    def _update_weights(self):
        self.optimizer.step()

    def predict(self, x):
        return torch.argmax(self._forward_pass(x.view(x.size(0), -1)), dim=1)

    def fit(self, train_loader, val_loader):
        for _ in range(self.epochs):
            for x, y in train_loader:
                x = x.view(x.size(0), -1)
                y = nn.functional.one_hot(y, 10)
                self.optimizer.zero_grad()
                self._backward_pass(y, self._forward_pass(x))
                self._update_weights()
            self.compute_accuracy(val_loader)

    def compute_accuracy(self, data_loader):
        correct = 0
        for x, y in data_loader:
            correct += torch.sum(torch.eq(self.predict(x), y))
        return correct / len(data_loader.dataset)
"""
OUT = "return self.linear3(x)"
DIGITS_WAYS = {
    "right": ((), "pass", ()),
    "cross-entropy": (
        [("self.loss_func(output, y_train.float())",
          "nn.functional.cross_entropy(output, y_train.argmax(1))")],
        "fail", ("other_loss",),
    ),
    "softmax": ([(OUT, "return torch.softmax(self.linear3(x), dim=1)")],
                "fail", ("softmax_before_cross_entropy",)),
    "sigmoid": ([(OUT, "return self.activation_func(self.linear3(x))")],
                "fail", ("sigmoid_output",)),
    "gradients add up": ([("                self.optimizer.zero_grad()\n", "")],
                         "fail", ("no_zero_grad",)),
    "whole numbers": ([("y_train.float()", "y_train.chars()")], "fail", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", DIGITS_WAYS)
def test_digits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, status, mistakes = DIGITS_WAYS[name]
    data = make_dataset(n=250, width=40, n_classes=10)
    monkeypatch.setattr(material, "load", lambda *_: data)
    text = DIGITS
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (assigned,) = [a for a in assignments() if a.file == "network_pytorch.py"]
    found = engine.grade(LocalHandIn(text), assigned)["torch_network"]
    assert (found.status, found.mistakes) == (status, mistakes), found.findings


def test_a_program_that_turns_everything_to_float32() -> None:
    text = changed(
        (
            "    scores = model(X)\n    loss = criterion",
            "    scores = model(X.float())\n    loss = criterion",
        )
    )
    assert graded(text).status == "pass"
    wrong = text.replace(ZERO, "")
    assert graded(wrong).mistakes == ("no_zero_grad",)


def test_a_softmax_in_evaluation_alone_is_harmless() -> None:
    text = changed(
        (SCORES, "z = self.output(x)\n        return z if self.training else F.softmax(z, 1)")
    )
    found = graded(text)
    assert (found.status, found.mistakes) == ("pass", ("softmax_in_evaluation",))


def test_an_activation_that_cannot_be_asked_for_fails_alone() -> None:
    both = 'self.activation = nn.ReLU() if activation_type == "relu" else nn.Tanh()'
    one = 'if activation_type == "relu":\n            self.activation = nn.ReLU()'
    found = graded(changed((both, one)))
    assert (found.status, found.mistakes) == ("pass", ())
    (finding,) = [f for f in found.findings if f.status == "fail"]
    assert finding.check == "activations"
    assert "AttributeError" in finding.text


def test_an_empty_module_is_not_done() -> None:
    empty = """
class FeedforwardNetwork(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, x, **kwargs):
        pass
"""
    assert graded(HEAD + LINEAR + empty + TRAIN).status == "not done"


def test_layers_that_are_kept_twice_are_found_once() -> None:
    line = "        self.activation_func = torch.sigmoid\n"
    layers = "        self.layers = [self.linear1, self.linear2, self.linear3]\n"
    assert line in DIGITS
    twice = DIGITS.replace(line, layers + line)
    hand_in = LocalHandIn(twice)
    state = hand_in.state(hand_in.new("NeuralNetworkTorch", [9, 5, 4, 3]))
    found = chain.find(state, 9, 3)
    assert found is not None
    assert [layer.weight for layer in found.layers] == [f"linear{k}.weight" for k in (1, 2, 3)]
    assert found.unused == ()


def test_weights_of_ones_own_may_lie_the_other_way() -> None:
    rng = np.random.default_rng(0)
    state = {
        "W1": rng.normal(size=(9, 5)),
        "W2": rng.normal(size=(5, 5)),
        "b1": np.ones(5),
        "W3": rng.normal(size=(5, 3)),
        "b2": np.ones(5),
        "c": np.ones((1, 3)),
    }
    found = chain.find(state, 9, 3)
    assert found is not None
    names = (("W1", "b1"), ("W2", "b2"), ("W3", "c"))
    for (W, b), (weight, bias) in zip(found.read(state), names, strict=True):
        np.testing.assert_array_equal(W, state[weight].T)
        np.testing.assert_array_equal(b, state[bias].ravel())
    assert chain.find(state, 8, 3) is None
