"""The report in a real browser: headless Chromium, without a network, and with no driver.

What a reader does is done by a script that a test adds to a copy of the page, allowed by its hash;
what it finds, it writes into the document's title.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from test_report import EVIL, checked, drawn, evil, perceptron, put

from hw.report import write

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=2000", "--enable-logging=stderr"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium here (Debian: apt-get install chromium)"
)


def browse(profile: Path, page: Path, *flags: str) -> tuple[str, list[str]]:
    """The document after scripts have run, and what they said on the console."""
    assert BROWSER
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, said


def with_script(page: Path, script: str, allowed: bool = True) -> Path:
    """A copy of the page with a script at its end."""
    text = page.read_text(encoding="utf-8")
    if allowed:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    copy = page.with_name("copy.html")
    copy.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return copy


def title(document: str) -> str:
    found = re.search(r"<title>(.*?)</title>", document, re.DOTALL)
    assert found
    return unescape(found[1])


def acted(tmp_path: Path, results: Path, script: str, *flags: str) -> Any:
    """What a script's steps return as JSON; nothing may be said on the console."""
    copy = with_script(
        write(results)[0],
        "(async () => { const $ = (s) => document.querySelector(s);"
        "const $$ = (s) => [...document.querySelectorAll(s)];"
        "const wait = (ms) => new Promise((done) => setTimeout(done, ms));"
        f"let found; try {{ found = await (async () => {{ {script} }})(); }}"
        "catch (error) { found = String(error); }"
        "document.title = JSON.stringify(found); })();",
    )
    document, said = browse(tmp_path / "profile", copy, *flags)
    assert said == []
    return json.loads(title(document))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    perceptron(folder)
    checked(folder)
    return folder


def test_markup_in_results_shows_as_text_and_runs_nothing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    evil(results)
    found = acted(
        tmp_path,
        results,
        """
        const before = document.title;
        for (const holder of $$(".curves")) {
          holder.scrollIntoView();  // a chart is drawn when it comes into sight, sooner or later
          for (let i = 0; i < 100 && !holder.querySelector(".chart"); i++) await wait(50);
          for (const input of holder.querySelectorAll("input")) input.click();
          const chart = holder.querySelector(".chart svg");
          chart?.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
        }
        for (const button of $$(".enlarge")) {
          button.click(); $("dialog .close").click(); await wait(50);
        }
        const own = $$("body script").filter((s) => s.type !== "application/json");
        return [before, $$("img").map((i) => [i.complete, i.naturalWidth]), window.owned ?? null,
          own.length, $$(".chart").length,
          $("#ist2024-q1-perceptron").innerText.includes("<script>document.title")];
        """,
    )
    # Two scripts: the page's, and this one.
    assert found == ["Five homeworks, put to the test", [[True, 900]], None, 2, 1, True]


def test_a_script_that_is_not_the_pages_own_does_not_run(tmp_path: Path, results: Path) -> None:
    copy = with_script(write(results)[0], "document.title = 'owned'", allowed=False)
    document, said = browse(tmp_path / "profile", copy)
    assert title(document) == "Five homeworks, put to the test"
    assert any("Content Security Policy" in line for line in said)


@pytest.mark.figures
def test_a_reader_filters_reads_curves_and_enlarges_figures(tmp_path: Path, results: Path) -> None:
    drawn(results / "ist2024" / "q1.perceptron")
    put(results, "ist2024.q1.mlp", metrics={"default": {"test_accuracy": 0.1}})
    found = acted(
        tmp_path,
        results,
        """
        const shown = () => $$("article").filter((a) => !a.hidden).map((a) => a.dataset.question);
        const set = (selector, value) => {
          const input = $(selector);
          if (input.type === "checkbox") input.checked = value; else input.value = value;
          input.dispatchEvent(new Event("input", { bubbles: true }));
        };
        const found = { all: shown().length };
        set("input[value=e1394]", true); found.homework = shown().length;
        set("input[value=erratum]", true); found.both = shown();
        found.rows = $$("#e1394-q1-capacity .row").filter((r) => !r.hidden).length;
        $("[data-reset]").click();
        set("#search", "PERCEPTRON landscapes 1.1(a)"); found.search = shown();
        set("#search", "no such thing"); found.none = [shown().length, !$("#nothing").hidden];
        $("[data-reset]").click(); found.reset = shown().length;

        const before = document.documentElement.dataset.theme;
        $("#theme").click(); found.theme = [before, document.documentElement.dataset.theme];

        const chart = () => $("#ist2024-q1-perceptron .chart svg");
        $("#ist2024-q1-perceptron .curves").scrollIntoView();
        for (let i = 0; i < 100 && !chart(); i++) await wait(50);
        found.lines = chart().querySelectorAll("path.line").length;
        chart().dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
        found.read = $("#ist2024-q1-perceptron output").textContent;
        $("#ist2024-q1-perceptron .controls input").click();
        found.fewer = chart().querySelectorAll("path.line").length;

        $("#ist2024-q1-perceptron .enlarge").click();
        found.open = [$("dialog").open, $("dialog img").naturalWidth > 300];
        $("dialog .close").click(); await wait(100);
        found.closed = [$("dialog").open, Boolean($("#ist2024-q1-perceptron .paper img"))];
        return found;
        """,
    )
    everything = found["all"]
    assert found["homework"] < everything
    assert found["both"] == ["e1394.q1.capacity"]
    assert found["rows"] == 1
    assert found["search"] == ["ist2024.q1.perceptron"]
    assert found["none"] == [0, True]
    assert found["reset"] == everything
    assert sorted(found["theme"]) == ["dark", "light"]
    assert found["lines"] == 2
    assert found["read"] == "epoch 3: training accuracy 0.5; validation accuracy 0.41"
    assert found["fewer"] == 1
    assert found["open"] == [True, True]
    assert found["closed"] == [False, True]


def test_nothing_is_wider_than_a_phone(tmp_path: Path, results: Path) -> None:
    # Chromium's window is never narrower than 500, so the page goes into a frame.
    measure = "const e = document.documentElement; document.title = e.scrollWidth - e.clientWidth"
    page = with_script(write(results)[0], measure)
    frame = page.with_name("frame.html")
    frame.write_text(
        f'<title></title><iframe src="{page.name}" width="375" height="800"></iframe><script>'
        "onload = () => { document.title = document.querySelector('iframe').contentDocument.title }"
        "</script>"
    )
    document, _ = browse(tmp_path / "profile", frame, "--allow-file-access-from-files")
    assert title(document) == "0"


def test_dark_is_followed_and_all_text_can_be_read(tmp_path: Path, results: Path) -> None:
    found = acted(
        tmp_path,
        results,
        """
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => v / 255)
            .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
          return .2126 * r + .7152 * g + .0722 * b;
        };
        const behind = (node) => {
          for (let n = node; n; n = n.parentElement) {
            const colour = getComputedStyle(n).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
          }
          return "rgb(255, 255, 255)";
        };
        const faint = [];
        for (const theme of ["light", "dark"]) {
          document.documentElement.dataset.theme = theme;
          const texts = "p, dt, dd, td, th, li, h2, h3, h4, a, code, .badge, button, .chip span";
          for (const node of $$(texts)) {
            if (!node.innerText?.trim() || node.closest(".filters")) continue;
            const both = [light(getComputedStyle(node).color), light(behind(node))];
            const ratio = (Math.max(...both) + .05) / (Math.min(...both) + .05);
            if (ratio < 4.5) faint.push(`${theme} ${node.tagName}.${node.className} ${ratio}`);
          }
        }
        return [matchMedia("(prefers-color-scheme: dark)").matches, [...new Set(faint)]];
        """,
        "--blink-settings=preferredColorScheme=0",
    )
    assert found == [True, []]


def test_the_payload_is_what_it_claims_to_be() -> None:
    # What the tests of markup rely on: it closes quotes, and has an element and a handler.
    assert all(part in EVIL for part in ("<script>", '"', "'", "onerror", ">"))
