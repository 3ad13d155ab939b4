"""Data sets that a homework declares in YAML: the keys, and the declarations read so far.

Nothing is opened here. `hw.datasets.own` reads what is declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from hw.config.located import Place
from hw.config.schema import WRONG, fields, key, read, table
from hw.errors import quoted

SPLITS = ("train", "validation", "test")
OWN_VIEW = "as declared"
DATA_NAME = r"[A-Za-z0-9][\w-]*"


def _scale(raw: Any, place: Place) -> Any:
    """A factor such as ``1/256``, as it stands."""
    if not isinstance(raw, bool) and isinstance(raw, str | int | float):
        try:
            if as_fraction(raw) > 0:
                return raw
        except (ValueError, ZeroDivisionError, OverflowError):
            pass
    place.is_not(raw, "a factor above 0, such as 1/256")
    return WRONG


def as_fraction(scale: str | int | float) -> Fraction:
    return Fraction(scale.replace(" ", "")) if isinstance(scale, str) else Fraction(scale)


@table
class SplitKeys:
    """How examples are divided, where the file itself does not: shares, or numbers of examples."""

    train: float = key("share of the training set, or its number of examples", 0, above=0)
    validation: float = key("the same of the validation set", 0, above=0)
    test: float = key("the same of the test set", 0, above=0)
    seed: int = key("of the permutation that divides them", 42, low=0, high=2**32 - 1)
    stratified: bool = key("every split has the classes in the same shares", False)
    of: str = key("divide this split of the file and leave its others", "", pattern=DATA_NAME)


@table
class DataKeys:
    """A data set of your own.

    `{split}` in a name stands for `train`, `validation` (or `val`) and `test`. A file whose names
    hold no `{split}` has one set of examples, which `splits` divides.
    """

    file: str | dict[str, str] = key(
        "an .npz, .csv or .parquet file, or a folder of images with a folder for each class; "
        "seen from the homework's folder, or from the one around it. `{split}`, or a file by "
        "split, where each has its own"
    )
    features: str | list[str] | dict[str, str] = key(
        "of an npz file the array; of a table the columns, in which `*` stands for any letters", ""
    )
    labels: str | dict[str, str] = key("the array or column of the classes", "")
    targets: str | dict[str, str] = key("the array or column of numbers, for a regression", "")
    splits: SplitKeys = key("how examples are divided, where the file does not", ())
    scale: Any = key(
        "what features are multiplied by", 1, read=_scale, shown="factor such as `1/256`"
    )
    standardise: bool = key(
        "features have mean 0 and standard deviation 1 on the training split", False
    )
    shape: int | list[int] = key(
        "of one example: `[28, 28]`, `[32, 32, 3]`, or the number of columns; needed for a "
        "stand-in, and checked",
        (),
        low=1,
        high=10_000_000,
    )
    classes: int | list[str] = key(
        "how many classes there are, or their names; needed for a stand-in, and checked",
        (),
        low=2,
        high=100_000,
    )
    counts: dict[str, int] = key("how many examples each split of the file has; checked", (), low=1)
    range: list[float] = key("the least and the greatest value of a feature; checked", ())
    sha256: str = key(
        "of the file; with other bytes, a number that differs is no contradiction", "",
        pattern=r"[0-9a-f]{64}",
    )  # fmt: skip
    name: str = key("what it is called; by default as its file", "", pattern=DATA_NAME)
    title: str = key("what it is, in a line", "")
    homepage: str = key("where a person finds the file", "")


@table
class NamedData:
    """A data set by its name: one of hw's with a view, or one that homework.yaml declares."""

    name: str = key("its name")
    view: str = key("a homework's reading of one of hw's data sets: its splits and scaling", "")


@dataclass(frozen=True)
class Declared:
    """A data set that a homework declares.

    name:    under which `hw.datasets.registry` knows it.
    keys:    as they were declared, checked; those of `DataKeys`.
    folders: where its files may lie, the first one that has them first.
    path:    the YAML file that declares it.
    """

    name: str
    keys: Mapping[str, Any]
    folders: tuple[Path, ...]
    path: Path

    @property
    def file(self) -> str:
        """The file, or that of the first split."""
        file = self.keys["file"]
        return file if isinstance(file, str) else next(iter(file.values()))

    def splits(self) -> tuple[str, ...] | None:
        """The splits that a question gets; None where only the file tells."""
        keys = self.keys
        shares = [s for s in SPLITS if s in keys.get("splits", {})]
        if shares and "of" not in keys["splits"]:
            return tuple(shares)
        for name in ("file", "features", "labels", "targets", "counts"):
            if isinstance(keys.get(name), dict):
                return tuple(s for s in SPLITS if s in {*keys[name], *shares})
        return None


class Declarations(dict[str, Declared]):
    """The data sets that the homeworks of a catalog declare, by name, as far as they were read."""


_current = Declarations()


def use(declarations: Declarations) -> None:
    """From now on, these are the declarations: of the catalog that is asked for."""
    global _current
    _current = declarations


def declared() -> Declarations:
    """The declarations that have been read."""
    return _current


def declare(keys: Mapping[str, Any], owner: str, folders: tuple[Path, ...], path: Path) -> str:
    """Make a declaration known; returns its name, such as ``mycourse/flowers``.

    owner: the id of the homework or question that it stands in.
    """
    found = Declared("", keys, folders, path)
    stem = keys.get("name") or Path(found.file.replace("{split}", "").strip("/")).stem or "data"
    name = f"{owner}/{stem}"
    _current[name] = Declared(name, keys, folders, path)
    return name


def read_declaration(raw: Any, place: Place) -> dict[str, Any]:
    """The keys of a data set of one's own; what is wrong with them is noted."""
    found = read(DataKeys, raw, place)
    if not isinstance(raw, dict):
        return found
    if "labels" in raw and "targets" in raw:
        place.wrong("labels are of classes and targets of a regression: give one of them")
    if "scale" in raw and found.get("standardise"):
        place.wrong("scale and standardise: give one of them")
    for name in ("file", "features", "labels", "targets", "counts"):
        if isinstance(raw.get(name), dict):
            if "train" not in raw[name]:
                place.at(name).wrong("train is missing")
            for split in raw[name]:
                if split not in SPLITS:
                    place.at(name, str(split)).unknown("split", split, SPLITS)
    _check_shares(raw.get("splits"), found.get("splits", {}), place.at("splits"))
    limits = found.get("range")
    if limits is not None and (len(limits) != 2 or limits[0] >= limits[1]):
        place.at("range").is_not(raw["range"], "the least and the greatest value: [low, high]")
    if _has_no_split(found) and not found.get("splits") and "." in Path(str(raw.get("file"))).name:
        place.wrong(
            "which examples are for training? Name arrays or files with '{split}', "
            "or divide them with 'splits: {train: 0.8, validation: 0.1, test: 0.1}'"
        )
    return found


def _has_no_split(keys: Mapping[str, Any]) -> bool:
    return not any(
        isinstance(keys.get(n), dict) or "{split}" in str(keys.get(n, ""))
        for n in ("file", "features", "labels", "targets")
    )


def _check_shares(raw: Any, splits: Mapping[str, Any], place: Place) -> None:
    if not isinstance(raw, dict):
        return
    shares = [splits[s] for s in SPLITS if s in splits]
    if not shares:
        place.wrong(f"give shares of {', '.join(SPLITS)}")
    elif "train" not in splits and splits.get("of") != "train":
        place.wrong("train is missing")
    elif any(s > 1 for s in shares) and any(s != int(s) for s in shares):
        place.wrong("give shares below 1, or numbers of examples, not both")
    elif all(s <= 1 for s in shares) and sum(shares) > 1 + 1e-9:
        place.wrong(f"the shares add up to {sum(shares):g}, more than 1")


def read_data(
    raw: Any,
    place: Place,
    owner: str,
    folders: tuple[Path, ...],
    named: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any] | None:
    """The ``data`` of a question: name, view, and what is declared; None where there is none.

    owner, folders: as `declare` has them. named: the data sets that homework.yaml declares.
    """
    if raw is None:
        return None
    if isinstance(raw, dict) and "file" in raw:
        before = len(place.problems)
        keys = read_declaration(raw, place)
        if len(place.problems) > before:
            return None
        name = declare(keys, owner, folders, place.path)
        return {"name": name, "view": OWN_VIEW, **_but_name(keys)}
    if isinstance(raw, dict) and not raw.keys() & fields(NamedData).keys():
        place.wrong("data must have a name and a view, or a file of your own")
        return None
    found = read(NamedData, raw, place)
    if "name" in found and "view" not in raw:
        if found["name"] in named:
            return dict(named[found["name"]])
        place.wrong(
            f"data must have a name and a view; homework.yaml declares no {quoted(found['name'])}"
        )
    return found if len(found) == 2 else None


def _but_name(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in keys.items() if k not in ("name", "title", "homepage")}


def read_shared(
    raw: Any, place: Place, owner: str, folders: tuple[Path, ...]
) -> dict[str, dict[str, Any]]:
    """The data sets that homework.yaml declares, by name; the name of a single one is empty."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        place.is_not(raw, "the keys of a data set, or several by name")
        return {}
    sets = {"": raw} if "file" in raw or raw.keys() & fields(DataKeys).keys() else raw
    found = {}
    for name, one in sets.items():
        at = place.at(str(name)) if name else place
        before = len(place.problems)
        keys = read_declaration(one, at)
        if len(place.problems) == before:
            if name:
                keys = {"name": str(name), **keys}
            known = declare(keys, owner, folders, place.path)
            found[str(name)] = {"name": known, "view": OWN_VIEW, **_but_name(keys)}
    return found
