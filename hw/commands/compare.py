"""``hw compare``: two runs or two results folders, side by side."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.errors import ExitCode, HwError, UsageError, quoted
from hw.figures import provenance
from hw.figures.style import look
from hw.results.export import flat
from hw.results.files import as_json, digest, write_text
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.results.run_file import Config


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "compare",
        parents=[common],
        help=VERBS["compare"],
        description="Settings and metrics side by side, and the curves of both in one figure. A "
        "and B are ids ('q1.mlp'), names of folders beside them ('q1.mlp@1a2b3c4d'), paths of "
        "runs, or paths of whole results folders.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--all", action="store_true", help="also what does not differ")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the figure of the curves, as .pdf, .png or .svg (default: a folder of its own, "
        "compare/, among the results)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Side:
    """One of the two: its name and what its folder holds."""

    name: str
    folder: Folder
    outcomes: dict[str, Outcome]
    config: Config
    about: dict[str, Any]

    @classmethod
    def read(cls, name: str, path: Path) -> Side:
        """Raises `HwError` for a folder without results."""
        folder = Folder(path)
        found = folder.read()
        data = found.run.data or {}
        about = {
            "question": found.config.question or None,
            "backend": found.config.backend or None,
            "seeds": list(found.run.seeds),
            "device": found.run.device,
            "data": data.get("name"),
            "data source": data.get("source"),
            "data sha256": data.get("sha256", "")[:16] or None,
            "python": found.run.environment.get("python"),
            **found.run.packages,
        }
        return cls(name, folder, found.outcomes, found.config, about)


def run(args: argparse.Namespace) -> int:
    _check_output(args.output)
    pairs = _pairs(args)
    documents = []
    for a, b in pairs:
        document = compare(a, b)
        figure = _draw(a, b, args, several=len(pairs) > 1)
        documents.append({**document, "figure": figure})
    if args.json:
        console.show(as_json({"comparisons": documents}), end="")
    elif len(documents) > 1 and not args.all:
        same = [d for d in documents if d["identical"]]
        others = [d for d in documents if not d["identical"]]
        parts = [text(d, False) for d in others]
        parts += [f"identical: {', '.join(d['a'] for d in same)}"] if same else []
        console.show("\n\n".join(parts))
    else:
        console.show("\n\n".join(text(d, args.all) for d in documents))
    return int(ExitCode.OK)


# What is compared


def _check_output(output: Path | None) -> None:
    if output is not None and output.suffix.lower() not in (".pdf", ".png", ".svg"):
        raise UsageError(f"--output {quoted(str(output))}: expected a name in .pdf, .png or .svg")


def _pairs(args: argparse.Namespace) -> list[tuple[Side, Side]]:
    """Two runs; or, of two whole results folders, each run that both have."""
    paths = [_find(word, args.results_dir) for word in (args.a, args.b)]
    runs = [_runs(path) for path in paths]
    if all("." in found for found in runs):
        names = (args.a, args.b)
        a, b = (Side.read(n, p) for n, p in zip(names, paths, strict=True))
        return [(a, b)]
    for word, found in zip((args.a, args.b), runs, strict=True):
        if "." in found:
            raise UsageError(f"{word} is one run, the other a folder of runs: name two of a kind")
        if not found:
            raise HwError(f"{word}: no results in it")
    both = [name for name in runs[0] if name in runs[1]]
    if not both:
        raise HwError(f"{args.a} and {args.b} have no run in common")
    return [
        (Side.read(f"{args.a}: {n}", runs[0][n]), Side.read(f"{args.b}: {n}", runs[1][n]))
        for n in both
    ]


def _find(word: str, results: Path) -> Path:
    """The folder that a path, an id or ``id@digest`` names. Raises `UsageError`."""
    path = Path(word)
    if path.is_dir():
        return path
    name, at, rest = word.partition("@")
    if "/" in word or (at and not re.fullmatch(r"[\w-]+", rest)):
        raise UsageError(f"{word}: no such folder")
    question = catalog.find(name)
    home = question.folder(results)
    folder = home.with_name(f"{home.name}{at}{rest}")
    if not (folder / "metrics.json").is_file():
        beside = sorted(
            p.name
            for p in folder.parent.glob(f"{question.name}@*")
            if (p / "metrics.json").is_file()
        )
        known = f"; beside it there are {', '.join(beside)}" if beside else ""
        raise HwError(f"{word}: no results in {folder}{known} ('python -m hw run {question.id}')")
    return folder


def _runs(path: Path) -> dict[str, Path]:
    """The runs in a folder by their names; ``.`` for a folder that is one itself."""
    if (path / "metrics.json").is_file():
        return {".": path}
    found = sorted(p.parent for p in (*path.glob("*/metrics.json"), *path.glob("*/*/metrics.json")))
    return {str(p.relative_to(path)): p for p in found}


def compare(a: Side, b: Side) -> dict[str, Any]:
    """What two runs have in common and where they differ: plain JSON."""
    metrics = []
    for variant, other, name in _matched(a, b):
        one = a.outcomes[variant].all_metrics() if variant in a.outcomes else {}
        two = b.outcomes[other].all_metrics() if other in b.outcomes else {}
        for metric, left, right in _side_by_side(flat(one), flat(two)):
            both = left is not None and right is not None
            metrics.append(
                {
                    "variant": name,
                    "metric": metric,
                    "a": left,
                    "b": right,
                    "difference": right - left if both else None,
                }
            )
    settings = [
        {"variant": "", "setting": key, "a": left, "b": right}
        for key, left, right in _side_by_side(a.about, b.about)
    ]
    for variant, other, name in _matched(a, b):
        one, two = (s.config.variants.get(v, {}) for s, v in ((a, variant), (b, other)))
        settings += [
            {"variant": name, "setting": key, "a": left, "b": right}
            for key, left, right in _side_by_side(one, two)
        ]
    return {
        "a": a.name,
        "b": b.name,
        "folders": {"a": str(a.folder.path.resolve()), "b": str(b.folder.path.resolve())},
        "identical": provenance.results_digest(a.outcomes) == provenance.results_digest(b.outcomes),
        "settings": settings,
        "metrics": metrics,
    }


def _matched(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """Variants of A and of B that belong together, and a name for both."""
    if len(a.outcomes) == len(b.outcomes) == 1:
        (one,), (two,) = a.outcomes, b.outcomes
        return [(one, two, one if one == two else f"{one} | {two}")]
    return [(v, v, v) for v in dict.fromkeys([*a.outcomes, *b.outcomes])]


def _side_by_side(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, a.get(key), b.get(key)) for key in dict.fromkeys([*a, *b])]


# What is shown and drawn


def text(document: Mapping[str, Any], everything: bool) -> str:
    lines = [f"A  {document['a']}", f"B  {document['b']}", ""]
    if document["identical"]:
        lines += ["metrics and curves are identical", ""]
    rows = [
        [s["variant"], s["setting"], _shown(s["a"]), _shown(s["b"])]
        for s in document["settings"]
        if everything or s["a"] != s["b"]
    ]
    if rows:
        lines += [console.table(["variant", "setting", "A", "B"], rows), ""]
    rows = [
        [m["variant"], m["metric"], _number(m["a"]), _number(m["b"]), _signed(m["difference"])]
        for m in document["metrics"]
        if everything or m["a"] != m["b"]
    ]
    if rows:
        lines += [console.table(["variant", "metric", "A", "B", "B - A"], rows), ""]
    if document["figure"]:
        lines.append(f"curves: {document['figure']}")
    return "\n".join(lines).rstrip("\n")


def _shown(value: Any) -> str:
    # Read from a file, and shown on a terminal.
    shown = "–" if value is None else str(value)
    return console.clip("".join(c if c.isprintable() else "?" for c in shown), 40)


def _number(value: Any) -> str:
    return "–" if value is None else console.number(value)


def _signed(value: Any) -> str:
    return "–" if value is None else "0" if value == 0 else f"{value:+.3g}"


def _draw(a: Side, b: Side, args: argparse.Namespace, several: bool) -> str | None:
    """Draw the curves that both have; the path of the figure, None where there is nothing to
    draw."""
    pairs = [
        (a.outcomes[v].history, b.outcomes[o].history, name)
        for v, o, name in _matched(a, b)
        if v in a.outcomes and o in b.outcomes
    ]
    metrics = [
        m
        for m in dict.fromkeys(m for one, _, _ in pairs for m in one)
        if m != "epoch" and not m.endswith("_std") and any(m in two for _, two, _ in pairs)
    ]
    if not metrics or (several and args.output):
        return None
    from hw.figures import style

    figure = draw(pairs, metrics, (a.name, b.name))
    if "stand-in" in (a.about["data source"], b.about["data source"]):
        style.mark_stand_in(figure)
    title = {"Title": f"{a.name} and {b.name}"}
    if args.output:
        output: Path = args.output
        suffix = output.suffix.lower()[1:]
        (path,) = style.save(figure, output.with_suffix(""), title, [suffix])
        return str(path)
    name = f"compare-{digest([a.name, b.name])[:8]}"
    folder = args.results_dir / "compare" / name
    write_text(folder / "compare.json", as_json(compare(a, b)))
    return str(style.save(figure, folder / "curves", title)[0])


@look()
def draw(
    pairs: list[tuple[dict[str, list[float]], dict[str, list[float]], str]],
    metrics: list[str],
    names: tuple[str, str],
) -> Any:
    """A panel a metric, a colour a variant; A solid, B dashed."""
    from hw.figures.style import COLOURS, label, new_figure

    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    figure, axes = new_figure(rows, columns, width=4.4, height=3.2)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for number, (one, two, name) in enumerate(pairs):
            colour = COLOURS[number % len(COLOURS)]
            for history, style, side in ((one, "-", "A"), (two, "--", "B")):
                if metric in history:
                    few = len(history["epoch"]) < 3
                    ax.plot(
                        history["epoch"],
                        history[metric],
                        style,
                        color=colour if len(pairs) > 1 or side == "A" else COLOURS[1],
                        marker="o" if few else "",
                        label=f"{side}: {name}" if len(pairs) > 1 else side,
                    )
        ax.set_xlabel("epoch")
        ax.set_ylabel(label(metric))
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(ax.lines) <= 12:
            ax.legend(fontsize=8)
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    figure.suptitle(f"A: {names[0]}    B: {names[1]}", fontsize=10)
    return figure
