"""Rows that came out, as tests in Python see them."""

from __future__ import annotations

from typing import Any

from engine.app.testing.running import found
from engine.kit.population import Population
from engine.sql.database import Database


class PortRows(list[dict[str, Any]]):
    """The rows of a port or a list, in the order of the key, and the portable types of its columns."""

    def __init__(self, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
        super().__init__(rows)
        self.columns = columns


def port_rows(population: Population, db: Database) -> PortRows:
    """Read the rows of a population."""
    rows = [dict(row) for row in found(population, db).rows]
    rows.sort(key=lambda row: [(row[name] is None, row[name]) for name in population.key])
    return PortRows(rows, {name: str(type_) for name, type_ in population.columns.items()})
