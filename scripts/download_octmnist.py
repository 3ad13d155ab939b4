"""Download OctMNIST: the same as ``python -m hw data fetch octmnist``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hw.cli import main

if __name__ == "__main__":
    sys.exit(main(["data", "fetch", "octmnist", *sys.argv[1:]]))
