"""Lines that YAML reads otherwise than they were meant: what the author meant, and what only follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.kit.errors import AuthorError, Diagnostic
from engine.lang import source, syntax

MOST_REPAIRS = 20
MOST_REPAIRED_CHARACTERS = 1_000_000


def read_repaired(text: str, file: str) -> tuple[Any, tuple[Diagnostic, ...]]:
    """Give the values of a YAML text, repaired line by line where the fix is a whole line, and all its problems."""
    broken: list[Diagnostic] = []
    while len(broken) < (MOST_REPAIRS if len(text) < MOST_REPAIRED_CHARACTERS else 1):
        try:
            value, misread = source.read_on(text, file)
        except AuthorError as error:
            broken += error.diagnostics
            repaired = syntax.repaired(text, error.diagnostics[-1])
            if repaired is None:
                return None, tuple(broken)
            text = repaired
        else:
            return value, (*broken, *misread)
    return None, tuple(broken)


def follows(problem: Diagnostic, misread: Iterable[Diagnostic]) -> bool:
    """Say that a problem is only there because YAML read its line otherwise than it was meant."""
    codes = {each.code for each in misread if each.span.line == problem.span.line}
    return bool(codes & {syntax.CODE, "Y005", "Y010"}) or (problem.code == "E116" and bool(codes))


def with_whole_line(problem: Diagnostic, lines: list[str]) -> Diagnostic:
    """Give the fix for an expression that ` #` cut inside a text, where YAML begins a comment: its line, quoted."""
    line = lines[problem.span.line - 1] if 0 < problem.span.line <= len(lines) else ""
    cut = re.fullmatch(r"\s*(?:- )?([A-Za-z_]\w*): ([^\"'{\[].*?)( #.*)", line)
    if not problem.code.startswith("X") or cut is None or cut[2].count("'") % 2 == 0:
        return problem
    whole = (cut[2] + cut[3]).replace("\\", "\\\\").replace('"', '\\"')
    return replace(
        problem, code="Y011", message="YAML takes ' #' for the beginning of a comment", fix=f'{cut[1]}: "{whole}"'
    )
