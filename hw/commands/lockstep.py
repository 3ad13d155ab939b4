"""``hw lockstep``: NumPy and PyTorch side by side from one start, and where they part.

Both make the same updates from the same draws: initial weights, batches, dropout masks. In float64
they must agree; where they part, the updates are made once more with both put at the same
parameters after each, which tells a defect from rounding that the training amplifies.

In float32 they part by what is rounded, and by leaps: where a ReLU unit is fed less than the
rounding of its sum, one of the two has it on and the other off, for that example.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.commands.run import settings
from hw.config import catalog
from hw.config.catalog import Question
from hw.datasets.features import Dataset
from hw.errors import ExitCode, MissingPackage, UsageError, quoted
from hw.figures import metadata, provenance
from hw.figures.style import look
from hw.lockstep import compare
from hw.lockstep.compare import Parity
from hw.results.folder import as_json, digest, write_text
from hw.runs import machine, planning, worker
from hw.runs.planning import Request, Run

STEPS, TOLERANCE = 100, 1e-9
LEVELS = (1e-6, 1e-5, 1e-4, 1e-3)  # that float32 passes on its way

AGREE, ROUNDING, PART, DIVERGED, MEASURED = "agree", "rounding", "part", "diverged", "measured"
FAILED = (PART, DIVERGED)


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "lockstep",
        parents=[common],
        help=VERBS["lockstep"],
        usage="%(prog)s ID... [options] [--SETTING VALUE ...]",
        epilog="Any setting of a question is a flag too, as for 'run'. Exit code 1 if the two part "
        "by more than the tolerance and rounding does not explain it.",
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="questions that train; globs work")
    parser.add_argument("--steps", default=str(STEPS), metavar="N", help="updates (default: 100)")
    parser.add_argument(
        "--every", default="1", metavar="K", help="updates between two comparisons (default: 1)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, by its name"
    )
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        help="what both compute in (default: float64)",
    )
    parser.add_argument(
        "--tolerance",
        metavar="T",
        help="largest relative difference (default: 1e-9 in float64; in float32 none: how fast "
        "they part is measured)",
    )
    parser.add_argument("--seed", metavar="S", help="of initial weights and order")
    parser.add_argument(
        "--data",
        choices=("auto", "real", "stand-in"),
        default="auto",
        help="auto: the real files where they are, else a synthetic stand-in",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("-q", "--quiet", action="store_true", help="results and errors only")
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    steps, every = _count(args.steps, "--steps"), _count(args.every, "--every")
    tolerance = _tolerance(args.tolerance, args.dtype)
    questions, exact = _questions(args.ids)
    plans, left_out = [], []
    for question in questions:
        try:
            plans.append(plan(question, args))
        except MissingPackage as error:
            if question.id in exact:
                raise
            left_out.append(str(error))
    documents = []
    told: set[str] = set()
    for planned in plans:
        data = _load(planned.question, args, told)
        try:
            found = walk(planned, data, steps, every, args.dtype, tolerance)
        except UsageError as error:  # one of the two implementations is not there
            if planned.id in exact:
                raise
            left_out.append(f"{planned.id}: {error}")
            continue
        documents.append(_write(planned, found, args))
        if not args.json:
            console.show(text(documents[-1]) + "\n")
    for line in left_out:
        console.say(f"note: left out: {line}")
    if args.json:
        console.show(as_json({"lockstep": documents}), end="")
    failed = any(v["status"] in FAILED for d in documents for v in d["variants"].values())
    return int(ExitCode.FAILED if failed else ExitCode.OK)


# What is asked for


def _count(word: str, option: str) -> int:
    if not word.isdecimal() or len(word) > 9 or not int(word):
        raise UsageError(f"{option} is {quoted(word)}; expected a whole number from 1")
    return int(word)


def _tolerance(word: str | None, dtype: str) -> float | None:
    if word is None:
        return TOLERANCE if dtype == "float64" else None
    try:
        tolerance = float(word)
    except ValueError:
        tolerance = math.nan
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UsageError(f"--tolerance is {quoted(word)}; expected a number from 0, such as 1e-9")
    return tolerance


def _questions(ids: Iterable[str]) -> tuple[list[Question], set[str]]:
    """Those that train, and which are asked for by their ids. Raises `UsageError` for one of
    these that trains nothing."""
    questions, exact = catalog.select(ids)
    for question in questions:
        if question.id in exact and not question.trains:
            raise UsageError(
                f"{question.id} trains nothing: there is no step to compare ('python -m hw run "
                f"{question.id} --backend both' runs both implementations)"
            )
    chosen = [q for q in questions if q.trains]
    if not chosen:
        raise UsageError("none of these questions trains")
    return chosen, exact


def plan(question: Question, args: argparse.Namespace) -> Run:
    """The question's settings, with the precision asked for where it has one."""
    overrides = settings(args.rest, args.set)
    names = question.module.Settings.__dataclass_fields__
    if "dtype" in names:
        overrides["dtype"] = args.dtype
    elif args.dtype == "float32":
        raise UsageError(f"{question.id} computes in float64 only, one example at a time")
    if args.seed is not None:
        overrides["seed"] = args.seed
    elif question.seeds:
        overrides.setdefault("seed", str(question.seeds[0]))
    request = Request(
        questions=[question.id],
        overrides=overrides,
        variants=args.variant,
        backend="numpy",
        results_directory=args.results_dir,
    )
    return planning.plan(request)[0]


def _load(question: Question, args: argparse.Namespace, told: set[str]) -> Dataset | None:
    if question.data is None:
        return None
    name = question.data["name"]
    data = worker.load_data(name, question.data["view"], args.data_dir, args.data)
    if data.source == "stand-in" and name not in told and not args.quiet:
        told.add(name)
        console.say(
            f"note: {name}: synthetic stand-in data; whether two programs agree does not depend on "
            "it, how fast rounding grows does"
        )
    return data


# The walk


def walk(
    planned: Run,
    data: Dataset | None,
    steps: int,
    every: int,
    dtype: str,
    tolerance: float | None,
) -> dict[str, Any]:
    """What ``hw lockstep`` writes of one question, folder excepted: plain JSON."""
    # Denormals as they are, in both; one thread each.
    machine.set_threads("torch", 1)
    machine.set_threads("numpy", 1)
    variants = {}
    for variant, resolved in planned.variants.items():

        def make(backend: str, settings: Any = resolved.settings) -> Any:
            return planned.question.module.learner(settings, data, backend, "cpu")

        variants[variant] = _walk_one(make, steps, every, tolerance)
    return {
        "question": planned.id,
        "backends": ["numpy", "torch"],
        "dtype": dtype,
        "steps": steps,
        "every": every,
        "tolerance": tolerance,
        "seed": planned.seed,
        "data": data and {"name": data.name, "source": data.source, "sha256": data.sha256},
        "variants": variants,
    }


def _walk_one(
    make: Callable[[str], Any], steps: int, every: int, tolerance: float | None
) -> dict[str, Any]:
    limit = math.inf if tolerance is None else tolerance
    found = compare.compare(make("numpy"), make("torch"), steps, limit, every)
    end = found.updates[-1]
    status, one_by_one, yardstick = AGREE, None, None
    if found.diverged is not None:
        status = DIVERGED
    elif found.parting or tolerance is None:
        # Far enough to see the yardstick pass the tolerance too.
        yardstick = compare.rounding(lambda: make("numpy"), min(steps, 4 * end), limit, every)
        status = MEASURED
    if found.parting:
        one_by_one = compare.compare(
            make("numpy"), make("torch"), steps, limit, every=1, together=True
        )
        status = PART if one_by_one.parting or one_by_one.diverged else ROUNDING
    return {
        "status": status,
        **_as_json(found),
        "doubles_every": compare.doubling(found.updates, found.worst),
        "beyond": {f"{level:g}": _first_beyond(found, level) for level in LEVELS},
        "each_update": one_by_one and _as_json(one_by_one, rows=False),
        "rounding": yardstick
        and {"updates": yardstick.updates, "worst": [_finite(w) for w in yardstick.worst]},
    }


def _as_json(found: Parity, rows: bool = True) -> dict[str, Any]:
    worst = max(range(len(found.worst)), key=found.worst.__getitem__)
    row = found.differences[worst]
    names = list(row)
    whole = {
        "updates": found.updates,
        "differences": {n: [_finite(r[n]) for r in found.differences] for n in names},
    }
    return {
        **(whole if rows else {}),
        "largest": _finite(found.worst[worst]),
        "parameter": max(row, key=row.__getitem__),
        "at_update": found.updates[worst],
        "parted": found.parting
        and {
            "update": found.parting.update,
            "parameter": found.parting.parameter,
            "difference": _finite(found.parting.difference),
        },
        "diverged": found.diverged,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _first_beyond(found: Parity, level: float) -> int | None:
    return next((u for u, w in zip(found.updates, found.worst, strict=True) if w > level), None)


# What is shown and written


def _write(planned: Run, found: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Write ``lockstep.json`` and its figure into a folder of their own; the document, with it."""
    question = planned.question
    config = {"variants": {v: r.as_dict() for v, r in planned.variants.items()}}
    options = {k: found[k] for k in ("dtype", "steps", "every") if found[k] != _PLAIN[k]}
    if args.tolerance is not None:
        options["tolerance"] = found["tolerance"]
    difference = {
        **options,
        **settings(args.rest, args.set),
        **({} if args.seed is None else {"seed": args.seed}),
        **({"variants": list(planned.variants)} if args.variant else {}),
        **({"data": "stand-in"} if _is_stand_in(found) else {}),
    }
    name = f"{question.name}@lockstep" + (f"-{digest(difference)[:8]}" if difference else "")
    folder = args.results_dir / question.homework / name
    write_text(folder / "lockstep.json", as_json(found, None))
    from hw.figures import style

    figure = draw(found, question)
    if _is_stand_in(found):
        style.mark_stand_in(figure)
    record = provenance.describe_lockstep(question, options, config, found["data"])
    fields = metadata.fields(record, f"{question.id}: NumPy and PyTorch in lockstep")
    style.save(figure, folder / "figures" / "lockstep", fields)
    return {**found, "folder": str(folder.resolve())}


_PLAIN = {"dtype": "float64", "steps": STEPS, "every": 1}


def _is_stand_in(found: Mapping[str, Any]) -> bool:
    return found["data"] is not None and found["data"]["source"] == "stand-in"


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
    on += " (stand-in)" if _is_stand_in(document) else ""
    lines = [f"{document['question']}: NumPy and PyTorch, {document['dtype']}, {within}{on}"]
    variants = document["variants"]
    rows = []
    for name, found in variants.items():
        several = len(variants) > 4
        for place in _places(found["updates"]) if not several else [len(found["updates"]) - 1]:
            differences = {p: _infinite(d[place]) for p, d in found["differences"].items()}
            worst = max(differences, key=differences.__getitem__)
            rows.append([name, str(found["updates"][place]), worst, f"{differences[worst]:.1e}"])
    lines += [console.table(["variant", "update", "worst parameter", "difference"], rows)]
    lines += [console.fill(line) for v, found in variants.items() for line in _verdict(v, found)]
    return "\n".join([*lines, f"differences and figure: {document['folder']}"])


def _infinite(number: float | None) -> float:
    return math.inf if number is None else number


def _places(updates: list[int]) -> list[int]:
    """Which rows are worth a line: 0, 1, 2, 5, 10, 20, 50, … and the last."""
    wanted = {0, updates[-1]} | {d * 10**k for k in range(9) for d in (1, 2, 5)}
    return [i for i, u in enumerate(updates) if u in wanted]


def _verdict(variant: str, found: Mapping[str, Any]) -> list[str]:
    """What it comes to, in a sentence or two."""
    largest = f"{_infinite(found['largest']):.1e}"
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
        f"{parted['parameter']}, by {_infinite(parted['difference']):.1e}{growth}"
    ]
    if found["status"] == PART:
        if alone["parted"]:
            lines.append(
                f"{variant}: from the same parameters, update {alone['parted']['update']} alone "
                f"differs by {_infinite(alone['parted']['difference']):.1e} in "
                f"{alone['parted']['parameter']}: the two programs do not compute the same"
            )
        return lines
    moved = found["rounding"]["worst"]
    lines.append(
        f"{variant}: from the same parameters every update agrees to "
        f"{_infinite(alone['largest']):.1e}; and NumPy parts from itself by "
        f"{_infinite(moved[-1]):.1e} in {found['rounding']['updates'][-1]} updates if its "
        "parameters are moved by one unit in the last place. This training amplifies rounding; "
        "no two programs stay together on it"
    )
    return lines


SEEN = 1e-18  # less than a unit in the last place of float64: as good as equal


def _seen(values: Iterable[float | None]) -> list[float]:
    """Differences as a logarithmic axis can show them: none where the two are equal."""
    return [v if v is not None and v > SEEN else math.nan for v in values]


@look()
def draw(found: Mapping[str, Any], question: Question) -> Any:
    """The differences over the updates: a panel a variant and a line a parameter, or, of more than
    four variants, one line each."""
    from hw.figures.style import new_figure

    variants = found["variants"]
    panels = len(variants) if len(variants) <= 4 else 1
    figure, axes = new_figure(1, panels, width=5.2 if panels < 3 else 4.2)
    for number, (name, walked) in enumerate(variants.items()):
        ax = axes[0, number % panels]
        updates, lines = walked["updates"], walked["differences"]
        if panels < len(variants):
            rows = [[_infinite(d) for d in row] for row in zip(*lines.values(), strict=True)]
            lines = {name: [max(row) for row in rows]}
        for parameter, values in lines.items():
            few = len(updates) < 10
            ax.plot(updates, _seen(values), label=parameter, lw=1.2, marker="o" if few else "")
        if walked["rounding"] and panels == len(variants):
            moved = walked["rounding"]
            ax.plot(
                moved["updates"],
                _seen(moved["worst"]),
                label="rounding alone: NumPy against itself",
                color="#777777",
                ls="--",
                lw=1,
            )
        if found["tolerance"]:
            ax.axhline(found["tolerance"], color="#B00020", ls=":", lw=1, label="tolerance")
        ax.set_yscale("log")
        drawn = [y for line in ax.lines for y in line.get_ydata() if y > 0]
        ax.set_ylim(min(drawn, default=SEEN) / 3, max(drawn, default=1.0) * 3)
        ax.set_xlabel("update")
        ax.set_title(name if panels > 1 else "")
        if len(ax.lines) <= 14:
            ax.legend(fontsize=8)
    axes[0, 0].set_ylabel("largest relative difference")
    figure.suptitle(f"{question.id}: NumPy and PyTorch, {found['dtype']}")
    return figure
