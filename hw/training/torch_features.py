"""Features as tensors: bytes that become numbers as they are gathered."""

from __future__ import annotations

import numpy as np
import torch

from hw.datasets.features import Features


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
