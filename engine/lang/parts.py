"""YAML text as it is written: where its values begin and end, and its comments, which reading it leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from engine.lang.source import Loader

BYTE_ORDER_MARK = "\ufeff"
"""May begin a text; the places in it are counted without."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of YAML as it is written: its text is `text[start:end]`, an anchor of a scalar included.

    `items` are the values of a list; of a mapping, keys and values in turn.
    """

    kind: Literal["scalar", "alias", "list", "mapping"]
    start: int
    end: int
    style: str = ""
    """The quote, `|` or `>` of a scalar; `flow` for a collection in brackets or braces."""
    value: str = ""
    anchor: str = ""
    items: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment, from its `#` to the end of its line, and the first and last line of what it is about."""

    start: int
    text: str
    line: int
    column: int
    first: int
    last: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def parts(text: str) -> Part | None:
    """Give the parts of a text that `read` can read, without its byte order mark; None where it holds comments alone."""
    events: Iterator[Any] = yaml.parse(text, Loader=Loader)
    for event in events:
        if isinstance(event, yaml.NodeEvent):
            return _part(event, events)
    return None


def comments(text: str) -> Iterator[Comment]:
    """Give the comments of a text without its byte order mark, as far as it can be read as YAML.

    A comment beside a value of several lines, or behind the `|` that begins one, is about all lines of it.
    """
    at, line, first = 0, 1, 1
    events: Iterator[Any] = yaml.parse(text, Loader=Loader)
    try:
        for event in events:
            start, end = event.start_mark, event.end_mark
            if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.StreamEndEvent):
                continue
            yield from _comments_between(text, at, start.index, line, first)
            at, line, first = end.index, end.line + 1, start.line + 1
            if getattr(event, "style", None) in ("|", ">"):
                if header := _BLOCK_HEADER.match(text, start.index):
                    yield _comment(text, header, first, first, line - (end.column == 0))
                first = line
    except yaml.YAMLError:
        return


_BLOCK_HEADER = re.compile(r"(?:[&!]\S*\s+)*[|>][-+0-9]*[ \t]+(?P<comment>#[^\n]*)")
_BETWEEN_VALUES = re.compile(r"^%[^\n]*|[&!][^\s,\[\]{}]*|(?P<comment>#[^\n]*)|(?P<line_end>\n)", re.MULTILINE)


def _comments_between(text: str, start: int, end: int, line: int, first: int) -> Iterator[Comment]:
    """Find the comments between two values; one beside the value before is about its lines, from `first` to `line`."""
    for found in _BETWEEN_VALUES.finditer(text, start, end):
        if found["comment"]:
            yield _comment(text, found, line, first, line)
        elif found["line_end"]:
            line += 1
            first = line


def _comment(text: str, found: re.Match[str], line: int, first: int, last: int) -> Comment:
    start = found.start("comment")
    column = start - text.rfind("\n", 0, start)
    return Comment(start=start, text=found["comment"].rstrip(), line=line, column=column, first=first, last=last)


def _part(event: Any, events: Iterator[Any]) -> Part:
    start, end, anchor = event.start_mark.index, event.end_mark.index, event.anchor or ""
    match event:
        case yaml.AliasEvent():
            return Part(kind="alias", start=start, end=end)
        case yaml.ScalarEvent():
            return Part(kind="scalar", start=start, end=end, style=event.style or "", value=event.value, anchor=anchor)
        case _:
            items: list[Part] = []
            for following in events:
                end = following.end_mark.index
                if isinstance(following, yaml.CollectionEndEvent):
                    break
                items.append(_part(following, events))
            kind: Literal["list", "mapping"] = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
            style = "flow" if event.flow_style else ""
            return Part(kind=kind, start=start, end=end, style=style, anchor=anchor, items=tuple(items))
