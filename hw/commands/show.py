"""``hw show``: a question's settings and where each value comes from, its data and its claims."""

from __future__ import annotations

import argparse
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import plain, type_hints
from hw.errors import ExitCode
from hw.results.files import as_json
from hw.results.identity import command, shown


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser("show", parents=[common], help=VERBS["show"])
    parser.add_argument("id", metavar="ID", help="such as q1.perceptron or ist2021.q3.mlp")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    question = catalog.find(args.id)
    if args.json:
        console.show_json(as_json(as_dict(question)))
    else:
        console.show(text(question), end="")
    return int(ExitCode.OK)


def as_dict(question: Question) -> dict[str, Any]:
    variants = {}
    for name in question.variants:
        resolved = question.resolve(name)
        variants[name] = {
            key: {"value": value, "from": resolved.origins[key]}
            for key, value in resolved.as_dict().items()
        }
    return {
        "id": question.id,
        "title": question.title,
        "about": question.about,
        "source": dict(question.source),
        "kind": question.kind,
        "backend": question.backend,
        "data": dict(question.data) if question.data else None,
        "variants": variants,
        "figures": [f["name"] for f in question.figures],
        "claims": [
            {
                "sort": c.sort,
                "text": c.text(),
                "where": c.where,
                **({"erratum": c.erratum} if c.erratum else {}),
                **({"ours": True} if c.ours else {}),
                **plain(dict(c.details)),
            }
            for c in question.claims
        ],
        "unjudged": [vars(u) for u in question.unjudged],
        "notes": list(question.notes),
    }


def text(question: Question) -> str:
    source = question.source
    lines = [f"{question.id}: {question.title}"]
    if question.about:
        lines += [console.fill(question.about)]
    number = f"question {source['question']}" if source.get("question") else ""
    lines += [
        "",
        f"source   {', '.join(filter(None, [source.get('document', ''), number])) or 'none given'}",
        f"kind     {question.kind}",
        f"data     {_data(question)}",
        f"backend  {question.backend} (the other: --backend "
        f"{'torch' if question.backend == 'numpy' else 'numpy'}, or both)",
        "",
    ]
    helps = {k: f.metadata.get("help", "") for k, f in _fields(question).items()}
    resolved = {name: question.resolve(name) for name in question.variants}
    shared, rows = next(iter(resolved.values())), []
    for key, value in shared.as_dict().items():
        values = {v: r.as_dict()[key] for v, r in resolved.items()}
        differs = any(other != value for other in values.values())
        text = _several(values) if differs else shown(value)
        origin = "variants" if differs else shared.origins[key]
        rows.append([key, text, origin, helps[key]])
    lines += [console.table(["setting", "value", "from", "meaning"], rows), ""]
    if list(question.variants) != [catalog.DEFAULT_VARIANT]:
        lines += [f"variants {console.clip(', '.join(question.variants), 200)}", ""]
    if question.claims:
        rows = [[w, by, console.fill(t, 72)] for w, by, t in _judged_by(question)]
        lines += [console.table(["where", "judged by", "published"], rows), ""]
    for note in question.notes:
        lines.append(console.fill(f"note: {note}"))
    lines.append(f"run it: {command(question)}")
    return "\n".join(lines) + "\n"


def _data(question: Question) -> str:
    """The data set and how the homework reads it."""
    from hw.datasets.registry import entry

    if question.data is None:
        return "none"
    view = entry(question.data["name"]).view(question.data["view"])
    return f"{question.data['name']} ({view.note})"


def _judged_by(question: Question) -> list[tuple[str, str, str]]:
    """Each statement of the document: its place, what judges it, and its words or ours for it."""
    rows = []
    for claim in question.claims:
        if not claim.ours:
            fault = f"  [{claim.kind}: {claim.erratum}]" if claim.erratum else ""
            rows.append((claim.where, _SORTS.get(claim.sort, claim.sort), claim.text() + fault))
    rows += [(u.where, "not judged", f"{u.says}  [{u.why}]") for u in question.unjudged]
    order = list(dict.fromkeys(where.partition(",")[0] for where, _, _ in rows))
    return sorted(rows, key=lambda row: order.index(row[0].partition(",")[0]))


_SORTS = {
    "value": "number",
    "form": "its wording",
    "time_ratio": "times",
    "record": "logs",
}  # of students


def _fields(question: Question) -> dict[str, Any]:
    type_hints(question.module.Settings)
    return dict(question.module.Settings.__dataclass_fields__)


def _several(values: dict[str, Any]) -> str:
    distinct = list(dict.fromkeys(shown(v) for v in values.values()))
    return " | ".join(distinct)
