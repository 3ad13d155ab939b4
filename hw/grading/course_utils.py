"""The file that the course hands out beside its skeletons: seeds, and how data are loaded.

Given to a hand-in whose folder has none. The functions are those that hand-ins of the three years
import, under the names that they import them by.
"""

import os
import random

import numpy as np


def configure_seed(seed):
    """Seed every generator that a hand-in may draw from."""
    os.environ["PYTHONHASHSEED"] = str(seed)
    random.seed(seed)
    np.random.seed(seed)
    try:
        import torch
    except ImportError:
        return
    torch.manual_seed(seed)
