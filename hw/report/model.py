"""What the report shows, as plain views: made by ``collect``, written out by the templates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# Verdicts by what they mean for the document, in the order in which they are listed.
TONES: dict[str, tuple[str, str]] = {
    "exact": ("good", "the number rounds to the printed digits"),
    "close": ("good", "the number lies inside the band that chance allows"),
    "holds": ("good", "the statement was put to the test, and is true"),
    "supported": ("good", "the results bear the conclusion out, beyond their own noise"),
    "erratum": ("erratum", "the document is wrong here; what is right stands beside it"),
    "slip": ("erratum", "a letter, an index or a unit is off here; the argument survives"),
    "unmet": ("erratum", "the task asks for this, and the document does not do it"),
    "not supported": ("doubt", "the conclusion lies within the noise, one way or the other"),
    "differs": ("bad", "the number lies outside its band, or the statement is false"),
    "contradicted": ("bad", "the results bear out the opposite, beyond their own noise"),
    "other data": ("mute", "differs, but on other bytes than the published data file"),
    "stand-in": ("mute", "computed on synthetic data, so never judged"),
    "not run": ("mute", "there are no results to judge it by"),
}


def counted(verdict: str, count: int) -> str:
    """``3 errata``."""
    several = {"erratum": "errata", "slip": "slips"}
    return f"{count} {several.get(verdict, verdict) if count != 1 else verdict}"


def tone(verdict: str) -> str:
    """good, erratum, doubt, bad or mute."""
    return TONES.get(verdict, ("mute", ""))[0]


@dataclass(frozen=True)
class Row:
    """One published statement beside ours.

    instead: what to believe instead of a conclusion that seeds do not bear out.
    own:     a corrected or additional statement, which the document does not make.
    """

    where: str
    statement: str
    verdict: str
    published: str = ""
    ours: str = ""
    evidence: str = ""
    erratum: str = ""
    variant: str = ""
    instead: str = ""
    own: bool = False

    @property
    def tone(self) -> str:
        return tone(self.verdict)


@dataclass(frozen=True)
class Picture:
    """A figure: the image that the page shows, and the files of its results folder.

    source:        of the image, with its bytes inside; empty where there is none to show.
    width, height: of the image, in CSS pixels.
    files:         (format, address) of each.
    """

    title: str
    description: str
    source: str
    width: int
    height: int
    files: tuple[tuple[str, str], ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it has several panels side by side, so that half the page is too narrow."""
        return self.width > 1.7 * self.height


@dataclass(frozen=True)
class Setting:
    name: str
    value: str
    origin: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """Numbers: a header, and rows of cells."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class OtherRun:
    """A results folder beside that of the question as configured."""

    differs: str
    backend: str
    status: str
    data: str
    seconds: float
    numbers: str
    address: str


@dataclass
class QuestionView:
    """One question: what its YAML file says, and what its results folder holds."""

    id: str
    name: str
    homework: str
    anchor: str
    title: str
    about: str
    document: str
    number: str
    backend: str
    data: str
    command: str
    variants: tuple[str, ...]
    in_all: bool
    status: str = "not run"
    problem: str = ""
    source: str = ""  # real, stand-in, or nothing where no data are used
    provenance: str = ""
    seconds: float = 0.0
    settings: tuple[Setting, ...] = ()
    rows: tuple[Row, ...] = ()
    checks: tuple[Row, ...] = ()  # beyond the claims, and not counted among them
    warnings: tuple[str, ...] = ()
    results: Table | None = None
    backends: Table | None = None
    others: tuple[OtherRun, ...] = ()
    others_left_out: int = 0
    pictures: tuple[Picture, ...] = ()
    curves: dict[str, Any] | None = None
    seeds: Picture | None = None  # where the seeds of the calibration end
    seeds_are: str = ""  # which these are
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def has_run(self) -> bool:
        return self.status not in ("not run", "unreadable")

    @property
    def verdicts(self) -> Counter[str]:
        return Counter(row.verdict for row in self.rows)

    @property
    def stand_in(self) -> bool:
        return self.source == "stand-in"

    @property
    def errata(self) -> tuple[Row, ...]:
        """What is wrong with the document, of whatever kind."""
        return tuple(row for row in self.rows if row.tone == "erratum")

    @property
    def numbers(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.published)

    @property
    def statements(self) -> tuple[Row, ...]:
        """In words, and not in error: those are the errata."""
        found = (row for row in self.rows if not row.published and row.tone != "erratum")
        return (*found, *self.checks)


@dataclass
class HomeworkView:
    name: str
    title: str
    questions: list[QuestionView] = field(default_factory=list)

    @property
    def run(self) -> int:
        return sum(q.has_run for q in self.questions)

    @property
    def verdicts(self) -> Counter[str]:
        return sum((q.verdicts for q in self.questions), Counter())

    @property
    def seconds(self) -> float:
        return sum(q.seconds for q in self.questions)

    @property
    def errata(self) -> str:
        """``2 errata, 1 slip``; empty where nothing is wrong."""
        return ", ".join(counted(v, n) for v, n in self.verdicts.items() if tone(v) == "erratum")

    @property
    def data(self) -> list[tuple[str, str]]:
        """(data set, what it is) for every data set that results come from."""
        found = {(q.data, q.provenance or q.source) for q in self.questions if q.source}
        return sorted(found)


_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass
class Report:
    homeworks: list[HomeworkView]

    @property
    def title(self) -> str:
        n = len(self.homeworks)
        number = _NUMBERS[n] if n < len(_NUMBERS) else str(n)
        return f"{number} homework{'' if n == 1 else 's'}, put to the test"

    @property
    def questions(self) -> list[QuestionView]:
        return [q for h in self.homeworks for q in h.questions]

    @property
    def verdicts(self) -> Counter[str]:
        return sum((h.verdicts for h in self.homeworks), Counter())

    @property
    def seconds(self) -> float:
        return sum(h.seconds for h in self.homeworks)

    @property
    def stand_ins(self) -> list[str]:
        """The data sets of which some result comes from a stand-in."""
        return sorted({q.data for q in self.questions if q.stand_in})
