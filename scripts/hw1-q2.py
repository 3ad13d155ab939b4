"""IST Deep Learning 2024-25, Homework 1, question 2: ``python hw1-q2.py mlp``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hw.assignment import main

if __name__ == "__main__":
    sys.exit(main("hw1-q2.py"))
