"""What the documents publish, in a form that can be judged: one `Claim` for each statement.

A claim stands in its question's YAML file and nowhere else. Its sort follows from its keys: the
classes below are the tables of them, one a sort, and what docs/yaml.md says of claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from hw.config.located import Place
from hw.config.schema import Printed, fields, key, read, table

KINDS = ("wrong", "slip", "unmet")
OTHERS = "others"  # in an order: all the variants that the other side does not name
DEFAULT_VARIANT = "default"

Names = str | list[str]
# A metric by name, whenever it is measured; one that is measured after every epoch; variants.
METRIC: dict[str, Any] = {"of": "metric"}
CURVE: dict[str, Any] = {"of": "curve"}
VARIANT: dict[str, Any] = {"of": "variant"}


@table
class ClaimKeys:
    """What any claim may have besides the keys of its sort."""

    where: str = key("the place in the document: its part, and after a comma the place in it", "")
    says: str = key("the statement in our words", "")
    erratum: str = key("the document is wrong, and this is right; it needs a `kind`", "")
    kind: Literal["wrong", "slip", "unmet"] = key(
        "of an erratum. `wrong`: the statement is false as it stands; `slip`: a letter, an index, "
        "a unit or a word is off and the argument survives; `unmet`: the task asks for something "
        "that the document does not do",
        "",
    )
    ours: bool = key("the document does not make the statement; we do", False)


@table
class Value(ClaimKeys):
    """A printed number: `{metric: test_accuracy, value: "0.51"}`."""

    metric: str = key("what the number is of", **METRIC)
    value: Printed = key("the number as it is printed; its decimals are its precision")
    variant: str = key("of which variant", DEFAULT_VARIANT, **VARIANT)
    band: float = key(
        "how far off it may be, where the document says so or a note gives the reason", 0, low=0
    )
    count: int = key("how many examples a share was taken of", 0, low=1)


@table
class Range(ClaimKeys):
    """A range that a metric lies in."""

    metric: str = key("what lies in the range", **METRIC)
    low: float = key("its lower end", -float("inf"))
    high: float = key("its upper end", float("inf"))
    variant: str = key("of which variant", DEFAULT_VARIANT, **VARIANT)
    epochs: Literal["last", "all", "most", "several", "some"] = key(
        "in which epochs; `several` are at least two of the last ten", "last"
    )


@table
class Order(ClaimKeys):
    """A metric that ends higher in one variant than in others."""

    order: str = key("the metric", **METRIC)
    higher: Names = key("where it ends higher; `others` are all that `lower` leaves", **VARIANT)
    lower: Names = key("where it ends lower; `others` are all that `higher` leaves", **VARIANT)
    factor: float = key("by at least this factor", 1, above=0)
    minus: str = key("a metric to subtract first", "", **METRIC)


@table
class Trend(ClaimKeys):
    """How a curve goes, over its last epochs or over those that are named."""

    trend: str = key("the metric", **CURVE)
    direction: Literal["rising", "falling", "oscillating", "steady"] = key("how it goes")
    variant: str = key("of which variant", DEFAULT_VARIANT, **VARIANT)
    since: float = key("from this epoch on", 1, low=1)
    until: float = key("up to this epoch; by default the last one", 0, low=1)
    amplitude: float = key("how far it swings", 0, above=0)
    trendless: bool = key("an oscillating curve does not get better besides", False)


@table
class Crossing(ClaimKeys):
    """A curve that reaches at some epoch what another variant has at its end."""

    crossing: str = key("the metric", **CURVE)
    variant: str = key("which variant reaches it", **VARIANT)
    reference: str = key("whose end it reaches", **VARIANT)
    epoch: float = key("at about this epoch", low=1)
    within: float = key("give or take so many epochs", 0, low=0)


@table
class Best(ClaimKeys):
    """The epoch at which a curve is at its best: an accuracy highest, anything else lowest."""

    best: str = key("the metric", **CURVE)
    epoch: float = key("at about this epoch", low=1)
    variant: str = key("of which variant", DEFAULT_VARIANT, **VARIANT)
    within: float = key("give or take so many epochs", 0, low=0)


@table
class Smoother(ClaimKeys):
    """A curve that scatters less about its own course than those of other variants."""

    smoother: str = key("the metric", **CURVE)
    variant: str = key("whose curve is smoother", **VARIANT)
    than: Names = key("than whose", **VARIANT)


@table
class Ratio(ClaimKeys):
    """How many times as large a metric is in one variant as in another."""

    ratio: str = key("the metric", **METRIC)
    value: Printed = key("the ratio as it is printed")
    higher: str = key("the variant above", **VARIANT)
    lower: str = key("the variant below", **VARIANT)
    band: float = key("how far off it may be", 0, low=0)


@table
class TimeRatio(ClaimKeys):
    """How many times longer one variant takes than another."""

    time_ratio: float = key("how many times", above=0)
    slower: str = key("which takes longer", **VARIANT)
    faster: str = key("than which", **VARIANT)


@table
class CheckClaim(ClaimKeys):
    """A statement that the question itself puts to the test."""

    check: str = key("the name of the check")


@table
class Form(ClaimKeys):
    """A slip of wording or notation, which needs a `kind`."""

    form: str = key("the slip, in our words")


@table
class Record(ClaimKeys):
    """A number that students logged on the assignment's own file."""

    record: str = key("the metric", **METRIC)
    value: Printed | list[Printed] = key(
        "the number, or those of several machines; without one, it is the curve in the homework's "
        "`record.json`",
        "",
    )
    variant: str = key("of which variant", DEFAULT_VARIANT, **VARIANT)
    witnesses: int = key("how many groups logged it independently", 1, low=1)


# Each sort by the key that tells it; with ``metric`` it is a value if there is one, else a range.
SORTS: dict[str, type[ClaimKeys]] = {
    "value": Value,
    "range": Range,
    "order": Order,
    "trend": Trend,
    "crossing": Crossing,
    "best": Best,
    "smoother": Smoother,
    "ratio": Ratio,
    "time_ratio": TimeRatio,
    "check": CheckClaim,
    "form": Form,
    "record": Record,
}
# Sorts that speak of one variant.
_OF_ONE = ("value", "range", "trend", "best", "record")


@dataclass(frozen=True)
class Claim:
    """One published statement. ``details`` holds the keys of its sort."""

    sort: str
    details: Mapping[str, Any]
    where: str = ""
    says: str = ""
    erratum: str = ""
    kind: str = ""
    ours: bool = False

    @property
    def part(self) -> str:
        """The part of the document that the claim is of: ``2.2(a)`` of ``2.2(a), Table 1``."""
        return self.where.partition(",")[0].strip()

    @property
    def variant(self) -> str:
        return str(self.details.get("variant", "default"))

    @property
    def value(self) -> float:
        """The printed value of a ``value`` claim."""
        return float(self.details["value"])

    @property
    def decimals(self) -> int:
        """How many decimals were printed."""
        exponent = Decimal(self.details["value"]).as_tuple().exponent
        return max(0, -int(exponent))

    @property
    def possible_counts(self) -> list[int]:
        """The whole numbers of ``count`` examples whose share prints as the value.

        Rounded or cut off: documents do either. Empty: no result can have been this number.
        """
        total, unit = int(self.details["count"]), 10**self.decimals
        printed = round(self.value * unit)
        near = range(max(0, (printed - 1) * total // unit), (printed + 1) * total // unit + 1)
        # In whole numbers, for a quotient on the edge of two printed values is exact in these.
        # k/total = printed/unit to within half a unit above or below, or up to a unit above.
        return [k for k in near if -total <= 2 * (k * unit - printed * total) < 2 * total]

    def text(self) -> str:
        """The statement in a line."""
        d = self.details
        if self.says:
            return self.says
        match self.sort:
            case "value":
                return f"{d['metric']} = {d['value']}"
            case "range":
                return f"{d['metric']} in {d.get('low', '')}..{d.get('high', '')}"
            case "order":
                return f"{d['order']}: {_names(d['higher'])} above {_names(d['lower'])}"
            case "trend":
                return f"{d['trend']} {d['direction']}" + (
                    " without a trend" if d.get("trendless") else ""
                )
            case "crossing":
                return (
                    f"{d['crossing']} of {d['variant']} reaches {d['reference']}'s "
                    f"at about epoch {d['epoch']}"
                )
            case "best":
                return f"{d['best']} of {self.variant} is best at about epoch {d['epoch']}"
            case "smoother":
                return f"{d['smoother']} of {d['variant']} is smoother than of {_names(d['than'])}"
            case "ratio":
                return f"{d['ratio']}: {d['higher']} has {d['value']} times that of {d['lower']}"
            case "time_ratio":
                return f"{d['slower']} takes {d['time_ratio']} times as long as {d['faster']}"
            case "check":
                return str(d["check"]).replace("_", " ")
            case "record":
                values = d.get("value", "the curve")
                return f"{d['record']} = {_names(values)} in students' logs"
        return str(d["form"])


def _names(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def read_claims(raw: Any, variants: Collection[str], place: Place) -> tuple[Claim, ...]:
    """The claims of a question's YAML; what is wrong with them is noted at ``place``."""
    if not isinstance(raw, list):
        place.is_not(raw, "a list of claims")
        return ()
    found = [_read(item, variants, place.at(i)) for i, item in enumerate(raw)]
    return tuple(claim for claim in found if claim is not None)


def _read(item: Any, variants: Collection[str], place: Place) -> Claim | None:
    if not isinstance(item, dict):
        place.wrong(f"expected keys and values, not {str(item)[:40]!r}")
        return None
    sort = _sort(item)
    if sort is None:
        keys = ", ".join(sort for sort in SORTS if sort not in _BY_METRIC)
        place.wrong(
            f'needs one of metric, {keys}; such as {{metric: test_accuracy, value: "0.87"}}'
        )
        return None
    before = len(place.problems)
    found = read(SORTS[sort], item, place)
    details = {k: v for k, v in found.items() if k not in fields(ClaimKeys)}
    if "kind" not in item and ("erratum" in item or sort == "form"):
        place.wrong(f"an erratum needs a kind, one of {', '.join(KINDS)}")
    if sort in _OF_ONE and "variant" not in item and DEFAULT_VARIANT not in variants:
        place.wrong(f"variant is missing (one of: {', '.join(variants)})")
    if details.get("trendless") and details.get("direction") != "oscillating":
        place.at("trendless").wrong("trendless is of oscillating curves")
    if sort == "order":
        _name_the_others(details, variants)
    for name, field in fields(SORTS[sort]).items():
        if field.metadata["of"] == "variant":
            for variant in listed(details.get(name, [])):
                if variant not in variants:
                    place.at(name).unknown("variant", variant, variants)
    if len(place.problems) > before:
        return None
    common = {k: v for k, v in found.items() if k in fields(ClaimKeys)}
    return Claim(sort, details, **common)


_BY_METRIC = ("value", "range")


def _sort(item: Mapping[str, Any]) -> str | None:
    if "metric" in item:
        return "value" if "value" in item else "range"
    return next((sort for sort in SORTS if sort not in _BY_METRIC and sort in item), None)


def _name_the_others(details: dict[str, Any], variants: Collection[str]) -> None:
    for side, counterpart in (("higher", "lower"), ("lower", "higher")):
        if details.get(side) == OTHERS:
            named = listed(details.get(counterpart, []))
            details[side] = [name for name in variants if name not in named]


def listed(names: Any) -> Sequence[str]:
    """One name, or several, as a list."""
    return names if isinstance(names, list) else [names]


def published_values(claims: Collection[Claim]) -> dict[tuple[str, str], str]:
    """The printed numbers, by variant and metric."""
    return {
        (c.variant, c.details["metric"]): c.details["value"] for c in claims if c.sort == "value"
    }


def count_faults(claims: Collection[Claim], failed: Collection[str]) -> Counter[str]:
    """Of the checks that ``failed``, how many are known faults of the document, by kind."""
    kinds = {c.details["check"]: c.kind for c in claims if c.sort == "check" and c.erratum}
    found = Counter(kinds[name] for name in failed if name in kinds)
    return Counter({kind: found[kind] for kind in KINDS if found[kind]})


def said(faults: Mapping[str, int]) -> str:
    """``2 errata, 1 slip``."""
    words = {"wrong": ("erratum", "errata"), "slip": ("slip", "slips")}
    words["unmet"] = ("task unmet", "tasks unmet")
    return ", ".join(f"{n} {words[kind][n != 1]}" for kind, n in faults.items())
