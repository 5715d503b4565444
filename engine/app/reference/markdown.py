"""Markdown put together: documents, tables, and words that must not be taken for marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from inspect import cleandoc

NOTE = "<!-- Written by `audienceflow reference`; change the code instead. -->"


def document(title: str, *parts: str) -> str:
    """Give a page: a title, then its parts, parted by empty lines."""
    return "\n\n".join((f"# {title}", NOTE, *(part.strip("\n") for part in parts if part))) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table; nothing where it would have no row."""
    lines = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join((f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}", *lines))


def cell(text: str) -> str:
    """Give a text as it may stand in a table. Readers of Markdown disagree on a bar in code there, and not on HTML."""
    spans = re.sub(r"`([^`]*\|[^`]*)`", lambda match: f"<code>{escape(match[1]).replace('|', '&#124;')}</code>", text)
    return spans.replace("|", r"\|").replace("\n", " ")


def code(text: str) -> str:
    """Give a text as code, with as many backticks around it as it needs; nothing for nothing."""
    if not text:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(language: str, text: str) -> str:
    """Give a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def prose(doc: str | None) -> str:
    """Give a docstring as paragraphs: its lines joined, since a page is as wide as its reader's window."""
    paragraphs = cleandoc(doc or "").split("\n\n")
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", paragraph).strip() for paragraph in paragraphs)


def first_sentence(doc: str | None) -> str:
    return cleandoc(doc or "").partition("\n")[0]
