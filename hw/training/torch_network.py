"""Feed-forward networks in PyTorch, in mini-batches, as PyTorch is written: the assignments' loop.

A module of `nn.Linear`, activation and dropout; a criterion; an optimizer of `torch.optim`; for
each batch ``zero_grad``, ``backward``, ``step``. No hidden layer is logistic regression.

What differs from a student's program changes no bit of what it computes: batches, dropout and
initial weights come from `hw.training.random_draws`, which draws what the DataLoader, `nn.Dropout`
and `nn.Linear` would have drawn, so that a run can be resumed and two models can train side by
side; and images stay bytes until they are needed. `hw.training.torch_direct` makes the same
updates in less time, rounded differently.

Conventions: B examples of a batch, D features, K classes; weights (out, in).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hw.datasets.features import Dataset
from hw.training.batch_learner import BatchLearner
from hw.training.network_spec import Draws, NetworkSpec
from hw.training.torch_features import TorchFeatures

Array = NDArray[Any]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "identity": nn.Identity,
}
# A split of more numbers than this (128 MB in float32) is evaluated in several passes.
LARGEST_PASS = 1 << 25


class Dropout(nn.Dropout):
    """`nn.Dropout` with the noise of ``draws`` instead of torch's global generator."""

    def __init__(self, p: float, draws: Draws) -> None:
        super().__init__(p)
        self.draws = draws

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return h
        noise = self.draws.mask(tuple(h.shape), 1 - self.p)
        return h * torch.as_tensor(noise).to(h.device, h.dtype)


def module(spec: NetworkSpec, draws: Draws, device: str = "cpu") -> nn.Sequential:
    """The network, with the initial weights of ``draws``."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(spec.sizes):
        # Without `nn.Linear`'s own initial weights, which are drawn from the global generator.
        linear = nn.utils.skip_init(
            nn.Linear, narrow, wide, device=device, dtype=getattr(torch, spec.dtype)
        )
        layers += [linear, ACTIVATIONS[spec.activation](), Dropout(spec.dropout, draws)]
    network = nn.Sequential(*layers[:-2])  # neither activation nor dropout after the last one
    initial = [array for layer in draws.layers(spec.sizes) for array in layer]
    with torch.no_grad():
        for p, values in zip(network.parameters(), initial, strict=True):
            p.copy_(torch.from_numpy(values))
    return network


class TorchNetwork(BatchLearner):
    """A `Learner`; see the module's docstring."""

    def __init__(self, spec: NetworkSpec, data: Dataset, draws: Draws, device: str = "cpu") -> None:
        super().__init__(spec, data, draws)
        self.device, self.dtype = device, getattr(torch, spec.dtype)
        self.model = module(spec, draws, device)
        self.criterion = nn.BCEWithLogitsLoss() if spec.loss == "bce" else nn.CrossEntropyLoss()
        self.splits: dict[str, tuple[TorchFeatures, torch.Tensor]] = {}

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        return self._make_optimizer(self.model.parameters())

    def _make_optimizer(self, parameters: Iterable[torch.Tensor]) -> torch.optim.Optimizer:
        spec = self.spec
        if spec.optimizer == "adam":
            return torch.optim.Adam(parameters, spec.learning_rate, weight_decay=spec.weight_decay)
        return torch.optim.SGD(
            parameters, spec.learning_rate, spec.momentum, weight_decay=spec.weight_decay
        )

    # Training

    def advance(self, updates: int) -> Any:
        features, targets = self._split("train")
        torch.set_flush_denormal(False)  # PyTorch's own default, which `hw.runs.machine` changes
        self.model.train()
        losses = []
        for _ in range(updates):
            rows = torch.from_numpy(self.batches.next()).to(self.device)
            losses.append(self.train_batch(features.take(rows), targets[rows]))
        return np.array(losses)

    def train_batch(self, x: torch.Tensor, targets: torch.Tensor) -> float:
        """One update from x (B, D); the batch's mean loss before it."""
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), targets)
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    def _mean(self, losses: list[float]) -> float:
        # Not NumPy's: the assignments' scripts have PyTorch take the mean, in its own precision.
        return torch.tensor(losses, dtype=self.dtype, device=self.device).mean().item()

    # Measuring

    def _split(self, name: str) -> tuple[TorchFeatures, torch.Tensor]:
        """Features (N, D); labels (N,), or one-hot rows (N, K) for binary cross-entropy."""
        if name not in self.splits:
            split = self.data.splits[name]
            features = TorchFeatures(split.features, self.dtype, self.device)
            targets = torch.from_numpy(np.asarray(split.labels, dtype=np.int64)).to(self.device)
            if self.spec.loss == "bce":
                targets = nn.functional.one_hot(targets, self.spec.sizes[-1]).to(self.dtype)
            self.splits[name] = features, targets
        return self.splits[name]

    @torch.no_grad()
    def _evaluate(self, split: str) -> tuple[float, float]:
        features, targets = self._split(split)
        torch.set_flush_denormal(False)
        self.model.eval()
        size = max(1, LARGEST_PASS // self.data.n_features)
        passes = [slice(start, start + size) for start in range(0, len(targets), size)]
        logits = torch.cat([self.model(features.take(rows)) for rows in passes])
        classes = targets.argmax(1) if targets.ndim == 2 else targets
        correct = (logits.argmax(1) == classes).sum().item()
        return correct / len(targets), self._reported_loss(logits, targets).item()

    def _reported_loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        clip = self.spec.clip
        if clip:
            p = torch.softmax(logits, 1).clamp(clip, 1 - clip)
            return nn.functional.nll_loss(p.log(), targets)
        loss: torch.Tensor = self.criterion(logits, targets)
        return loss

    # Parameters, and the state of the optimizer

    def parameters(self) -> dict[str, Array]:
        tensors = [p.detach().cpu().numpy() for p in self.model.parameters()]
        return dict(zip(self.spec.names, tensors, strict=True))

    @torch.no_grad()
    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Take over these values."""
        for name, p in zip(self.spec.names, self.model.parameters(), strict=True):
            p.copy_(torch.from_numpy(parameters[name]))

    def positions(self, gradients: Sequence[float]) -> list[float]:
        """See `BatchLearner.positions`; in float64."""
        place = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        walker, found = self._make_optimizer([place]), []
        for gradient in gradients:
            place.grad = torch.tensor([gradient], dtype=torch.float64)
            walker.step()
            found.append(place.item())
        return found

    def _optimizer_state(self) -> dict[str, Array]:
        """As ``NUMBER.NAME``, by the number of the parameter."""
        return {
            f"{number}.{name}": torch.as_tensor(value).detach().cpu().numpy()
            for number, entry in self.optimizer.state_dict()["state"].items()
            for name, value in entry.items()
            if value is not None
        }

    def _load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        found: dict[int, dict[str, torch.Tensor]] = {}
        for key, array in state.items():
            number, _, name = key.partition(".")
            found.setdefault(int(number), {})[name] = torch.from_numpy(np.array(array))
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": found, "param_groups": groups})
