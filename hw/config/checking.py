"""A question held against its kind and its data, before anything is read or trained.

What a YAML file says by itself is checked where it is read. Here is what takes the kind's module:
settings, backends, metrics of figures and claims, and splits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from hw.config import figures, schema
from hw.config.claims import SORTS, Claim, listed
from hw.config.homework import Homework
from hw.config.located import Place, WrongFile, refuse
from hw.config.question import Question
from hw.errors import HwError, UsageError

SPREAD = ("_mean", "_std")  # what results over several seeds have of every metric


def check(question: Question, homework: Homework) -> None:
    """Raises `WrongFile` with all that is wrong with a question, or `UsageError` where its kind
    cannot be imported."""
    try:
        module = question.module
    except UsageError as error:
        raise WrongFile.of(question.place.at("kind"), error) from error
    place = question.place.copy()
    _check_settings(question, place)
    backends = getattr(module, "BACKENDS", ("numpy", "torch"))
    if question.backend not in backends:
        place.at("backend").is_not(question.backend, " or ".join(backends))
    splits = _check_data(question, place)
    if question.trains:
        _check_measures(question, splits, place)
    _check_figures(question, homework, place)
    _check_claims(question, homework, place)
    refuse(place)


def _check_settings(question: Question, place: Place) -> None:
    fields = question.module.Settings.__dataclass_fields__
    if question.seeds and "seed" not in fields:
        place.at("seeds").wrong(f"{question.kind} draws nothing at random")
    for variant in question.variants:
        try:
            settings = question.resolve(variant).settings
        except WrongFile as error:
            place.problems.extend(p for p in error.problems if p not in place.problems)
        except UsageError as error:
            where = (
                question.place_of(variant) if question.variants[variant] else place.at("settings")
            )
            place.at(*where.keys).wrong(str(error))
        else:
            stops_early = getattr(settings, "patience", 0)
            if stops_early and "validation_loss" not in question.measures("epoch"):
                place.at("measure").wrong("patience needs validation_loss after every epoch")


def _check_data(question: Question, place: Place) -> Collection[str]:
    """The splits that the question's data have; all where that is not known."""
    from hw.datasets import registry
    from hw.training.metrics import SPLITS

    at = place.at("data")
    if question.data is None:
        if question.trains:
            place.wrong("data is missing: a kind that trains needs a data set")
        return SPLITS
    try:
        entry = registry.entry(question.data["name"])
        view = entry.view(question.data["view"])
    except HwError as error:
        at.wrong(str(error))
        return SPLITS
    task = getattr(question.module, "TASK", "classification")
    if question.trains and entry.task not in ("", task):
        at.wrong(f"{question.kind} is for {task}, and {entry.name} is for {entry.task}")
    return view.splits


def _check_measures(question: Question, splits: Collection[str], place: Place) -> None:
    from hw.training.metrics import offered

    known = offered(question.module, splits)
    for when in ("epoch", "end"):
        at = place.at("measure", when) if question.measure is not None else place.at("measure")
        for i, metric in enumerate(question.measures(when)):
            if metric in known:
                continue
            split = metric.partition("_")[0]
            if split in ("train", "validation", "test") and split not in splits:
                origin = "" if question.measure is not None else f" ({question.kind} measures it)"
                at.at(i).note(
                    f"measure: {metric}{origin}: the data have no {split} split, only "
                    f"{', '.join(splits)}; say 'measure: {{epoch: [...], end: [...]}}'"
                )
            else:
                at.at(i).unknown("metric", metric, known)


def _measured(question: Question) -> tuple[list[str], list[str]]:
    """The metrics with a curve, and all metrics that a run of the question leaves."""
    curves = list(question.measures("epoch"))
    metrics = [*curves, *question.measures("end")]
    if "patience" in question.module.Settings.__dataclass_fields__:
        metrics.append("best_epoch")  # of early stopping
    if question.seeds:
        metrics += [m + ending for m in metrics for ending in SPREAD]
        curves += [m + ending for m in curves for ending in SPREAD]
    return curves, [*metrics, "diverged", "diverged_epoch"]


def _check_names(
    names: Iterable[str], known: Collection[str], measured: Collection[str], place: Place
) -> None:
    for name in names:
        if name in known:
            continue
        if name in measured:
            place.wrong(f"{name} has no curve: it is measured at the end, not after every epoch")
        else:
            place.unknown("metric", name, known)


def _check_figures(question: Question, homework: Homework, place: Place) -> None:
    from hw.figures import style

    drawn = {*style.FIGURES, *getattr(question.module, "FIGURES", {})}
    measured = _measured(question) if question.trains else None
    for i, figure in enumerate(question.figures):
        at, draw = place.at("figures", i), figure.get("draw", "curves")
        if draw not in drawn:
            at.at("draw").unknown("draw", draw, sorted(drawn))
        if measured is not None:
            _check_metrics(figure, figures.table_of(draw), measured, at)
        for other in figure.get("with", ()):
            if other not in homework.questions:
                at.at("with").unknown("question", other, homework.questions)


def _check_claims(question: Question, homework: Homework, place: Place) -> None:
    measured = _measured(question) if question.trains else None
    for i, claim in enumerate(question.claims):
        at = place.at("claims", i)
        if homework.parts and not claim.ours and claim.part not in homework.parts:
            at.at("where").unknown("part of the document", claim.part, homework.parts)
        if measured is not None:
            _check_metrics(claim.details, SORTS[claim.sort], measured, at)
            _check_curve(claim, measured, at)
        if claim.sort == "record" and "value" not in claim.details:
            path = homework.folder / "record.json"
            if not path.is_file():
                at.wrong(f"value is missing, and so is the curve in {path.name}")


def _check_metrics(
    found: Any, table: type, measured: tuple[list[str], list[str]], place: Place
) -> None:
    """The metrics that a figure or a claim names, by what its table says they are."""
    curves, metrics = measured
    for name, field in schema.fields(table).items():
        known = {"metric": metrics, "curve": curves}.get(field.metadata["of"])
        if known is not None and name in found:
            _check_names(listed(found[name]), known, metrics, place.at(name))


def _check_curve(claim: Claim, measured: tuple[list[str], list[str]], place: Place) -> None:
    """A range over several epochs, and an order of a curve, are of curves."""
    if claim.sort == "range" and claim.details.get("epochs", "last") != "last":
        _check_names([claim.details["metric"]], measured[0], measured[1], place.at("metric"))
