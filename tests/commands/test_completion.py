from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import CommandLine

from hw.commands import VERBS, completion
from hw.config import catalog

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The script for each shell in a file."""
    folder = tmp_path_factory.mktemp("completion")
    made = {"bash": completion.bash(), "zsh": completion.zsh(), "fish": completion.fish()}
    for shell, text in made.items():
        (folder / shell).write_text(text)
    return {shell: folder / shell for shell in made}


def needs(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_hw
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compadd() {{ shift; print -l -- "$@"; }}
compset() {{ true; }}
_files() {{ print -l -- *(N); }}
_default() {{ print -- default; }}
source {script}
words=({words})
CURRENT=${{#words}}
_hw
"""


def asked(shell: str, script: Path, *words: str, folder: Path | None = None) -> list[str]:
    """What the shell offers for the last of these words, by its own machinery where it can be
    called, else by the function that it would call."""
    program = needs(shell)
    line = " ".join(shlex.quote(w) for w in words)
    if shell == "fish":
        text = f"source {script}; complete -C {shlex.quote(' '.join(words))}"
        command = [program, "--no-config", "-c", text]
    else:
        text = (BASH if shell == "bash" else ZSH).format(script=script, words=line)
        plain = ["--norc", "--noprofile"] if shell == "bash" else ["-f"]
        command = [program, *plain, "-c", text]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    found = [offer.split("\t")[0] for offer in ended.stdout.split("\n") if offer]
    # zsh itself drops what does not start as the word does.
    return sorted(f for f in found if shell != "zsh" or f.startswith(words[-1]))


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
    assert offered("run", "q1.mlp", "--hidden-siz") == ["--hidden-size", "--hidden-sizes"]
    assert "tanh" in offered("run", "q1.mlp", "--activation", "t")
    assert offered("run", "q1.mlp", "--learning-rate", "") == []
    assert offered("lockstep", "q1.mlp", "--dt") == ["--dtype"]
    assert offered("completion", "") == sorted(SHELLS)
    assert "mnist" in offered("data", "m")
    assert "fetch" in offered("data", "f")


@pytest.mark.parametrize("shell", SHELLS)
def test_files(shell: str, scripts: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "figure.pdf").touch()
    script = scripts[shell]
    assert asked(shell, script, "hw", "whence", "fig", folder=tmp_path) == ["figure.pdf"]
    assert "figure.pdf" in asked(shell, script, "hw", "compare", "q1.mlp", "fig", folder=tmp_path)


def test_an_equals_sign_in_bash(scripts: dict[str, Path]) -> None:
    # bash hands --backend=t over as three words.
    assert asked("bash", scripts["bash"], "hw", "run", "--backend", "=", "t") == ["torch"]
    assert asked("bash", scripts["bash"], "hw", "run", "--backend", "=") == [
        *("both", "numpy", "torch"),
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_other_uses_of_python_are_left_alone(shell: str, scripts: dict[str, Path]) -> None:
    found = asked(shell, scripts[shell], "python", "script.py", "lis")
    assert found == []
    assert asked(shell, scripts[shell], "python", "-m", "h") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_syntax(shell: str, scripts: dict[str, Path]) -> None:
    ended = subprocess.run(
        [needs(shell), "-n", str(scripts[shell])], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_everything_of_the_parser_is_in_it(shell: str, scripts: dict[str, Path]) -> None:
    text = scripts[shell].read_text()
    for verb in completion.verbs():
        assert verb.name in text
        for option in verb.options:
            for name in option.names:
                assert (f"-l {name[2:]} " if shell == "fish" and name[:2] == "--" else name) in text
    for question in catalog.load_all():
        assert question in text


def test_the_command(hw: CommandLine, scripts: dict[str, Path]) -> None:
    for shell in SHELLS:
        answer = hw("completion", shell)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == scripts[shell].read_text()
    assert hw("completion", "tcsh").code == 2
    assert hw("completion").code == 2


def test_no_torch() -> None:
    code = (
        "import sys; from hw.cli import main; assert main(['completion', 'bash']) == 0;"
        "print('torch' in sys.modules, 'matplotlib' in sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.strip() == "False False"
