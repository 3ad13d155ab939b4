"""docs/yaml.md is written from the tables that check the files."""

from __future__ import annotations

from pathlib import Path

from hw.config import reference
from hw.config.claims import SORTS
from hw.config.schema import fields

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    written = (DOCS / "yaml.md").read_text(encoding="utf-8")
    assert written == reference.markdown(), "run tools/yaml_reference.py"


def test_every_key_of_every_table_is_told() -> None:
    page = reference.markdown()
    tables = [table for _, of in reference.SECTIONS for _, table in of] + list(SORTS.values())
    for table in tables:
        for name, field in fields(table).items():
            assert f"`{name}`" in page
            assert field.metadata["help"].strip(), (table, name)
