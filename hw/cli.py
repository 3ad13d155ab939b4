"""The command line: parser and dispatch. Never imports torch.

Results go to standard output, everything else to standard error. An expected error is one line.
"""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hw import console
from hw.config import folders
from hw.errors import ExitCode, UsageError, as_expected, debugging, did_you_mean, quoted
from hw.runs import interruption
from hw.runs.interruption import Terminated

PROGRAM = "python -m hw"


class Parser(argparse.ArgumentParser):
    """Exact option names, and errors in this project's form."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ('{self.prog} --help' shows what there is)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(c) for c in action.choices]
            what = (
                "command"
                if isinstance(action, argparse._SubParsersAction)
                else ("/".join(action.option_strings) or action.dest)
            )
            raise UsageError(
                f"unknown {what} {quoted(value)}{did_you_mean(value, known)}"
                f" (one of: {', '.join(known)})"
            )


def build_parser(only: str | None = None) -> Parser:
    """The whole parser, or, where ``only`` names a verb, one that knows just this verb in full.

    A verb's module is imported with its part of the parser: the others' would cost time.
    """
    from hw import __version__, commands

    parser = Parser(
        prog=PROGRAM,
        description="Reproduce every question of five deep-learning homeworks, in NumPy and in "
        "PyTorch, and see which published numbers hold.",
        epilog="Without its homework, an id means ist2024: 'q1.perceptron' is "
        "'ist2024.q1.perceptron'. Globs work ('ist2023.*'), and 'all'.",
    )
    parser.add_argument("--version", action="version", version=f"hw {__version__}")
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="where the data sets are (default: $HW_DATA_DIR, or ./data)",
    )
    common.add_argument(
        "--results-dir",
        type=Path,
        metavar="DIR",
        help="where results go (default: $HW_RESULTS_DIR, or ./results)",
    )
    common.add_argument(
        "--homeworks",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder of homeworks of your own, beside hw's (repeatable; also $HW_HOMEWORKS, or "
        "homeworks in hw.toml)",
    )
    subparsers = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    commands.add_parsers(subparsers, common, only)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if "_ARGCOMPLETE" in os.environ and argv is None:
        from hw.commands import completion

        completion.answer()
    if argv is None:
        keep_to_ourselves()
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(arguments))


def keep_to_ourselves() -> None:
    """Let nothing that the environment says to other programs end a run: neither a backend of
    matplotlib that there is not, nor that every warning is an error.

    For a program: what it starts inherits this, and a caller's own settings are not touched.
    """
    os.environ.pop("MPLBACKEND", None)  # figures are drawn by Agg, whatever it says
    if any(action == "error" for action, *_ in warnings.filters):
        os.environ.pop("PYTHONWARNINGS", None)
        sys.warnoptions.clear()
        warnings.resetwarnings()
        warnings.simplefilter("default")


def guarded(action: Callable[[], int], kept: str = "what was finished is kept") -> int:
    """What ``action`` returns, or the exit code of an error, said in one line.

    kept: what an interruption leaves behind.
    """
    interruption.end_on_sigterm()
    console.replace_unprintable()
    try:
        code = int(action())
        console.flush()
        return code
    except SystemExit as end:  # argparse, after --help
        console.flush()
        return int(end.code or 0)
    except KeyboardInterrupt:
        _say_error(f"interrupted; {kept}")
        return int(ExitCode.INTERRUPTED)
    except Terminated:
        _say_error(f"terminated; {kept}")
        return int(ExitCode.TERMINATED)
    except Exception as error:
        if debugging():
            raise
        expected = as_expected(error)
        _say_error(str(expected))
        return int(expected.code)


def _dispatch(arguments: list[str]) -> int:
    arguments = arguments or ["--help"]
    parser = build_parser(arguments[0])
    if arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version"):
        raise UsageError(f"{arguments[0]}: options come after the command ('{PROGRAM} --help')")
    verb = _verbs(parser).get(arguments[0])
    asked, settings = arguments, list[str]()
    if verb is not None and verb.get_default("takes_settings"):
        arguments, settings = _without_settings(arguments, verb._option_string_actions)
    args, rest = parser.parse_known_args(arguments)
    if rest:
        known = [o for o in _verbs(parser)[args.verb]._option_string_actions if o[:2] == "--"]
        raise UsageError(f"unknown argument {quoted(rest[0])}{did_you_mean(rest[0], known)}")
    args.rest = settings
    args.command_line = f"{PROGRAM} {shlex.join(asked)}"
    args.data_dir = args.data_dir or Path(os.environ.get("HW_DATA_DIR") or "data")
    args.results_dir = args.results_dir or Path(os.environ.get("HW_RESULTS_DIR") or "results")
    for folder in (args.data_dir, args.results_dir):
        _refuse_loop(folder)
    with folders.using(args.homeworks):
        return int(args.run(args))


def _refuse_loop(folder: Path) -> None:
    """Raises `UsageError` for a folder that is a link to itself, which some calls of Python's own
    library meet with an error and others with none."""
    try:
        folder.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(f"{folder} is a link that leads to itself; name a folder") from None


def _verbs(parser: Parser) -> dict[str, Any]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _without_settings(
    arguments: Sequence[str], options: Mapping[str, argparse.Action]
) -> tuple[list[str], list[str]]:
    """The command line that argparse understands, and the flags that it does not know, with
    their values: the settings of a question.

    Wherever they stand: argparse would take the value of a flag that it does not know for an
    id, and ids from one place only.
    """
    verb, *words = arguments
    known: list[str] = []
    ids: list[str] = []
    settings: list[str] = []
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        if word == "--":
            return [verb, *known, "--", *ids, *words], settings
        if name in options or not word.startswith("--"):
            chosen = known if word.startswith("-") else ids
            takes_value = name in options and options[name].nargs != 0
        else:
            chosen = settings
            takes_value = bool(words) and not words[0].startswith("--")
        chosen.append(word)
        if takes_value and not equals and words:
            chosen.append(words.pop(0))
    return [verb, *ids, *known], settings


def _say_error(message: str) -> None:
    console.say(f"error: {' '.join(message.split())}")
