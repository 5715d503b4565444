"""Where the values of a population's columns come from: exact, since the SQL is ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from engine.kit.expression.totals import Totals
from engine.kit.population import Population


@dataclass(frozen=True, order=True)
class Origin:
    """A column of a table of the project, of a list, or of rows from outside."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


Origins = frozenset[Origin]
Known = Mapping[str, Mapping[str, Origins]]
"""By the name of a table of ours, where its columns come from."""


def lineage(population: Population, known: Known) -> dict[str, Origins]:
    """Give the origins of every column: all columns its value is computed from. Conditions on rows are not among them."""
    tracing = _Tracing(known)
    return {name: tracing.origins(population.column(name)) for name in population.columns}


def columns_read(population: Population) -> tuple[frozenset[Origin], frozenset[str]]:
    """Give all that the rows hang on, conditions too: columns of the project's tables, and the names of tables of ours."""
    columns, ours = set(), set()
    waiting: list[Any] = [population.select()]
    for statement in waiting:  # which grows
        for part in visitors.iterate(statement):
            match part:
                case Totals():
                    waiting.append(part.statement())
                case sa.Column() if isinstance(table := _behind_aliases(part.table), sa.Table):
                    columns.add(Origin(table.fullname, part.name))
                case sa.TableClause() if not isinstance(part, sa.Table):
                    ours.add(part.name)
    return frozenset(columns), frozenset(ours)


def _behind_aliases(relation: Any) -> Any:
    while isinstance(relation, sa.Alias):
        relation = relation.element
    return relation


class _Tracing:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._seen: dict[int, tuple[Any, Origins]] = {}
        """By the identity of a column, which is kept alive beside what was found."""

    def origins(self, expression: Any) -> Origins:
        """Give all columns that an expression is computed from."""
        found = self._seen.get(id(expression))
        if found is None:
            columns = [part for part in visitors.iterate(expression) if isinstance(part, sa.ColumnClause)]
            found = (expression, frozenset().union(*(self._of_column(column) for column in columns)))
            self._seen[id(expression)] = found
        return found[1]

    def _of_column(self, column: sa.ColumnClause[Any]) -> Origins:
        if column.table is None:  # a constant of the engine's own, such as 1
            return frozenset()
        return frozenset().union(*self._in_relation(column.table, column.name))

    def _in_relation(self, relation: Any, name: str) -> Iterator[Origins]:
        match relation:
            case Totals():
                yield self.origins(relation.expression(name))
            case sa.Subquery() | sa.CTE():
                yield from self._in_statement(relation.element, name)
            case sa.Alias():
                yield from self._in_relation(relation.element, name)
            case sa.TableClause() if relation.name in self._known:
                yield self._known[relation.name].get(name, frozenset())
            case sa.TableClause():
                yield frozenset({Origin(relation.fullname, name)})

    def _in_statement(self, statement: Any, name: str) -> Iterator[Origins]:
        match statement:
            case sa.CompoundSelect():
                position = statement.selected_columns.keys().index(name)
                for part in statement.selects:
                    yield self.origins(list(part.selected_columns)[position])
            case sa.Select():
                yield self.origins(statement.selected_columns[name])
