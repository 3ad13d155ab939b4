"""How well `hw grade` does on labelled hand-ins: ``python tests/grading/measure.py FOLDER``.

The folder holds the hand-ins and ``labels.csv``, with the columns file, model, label, mistakes,
place, remark; a row for each model of each file, and nothing but a reader's own judgement:

right     nothing to find; mistakes are harmless ones that may be named
loss      updates and predicts as the reference does, and reports another loss
start     the same, from another start
wrong     the updates, the predictions or the program are wrong, at ``place``
not-done  left as the course handed it out

Mistakes are ids, separated by ``;``. An id that ends in ``?`` may be named or not. A wrong model
without ids has a mistake that has no name, and naming one is wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The checks that may find a fault at a place.
PLACES: Mapping[str, tuple[str, ...]] = {
    "update": ("update", "shape", "predict"),
    "forward": ("predict", "forward", "update"),
    "shapes": ("shape", "method", "start", "predict"),
    "start": ("start", "shape", "update", "predict"),
    "loads": ("load",),
    "loss": ("loss",),
}


@dataclass(frozen=True)
class Label:
    """What a reader found in one model of one hand-in."""

    file: str
    model: str
    kind: str
    expected: frozenset[str]
    allowed: frozenset[str]
    place: str
    remark: str

    def __str__(self) -> str:
        return f"{self.file} {self.model}"


@dataclass(frozen=True)
class Outcome:
    """What became of one model: an empty text where all is well."""

    label: Label
    passed: bool  # right ones and those with another loss or start
    found: bool  # the fault, at its place
    named: bool  # every expected mistake, and no other
    partly: bool  # one of them at least, and no other
    wrong_names: tuple[str, ...]
    seen: str


def read_labels(file: Path) -> list[Label]:
    """The rows of ``labels.csv``."""
    with file.open(newline="") as lines:
        return [_label(row) for row in csv.DictReader(lines)]


def _label(row: Mapping[str, str]) -> Label:
    ids = [id for id in row["mistakes"].split(";") if id]
    return Label(
        row["file"],
        row["model"],
        row["label"],
        frozenset(id for id in ids if not id.endswith("?")),
        frozenset(id.rstrip("?") for id in ids),
        row["place"],
        row["remark"],
    )


def grade(files: Sequence[Path], options: Sequence[str]) -> dict[str, Any]:
    """What ``hw grade --json`` says of every file, by its path; nothing of what it refuses."""
    command = [sys.executable, "-m", "hw", "grade", *map(str, files), "--json", *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stderr.write(answer.stderr)
    if not answer.stdout.strip():
        sys.exit(f"hw grade wrote nothing (exit {answer.returncode})")
    return by_file(answer.stdout)


def by_file(document: str) -> dict[str, Any]:
    """The models of every file in what ``hw grade --json`` wrote."""
    return {found["file"]: found["models"] for found in json.loads(document)["hand_ins"]}


def judge(label: Label, model: Mapping[str, Any] | None) -> Outcome:
    """Hold one model's result against its label."""
    if model is None:
        return Outcome(label, False, False, False, False, (), "no result")
    status, named = model["status"], set(model["mistakes"])
    failed = [f for f in model["findings"] if f["status"] == "fail"]
    wrong_names = tuple(sorted(named - label.allowed))
    exact = label.expected <= named and not wrong_names
    partly = not wrong_names and bool(named & label.expected or not label.expected)
    if label.kind == "right":
        passed = status == "pass" and not wrong_names
        found = True
    elif label.kind == "not-done":
        passed = found = status == "not done"
    elif label.kind in ("loss", "start"):
        passed = status == "pass"
        found = any(f["check"] == label.kind for f in failed)
    else:
        checks = PLACES[label.place.split()[0]]
        passed = False
        found = status == "fail" and any(
            word in f"{f['check']} {f['where']}" for f in failed for word in checks
        )
    first = "; ".join(f"{f['check']} [{f['where']}]: {f['text']}" for f in failed)
    return Outcome(
        label,
        passed,
        found,
        exact,
        partly,
        wrong_names,
        f"{status}, {', '.join(sorted(named)) or 'no mistake'}; {first}"[:400],
    )


def report(outcomes: Sequence[Outcome], details: bool) -> None:
    """Rates, then every model that was not judged as its reader did."""
    kinds = Counter(o.label.kind for o in outcomes)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    harmless = [o for o in outcomes if o.label.kind in ("right", "loss", "start")]
    right = [o for o in outcomes if o.label.kind == "right"]
    faulty = [o for o in outcomes if o.label.kind in ("wrong", "loss", "start")]
    wrong = [o for o in outcomes if o.label.kind == "wrong"]
    nameable = [o for o in faulty if o.label.expected]
    _rate("right ones pass", [o.passed for o in right])
    _rate("right but for loss or start pass", [o.passed for o in harmless])
    _rate("faults found at their place", [o.found for o in faulty])
    _rate("  of the wrong ones", [o.found for o in wrong])
    _rate("mistakes named, all of them", [o.named for o in nameable])
    _rate("mistakes named, one at least", [o.partly for o in nameable])
    nameless = [o for o in wrong if not o.label.expected]
    _rate("nameless ones left unnamed", [not o.wrong_names for o in nameless])
    _rate("not done, and said so", [o.passed for o in outcomes if o.label.kind == "not-done"])
    print(f"wrong names given: {sum(bool(o.wrong_names) for o in outcomes)}")
    if details:
        for o in outcomes:
            for text in _complaints(o):
                wanted = ";".join(sorted(o.label.expected)) or "no name"
                print(f"\n{o.label}: {text}\n  label: {o.label.kind}, {wanted}. {o.label.remark}")
                print(f"  grader: {o.seen}")


def _complaints(outcome: Outcome) -> list[str]:
    kind = outcome.label.kind
    if kind in ("right", "loss", "start") and not outcome.passed:
        return ["FALSE ALARM"]
    if kind == "not-done" and not outcome.passed:
        return ["not seen that it is not done"]
    if kind != "right" and not outcome.found:
        return ["fault not found at its place"]
    if outcome.wrong_names:
        return [f"wrong name: {', '.join(outcome.wrong_names)}"]
    return [] if outcome.named or kind == "right" else ["not named"]


def _rate(what: str, hits: Sequence[bool]) -> None:
    share = f"{sum(hits) / len(hits):.0%}" if hits else "none"
    print(f"{what:36} {sum(hits):4} of {len(hits):4}  {share}")


def main() -> None:
    """Grade the hand-ins of a folder and compare with its labels."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, help="default: labels.csv in the folder")
    parser.add_argument("--only", help="files whose path holds this text")
    parser.add_argument("--results", type=Path, help="what hw grade --json wrote, not graded again")
    parser.add_argument("--models", help="names of models, joined by commas")
    parser.add_argument("--brief", action="store_true", help="rates only")
    parser.add_argument("options", nargs="*", help="for hw grade, after --")
    asked = parser.parse_args()
    labels = read_labels(asked.labels or asked.folder / "labels.csv")
    if asked.only:
        labels = [label for label in labels if asked.only in label.file]
    if asked.models:
        labels = [label for label in labels if label.model in asked.models.split(",")]
    paths = {label.file: asked.folder / label.file for label in labels}
    if asked.results:
        found = by_file(asked.results.read_text())
    else:
        found = grade(sorted(set(paths.values())), asked.options)
    outcomes = [
        judge(label, found.get(str(paths[label.file]), {}).get(label.model)) for label in labels
    ]
    report(outcomes, not asked.brief)


if __name__ == "__main__":
    main()
