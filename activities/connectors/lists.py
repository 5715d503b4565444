"""The lists that a project declares: `lists:` in project.yaml, held against what activities read and write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, Span, suggestion
from engine.kit.option import ColumnType, Name, Options, option
from engine.kit.population import Population
from engine.kit.section import Section


class ListSettings(Options):
    """A list that workflows share: what it is of, and the columns it has beside its key."""

    label: Name | None = option("What it is for.", default=None, example="Who must not be written to")
    dimension: Name | None = option(
        "The dimension of its rows; a list of lines has none.", default=None, example="household"
    )
    columns: dict[str, ColumnType] = option(
        "Columns beside the key, and their types; it may have others, too.", default={}, example={"score": "integer"}
    )


LISTS = Section(model=ListSettings, many=True)


def check(name: str, rows: Population, catalog: Catalog, span: Span | None) -> None:
    """Hold the rows of a list, about to be written or read, against its declaration. Raises AuthorError where they do not fit."""
    if not name or name != name.strip():
        what = f"a list cannot be called '{name}': its name is empty, or has blanks at an end"
        raise AuthorError.at(span, "L005", what, "write a name, or another default for what it is computed from")
    declared: Mapping[str, Any] = catalog.sections.get("lists") or {}
    settings = declared.get(name)
    if settings is None:
        return
    if settings.dimension != rows.dimension:
        theirs, ours = (f"rows of {each}" if each else "lines" for each in (settings.dimension, rows.dimension))
        raise AuthorError.at(
            span,
            "L002",
            f"project.yaml declares the list '{name}' as {theirs}, and these are {ours}",
            f"bring the rows to that dimension first, or correct 'lists: {name}:' in {_place(settings.dimension)}",
        )
    for column, type_ in settings.columns.items():
        held = rows.columns.get(column)
        if held is None:
            there = suggestion(column, rows.columns, "columns of the rows")
            message = f"project.yaml declares a column '{column}' of the list '{name}', which these rows have not"
            raise AuthorError.at(span, "L003", message, f"add it before; {there}")
        if held != type_:
            message = (
                f"project.yaml declares the column '{column}' of the list '{name}' as {type_}, and here it is {held}"
            )
            raise AuthorError.at(
                span, "L004", message, f"change the column, or write '{column}: {held}' in project.yaml"
            )


def check_key(name: str, rows: Population, catalog: Catalog, span: Span | None) -> None:
    """Hold the key of a list against its dimension, which may have another one by now. Raises AuthorError where they differ."""
    if rows.dimension is None:
        return
    if rows.dimension not in catalog.dimensions:
        what = f"the list '{name}' holds rows of the dimension '{rows.dimension}', which the project has not got"
        raise AuthorError.at(span, "L006", what, suggestion(rows.dimension, catalog.dimensions, "dimensions"))
    dimension = catalog.dimensions[rows.dimension]
    kept, now = (
        [(each, columns[each].kind) for each in key]
        for key, columns in ((rows.key, rows.columns), (dimension.key, dimension.columns))
    )
    if kept != now:
        theirs, ours = (", ".join(f"{each} {kind}" for each, kind in key) for key in (kept, now))
        what = f"the list '{name}' is by {theirs}, and the dimension '{dimension.name}' is by {ours}"
        raise AuthorError.at(span, "L006", what, f"fill '{name}' again with 'mode: replace'")


def _place(name: str | None) -> str:
    span = getattr(name, "span", None)
    return f"{span.file}:{span.line}" if span is not None else "project.yaml"
