"""Feed-forward networks in PyTorch, in mini-batches: the assignments' loops without their waste.

A hidden layer is linear, activation, dropout; no hidden layer is logistic regression.

Conventions: B examples of a batch, layers l = 1..L; weights (out, in); hₗ the layer's output, zₗ
its pre-activation, gₗ the gradient of the mean loss in zₗ.

Two ways to make the same update, which the tests hold against each other:

``autograd``  the loss's ``backward()``, then a `torch.optim` optimiser's step.
``direct``    the hand-derived gradients, without a graph. For SGD without momentum the gradient
              is never stored: W <- (1 - ηλ) W - η gᵀh is one call.

Batches, masks and initial weights come from the draws that are passed in; nothing here is random.
No value leaves the device within an epoch: losses are collected there and read at its end. On a
GPU the direct step is recorded and replayed (`hw.training.cuda_graph`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from hw.datasets.features import Dataset, Features
from hw.training.cuda_graph import Replayed, Update
from hw.training.metrics import by_split
from hw.training.network_spec import (
    Batches,
    Draws,
    NetworkSpec,
    draw_masks,
    mean_of_epoch,
    prefixed,
    unprefixed,
)
from hw.training.per_example import EXTRAS
from hw.training.torch_products import add_product, affine

Array = NDArray[Any]

ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky_relu": functional.leaky_relu,
    "identity": lambda z: z,
}


GATHERED_ROWS = 256


class TorchFeatures:
    """Features on a device: bytes where a multiplication makes them numbers, else floats."""

    def __init__(self, features: Features, dtype: torch.dtype, device: str) -> None:
        self.dtype = dtype
        self.scale: float | None = None
        self.numbers = torch.empty(0, 0, dtype=dtype)
        if features.is_power_of_two_scale and device == "cpu":
            assert features.table is not None
            self.scale = float(features.table[1])
            self.values = torch.from_numpy(np.ascontiguousarray(features.stored))
        else:
            floats = np.float64 if dtype == torch.float64 else np.float32
            self.values = torch.from_numpy(features.take(slice(None), floats)).to(device)

    def take(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """(B, D) numbers, good until the next call, which may write over them."""
        # Indexing goes byte by byte, index_select row by row.
        if isinstance(rows, slice):
            chosen = self.values[rows]
        else:
            chosen = self.values.index_select(0, rows)
        if self.scale is None:
            return chosen
        # Fresh memory costs more than the copy into it: the kernel clears every page of it.
        if len(self.numbers) < len(chosen):
            self.numbers = torch.empty(chosen.shape, dtype=self.dtype)
        return self.numbers[: len(chosen)].copy_(chosen).mul_(self.scale)


class TorchNetwork:
    """A `Learner`; see the module's docstring."""

    def __init__(
        self,
        spec: NetworkSpec,
        data: Dataset,
        draws: Draws,
        device: str = "cpu",
        step: str = "direct",
    ) -> None:
        self.spec, self.data, self.draws, self.device = spec, data, draws, device
        self.dtype = getattr(torch, spec.dtype)
        self.layers = [
            (self._tensor(w).clone(), self._tensor(b).clone()) for w, b in draws.layers(spec.sizes)
        ]
        self.activate = ACTIVATIONS[spec.activation]
        self.onehot = torch.eye(spec.sizes[-1], dtype=self.dtype, device=device)
        self.splits: dict[str, tuple[TorchFeatures, torch.Tensor]] = {}
        n = len(data.train)
        self.batches = Batches(draws.orders(n), n, spec.batch_size)
        self.losses: list[torch.Tensor] = []
        self.all_losses: list[torch.Tensor] = []
        self._make_optimizer(step)

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values).to(self.device, self.dtype)

    def _make_optimizer(self, step: str) -> None:
        spec = self.spec
        parameters = [p for layer in self.layers for p in layer]
        self.update: Update = self._update_direct
        if step == "autograd":
            self.update = self._update_autograd
            for p in parameters:
                p.requires_grad_()
        elif self.device == "cuda":
            self.update = Replayed(self._update_direct)
        self.buffers: list[torch.Tensor] = []
        self.optimizer: torch.optim.Optimizer | None = None
        if spec.optimizer == "adam":
            self.optimizer = torch.optim.Adam(
                parameters,
                spec.learning_rate,
                weight_decay=spec.weight_decay,
                fused=True,
                capturable=self.device == "cuda",
            )
            for p in parameters:
                p.grad = torch.zeros_like(p)
        elif step == "autograd":
            self.optimizer = torch.optim.SGD(
                parameters,
                spec.learning_rate,
                momentum=spec.momentum,
                weight_decay=spec.weight_decay,
            )

    # Training

    def train_epoch(self) -> dict[str, float]:
        self.losses = []
        self.advance(len(self.batches))
        losses = seen = torch.cat(self.losses)
        if self.spec.train_loss == "measured":
            return {}
        if self.spec.train_loss == "running":
            self.all_losses.append(losses)
            losses = torch.cat(self.all_losses)
        return {"train_loss": mean_of_epoch(losses.mean().item(), seen)}

    def advance(self, updates: int) -> None:
        """The next ``updates`` batches."""
        features, targets = self._split("train")
        size = self.spec.batch_size
        while updates:
            # Small batches are gathered many at a time: one gather costs more than one update.
            rows = self.batches.next(min(updates, max(1, GATHERED_ROWS // size)))
            chosen = self._send(torch.from_numpy(rows))
            xs, ys = features.take(chosen).split(size), targets[chosen].split(size)
            # One tensor for all of them: the garbage collector walks every object there is.
            losses = [self.update(x, y, *self._masks(len(x))) for x, y in zip(xs, ys, strict=True)]
            self.losses.append(torch.stack(losses))
            updates -= len(xs)

    def _masks(self, batch: int) -> list[torch.Tensor | None]:
        drawn = draw_masks(self.draws, self.spec, batch)
        return [
            None if mask is None else self._send(torch.as_tensor(mask, dtype=self.dtype))
            for mask in drawn
        ]

    def _send(self, tensor: torch.Tensor) -> torch.Tensor:
        """On the device, without waiting for what it is computing."""
        if self.device == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.spec.loss == "bce":
            return functional.binary_cross_entropy_with_logits(logits, targets)
        return functional.cross_entropy(logits, targets)

    def _update_autograd(
        self, x: torch.Tensor, targets: torch.Tensor, *masks: torch.Tensor | None
    ) -> torch.Tensor:
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        h = x
        for (weight, bias), mask in zip(self.layers, masks, strict=False):
            h = self.activate(functional.linear(h, weight, bias))
            h = h if mask is None else h * mask
        loss = self._loss(functional.linear(h, *self.layers[-1]), targets)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def _update_direct(
        self, x: torch.Tensor, targets: torch.Tensor, *masks: torch.Tensor | None
    ) -> torch.Tensor:
        inputs, activated = [x], []
        for (weight, bias), mask in zip(self.layers, masks, strict=False):
            a = self.activate(affine(inputs[-1], weight, bias))
            activated.append(a)
            inputs.append(a if mask is None else a * mask)
        logits = affine(inputs[-1], *self.layers[-1])
        loss, g = self._loss_and_gradient(logits, targets)
        for layer in reversed(range(len(self.layers))):
            weight, h = self.layers[layer][0], inputs[layer]
            below = None
            if layer:
                # From the old weights, before this layer's update.
                below = affine(g, weight.T)
                mask = masks[layer - 1]
                if mask is not None:
                    below *= mask
                _multiply_by_derivative(self.spec.activation, below, activated[layer - 1])
            self._apply(layer, g, h)
            if below is not None:
                g = below
        if self.optimizer is not None:
            self.optimizer.step()
        return loss

    def _loss_and_gradient(
        self, logits: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch's mean loss and its gradient in the logits."""
        if self.spec.loss == "bce":
            gradient = (torch.sigmoid(logits) - targets) / logits.numel()
            return self._loss(logits, targets), gradient
        log_p = torch.log_softmax(logits, 1)
        loss = functional.nll_loss(log_p, targets)
        gradient = log_p.exp_().sub_(self.onehot[targets])
        return loss, gradient if len(logits) == 1 else gradient.div_(len(logits))

    def _apply(self, layer: int, g: torch.Tensor, h: torch.Tensor) -> None:
        """The update of one layer: its gradients are gᵀh and the column sums of g."""
        spec = self.spec
        weight, bias = self.layers[layer]
        if self.optimizer is not None:  # Adam: torch's own fused step
            # Into the same memory each time: a fresh allocation costs more than the product.
            assert weight.grad is not None
            assert bias.grad is not None
            if len(g) == 1:
                torch.mul(g.T, h, out=weight.grad)
            else:
                add_product(weight.grad, g, h, beta=0)
            torch.sum(g, 0, out=bias.grad)
            return
        rate = spec.learning_rate
        if not spec.momentum:
            # β scales the old weight: (1 - ηλ) W - η gᵀh.
            beta = 1 - rate * spec.weight_decay
            add_product(weight, g, h, beta, -rate)
            # Of single examples, a call that changes nothing is a twentieth of the update.
            if beta != 1:
                bias.mul_(beta)
            bias.sub_(g[0] if len(g) == 1 else g.sum(0), alpha=rate)
            return
        if len(self.buffers) != 2 * len(self.layers):
            # A first step with zero buffers is torch's first step, whose buffer is the gradient.
            self.buffers = [torch.zeros_like(p) for pair in self.layers for p in pair]
        v_weight, v_bias = self.buffers[2 * layer : 2 * layer + 2]
        add_product(v_weight, g, h, beta=spec.momentum)
        v_bias.mul_(spec.momentum).add_(g.sum(0))
        for p, v in ((weight, v_weight), (bias, v_bias)):
            if spec.weight_decay:
                v.add_(p, alpha=spec.weight_decay)
            p.sub_(v, alpha=rate)

    # Measuring

    def _split(self, name: str) -> tuple[TorchFeatures, torch.Tensor]:
        if name not in self.splits:
            split = self.data.splits[name]
            features = TorchFeatures(split.features, self.dtype, self.device)
            labels = torch.from_numpy(np.asarray(split.labels, dtype=np.int64)).to(self.device)
            if self.spec.loss == "bce":
                labels = functional.one_hot(labels, self.spec.sizes[-1]).to(self.dtype)
            self.splits[name] = features, labels
        return self.splits[name]

    @torch.no_grad()
    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for split, wanted in by_split(metrics).items():
            if not split:
                found |= {metric: EXTRAS[metric](self.parameters()) for metric in wanted}
                continue
            accuracy, loss = self._evaluate(split)
            found |= {f"{split}_accuracy": accuracy, f"{split}_loss": loss}
        return {name: found[name] for name in metrics}

    def _evaluate(self, split: str, block: int = 1000) -> tuple[float, float]:
        """Accuracy and mean loss, without dropout."""
        features, targets = self._split(split)
        n = len(targets)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for start in range(0, n, block):
            rows = slice(start, start + block)
            h, wanted = features.take(rows), targets[rows]
            for weight, bias in self.layers[:-1]:
                h = self.activate(affine(h, weight, bias))
            logits = affine(h, *self.layers[-1])
            classes = wanted.argmax(1) if wanted.ndim == 2 else wanted
            correct += (logits.argmax(1) == classes).sum()
            total += self._reported_loss(logits, wanted) * len(wanted)
        return correct.item() / n, total.item() / n

    def _reported_loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        clip = self.spec.clip
        if not clip:
            return self._loss(logits, targets)
        p = torch.softmax(logits, 1).clamp(clip, 1 - clip)
        return functional.nll_loss(p.log(), targets)

    def parameters(self) -> dict[str, Array]:
        tensors = [p.detach() for layer in self.layers for p in layer]
        return {n: t.cpu().numpy() for n, t in zip(self.spec.names, tensors, strict=True)}

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Take over these values."""
        tensors = [p for layer in self.layers for p in layer]
        with torch.no_grad():
            for name, tensor in zip(self.spec.names, tensors, strict=True):
                tensor.copy_(torch.from_numpy(parameters[name]))

    def state(self) -> dict[str, Array]:
        losses = torch.cat(self.all_losses) if self.all_losses else torch.empty(0)
        return {
            **prefixed("parameters", self.parameters()),
            **prefixed("optimiser", self._optimiser_state()),
            **self.batches.state(),
            "losses": losses.cpu().numpy(),
        }

    def _optimiser_state(self) -> dict[str, Array]:
        """By the number of the parameter: torch's own state, or else the momentum."""
        if self.optimizer is None:
            return {f"{i}.momentum": v.cpu().numpy() for i, v in enumerate(self.buffers)}
        return {
            f"{i}.{name}": torch.as_tensor(value).detach().cpu().numpy()
            for i, entry in self.optimizer.state_dict()["state"].items()
            for name, value in entry.items()
            if value is not None
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        self.load_parameters(unprefixed("parameters", state))
        self._load_optimiser_state(unprefixed("optimiser", state))
        self.batches.load_state(state)
        losses = torch.from_numpy(np.array(state["losses"])).to(self.device)
        self.all_losses = [losses] if len(losses) else []

    def _load_optimiser_state(self, state: Mapping[str, Array]) -> None:
        found: dict[int, dict[str, torch.Tensor]] = {}
        for key, array in state.items():
            number, _, name = key.partition(".")
            found.setdefault(int(number), {})[name] = torch.from_numpy(np.array(array))
        if self.optimizer is None:
            # Into torch's own memory, aligned as in a run that never stopped.
            self.buffers = [self._tensor(found[i]["momentum"]).clone() for i in sorted(found)]
        else:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": found, "param_groups": groups})
        if isinstance(self.update, Replayed):
            self.update.forget()

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        return {}


def _multiply_by_derivative(activation: str, g: torch.Tensor, a: torch.Tensor) -> None:
    """g <- g ⊙ f'(z), from a = f(z), in place."""
    match activation:
        case "relu":
            g.mul_(a > 0)
        case "tanh":
            g.mul_(1 - a * a)
        case "sigmoid":
            g.mul_(a * (1 - a))
        case "leaky_relu":
            # Not 1 or 0.01 times g: as numbers of their own these are float32.
            torch.where(a > 0, g, g * 0.01, out=g)
