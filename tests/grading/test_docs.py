"""docs/grading.md: its mistake is one that can be added, and its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import yaml

from hw.cli import build_parser
from hw.grading.mistakes import mutant, read_mistakes
from hw.grading.references import REFERENCES, Sizes

TEXT = (Path(__file__).parents[2] / "docs" / "grading.md").read_text(encoding="utf-8")


def test_the_mistake_it_adds_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
    raw = yaml.safe_load(block)["mistakes"]["perceptron"]
    (mistake,) = read_mistakes(raw, "perceptron", "docs/grading.md")
    reference = REFERENCES["perceptron"]
    steps = []
    for cls in (reference, mutant(reference, mistake.ways[0])):
        model = cls(Sizes(features=3, classes=2), eta=0.1)
        model.start()
        model.update(np.array([1.0, 2.0, 3.0]), 1)
        steps.append(model.parameters()["W"][1])
    np.testing.assert_array_equal(steps[1], 2 * steps[0])
    assert steps[0].any()


def test_its_commands_are_understood() -> None:
    commands = re.findall(r"python -m hw (grade [^`#]+?)(?:`|\s#|\n\n|\n[a-z`])", TEXT + "\n")
    assert len(commands) >= 4
    for command in commands:
        build_parser("grade").parse_args(shlex.split(command))


def test_every_check_has_a_row() -> None:
    from hw.grading.examination import ORDER

    rows = re.findall(r"^\| (`[^|]+`) \|", TEXT, re.M)
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert set(ORDER) <= told
