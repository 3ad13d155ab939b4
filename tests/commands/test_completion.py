"""``hw completion``: what three shells offer, asked through their own script."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import own_course
import pytest
from support import CommandLine

from hw.commands import VERBS, completion
from hw.config import catalog

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The script for each shell in a file."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        (folder / shell).write_text(completion.script(shell))
    return {shell: folder / shell for shell in SHELLS}


def needs(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


# What the shell itself would do before and after it calls the script's function.
BASH = """
source {script}
COMP_WORDS=({words}) COMP_LINE={line} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9
$(complete -p "${{COMP_WORDS[0]}}" | sed 's/.*-F \\([^ ]*\\).*/\\1/') "${{COMP_WORDS[0]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ for name in ${{@:2}}; do functions[complete_$name]=$functions[$1]; done }}
_describe() {{ print -l -- ${{(P)2}}; }}
_default() {{ print -- default; }}
source {script}
words=({words}) BUFFER={line}
CURRENT=${{#words}} CURSOR=${{#BUFFER}}
complete_${{words[1]}}
"""


def asked(shell: str, script: Path, *words: str, folder: Path | None = None) -> list[str]:
    """What the shell offers for the last of these words, by its own machinery where it can be
    called, else by the function that it would call."""
    line = shlex.quote(" ".join(words).replace(" = ", "=").removesuffix(" ="))
    if shell == "fish":
        plain, text = ["--no-config"], f"source {script}; complete -C {line}"
    else:
        plain = ["--norc", "--noprofile"] if shell == "bash" else ["-f"]
        text = (BASH if shell == "bash" else ZSH).format(
            script=script, words=" ".join(map(shlex.quote, words)), line=line
        )
    ended = subprocess.run(
        [needs(shell), *plain, "-c", text],
        cwd=folder or ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    found = [offer.split("\t")[0] for offer in ended.stdout.split("\n") if offer]
    # In zsh and fish a help may follow.
    return sorted(offer.split(":")[0].strip() for offer in found)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("start", [("hw",), ("python", "-m", "hw"), ("python3", "-m", "hw")])
def test_commands(shell: str, start: tuple[str, ...], scripts: dict[str, Path]) -> None:
    assert asked(shell, scripts[shell], *start, "") == sorted(VERBS)
    assert asked(shell, scripts[shell], *start, "lis") == ["list"]


@pytest.mark.parametrize("shell", SHELLS)
def test_ids_variants_options_and_settings(shell: str, scripts: dict[str, Path]) -> None:
    def offered(*words: str) -> list[str]:
        return asked(shell, scripts[shell], "hw", *words)

    assert offered("run", "q1.l") == ["q1.l1_sparsity", "q1.logistic_regression"]
    assert offered("show", "ist2021.q3.m") == ["ist2021.q3.mlp"]
    assert offered("lockstep", "ift") == sorted(
        ["ift6390", *(i for i in catalog.load_all() if i.startswith("ift6390."))]
    )
    assert offered("run", "q1.logistic_regression", "--variant", "") == ["l2", "plain"]
    assert offered("run", "ist2024.q1.l1_sparsity", "-q", "--variant", "l") == ["l1", "l2"]
    assert offered("run", "--backend", "") == ["both", "numpy", "torch"]
    assert offered("run", "q1.mlp", "--hidden-siz") == ["--hidden-size"], "of this question alone"
    assert offered("run", "q1.mlp", "--activation", "t") == ["tanh"]
    assert offered("run", "q1.mlp", "--learning-rate", "") == []
    assert offered("lockstep", "q1.mlp", "--dt") == ["--dtype"]
    assert offered("completion", "") == sorted(SHELLS)
    assert offered("data", "m") == ["mnist"]
    assert offered("data", "fe") == ["fetch"]


@pytest.mark.parametrize("shell", SHELLS)
def test_files(shell: str, scripts: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "figure.pdf").touch()
    script = scripts[shell]
    assert asked(shell, script, "hw", "whence", "fig", folder=tmp_path) == ["figure.pdf"]
    assert asked(shell, script, "hw", "compare", "q1.mlp", "fig", folder=tmp_path) == ["figure.pdf"]


def test_homeworks_of_ones_own(scripts: dict[str, Path], tmp_path: Path) -> None:
    own_course.write(tmp_path)

    def offered(*words: str) -> list[str]:
        return asked("bash", scripts["bash"], "hw", *words, folder=tmp_path)

    here = ("--homeworks", "course")
    assert offered("run", *here, "ours.q") == ["ours.q1.perceptron", "ours.q2.mlp"]
    assert offered("run", "ours.q2.mlp", *here, "--variant", "") == ["large", "small"]
    assert offered("new", "homework", "x", *here, "--like", "ou") == ["ours"]
    (tmp_path / "hw.toml").write_text('homeworks = ["course"]')
    assert offered("run", "ours.q1") == ["ours.q1.perceptron"]
    assert offered("kinds", "linear_r") == ["linear_regression"]
    (tmp_path / "hw.toml").write_text("not toml")
    assert offered("run", "q1.mlp") == []


def test_an_equals_sign_in_bash(scripts: dict[str, Path]) -> None:
    # bash hands --backend=t over as three words.
    assert asked("bash", scripts["bash"], "hw", "run", "--backend", "=", "t") == ["torch"]


@pytest.mark.parametrize("shell", SHELLS)
def test_other_uses_of_python_are_left_alone(shell: str, scripts: dict[str, Path]) -> None:
    for words in (("script.py", "lis"), ("-m", "h")):
        found = asked(shell, scripts[shell], "python", *words)
        assert not {"list", "hw"} & set(found)


@pytest.mark.parametrize("shell", SHELLS)
def test_syntax(shell: str, scripts: dict[str, Path]) -> None:
    ended = subprocess.run(
        [needs(shell), "-n", str(scripts[shell])], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("question", catalog.load_all())
def test_every_setting_of_a_question_is_offered(question: str) -> None:
    from hw.cli import build_parser

    subparsers = build_parser("run")._subparsers
    assert subparsers is not None
    parser = subparsers._group_actions[0].choices["run"]  # type: ignore[index]
    completion._complete(parser, [question])
    flags = parser._option_string_actions
    for name in catalog.find(question).module.Settings.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in flags


def test_the_command(hw: CommandLine, scripts: dict[str, Path]) -> None:
    for shell in SHELLS:
        answer = hw("completion", shell)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == scripts[shell].read_text()
    assert hw("completion", "tcsh").code == 2
    assert hw("completion").code == 2


def test_without_argcomplete_it_says_what_to_install(
    hw: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete.shell_integration", None)
    answer = hw("completion", "bash")
    assert (answer.code, answer.out) == (1, "")
    assert "pip install argcomplete" in answer.error


@pytest.mark.parametrize("line", ["hw run ", "hw run q1.mlp --activation ", "hw "])
def test_an_answer_takes_no_torch(line: str) -> None:
    code = (
        "import os, sys, argcomplete; from hw.cli import main;"
        "ask = argcomplete.autocomplete; argcomplete.autocomplete = lambda *a, **o: ask(*a, **o,"
        "  exit_method=lambda code: print('torch' in sys.modules, 'matplotlib' in sys.modules));"
        "main()"
    )
    known = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c {shlex.quote(code)} 8>&2"],
        cwd=ROOT,
        env={**os.environ, **known, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == "False False"
    assert ended.stderr
