"""Trials: what may happen to a results folder, to a run and to its machine, in bulk.

``PYTHONPATH=. python tests/trials.py [KIND ...]`` makes all of them, some fifteen minutes' worth,
and prints how many of each kind there were and what each found. tests/runs/test_trials.py makes a
few of every kind.

A trial finds a fault where a command hangs, shows a traceback, speaks of a defect of hw, sends
what is not printable to the terminal, ends with a code that no command has, or where a result is
lost or has other bytes than those of a run that was left alone.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import random
import resource
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from support import vouch, write_landscapes

from hw.cli import main
from hw.figures import style
from hw.results import lock
from hw.runs import checkpoint, executor, worker

SECONDS = 60  # after which a command hangs
PROVED, TRAINED = "ist2021.q1.sigmoid", "q1.logistic_regression"
CODES = {0, 1, 2, 3, 4, 130, 143}


class Hang(BaseException):
    """A command that did not end in time."""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def faults(self) -> str:
        """What no command may do, in a few words; empty if it did nothing of it."""
        text = self.out + self.err
        found = {
            "hang": self.code == -1,
            "traceback": "Traceback" in text,
            "defect": "a defect of hw" in text,
            "escape sequence": "\x1b" in text or "\x07" in text,
            f"code {self.code}": self.code not in {*CODES, -1},
        }
        told = " ".join(self.err.split())[-200:]
        return "".join(f"{name}: {told}" for name, is_so in found.items() if is_so)


@dataclass(frozen=True)
class Bench:
    """Data, sound results, and the bytes that they have."""

    root: Path
    data: Path
    sound: Path

    @classmethod
    def build(cls, root: Path) -> Bench:
        bench = cls(root, root / "data", root / "sound")
        write_landscapes(bench.data)
        for answer in bench.run_both(bench.sound):
            assert answer.code == 0, answer
        return bench

    def hw(self, results: Path, *words: str, data: Path | None = None) -> Answer:
        """A command line in this process, which ends in time."""
        out, err = io.StringIO(), io.StringIO()

        def ring(*_: Any) -> NoReturn:
            raise Hang

        folders = ["--results-dir", str(results), "--data-dir", str(data or self.data)]
        before = signal.signal(signal.SIGALRM, ring)
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main([*words, *folders])
        except Hang:
            code = -1
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        return Answer(code, out.getvalue(), err.getvalue())

    def run_both(self, results: Path) -> Iterator[Answer]:
        yield self.hw(results, "run", PROVED, "-q")
        yield self.hw(results, "run", TRAINED, "--epochs", "2", "-q")

    def copy(self) -> Path:
        """A copy of the sound results, to do something to."""
        results = Path(tempfile.mkdtemp(dir=self.root)) / "results"
        shutil.copytree(self.sound, results, symlinks=True)
        return results

    def ends_sound(self, results: Path) -> str:
        """A fault if the two runs do not end with the bytes of undisturbed ones."""
        for answer in self.run_both(results):
            if answer.code or answer.faults:
                return f"runs no more: {answer.faults or answer.err}"
        changed = [n for n, b in contents(self.sound).items() if contents(results).get(n) != b]
        return f"other bytes: {', '.join(changed)}" if changed else ""


Trial = Callable[[], str]  # what it found; empty if nothing


def contents(results: Path) -> dict[str, bytes]:
    """Every file that must have the same bytes whenever a run has ended."""
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in results.glob("*/*/*")
        if path.is_file() and path.suffix in (".json", ".yaml") and path.name != "run.json"
    }


def folders_of(results: Path) -> list[Path]:
    return sorted(path.parent for path in results.glob("*/*/run.json"))


# What stands in the place of a file


def _link(target: str, path: Path) -> None:
    path.symlink_to(target)


def _text(text: str, path: Path) -> None:
    path.write_text(text)


def _bomb(path: Path) -> None:
    """YAML that expands to 10^9 keys."""
    lines = ["a0: &a0 {x: 1}"]
    for i in range(1, 9):
        lines.append(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}")
    path.write_text("\n".join(lines))


ODD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": partial(_text, ""),
    "directory": Path.mkdir,
    "dangling link": partial(_link, "nowhere"),
    "link loop": lambda path: path.symlink_to(path.name),
    "FIFO": lambda path: os.mkfifo(path),
    "/dev/zero": partial(_link, "/dev/zero"),
    "/dev/null": partial(_link, "/dev/null"),
    "/proc/self/mem": partial(_link, "/proc/self/mem"),
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "deep": partial(_text, '{"default":' * 5000),
    "nested": partial(_text, '{"default":' * 330 + "1" + "}" * 330),
    "a list": partial(_text, "[1, 2]"),
    "a long number": partial(_text, '{"default": {"m": %s}}' % ("9" * 5000)),
    "not finite": partial(_text, '{"default": {"m": NaN, "n": 1e999}}'),
    "escape sequences": partial(_text, '{"status": "\\u001b]0;\\u0007", "a": {"\\u001b[2J": 1}}'),
    "YAML tags": partial(_text, "a: !!int ''\nb: !!timestamp x\nc: !!python/name:os.system x\n"),
    "YAML bomb": _bomb,
}  # fmt: skip
FILES = (
    *("metrics.json", "history.json", "plots.json", "checks.json", "run.json", "config.yaml"),
    *("calibration.json", ".lock", "figures/.drawn", ".finished/plain.json", ".checkpoint/l2.npz"),
)


def odd_files(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Every file of a results folder, missing or something else, and every verb that reads it."""
    for file in FILES:
        for form in ODD:
            for which in (0, 1):
                yield f"{file} {form} {which}", partial(_odd_file, bench, file, form, which)


def _odd_file(bench: Bench, file: str, form: str, which: int) -> str:
    results = bench.copy()
    path = folders_of(results)[which] / file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    ODD[form](path)
    beside = "@" in path.parent.name or path.parent.parent.name == ".finished"
    for words in (
        ("list", "--json"),
        ("verify",),
        ("report", "--markdown"),
        ("export", str(results.parent / "exported")),
        ("compare", str(folders_of(bench.sound)[which]), str(folders_of(bench.sound)[which])),
        ("run", PROVED, TRAINED, "--keep-going", "--dry-run"),
    ):
        found = bench.hw(results, *words).faults
        if found:
            return f"{' '.join(words)}: {found}"
    for answer in bench.run_both(results):
        if answer.faults:
            return answer.faults
        # What is in the way of writing is told; the other question runs all the same.
        if answer.code and form not in ("directory", "FIFO") and file != ".lock" and not beside:
            return f"does not run: {answer.err}"
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    return bench.ends_sound(results)


# What run.json vouches for


def edited_numbers(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Numbers that somebody edited or exchanged: they are computed again, and told until then."""
    for seed in range(60):
        yield f"seed {seed}", partial(_edited, bench, random.Random(seed))


def _edited(bench: Bench, chance: random.Random) -> str:
    results = bench.copy()
    paths = [p for f in folders_of(results) for p in f.glob("*.json") if p.name != "run.json"]
    path = chance.choice(sorted(paths))
    value = json.loads(path.read_text())
    _edit(value, chance)
    path.write_text(json.dumps(value))
    for verb in ("verify", "report"):
        if found := bench.hw(results, verb).faults:
            return found
    return bench.ends_sound(results)


def _edit(value: Any, chance: random.Random) -> None:
    """Change one leaf, somewhere."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    while True:
        key = chance.choice(list(keys))
        if not isinstance(value[key], dict | list) or not value[key]:
            value[key] = chance.choice([0.5, -1, "word", None, {}, [], 1e308, True])
            return
        value = value[key]
        keys = list(value) if isinstance(value, dict) else range(len(value))


def huge_numbers(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Numbers that a run might have computed, and no arithmetic can be done with."""
    for file in ("metrics.json", "history.json"):
        for number in (1e308, -1e308, 1.7e308, 5e-324, 10**300, -0.0):
            for every in (1, 2, 3):
                yield f"{number} in {file}", partial(_huge, bench, file, number, every)


def _huge(bench: Bench, file: str, number: float, every: int) -> str:
    configured = bench.root / "configured"
    if not configured.exists():
        bench.hw(configured, "run", TRAINED, "-q")
    results = Path(tempfile.mkdtemp(dir=bench.root)) / "results"
    shutil.copytree(configured, results)
    (folder,) = folders_of(results)
    value = json.loads((folder / file).read_text())
    for i, metric in enumerate(m for of in value.values() for m in [(of, k) for k in of]):
        of, key = metric
        if i % every == 0 and key != "epoch":
            of[key] = [number] * len(of[key]) if isinstance(of[key], list) else number
    (folder / file).write_text(json.dumps(value))
    vouch(folder)
    for words in (
        ("verify", "--json"),
        ("verify", "--markdown"),
        ("report", "--markdown"),
        ("check", TRAINED, "l2.test_accuracy=0.5"),
        ("export", str(results.parent / "exported")),
        ("run", TRAINED, "--json"),
    ):
        if found := bench.hw(results, *words).faults:
            return f"{' '.join(words)}: {found}"
    return ""


# Links


def links(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Links in the places of hw's own folders: what they lead to stays as it is."""
    for name in ("figures", ".checkpoint", ".finished", "../report", "../../report"):
        for command in (("run", TRAINED, "--epochs", "2", "--force", "-q"), ("report", "--pdf")):
            yield f"{name} {command[0]}", partial(_linked, bench, name, command)


def _linked(bench: Bench, name: str, command: tuple[str, ...]) -> str:
    results = bench.copy()
    private = results.parent / "private"
    private.mkdir()
    names = ("index.html", "l2.npz", "plain.json", ".x.part", "accuracies.pdf", "ist2024.pdf")
    for file in names:
        (private / file).write_text("mine")
    folder = next(f for f in folders_of(results) if "logistic" in f.name)
    place = folder / name
    if place.is_dir():
        shutil.rmtree(place)
    place.symlink_to(private)
    answer = bench.hw(results, *command)
    kept = {p.name: p.read_text() for p in private.iterdir()} == dict.fromkeys(names, "mine")
    return answer.faults or ("" if kept else "somebody else's files were changed")


# Defects and conditions of the machine, at any place


RAISED: tuple[Exception, ...] = (
    *(ZeroDivisionError("0"), KeyError("curves"), RecursionError("deep"), AssertionError()),
    *(MemoryError(), OSError(errno.EMFILE, os.strerror(errno.EMFILE), "DejaVuSans.ttf")),
    *(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("can't start new thread")),
)
PLACES = {
    "data": (worker, "load_data"),
    "a task": (executor, "perform"),
    "a figure": (style, "save"),
    "a checkpoint": (checkpoint, "remove"),
    "the estimate": (worker, "estimate"),
}


def exceptions(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Any exception anywhere costs its own question, and the numbers that are there stay."""
    for place in PLACES:
        for error in RAISED:
            name = f"{type(error).__name__} {getattr(error, 'errno', '')}"
            yield f"{name} in {place}", partial(_raised, bench, place, error)


def _raised(bench: Bench, place: str, error: Exception) -> str:
    results = bench.copy()
    shutil.rmtree(results)
    module, name = PLACES[place]
    once = [error]
    right = getattr(module, name)

    def raises(*args: Any, **options: Any) -> Any:
        if once:
            raise once.pop()
        return right(*args, **options)

    with patch.object(module, name, raises):
        words = ("run", TRAINED, PROVED, "--epochs", "2", "--keep-going", "-q")
        answer = bench.hw(results, *words)
    lines = [line for line in answer.err.splitlines() if line.startswith("error:")]
    if answer.code == -1 or "Traceback" in answer.err or len(lines) > 1:
        return answer.faults or f"{len(lines)} errors: {lines}"
    if not list(results.glob("ist2021/q1.sigmoid/metrics.json")):
        return f"the other question did not run: {answer.err}"
    if place == "a figure" and len(contents(results)) != len(contents(bench.sound)):
        return "numbers were lost with a figure"
    return bench.ends_sound(results)


def _in_a_copy(action: Callable[[], int]) -> int:
    """The exit code of what a copy of this process does."""
    child = os.fork()
    if not child:
        try:
            with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
                os._exit(action())
        finally:
            os._exit(77)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


STEPS = ("fsync", "replace", "unlink", "rmdir")


def kills(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """A run of three variants ends before the n-th call that changes a file."""
    for n in range(40):
        yield f"step {n}", partial(_killed, bench, n)


MANY = ("run", "ist2024.q2.dropout", "--epochs", "1", "-q")


def _killed(bench: Bench, n: int) -> str:
    results = Path(tempfile.mkdtemp(dir=bench.root))
    undisturbed = bench.root / "undisturbed"
    if not undisturbed.exists():
        bench.hw(undisturbed, *MANY)

    def killed() -> int:
        left = [n]
        for name in STEPS:
            original = getattr(os, name)

            def step(*args: Any, original: Any = original, **options: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return original(*args, **options)

            setattr(os, name, step)
        return bench.hw(results, *MANY).code

    if _in_a_copy(killed) not in (0, 9):
        return "ended otherwise"
    for verb in ("list", "verify"):
        if found := bench.hw(results, verb).faults:
            return found
    answer = bench.hw(results, *MANY)
    if answer.code:
        return f"does not go on: {answer.err}"
    left = [p.name for p in results.rglob(".*") if p.name != ".drawn"]
    if left:
        return f"left behind: {left}"
    return "" if contents(results) == contents(undisturbed) else "other bytes"


# Limits, modes and leftovers


def limits(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """File sizes, open files and processes that a user may have few of."""
    for kind, least, most in (
        (resource.RLIMIT_FSIZE, 0, 60_000),
        (resource.RLIMIT_NOFILE, 8, 64),
    ):
        for part in range(8):
            value = least + (most - least) * part // 7
            yield f"{kind} {value}", partial(_limited, bench, kind, value)


def _limited(bench: Bench, kind: int, value: int) -> str:
    results = Path(tempfile.mkdtemp(dir=bench.root))
    found = results.parent / f"{results.name}.txt"

    def limited() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with found.open("w") as file:
            resource.setrlimit(kind, (value, value))
            answer = bench.hw(results, *MANY)
            with contextlib.suppress(OSError):
                file.write(answer.faults)
        return 3 if answer.faults else answer.code

    code = _in_a_copy(limited)
    if code not in (0, 1):
        return f"code {code}: {found.read_text()}"
    answer = bench.hw(results, *MANY)
    return "" if answer.code == 0 else f"does not go on: {answer.err}"


def descriptors(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Open files do not grow with the runs of a command."""
    for runs in (3, 15, 60):
        yield f"{runs} seeds", partial(_descriptors, bench, runs)


def _descriptors(bench: Bench, runs: int) -> str:
    results = Path(tempfile.mkdtemp(dir=bench.root))
    most = [0]
    perform = worker.perform

    def counted(*args: Any) -> Any:
        most[0] = max(most[0], len(os.listdir("/proc/self/fd")))
        return perform(*args)

    before = len(os.listdir("/proc/self/fd"))
    seeds = ",".join(map(str, range(runs)))
    with patch.object(executor, "perform", counted):
        answer = bench.hw(results, "run", "q1.perceptron", "--epochs", "1", "-q", "--seeds", seeds)
    if answer.code or answer.faults:
        return answer.err
    return "" if most[0] <= before + 6 else f"{most[0] - before} open files"


def modes(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """The user's umask says who may read and write what is written."""
    for mask in (0o077, 0o027, 0o002, 0o022, 0o000):
        yield f"{mask:03o}", partial(_modes, bench, mask)


def _modes(bench: Bench, mask: int) -> str:
    results = Path(tempfile.mkdtemp(dir=bench.root))
    before = os.umask(mask)
    try:
        answers = [*bench.run_both(results), bench.hw(results, "report")]
    finally:
        os.umask(before)
    if any(a.code for a in answers):
        return answers[-1].err
    found = {stat.S_IMODE(p.stat().st_mode) for p in results.rglob("*") if p.is_file()}
    return "" if found == {0o666 & ~mask} else f"modes {[oct(m) for m in found]}"


def leftovers(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """What a process that was killed has left, the next command clears; what a living one is
    writing, none does."""
    for alive in (False, True):
        yield f"half-written files, alive: {alive}", partial(_parts, bench, alive)
        yield f"decoded data, alive: {alive}", partial(_shared, bench, alive)


def _parts(bench: Bench, alive: bool) -> str:
    results = bench.copy()
    places = [results / "report", *folders_of(results)]
    parts = [place / ".index.html.0123abcd.part" for place in places]
    held = []
    for part in parts:
        part.parent.mkdir(exist_ok=True)
        part.write_text("half")
        if alive:
            held.append(part.open())
            lock.take(held[-1].fileno())
    answers = [bench.hw(results, "report")]
    answers += [bench.hw(results, "run", PROVED, TRAINED, "--epochs", "2", "--force", "-q")]
    written = [part for part in parts if "@" in part.parent.name or part.parent.name == "report"]
    there = [part.exists() for part in written]
    for file in held:
        file.close()
    wrong = any(a.code for a in answers) or any(t != alive for t in there)
    return f"{there} {answers[-1].err}" if wrong else ""


def _shared(bench: Bench, alive: bool) -> str:
    folder = Path(tempfile.mkdtemp(prefix=executor.SHARED))
    held = lock.acquire(folder)
    assert held
    if not alive:  # as the kernel does it
        os.close(held.descriptor)
        held.descriptor = -1
    (folder / "0.array").write_bytes(bytes(1000))
    executor.remove_shared_of_the_dead()
    is_there = folder.exists()
    held.release()
    shutil.rmtree(folder, ignore_errors=True)
    return "" if is_there == alive else f"still there: {is_there}"


# Words


def words(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Numbers and names on the command line that no program expects."""
    numbers = ("1e999999999", "-1e999999999%", "1e-999999999", "nan", "٣", "1_0", "0x1", "\x1b[2J")
    for number in (*numbers, "9" * 5000, "", " ", "1e308", "½", "--", "=", "\udce9"):
        for command in (
            ("check", "q1.mlp", f"test_accuracy={number}"),
            ("run", "q1.perceptron", "--epochs", number, "--dry-run"),
            ("run", "q1.perceptron", "--seeds", number, "--dry-run"),
            ("run", number, "--dry-run"),
            ("calibrate", "q1.perceptron", "--seeds", f"1..{number}"),
            ("compare", number, number),
            ("whence", number),
            ("show", number),
            ("data", "verify", number),
        ):
            yield f"{command}", partial(_said, bench, command)


def _said(bench: Bench, command: tuple[str, ...]) -> str:
    return bench.hw(bench.sound, *command).faults


def at_once(bench: Bench) -> Iterator[tuple[str, Trial]]:
    """Several processes at the same folder, at the same moment."""
    for seed in range(8):
        yield f"round {seed}", partial(_at_once, bench, seed)


def _at_once(bench: Bench, seed: int) -> str:
    results = Path(tempfile.mkdtemp(dir=bench.root))
    chance = random.Random(seed)
    training = ("run", TRAINED, "--epochs", "2", "-q")
    commands = [training, (*training, "--variant", "l2"), ("run", PROVED, "-q")]
    commands += [("report",), ("verify",), ("list",)]
    children = []
    for _ in range(8):
        command = chance.choice(commands)
        child = os.fork()
        if not child:
            os._exit(2 if bench.hw(results, *command).faults else 0)
        children.append(child)
        time.sleep(chance.random() * 0.05)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return f"codes {codes}" if any(codes) else bench.ends_sound(results)


KINDS: dict[str, Callable[[Bench], Iterator[tuple[str, Trial]]]] = {
    "odd files": odd_files,
    "edited numbers": edited_numbers,
    "huge numbers": huge_numbers,
    "links": links,
    "exceptions": exceptions,
    "kills": kills,
    "limits": limits,
    "descriptors": descriptors,
    "modes": modes,
    "leftovers": leftovers,
    "words": words,
    "at once": at_once,
}


def without_drawing() -> contextlib.AbstractContextManager[Any]:
    """Figures are most of the time of a short run, and no trial is about how they look."""
    return patch.object(style, "save", lambda _, stem, *__: [stem.with_suffix(".pdf")])


def trials(argv: list[str]) -> int:
    """Make them all; 1 if any found a fault."""
    os.environ["HW_OFFLINE"] = "1"
    total = 0
    with tempfile.TemporaryDirectory(prefix="trials-") as folder, without_drawing():
        bench = Bench.build(Path(folder))
        for kind, make in KINDS.items():
            if argv and kind not in argv:
                continue
            began, found = time.monotonic(), [(name, trial()) for name, trial in make(bench)]
            faults = [(name, fault) for name, fault in found if fault]
            total += len(faults)
            seconds = time.monotonic() - began
            print(f"{kind}: {len(found)} trials in {seconds:.0f} s, {len(faults)} with a fault")
            for name, fault in faults[:20]:
                print(f"  {name}: {fault[:400]}")
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(trials(sys.argv[1:]))
