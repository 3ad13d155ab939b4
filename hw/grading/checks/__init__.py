"""The checks of one model: its start, updates, epochs and losses, predictions, the full size."""
