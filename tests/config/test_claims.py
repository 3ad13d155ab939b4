from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hw.config.claims import Claim, published_values, read_claims
from hw.config.located import Place, refuse
from hw.errors import UsageError


def claims(*items: Any, variants: tuple[str, ...] = ("default", "a", "b")) -> tuple[Claim, ...]:
    place = Place(Path("some.yaml"), ("claims",))
    found = read_claims(list(items), variants, place)
    refuse(place)
    return found


def claim(**item: Any) -> Claim:
    (found,) = claims(item)
    return found


@pytest.mark.parametrize(
    ("sort", "item", "text"),
    [
        ("value", {"metric": "test_accuracy", "value": "0.5"}, "test_accuracy = 0.5"),
        ("range", {"metric": "train_loss", "low": 0, "high": 1}, "train_loss in 0..1"),
        ("order", {"order": "m", "higher": "a", "lower": ["b"]}, "m: a above b"),
        ("trend", {"trend": "m", "direction": "rising"}, "m rising"),
        (
            "crossing",
            {"crossing": "m", "variant": "a", "reference": "b", "epoch": 25},
            "m of a reaches b's at about epoch 25",
        ),
        ("best", {"best": "m", "variant": "a", "epoch": 4}, "m of a is best at about epoch 4"),
        (
            "time_ratio",
            {"time_ratio": 2, "slower": "a", "faster": "b"},
            "a takes 2 times as long as b",
        ),
        ("check", {"check": "softmax_jacobian"}, "softmax jacobian"),
        ("form", {"form": "a slip", "kind": "slip"}, "a slip"),
        ("record", {"record": "m", "value": "0.4"}, "m = 0.4 in students' logs"),
    ],
)
def test_the_sort_follows_from_the_keys(sort: str, item: dict[str, Any], text: str) -> None:
    found = claim(**item)
    assert found.sort == sort
    assert found.text() == text
    assert claim(**item, says="in words").text() == "in words"


@pytest.mark.parametrize(
    ("printed", "decimals"), [("0.4780", 4), ("3", 0), ("1e-3", 3), ("1.50e1", 1), ("2e5", 0)]
)
def test_printed_decimals_are_kept(printed: str, decimals: int) -> None:
    found = claim(metric="m", value=printed)
    assert found.decimals == decimals
    assert found.value == float(printed)


def test_common_keys() -> None:
    found = claim(check="x", where="1(a), Table 2", erratum="no", kind="slip", ours=True)
    assert (found.where, found.part) == ("1(a), Table 2", "1(a)")
    assert (found.erratum, found.kind, found.ours) == ("no", "slip", True)
    assert claim(check="x").ours is False


def test_others_are_all_variants_that_the_other_side_does_not_name() -> None:
    found = claim(order="m", higher="a", lower="others")
    assert found.details["lower"] == ["default", "b"]


def test_printed_numbers_by_variant_and_metric() -> None:
    found = claims(
        {"metric": "m", "value": "0.10"},
        {"metric": "m", "variant": "a", "value": "2"},
        {"metric": "m", "low": 0},
    )
    assert published_values(found) == {("default", "m"): "0.10", ("a", "m"): "2"}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("x", "expected keys and values"),
        ({}, "needs one of"),
        ({"metric": "m", "value": 0.478}, "quote the value"),
        ({"metric": "m", "value": "nan"}, "'nan' is not a number"),
        ({"metric": "m", "value": "much"}, "'much' is not a number"),
        ({"metric": 3, "value": "1"}, "claim 2, metric is 3; expected words"),
        ({"metric": "m", "value": "1", "varient": "a"}, "did you mean 'variant'"),
        ({"metric": "m", "value": "1", "variant": "c"}, "unknown variant 'c'"),
        ({"metric": "m", "value": "1", "variant": {"a": 1}}, "variant is .*; expected words"),
        ({"metric": "m", "low": "0"}, "low is '0'; expected a finite number; .* without quotes"),
        ({"trend": "m", "direction": "rising", "trendless": True}, "trendless is of oscillating"),
        ({"metric": "m", "low": 0, "ours": "no"}, "ours is 'no'; expected true or false"),
        ({"metric": "m", "low": float("inf")}, "low is inf; expected a finite number"),
        ({"metric": "m", "low": 0, "epochs": "few"}, "epochs is 'few'; expected one of"),
        ({"order": "m", "higher": "a"}, "lower is missing"),
        ({"order": "m", "higher": "a", "lower": ["b", "c"]}, "unknown variant 'c'"),
        (
            {"order": "m", "higher": "a", "lower": "b", "factor": True},
            "factor is True; expected a finite number",
        ),
        ({"trend": "m", "direction": "up"}, "direction is 'up'; expected one of"),
        (
            {"time_ratio": "2", "slower": "a", "faster": "b"},
            "time_ratio is '2'; expected a finite number",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(item: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as error:
        claims({"check": "fine"}, item)
    assert str(error.value).startswith("some.yaml: claim 2")


def test_a_claim_about_one_variant_must_say_which() -> None:
    with pytest.raises(UsageError, match="variant is missing"):
        claims({"metric": "m", "value": "1"}, variants=("a", "b"))
