"""Which assignment a file is a hand-in of: told from its classes, its words and its name.

Years share file names and classes. What tells them apart are words that one year's skeleton has
(``marks`` of `grading.yaml`), such as the name of its loader.
"""

from __future__ import annotations

import re
from pathlib import Path

from hw import console
from hw.config.catalog import DEFAULT_HOMEWORK
from hw.errors import HwError, UsageError, did_you_mean, quoted
from hw.grading.assignment import Assignment, assignments

MAX_BYTES = 1 << 20  # of a Python file that somebody wrote


def read_source(file: Path) -> str:
    """The text of a hand-in. Raises `HwError` for what is no readable Python file."""
    if not file.is_file():
        raise HwError(f"{file}: there is no such file")
    if file.suffix != ".py":
        raise HwError(
            f"{file}: a Python file is expected (a notebook: export it as a script first)"
        )
    if file.stat().st_size > MAX_BYTES:
        raise HwError(f"{file}: larger than {MAX_BYTES >> 20} MB; no hand-in is")
    try:
        return file.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise HwError(f"{file}: {error.strerror}") from None


def check_homework(name: str | None) -> None:
    """Raises `UsageError` for a homework of which nothing can be graded."""
    known = sorted({a.homework for a in assignments()})
    if name is not None and name not in known:
        raise UsageError(
            f"--homework is {quoted(name)}{did_you_mean(name, known)} (one of: {', '.join(known)})"
        )


def check_model(name: str | None) -> None:
    """Raises `UsageError` for a model that no assignment has."""
    known = sorted({model for a in assignments() for model in a.models})
    if name is not None and name not in known:
        raise UsageError(
            f"--only is {quoted(name)}{did_you_mean(name, known)} (one of: {', '.join(known)})"
        )


def identify(file: Path, source: str, homework: str | None = None) -> Assignment:
    """The assignment that ``source``, the text of ``file``, was handed in for.

    Where nothing tells years apart, the default homework is meant, as in every id, and a note says
    so. Raises `HwError` where the file has no class of any, and where several fit equally well.
    """
    candidates = [a for a in assignments() if homework in (None, a.homework)]
    classes = set(re.findall(r"^class\s+(\w+)", source, re.MULTILINE))
    words = source + _course_file_beside(file)
    scores = [_score(a, file, words, classes) for a in candidates]
    best = max(scores)
    found = [a for a, score in zip(candidates, scores, strict=True) if score == best]
    if best[0] == 0:
        whose = "a homework" if homework is None else homework
        raise HwError(f"{file}: none of the classes that {whose} asks for is in it")
    if len(found) == 1:
        return found[0]
    names = " or ".join(sorted(a.homework for a in found))
    for assignment in found:
        if assignment.homework == DEFAULT_HOMEWORK:
            console.say(f"note: {file}: it could be of {names}; --homework says of which")
            return assignment
    raise HwError(f"{file}: it could be of {names}; say of which with --homework")


def _course_file_beside(file: Path) -> str:
    """The text of ``utils.py``, whose loader tells the year."""
    try:
        return read_source(file.with_name("utils.py"))
    except HwError:
        return ""


def _score(
    assignment: Assignment, file: Path, source: str, classes: set[str]
) -> tuple[float, int, bool]:
    """How well a file fits: the share of its classes, its marks, and its name."""
    wanted = {model.cls for model in assignment.models.values()}
    share = len(wanted & classes) / len(wanted)
    marks = sum(mark in source for mark in assignment.marks)
    return share, marks, Path(assignment.file).stem in file.stem
