"""Fill the README's table of questions from results on real data.

    python tools/readme_table.py RESULTS_DIR [RESULTS_DIR ...]

Of each question, the first folder that has it counts. Rows of questions that are in none, only on
a stand-in, or not among `all`, are left as they are.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hw.config import catalog  # noqa: E402
from hw.config.catalog import Question  # noqa: E402
from hw.config.claims import count_faults, published_values, said  # noqa: E402
from hw.results.folder import Folder, is_stand_in  # noqa: E402
from hw.results.outcome import Outcome  # noqa: E402
from hw.verdicts import shipped  # noqa: E402

README = ROOT / "README.md"
# The first that a question has, and what to call it.
METRICS = {
    "zero_share": "share of exact zeros: ",
    "test_accuracy": "",
    "validation_accuracy": "validation accuracy: ",
    "test_loss": "test RMSE: ",
}


def cell(question: Question, outcomes: dict[str, Outcome]) -> str:
    """What is ours, give or take a deviation over seeds, with the published number in brackets
    where one is printed."""
    if not question.trains:
        checks = [check for outcome in outcomes.values() for check in outcome.checks]
        failed = {check.name for check in checks if not check.holds}
        faults = count_faults(question.claims, failed)
        return f"{len(checks) - len(failed)} statements hold" + (
            f", {said(faults)}" if faults else ""
        )
    published = published_values(question.claims)
    # One that diverged has none of them.
    measured = {name for outcome in outcomes.values() for name in outcome.metrics}
    metric = next(name for name in METRICS if name in measured)
    calibration = shipped.read(question)
    parts = []
    for variant in question.variants:
        metrics = outcomes[variant].metrics
        value = f"{metrics[metric]:.4f}" if metric in metrics else "diverged"
        seeds = calibration.of(variant, metric) if calibration else {}
        if f"{metric}_std" in metrics:
            value += f" ± {metrics[f'{metric}_std']:.4f}"
        elif len(seeds) > 1 and metric in metrics:
            value += f" ± {statistics.stdev(seeds.values()):.4f}"
        if (variant, metric) in published:
            value += f" ({published[variant, metric]})"
        parts.append((f"{variant} " if len(question.variants) > 1 else "") + value)
    return METRICS[metric] + ", ".join(parts)


def row(question: Question, before: str, roots: list[Path]) -> str:
    for root in roots if question.in_all else []:  # a grid is more than a cell
        there = Folder(root / question.homework / question.name).read()
        if there.run.status != "done" or is_stand_in(there.run.data):
            continue
        before = cell(question, there.outcomes)
        break
    return f"| `{question.id}` | {question.title} | {before} |"


def main(roots: list[Path]) -> None:
    text = README.read_text(encoding="utf-8")
    before = dict(re.findall(r"^\| `([^`]+)` \| .* \| (.*) \|$", text, re.M))
    lines = []
    for homework in catalog.homeworks().values():
        lines += [
            f"### {homework.title}",
            "",
            "| id | question | ours (published) |",
            "|---|---|---|",
        ]
        for name in homework.questions:
            question = catalog.find(f"{homework.name}.{name}")
            lines.append(row(question, before.get(question.id, "not run"), roots))
        lines.append("")
    table = "\n".join(["<!-- questions -->", *lines, "<!-- /questions -->"])
    text = re.sub(r"<!-- questions -->.*<!-- /questions -->", lambda _: table, text, flags=re.S)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main([Path(argument) for argument in sys.argv[1:]])
