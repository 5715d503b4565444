"""What became of tests, for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.app.testing.comparing import Difference, Failure, Row
from engine.app.testing.running import Outcome
from engine.app.testing.values import shown
from engine.kit.errors import Diagnostic

MOST_ROWS = 20
WIDEST_CELL = 80


def line(outcome: Outcome) -> str:
    """Give the line of one test."""
    word = "passed" if outcome.is_passed else "invalid" if outcome.problems else "failed"
    return f"{word:<8}{outcome.test.span.file}:{outcome.test.span.line}  {outcome.test.name} ({outcome.seconds:.2f} s)"


def explanation(outcome: Outcome) -> str:
    """Say why a test did not pass: its failures with their tables, or the problems of the files."""
    way = ", ".join(f"{port} {count:,}" for port, count in outcome.way.items())
    parts = [*map(str, outcome.problems), *(_failure(failure) for failure in outcome.failures)]
    parts += [f"rows on the way: {way}"] if way else []
    return "\n".join(
        [f"{outcome.test.span}: {outcome.test.name}", *("  " + part.replace("\n", "\n  ") for part in parts)]
    )


def summary(passed: int, failed: int, problems: int) -> str:
    """Give the last line."""
    invalid = f", {problems} {'problem' if problems == 1 else 'problems'} in files" if problems else ""
    return f"{passed} passed, {failed} failed{invalid}"


def table(difference: Difference) -> str:
    """Draw rows that differ. A cell `a ≠ b` was expected to be a, and is b."""
    rows: list[Sequence[str]] = [("", *difference.columns)]
    rows.extend(("differing", *_differing(expected, came)) for expected, came in difference.differing[:MOST_ROWS])
    rows.extend(("missing", *map(_cell, row)) for row in difference.missing[:MOST_ROWS])
    rows.extend(("extra", *map(_cell, row)) for row in difference.extra[:MOST_ROWS])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for word, found in (
        ("differing", difference.differing),
        ("missing", difference.missing),
        ("extra", difference.extra),
    ):
        if len(found) > MOST_ROWS:
            lines.append(f"… and {len(found) - MOST_ROWS} more {word}")
    return "\n".join(lines)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Give a test's outcome as JSON values; rows are written as texts, null is null."""
    test = outcome.test
    return {
        "file": test.span.file, "line": test.span.line, "name": test.name, "activity": test.activity,
        "status": "passed" if outcome.is_passed else "invalid" if outcome.problems else "failed",
        "seconds": round(outcome.seconds, 3),
        "failures": [_failure_json(failure) for failure in outcome.failures],
        "problems": [problem_json(problem) for problem in outcome.problems],
    }  # fmt: skip


def problem_json(problem: Diagnostic) -> dict[str, Any]:
    span = problem.span
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "code": problem.code,
        "message": problem.message,
        "fix": problem.fix,
    }


def _failure(failure: Failure) -> str:
    head = f"{failure.span}: {failure.about}: {failure.message}"
    return f"{head}\n    {table(failure.difference).replace(chr(10), chr(10) + '    ')}" if failure.difference else head


def _differing(expected: Row, came: Row) -> Iterator[str]:
    for wanted, found in zip(expected, came, strict=True):
        yield _cell(wanted) if wanted == found else f"{_cell(wanted)} ≠ {_cell(found)}"


def _cell(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 1]}…"


def _failure_json(failure: Failure) -> dict[str, Any]:
    said = {"place": str(failure.span), "about": failure.about, "message": failure.message}
    difference = failure.difference
    if difference is None:
        return said
    return {
        **said, "columns": list(difference.columns), "key": list(difference.key),
        "missing": list(_rows_json(difference.columns, difference.missing)),
        "extra": list(_rows_json(difference.columns, difference.extra)),
        "differing": [
            {"expected": expected, "found": found}
            for expected, found in zip(_rows_json(difference.columns, (pair[0] for pair in difference.differing)),
                                       _rows_json(difference.columns, (pair[1] for pair in difference.differing)), strict=True)
        ],
    }  # fmt: skip


def _rows_json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[Mapping[str, str | None]]:
    for row in rows:
        yield {
            name: None if value is None else value if isinstance(value, str) else shown(value)
            for name, value in zip(columns, row, strict=True)
        }
