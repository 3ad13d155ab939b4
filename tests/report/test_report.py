"""The report: what it shows of results folders, and that nothing in them can become markup."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import written_results
import yaml
from support import CommandLine
from written_results import calibrate, curve, outcome

from hw.config import catalog
from hw.figures import metadata
from hw.figures.draw import draw_all
from hw.report import markdown, model, pictures, write
from hw.results.folder import Folder
from hw.results.outcome import Outcome
from hw.verdicts import Verdict

VOID = {"meta", "link", "img", "input", "br"}
EVIL = "<script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>&amp;|`*"
HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" width="900" height="600" viewBox="0 0 900 600"
 onload="top.owned = 1">
<script>top.document.title = "owned"</script><image href="https://example.org/x.png"/>
<style>@import "https://example.org"; * { fill: url(https://example.org/y) }</style>
<foreignObject><body onload="top.owned = 1"/></foreignObject><text onclick="a()">t</text></svg>"""
REAL = {"name": "intel-landscapes", "source": "real", "provenance": "published file"}


class Page(HTMLParser):
    """A page as a browser reads it, as far as the tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.loaded: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(str(value))
            if key == "href":
                self.links.append(str(value))
            if key == "src":
                self.loaded.append(str(value))
            if key.startswith("on"):
                self.handlers.append(key)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def put(results: Path, question: str, **files: Any) -> Path:
    """A results folder made by hand; ``question`` may have a digest after it."""
    homework, _, name = question.partition(".")
    folder = results / homework / name
    folder.mkdir(parents=True)
    plain = question.partition("@")[0]
    run = {"question": plain, "status": "done", "backend": "numpy", "data": REAL, "device": "cpu"}
    run |= {"precision": "highest", "seeds": [42], "variants": {"default": {"seconds": 2.5}}}
    files = {"run": run | files.pop("run", {}), **files}
    for stem, content in files.items():
        (folder / f"{stem}.json").write_text(json.dumps(content))
    known = catalog.load_all().get(plain)
    if known and not (folder / "config.yaml").exists():
        variants = {v: known.resolve(v).as_dict() for v in known.variants}
        (folder / "config.yaml").write_text(yaml.safe_dump({"variants": variants}))
    return folder


def perceptron(results: Path, at: str = "", **run: Any) -> Path:
    history = {"epoch": [1, 2, 3], "train_accuracy": [0.3, 0.4, 0.5]}
    history["validation_accuracy"] = [0.31, 0.4, 0.41]
    last = {"train_accuracy": 0.5, "validation_accuracy": 0.41, "test_accuracy": 0.39}
    return put(
        results,
        f"ist2024.q1.perceptron{at}",
        metrics={"default": last},
        history={"default": history},
        run=run,
    )


def drawn(perceptron: Path) -> Path:
    """Draw the figure of the perceptron's folder; returns the figure's SVG."""
    folder = Folder(perceptron)
    data = folder.read().run.data
    return draw_all(catalog.find("ist2024.q1.perceptron"), folder.read().outcomes, folder, data)[-1]


def read(results: Path) -> Page:
    return Page((results / "report" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def test_without_results_every_question_says_how_to_run_it(results: Path) -> None:
    assert write(results) == [results / "report" / "index.html"]
    page = read(results)
    for question in catalog.load_all().values():
        assert question.id in page.words
        assert question.title in page.words
    assert page.words.count("Not run yet") == len(catalog.load_all())
    assert "python -m hw run ift6390.q1.identities" in page.words
    assert f"0 of {len(catalog.load_all())}" in page.words


def test_without_a_results_folder_it_is_made(tmp_path: Path) -> None:
    assert write(tmp_path / "none")[0].is_file()


def test_the_page_is_sound_and_needs_nothing_else(results: Path) -> None:
    perceptron(results)
    perceptron(results, "@0a1b2c3d", backend="torch")
    write(results)
    page = read(results)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.handlers == []
    assert all(address.startswith("data:") for address in page.loaded)
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        elif not link.startswith("data:"):
            assert (results / "report" / unquote(link)).is_file(), link


def test_published_stands_beside_ours_with_a_verdict(results: Path) -> None:
    perceptron(results)
    write(results)
    words = read(results).words
    assert "validation accuracy 0.41 rounds to it 0.41 0.4100 exact" in words
    assert "1.1(a)" in words


def test_curves_are_embedded_with_what_is_published(results: Path) -> None:
    perceptron(results)
    write(results)
    text = (results / "report" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'id="ist2024-q1-perceptron-data">(.*?)</script>', text)
    assert found
    data = json.loads(found[1])
    assert data["series"][0]["y"]["train_accuracy"] == [0.3, 0.4, 0.5]
    assert {p["text"] for p in data["published"]} == {"0.56", "0.41"}
    assert data["unit"] == "accuracy"


def embedded(kind: str, content: bytes) -> str:
    return f'src="data:image/{kind};base64,{base64.b64encode(content).decode()}"'


def page_of(results: Path) -> str:
    return write(results)[0].read_text(encoding="utf-8")


@pytest.mark.figures
def test_figures_are_embedded_as_they_lie_there_with_a_text_alternative(results: Path) -> None:
    figure = drawn(perceptron(results))
    text = page_of(results)
    assert embedded("svg+xml", figure.read_bytes()) in text
    assert "At the end: training accuracy 0.5, validation accuracy 0.41." in text
    assert re.findall(r'figures/\w+\.\w+">(\w+)</a>', text) == ["PDF", "PNG", "SVG"]


@pytest.mark.figures
def test_the_smaller_file_is_embedded_and_the_same_size_is_shown(results: Path) -> None:
    figure = drawn(perceptron(results))
    (size,) = set(re.findall(r'width="(\d+)" height="(\d+)" loading', page_of(results)))
    figure.write_text(figure.read_text() + f"<!--{' ' * pictures.MAX_SVG}-->")
    text = page_of(results)
    assert embedded("png", figure.with_suffix(".png").read_bytes()) in text
    pixels = re.findall(r'width="(\d+)" height="(\d+)" loading', text)
    assert [abs(int(a) - int(b)) <= 1 for a, b in zip(size, pixels[0], strict=True)] == [True] * 2


@pytest.mark.figures
def test_a_figure_that_is_not_there_or_damaged_says_what_draws_it(results: Path) -> None:
    figure = drawn(perceptron(results))
    png = figure.with_suffix(".png")
    figure.write_text("<svg")
    assert embedded("png", png.read_bytes()) in page_of(results)
    png.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "<code>python -m hw run q1.perceptron</code> draws it" in page_of(results)
    png.unlink()
    figure.unlink()
    figure.mkdir()
    assert "draws it" in page_of(results)


@pytest.mark.figures
def test_a_hostile_figure_stays_inside_its_image(results: Path) -> None:
    figure = drawn(perceptron(results))
    figure.write_text(HOSTILE)
    text = page_of(results)
    assert embedded("svg+xml", figure.read_bytes()) in text
    page = Page(text)
    assert page.handlers == []
    assert "owned" not in page.words
    with figure.open("wb") as file:
        file.truncate(pictures.MAX_FILE + 1)
    assert embedded("png", figure.with_suffix(".png").read_bytes()) in page_of(results)


def test_both_backends_stand_side_by_side_if_all_else_is_equal(results: Path) -> None:
    perceptron(results)
    perceptron(results, "@11111111", backend="torch", device="cuda")
    write(results)
    assert "side by side" not in read(results).words
    perceptron(results, "@22222222", backend="torch")
    write(results)
    words = read(results).words
    assert "Both implementations, side by side" in words
    assert "Other runs of this question (2)" in words
    assert "in PyTorch, device cuda" in words


def test_stand_in_data_are_marked_and_never_judged(results: Path) -> None:
    stand_in = {"name": "intel-landscapes", "source": "stand-in", "provenance": "stand-in"}
    perceptron(results, data=stand_in)
    write(results, markdown=True)
    page = read(results)
    assert "Synthetic stand-in data." in page.words
    assert "come from a synthetic stand-in" in page.words
    text = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert (
        'data-question="ist2024.q1.perceptron" data-homework="ist2024" data-verdicts="stand-in "'
        in text
    )
    assert "**Synthetic data.**" in (results / "report" / "report.md").read_text(encoding="utf-8")


def checked(results: Path, holds: bool = False, **words: str) -> Path:
    check = {"name": "identity_activation_makes_the_product", "statement": "it is a product"}
    check |= {"holds": holds, "evidence": "4 is not 5", **words}
    return put(
        results,
        "e1394.q1.capacity",
        metrics={"default": {check["name"]: int(holds)}},
        checks={"default": [check, check | {"name": "another", "statement": "added"}]},
        run={"data": None},
    )


def test_errata_say_what_is_right_and_show_the_evidence(results: Path) -> None:
    checked(results)
    write(results)
    words = read(results).words
    assert 'It says it is a product Right is "g(z) = z" makes the input' in words
    assert "Evidence 4 is not 5" in words


def test_checks_beyond_the_claims_are_shown_and_not_counted(results: Path) -> None:
    checked(results)
    write(results, markdown=True)
    text = (results / "report" / "report.md").read_text(encoding="utf-8")
    assert "| added | 4 is not 5 | ✗ differs |" in text
    assert "1 erratum" in text
    assert "1 differs" not in text


def test_a_folder_that_cannot_be_read_costs_one_question_only(results: Path) -> None:
    folder = perceptron(results)
    (folder / "metrics.json").write_text("{")
    checked(results)
    said: list[str] = []
    write(results, say=said.append)
    page = read(results)
    assert "The results cannot be read. ist2024/q1.perceptron/metrics.json: not JSON" in page.words
    assert "It says it is a product" in page.words
    assert [line for line in said if "cannot be read" in line] == [said[-1]]
    assert str(results) not in page.words


@pytest.mark.parametrize(
    "metrics",
    [
        {"default": {"test_accuracy": True}},
        {"default": {"test_accuracy": {"nested": {"deep": 1.0}}}},
        {"default": {}},
        {},
        {"other": {"test_accuracy": 1e308}},
        {"default": {"test_accuracy": 10**400}},
        {"default": {"test_accuracy": "0.39"}},
    ],
)
def test_odd_numbers_are_shown_or_named(results: Path, metrics: Mapping[str, Any]) -> None:
    put(results, "ist2024.q1.perceptron", metrics=metrics)
    write(results, pdf=True, markdown=True)
    assert "ist2024.q1.perceptron" in read(results).words


@pytest.mark.parametrize(
    "run",
    [
        {"seeds": {"a": [1]}, "variants": {"default": {"seconds": "long"}}},
        {"data": {"name": ["x"], "source": 3, "provenance": None}},
        {"status": 7, "environment": ["x"], "backend": {"x": 1}},
        {"variants": {"default": {"seconds": -1e400, "epoch_seconds": "x"}}},
        {"data": [], "command": {"x": EVIL}},
    ],
)
def test_odd_run_files_are_survived(results: Path, run: Mapping[str, Any]) -> None:
    folder = perceptron(results)
    (folder / "run.json").write_text(json.dumps(run).replace("-Infinity", "-1"))
    perceptron(results, "@0a1b2c3d")
    shutil.copy(folder / "run.json", results / "ist2024" / "q1.perceptron@0a1b2c3d")
    write(results, markdown=True)
    assert read(results).open == []


def evil(results: Path) -> None:
    """Folders with markup in every string that one can hold."""
    odd = {"epoch": [1, 2], EVIL: [0.1, 0.2], "train_accuracy": [0.1, 0.2]}
    run = {
        **dict.fromkeys(("status", "command", "finished", "device", "precision", "threads"), EVIL),
        "data": {"name": EVIL, "source": "real", "provenance": EVIL, "sha256": EVIL},
        "environment": {"python": EVIL, "packages": {EVIL: EVIL}, "instruction_set": EVIL},
        "variants": {"default": {"seconds": 1, "status": EVIL}, EVIL: {"seconds": 1}},
        "seeds": [EVIL],
    }
    for at in ("", f"@{EVIL.replace('/', '')}"):
        put(
            results,
            f"ist2024.q1.perceptron{at}",
            metrics={"default": {EVIL: 1.0, "train_accuracy": 0.5}, EVIL: {EVIL: 1}},
            history={"default": odd},
            run=run,
        )
    (results / "ist2024" / "q1.perceptron" / "config.yaml").write_text(
        yaml.safe_dump({"variants": {"default": {EVIL: EVIL}, EVIL: EVIL}})
    )
    figures = results / "ist2024" / "q1.perceptron" / "figures"
    figures.mkdir()
    (figures / "accuracies.svg").write_text(HOSTILE)
    checked(results, statement=EVIL, evidence=EVIL)
    put(results, "ist2024.q1.mlp", metrics=EVIL)


def test_markup_in_results_shows_as_text(results: Path) -> None:
    write(results)
    before = read(results).tags
    evil(results)
    write(results, markdown=True, pdf=True)
    page = read(results)
    assert page.open == []
    assert page.handlers == []
    assert page.tags["img"] == before["img"] + 1
    # The page's own script, and one with the curves.
    assert page.tags["script"] == before["script"] + 1
    assert EVIL.split("|")[0] in page.words
    text = (results / "report" / "report.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<(script|img)", text)


def test_the_same_results_give_the_same_bytes(results: Path) -> None:
    perceptron(results)
    checked(results)
    first = {p.name: p.read_bytes() for p in write(results, pdf=True, markdown=True)}
    assert set(first) == {"index.html", "report.md", "ist2024.pdf"}
    again = {p.name: p.read_bytes() for p in write(results, pdf=True, markdown=True)}
    assert again == first


def test_a_pdf_says_where_its_figures_come_from(results: Path) -> None:
    perceptron(results)
    path = write(results, pdf=True)[-1]
    (record,) = metadata.read(path)
    assert (record["question"], record["figure"]) == ("ist2024.q1.perceptron", "accuracies")


def test_the_verdicts_are_those_of_verify() -> None:
    assert set(model.TONES) == {str(v) for v in Verdict}


def test_the_homeworks_are_counted() -> None:
    def title(n: int) -> str:
        return model.Report([model.HomeworkView(str(i), "") for i in range(n)]).title

    assert title(1) == "One homework, put to the test"
    assert title(5) == "Five homeworks, put to the test"
    assert title(12) == "12 homeworks, put to the test"


def test_markdown_keeps_a_cell_in_its_column() -> None:
    assert markdown.text("a|b\n`c` <i> \\") == "a\\|b \\`c\\` \\<i\\> \\\\"


def test_the_command_names_what_it_wrote(hw: CommandLine) -> None:
    answer = hw("report", "--markdown")
    assert answer.code == 0
    target = hw.results / "report"
    assert answer.out.split() == [str(target / "index.html"), str(target / "report.md")]


def test_a_folder_that_cannot_be_written_is_one_line(hw: CommandLine) -> None:
    hw.results.mkdir()
    (hw.results / "report").write_text("in the way")
    answer = hw("report")
    assert answer.code == 1
    assert "report" in answer.error


@pytest.mark.figures
def test_seeds_are_drawn_beside_and_beneath(results: Path) -> None:
    """Where the seeds end as a figure, and the band of their curves for the page's script."""
    data = {**REAL, "sha256": "0"}
    perceptron(results, data=data)
    runs = {
        s: {"default": outcome({"test_accuracy": 0.4 + s / 100}, curve([0.3, 0.35, 0.4 + s / 100]))}
        for s in (1, 2, 3)
    }
    calibrate(results, "ist2024.q1.perceptron", runs, data)
    text = write(results)[0].read_text()
    section = text[text.index('id="ist2024-q1-perceptron-seeds"') :][:400_000]
    assert "data:image/svg+xml;base64," in section
    assert "seeds 1..3 of your own calibration" in section
    (data,) = re.findall(r'id="ist2024-q1-perceptron-data">(.*?)</script>', text)
    drawn = json.loads(data)
    assert drawn["seeds"] == 3
    (band,) = drawn["bands"]
    assert (band["variant"], band["metric"], band["x"]) == (
        *("default", "validation_accuracy"),
        [1, 2, 3],
    )
    assert band["low"] == [0.3, 0.35, 0.41]
    assert band["high"] == [0.3, 0.35, 0.43]
    assert write(results)[0].read_text() == text


def test_what_seeds_do_not_bear_out_says_what_to_believe_instead(results: Path) -> None:
    name = "ist2024.q1.logistic_regression"

    def runs(s: int) -> dict[str, Outcome]:
        def one(value: float) -> Outcome:
            return outcome(history=curve([value] * 12))

        return {"plain": one(0.5 + s / 1000), "l2": one(0.46 - s / 1000)}

    written_results.write(results, name, runs(1))
    calibrate(results, name, {s: runs(s) for s in range(1, 7)})
    words = Page(write(results)[0].read_text()).words
    assert "Believe instead: validation accuracy ends lower with l2 than with plain, by" in words
    path = write(results, markdown=True)[1]
    assert "**Believe instead:** validation accuracy ends lower with l2" in path.read_text()
