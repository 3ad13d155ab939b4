from __future__ import annotations

import textwrap
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.config.located import read_yaml
from hw.config.settings import Layer, convert, plain, resolve, setting, type_hints
from hw.errors import HwError, UsageError


@dataclass(frozen=True)
class Settings:
    epochs: int = setting(20, "passes", low=1)
    learning_rate: float = setting(0.1, "step size", above=0, high=10)
    dropout: float = setting(0.0, "share", low=0, below=1)
    shuffle: bool = setting(True, "whether")
    model: Literal["a", "b"] = setting("a", "which")
    width: int | None = setting(None, "units", low=1)
    sizes: tuple[int, ...] = setting((1, 2), "sizes", low=1)
    name: str = setting("x", "name")


KINDS = list(type_hints(Settings).values())


def values(**raw: Any) -> Settings:
    return resolve(Settings, [Layer("here", raw)]).settings


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("epochs", "3", 3),
        ("epochs", 3, 3),
        ("learning_rate", "1e-3", 0.001),  # PyYAML reads 1e-3 as a string
        ("learning_rate", 1, 1.0),
        ("shuffle", "False", False),
        ("shuffle", True, True),
        ("model", "b", "b"),
        ("width", "none", None),
        ("width", "7", 7),
        ("sizes", "3,4", (3, 4)),
        ("sizes", [3, 4], (3, 4)),
        ("sizes", 5, (5,)),
        ("name", "no", "no"),
    ],
)
def test_values_are_converted_to_the_declared_type(key: str, raw: Any, value: Any) -> None:
    found = getattr(values(**{key: raw}), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("epochs", 0),
        ("epochs", "1.5"),
        ("epochs", 1.0),
        ("epochs", True),
        ("epochs", None),
        ("epochs", ""),
        ("epochs", [3]),
        ("epochs", "9" * 5000),
        pytest.param("epochs", -(16**5000), id="too long to print"),
        ("learning_rate", 0),
        ("learning_rate", 11),
        ("learning_rate", "nan"),
        ("learning_rate", float("inf")),
        ("learning_rate", 10**400),
        ("learning_rate", False),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("shuffle", 1),
        ("shuffle", "yes"),
        ("model", "c"),
        ("model", True),
        ("model", ["a"]),
        ("width", 0),
        ("sizes", "3,x"),
        ("sizes", [0]),
        ("sizes", {"a": 1}),
        ("name", False),  # YAML's `no`
    ],
)
def test_what_does_not_fit_is_refused_by_name(key: str, raw: Any) -> None:
    with pytest.raises(UsageError, match=f"^here: {key} is ") as error:
        values(**{key: raw})
    assert len(str(error.value)) < 400


def test_later_layers_win_and_are_remembered() -> None:
    layers = [Layer("a.yaml", {"epochs": 3, "dropout": 0.5}), Layer("command line", {"epochs": 4})]
    resolved = resolve(Settings, layers)
    assert resolved.settings == Settings(epochs=4, dropout=0.5)
    assert resolved.origins["epochs"] == "command line"
    assert resolved.origins["dropout"] == "a.yaml"
    assert resolved.origins["name"] == "default"
    assert resolved.as_dict()["sizes"] == [1, 2]


def test_an_unknown_key_names_origin_and_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"^x\.yaml: unknown setting 'epoch'; did you mean 'epochs'"
    ):
        resolve(Settings, [Layer("x.yaml", {"epoch": 3})])


def test_dashes_and_underscores_are_alike() -> None:
    assert values(**{"learning-rate": 1}).learning_rate == 1


def test_plain_holds_lists_for_tuples() -> None:
    assert plain({"a": (1, (2,))}) == {"a": [1, [2]]}


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=3),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=8,
)


@given(raw=anything, kind=st.sampled_from(KINDS))
def test_convert_returns_the_type_or_a_usage_error(raw: Any, kind: Any) -> None:
    try:
        value = convert(raw, kind, "here: key")
    except UsageError:
        return
    assert convert(value, kind, "again") == value


@given(st.dictionaries(st.sampled_from([*Settings.__dataclass_fields__, "x"]) | scalars, anything))
def test_resolve_raises_nothing_but_usage_errors(raw: dict[Any, Any]) -> None:
    with suppress(UsageError):
        assert isinstance(resolve(Settings, [Layer("here", raw)]).settings, Settings)


# YAML


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
