"""A walk in words: how far apart after which update, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hw import console
from hw.lockstep.walk import AGREE, DIVERGED, MEASURED, PART, ROUNDING, infinite, is_stand_in

_MEANING = {
    AGREE: "agree",
    ROUNDING: "part by rounding alone",
    PART: "PART",
    DIVERGED: "DIVERGED",
    MEASURED: "",
}


def text(document: Mapping[str, Any]) -> str:
    """A short table: how far apart after which update, and where that is largest."""
    tolerance = document["tolerance"]
    within = f"tolerance {tolerance:g}" if tolerance is not None else "no tolerance"
    data = document["data"]
    on = f", {data['name']}" if data else ""
    on += " (stand-in)" if is_stand_in(document) else ""
    lines = [f"{document['question']}: NumPy and PyTorch, {document['dtype']}, {within}{on}"]
    variants = document["variants"]
    rows = []
    for name, found in variants.items():
        several = len(variants) > 4
        for place in _places(found["updates"]) if not several else [len(found["updates"]) - 1]:
            differences = {p: infinite(d[place]) for p, d in found["differences"].items()}
            worst = max(differences, key=differences.__getitem__)
            rows.append([name, str(found["updates"][place]), worst, f"{differences[worst]:.1e}"])
    lines += [console.table(["variant", "update", "worst parameter", "difference"], rows)]
    lines += [console.fill(line) for v, found in variants.items() for line in _verdict(v, found)]
    return "\n".join([*lines, f"differences and figure: {document['folder']}"])


def _places(updates: list[int]) -> list[int]:
    """Which rows are worth a line: 0, 1, 2, 5, 10, 20, 50, … and the last."""
    wanted = {0, updates[-1]} | {d * 10**k for k in range(9) for d in (1, 2, 5)}
    return [i for i, u in enumerate(updates) if u in wanted]


def _verdict(variant: str, found: Mapping[str, Any]) -> list[str]:
    """What it comes to, in a sentence or two."""
    largest = f"{infinite(found['largest']):.1e}"
    if found["status"] == AGREE:
        return [
            f"{variant}: agree over {found['updates'][-1]} updates; largest difference {largest} "
            f"in {found['parameter']}, after update {found['at_update']}"
        ]
    if found["status"] == DIVERGED:
        return [f"{variant}: DIVERGED in update {found['diverged']}: nothing to compare after it"]
    grows = found["doubles_every"]
    growth = f"; it doubles every {grows:.3g} updates" if grows else "; it does not grow steadily"
    if found["status"] == MEASURED:
        passed = [f"{level} at {at}" for level, at in found["beyond"].items() if at is not None]
        beyond = f"; beyond {', '.join(passed)}" if passed else ""
        return [f"{variant}: largest difference {largest} in {found['parameter']}{growth}{beyond}"]
    parted, alone = found["parted"], found["each_update"]
    lines = [
        f"{variant}: {_MEANING[found['status']]} at update {parted['update']}, in "
        f"{parted['parameter']}, by {infinite(parted['difference']):.1e}{growth}"
    ]
    if found["status"] == PART:
        if alone["parted"]:
            lines.append(
                f"{variant}: from the same parameters, update {alone['parted']['update']} alone "
                f"differs by {infinite(alone['parted']['difference']):.1e} in "
                f"{alone['parted']['parameter']}: the two programs do not compute the same"
            )
        return lines
    moved = found["rounding"]["worst"]
    lines.append(
        f"{variant}: from the same parameters every update agrees to "
        f"{infinite(alone['largest']):.1e}; and NumPy parts from itself by "
        f"{infinite(moved[-1]):.1e} in {found['rounding']['updates'][-1]} updates if its "
        "parameters are moved by one unit in the last place. This training amplifies rounding; "
        "no two programs stay together on it"
    )
    return lines
