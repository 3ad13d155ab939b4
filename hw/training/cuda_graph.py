"""Small updates on a GPU: recorded once as a CUDA graph, then replayed with one launch.

An update of a homework's network is some twenty kernels of a few microseconds each, and launching
them one by one from Python takes longer than they do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

Tensors = tuple[torch.Tensor | None, ...]
Update = Callable[..., torch.Tensor]  # of a batch: x, targets, masks; returns its loss


class Replayed:
    """An update(*tensors) -> loss, recorded for each combination of shapes it is called with.

    The first call of a combination runs as it is, so that libraries have their workspaces and
    the optimiser its state; the second is recorded. What the update changes, it must change in
    place; after anything moved to other memory, `forget`.
    """

    def __init__(self, update: Update) -> None:
        self.update = update
        self.forget()

    def forget(self) -> None:
        """Record anew."""
        self.replays: dict[tuple[torch.Size | None, ...], Update | None] = {}

    def __call__(self, *tensors: torch.Tensor | None) -> torch.Tensor:
        shapes = tuple(None if t is None else t.shape for t in tensors)
        if shapes not in self.replays:
            self.replays[shapes] = None
            # On copies, as every later call: products can depend on how memory is aligned.
            return self.update(*_copies(tensors))
        replay = self.replays[shapes]
        if replay is None:
            replay = self.replays[shapes] = record(self.update, tensors)
        return replay(*tensors)


def _copies(tensors: Tensors) -> Tensors:
    return tuple(None if t is None else t.clone() for t in tensors)


_recording = threading.Lock()


def record(update: Update, tensors: Tensors) -> Update:
    """The same as ``update`` for tensors of these shapes; calls it once, without effect."""
    inputs = _copies(tensors)
    graph = torch.cuda.CUDAGraph()
    # One at a time in a process, and other threads may go on allocating.
    with _recording, torch.cuda.graph(graph, capture_error_mode="thread_local"):
        loss = update(*inputs)

    def replay(*given: torch.Tensor | None) -> torch.Tensor:
        for own, new in zip(inputs, given, strict=True):
            if own is not None and new is not None:
                own.copy_(new)
        graph.replay()
        return loss.clone()  # the next replay writes over it

    return replay
