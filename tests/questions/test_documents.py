"""Every part of a document has a home, and every claim is of a part of its document."""

from __future__ import annotations

import pytest

from hw.config import catalog

HOMEWORKS = {name: h for name, h in catalog.homeworks().items() if h.parts}


def placed(homework: str) -> dict[str, set[str]]:
    """The parts that a question's claims, or what it leaves unjudged, are of."""
    found: dict[str, set[str]] = {}
    for question in catalog.load_all().values():
        if question.homework == homework:
            parts = {c.part for c in question.claims if not c.ours}
            found[question.id] = parts | {u.part for u in question.unjudged}
    return found


@pytest.mark.parametrize("homework", HOMEWORKS)
def test_every_part_of_the_document_is_accounted_for(homework: str) -> None:
    known = set().union(*placed(homework).values())
    assert [part for part in HOMEWORKS[homework].parts if part not in known] == []


@pytest.mark.parametrize("homework", HOMEWORKS)
def test_every_place_is_one_of_the_document(homework: str) -> None:
    parts = set(HOMEWORKS[homework].parts)
    strange = {q: found - parts for q, found in placed(homework).items() if found - parts}
    assert strange == {}
