"""The command line: parser and dispatch. Never imports torch.

Results go to standard output, everything else to standard error. An expected error is one line.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hw.errors import ExitCode, HwError, UsageError, did_you_mean

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
            what = "command" if isinstance(action, argparse._SubParsersAction) else (
                "/".join(action.option_strings) or action.dest
            )
            raise UsageError(
                f"unknown {what} {value!r}{did_you_mean(value, known)} (one of: {', '.join(known)})"
            )


def build_parser() -> Parser:
    from hw import commands

    parser = Parser(
        prog=PROGRAM,
        description="Reproduce every question of five deep-learning homeworks, in NumPy and in "
        "PyTorch, and see which published numbers hold.",
        epilog="Without its homework, an id means ist2024: 'q1.perceptron' is "
        "'ist2024.q1.perceptron'. Globs work ('ist2023.*'), and 'all'.",
    )
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
    subparsers = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    for module in commands.load():
        module.add_parser(subparsers, common)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(arguments))


def guarded(action: Callable[[], int], kept: str = "what was finished is kept") -> int:
    """What ``action`` returns, or the exit code of an expected error, said in one line.

    kept: what an interruption leaves behind.
    """
    _end_on_sigterm()
    try:
        return int(action())
    except HwError as error:
        _say_error(str(error))
        return int(error.code)
    except KeyboardInterrupt:
        _say_error(f"interrupted; {kept}")
        return int(ExitCode.INTERRUPTED)
    except Terminated:
        _say_error(f"terminated; {kept}")
        return int(ExitCode.TERMINATED)
    except BrokenPipeError:
        # The reader of our output has gone (``hw list | head``): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except MemoryError:
        _say_error("not enough memory; close other programs, or use --jobs 1")
        return int(ExitCode.FAILED)


def _dispatch(arguments: list[str]) -> int:
    parser = build_parser()
    args, rest = parser.parse_known_args(arguments)
    takes_rest = getattr(args, "takes_settings", False)
    if rest and not takes_rest:
        known = [o for o in _options(parser, args.verb) if o.startswith("--")]
        raise UsageError(f"unknown argument {rest[0]!r}{did_you_mean(rest[0], known)}")
    args.rest = rest
    args.command_line = " ".join([PROGRAM, *arguments])
    args.data_dir = args.data_dir or Path(os.environ.get("HW_DATA_DIR") or "data")
    args.results_dir = args.results_dir or Path(os.environ.get("HW_RESULTS_DIR") or "results")
    return int(args.run(args))


class Terminated(BaseException):
    """SIGTERM, as an exception, so that whatever is open is closed in order."""


def _end_on_sigterm() -> None:
    def stop(*_: Any) -> NoReturn:
        raise Terminated

    try:
        signal.signal(signal.SIGTERM, stop)
    except ValueError:
        pass  # not in the main thread (a notebook, a test): signals are the caller's business


def _options(parser: Parser, verb: str) -> list[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices[verb]._option_string_actions)
    return []


def _say_error(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)
