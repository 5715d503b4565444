"""What was expected held against what came: by value and as a multiset, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.app.testing import values
from engine.app.testing.tables import unknown_columns
from engine.app.testing.written import Expected, Rows
from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.types import Type

Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How rows differ. Rows of the same key, one on each side, are `differing`: what was expected, and what came."""

    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    missing: tuple[Row, ...] = ()
    extra: tuple[Row, ...] = ()
    differing: tuple[tuple[Row, Row], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One expectation that was not met: where it stands, about what, and the difference."""

    span: Span
    about: str
    message: str
    difference: Difference | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is there to compare with: the types of the columns, the key, and the rows by column."""

    columns: Mapping[str, Type]
    key: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]


def compare(expected: Expected, about: str, found: Found) -> list[Failure]:
    """Give what is not as expected of a port or a list.

    Only the columns named are compared, over all rows. Raises AuthorError where a column or a value cannot be.
    """
    failures = []
    if expected.count is not None and expected.count != len(found.rows):
        failures.append(
            Failure(
                span=expected.name.span,
                about=about,
                message=f"{_rows(expected.count)} expected, {len(found.rows)} found",
            )
        )
    if expected.rows is not None:
        failures.extend(_compare_rows(expected, expected.rows, about, found))
    return failures


def compare_texts(span: Span, about: str, column: str, expected: Iterable[str], found: Iterable[str]) -> list[Failure]:
    """Compare two sets of texts."""
    wanted, came = set(expected), set(found)
    missing, extra = (tuple((text,) for text in sorted(part)) for part in (wanted - came, came - wanted))
    if not missing and not extra:
        return []
    difference = Difference(columns=(column,), missing=missing, extra=extra)
    return [
        Failure(span=span, about=about, message=_summary(difference, len(wanted), len(came)), difference=difference)
    ]


def _compare_rows(expected: Expected, rows: Rows, about: str, found: Found) -> list[Failure]:
    named = _named(rows, found)
    unnamed = [name for name in found.columns if name not in named]
    if expected.exact and rows and unnamed:
        return [
            Failure(
                span=expected.name.span,
                about=about,
                message=f"it has also the columns {', '.join(unnamed)}, and 'exact' compares them all",
            )
        ]
    wanted = _typed(rows, named, found.columns)
    came = [tuple(values.canonical(row[name]) for name in named) for row in found.rows]
    missing = list((Counter(wanted) - Counter(came)).elements())
    extra = sorted((Counter(came) - Counter(wanted)).elements(), key=lambda row: [values.shown(value) for value in row])
    if not missing and not extra:
        return []
    key = found.key if set(found.key) <= set(named) else ()
    difference = _paired(named, key, missing, extra)
    return [
        Failure(
            span=expected.name.span,
            about=about,
            message=_summary(difference, len(wanted), len(came)),
            difference=difference,
        )
    ]


def _named(rows: Rows, found: Found) -> tuple[str, ...]:
    """Give the columns the rows name, all where nothing is expected; AuthorError when one does not exist or some rows leave one out."""
    if not rows:
        return tuple(found.columns)
    names = {str(column): column for row in reversed(rows) for column in row}
    problems = list(unknown_columns(rows, found.columns, "what came"))
    for row in rows:
        absent = next((name for name in names if name not in row), None)
        if absent is not None:
            problems.append(Diagnostic(row.span, "U017", f"this row does not name '{absent}', which line {names[absent].span.line} does",
                                       f"add '{absent}: null', or name it in no row"))  # fmt: skip
    if problems:
        raise AuthorError(*problems)
    return tuple(name for name in found.columns if name in names)


def _typed(rows: Rows, named: tuple[str, ...], types: Mapping[str, Type]) -> list[Row]:
    problems = []
    typed = []
    for row in rows:
        cells = []
        for name in named:
            try:
                cells.append(values.canonical(values.read(row[name], types[name])))
            except ValueError as wanted:
                said = f"'{row[name]}' is no value of '{name}', which is {types[name]}"
                problems.append(Diagnostic(row[name].span, "U015", said, f"write {wanted}"))
        typed.append(tuple(cells))
    if problems:
        raise AuthorError(*problems)
    return typed


def _paired(columns: tuple[str, ...], key: tuple[str, ...], missing: list[Row], extra: list[Row]) -> Difference:
    """Bring rows of the same key together, where each side has one."""
    places = [columns.index(name) for name in key]

    def key_of(row: Row) -> Row:
        return tuple(row[place] for place in places)

    counts = (Counter(map(key_of, missing)), Counter(map(key_of, extra)))
    both = {found for found in counts[0] if key and counts[0][found] == counts[1][found] == 1}
    came = {key_of(row): row for row in extra}
    return Difference(
        columns=columns, key=key,
        missing=tuple(row for row in missing if key_of(row) not in both),
        extra=tuple(row for row in extra if key_of(row) not in both),
        differing=tuple((row, came[key_of(row)]) for row in missing if key_of(row) in both),
    )  # fmt: skip


def _summary(difference: Difference, expected: int, found: int) -> str:
    counts = {
        "missing": len(difference.missing),
        "extra": len(difference.extra),
        "differing": len(difference.differing),
    }
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{said} ({_rows(expected)} expected, {found} found)"


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
