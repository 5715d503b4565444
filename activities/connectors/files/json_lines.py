"""A JSON object on every line. Numbers are taken as they are written; what is an object or an array stays JSON, as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn, Self

import pyarrow as pa

from activities.connectors.files.feed import Feed, pieces
from activities.connectors.files.records import Records, Reject, Table, refused


def open_table(feed: Feed, taken: Sequence[str] | None) -> Table | Reject:
    """Open what is left of a file.

    Where no columns are told, they are those of the first object, and an object that has others is rejected. A column that an object
    does not have is null.
    """
    if taken is not None:
        return Table(names=tuple(taken), tasks=pieces(feed, partial(_block, names=taken, is_closed=False)))
    feed.fill()
    text = feed.data[: end[0]] if (end := feed.end_of_line(0)) else b""
    first = _object(text)
    if isinstance(first, str):
        return refused(feed.line, text, first)
    return Table(names=tuple(first), tasks=pieces(feed, partial(_block, names=tuple(first), is_closed=True)))


def _block(data: bytes, line: int, names: Sequence[str], is_closed: bool) -> Records:
    lines: list[int] = []
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    for number, text in enumerate(data.splitlines(), start=line):
        if not text.strip():
            continue
        found = _object(text)
        if not isinstance(found, str) and is_closed and found.keys() - set(names):
            strange = next(name for name in found if name not in names)
            found = f"the first object has no '{strange}'; name the columns with 'columns'"
        if isinstance(found, str):
            rejects.append(refused(number, text, found))
        else:
            lines.append(number)
            rows.append(found)
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return Records(lines=pa.array(lines, pa.int64()), columns=columns, rejects=tuple(rejects))


def _object(text: bytes) -> dict[str, str | None] | str:
    """Read an object, its values as text; or say why it is none."""
    try:
        found = json.loads(text, parse_float=_Written, parse_constant=_no_number, object_pairs_hook=_named_once)
        if not isinstance(found, dict):
            return "the line is no JSON object"
        return {name: _text(value) for name, value in found.items()}
    except (ValueError, RecursionError) as problem:
        return f"the line is no JSON object: {problem}"


class _Written(float):
    """A number that knows how it is written."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            text = "true" if value else "false"
        case str():
            text = value
        case _Written():
            text = value.text
        case _:
            text = json.dumps(value, ensure_ascii=False)
    if "\0" in text:
        raise ValueError("a value holds the character NUL")
    text.encode()  # half of a pair of surrogates is a ValueError
    return text
