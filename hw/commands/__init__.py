"""One module per verb: ``add_parser(subparsers, common)`` and ``run(args) -> exit code``."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

# Every verb and what it does in a line, in the order of ``--help``. A verb's module is imported
# when it is asked for, so that each answers as fast as it can.
VERBS = {
    "list": "every question and the state of its last run",
    "show": "a question's settings, data and published claims",
    "run": "run questions",
    "verify": "published claims against results",
    "report": "a page of all results: report/index.html in the results folder",
    "lockstep": "NumPy and PyTorch side by side from one start: where they part",
    "data": "data sets: what is there, fetch, verify",
    "bench": "speed and memory, as ratios against the plain loop",
    "calibrate": "run seeds, and keep the spread that verify and check judge by",
    "check": "a number of your own: plausible or not, and what to look at",
    "grade": "hand-ins against the reference: where they part, and which known mistake it is",
    "runs": "every results folder and what tells it from others; removes those no longer wanted",
    "compare": "any number of runs, or whole results folders, side by side",
    "whence": "where a figure comes from, and whether it is out of date",
    "export": "results for other tools: DVC, TensorBoard, LaTeX, or one long table",
    "kinds": "what a question can be built on: settings, metrics, figures",
    "new": "a homework, a question or a kind of your own: files that run at once",
    "check-homework": "all that is wrong with a folder of homeworks",
    "completion": "a script with which a shell completes commands, ids and options",
}


def add_parsers(subparsers: Any, common: argparse.ArgumentParser, only: str | None = None) -> None:
    """The parser of every verb; with ``only``, in full of that one, and of the others the name."""
    for verb, text in VERBS.items():
        if only in (None, verb):
            importlib.import_module(f"hw.commands.{verb.replace('-', '_')}").add_parser(
                subparsers, common
            )
        else:
            subparsers.add_parser(verb, help=text)
