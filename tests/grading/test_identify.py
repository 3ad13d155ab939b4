"""Which homework a file belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from grading.hand_ins import RIGHT

from hw.errors import HwError
from hw.grading.identify import identify, read_source

PLAIN = RIGHT.replace(", l2_penalty=0.0", "").replace(" + l2_penalty * self.W", "")
REGRESSION = "class LinearRegression:\n    pass\nclass NeuralRegression:\n    pass\n"
OF_2023 = PLAIN + "\ndef main():\n    data = utils.load_oct_data(bias=True)\n"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (RIGHT, "hw1-q1.py", ("ist2024", "q1")),
        (RIGHT, "group 7 - final (1).py", ("ist2024", "q1")),
        (OF_2023, "hw1-q1.py", ("ist2023", "q1")),
        (REGRESSION, "hw1-q2.py", ("ist2021", "q2")),
        ("class Perceptron:\n    def (:\n# -l2_penalty", "hw1-q1.py", ("ist2024", "q1")),
    ],
)
def test_told_from_classes_words_and_name(
    tmp_path: Path, text: str, name: str, expected: tuple[str, str]
) -> None:
    found = identify(tmp_path / name, text)
    assert (found.homework, found.question) == expected


def test_the_courses_file_beside_it_tells_the_year(tmp_path: Path) -> None:
    (tmp_path / "utils.py").write_text("def load_oct_data(bias=False): ...\n")
    assert identify(tmp_path / "hw1-q1.py", PLAIN).homework == "ist2023"


def test_where_nothing_tells_the_default_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(tmp_path / "hw1-q1.py", PLAIN).homework == "ist2024"
    assert "it could be of" in capsys.readouterr().err


def test_what_is_asked_for_is_believed(tmp_path: Path) -> None:
    assert identify(tmp_path / "hw1-q1.py", OF_2023, "ist2024").homework == "ist2024"
    with pytest.raises(HwError, match="none of the classes that ist2024 asks for"):
        identify(tmp_path / "hw1-q2.py", REGRESSION, "ist2024")


def test_no_hand_in(tmp_path: Path) -> None:
    with pytest.raises(HwError, match="none of the classes"):
        identify(tmp_path / "other.py", "class Other:\n    pass\n")
    notebook = tmp_path / "hw1.ipynb"
    notebook.write_text("{}")
    with pytest.raises(HwError, match="a Python file is expected"):
        read_source(notebook)
    large = tmp_path / "large.py"
    large.write_bytes(bytes(2 << 20))
    with pytest.raises(HwError, match="larger than 1 MB"):
        read_source(large)
    with pytest.raises(HwError, match="no such file"):
        read_source(tmp_path / "hw1-q1.py")
