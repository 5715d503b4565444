"""Lines that YAML reads otherwise than they were meant: what the author meant, and what only follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.lang import source, syntax

MOST_REPAIRS = 20
MOST_REPAIRED_CHARACTERS = 1_000_000


def read_repaired(text: str, file: str) -> tuple[Any, tuple[Diagnostic, ...]]:
    """Give the values of a YAML text, repaired line by line where it can be told what was meant, and all its problems."""
    broken: list[Diagnostic] = []
    moved: dict[int, Sequence[int]] = {}
    authors = text = text.removeprefix("\ufeff")
    reached = 0
    while True:
        try:
            value, misread = source.read_on(text, file, moved)
        except source.Misread as error:
            slip = error.slip
            if slip.problem.span.line <= reached and slip.line in moved:
                return None, tuple(broken)
            broken += error.diagnostics
            repaired = slip.repaired(text)
            if repaired is None or len(moved) >= MOST_REPAIRS or len(text) > MOST_REPAIRED_CHARACTERS:
                return None, tuple(broken)
            reached = slip.problem.span.line
            moved[slip.line] = _columns(syntax.LINE_END.split(authors)[slip.line - 1], slip.meant or "")
            text = repaired
        except AuthorError as error:
            return None, (*broken, *error.diagnostics)
        else:
            return value, (*broken, *misread)


def _columns(written: str, meant: str) -> list[int]:
    """Give for each column of a repaired line the one of the author's line, from 0: in it are more blanks, quotes and colons."""
    first, begins = len(written) - len(written.lstrip()), len(meant) - len(meant.lstrip())
    at = len(written)
    columns = [at]
    for letter in reversed(meant[begins:]):
        at -= at > first and (letter == written[at - 1] or not written[at - 1].isprintable())
        columns.append(at)
    return [*(min(column, first) for column in range(begins)), *reversed(columns)]


def follows(problem: Diagnostic, misread: Iterable[Diagnostic]) -> bool:
    """Say that a problem is only there because YAML read its line otherwise than it was meant: without its value, or with a tag."""
    if problem.code in ("E109", "E116"):
        return any(each.span.line == problem.span.line for each in misread)
    return not problem.code.startswith("X") and any(
        each.code == "Y002" and each.span == problem.span for each in misread
    )


def without_doubles(
    misread: Iterable[Diagnostic], told: Iterable[Diagnostic], lines: Sequence[str]
) -> list[Diagnostic]:
    """Give what YAML misreads where an expression is no expression either way: there, that is what is told.

    A value that a comma cut and that is no expression as a whole either is not offered to be pasted.
    """
    unreadable = [problem.span for problem in told if problem.code.startswith("X")]
    kept = (each for each in misread if each.code not in (syntax.CODE, "Y002") or each.span not in unreadable)
    return [
        replace(problem, fix="write it on a line of its own, and mend its expression as is said here")
        if problem.code == "Y010" and any(_lies_in(span, problem, lines) for span in unreadable)
        else problem
        for problem in kept
    ]


def _lies_in(span: Span, cut: Diagnostic, lines: Sequence[str]) -> bool:
    """Say that a place lies in the value that a comma cut, which stands at the end of the fix."""
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    whole = cut.fix.partition(": ")[2]
    begins = line.find(whole) + 1
    return span.line == cut.span.line and begins <= span.column <= begins + len(whole)


def with_whole_line(problem: Diagnostic, lines: list[str]) -> Diagnostic:
    """Give the fix for an expression that ` #` cut inside a text, where YAML begins a comment: its line, quoted."""
    line = lines[problem.span.line - 1] if 0 < problem.span.line <= len(lines) else ""
    cut = re.fullmatch(r"\s*(?:- )?([A-Za-z_]\w*): ([^\"'{\[].*?) (#.*)", line)
    if not problem.code.startswith("X") or cut is None or cut[2].count("'") % 2 == 0:
        return problem
    whole = f"{cut[2]} {cut[3]}".replace("\\", "\\\\").replace('"', '\\"')
    return replace(
        problem,
        span=replace(problem.span, column=cut.start(3) + 1),
        code="Y011",
        message="YAML takes ' #' for the beginning of a comment",
        fix=f'{cut[1]}: "{whole}"',
    )
