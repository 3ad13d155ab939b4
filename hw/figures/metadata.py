"""The records of `hw.figures.provenance` in the metadata of a figure's file: written and read.

A record is a JSON object of plain ASCII: ``Keywords`` in the Info dictionary of a PDF, in a text
chunk of a PNG, in the RDF of an SVG. What is read may be any file: its size is bounded, what is
found in it is checked field by field, and nothing in it is decoded but text.
"""

from __future__ import annotations

import html
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from hw.errors import HwError
from hw.figures.provenance import FORMAT, Record, command

MAX_FILE = 20_000_000  # bytes; the largest of ours has less than a million
MAX_TEXT = 1_000_000
MAX_TEXTS = 1000  # of a file, and records of a text
# A literal string as matplotlib writes it, every parenthesis and backslash in it escaped.
_IN_PDF = re.compile(rb"/Keywords \(([^()\\]*+(?:\\[()\\][^()\\]*+)*+)\)")
# Searched and not parsed, so that no entity is expanded.
_IN_SVG = re.compile(rb"<rdf:li>([^<]*+)</rdf:li>")


def fields(records: Record | Sequence[Record], title: str) -> dict[str, str]:
    """What `hw.figures.style.save` writes into a file: one record, or those of all its figures."""
    several = [records] if isinstance(records, dict) else list(records)
    made_by = dict.fromkeys(command(r) for r in several)
    return {
        "Title": title,
        "Description": "; ".join(made_by),
        "Keywords": json.dumps(records, sort_keys=True, ensure_ascii=True, allow_nan=False),
    }


def read(path: Path) -> list[Record]:
    """The records in a figure's file, in the order in which they stand.

    Raises `HwError` for a file that cannot be read, is no figure, or carries no record.
    """
    try:
        with path.open("rb") as file:
            texts = list(islice(_texts(file, path), MAX_TEXTS))
    except OSError as error:
        raise HwError(f"{path}: {error.strerror or error}") from error
    records = [r for text in texts if len(text) <= MAX_TEXT for r in _records(text)]
    if not records:
        raise HwError(f"{path}: does not say where it comes from, as every figure of hw does")
    return records


def _texts(file: BinaryIO, path: Path) -> Iterator[str]:
    """The texts of a file's metadata that may be records."""
    if file.seek(0, 2) > MAX_FILE:
        raise HwError(f"{path}: larger than {MAX_FILE} bytes, which no figure of hw is")
    file.seek(0)
    data = file.read(MAX_FILE)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield _png_text(file, path)
    elif data.startswith(b"%PDF-"):
        for found in _IN_PDF.finditer(data):
            yield re.sub(rb"\\(.)", rb"\1", found[1]).decode("latin-1")
    elif data.lstrip().startswith((b"<?xml", b"<svg")):
        for found in _IN_SVG.finditer(data):
            yield html.unescape(found[1].decode("utf-8", "replace"))
    else:
        raise HwError(f"{path}: neither PDF, PNG nor SVG")


def _png_text(file: BinaryIO, path: Path) -> str:
    """The text that stands before the pixels, of which none is decoded."""
    from PIL import Image

    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=["PNG"]) as image:
                return str(image.info.get("Keywords", ""))
    except Exception as error:  # Pillow's errors have no common class
        raise HwError(f"{path}: a damaged PNG") from error


# What is sound in a record


def _records(text: str) -> list[Record]:
    """The sound records in a text: one, or a list of them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    several = value if isinstance(value, list) else [value]
    return [r for r in several[:MAX_TEXTS] if _is_sound(r)]


def _is_sound(record: Any) -> bool:
    """Whether every field is there, of its type, and in characters that can be shown."""
    return (
        isinstance(record, dict)
        and record.keys() >= _FIELDS.keys()
        and all(is_sound(record[name]) for name, is_sound in _FIELDS.items())
        and _are_values(record.get("lockstep", {}))
    )


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200 and value.isprintable()


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_word, value))


def _are_seeds(value: Any) -> bool:
    return isinstance(value, list) and all(type(seed) is int for seed in value)


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


def _are_versions(value: Any) -> bool:
    return _are_values(value) and all(map(_is_word, value.values()))


def _is_data(value: Any) -> bool:
    keys = ("name", "source", "sha256")
    return value is None or (isinstance(value, dict) and all(_is_word(value.get(k)) for k in keys))


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "hw": lambda version: bool(version == FORMAT),
    **dict.fromkeys(("question", "figure", "backend", "settings", "code", "results"), _is_word),
    "seeds": _are_seeds,
    "variants": _are_words,
    "changed": _are_values,
    "versions": _are_versions,
    "data": _is_data,
}
