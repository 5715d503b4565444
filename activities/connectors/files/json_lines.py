"""A JSON object on every line. Numbers are taken as they are written; what is an object or an array stays JSON, as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

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
    text = b""
    while feed.fill() and not text.strip():
        ends = feed.end_of_line(0)
        if ends is None:
            return feed.skip_line()
        text = feed.data[: ends[0]]
        if not text.strip():
            feed.take(ends[1])
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
        found = json.loads(
            text, parse_float=_Written, parse_int=_Written, parse_constant=_no_number, object_pairs_hook=_named_once
        )
        if not isinstance(found, dict):
            return "the line is no JSON object"
        return {_held(name): None if value is None else _held(_text(value)) for name, value in found.items()}
    except (ValueError, RecursionError) as problem:
        return f"the line is no JSON object: {problem}"


class _Written(str):
    """A number, as it is written."""

    __slots__ = ()


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    """Write JSON again, its numbers as they were."""
    match value:
        case _Written():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_json(name)}: {_json(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _held(text: str) -> str:
    """Refuse a text that no database holds."""
    if "\0" in text:
        raise ValueError("a value holds the character NUL")
    text.encode()  # half of a pair of surrogates is a ValueError
    return text
