from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest

from hw.config.catalog import Question, find
from hw.errors import HwError, UsageError
from hw.figures import style
from hw.figures.draw import draw_all
from hw.results.folder import Folder
from hw.results.outcome import Outcome

pytestmark = pytest.mark.figures

REAL, STAND_IN = {"source": "real"}, {"source": "stand-in"}


def outcome(epochs: int = 5) -> Outcome:
    history = {
        "epoch": [float(e) for e in range(1, epochs + 1)],
        "train_accuracy": [0.1 * e for e in range(epochs)],
        "validation_accuracy": [0.05 * e for e in range(epochs)],
        "weight_norm": [1.0 + e for e in range(epochs)],
    }
    return Outcome(history=history)


@pytest.fixture
def question() -> Question:
    return find("q1.logistic_regression")


def test_every_figure_in_every_format(tmp_path: Path, question: Question) -> None:
    outcomes = {"plain": outcome(), "l2": outcome()}
    paths = draw_all(question, outcomes, Folder(tmp_path), REAL)
    assert sorted(p.name for p in paths) == [
        *("accuracies.pdf", "accuracies.png", "accuracies.svg"),
        *("weight-norm.pdf", "weight-norm.png", "weight-norm.svg"),
        *("weight-unevenness.pdf", "weight-unevenness.png", "weight-unevenness.svg"),
    ]
    magic = {".pdf": b"%PDF", ".png": b"\x89PNG", ".svg": b"<?xml"}
    for path in paths:
        assert path.read_bytes().startswith(magic[path.suffix])
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {p.name for p in paths} | {
        ".drawn"
    }


def test_the_same_bytes_every_time(tmp_path: Path, question: Question) -> None:
    outcomes = {"plain": outcome(), "l2": outcome()}
    first, second = (
        draw_all(question, outcomes, Folder(tmp_path / name), REAL) for name in ("a", "b")
    )
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_the_users_own_style_changes_nothing(tmp_path: Path, question: Question) -> None:
    def drawn(folder: Path) -> list[bytes]:
        paths = draw_all(question, {"plain": outcome()}, Folder(folder), REAL)
        return [path.read_bytes() for path in paths]

    first = drawn(tmp_path / "a")
    odd = {"savefig.bbox": "tight", "savefig.facecolor": "red", "figure.dpi": 40, "font.size": 20}
    odd |= {"text.usetex": True, "axes.grid": False, "pdf.compression": 0, "svg.fonttype": "none"}
    odd |= {"font.family": "No Such Font", "backend": "no_such_backend", "lines.marker": "x"}
    with matplotlib.rc_context():
        dict.update(matplotlib.rcParams, odd)  # unchecked: the backend cannot be loaded
        before = dict(matplotlib.rcParams)
        assert drawn(tmp_path / "b") == first
        assert dict(matplotlib.rcParams) == before


def test_a_format_looks_the_same_whatever_else_is_written(tmp_path: Path) -> None:
    def png(suffixes: list[str]) -> bytes:
        figure = style.curves({"a": outcome()}, {"metrics": ["train_accuracy"], "title": "T"})
        *_, path = style.save(figure, tmp_path / "-".join(suffixes), suffixes=suffixes)
        return path.read_bytes()

    assert png(["png"]) == png(["pdf", "svg", "png"])


def test_the_labels_are_on_the_page(tmp_path: Path) -> None:
    figure = style.curves({"a": outcome()}, {"metrics": ["train_accuracy"], "title": "T"})
    style.save(figure, tmp_path / "figure", suffixes=["png"])
    (ax,) = figure.axes
    for text in (ax.xaxis.label, ax.yaxis.label, figure._suptitle, *ax.get_yticklabels()):
        box = text.get_window_extent()
        assert figure.bbox.contains(*box.min)
        assert figure.bbox.contains(*box.max)


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_short_histories_and_some_of_the_variants(
    tmp_path: Path, question: Question, epochs: int
) -> None:
    assert draw_all(question, {"l2": outcome(epochs)}, Folder(tmp_path), STAND_IN)


def test_stand_in_data_are_named_on_the_figure(tmp_path: Path, question: Question) -> None:
    outcomes = {"plain": outcome()}
    real = draw_all(question, outcomes, Folder(tmp_path / "a"), REAL)
    synthetic = draw_all(question, outcomes, Folder(tmp_path / "b"), STAND_IN)
    for a, b in zip(real, synthetic, strict=True):
        assert a.read_bytes() != b.read_bytes()
    figure = style.curves(outcomes, {"metrics": ["train_accuracy"]})
    style.mark_stand_in(figure)
    assert "synthetic" in figure.texts[-1].get_text()


def test_only_what_is_missing_or_outdated_is_drawn_again(
    tmp_path: Path, question: Question
) -> None:
    outcomes, folder = {"plain": outcome()}, Folder(tmp_path)
    paths = draw_all(question, outcomes, folder, REAL)

    def redrawn(question: Question, source: dict[str, str] = REAL) -> bool:
        for path in paths:
            path.write_bytes(b"mark")
        draw_all(question, outcomes, folder, source, only_missing=True)
        return paths[0].read_bytes() != b"mark"

    assert not redrawn(question)
    assert redrawn(replace(question, figures=question.figures[::-1]))
    assert redrawn(replace(question, claims=()))  # published numbers are drawn, too
    assert redrawn(question, STAND_IN)
    assert not redrawn(question, STAND_IN)
    paths[1].unlink()
    draw_all(question, outcomes, folder, STAND_IN, only_missing=True)
    assert paths[1].exists()


def test_curves_have_labelled_axes(question: Question) -> None:
    spec = {
        "metrics": ["train_accuracy", "validation_accuracy"],
        "published": [{"variant": "a", "metric": "train_accuracy", "value": 0.3}],
        "title": "A title",
    }
    figure = style.curves({"a": outcome(), "b": outcome()}, spec)
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    left = figure.axes[0]
    assert (left.get_xlabel(), left.get_ylabel()) == ("epoch", "accuracy")
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == [
        "training accuracy", "published training accuracy, last epoch", "validation accuracy",
    ]  # fmt: skip
    assert list(left.lines[0].get_ydata()) == outcome().history["train_accuracy"]


def test_several_seeds_are_drawn_with_their_spread() -> None:
    seeds = outcome()
    seeds.history["train_accuracy_std"] = [0.01] * 5
    figure = style.curves({"a": seeds}, {"metrics": ["train_accuracy"]})
    assert len(figure.axes[0].collections) == 1


@pytest.mark.parametrize("ran", [["wide", "deep", "listed"], ["wide"], ["deep"]])
def test_error_bars_are_of_the_variants_that_are_named(ran: list[str]) -> None:
    spec = {"metrics": ["train_accuracy"], "variants": ["wide", "listed"]}
    (ax,) = style.error_bars({name: outcome() for name in ran}, spec).axes
    drawn = [label.partition(":")[0] for label in ax.get_legend_handles_labels()[1]]
    assert drawn == [name for name in ("wide", "listed") if name in ran]


def test_an_unknown_draw_is_refused(tmp_path: Path, question: Question) -> None:
    odd = replace(question, figures=({"name": "x", "draw": "weigths"},))
    with pytest.raises(UsageError, match="did you mean 'weights'"):
        draw_all(odd, {"plain": outcome()}, Folder(tmp_path), REAL)


def test_a_folder_that_cannot_be_written(tmp_path: Path, question: Question) -> None:
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(HwError, match="cannot write"):
        draw_all(question, {"plain": outcome()}, Folder(tmp_path), REAL)
