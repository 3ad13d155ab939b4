"""Reproduce every question of five deep-learning homeworks, in NumPy and in PyTorch."""

__version__ = "0.1.0"
