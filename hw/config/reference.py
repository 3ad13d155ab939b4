"""docs/yaml.md: every key of every file, from the tables that check them."""

from __future__ import annotations

from collections.abc import Iterable

from hw.config.claims import SORTS, ClaimKeys
from hw.config.commands import CommandKeys, ModelKeys
from hw.config.data import DataKeys, NamedData, SplitKeys
from hw.config.figures import CurveKeys, ErrorBarKeys, FigureKeys
from hw.config.homework import HomeworkKeys
from hw.config.question import MeasureKeys, QuestionKeys, SourceKeys, UnjudgedKeys
from hw.config.schema import fields, is_required, type_of

HEAD = """# Every key of every YAML file

Written by `tools/yaml_reference.py` from the tables that check the files (`hw/config/`); a test
holds that it is up to date. How a homework is made is told in [own-homework.md](own-homework.md).
Keys in bold must be there. Whatever is wrong (an unknown key, a metric that is never measured, a
split that the data lack) is said before anything is read or trained, with file, line, key and the
nearest one that exists.

YAML reads `no` as false, `1e-3` as words and `0.10` as 0.1: put words in quotes where they look
like numbers, and write `0.001`.
"""

# Sections in order: heading, tables with their own heading (empty: none), what else is to say.
SECTIONS: tuple[tuple[str, tuple[tuple[str, type], ...]], ...] = (
    ("A question: `<question>.yaml`", (("", QuestionKeys),)),
    ("`source`", (("", SourceKeys),)),
    ("`data`", (("One of hw's, or one that homework.yaml declares", NamedData),
                ("One of your own", DataKeys), ("`splits`", SplitKeys))),
    ("`measure`", (("", MeasureKeys),)),
    ("`figures`", (("", CurveKeys), ("", ErrorBarKeys), ("", FigureKeys))),
    ("`unjudged`", (("", UnjudgedKeys),)),
    ("A homework: `homework.yaml`", (("", HomeworkKeys),)),
    ("`commands`", (("", CommandKeys), ("`models`", ModelKeys))),
)  # fmt: skip


def markdown() -> str:
    """The whole page."""
    parts = [HEAD]
    for heading, tables in SECTIONS:
        parts.append(f"## {heading}")
        for title, table in tables:
            if title:
                parts.append(f"### {title}")
            parts += [_doc(table), _table(table, fields(table))]
        if heading == "`figures`":
            parts += _claims()
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _claims() -> list[str]:
    parts = [
        "## `claims`",
        "The sort of a claim follows from its keys. Besides them, any may have:",
    ]
    parts.append(_table(ClaimKeys, fields(ClaimKeys)))
    for sort, table in SORTS.items():
        own = [name for name in fields(table) if name not in fields(ClaimKeys)]
        parts += [f"### {sort.replace('_', ' ').capitalize()}", _doc(table), _table(table, own)]
    return parts


def _doc(table: type) -> str:
    return " ".join((table.__doc__ or "").split())


def _table(table: type, names: Iterable[str]) -> str:
    known = fields(table)
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for name in names:
        field = known[name]
        key = f"**`{name}`**" if is_required(field) else f"`{name}`"
        meaning = field.metadata["help"]
        default = field.default
        if (
            isinstance(default, str | float | int)
            and default not in ("", 0)
            and (abs(default) != float("inf") if isinstance(default, float) else True)
        ):
            meaning += f" (default: `{str(default).lower() if default is True else default}`)"
        cells = (key, type_of(table, name), meaning)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)
