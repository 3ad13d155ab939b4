"""The mini-batch network against torch: outputs, every gradient by name, ten updates."""

from __future__ import annotations

import networks
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from hw.errors import UsageError
from hw.nn import network
from hw.nn.optimizers import SGD, Adam, optimizer

RTOL = 1e-9
ATOL = 1e-13  # entries that cancel to nearly zero have no digits
TORCH_ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "identity": torch.nn.Identity(),
}
HIDDEN = {0: (), 1: (6,), 2: (6, 5), 3: (6, 5, 7)}
OPTIMISERS = {
    "sgd": (lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        lambda p: SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    ),
    "decay": (
        lambda p: SGD(p, 0.1, weight_decay=0.02),
        lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.02),
    ),
    "momentum and decay": (
        lambda p: SGD(p, 0.1, 0.9, 0.02),
        lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.02),
    ),
    "adam": (lambda p: Adam(p, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adam and decay": (
        lambda p: Adam(p, 0.01, weight_decay=0.02),
        lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.02),
    ),
}


def setup(depth, *, dropout=0.0, bias=True, n=8, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    hidden = HIDDEN[depth]
    parameters = networks.initialise(
        [9, *hidden, 4],
        lambda shape: rng.normal(0, 0.5, shape).astype(dtype),
        (lambda width: rng.normal(0, 0.5, width).astype(dtype)) if bias else None,
    )
    batches = []
    for _ in range(10):
        X, labels = rng.normal(size=(n, 9)).astype(dtype), rng.integers(0, 4, n)
        masks = [
            ((rng.random((n, width)) >= dropout) / (1 - dropout)).astype(dtype) for width in hidden
        ]
        batches.append((X, labels, masks))
    assert batches[0][0].std() > 0.5
    return parameters, batches


def torch_loss(theta, X, labels, activation, masks):
    h = torch.tensor(X)
    depth = len(masks)
    for layer in range(depth + 1):
        h = torch.nn.functional.linear(h, theta[f"{layer}.weight"], theta.get(f"{layer}.bias"))
        if layer < depth:
            h = TORCH_ACTIVATIONS[activation](h) * torch.tensor(masks[layer])
    return h, torch.nn.functional.cross_entropy(h, torch.tensor(labels))


def as_torch(parameters):
    return {name: torch.tensor(p, requires_grad=True) for name, p in parameters.items()}


@pytest.mark.parametrize("optimiser_name", OPTIMISERS)
@pytest.mark.parametrize("activation", TORCH_ACTIVATIONS)
@pytest.mark.parametrize("depth", HIDDEN)
def test_ten_updates_equal_torch(depth, activation, optimiser_name):
    parameters, batches = setup(depth, dropout=0.3)
    theta = as_torch(parameters)
    ours, theirs = OPTIMISERS[optimiser_name]
    ours, theirs = ours(parameters), theirs(theta.values())
    for X, labels, masks in batches:
        loss, gradients = networks.loss_and_gradients(parameters, X, labels, activation, masks)
        theirs.zero_grad()
        _, expected = torch_loss(theta, X, labels, activation, masks)
        expected.backward()
        assert_allclose(loss, expected.item(), rtol=RTOL)
        assert list(gradients) == list(parameters)
        for name, gradient in gradients.items():
            assert_allclose(
                gradient,
                theta[name].grad.numpy(),
                rtol=RTOL,
                atol=ATOL,
                equal_nan=False,
                err_msg=name,
            )
        ours.step(gradients)
        theirs.step()
    for name, p in parameters.items():
        assert_allclose(
            p, theta[name].detach().numpy(), rtol=RTOL, atol=ATOL, equal_nan=False, err_msg=name
        )


@pytest.mark.parametrize("n", [1, 8])
def test_outputs_without_dropout_and_without_biases(n):
    for bias in (True, False):
        parameters, batches = setup(2, n=n, bias=bias)
        X, labels, masks = batches[0]
        logits, _ = network.forward(parameters, X, "tanh")
        theta = as_torch(parameters)
        expected, loss = torch_loss(theta, X, labels, "tanh", [np.ones_like(m) for m in masks])
        loss.backward()
        assert_allclose(logits, expected.detach().numpy(), rtol=RTOL)
        _, gradients = networks.loss_and_gradients(parameters, X, labels, "tanh")
        assert gradients.keys() == theta.keys()
        for name, gradient in gradients.items():
            assert_allclose(gradient, theta[name].grad.numpy(), rtol=RTOL, atol=ATOL)


def test_naive_loop():
    """One unit, one example at a time, in Python numbers."""
    parameters, batches = setup(1)
    X, labels, _ = batches[0]
    W1, b1, W2, b2 = (parameters[k] for k in ("0.weight", "0.bias", "1.weight", "1.bias"))
    total = 0.0
    for x, label in zip(X, labels, strict=True):
        h = [max(0.0, sum(w * v for w, v in zip(W1[i], x, strict=True)) + b1[i]) for i in range(6)]
        z = [sum(w * v for w, v in zip(W2[k], h, strict=True)) + b2[k] for k in range(4)]
        total -= z[label] - np.log(sum(np.exp(z)))
    loss, _ = networks.loss_and_gradients(parameters, X, labels)
    assert_allclose(loss, total / len(X), rtol=RTOL)


def test_no_hidden_layer_is_logistic_regression():
    parameters, batches = setup(0)
    X, labels, _ = batches[0]
    _, gradients = networks.loss_and_gradients(parameters, X, labels)
    z = X @ parameters["0.weight"].T + parameters["0.bias"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    expected = (p - np.eye(4)[labels]) / len(X)
    assert_allclose(gradients["0.weight"], expected.T @ X, rtol=RTOL, atol=ATOL)
    assert_allclose(gradients["0.bias"], expected.sum(axis=0), rtol=RTOL, atol=ATOL)


def test_float32_stays_float32():
    parameters, batches = setup(2, dropout=0.3, dtype=np.float32)
    doubles = {name: p.astype(np.float64) for name, p in parameters.items()}
    X, labels, masks = batches[0]
    loss, gradients = networks.loss_and_gradients(parameters, X, labels, masks=masks)
    expected, exact = networks.loss_and_gradients(doubles, X, labels, masks=masks)
    assert_allclose(loss, expected, rtol=1e-5)
    for name, gradient in gradients.items():
        assert gradient.dtype == np.float32
        assert_allclose(gradient, exact[name], rtol=1e-5, atol=1e-6)
    for make in (lambda: SGD(parameters, 0.1, 0.9, 0.01), lambda: Adam(parameters, 0.1)):
        make().step(gradients)
        assert all(p.dtype == np.float32 for p in parameters.values())


def test_inputs_are_left_alone():
    parameters, batches = setup(2, dropout=0.3)
    X, labels, masks = batches[0]
    kept = [a.copy() for a in (X, *masks, *parameters.values())]
    _, gradients = networks.loss_and_gradients(parameters, X, labels, masks=masks)
    for before, after in zip(kept, (X, *masks, *parameters.values()), strict=True):
        assert_array_equal(before, after)
    kept = [g.copy() for g in gradients.values()]
    for _ in range(2):
        SGD(parameters, 0.1, 0.9, 0.01).step(gradients)
        Adam(parameters, 0.1, weight_decay=0.01).step(gradients)
    for before, after in zip(kept, gradients.values(), strict=True):
        assert_array_equal(before, after)


def test_wrong_number_of_masks():
    parameters, batches = setup(2)
    X, _, masks = batches[0]
    with pytest.raises(ValueError, match="1 dropout masks for 2 hidden layers"):
        network.forward(parameters, X, masks=masks[:1])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_checkpoint_resumes_exactly(name):
    make, _ = OPTIMISERS[name]
    parameters, batches = setup(1)

    def train(optimiser, theta, batches):
        for X, labels, _ in batches:
            optimiser.step(networks.loss_and_gradients(theta, X, labels)[1])

    straight = {k: p.copy() for k, p in parameters.items()}
    train(make(straight), straight, batches)

    first = make(parameters)
    train(first, parameters, batches[:4])
    state = first.state()
    saved = {k: p.copy() for k, p in parameters.items()}
    train(first, parameters, batches[4:])  # must not reach into the saved state
    assert all(isinstance(a, np.ndarray) for a in state.values())
    second = make(saved)
    second.load_state(state)
    train(second, saved, batches[4:])
    for k in straight:
        assert_array_equal(parameters[k], straight[k])
        assert_array_equal(saved[k], straight[k])


def test_state_that_does_not_fit():
    parameters, batches = setup(1)
    X, labels, _ = batches[0]
    _, gradients = networks.loss_and_gradients(parameters, X, labels)
    for opt in (SGD(parameters, 0.1, 0.9), Adam(parameters)):
        opt.step(gradients)
        state = opt.state()
        name = next(key for key in state if key.endswith("1.bias"))
        with pytest.raises(ValueError, match=r"1\.bias"):
            opt.load_state({**state, name: np.zeros(3)})
        del state[name]
        with pytest.raises(ValueError, match=r"1\.bias"):
            opt.load_state(state)
    with pytest.raises(ValueError, match="steps"):
        Adam(parameters).load_state({})
    sgd = SGD(parameters, 0.1, 0.9)
    sgd.load_state({})  # before the first step there is nothing to save
    assert sgd.state() == {}


def test_optimisers_by_name():
    parameters, _ = setup(1)
    assert isinstance(optimizer("sgd", parameters, 0.1, momentum=0.9), SGD)
    assert isinstance(optimizer("adam", parameters, 0.1, weight_decay=0.1), Adam)
    with pytest.raises(UsageError, match="did you mean 'adam'"):
        optimizer("adams", parameters, 0.1)
    with pytest.raises(UsageError, match="momentum"):
        optimizer("adam", parameters, 0.1, momentum=0.9)
