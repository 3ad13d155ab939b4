"""The numerics, in NumPy alone: losses, layers, optimisers, sequential SGD, gradient check."""
