"""What the seeds of a question show, as `hw.figures.over_seeds` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hw.config import record
from hw.config.catalog import homeworks
from hw.config.claims import Claim, published_values
from hw.figures import over_seeds
from hw.figures.over_seeds import Curves, Ends
from hw.verdicts.evidence import Evidence
from hw.verdicts.plausible import Answer

# The first of these that a question has are drawn, and what it publishes.
USUAL = ("test_accuracy", "validation_accuracy", "test_loss", "train_loss")
MOST_PANELS = 3


def ends(evidence: Evidence, variant: str, metric: str, yours: float | None = None) -> Ends | None:
    """Where the seeds of a variant end; None where there are fewer than two."""
    calibration = evidence.calibration
    found = calibration.of(variant, metric) if calibration else {}
    if calibration is None or len(found) < 2:
        return None
    one_start = calibration.one_start.of(variant, metric) if calibration.one_start else {}
    band = evidence.band(variant, metric)
    published = published_values(evidence.question.claims).get((variant, metric))
    return Ends(
        variant=variant,
        seeds=list(found.values()),
        one_start=list(one_start.values()),
        band=band.ends if band and band.of_seeds else None,
        published=float(published) if published else None,
        ours=evidence.value(variant, metric),
        yours=yours,
        logged=[value for c in evidence.question.claims for value in _logged(c, variant, metric)],
    )


def _logged(claim: Claim, variant: str, metric: str) -> list[float]:
    """The numbers of a claim on the public record, if it is of this variant and metric."""
    if (claim.variant, claim.details.get("record")) != (variant, metric):
        return []
    values = claim.details.get("value", [])
    return [float(v) for v in (values if isinstance(values, list) else [values])]


def curves(evidence: Evidence, variant: str, metric: str) -> Curves | None:
    """The curves of the seeds of a variant; None where they have none."""
    question, calibration = evidence.question, evidence.calibration
    outcomes = calibration.outcomes.values() if calibration else ()
    spread = over_seeds.spread([o[variant] for o in outcomes if variant in o], metric)
    if spread is None:
        return None
    folder = homeworks()[question.homework].folder
    has_record = (folder / "record.json").exists()
    logged = record.curves(folder, question.name, variant, metric) if has_record else []
    published = published_values(question.claims).get((variant, metric))
    return Curves(
        metric,
        spread,
        evidence.curve(variant, metric),
        [curve.values for curve in logged],
        float(published) if published else None,
    )


def distributions(evidence: Evidence) -> Any:
    """The figure of where all variants end, in what is published of them or else in the usual
    metrics; None where there are no seeds to draw."""
    question = evidence.question
    published = [metric for _, metric in published_values(question.claims)]
    known = evidence.calibration.values.values() if evidence.calibration else ()
    measured = {metric for of_variant in known for metric in of_variant}
    names = [*dict.fromkeys(published), *(m for m in USUAL if m not in published)]
    chosen = [m for m in names if m in measured][: min(MOST_PANELS, max(1, len(set(published))))]
    panels = {
        metric: rows
        for metric in chosen
        if (rows := [e for v in question.variants if (e := ends(evidence, v, metric))])
    }
    return over_seeds.distributions(panels) if panels else None


def of_answers(evidence: Evidence, answers: Sequence[Answer]) -> Any:
    """The figure of a student's numbers among the seeds; None where there are no seeds."""
    rows = []
    for answer in answers:
        variant, metric = answer.number.variant, answer.number.metric
        found = ends(evidence, variant, metric, answer.number.value)
        if found:
            rows.append((metric, found, curves(evidence, variant, metric)))
    return over_seeds.of_numbers(rows, evidence.question.title) if rows else None
