"""The very files that come with hw: whole, of today's settings, small, and enough to answer by."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.config import catalog
from hw.config.catalog import CONFIGS, Question
from hw.verdicts import gather, shipped
from hw.verdicts.plausible import Number, answer

FILES = sorted(CONFIGS.glob("*/calibrations/*.json.gz"))

pytestmark = pytest.mark.usefixtures("shipped_calibrations")


def test_there_are_some() -> None:
    assert FILES


def question_of(path: Path) -> Question:
    return catalog.find(f"{path.parents[1].name}.{path.name.removesuffix('.json.gz')}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[1].name}.{path.name}")
class TestEveryFile:
    def test_is_whole_and_of_todays_settings(self, path: Path) -> None:
        question = question_of(path)
        found = shipped.read(question)
        assert found is not None, "its settings are not those of the question: pack it again"
        assert found.values.keys() == question.variants.keys()
        assert len(found.seeds) >= 5
        assert "numpy" in found.versions
        assert question.data is None or (found.source, len(found.data["sha256"])) == ("real", 64)
        for variant in question.variants:
            for outcomes in found.outcomes.values():
                assert outcomes[variant].metrics

    def test_answers_for_every_published_number(self, path: Path, tmp_path: Path) -> None:
        question = question_of(path)
        evidence = gather(question, tmp_path)
        for claim in question.claims:
            metric = claim.details.get("metric", "")
            if claim.sort == "value" and not metric.endswith("_std"):
                told = answer(Number(claim.variant, metric, claim.details["value"]), evidence)
                assert len(told.seeds) >= 5
                assert told.percentiles().keys() == {"yours", "published"}


def test_all_of_them_are_less_than_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in FILES) < 1_000_000
