"""Diagnostics for a person at a terminal: each with its line, and carets below the word it is about."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from engine.app.diagnostics.excerpts import Excerpt
from engine.kit.errors import Diagnostic

CUT = "…"


def shown(problem: Diagnostic, excerpt: Excerpt | None, width: int) -> Text:
    """Give a diagnostic with its excerpt, which is cut to the width; the lines that a program reads are the same without it."""
    colour = "red" if problem.severity == "error" else "yellow"
    text = Text.assemble(
        (f"{problem.span}: " if problem.span.line else "", "bold"), (problem.code, colour), f" {problem.message}"
    )
    if excerpt is not None:
        text.append("\n")
        text.append_text(_excerpt(excerpt, problem.span.line, width, colour))
    if problem.fix:
        text.append(f"\n  fix: {problem.fix}")
    return text


def _excerpt(excerpt: Excerpt, number: int, width: int, colour: str) -> Text:
    gutter = f"{number:>5} │ "
    line = "".join(character if character.isprintable() else " " for character in excerpt.line)
    start, end = excerpt.column - 1, max(excerpt.end, excerpt.column + 1) - 1
    room = max(width - len(gutter) - 2 * len(CUT), 20)
    skipped = max(0, min(start - room // 2, len(line) - room)) if cell_len(line) > room else 0
    before, word = line[skipped:start], line[start:end]
    seen = line[skipped : skipped + room] if cell_len(line) > room else line
    first, last = CUT if skipped else "", CUT if skipped + len(seen) < len(line) else ""
    carets = "^" * max(1, min(cell_len(word), room - cell_len(before)))
    blanks = " " * (cell_len(first) + cell_len(before) + max(0, start - len(line)))
    return Text.assemble((gutter, "dim"), first, seen, last, "\n", (f"{'│ ':>8}", "dim"), blanks, (carets, colour))
