"""The checks of one model, in their order: start, prediction, updates, epoch and loss, evaluation."""
