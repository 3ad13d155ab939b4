"""The assignments' PyTorch loop, as a student writes it from the handout.

A Dataset and a DataLoader, an nn.Module, an optimiser of torch.optim, and the loss read with
``.item()`` after every batch. It is the baseline of the PyTorch rows of ``hw bench`` and, drawing
from the same seed, the witness that those make the same updates.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hw.training.network_spec import NetworkSpec

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class DataLoaderLoop:
    """X (N, D) float32, y (N,) labels; weights, order and dropout from ``seed``."""

    def __init__(self, spec: NetworkSpec, X: np.ndarray, y: np.ndarray, seed: int = 42) -> None:
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for narrow, wide in zip(spec.sizes[:-2], spec.sizes[1:-1], strict=True):
            layers += [nn.Linear(narrow, wide), ACTIVATIONS[spec.activation]()]
            layers += [nn.Dropout(spec.dropout)] if spec.dropout else []
        self.model = nn.Sequential(*layers, nn.Linear(spec.sizes[-2], spec.sizes[-1]))
        self.criterion = nn.CrossEntropyLoss()
        parameters, rate, decay = self.model.parameters(), spec.learning_rate, spec.weight_decay
        self.optimizer: torch.optim.Optimizer
        if spec.optimizer == "adam":
            self.optimizer = torch.optim.Adam(parameters, rate, weight_decay=decay)
        else:
            momentum = spec.momentum
            self.optimizer = torch.optim.SGD(parameters, rate, momentum, weight_decay=decay)
        self.loader = DataLoader(
            TensorDataset(torch.from_numpy(X), torch.from_numpy(y)),
            batch_size=spec.batch_size,
            shuffle=True,
            generator=torch.Generator().manual_seed(seed),
        )

    def advance(self, updates: int) -> float:
        """The first ``updates`` batches of a new epoch; the mean of their losses."""
        self.model.train()
        losses = []
        for x, y in islice(self.loader, updates):
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def parameters(self) -> list[np.ndarray]:
        """Weight and bias of each layer, in order of depth."""
        return [p.detach().numpy() for p in self.model.parameters()]
