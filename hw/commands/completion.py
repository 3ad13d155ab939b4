"""``hw completion``: what a shell completes, generated from the parser and the questions.

The script is made once and asks nobody anything: completing starts no Python. Verbs, options and
their choices come from the parser; ids, variants and settings from the questions.
"""

from __future__ import annotations

import argparse
import re
import shlex
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hw import console
from hw.commands import VERBS
from hw.config import catalog
from hw.config.settings import type_hints
from hw.errors import ExitCode

INSTALL = {
    "bash": "source <(python -m hw completion bash)",
    "zsh": "source <(python -m hw completion zsh)",
    "fish": "python -m hw completion fish | source",
}
# What stands behind a metavar: shells complete files by themselves.
FILES = {"DIR", "FILE"}
IDS = {"ID"}
BOTH = {"A", "B"}


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "completion",
        parents=[common],
        help=VERBS["completion"],
        description="Prints the script; it completes 'python -m hw' and, where that is an alias, "
        f"'hw'. For a session: {'; '.join(INSTALL.values())}",
    )
    parser.add_argument("shell", choices=tuple(INSTALL))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    console.show({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](), end="")
    return int(ExitCode.OK)


@dataclass(frozen=True)
class Option:
    """One option of a verb: its names, what it completes, its help."""

    names: tuple[str, ...]
    takes_value: bool
    values: tuple[str, ...]
    kind: str  # of the value: files, ids, variants, or nothing in particular
    help: str


@dataclass(frozen=True)
class Verb:
    """One verb: its options and what its positional arguments are."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...]
    kinds: frozenset[str]


def verbs() -> list[Verb]:
    """Every verb, from the parser."""
    from hw.cli import build_parser

    (subparsers,) = (
        a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)
    )
    helps = {a.dest: a.help or "" for a in subparsers._choices_actions}
    return [_verb(name, helps.get(name, ""), p) for name, p in subparsers.choices.items()]


def _verb(name: str, text: str, parser: argparse.ArgumentParser) -> Verb:
    options = []
    words: list[str] = []
    kinds = set()
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        values = tuple(map(str, action.choices or ()))
        if action.option_strings:
            options.append(
                Option(
                    tuple(action.option_strings),
                    action.nargs != 0,
                    values,
                    _kind(action),
                    action.help or "",
                )
            )
        else:
            words += values or _named(action.metavar)
            kinds.add(_kind(action))
    if parser.get_default("takes_settings"):
        options += settings({n for o in options for n in o.names})
    return Verb(name, text, tuple(options), tuple(words), frozenset(kinds - {""}))


def _kind(action: argparse.Action) -> str:
    if "--variant" in action.option_strings:
        return "variants"
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    for kind, names in (("files", FILES), ("ids", IDS), ("both", BOTH)):
        if metavar in names:
            return kind
    return ""


def _named(metavar: Any) -> list[str]:
    """What a metavar itself spells out, as ``[status|fetch|verify] [NAME...]`` does: the words
    of its first part, and the data sets for NAME."""
    text = metavar if isinstance(metavar, str) else ""
    spelled = [w for part in re.findall(r"\[([a-z|]+)\]", text) for w in part.split("|")]
    if "NAME" in text:
        from hw.datasets import CATALOGUE

        spelled += CATALOGUE
    return spelled


def settings(taken: Iterable[str]) -> list[Option]:
    """The settings of all questions as options, those ``taken`` by the verb left out."""
    found: dict[str, tuple[set[str], str]] = {}
    for question in catalog.load_all().values():
        cls = question.module.Settings
        for name, field in cls.__dataclass_fields__.items():
            values, text = found.setdefault(name, (set(), field.metadata.get("help", "")))
            kind = type_hints(cls)[name]
            if typing.get_origin(kind) is typing.Literal:
                values |= set(map(str, typing.get_args(kind)))
            elif kind is bool:
                values |= {"true", "false"}
    options = []
    for name, (values, text) in sorted(found.items()):
        flag = f"--{name.replace('_', '-')}"
        if flag not in taken:
            options.append(Option((flag,), True, tuple(sorted(values)), "", text))
    return options


def ids() -> list[str]:
    """What stands for a question or for several: full ids, short ones, homeworks, ``all``."""
    questions = catalog.load_all().values()
    short = [q.name for q in questions if q.homework == catalog.DEFAULT_HOMEWORK]
    return [*short, *(q.id for q in questions), *catalog.homeworks(), "all"]


def variants() -> dict[str, list[str]]:
    """The variants of each question that has several, by its ids, full and short."""
    found = {}
    for question in catalog.load_all().values():
        if list(question.variants) != [catalog.DEFAULT_VARIANT]:
            found[question.id] = list(question.variants)
            if question.homework == catalog.DEFAULT_HOMEWORK:
                found[question.name] = list(question.variants)
    return found


# bash and zsh: one table, `_hw_words`, in the language that both have


def _table() -> Iterator[str]:
    """``_hw_words KEY``: the words under a key, one a line. Keys: ``verbs``, ``ids``,
    ``options VERB``, ``words VERB`` (a positional's choices), ``kinds VERB`` (what else a
    positional completes), ``value VERB OPTION`` (its choices, or ``@files`` and the like, or
    ``@any``), ``variants ID``."""
    yield "_hw_words() {"
    yield '  case "$1" in'
    yield _case(["verbs"], [v.name for v in verbs()])
    yield _case(["ids"], ids())
    for verb in verbs():
        yield _case([f"options {verb.name}"], [n for o in verb.options for n in o.names])
        yield _case([f"words {verb.name}"], verb.words)
        yield _case([f"kinds {verb.name}"], sorted(verb.kinds))
        for option in verb.options:
            if option.takes_value:
                # '_' and '-' are alike in the name of a setting.
                keys = dict.fromkeys(
                    n for name in option.names for n in (name, "--" + name[2:].replace("-", "_"))
                )
                yield _case(
                    [f"value {verb.name} {k}" for k in keys if len(k) > 2],
                    option.values or [f"@{option.kind or 'any'}"],
                )
    for name, values in variants().items():
        yield _case([f"variants {name}"], values)
    yield "  esac"
    yield "}"


def _case(keys: Iterable[str], words: Iterable[str]) -> str:
    pattern = "|".join(shlex.quote(k) for k in keys)
    listed = " ".join(shlex.quote(w) for w in words)
    action = f"printf '%s\\n' {listed}" if listed else ":"
    return f"    {pattern}) {action} ;;"


_COMMON = r"""
# What completes the last of the words after 'hw': words, one a line; @files for file names.
_hw_candidates() {
  local verb="$1" word="" before="" id="" kind=""
  if [ "$#" -le 1 ]; then
    _hw_words verbs
    return
  fi
  shift
  while [ "$#" -gt 1 ]; do
    before="$1"
    shift
  done
  word="$1"
  case "$before" in
    --*)
      kind="$(_hw_words "value $verb $before")"
      case "$kind" in
        "") ;;
        @variants)
          for id in $_hw_line; do _hw_words "variants $id"; done
          return ;;
        @ids) _hw_words ids; return ;;
        @any) return ;;
        @files) printf '@files\n'; return ;;
        *) printf '%s\n' "$kind"; return ;;
      esac ;;
  esac
  case "$word" in
    -*) _hw_words "options $verb"; return ;;
  esac
  _hw_words "words $verb"
  for kind in $(_hw_words "kinds $verb"); do
    case "$kind" in
      ids) _hw_words ids ;;
      both) _hw_words ids; printf '@files\n' ;;
      files) printf '@files\n' ;;
    esac
  done
}
"""


def bash() -> str:
    """The script for bash, from 3.2 on."""
    table = "\n".join(_table())
    return f"# Completion of 'python -m hw' in bash: {INSTALL['bash']}\n{table}\n{_COMMON}{_BASH}"


_BASH = r"""
_hw() {
  local first=1 current="${COMP_WORDS[COMP_CWORD]}" i words word _hw_line="" IFS=$' \t\n'
  COMPREPLY=()
  case "${COMP_WORDS[0]##*/}" in
    python*)
      if [ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" != "-m hw" ] || [ "$COMP_CWORD" -lt 3 ]; then
        if declare -F _python > /dev/null; then _python "$@"; fi
        return
      fi
      first=3 ;;
  esac
  # bash takes --option=value for three words.
  words=()
  for ((i = first; i <= COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    if [ "$word" = = ]; then
      [ "$i" -lt "$COMP_CWORD" ] && continue
      word="" current=""
    fi
    words+=("$word")
  done
  _hw_line="${words[*]}"
  while IFS= read -r word; do
    if [ "$word" = @files ]; then
      compopt -o filenames 2> /dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    elif [ -n "$word" ] && [ "${word#"$current"}" != "$word" -o -z "$current" ]; then
      COMPREPLY+=("$word")
    fi
  done < <(set -f; _hw_candidates "${words[@]}")
}
complete -o bashdefault -F _hw hw
complete -o bashdefault -o default -F _hw python python3
"""


def zsh() -> str:
    """The script for zsh."""
    table = "\n".join(_table())
    return (
        f"#compdef hw python python3\n# Completion of 'python -m hw' in zsh: {INSTALL['zsh']}\n"
        f"{table}\n{_COMMON}{_ZSH}"
    )


_ZSH = r"""
_hw() {
  emulate -L zsh
  setopt sh_word_split no_glob
  local -a asked found
  local word="" _hw_line=""
  if [[ "${words[1]:t}" == python* ]]; then
    if [[ "${words[2]}" != -m || "${words[3]}" != hw ]] || (( CURRENT < 4 )); then
      if (( $+functions[_python] )); then _python; else _default; fi
      return
    fi
    asked=("${(@)words[4,CURRENT]}")
  else
    asked=("${(@)words[2,CURRENT]}")
  fi
  # --option=value: complete what follows the sign.
  if [[ "${asked[-1]}" == --*=* ]]; then
    word="${asked[-1]}"
    asked[-1]=("${word%%=*}" "${word#*=}")
    compset -P '*='
  fi
  _hw_line="${asked[*]}"
  while IFS= read -r word; do
    if [[ "$word" == @files ]]; then
      setopt glob
      _files
      setopt no_glob
    elif [[ -n "$word" ]]; then
      found+=("$word")
    fi
  done < <(_hw_candidates "${asked[@]}")
  (( ${#found} )) && compadd -- "${found[@]}"
}
if (( $+functions[compdef] )); then compdef _hw hw python python3; fi
"""


# fish


def fish() -> str:
    """The script for fish: its own form, with each option's help beside it."""
    lines = [f"# Completion of 'python -m hw' in fish: {INSTALL['fish']}", _FISH.strip()]
    lines += ["function __hw_ids", f"    printf '%s\\n' {_fish_words(ids())}", "end"]
    lines += ["function __hw_variants", "    for id in (__hw_line)", "        switch $id"]
    for name, values in variants().items():
        lines += [
            f"            case {name}",
            f"                printf '%s\\n' {_fish_words(values)}",
        ]
    lines += ["        end", "    end", "end"]
    for command in ("hw", "python", "python3"):
        lines += _fish_command(command)
    return "\n".join(lines) + "\n"


_FISH = r"""
function __hw_line --description 'the words after hw, without the one that is being typed'
    set -l tokens (commandline -opc)
    if string match -qr '(^|/)python[0-9.]*$' -- $tokens[1]
        test "$tokens[2] $tokens[3]" = '-m hw'; or return 1
        printf '%s\n' $tokens[4..-1]
    else
        printf '%s\n' $tokens[2..-1]
    end
end
function __hw_at --argument-names verb --description 'whether this is the verb; none: not yet'
    set -l line (__hw_line); or return 1
    if test -z "$verb"
        test -z "$line[1]"
    else
        test "$line[1]" = "$verb"
    end
end
"""


def _fish_command(command: str) -> Iterator[str]:
    start = f"complete -c {command} -n"
    for verb in verbs():
        at = f"'__hw_at {verb.name}'"
        yield f"{start} '__hw_at \"\"' -f -a {verb.name} -d {_fish_quote(verb.help)}"
        if "both" not in verb.kinds and "files" not in verb.kinds:
            yield f"{start} {at} -f"
        if verb.kinds & {"ids", "both"}:
            yield f"{start} {at} -a '(__hw_ids)'"
        if verb.words:
            yield f"{start} {at} -a {_fish_quote(' '.join(verb.words))}"
        for option in verb.options:
            names = " ".join(
                f"-l {n[2:]}" if n[:2] == "--" else f"-s {n[1:]}" for n in option.names
            )
            value = ""
            if option.takes_value:
                value = " -r" if option.kind == "files" else " -x"
                if option.values:
                    value += f" -a {_fish_quote(' '.join(option.values))}"
                elif option.kind == "variants":
                    value += " -a '(__hw_variants)'"
            yield f"{start} {at} {names}{value} -d {_fish_quote(option.help)}"


def _fish_words(words: Iterable[str]) -> str:
    return " ".join(map(_fish_quote, words))


def _fish_quote(text: str) -> str:
    """In single quotes, where fish knows two escapes only."""
    text = " ".join(text.replace("%%", "%").split())
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
