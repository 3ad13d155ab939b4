"""What the documents publish, in a form that can be judged: one `Claim` for each statement.

A claim stands in its question's YAML file and nowhere else. Its sort follows from its keys:

``metric`` and ``value``      a printed number: ``{metric: test_accuracy, value: "0.51"}``. The
                              value is quoted, for its decimals are the precision that was printed.
                              ``count``: how many examples a share was taken of; ``band``: how
                              far off it may be, where the document itself says so or the
                              question's notes give the reason.
``metric``, ``low``, ``high`` a range that the curve lies in, over ``epochs``: the ``last`` (where
                              none are named), ``all``, ``most`` or ``some`` of them, or
                              ``several``: at least two of the last ten.
``order``                     a metric that ends higher in one variant (``higher``) than in others
                              (``lower``), by at least ``factor``; ``minus`` subtracts a metric
                              first. ``others`` stands for all the other variants.
``trend``                     a metric of a ``variant`` that is ``rising``, ``falling``,
                              ``oscillating`` or ``steady`` over the last epochs, or from epoch
                              ``since`` to ``until``; ``amplitude`` is how far it swings,
                              ``trendless`` says that it does not get better besides.
``crossing``                  a metric of ``variant`` that reaches at about ``epoch`` what
                              ``reference`` has at its end.
``best``                      a metric of ``variant`` that is at its best (an accuracy: highest,
                              anything else: lowest) at about ``epoch``, give or take ``within``.
``smoother``                  a metric whose curve in ``variant`` is smoother than in the variants
                              that ``than`` names: it scatters less about its own course.
``ratio`` and ``value``       how many times as large a metric is in ``higher`` as in ``lower``; the
                              value is quoted, and ``band`` is how far off it may be.
``time_ratio``                how many times longer ``slower`` takes than ``faster``.
``check``                     a statement that the question itself puts to the test.
``form``                      a slip of wording or notation, quoted in our words.
``record``                    a metric that students logged on the assignment's own file:
                              ``{record: test_accuracy, value: "0.7013", witnesses: 4}``. Several
                              values are those of several machines. Without a value it is the curve
                              in the homework's ``record.json``. ``witnesses`` counts the groups
                              that logged it independently.

Any may have ``where`` (the place in the document: its part, and after a comma the place in it),
``says`` (the statement in our words), ``ours`` (a statement that the document does not make) and
``erratum`` (the document is wrong, and this is right), which needs a ``kind``:

``wrong``   the statement is false as it stands.
``slip``    a letter, an index, a unit or a word is off; the argument survives.
``unmet``   the task asks for something, and the document does not do it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from hw.errors import UsageError, did_you_mean, quoted

_COMMON = {"where", "says", "erratum", "kind", "ours"}
KINDS = ("wrong", "slip", "unmet")
_SORTS: dict[str, set[str]] = {
    "value": {"metric", "value", "variant", "band", "count"},
    "range": {"metric", "low", "high", "variant", "epochs"},
    "order": {"order", "higher", "lower", "factor", "minus"},
    "trend": {"trend", "variant", "direction", "since", "until", "amplitude", "trendless"},
    "crossing": {"crossing", "variant", "reference", "epoch", "within"},
    "best": {"best", "variant", "epoch", "within"},
    "smoother": {"smoother", "variant", "than"},
    "ratio": {"ratio", "value", "higher", "lower", "band"},
    "time_ratio": {"time_ratio", "slower", "faster"},
    "check": {"check"},
    "form": {"form"},
    "record": {"record", "value", "variant", "witnesses"},
}
_NEEDED: dict[str, set[str]] = {
    "value": {"metric", "value"},
    "range": {"metric"},
    "order": {"order", "higher", "lower"},
    "trend": {"trend", "direction"},
    "crossing": {"crossing", "variant", "reference", "epoch"},
    "best": {"best", "epoch"},
    "smoother": {"smoother", "variant", "than"},
    "ratio": {"ratio", "value", "higher", "lower"},
    "time_ratio": {"time_ratio", "slower", "faster"},
    "check": {"check"},
    "form": {"form"},
    "record": {"record"},
}
# Keys that hold one word, and keys that hold one number.
_WORDS = {"metric", "order", "minus", "trend", "crossing", "best", "check", "form", "record"}
_WORDS |= {"smoother", "ratio"}
_NUMBERS = {
    "low",
    "high",
    "factor",
    "since",
    "until",
    "amplitude",
    "epoch",
    "within",
    "time_ratio",
    "count",
    "band",
    "witnesses",
}
_FLAGS = {"trendless", "ours"}
# Sorts that speak of one variant.
_OF_ONE = ("value", "range", "trend", "best", "smoother", "record")
DIRECTIONS = ("rising", "falling", "oscillating", "steady")
OTHERS = "others"  # in an order: all the variants that the other side does not name
EPOCHS = ("last", "all", "most", "several", "some")


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


def read_claims(raw: list[Any], variants: Collection[str], origin: str) -> tuple[Claim, ...]:
    """The claims of a question's YAML. Raises `UsageError` that names the file and the claim."""
    claims = []
    for number, item in enumerate(raw, start=1):
        where = f"{origin}: claim {number}"
        if not isinstance(item, dict):
            raise UsageError(f"{where}: expected keys and values")
        sort = _sort(item, where)
        details = {k: v for k, v in item.items() if k not in _COMMON}
        for key in details:
            if key not in _SORTS[sort]:
                known = _SORTS[sort] | _COMMON
                raise UsageError(f"{where}: unknown key {quoted(key)}{did_you_mean(key, known)}")
        if missing := _NEEDED[sort] - details.keys():
            raise UsageError(f"{where}: {min(missing)} is missing")
        if sort in ("value", "ratio"):
            # Unquoted, 0.4780 would lose its last digit, and with it the printed precision.
            if not isinstance(details["value"], str):
                raise UsageError(f"{where}: quote the value, its decimals matter")
            if not _is_printed_number(details["value"]):
                raise UsageError(f"{where}: {quoted(details['value'])} is not a number")
        if sort == "record" and "value" in details:
            values = details["value"]
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, str) or not _is_printed_number(value):
                    raise UsageError(f"{where}: {quoted(value)} is not a quoted number")
        if (item.keys() >= {"erratum"} or sort == "form") and item.get("kind") not in KINDS:
            raise UsageError(f"{where}: an erratum needs a kind, one of {', '.join(KINDS)}")
        for key in _WORDS & details.keys():
            if not isinstance(details[key], str):
                raise UsageError(f"{where}: {key} must be a name, not {quoted(details[key])}")
        for key in _NUMBERS & details.keys():
            if not _is_number(details[key]):
                raise UsageError(f"{where}: {key} must be a number, not {quoted(details[key])}")
        for key in _FLAGS & item.keys():
            if not isinstance(item[key], bool):
                raise UsageError(f"{where}: {key} must be true or false, not {quoted(item[key])}")
        if not isinstance(details.get("count", 1), int) or details.get("count", 1) < 1:
            raise UsageError(f"{where}: count must be a whole number from 1")
        if sort in _OF_ONE and "variant" not in details and "default" not in variants:
            raise UsageError(f"{where}: variant is missing (one of: {', '.join(variants)})")
        if sort == "trend" and details["direction"] not in DIRECTIONS:
            raise UsageError(f"{where}: direction must be one of {', '.join(DIRECTIONS)}")
        if details.get("trendless") and details["direction"] != "oscillating":
            raise UsageError(f"{where}: trendless is of oscillating curves")
        if sort == "range" and details.get("epochs", "last") not in EPOCHS:
            raise UsageError(f"{where}: epochs must be one of {', '.join(EPOCHS)}")
        for key, counterpart in (("higher", "lower"), ("lower", "higher")):
            if details.get(key) == OTHERS:
                named = details.get(counterpart, [])
                named = named if isinstance(named, list) else [named]
                details[key] = [name for name in variants if name not in named]
        for key in ("variant", "higher", "lower", "reference", "than", "slower", "faster"):
            names = details.get(key, [])
            for name in names if isinstance(names, list) else [names]:
                if not isinstance(name, str) or name not in variants:
                    raise UsageError(
                        f"{where}: unknown variant {quoted(name)}{did_you_mean(name, variants)}"
                    )
        claims.append(Claim(sort, details, *_common(item)))
    return tuple(claims)


def _is_printed_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool | str) and math.isfinite(value)
    except (TypeError, OverflowError):
        return False


def _sort(item: Mapping[str, Any], where: str) -> str:
    for sort in _SORTS.keys() - {"value", "range"}:
        if sort in item:
            return sort
    if "metric" in item:
        return "value" if "value" in item else "range"
    raise UsageError(
        f"{where}: needs one of metric, order, trend, crossing, best, check, form, record"
    )


def _common(item: Mapping[str, Any]) -> tuple[str, str, str, str, bool]:
    return (
        str(item.get("where", "")),
        str(item.get("says", "")),
        str(item.get("erratum", "")),
        str(item.get("kind", "")),
        bool(item.get("ours", False)),
    )


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
