"""``hw completion``: the script with which a shell completes a command line of hw.

The script holds no lists. At every Tab it asks hw, which answers by argcomplete from the parser of
the verb and, for ids, variants and settings, from the questions as they are then.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.commands.kinds import every_kind
from hw.config import catalog, folders
from hw.config.catalog import Question
from hw.config.settings import type_hints
from hw.errors import ExitCode, HwError, UsageError

INSTALL = {
    "bash": "source <(python -m hw completion bash)",
    "zsh": "source <(python -m hw completion zsh)",
    "fish": "python -m hw completion fish | source",
}
# What runs hw, and which lines of python are for hw: argcomplete itself knows one command only.
_ASK = {"bash": "__hw() { %s -m hw; }", "fish": "function __hw; %s -m hw; end"}
_OF_PYTHON = {
    "bash": r"""
_hw_of_python() {
  if [ "${COMP_WORDS[1]-} ${COMP_WORDS[2]-}" = "-m hw" ] && [ "$COMP_CWORD" -gt 2 ]; then
    _python_argcomplete___hw "$@"
  elif declare -F _python > /dev/null; then
    _python "$@"
  fi
}
complete -o nospace -o bashdefault -o default -F _hw_of_python python python3
""",
    "zsh": r"""
_hw_of_python() {
  if [[ "${words[2]-} ${words[3]-}" == "-m hw" ]] && (( CURRENT > 3 )); then
    _python_argcomplete___hw
  elif (( $+functions[_python] )); then
    _python
  else
    _default
  fi
}
compdef _hw_of_python python python3
""",
    "fish": r"""
function __hw_of_python
    set -l tokens (commandline -opc)
    test "$tokens[2] $tokens[3]" = '-m hw'
end
for python in python python3
    complete --command $python -n __hw_of_python -f -a '(__fish_hw_complete)'
end
""",
}


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "completion",
        parents=[common],
        help=VERBS["completion"],
        description="Prints the script; it completes 'python -m hw' and 'hw'. For a session: "
        f"{'; '.join(INSTALL.values())}",
    )
    parser.add_argument("shell", choices=tuple(INSTALL))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    console.show(script(args.shell), end="")
    return int(ExitCode.OK)


def script(shell: str) -> str:
    """What a shell must source. Raises `HwError` where argcomplete is not installed."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise HwError("completion needs argcomplete: pip install argcomplete") from error
    ask = _ASK["fish" if shell == "fish" else "bash"] % shlex.quote(sys.executable)
    code = shellcode(["hw"], use_defaults=False, shell=shell, argcomplete_script="__hw")
    head = "#compdef hw\n" if shell == "zsh" else ""
    return f"{head}# Made by: {INSTALL[shell]}\n{ask}\n{code.strip()}\n{_OF_PYTHON[shell]}"


# What a shell is told


def answer() -> typing.NoReturn:
    """Tell the shell what may stand at the end of its line ($COMP_LINE), and end the process.

    argcomplete's script asks by starting hw with $_ARGCOMPLETE set.
    """
    try:
        import argcomplete
        from argcomplete.completers import SuppressCompleter
    except ImportError:
        sys.exit(1)  # a shell in the middle of a line is no place for a message
    from hw.cli import build_parser

    line = os.environ.get("COMP_LINE", "")
    of_python = re.match(r"\S*python[\d.]*\s+-m\s+(?=hw\s)", line)
    if of_python:
        os.environ["_ARGCOMPLETE"] = "3"  # hw's own words begin with the third
        line = line[of_python.end() :]
    verb, *words = [*line.split()[1:], ""]
    with folders.using(_named_folders(words)):
        parser = build_parser(verb if verb in VERBS else "--help")
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and verb in VERBS:
                _complete(action.choices[verb], words)
        argcomplete.autocomplete(
            parser, always_complete_options=False, default_completer=SuppressCompleter()
        )
    sys.exit(1)  # not reached: autocomplete ends the process


def _named_folders(words: Sequence[str]) -> list[str]:
    """The folders of homeworks that a line names, but for one that is being typed."""
    pairs = [word.partition("=")[::2] for word in words] + list(pairwise(words))
    return [value for option, value in pairs if option == "--homeworks" and Path(value).is_dir()]


def _complete(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Give a verb's parser what its values may be, and the settings of the questions named."""
    questions = _named(words)
    if parser.get_default("takes_settings"):
        _add_settings(parser, questions)
    for action in parser._actions:
        completer = _completer(action, questions)
        if completer:
            action.completer = completer  # type: ignore[attr-defined]


def _completer(
    action: argparse.Action, questions: Sequence[Question]
) -> Callable[..., Iterable[str]] | None:
    """What argcomplete asks for the values of an option or a positional."""
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter

    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if "--variant" in action.option_strings:
        return lambda **_: sorted({v for q in questions for v in q.variants})
    if metavar == "ID":
        return lambda **_: ids()
    if metavar == "DIR":
        return DirectoriesCompleter()
    if metavar == "FILE":
        return FilesCompleter()
    if metavar.endswith("RUN"):
        return lambda prefix, **_: [*_runs(), *ids(), *FilesCompleter()(prefix)]
    if metavar == "KIND":
        return lambda **_: every_kind()
    if metavar == "HOMEWORK":
        return lambda **_: catalog.homeworks()
    if "|" in metavar:  # [status|fetch|verify] [NAME...]
        from hw.commands.data import names

        return lambda **_: [*re.findall(r"[a-z]+", metavar), *names()]
    return None


def _runs() -> list[str]:
    """The names of the runs that there are, in the results folder of the environment."""
    from hw.results.stored import all_runs

    results = Path(os.environ.get("HW_RESULTS_DIR") or "results")
    return [name for run in all_runs(results) for name in run.names]


def _named(words: Sequence[str]) -> list[Question]:
    """The questions among the words of a line."""
    found = []
    for word in words:
        try:
            found.append(catalog.find(word))
        except UsageError:
            continue
    return found


def ids() -> list[str]:
    """What stands for a question or for several: full ids, short ones, homeworks, ``all``."""
    questions = catalog.load_all().values()
    short = [q.name for q in questions if q.homework == catalog.DEFAULT_HOMEWORK]
    return [*short, *(q.id for q in questions), *catalog.homeworks(), "all"]


def _add_settings(parser: argparse.ArgumentParser, questions: Sequence[Question]) -> None:
    """The settings of questions as options of a verb, but for those that it has itself."""
    for question in questions:
        cls = question.module.Settings
        for name, kind in type_hints(cls).items():
            flag = f"--{name.replace('_', '-')}"
            values: tuple[str, ...] | None = ("true", "false") if kind is bool else None
            if typing.get_origin(kind) is typing.Literal:
                values = tuple(map(str, typing.get_args(kind)))
            if flag not in parser._option_string_actions:
                text = str(cls.__dataclass_fields__[name].metadata.get("help", ""))
                parser.add_argument(flag, choices=values, help=text.replace("%", "%%"))
