"""Diagnostics for a program, as plain values."""

from __future__ import annotations

from typing import Any

from engine.app.diagnostics.excerpts import Excerpts
from engine.kit.errors import Diagnostic


def values(problem: Diagnostic, excerpts: Excerpts) -> dict[str, Any]:
    """Give a diagnostic; `end_column` is behind the word it is about, and null where its line cannot be read."""
    span, excerpt = problem.span, excerpts(problem.span)
    return {"file": span.file, "line": span.line, "column": span.column, "end_column": excerpt and excerpt.end,
            "code": problem.code, "severity": problem.severity, "message": problem.message, "fix": problem.fix}  # fmt: skip
