"""``hw kinds``: what a question can be built on, with settings, metrics and figures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import folders, kinds
from hw.config.kinds import Kind
from hw.config.settings import plain, type_hints, type_in_words
from hw.errors import ExitCode, UsageError, did_you_mean, quoted
from hw.results.files import as_json
from hw.results.identity import shown


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser("kinds", parents=[common], help=VERBS["kinds"])
    parser.add_argument(
        "names", nargs="*", metavar="KIND", help="in full (default: all, in a line)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document, in full")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    known = every_kind()
    for name in args.names:
        if name not in known:
            raise UsageError(f"unknown kind {quoted(name)}{did_you_mean(name, known)}")
    chosen = {name: known[name] for name in args.names or known}
    if args.json:
        console.show_json(as_json({"kinds": [as_dict(kind) for kind in chosen.values()]}))
    elif args.names:
        console.show("\n".join(text(as_dict(kind)) for kind in chosen.values()), end="")
    else:
        console.show(console.table(["kind", "", "what it is"], [_row(k) for k in chosen.values()]))
        console.show("settings, metrics and figures of one: python -m hw kinds KIND")
    return int(ExitCode.OK)


def every_kind() -> Mapping[str, Kind]:
    """The kinds of hw and of the folders that are named, models first."""
    homes = [
        h for f in folders.current() for h in (f, *sorted(p for p in f.glob("*/") if p.is_dir()))
    ]
    found = kinds.known(tuple(home for home in homes if (home / "models").is_dir()))
    return dict(sorted(found.items(), key=lambda item: not item[1].trains))


def _row(kind: Kind) -> list[str]:
    return [kind.name, "trains" if kind.trains else "computes", about(kind.load())]


def about(module: Any) -> str:
    """The first sentence of a kind's docstring."""
    first = " ".join((module.__doc__ or "").strip().partition("\n\n")[0].split())
    return first.removesuffix(".")


def as_dict(kind: Kind) -> dict[str, Any]:
    """All that a YAML file can say about a kind."""
    from hw.figures import style
    from hw.training.metrics import SPLITS, offered

    module = kind.load()
    fields, types = module.Settings.__dataclass_fields__, type_hints(module.Settings)
    return {
        "name": kind.name,
        "about": about(module),
        "path": str(kind.path),
        "trains": kind.trains,
        "task": getattr(module, "TASK", "classification") if kind.trains else None,
        "backends": list(getattr(module, "BACKENDS", ("numpy", "torch"))),
        "needs": list(getattr(module, "REQUIRES", ())),
        "settings": {
            name: {
                "type": type_in_words(types[name], field.metadata),
                "default": plain(field.default),
                "meaning": field.metadata.get("help", ""),
            }
            for name, field in fields.items()
        },
        "metrics": offered(module, SPLITS) if kind.trains else [],
        "measured": plain(dict(getattr(module, "MEASURE", {}))),
        "figures": [*(style.FIGURES if kind.trains else ()), *getattr(module, "FIGURES", {})],
    }


def text(kind: Mapping[str, Any]) -> str:
    rows = [
        [name, shown(s["default"]), s["type"], s["meaning"]] for name, s in kind["settings"].items()
    ]
    lines = [f"{kind['name']}: {kind['about']}", ""]
    if kind["trains"]:
        lines.append(f"learns    {kind['task']}")
    lines.append(f"backends  {', '.join(kind['backends'])}")
    if kind["needs"]:
        lines.append(f"needs     {', '.join(kind['needs'])}")
    lines.append(f"source    {kind['path']}")
    if rows:
        lines += ["", console.table(["setting", "default", "type", "meaning"], rows)]
    for when, metrics in kind["measured"].items():
        words = "after every epoch" if when == "epoch" else "at the end"
        if metrics:
            lines += ["", console.fill(f"measured {words}: {', '.join(metrics)}")]
    others = [m for m in kind["metrics"] if not any(m in ms for ms in kind["measured"].values())]
    if others:
        lines += ["", console.fill(f"and if asked for, under 'measure': {', '.join(others)}")]
    lines += ["", f"figures: {', '.join(kind['figures']) or 'none'}", ""]
    return "\n".join(lines)
