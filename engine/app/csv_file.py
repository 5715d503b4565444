"""CSV files that people write: a header, commas, UTF-8. An empty field is null, a quoted empty one the empty text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from engine.app.options import label_of
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.option import Scalar
from engine.lang.source import MOST_PROBLEMS, Items

LONGEST_LINE = 1_000_000
QUOTES = 'write "…" around the whole value, and "" for a quote inside it'

_FIELD = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",]*))(?P<end>,|\Z)')
_Record = tuple[int, str]
"""The number of the first line, and the text up to the line that ends it: a quoted field may go on over several."""


def header(path: Path, named_at: Span | None = None) -> tuple[Scalar, ...]:
    """Give the names of the columns. Raises AuthorError, at `named_at` where there is no such file."""
    label = label_of(path)
    try:
        with path.open("rb") as file:
            first = next(_records(file, label), (1, ""))
    except OSError as problem:
        beside = sorted(item.name for item in path.parent.glob("*.csv")) if path.parent.is_dir() else []
        what = f"the file {label} cannot be read: {problem.strerror}"
        raise AuthorError.at(named_at, "C001", what, suggestion(path.name, beside, "CSV files there")) from None
    names = [name or Scalar.at("", Span(label, first[0], 1)) for name in _fields(first, label)]
    seen: set[str] = set()
    for name in names:
        if not name or name.lower() in seen:
            what = f"the header names the column '{name}' twice" if name else "a column of the header has no name"
            raise AuthorError.at(name.span, "C002", what, "give every column a name of its own in the first line")
        seen.add(name.lower())
    return tuple(names)


def rows(path: Path) -> Iterator[Items]:
    """Give the rows below the header, each with its place, and with as many fields as the header. Empty lines are left out.

    Raises AuthorError with every line that is wrong, after the last row.
    """
    label, width = label_of(path), len(header(path))
    problems: list[Diagnostic] = []
    with path.open("rb") as file:
        for record in islice(_records(file, label), 1, None):
            if not record[1]:
                continue
            try:
                row = _fields(record, label)
            except AuthorError as problem:
                problems.extend(problem.diagnostics)
            else:
                if len(row) == width:
                    yield row
                else:
                    what = f"this line has {len(row)} fields, the header {width}"
                    fix = f"write {width} fields, with {width - 1} commas between them"
                    problems.append(Diagnostic(row.span, "C003", what, fix))
            if len(problems) >= MOST_PROBLEMS:
                break
    if problems:
        raise AuthorError(*problems)


def _records(file: BinaryIO, label: str) -> Iterator[_Record]:
    held: list[str] = []
    first, quotes = 1, 0
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
        text = _decoded(line, Span(label, number, 1))
        first = first if held else number
        held.append(text)
        quotes += text.count('"')
        if quotes % 2 == 0:
            yield first, "\n".join(held)
            held, quotes = [], 0
    if held:
        raise AuthorError.at(Span(label, first, 1), "C003", "a quote that begins here is never closed", QUOTES)


def _decoded(line: bytes, place: Span) -> str:
    if len(line) > LONGEST_LINE:
        what = f"this line has more than {LONGEST_LINE:,} bytes"
        raise AuthorError.at(place, "C003", what, "end lines with a line feed")
    try:
        text = line.decode("utf-8-sig" if place.line == 1 else "utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise AuthorError.at(place, "C003", "this line is not UTF-8", "save the file as UTF-8") from None
    if "\0" in text:
        raise AuthorError.at(place, "C003", "this line holds the character NUL", "save the file as UTF-8")
    return text


def _fields(record: _Record, label: str) -> Items:
    """Read the fields of a record. Raises AuthorError where quotes do not stand around a whole field."""
    line, text = record
    row = Items()
    row.span = Span(label, line, 1)
    at, is_last = 0, False
    while not is_last:
        found = _FIELD.match(text, at)
        if found is None:
            raise AuthorError.at(_place(record, at, label), "C003", "a quote stands inside this field", QUOTES)
        quoted, plain = found["quoted"], found["plain"]
        if quoted is not None:
            row.append(Scalar.at(quoted.replace('""', '"'), _place(record, at + 1, label)))
        else:
            row.append(Scalar.at(plain, _place(record, at, label)) if plain else None)
        at, is_last = found.end(), not found["end"]
    return row


def _place(record: _Record, at: int, label: str) -> Span:
    line, text = record
    return Span(label, line + text.count("\n", 0, at), at - text.rfind("\n", 0, at))
