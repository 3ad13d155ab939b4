"""The numerics, in NumPy alone: losses, layers, optimizers, one example at a time."""
