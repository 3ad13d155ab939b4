from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config.settings import Layer, convert, plain, resolve, setting, type_hints
from hw.errors import UsageError


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
