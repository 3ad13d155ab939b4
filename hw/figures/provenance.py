"""Where a figure comes from: written into the file when it is drawn, read back from any file.

A record is a JSON object of plain ASCII in the file's own metadata: ``Keywords`` in the Info
dictionary of a PDF, in a text chunk of a PNG, in the RDF of an SVG. It holds no time and no path,
so that a figure has the same bytes from run to run.

What is read may be anything: every read is bounded, every field is checked, and a command is put
together from known words and quoted values, never copied from a file.
"""

from __future__ import annotations

import html
import json
import platform
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from hw.config import catalog
from hw.config.catalog import Question
from hw.errors import HwError, UsageError
from hw.results.fingerprint import version
from hw.results.folder import Folder, digest, is_stand_in
from hw.results.identity import Identity, code_of, flags, shown
from hw.results.identity import command as command_of
from hw.results.outcome import Outcome

SHORT = 16  # hexadecimal digits of a digest: 64 bits tell figures apart
MAX_FILE = 200_000_000
MAX_TEXT = 1_000_000
MAX_CHUNKS = 10_000
FORMAT = 1
Record = dict[str, Any]


# Writing


def describe(
    question: Question,
    figure: str,
    outcomes: Mapping[str, Outcome],
    config: Mapping[str, Any],
    data: Mapping[str, Any] | None,
) -> Record:
    """The record of one figure of a question.

    config: the resolved settings, as config.yaml has them.
    data:   as run.json has them.
    """
    return {
        **_origin(question, figure, config, data),
        "results": results_digest(outcomes),
    }


def describe_lockstep(
    question: Question, options: Mapping[str, Any], config: Mapping[str, Any], data: Any
) -> Record:
    """The record of the figure of ``hw lockstep``, with the options that it had."""
    record = _origin(question, "lockstep", {**config, "backend": "torch"}, data)
    return {**record, "lockstep": dict(options), "results": digest(dict(options))[:SHORT]}


def _origin(
    question: Question, figure: str, config: Mapping[str, Any], data: Mapping[str, Any] | None
) -> Record:
    run = Identity.of_config(question, config)
    packages = ("numpy", *(["torch"] if run.backend == "torch" else []), "matplotlib")
    # Seeds of several runs, or of one of a question's several, stand beside what has changed.
    seeds_beside = bool(config.get("seeds") or question.seeds)
    return {
        "hw": FORMAT,
        "question": question.id,
        "figure": figure,
        "backend": run.backend,
        "seeds": list(run.seeds),
        "variants": list(run.variants),
        "changed": {**run.options, **run.changed({"seed"} if seeds_beside else ())},
        "settings": digest(run.variants)[:SHORT],
        "code": code_of(question)[:SHORT],
        "data": data
        and {
            "name": str(data.get("name")),
            "source": str(data.get("source")),
            "sha256": str(data.get("sha256"))[:SHORT],
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
    }


def results_digest(outcomes: Mapping[str, Outcome]) -> str:
    """Of what figures are drawn from, measured times left out; the same for outcomes that were
    just computed and for those read back."""
    values = {v: {**o.as_json(), "timing": None} for v, o in outcomes.items()}
    # Through JSON: a key that is a number comes back as a string, and sorts differently.
    return digest(json.loads(json.dumps(values)))[:SHORT]


def metadata(records: Record | Sequence[Record], title: str) -> dict[str, str]:
    """What `hw.figures.style.save` writes into a file: one record, or those of all its figures."""
    several = [records] if isinstance(records, dict) else list(records)
    made_by = dict.fromkeys(command(r) for r in several)
    return {
        "Title": title,
        "Description": "; ".join(made_by),
        "Keywords": json.dumps(records, sort_keys=True, ensure_ascii=True, allow_nan=False),
    }


# Commands


def command(record: Record) -> str:
    """The command line that makes what the record describes."""
    question = catalog.find(record["question"])
    lockstep = record.get("lockstep")
    # Lockstep has float64 unless told otherwise.
    silent = () if lockstep is None else ("dtype",)
    words = flags({k: v for k, v in sorted(record["changed"].items()) if k not in silent})
    if set(record["variants"]) != set(question.variants):
        words += [word for variant in record["variants"] for word in ("--variant", variant)]
    if lockstep is not None:
        words += flags(dict(sorted(lockstep.items())))
    elif record["backend"] != question.backend:
        words += ["--backend", record["backend"]]
    seeds = record["seeds"]
    if len(seeds) > 1 if not question.seeds else seeds != list(question.seeds):
        words += ["--seeds" if len(seeds) > 1 else "--seed", shown(seeds)]
    if is_stand_in(record["data"]):
        words += ["--data", "stand-in"]
    return command_of(question, words, "run" if lockstep is None else "lockstep")


def identity(record: Record) -> Identity:
    """The run that the record's command would make today. Raises `UsageError` where its question,
    a variant or a setting is gone."""
    question = catalog.find(record["question"])
    for variant in record["variants"]:
        if variant not in question.variants:
            raise UsageError(f"{question.id} has no variant {variant}")
    return Identity.as_it_would_be(
        question, record["variants"], record["changed"], record["backend"], record["seeds"]
    )


# Whether a figure is out of date


def out_of_date(record: Record, folder: Folder | None) -> list[str]:
    """Why the figure would be another one today; empty if it would not, as far as can be told
    without running anything.

    folder: the results folder that holds what the figure shows, if there is one.
    """
    try:
        today = identity(record)
    except UsageError as error:
        return [f"its question or settings are gone: {error}"]
    reasons = []
    if digest(today.variants)[:SHORT] != record["settings"]:
        reasons.append("the question's settings have changed")
    if record["code"] != code_of(today.question)[:SHORT]:
        reasons.append("the code behind it has changed")
    reasons += [
        f"{package} was {then} and is {now}"
        for package, then in record["versions"].items()
        if package != "python" and then != (now := version(package))
    ]
    if folder is not None and "lockstep" not in record:
        try:
            if results_digest(folder.outcomes()) != record["results"]:
                reasons.append(f"{folder.path} holds other results")
        except HwError:
            reasons.append(f"{folder.path} holds no results that can be read")
    return reasons


# Reading


def read(path: Path) -> list[Record]:
    """The records in a figure file, in the order in which they stand.

    Raises `HwError` for a file that cannot be read, is no figure, or carries no record.
    """
    try:
        with path.open("rb") as file:
            found = _texts(file, path)
            records = [r for text in found for r in _records(text)]
    except OSError as error:
        raise HwError(f"{path}: {error.strerror or error}") from error
    if not records:
        raise HwError(f"{path}: carries no provenance: not a figure of hw, or of a version before")
    return records


def _texts(file: BinaryIO, path: Path) -> Iterator[str]:
    """The texts of a file's metadata that may be records."""
    start = file.read(512)
    file.seek(0)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_texts(file, path)
    data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise HwError(f"{path}: larger than {MAX_FILE} bytes")
    if start.startswith(b"%PDF-"):
        return _pdf_texts(data)
    if b"<svg" in start or start.lstrip().startswith(b"<?xml"):
        return _svg_texts(data)
    raise HwError(f"{path}: neither PDF, PNG nor SVG")


def _records(text: str) -> list[Record]:
    """The sound records in a text: one, or a list of them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    several = value if isinstance(value, list) else [value]
    return [r for r in several[:1000] if _is_sound(r)]


def _is_sound(record: Any) -> bool:
    """Whether every field is there, of its type, and in characters that can be shown."""
    if not isinstance(record, dict) or record.get("hw") != FORMAT:
        return False
    data = record.get("data", ...)
    return bool(
        all(_is_word(record.get(k)) for k in ("question", "figure", "backend", "settings"))
        and all(_is_word(record.get(k)) for k in ("code", "results"))
        and isinstance(record.get("seeds"), list)
        and all(type(s) is int for s in record["seeds"])
        and isinstance(record.get("variants"), list)
        and all(map(_is_word, record["variants"]))
        and _are_values(record.get("changed"))
        and _are_values(record.get("lockstep", {}))
        and _are_values(record.get("versions"))
        and all(map(_is_word, record["versions"].values()))
        and (
            data is None
            or (isinstance(data, dict) and all(map(_is_word, map(data.get, _DATA_KEYS))))
        )
    )


_DATA_KEYS = ("name", "source", "sha256")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200 and value.isprintable()


def _are_values(value: Any) -> bool:
    """Names, each with a number, a word, or a list of such."""
    if not isinstance(value, dict):
        return False
    items = [item for v in value.values() for item in (v[:1000] if isinstance(v, list) else [v])]
    # A whole number of thousands of digits cannot even be printed.
    return all(map(_is_word, value)) and all(
        item is None or _is_word(item) or (isinstance(item, int | float) and abs(item) < 1e300)
        for item in items
    )


def _png_texts(file: BinaryIO, path: Path) -> Iterator[str]:
    """The text chunks: 4 bytes length, 4 bytes type, data, 4 bytes CRC (PNG, section 5.3)."""
    file.seek(8)
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or kind == b"IEND":
            return
        if kind not in (b"tEXt", b"iTXt") or size > MAX_TEXT:
            file.seek(size + 4, 1)
            continue
        data, crc = file.read(size), file.read(4)
        if len(data) < size or zlib.crc32(kind + data) != int.from_bytes(crc, "big"):
            raise HwError(f"{path}: a damaged PNG")
        keyword, _, text = data.partition(b"\0")
        if keyword == b"Keywords" and kind == b"tEXt":
            yield text.decode("latin-1")


def _pdf_texts(data: bytes) -> Iterator[str]:
    """The literal strings that follow ``/Keywords`` (ISO 32000-1, 7.3.4.2)."""
    left = 2 * MAX_TEXT  # of a file that repeats the word without end
    for found in re.finditer(rb"/Keywords\s{0,9}\(", data):
        text = _pdf_string(data[found.end() : found.end() + min(left, MAX_TEXT)])
        left -= max(len(text), 1000)
        if left <= 0:
            return
        if text.startswith(b"\xfe\xff"):
            yield text[2:].decode("utf-16-be", "replace")
        else:
            yield text.decode("latin-1")


_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _pdf_string(data: bytes) -> bytes:
    """The string that ends at the first parenthesis which closes none of its own."""
    parts: list[bytes] = []
    depth = 0
    for token in re.finditer(rb"\\([0-7]{1,3}|.)|[()]|[^()\\]+", data, re.DOTALL):
        word = token.group()
        if token.group(1) is not None:
            code = token.group(1)
            octal = code.isdigit()
            word = (
                bytes([int(code, 8) & 255]) if octal and code < b"8" else _ESCAPES.get(code, code)
            )
        elif word == b")":
            if not depth:
                return b"".join(parts)
            depth -= 1
        elif word == b"(":
            depth += 1
        parts.append(word)
    return b"".join(parts)  # cut short: no JSON


def _svg_texts(data: bytes) -> Iterator[str]:
    """Keywords of the Dublin Core metadata. Searched, not parsed: entities cannot expand."""
    for found in re.finditer(rb"<rdf:li>([^<]{1,1000000})</rdf:li>", data):
        yield html.unescape(found.group(1).decode("utf-8", "replace"))
