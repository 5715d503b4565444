"""The lines that diagnostics are about."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.kit.errors import Span

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WORD = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|[\w.]+|[<>=!|]+|#.*|\S""")


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A line, and the word on it that a diagnostic points to: from `column`, which counts from 1, up to `end`, which is behind it."""

    line: str
    column: int
    end: int


Excerpts = Callable[[Span], Excerpt | None]
"""Gives the excerpt of a place; None where the file has no such line, or is not there."""


def excerpts() -> Excerpts:
    """Give what reads excerpts from files, each file once."""

    @cache
    def lines(file: str) -> list[str]:
        try:
            text = Path(file).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return []
        return _LINE_END.split(text)

    return lambda span: excerpt(lines(span.file), span) if span.line else None


def excerpt(lines: list[str], span: Span) -> Excerpt | None:
    """Give the excerpt of a place in these lines."""
    if span.line > len(lines):
        return None
    line = lines[span.line - 1]
    word = _WORD.match(line, span.column - 1)
    return Excerpt(line=line, column=span.column, end=word.end() + 1 if word else span.column)
