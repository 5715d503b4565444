"""Populations that a test gives: rows typed, laid into a table, and fired as if an activity had made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.app.testing import tables, values
from engine.app.testing.written import Rows
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.option import Scalar
from engine.kit.population import Population
from engine.kit.types import TEXT
from engine.lang.spec import Reference
from engine.runs.decide import FIRST
from engine.runs.execution import Execution
from engine.sql.database import Database, stored_population
from engine.state import facts as f


def laid_out(
    db: Database, target: sa.TableClause, name: Scalar, rows: Rows, like: Population, *, is_whole: bool = False
) -> Population:
    """Type rows as a population is typed, and give them as one over a new table.

    A column that `like` has not is typed by its values, or refused where it has them all (`is_whole`). Raises AuthorError for
    those, for values of another type, and for rows without their key or with one that repeats.
    """
    problems = list(tables.unknown_columns(rows, like.columns, f"'{name}'")) if is_whole else []
    more = dict.fromkeys(str(column) for row in rows for column in row if column not in like.columns)
    columns = {
        **like.columns,
        **({} if is_whole else {column: values.infer(tables.texts(rows, column)) or TEXT for column in more}),
    }
    typed = tables.typed(rows, columns, problems)
    if not problems:
        problems.extend(tables.repeated(rows, typed, like.key))
    if problems:
        raise AuthorError(*problems)
    return stored(db, target, replace(like, columns=columns), typed)


def stored(db: Database, target: sa.TableClause, like: Population, rows: Sequence[Mapping[str, Any]]) -> Population:
    """Make a table of rows that are typed already, and give the population over it."""
    tables.work_table(db, target, like.columns, rows)
    return replace(stored_population(target, like), unique=True, count=len(rows))


def like_a_dimension(name: Scalar, rows: Rows, catalog: Catalog, preferred: str | None) -> Population:
    """Give what rows are rows of: the preferred dimension, unless they bear the key of just one other.

    Only the columns they name are claimed. AuthorError when it cannot be told.
    """
    fitting = [
        dimension for dimension in catalog.dimensions.values() if all(set(dimension.key) <= set(row) for row in rows)
    ]
    own = [dimension for dimension in catalog.dimensions.values() if dimension.name == preferred]
    chosen = own if own and (own[0] in fitting or len(fitting) != 1) else fitting
    if len(chosen) != 1:
        keys = "; ".join(
            f"{dimension.name} has {', '.join(dimension.key)}" for dimension in catalog.dimensions.values()
        )
        raise AuthorError.at(name.span, "U019", f"it cannot be told which dimension the rows of '{name}' are of",
                             f"give each row the key of one: {keys}" if keys else "declare one in project.yaml")  # fmt: skip
    population = chosen[0].population()
    written = {str(column) for row in rows for column in row}
    return population.only([column for column in population.columns if column in written])


def fired(execution: Execution, reference: Reference, population: Population) -> f.TransitionFired:
    """Give the fact that an activity's port fired a population, which lies in its work table."""
    assert population.count is not None  # noqa: S101  (we counted it)
    return f.TransitionFired(
        at=execution.clock(), activity=reference.activity, arrival=FIRST, port=reference.port,
        table=execution.work_table(reference.activity, FIRST, reference.port).name, key=population.key, dimension=population.dimension,
        columns={name: str(type_) for name, type_ in population.columns.items()}, count=population.count,
    )  # fmt: skip
