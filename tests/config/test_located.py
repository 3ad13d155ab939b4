from __future__ import annotations

import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.config.located import Place, WrongFile, read_located, read_yaml, refuse
from hw.errors import HwError, UsageError


def test_every_key_and_item_has_its_line(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "a: 1\nb:\n  - {c: 2}\n  -\n    d: 3\n")
    value, place = read_located(path, Path("shown.yaml"))
    assert value == {"a": 1, "b": [{"c": 2}, {"d": 3}]}
    lines = {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "c"): 3, ("b", 1): 5, ("b", 1, "d"): 5}
    assert {keys: place.at(*keys).line for keys in lines} == lines
    assert place.at("b", 1, "missing").line == 5  # of the nearest that there is
    assert place.line == 0
    assert place.path == Path("shown.yaml")


def test_what_is_wrong_is_said_with_its_place_and_only_once() -> None:
    place = Place(Path("x.yaml"), lines={("claims", 1): 7})
    at = place.at("claims", 1, "variant")
    at.unknown("variant", "lerge", ["small", "large"])
    at.unknown("variant", "lerge", ["small", "large"])
    place.wrong("and this")
    assert [str(p) for p in place.problems] == [
        "x.yaml:7: claim 2, variant: unknown variant 'lerge'; did you mean 'large'?",
        "x.yaml: and this",
    ]
    with pytest.raises(WrongFile, match=r"^x\.yaml: and this \(and 1 more problem"):
        refuse(place)
    place.copy().wrong("and more")
    assert len(place.problems) == 2


def test_a_file_of_several_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several documents"):
        read_yaml(yaml_file(tmp_path, "a: 1\n---\nb: 2\n"))
    assert read_yaml(yaml_file(tmp_path, "")) is None


def yaml_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "some.yaml"
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return path


def test_yaml_is_read_with_jsons_types(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "a: [1, 2.5, yes, null]\nb: {c: 2024-01-01}")
    assert read_yaml(path) == {"a": [1, 2.5, True, None], "b": {"c": "2024-01-01"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "'a' stands there twice"),
        ("a: &x 1\nb: *x", "aliases"),
        ("a: [", "some.yaml:2: "),
        ("a: !!python/name:os.system", "constructor"),
        ("a: !!bool x", "x"),
        ("a: !!int ''", "some.yaml"),
        ("a: !!timestamp 1", "constructor"),
        ("a: !!binary eA==", "constructor"),
        ("a: \0", "some.yaml"),
        (b"\xff\xfe\xfd", "some.yaml"),
        ("? [1]\n: 2", "unhashable"),
        ("1" * 5000, "some.yaml"),
        ("- " * 1000, "nested"),
        ("[" * 100_000, "nested"),  # the C loader's recursion would end the process
        ("a" * 1_100_000, "larger than"),
    ],
)
def test_bad_yaml_is_one_line_with_the_file(tmp_path: Path, text: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as error:
        read_yaml(yaml_file(tmp_path, text))
    assert "some.yaml" in str(error.value)


def test_a_missing_file_is_an_expected_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")


TAGS = ("int", "bool", "float", "timestamp", "binary", "set", "omap", "str", "seq", "merge")
WORDS = (": ", "- ", "? ", "<<: ", "0x", ".inf", ".nan", "*a", "&a", "yes")
pieces = st.sampled_from(
    [*"[]{}:,-?&*!|>'\"%@#\n\t 01aé~.", *WORDS, *(f"!!{tag} " for tag in TAGS)]
)


@given(st.lists(pieces, max_size=40).map("".join) | st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500)
def test_yaml_fuzz(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with suppress(HwError):
        read_yaml(path)
