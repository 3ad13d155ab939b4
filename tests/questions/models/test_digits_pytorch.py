"""The network in PyTorch: a Module, a DataLoader and an optimizer; its NumPy twin; end to end."""

from itertools import pairwise

import numpy as np
import pytest

from hw.datasets import load
from hw.errors import UsageError
from hw.lockstep.compare import compare
from hw.questions.models import digits_pytorch
from hw.questions.models.digits_pytorch import MEASURE, Settings
from hw.training.loop import fit


def module_and_loader(settings, data):
    """The course's way: one epoch of a genuine Module, DataLoader and optimizer."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    def tensors(split):
        X = torch.from_numpy(split.features.take(slice(None)).astype(np.float32))
        return X, torch.from_numpy(split.labels)

    torch.manual_seed(settings.seed)
    sizes = (data.n_features, *settings.hidden_sizes, data.n_classes)
    modules = []
    for a, b in pairwise(sizes):
        modules += [nn.Linear(a, b), nn.Sigmoid()]
    model = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.learning_rate)
    criterion = nn.BCEWithLogitsLoss()
    loader = DataLoader(TensorDataset(*tensors(data.train)), batch_size=settings.batch_size)
    losses = []
    for x, label in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), nn.functional.one_hot(label, data.n_classes).float())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    row = {"train_loss": float(np.mean(losses))}
    with torch.no_grad():
        for name in ("train", "validation"):
            X, labels = tensors(data.splits[name])
            logits = model(X)
            right = int((logits.argmax(dim=1) == labels).sum())
            row[f"{name}_accuracy"] = right / len(labels)
            targets = nn.functional.one_hot(labels, data.n_classes).float()
            row.setdefault(f"{name}_loss", criterion(logits, targets).item())
    return losses, row


@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_first_epoch_equals_module_loader_and_optimizer(no_data, step):
    data = load("mnist", "e1394-torch", no_data, "stand-in")
    settings = Settings(step=step)
    losses, expected = module_and_loader(settings, data)
    learner = digits_pytorch.learner(settings, data, "torch")
    history = fit(learner, 1, MEASURE["epoch"], ()).history
    found = np.array(digits_pytorch.learner(settings, data, "torch").advance(len(losses)).tolist())
    assert len(found) == len(losses) == len(data.train)
    # float32, a thousand updates: rounding grows to some 1e-6 of losses near 0.3.
    assert np.allclose(found, losses, rtol=0, atol=1e-4)
    assert np.ptp(found) > 0.1
    for name in ("train_loss", "validation_loss"):
        assert history[name][0] == pytest.approx(expected[name], abs=1e-6)
    for name in ("train_accuracy", "validation_accuracy"):
        assert history[name][0] == expected[name]


@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_numpy_and_torch_walk_together(step, dots):
    settings = Settings(hidden_sizes=(9, 8), dtype="float64", step=step)
    learners = [digits_pytorch.learner(settings, dots, b) for b in ("numpy", "torch")]
    assert compare(*learners, updates=100).parting is None


@pytest.mark.parametrize("step", ["direct", "autograd"])
def test_another_step_size_is_noticed(step, dots):
    rates = (1.5, 1.5001)
    settings = [Settings(dtype="float64", step=step, learning_rate=rate) for rate in rates]
    learners = [digits_pytorch.learner(s, dots, "torch") for s in settings]
    assert compare(*learners, updates=2).parting.update == 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_first_step_with_cross_entropy_is_of_softmax_minus_target(dots, backend):
    """The slope by the last layer's bias: s - y, and (σ(z) - y) / K with the template's loss."""
    import torch

    steps, logits = {}, None
    for loss in ("cross_entropy", "bce"):
        settings = Settings(hidden_sizes=(9, 8), dtype="float64", loss=loss)
        learner = digits_pytorch.learner(settings, dots, backend)
        weights = [torch.from_numpy(p.copy()) for p in learner.parameters().values()]
        x = torch.from_numpy(dots.train.features.take(np.arange(1)))
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            x = torch.sigmoid(x @ W.T + b)
        logits = x @ weights[-2].T + weights[-1]
        learner.advance(1)
        after = torch.from_numpy(list(learner.parameters().values())[-1])
        steps[loss] = (weights[-1] - after) / settings.learning_rate
    y = torch.eye(dots.n_classes, dtype=torch.float64)[int(dots.train.labels[0])]
    expected = {
        "cross_entropy": torch.softmax(logits[0], 0) - y,
        "bce": (torch.sigmoid(logits[0]) - y) / dots.n_classes,
    }
    for loss, step in steps.items():
        assert torch.allclose(step, expected[loss], rtol=1e-9, atol=1e-12), loss


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_numpy_and_torch_walk_together_with_either_loss(dots, loss):
    settings = Settings(hidden_sizes=(9, 8), dtype="float64", loss=loss)
    learners = [digits_pytorch.learner(settings, dots, b) for b in ("numpy", "torch")]
    assert compare(*learners, updates=100).parting is None


def test_a_network_without_hidden_layers_is_refused():
    with pytest.raises(UsageError, match="hidden layer"):
        Settings(hidden_sizes=())
