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
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from hw.config import catalog
from hw.config.catalog import Question
from hw.config.settings import Layer, plain, read_yaml
from hw.errors import HwError, UsageError
from hw.results.fingerprint import code_digest, version
from hw.results.folder import Folder, digest
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
    variants = config.get("variants") or {}
    backend = config.get("backend", question.backend)
    packages = ("numpy", *(["torch"] if backend == "torch" else []), "matplotlib")
    seeds = config.get("seeds") or sorted({s["seed"] for s in variants.values() if "seed" in s})
    return {
        "hw": FORMAT,
        "question": question.id,
        "figure": figure,
        "backend": backend,
        "seeds": list(seeds),
        "variants": list(variants),
        "changed": _changed(question, config),
        "settings": digest(variants)[:SHORT],
        "code": _code(question),
        "data": data
        and {
            "name": str(data.get("name")),
            "source": str(data.get("source")),
            "sha256": str(data.get("sha256"))[:SHORT],
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
    }


def _changed(question: Question, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not as configured, and how torch computed where that is not plain."""
    changed = {k: config[k] for k in ("device", "precision") if k in config}
    for variant, settings in (config.get("variants") or {}).items():
        if variant in question.variants:
            configured = question.resolve(variant).as_dict()
            changed |= {k: v for k, v in settings.items() if configured.get(k) != v}
    # Seeds of several runs, or of one of a question's several, stand beside.
    if config.get("seeds") or question.seeds:
        changed.pop("seed", None)
    return changed


def _code(question: Question) -> str:
    return code_digest(question.module.__name__, question.data is not None)[:SHORT]


def results_digest(outcomes: Mapping[str, Outcome]) -> str:
    """Of what figures are drawn from, measured times left out; the same for outcomes that were
    just computed and for those read back."""
    values = {v: {**o.as_json(), "timing": None} for v, o in outcomes.items()}
    # Through JSON: a key that is a number comes back as a string, and sorts differently.
    return digest(json.loads(json.dumps(values)))[:SHORT]


def read_config(folder: Folder) -> dict[str, Any]:
    """config.yaml of a results folder; empty where there is none that can be read."""
    try:
        config = read_yaml(folder.path / "config.yaml")
        digest(config)
    except (HwError, ValueError, TypeError):  # the last two: what JSON does not know
        return {}
    if not isinstance(config, dict):
        return {}
    variants = config.get("variants")
    if not isinstance(variants, dict) or not all(isinstance(v, dict) for v in variants.values()):
        config.pop("variants", None)
    if not isinstance(config.get("seeds", []), list):
        config.pop("seeds")
    return config


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
    short = question.homework == catalog.DEFAULT_HOMEWORK
    words = [question.name if short else question.id]
    for key, value in sorted(record["changed"].items()):
        if "lockstep" in record and key == "dtype":
            continue  # lockstep has float64 unless told otherwise
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{key.replace('_', '-')}", "none" if value is None else text]
    if set(record["variants"]) != set(question.variants):
        for variant in record["variants"]:
            words += ["--variant", variant]
    seeds = [str(s) for s in record["seeds"]]
    if "lockstep" in record:
        for key, value in sorted(record["lockstep"].items()):
            words += [f"--{key}", str(value)]
    elif record["backend"] != question.backend:
        words += ["--backend", record["backend"]]
    if question.seeds and seeds != [str(s) for s in question.seeds]:
        words += ["--seeds" if len(seeds) > 1 else "--seed", ",".join(seeds)]
    elif not question.seeds and len(seeds) > 1:
        words += ["--seeds", ",".join(seeds)]
    if record["data"] and record["data"]["source"] == "stand-in":
        words += ["--data", "stand-in"]
    verb = "lockstep" if "lockstep" in record else "run"
    return f"python -m hw {verb} {shlex.join(words)}"


# Whether a figure is out of date


def out_of_date(record: Record, folder: Folder | None) -> list[str]:
    """Why the figure would be another one today; empty if it would not, as far as can be told
    without running anything.

    folder: the results folder that holds what the figure shows, if there is one.
    """
    try:
        question = catalog.find(record["question"])
        today = {v: _settings_today(question, v, record) for v in record["variants"]}
    except UsageError as error:
        return [f"its question or settings are gone: {error}"]
    reasons = []
    if digest(today)[:SHORT] != record["settings"]:
        reasons.append("the question's settings have changed")
    if record["code"] != _code(question):
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


def _settings_today(question: Question, variant: str, record: Record) -> dict[str, Any]:
    if variant not in question.variants:
        raise UsageError(f"{question.id} has no variant {variant}")
    values = {k: v for k, v in record["changed"].items() if k not in ("device", "precision")}
    names = question.module.Settings.__dataclass_fields__
    if len(record["seeds"]) == 1 and question.seeds and "seed" in names:
        values["seed"] = record["seeds"][0]
    found = question.resolve(variant, Layer("the figure", values)).as_dict()
    if len(record["seeds"]) > 1:
        found.pop("seed", None)
    return dict(plain(found))


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
