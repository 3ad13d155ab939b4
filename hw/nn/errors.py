"""What the numerics raise."""

from __future__ import annotations


class Diverged(ArithmeticError):
    """Training left the finite numbers.

    step: 0-based position, within the epoch, of the first example whose loss or gradient is not
          finite; the number of steps of the epoch if only the weights after it are not.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"not finite at step {step} of the epoch")
        self.step = step

    def __reduce__(self) -> tuple[type[Diverged], tuple[int]]:
        return Diverged, (self.step,)  # the message is not the argument: say how to unpickle
