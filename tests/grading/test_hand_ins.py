"""Every hand-in of hand_ins/ is graded, and nothing is found but what its table says."""

from __future__ import annotations

from pathlib import Path

import pytest
from written_hand_ins import Written, all_written

from hw.grading.batch import Request, grade_file


@pytest.mark.parametrize("written", all_written(), ids=lambda written: written.name)
def test_finds_what_the_table_says_and_nothing_else(tmp_path: Path, written: Written) -> None:
    file = written.write(tmp_path)
    models = grade_file(file, Request(tmp_path / "data", time_limit=60)).models
    for name, expected in written.models.items():
        found = models[name]
        failed = [finding.check for finding in found.findings if finding.status == "fail"]
        told = f"{name}: {found}"
        assert found.status == expected.status, told
        assert set(found.mistakes) == expected.mistakes, told
        if expected.check:
            assert expected.check in failed, told
        elif expected.status == "pass":
            assert not failed, told


def test_the_table_tells_of_every_hand_in() -> None:
    right = (Path(__file__).parent / "hand_ins").glob("right/*.py")
    wrong = (Path(__file__).parent / "hand_ins").glob("wrong/*.py")
    stored = {f"{file.parent.name}/{file.stem}" for file in [*right, *wrong]}
    assert stored == {written.name for written in all_written()}
