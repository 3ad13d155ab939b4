"""What grading found, for other programs: Gradescope, JUnit, and a table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from hw import console
from hw.grading.batch import Graded
from hw.grading.findings import Finding, HandInResult, ModelResult
from hw.grading.text import first_difference, lines_of, points, weight

NOT_RUN = "The grader did not run to its end; ask who runs it to look at its log."


def gradescope(graded: Sequence[Graded], many: bool, finished: bool) -> dict[str, Any]:
    """The document that Gradescope reads as ``results.json``.

    While it is not ``finished``, it says so: it is written before anything is graded, and whatever
    ends the grader then leaves no empty or old result behind. ``many``: whether there are several
    hand-ins, so that a test's name has to say of which it is.
    """
    tests = [test for one in graded for test in _tests(one, many)]
    return {
        "score": sum(test["score"] for test in tests),
        "output": "" if finished else NOT_RUN,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _tests(one: Graded, many: bool) -> Iterator[dict[str, Any]]:
    if one.result is None:
        yield {
            "name": one.file,
            "score": 0.0,
            "max_score": 0.0,
            "status": "failed",
            "output": one.error,
            "output_format": "text",
        }
        return
    for name, model in one.result.models.items():
        yield {
            "name": f"{one.file}: {name}" if many else name,
            "score": points(one.result, name),
            "max_score": weight(one.result, name),
            "status": "passed" if model.status == "pass" else "failed",
            "output": "\n".join(lines_of(one.result, name)) or "as the reference",
            "output_format": "text",
        }


def junit(graded: Sequence[Graded]) -> str:
    """A report in JUnit's XML: a suite for each hand-in, a case for each check of each model."""
    root = ElementTree.Element("testsuites", name="hw grade")
    for one in graded:
        suite = ElementTree.SubElement(root, "testsuite", name=_xml(one.file))
        if one.result is None:
            case = ElementTree.SubElement(suite, "testcase", classname="hand-in", name="graded")
            ElementTree.SubElement(case, "error", message=_xml(one.error))
        else:
            for name, model in one.result.models.items():
                _cases(suite, one.result, name, model)
        for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(counted, str(len(suite.findall(f"testcase/{tag}"))))
        suite.set("tests", str(len(suite)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_TAGS = {"fail": "failure", "unknown": "error", "skipped": "skipped"}


def _cases(suite: ElementTree.Element, found: HandInResult, name: str, model: ModelResult) -> None:
    where = f"{found.homework}.{found.question}.{name}"
    for finding in model.findings:
        case = ElementTree.SubElement(suite, "testcase", classname=where, name=_xml(finding.check))
        if finding.status in _TAGS:
            outcome = ElementTree.SubElement(
                case, _TAGS[finding.status], message=_xml(finding.text or finding.status)
            )
            outcome.text = _xml(_details(finding)) or None


def _details(finding: Finding) -> str:
    parts = (
        ("where", finding.where),
        ("expected", finding.expected),
        ("actual", finding.actual),
    )
    return "\n".join(f"{name}: {value}" for name, value in parts if value)


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return console.printable(text)


COLUMNS = ("file", "homework", "question", "model", "status", "points", "of", "mistakes", "check",
           "where", "text")  # fmt: skip


def table(graded: Sequence[Graded]) -> str:
    """CSV with a row for each model of each hand-in, and one for each that was not graded."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in graded:
        writer.writerows([_cell(value) for value in row] for row in _rows(one))
    return stream.getvalue()


def _rows(one: Graded) -> Iterator[Sequence[str]]:
    if one.result is None:
        yield (one.file, "", "", "", "not graded", "", "", "", "", "", one.error)
        return
    for name, model in one.result.models.items():
        first = first_difference(model)
        yield (
            one.file,
            one.result.homework,
            one.result.question,
            name,
            model.status,
            _number(points(one.result, name)),
            _number(weight(one.result, name)),
            " ".join(model.mistakes),
            first.check if first else "",
            first.where if first else "",
            first.text if first else "",
        )


def _number(value: float) -> str:
    return f"{value:g}"


def _cell(text: str) -> str:
    """Printable, on one line, and no formula for a spreadsheet that opens the file."""
    text = " ".join(console.printable(text).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
