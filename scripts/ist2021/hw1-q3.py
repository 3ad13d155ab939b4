"""IST Deep Learning 2021-22, Homework 1, question 3: ``python hw1-q3.py perceptron``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hw.assignment import main

if __name__ == "__main__":
    sys.exit(main("ist2021/hw1-q3.py"))
