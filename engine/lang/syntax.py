"""What is wrong with a text that is no YAML, in words for whoever wrote it, and the text as it was meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

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
    "*": "the '*' begins an alias, and something follows it",
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


@dataclass(frozen=True)
class Slip:
    """Where a text stops being YAML, and how that line was meant, where that can be told."""

    problem: Diagnostic
    line: int = 0
    meant: str | None = None

    def repaired(self, text: str) -> str | None:
        """Give the text with that line as it was meant."""
        if self.meant is None:
            return None
        lines = LINE_END.split(text)
        lines[self.line - 1] = self.meant
        return "\n".join(lines)


def explained(said: str, at: Place, opened: Place | None, text: str, file: str) -> Slip:
    """Say what is wrong where the parser stopped; `opened` is where the mapping, list or quote begins that it was reading."""
    lines = LINE_END.split(text)
    number = min(at[0], len(lines))
    written = lines[number - 1]
    short = written if len(written) <= LONGEST_LINE else f"{written[:LONGEST_LINE]}…"
    opening = lines[opened[0] - 1][opened[1] - 1 : opened[1]] if opened and opened[0] <= len(lines) else ""
    indentation = written[: len(written) - len(written.lstrip())]
    key, value, begins = _parted(short)

    def slip(what: str, fix: str, place: Place = at, line: int = number, meant: str | None = None) -> Slip:
        return Slip(Diagnostic(Span(file, *place), CODE, f"YAML cannot be read here: {what}", fix), line, meant)

    if "\t" in indentation and at[1] <= len(indentation):
        return slip("a tab cannot indent", "indent with blanks", meant=_below(lines, number) + written.strip())
    if said == "found unexpected end of stream" and opened and opening:
        return never_closed(opened, text, file)
    if said.startswith("did not find expected ','") and opened and opened[0] < at[0] and opening in CLOSING:
        line = lines[opened[0] - 1].rstrip()
        meant = None if line.endswith((",", opening)) else line + CLOSING[opening]
        what, fix = f"the '{opening}' that opens here is never closed", f"close it with '{CLOSING[opening]}'"
        return slip(what, fix, opened, opened[0], meant)
    if said.startswith("did not find expected ','"):
        fix = "write this option on a line of its own, below its activity, and its value in quotes"
        return slip("something follows a value inside braces", fix)
    if said == "did not find expected key" and at[1] == len(indentation) + 1:
        meant = _below(lines, number) + written.strip()
        return slip(
            "this line is indented like none above it", f"indent it like its neighbours: {short.strip()}", meant=meant
        )
    if said.startswith("mapping values") and ": " not in written[: at[1] - 1]:
        return _without_key(lines, number, slip)
    if said.startswith("mapping values"):
        return slip("': ' inside of this value begins a key", _quoted(key, value), meant=_meant(written, key, value))
    if value[:1] in MISLEADING:
        return slip(MISLEADING[value[:1]], _quoted(key, value), (number, begins), meant=_meant(written, key, value))
    return slip(said, f"look at the indentation, quotes and colons of: {short.strip()}")


def never_closed(opened: Place, text: str, file: str) -> Slip:
    """Explain a quote that its line does not close, so that it ends where the file does, or where another one opens."""
    line = LINE_END.split(text)[opened[0] - 1].rstrip()
    quote = line[opened[1] - 1]
    what = "YAML cannot be read here: the quote that opens here is never closed"
    return Slip(Diagnostic(Span(file, *opened), CODE, what, f"close it with {quote}"), opened[0], line + quote)


def _without_key(lines: list[str], number: int, slip: Callable[..., Slip]) -> Slip:
    """Explain a line with a key where none can stand: it is indented too deep, or the line above it lacks its colon."""
    written = lines[number - 1]
    above = next((index for index in range(number - 1, 0, -1) if lines[index - 1].strip()), number)
    before = lines[above - 1]
    if above == number or re.search(r":(\s|$)", before):
        meant = _indentation(before) + written.strip()
        fix = f"indent it like the line above it: {before.strip()[:LONGEST_LINE]}"
        return slip("this line belongs to no key", fix, (number, len(_indentation(written)) + 1), meant=meant)
    words = before.strip()
    with_colon = re.sub(r"\s+|$", lambda gap: ": " if gap[0] else ":", words, count=1)
    place = (above, len(_indentation(before)) + 1)
    return slip(
        "this line has no colon", f"write {with_colon[:LONGEST_LINE]}", place, above, _indentation(before) + with_colon
    )


def _below(lines: list[str], number: int) -> str:
    """Give the indentation that a line has below the one above it."""
    before = next((line for line in reversed(lines[: number - 1]) if line.strip()), "")
    return _indentation(before) + "  " * before.rstrip().endswith(":")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _parted(line: str) -> tuple[str, str, int]:
    """Give the key of a line, its value, and the value's column; nothing where it has none."""
    found = re.match(r"\s*(?:- )?([^\s:'\"{\[]+):\s+(.*)", line)
    return (found[1], found[2].strip(), found.start(2) + 1) if found else ("", "", 0)


def _meant(line: str, key: str, value: str) -> str | None:
    """Give a line with its value quoted, where the whole of it is known."""
    return line[: line.index(f"{key}:")] + _quoted(key, value) if value and len(line) <= LONGEST_LINE else None


def _quoted(key: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}: "{escaped}"'
