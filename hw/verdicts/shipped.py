"""The calibrations that come with hw: a file a question, beside the homework's YAML files.

``configs/<homework>/calibrations/<question>.json.gz`` holds what the results folders of the seeds
hold of numbers, six digits of each: every metric, every curve, the settings, the data's sha256,
versions and times. ``tools/pack_calibrations.py`` makes it. The form of the document::

    {"question": "ist2024.q1.mlp", "backend": "numpy", "seeds": [1, 2],
     "data": {"name": ..., "provenance": ..., "sha256": ..., "source": "real"},
     "settings": {variant: {...}}, "steps": ["direct"], "versions": {"numpy": "2.4.6"},
     "variants": {variant: {"metrics": {metric: [a number a seed, or null]},
                            "curves": {metric: [a list of numbers a seed, or null]},
                            "epochs": [how many epochs a seed has],
                            "seconds": [median seconds of an epoch a seed, or null]}},
     "one_start": {"changes": [1, 2], "variants": {variant: {metric: [a number a change]}}}}

The last is there where runs from one start were made (`hw.verdicts.one_start`). Of a curve of more
than `WHOLE` epochs, `kept` says which are there.
"""

from __future__ import annotations

import gzip
import json
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.config.catalog import Question, homeworks
from hw.errors import HwError
from hw.results.files import written_beside
from hw.results.folder import Folder, Results
from hw.results.identity import Identity
from hw.results.outcome import Outcome
from hw.verdicts import calibration, one_start
from hw.verdicts.calibration import (
    ESSENTIAL,
    LAST_EPOCHS,
    Calibration,
    described,
    finite,
    values_of,
)

FOLDER = "calibrations"
DIGITS = 6
WHOLE = 400  # epochs up to which a curve is kept whole: then it can be judged, else only drawn
MAX_BYTES = 50_000_000
# What a run may have of its own and still be one of the seeds. The direct step makes autograd's
# updates, rounded otherwise: one run of a chaotic network ends elsewhere, many scatter alike.
FREE = {"seed", "step"}


def path_of(question: Question) -> Path:
    """Where the calibration of a question lies, if it has one."""
    return homeworks()[question.homework].folder / FOLDER / f"{question.name}.json.gz"


# Packing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seed:
    """One run of a question that is as configured, whatever its seed."""

    seed: int
    results: Results

    @property
    def data(self) -> dict[str, str] | None:
        return self.results.run.data


def find(question: Question, roots: Sequence[Path]) -> list[Seed]:
    """The finished runs of a question that differ from it in nothing but what is `FREE`, by
    seed: on real data, each seed once, from the first results folder that has it."""
    found: dict[int, Seed] = {}
    for root in roots:
        own = question.folder(root)
        for path in (own, *sorted(own.parent.glob(f"{own.name}@*"))):
            one = _read_seed(question, Folder(path).read())
            if one is not None:
                found.setdefault(one.seed, one)
    return [found[seed] for seed in sorted(found)]


def _read_seed(question: Question, there: Results) -> Seed | None:
    variants = there.config.variants
    finished = there.run.status in ("done", "diverged")
    if not finished or variants.keys() != question.variants.keys():
        return None
    identity, now = Identity.of_config(question, there.config), Identity.as_configured(question)
    plain = identity.backend == question.backend and not identity.options
    same = not any(now.has_other_settings(v, then, FREE) for v, then in variants.items())
    of_real = question.data is None or (there.run.data or {}).get("source") == "real"
    alone = len(identity.seeds) == 1
    return Seed(identity.seeds[0], there) if alone and plain and same and of_real else None


def find_one_start(question: Question, roots: Sequence[Path], data: Any) -> Calibration | None:
    """The runs from one start of the question as it is now, on these data; None without any."""
    for root in roots:
        found = calibration.read(question.folder(root), one_start.FILE)
        if found and not ESSENTIAL & set(found.changed(calibration.depends_on(question, data))):
            return found
    return None


def pack(question: Question, seeds: Sequence[Seed], roots: Sequence[Path] = ()) -> dict[str, Any]:
    """The document of a question. Raises `HwError` for seeds of different data or versions."""
    data = _alike(question, [one.data for one in seeds], "data")
    start = find_one_start(question, roots, data)
    used = [values for one in seeds for values in one.results.config.variants.values()]
    steps = {values["step"] for values in used if "step" in values}
    settings = {
        variant: {k: v for k, v in values.items() if k not in FREE}
        for variant, values in seeds[0].results.config.variants.items()
    }
    return {
        "question": question.id,
        "backend": question.backend,
        "seeds": [one.seed for one in seeds],
        "data": data,
        "settings": settings,
        "steps": sorted(steps) if question.backend == "torch" else [],
        "versions": _alike(question, [_versions(question, one) for one in seeds], "versions"),
        "variants": {v: _pack_variant(question, v, seeds) for v in question.variants},
        **({"one_start": _pack_one_start(start)} if start else {}),
    }


def _pack_one_start(found: Calibration) -> dict[str, Any]:
    return {
        "changes": list(found.seeds),
        "variants": {
            variant: {
                metric: [_short(entry["last"].get(change)) for change in found.seeds]
                for metric, entry in metrics.items()
            }
            for variant, metrics in found.values.items()
        },
    }


def _alike(question: Question, found: Sequence[Any], what: str) -> Any:
    if any(other != found[0] for other in found):
        raise HwError(f"{question.id}: its seeds are of different {what}; run all of them again")
    return found[0]


def _versions(question: Question, one: Seed) -> dict[str, str]:
    packages = one.results.run.packages
    names = ("numpy", "torch") if question.backend == "torch" else ("numpy",)
    return {name: packages[name] for name in names if name in packages}


def _pack_variant(question: Question, variant: str, seeds: Sequence[Seed]) -> dict[str, Any]:
    outcomes = [one.results.outcomes[variant] for one in seeds]
    metrics = dict.fromkeys(m for o in outcomes for m, v in o.metrics.items() if _is_number(v))
    curves = dict.fromkeys(m for o in outcomes for m in o.history if m != "epoch")
    return {
        "metrics": {m: [_short(o.metrics.get(m)) for o in outcomes] for m in metrics},
        "curves": {m: [_pack_curve(o.history.get(m)) for o in outcomes] for m in curves},
        "epochs": [len(o.history.get("epoch", ())) for o in outcomes],
        "seconds": [_seconds(question, variant, one) for one in seeds],
    }


def _seconds(question: Question, variant: str, one: Seed) -> float | int | None:
    """Median of an epoch; None for a run whose steps take another time than those configured."""
    settings, configured = one.results.config.variants[variant], question.configured(variant)
    if question.backend == "torch" and settings.get("step") != configured.get("step"):
        return None
    found = one.results.run.variants[variant].epoch_seconds
    return _short(statistics.median(found)) if found else None


def _pack_curve(values: Sequence[float] | None) -> list[float | int | None] | None:
    return None if values is None else [_short(values[t - 1]) for t in kept(len(values))]


def kept(count: int) -> list[int]:
    """Which epochs of so many a packed curve has: all, or evenly spread ones and the last ten."""
    step = 1 if count <= WHOLE else -(-count // (WHOLE // 2))
    return sorted({*range(1, count + 1, step), *range(max(1, count - LAST_EPOCHS + 1), count + 1)})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _short(value: Any) -> float | int | None:
    """A number with as many digits as are kept; None for what is none."""
    if isinstance(value, int):
        return value
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else None


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a packed document; the same document gives the same bytes. Raises `HwError`."""
    text = json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":"))
    with written_beside(path) as beside:
        beside.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


# Reading ------------------------------------------------------------------------------------------


def read(question: Question) -> Calibration | None:
    """The calibration that comes with hw, of those variants whose settings are those of the
    question now; None where there is none. Raises `HwError` for a damaged file."""
    path = path_of(question)
    if not path.exists():
        return None
    try:
        with gzip.open(path) as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        return _unpack(question, json.loads(raw))
    except (
        *(OSError, EOFError, zlib.error),
        *(AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError),
        RecursionError,
    ) as error:
        raise HwError(f"{path}: not a calibration ({error}); install hw again") from error


def _unpack(question: Question, raw: Mapping[str, Any]) -> Calibration | None:
    now = Identity.as_configured(question)
    fitting = [
        variant
        for variant in question.variants
        if variant in raw["variants"]
        and not now.has_other_settings(variant, raw["settings"][variant], FREE)
    ]
    if raw["question"] != question.id or raw["backend"] != question.backend or not fitting:
        return None
    seeds = [int(seed) for seed in raw["seeds"]]
    outcomes: dict[int, dict[str, Outcome]] = {seed: {} for seed in seeds}
    seconds: dict[str, dict[int, float]] = {}
    for variant in fitting:
        packed = raw["variants"][variant]
        for i, seed in enumerate(seeds):
            outcomes[seed][variant] = _unpack_outcome(packed, i)
        times = zip(seeds, packed["seconds"], strict=True)
        seconds[variant] = {seed: finite(value) for seed, value in times if value is not None}
    return Calibration(
        seeds=tuple(seeds),
        values=values_of(fitting, outcomes),
        load=lambda: outcomes,
        data=described(raw["data"]),
        seconds=seconds,
        versions={str(name): str(version) for name, version in raw["versions"].items()},
        steps=tuple(str(step) for step in raw["steps"]),
        shipped=True,
        one_start=_unpack_one_start(raw["one_start"], fitting) if "one_start" in raw else None,
    )


def _unpack_one_start(raw: Mapping[str, Any], variants: Sequence[str]) -> Calibration:
    changes = tuple(int(change) for change in raw["changes"])
    values = {
        variant: {
            metric: {
                "last": {
                    change: finite(value)
                    for change, value in zip(changes, column, strict=True)
                    if value is not None
                }
            }
            for metric, column in raw["variants"][variant].items()
        }
        for variant in variants
    }
    return Calibration(changes, values, load=dict, shipped=True)


def _unpack_outcome(packed: Mapping[str, Any], i: int) -> Outcome:
    """What is kept of the run of seed number ``i``. Raises as `Outcome.from_json` does."""
    metrics = {m: values[i] for m, values in packed["metrics"].items()}
    curves = {m: values[i] for m, values in packed["curves"].items() if values[i] is not None}
    epochs = {"epoch": kept(int(packed["epochs"][i]))} if curves else {}
    return Outcome.from_json(
        {
            "metrics": {m: finite(value) for m, value in metrics.items() if value is not None},
            "history": {**epochs, **curves},
            "plots": {},
            "checks": [],
        }
    )
