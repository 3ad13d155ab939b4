"""The updates of `hw.training.torch_network` without a graph: for sweeps, ``step: direct``.

Gradients are hand-derived. For SGD without momentum they are never stored: W <- (1 - ηλ) W - η gᵀh
is one call. Many small batches are gathered at once, products go through the faster of PyTorch's
two libraries, and denormal numbers are taken for zero. The tests hold it against autograd.

No value leaves the device within an epoch: losses are collected there and read at its end. On a
GPU the update is recorded and replayed (`hw.training.cuda_graph`).

Conventions: layers l = 1..L; hₗ (B, width) the layer's output, zₗ its pre-activation, gₗ the
gradient of the mean loss in zₗ; η the learning rate, λ the weight decay.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from hw.datasets.features import Dataset
from hw.training.cuda_graph import Replayed, Update
from hw.training.network_spec import Draws, NetworkSpec, draw_masks
from hw.training.torch_network import ACTIVATIONS, TorchNetwork
from hw.training.torch_products import add_product, affine

Array = NDArray[Any]

GATHERED_ROWS = 256


class DirectNetwork(TorchNetwork):
    """A `Learner`; see the module's docstring."""

    def __init__(self, spec: NetworkSpec, data: Dataset, draws: Draws, device: str = "cpu") -> None:
        super().__init__(spec, data, draws, device)
        self.activate = ACTIVATIONS[spec.activation]().forward
        self.layers = [
            (linear.weight.requires_grad_(False), linear.bias.requires_grad_(False))
            for linear in self.model
            if isinstance(linear, nn.Linear)
        ]
        self.onehot = torch.eye(spec.sizes[-1], dtype=self.dtype, device=device)
        self.buffers: list[torch.Tensor] = []  # momentum
        if spec.optimizer == "adam":
            for p in self.model.parameters():
                p.grad = torch.zeros_like(p)
        self.update: Update = Replayed(self.one_update) if device == "cuda" else self.one_update

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Of Adam alone: SGD is done here, and torch's optimizers take a second to import."""
        return torch.optim.Adam(
            self.model.parameters(),
            self.spec.learning_rate,
            weight_decay=self.spec.weight_decay,
            fused=True,
            capturable=self.device == "cuda",
        )

    # Training

    @torch.no_grad()
    def advance(self, updates: int) -> torch.Tensor:
        features, targets = self._split("train")
        size = self.spec.batch_size
        collected = []
        while updates:
            # Small batches are gathered many at a time: one gather costs more than one update.
            rows = self.batches.next(min(updates, max(1, GATHERED_ROWS // size)))
            chosen = self._send(torch.from_numpy(rows))
            xs, ys = features.take(chosen).split(size), targets[chosen].split(size)
            # One tensor for all of them: the garbage collector walks every object there is.
            losses = [self.update(x, y, *self._masks(len(x))) for x, y in zip(xs, ys, strict=True)]
            collected.append(torch.stack(losses))
            updates -= len(xs)
        return torch.cat(collected)

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

    def one_update(
        self, x: torch.Tensor, targets: torch.Tensor, *masks: torch.Tensor | None
    ) -> torch.Tensor:
        """From x (B, D), with a dropout mask (B, width) for each hidden layer; the loss."""
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
        if self.spec.optimizer == "adam":
            self.optimizer.step()
        return loss

    def _loss_and_gradient(
        self, logits: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch's mean loss and its gradient in the logits."""
        if self.spec.loss == "bce":
            gradient = (torch.sigmoid(logits) - targets) / logits.numel()
            return self.criterion(logits, targets), gradient
        log_p = torch.log_softmax(logits, 1)
        loss = functional.nll_loss(log_p, targets)
        gradient = log_p.exp_().sub_(self.onehot[targets])
        return loss, gradient if len(logits) == 1 else gradient.div_(len(logits))

    def _apply(self, layer: int, g: torch.Tensor, h: torch.Tensor) -> None:
        """The update of one layer: its gradients are gᵀh and the column sums of g."""
        spec = self.spec
        weight, bias = self.layers[layer]
        if spec.optimizer == "adam":  # torch's own fused step
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

    @torch.no_grad()
    def _evaluate(self, split: str, block: int = 1000) -> tuple[float, float]:
        features, targets = self._split(split)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for start in range(0, len(targets), block):
            rows = slice(start, start + block)
            h, wanted = features.take(rows), targets[rows]
            for weight, bias in self.layers[:-1]:
                h = self.activate(affine(h, weight, bias))
            logits = affine(h, *self.layers[-1])
            classes = wanted.argmax(1) if wanted.ndim == 2 else wanted
            correct += (logits.argmax(1) == classes).sum()
            total += self._reported_loss(logits, wanted) * len(wanted)
        return correct.item() / len(targets), total.item() / len(targets)

    # The state of the optimizer

    def _optimizer_state(self) -> dict[str, Array]:
        if self.spec.optimizer == "adam":
            return super()._optimizer_state()
        return {f"{i}.momentum": v.cpu().numpy() for i, v in enumerate(self.buffers)}

    def _load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        if self.spec.optimizer == "adam":
            super()._load_optimizer_state(state)
        else:
            # Into torch's own memory, aligned as in a run that never stopped.
            self.buffers = [
                torch.tensor(state[f"{i}.momentum"], dtype=self.dtype, device=self.device)
                for i in range(len(state))
            ]
        if isinstance(self.update, Replayed):
            self.update.forget()


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
