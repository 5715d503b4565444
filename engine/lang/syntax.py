"""What is wrong with a text that is no YAML, in words for whoever wrote it."""

from __future__ import annotations

import re

from engine.kit.errors import Diagnostic, Span

CODE = "Y001"
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML."""
MISLEADING = {
    "'": "the value ends with its second quote, and something follows",
    '"': "the value ends with its second quote, and something follows",
    "{": "the '{' begins a mapping, and something follows it",
    "[": "the '[' begins a list, and something follows it",
    ">": "the '>' begins a text of several lines",
    "|": "the '|' begins a text of several lines",
    "*": "the '*' begins an alias, and there is no anchor of that name",
    "@": "a value cannot begin with '@'",
    "%": "a value cannot begin with '%'",
    "`": "a value cannot begin with '`'",
}
"""What the first character of a value means in YAML, that authors mean as a part of the value."""

LONGEST_LINE = 1_000
"""Of a longer one no more is told."""
CLOSING = {"{": "}", "[": "]"}

Place = tuple[int, int]
"""A line and a column, from 1."""


def explained(said: str, at: Place, opened: Place | None, text: str, file: str) -> Diagnostic:
    """Say what is wrong where the parser stopped; `opened` is where the mapping, list or quote begins that it was reading."""
    lines = LINE_END.split(text)
    written = lines[min(at[0], len(lines)) - 1]
    written = written if len(written) <= LONGEST_LINE else f"{written[:LONGEST_LINE]}…"
    opening = lines[opened[0] - 1][opened[1] - 1 : opened[1]] if opened and opened[0] <= len(lines) else ""
    place, what, fix = at, said, f"look at the indentation, quotes and colons of: {written.strip()}"
    indentation = written[: len(written) - len(written.lstrip())]
    key, value = _parted(written)
    if "\t" in indentation and at[1] <= len(indentation):
        what, fix = "a tab cannot indent", "indent with blanks"
    elif "another document" in said:
        what, fix = "a second document begins here", "take '---' out, or write what follows into a file of its own"
    elif said == "found unexpected end of stream" and opened and opening:
        place, what, fix = opened, "the quote that opens here is never closed", f"close it with {opening}"
    elif said.startswith("did not find expected ','") and opened and opened[0] < at[0] and opening in CLOSING:
        what, fix = f"the '{opening}' that opens here is never closed", f"close it with '{CLOSING[opening]}'"
        place = opened
    elif said.startswith("did not find expected ','"):
        what = "something follows a value inside braces"
        fix = "write this option on a line of its own, below its activity, and its value in quotes"
    elif said == "did not find expected key" and at[1] == len(indentation) + 1:
        what, fix = "this line is indented like none above it", f"indent it like its neighbours: {written.strip()}"
    elif said.startswith("mapping values") and ": " not in written[: at[1] - 1]:
        above = next((line.strip() for line in reversed(lines[: at[0] - 1]) if line.strip()), "")
        what = "this line belongs to no key"
        fix = f"indent it like the line above it, or end that one with a colon: {above}"
    elif said.startswith("mapping values"):
        what, fix = "': ' inside of this value begins a key", _quoted(key, value)
    elif value[:1] in MISLEADING:
        what, fix = MISLEADING[value[:1]], _quoted(key, value)
    return Diagnostic(Span(file, *place), CODE, f"YAML cannot be read here: {what}", fix)


def repaired(text: str, problem: Diagnostic) -> str | None:
    """Give the text with the line of a problem as its fix says, where that is a whole line."""
    lines = LINE_END.split(text)
    written = lines[problem.span.line - 1] if problem.span.line <= len(lines) else ""
    key, value = _parted(written)
    if problem.code != CODE or not value or problem.fix != _quoted(key, value):
        return None
    lines[problem.span.line - 1] = written[: written.index(f"{key}:")] + problem.fix
    return "\n".join(lines)


def _parted(line: str) -> tuple[str, str]:
    """Give the key of a line and its value; nothing where it has none."""
    found = re.match(r"\s*(?:- )?([^\s:'\"{\[]+):\s+(.*)", line)
    return (found[1], found[2].strip()) if found else ("", "")


def _quoted(key: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}: "{escaped}"'
