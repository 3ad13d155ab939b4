"""Results folders written by hand: as a run leaves them, with the numbers that a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.claims import read_claims
from hw.config.located import Place
from hw.results.files import as_json
from hw.results.folder import Folder
from hw.results.outcome import Check, Outcome
from hw.results.run_file import Entry, RunFile
from hw.verdicts import calibration
from hw.verdicts.evidence import Evidence
from hw.verdicts.finding import Finding
from hw.verdicts.judge import judge

PUBLISHED = {"name": "x", "source": "real", "provenance": "published file", "sha256": "0" * 64}
OTHER = {**PUBLISHED, "provenance": "other bytes"}
STAND_IN = {**PUBLISHED, "source": "stand-in", "provenance": "stand-in"}


def curve(values: Sequence[float], metric: str = "validation_accuracy") -> dict[str, list[float]]:
    return {"epoch": list(range(1, len(values) + 1)), metric: list(values)}


def outcome(
    metrics: Mapping[str, Any] | None = None,
    history: dict[str, list[float]] | None = None,
    checks: Mapping[str, bool] | None = None,
) -> Outcome:
    """Metrics of a curve's end are taken from the curve."""
    ends = {k: v[-1] for k, v in (history or {}).items() if k != "epoch" and v}
    return Outcome(
        metrics={**ends, **(metrics or {})},
        history=history or {},
        checks=[
            Check(name, f"statement of {name}", holds, f"evidence of {name}")
            for name, holds in (checks or {}).items()
        ],
    )


def write(
    results: Path,
    question: str,
    outcomes: Mapping[str, Outcome],
    data: Mapping[str, str] | None = PUBLISHED,
    folder: str = "",
    **entry: Any,
) -> Folder:
    """The folder of a question as configured, or the ``folder`` beside it."""
    found = catalog.find(question)
    written = Folder(results / found.homework / (folder or found.name))
    config = {"variants": {v: found.resolve(v).as_dict() for v in outcomes}}
    if found.seeds:
        for settings in config["variants"].values():
            del settings["seed"]
    written.write_outcomes(outcomes, config)
    written.write_run(
        RunFile(
            question=found.id,
            status="done",
            data=dict(data) if data and found.data else None,
            variants={v: Entry.from_json({"status": "done", **entry.get(v, {})}) for v in outcomes},
        )
    )
    return written


def calibrate(
    results: Path,
    question: str,
    seeds: Mapping[int, Mapping[str, Outcome]],
    data: Mapping[str, str] | None = PUBLISHED,
) -> Path:
    """The folders of the seeds, and the calibration made of them."""
    found = catalog.find(question)
    data = data if found.data else None
    named = {s: (f"{found.name}@seed{s}", outcomes) for s, outcomes in seeds.items()}
    for name, outcomes in named.values():
        write(results, question, outcomes, data, name)
    document = calibration.make(found, data, named)
    return calibration.write(results / found.homework / found.name, document)


def damage(folder: Folder, name: str, value: Any) -> None:
    """Put something else in the place of a file."""
    text = value if isinstance(value, str) else as_json(value)
    (folder.path / name).write_text(text)


def question(*claims: dict[str, Any], variants: tuple[str, ...] = ("a", "b")) -> Question:
    model = catalog.find("q1.logistic_regression")
    return replace(
        model,
        claims=read_claims(list(claims), variants, Place(Path("some.yaml"))),
        variants={v: {} for v in variants},
    )


def found(claim: dict[str, Any], outcomes: dict[str, Outcome], **known: Any) -> Finding:
    asked = question(claim)
    evidence = Evidence(asked, outcomes, source=known.pop("source", "real"), **known)
    return judge(asked.claims[0], evidence)
