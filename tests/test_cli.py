from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import CommandLine

from hw.cli import guarded, main
from hw.errors import DataError, HwError, UsageError

ROOT = Path(__file__).resolve().parents[1]


def process(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """``python -m hw`` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hw", *words],
        text=True,
        stderr=subprocess.PIPE,
        check=False,
        **{"cwd": ROOT, "stdout": subprocess.PIPE, **options},
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["lst"], "unknown command 'lst'; did you mean 'list'"),
        (["list", "--jsn"], "unknown argument '--jsn'; did you mean '--json'"),
        (["list", "--js"], "unknown argument '--js'"),  # no abbreviations
        (["list", "x"], "unknown argument 'x'"),
        (["show"], "ID"),
        (["run"], "ID"),
        (["run", "--force"], "ID"),
        (["run", "q1.mlp", "--variant"], "--variant"),
        (["--data-dir", "x", "list"], "options come after the command"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_exit_2(
    hw: CommandLine, words: list[str], problem: str
) -> None:
    answer = hw.plain(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err == answer.error + "\n"
    assert problem in answer.error


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["run", "--help"], ["show", "-h"]])
def test_help_is_a_result(hw: CommandLine, words: list[str]) -> None:
    answer = hw.plain(*words)
    assert answer.code == 0
    assert "usage: python -m hw" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("two\nlines"), 2, "error: two lines"),
        (DataError("none"), 4, "error: none"),
        (HwError("failed"), 1, "error: failed"),
        (KeyboardInterrupt(), 130, "error: interrupted; what was finished is kept"),
        (
            ModuleNotFoundError("no yaml", name="yaml"),
            4,
            "error: this Python has no yaml: use .venv"
            "/bin/python, which 'make all' installs, or pip install -r requirements.txt",
        ),
        (MemoryError(), 1, "error: not enough memory; close other programs, or use --jobs 1"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert guarded(fail) == code
    assert capsys.readouterr() == ("", text + "\n")


def test_a_defect_is_one_line_too_unless_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(lambda: 1 // 0) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ZeroDivisionError")
    monkeypatch.setenv("HW_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0)


# What a person sees ----------------------------------------------------------------------------

WITHOUT_TORCH = """
import sys
from hw.cli import main
assert main(sys.argv[1:]) == 0
print("torch" in sys.modules, "matplotlib" in sys.modules, "sympy" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [
        *("--help", "run --help", "list --json", "show q1.mlp"),
        "check q1.mlp test_accuracy=0.53",
    ],
)
def test_what_computes_nothing_imports_nothing_slow(words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.strip() == "False False False"


def test_a_reader_who_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        ended = process("list", stdout=nobody)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        ended = process("list", stdout=full)
    assert ended.returncode == 1
    assert ended.stderr == "error: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(("closed", "code"), [("list >&-", 0), ("lst 2>&-", 2)])
def test_closed_streams(closed: str, code: int) -> None:
    ended = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -m hw {closed}"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, b"", b"")


def test_an_encoding_without_the_characters_is_no_error() -> None:
    ended = process("list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 0
    assert "ist2024.q1.perceptron" in ended.stdout


NONSENSE = "backend: nonsense\ntext.usetex: True\nsavefig.dpi: 20\nno.such.key: 3\n"


@pytest.mark.figures
def test_the_environment_decides_about_no_result(tmp_path: Path, no_data: Path) -> None:
    """Not even the user's matplotlibrc, or what makes every warning an error."""
    (tmp_path / "matplotlibrc").write_text(NONSENSE)
    others = {
        "MPLBACKEND": "nonsense",
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(ROOT),
    }
    words = ("run", "q1.perceptron", "--epochs", "1", "--data-dir", str(no_data), "--results-dir")
    ended = process(*words, "other", env={**os.environ, **others}, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert main([*words, str(tmp_path / "mine"), "-q"]) == 0
    mine, other = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.*")
         if p.is_file() and p.name != "run.json"}
        for name in ("mine", "other")
    )  # fmt: skip
    assert len(mine) > 5
    assert mine == other


def test_a_package_that_cannot_be_loaded_is_one_line_and_exit_4(tmp_path: Path) -> None:
    (tmp_path / "site-packages" / "numpy").mkdir(parents=True)
    (tmp_path / "site-packages" / "numpy" / "__init__.py").write_text(
        "raise ImportError('DLL load failed while importing _multiarray_umath')"
    )
    path = os.pathsep.join([str(tmp_path / "site-packages"), str(ROOT)])
    ended = process("run", "q1.perceptron", env={**os.environ, "PYTHONPATH": path})
    assert ended.returncode == 4
    assert ended.stderr.startswith("error: numpy is installed and cannot be loaded: DLL load")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--results-dir", "--data-dir"])
def test_a_folder_that_is_a_loop_of_links_is_refused(
    hw: CommandLine, tmp_path: Path, option: str
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    answer = hw.plain("run", "q1.perceptron", "--epochs", "1", "--json", option, str(loop))
    assert answer.code == 2
    assert answer.error == f"error: {loop} is a link that leads to itself; name a folder"


# Any command line ------------------------------------------------------------------------------

# No id that exists without --dry-run, so that nothing is trained.
WORDS = st.sampled_from(
    [
        *("list", "show", "run", "--json", "--help", "-h", "-q", "--", "-", "--=", "--set", "a=b"),
        *("--variant", "l2", "--epochs", "3", "-1", "0", "--epochs=2", "--seed", "--seeds", "1,2"),
        *("--backend", "torch", "--jobs", "--device", "cpu", "--data", "real", "--x", "-epochs"),
        *("ist2024.*", "q1.perceptron", "q1.mlp", "all", "x*", "[", "--force", "--keep-going"),
        *("--fail-fast", "--l2_penalty", "1e-3", "nan", "--results-dir=/dev/null/x"),
    ]
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(words=st.lists(WORDS | TEXT, max_size=8))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
def test_any_command_line_ends_with_a_known_code(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if words[:1] == ["run"]:
        words = ["run", "--dry-run", *words[1:]]
    code = main(words)
    out, err = capsys.readouterr()
    assert code in (0, 1, 2, 4)
    assert "a defect of hw" not in err
    if code:
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert out == ""
