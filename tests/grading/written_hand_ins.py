"""Hand-ins of our own, put together: a student's part inside the skeleton of its homework."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Expected:
    """What is to be found in one model; ``check``: one that fails, where the table tells."""

    status: str
    mistakes: frozenset[str] = frozenset()
    check: str = ""


@dataclass(frozen=True)
class Written:
    """One hand-in of ``hand_ins/`` and what ``hand_ins.yaml`` says of it."""

    name: str
    skeleton: str
    file: str
    models: dict[str, Expected]

    def write(self, folder: Path) -> Path:
        """The whole file, in a folder of its own."""
        skeletons = HERE / "hand_ins" / "skeletons"
        text = (skeletons / f"{self.skeleton}.txt").read_text()
        text = text.replace("@linear\n", "\n" + (skeletons / "linear.txt").read_text())
        text = text.replace("@here\n", (HERE / "hand_ins" / f"{self.name}.py").read_text())
        place = folder / self.name / self.file
        place.parent.mkdir(parents=True)
        place.write_text(text)
        return place


def all_written() -> list[Written]:
    """Every hand-in of the table."""
    table = yaml.safe_load((HERE / "hand_ins.yaml").read_text())
    return [
        Written(
            name,
            about["skeleton"],
            about.get("file", "hw1-q1.py"),
            {model: _expected(found) for model, found in about["models"].items()},
        )
        for name, about in table.items()
    ]


def _expected(found: str | dict[str, object]) -> Expected:
    if isinstance(found, str):
        return Expected(found)
    return Expected(
        str(found["status"]), frozenset(found.get("mistakes", ())), str(found.get("check", ""))
    )
