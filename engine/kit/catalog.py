"""What a workflow can refer to: dimensions, tables, lists, and the project's sections. A value, read before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, Span, suggestion
from engine.kit.expression import Expr
from engine.kit.expression.catalogue import FUNCTIONS
from engine.kit.expression.functions import Function
from engine.kit.population import Population
from engine.kit.types import Type, from_sqlalchemy


@dataclass(frozen=True, kw_only=True)
class Link:
    """A way from a dimension or table to another: pairs of our column and theirs.

    A to-one link may find nobody; the columns behind it are null then.
    """

    name: str
    target: str
    """The name of a dimension, which brings its own links, or of a table."""
    on: tuple[tuple[str, str], ...]
    many: bool = False
    one: str | None = None
    """What a path follows instead of the target, where only one of its rows is meant."""
    is_own: bool = False
    """Our columns are the population's, found on the way or not, before they are its dimension's."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A table with its key, links and rules. A bare table that a link reaches is one too, without rules."""

    name: str
    table: sa.Table
    key: tuple[str, ...]
    links: Mapping[str, Link] = field(default_factory=dict)
    consent: Mapping[str, Expr] = field(default_factory=dict)
    """By purpose, the condition under which a row may be used for it; null is no."""
    suppress: tuple[str, ...] = ()
    """Names of the lists left out of every share."""
    personal: tuple[str, ...] = ()
    """Columns whose values, and what is computed from them, are shown to nobody."""
    is_key_declared: bool = False
    """The database itself keeps the key unique."""

    @cached_property
    def columns(self) -> Mapping[str, Type]:
        return {column.name: from_sqlalchemy(column.type) for column in self.table.columns}

    def population(self) -> Population:
        """Give all rows of the dimension, with the columns of its table."""
        columns = {name: type_ for name, type_ in self.columns.items() if name in self.key}
        return Population(
            relation=self.table,
            key=self.key,
            columns={**columns, **self.columns},
            dimension=self.name,
            unique=self.is_key_declared,
        )


@dataclass(frozen=True, kw_only=True)
class LinkDefinition:
    """A link as the project file says it."""

    target: str
    is_table: bool
    on: tuple[tuple[str, str], ...]
    many: bool


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A dimension as the project file says it, before the database was asked."""

    table: str
    key: tuple[str, ...]
    links: Mapping[str, LinkDefinition] = field(default_factory=dict)
    consent: Mapping[str, Expr] = field(default_factory=dict)
    suppress: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class History:
    """What earlier runs of one activity left behind, as far as it was committed; this run's own is not in it.

    `runs` has their `time` and `date`; `keys` has whom they returned, the `key` as `population.key_text` writes it, with the `time`.
    """

    time: datetime
    """What this run is for, in UTC without a zone; `date` is the workflow's."""
    date: date
    runs: sa.FromClause
    keys: sa.FromClause


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything a name can mean, for one database."""

    dialect: Dialect
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    tables: Mapping[str, Dimension] = field(default_factory=dict)
    """Tables that links reach without being a dimension; their key may be empty."""
    lists: Mapping[str, Population] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=lambda: FUNCTIONS)
    sections: Mapping[str, Any] = field(default_factory=dict)
    """The sections of the project file that components registered, each as its own model."""
    history: History | None = None
    """Of the activity that is asked to select."""
    report: Callable[[AuthorError], None] | None = None
    """Takes the problems of expressions, so that a plan finds them all; where it is absent, the first one is raised."""

    def dimension(self, name: str, span: Span | None = None) -> Dimension:
        """Give the dimension; AuthorError when the project has none of that name."""
        if name not in self.dimensions:
            what = f"there is no dimension '{name}'" if name else "nothing says of which dimension the rows are"
            fix = suggestion(name, self.dimensions, "dimensions")
            raise AuthorError.at(
                span or getattr(name, "span", None), "E201", what, fix if name else f"write 'dimension: …' ({fix})"
            )
        return self.dimensions[name]

    def behind(self, link: Link, *, one: bool = False) -> Dimension:
        """Give what a link leads to; with `one`, what a path follows."""
        target = (link.one if one else None) or link.target
        return self.dimensions.get(target) or self.tables[target]
