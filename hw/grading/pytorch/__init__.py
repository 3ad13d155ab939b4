"""Hand-ins in PyTorch: modules of linear layers that are trained in batches by ``train_batch``."""
