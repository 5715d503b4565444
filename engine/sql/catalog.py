"""The project's dimensions and the database's tables, brought together in a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Definition, Dimension, Link
from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.expression.rows import is_declared_unique
from engine.kit.population import Population
from engine.kit.types import TEXT, Kind, from_sqlalchemy


class Tables(Protocol):
    """What knows the tables of a database: the database itself, or what was seen of it."""

    def reflect(self, table: str, span: Span | None = None) -> sa.Table:
        """Give a table; AuthorError when it does not exist."""


def build(
    known: Tables, dialect: Dialect, definitions: Mapping[str, Definition], sections: Mapping[str, Any]
) -> Catalog:
    """Read the tables that dimensions and links name. Raises AuthorError with every table, key or link column that is missing."""
    problems: list[Diagnostic] = []
    tables: dict[str, Dimension] = {}
    dimensions: dict[str, Dimension] = {}
    for name, definition in definitions.items():
        table = _table(known, definition.table, problems)
        if table is None:
            continue
        _columns_exist(table, (*definition.key, *definition.personal), problems)
        _tells_apart(table, definition.key, problems)
        links = {link: Link(name=link, target=_target(definition.links[link].target, definition.links[link].is_table),
                            on=definition.links[link].on, many=definition.links[link].many) for link in definition.links}  # fmt: skip
        for link in definition.links.values():
            _columns_exist(table, (ours for ours, _ in link.on), problems)
            behind = _behind(known, link.target, link.is_table, definitions, problems)
            if behind is not None:
                _columns_exist(behind, (theirs for _, theirs in link.on), problems)
                if link.is_table:
                    tables[_target(link.target, True)] = Dimension(
                        name=link.target,
                        table=behind,
                        key=_primary_key(behind),
                        is_key_declared=bool(_primary_key(behind)),
                    )
        dimensions[name] = Dimension(
            name=name, table=table, key=definition.key, links=links, consent=definition.consent, suppress=definition.suppress,
            personal=definition.personal,
            is_key_declared=is_declared_unique(table, set(definition.key)),
        )  # fmt: skip
    if problems:
        raise AuthorError(*problems)
    return Catalog(dialect=dialect, dimensions=dimensions, tables=tables, sections=sections)


def _target(name: str, is_table: bool) -> str:
    """Tables are kept apart from dimensions of the same name."""
    return f"table {name}" if is_table else name


def _table(known: Tables, name: str, problems: list[Diagnostic]) -> sa.Table | None:
    try:
        return known.reflect(name, getattr(name, "span", None))
    except AuthorError as problem:
        problems.extend(problem.diagnostics)
        return None


def _behind(
    known: Tables, target: str, is_table: bool, definitions: Mapping[str, Definition], problems: list[Diagnostic]
) -> sa.Table | None:
    if is_table:
        return _table(known, target, problems)
    if target not in definitions:
        problems.append(
            Diagnostic(
                getattr(target, "span", Diagnostic().span),
                "E201",
                f"there is no dimension '{target}'",
                suggestion(target, definitions, "dimensions"),
            )
        )
        return None
    return _table(known, definitions[target].table, problems)


def _columns_exist(table: sa.Table, names: Iterable[str], problems: list[Diagnostic]) -> None:
    for name in names:
        if name not in table.columns:
            problems.append(
                Diagnostic(
                    getattr(name, "span", Diagnostic().span),
                    "E203",
                    f"the table '{table.name}' has no column '{name}'",
                    suggestion(name, table.columns.keys(), "columns"),
                )
            )


def _tells_apart(table: sa.Table, key: Iterable[str], problems: list[Diagnostic]) -> None:
    """A key is hashed, written and read as a text, so each of its values must have one, the same everywhere."""
    for name in key:
        type_ = from_sqlalchemy(table.columns[name].type) if name in table.columns else TEXT
        if type_.is_carried or type_.kind in (Kind.FLOAT, Kind.INTERVAL):
            problems.append(
                Diagnostic(
                    getattr(name, "span", Diagnostic().span),
                    "E204",
                    f"the key '{name}' of the table '{table.name}' is of type {type_}, so not every database tells its values apart alike",
                    "name a key of whole numbers, texts or dates; declare a number NUMERIC(p, s), or make a view that casts it",
                )
            )


def _primary_key(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def with_lists(catalog: Catalog, lists: Mapping[str, Population]) -> Catalog:
    """Give the catalogue with other lists."""
    return replace(catalog, lists=lists)


def tables_named(definitions: Mapping[str, Definition]) -> set[str]:
    """Give the tables that dimensions and links name."""
    links = (link for definition in definitions.values() for link in definition.links.values() if link.is_table)
    return {*(definition.table for definition in definitions.values()), *(link.target for link in links)}


def dimensions_joined(catalog: Catalog, targeted: Iterable[str]) -> list[str]:
    """Give the dimensions whose rows are joined by key: the targeted ones, and those behind a to-one link that can be reached."""
    joined = [name for name in dict.fromkeys(targeted) if name in catalog.dimensions]
    reached = list(joined)
    for name in reached:
        for link in catalog.dimensions[name].links.values():
            if link.target not in catalog.dimensions:
                continue
            if not link.many and link.target not in joined:
                joined.append(link.target)
            if link.target not in reached:
                reached.append(link.target)
    return joined
