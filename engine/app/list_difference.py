"""A run held against a list of people in a CSV file: who is in one and not in the other, and where those of the file were lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.app import csv_file
from engine.app.differing import NOBODY, Fired, Moved, fired_by, moved, named, recorded
from engine.app.session import Session
from engine.kit.errors import AuthorError, DataError, Diagnostic, suggestion
from engine.kit.option import Scalar
from engine.kit.population import Population
from engine.kit.types import Kind, Type
from engine.kit.written import typed
from engine.lang import graph as graphs
from engine.lang.graph import CONTROL, Graph
from engine.lang.source import MOST_PROBLEMS, Items
from engine.lang.spec import WorkflowSpec
from engine.sql.database import BATCH_ROWS, stored_population
from engine.sql.names import WORK

if TYPE_CHECKING:  # Arrow is heavy, and imported when rows are read
    import pyarrow as pa

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class ListDifference:
    """A port and a list: `unlisted` are those of the port that the list has not, `lost` and `unknown` the other way round.

    `lost` tells by activity who reached it and did not leave it; whom the dimension does not hold is `unknown`.
    """

    port: str
    key: tuple[str, ...]
    rows: int
    listed: int
    repeated: int
    """So many lines of the file repeat a key."""
    unlisted: Moved
    lost: Moved
    unknown: Moved


def list_difference(session: Session, run: str, path: Path, target: str | None, limit: int) -> ListDifference:
    """Hold a port of a run, `activity` or `activity.port`, else its only leaf, against a CSV file whose header names its key.

    Somebody was lost at the activity nearest to the port that their row came to by its first input, and whose outputs on the way
    lack it. Who came to none was chosen by none of those that begin the way. Nothing is kept. Raises AuthorError for what is wrong
    with the file, DataError where rows are not there.
    """
    spec, graph, state = recorded(session, run)
    fired = fired_by(session, state)
    place = named(target, spec, fired) if target else _leaf(spec, graph, fired)
    if place not in fired:
        fix = "choose another port, or a newer run: the work tables of older ones are dropped"
        raise DataError(f"run {run} holds no rows of '{'.'.join(place)}' any more, or never did", fix)
    population = fired[place]
    columns = {name: population.columns[name] for name in population.key}
    _refuse_other_header(path, columns)
    with session.db.rolled_back():
        table = session.db.name(WORK, run, "listed")
        lines = session.db.load(table, columns, _batches(path, columns))
        listed = _distinct(table, population, columns)
        dimension = session.catalog().dimensions.get(population.dimension or "")
        is_known = listed.matches(dimension.population()) if dimension else sa.true()
        at = _place(listed, _way(spec, graph, place[0]), fired)
        count = session.db.count(listed)
        return ListDifference(
            port=".".join(place), key=population.key, rows=population.count or 0, listed=count, repeated=lines - count,
            unlisted=moved(session, population, ~population.matches(listed), sa.literal(place[0]), limit),
            lost=moved(session, listed, sa.and_(is_known, ~listed.matches(population)), at, limit),
            unknown=moved(session, listed, ~is_known, sa.literal(""), limit) if dimension else NOBODY,
        )  # fmt: skip


def _leaf(spec: WorkflowSpec, graph: Graph, fired: Fired) -> tuple[str, str]:
    """Give the one port with rows at the end of the workflow."""
    leaves = [name for name in spec.activities if all(data["target"] == CONTROL for *_, data in graph.out_edges(name, data=True))]  # fmt: skip
    ports = [port for port in fired if port[0] in leaves]
    if len(ports) != 1:
        names = ", ".join(map(".".join, ports)) or "none that holds rows"
        raise DataError(f"the workflow ends in {len(ports)} ports: {names}", "name one behind the run: diff RUN --with FILE ACTIVITY")  # fmt: skip
    return ports[0]


def _refuse_other_header(path: Path, key: Mapping[str, Type]) -> None:
    header = csv_file.header(path)
    for name in key:
        if name not in header:
            fix = f"{suggestion(name, header, 'columns of the file')}; the key is {', '.join(key)}"
            raise AuthorError.at(header[0].span, "C002", f"the header does not name '{name}', which tells people apart", fix)  # fmt: skip


def _batches(path: Path, key: Mapping[str, Type]) -> Iterator[pa.RecordBatch]:
    """Read the keys of the file, typed. Raises AuthorError with every line whose key is missing or of another type."""
    import pyarrow as pa

    header = csv_file.header(path)
    places = [(name, header.index(name), type_) for name, type_ in key.items()]
    problems: list[Diagnostic] = []
    held: list[list[Any]] = []

    def batch() -> pa.RecordBatch:
        return pa.record_batch({name: [row[at] for row in held] for at, name in enumerate(key)})

    for fields in csv_file.rows(path):
        held.append([_value(fields, at, name, type_, problems) for name, at, type_ in places])
        if len(problems) >= MOST_PROBLEMS:
            break
        if len(held) == BATCH_ROWS and not problems:
            yield batch()
            held = []
    if problems:
        raise AuthorError(*problems)
    if held:
        yield batch()


def _value(fields: Items, at: int, name: str, type_: Type, problems: list[Diagnostic]) -> Any:
    """Read a value of a key: `007` and `+7` are the integer 7; texts are as they stand."""
    text: Scalar | None = fields[at]
    try:
        if text is None:
            raise ValueError
        if type_.kind == Kind.INTEGER:
            return int(text) if _WHOLE.fullmatch(text.strip()) else typed(text, type_)
        return typed(text, type_)
    except (ValueError, ArithmeticError):
        what = "this line has no key" if text is None else f"'{text}' is no value of '{name}', which is {type_}"
        fix = f"write a value of '{name}', or take the line out"
        problems.append(Diagnostic(text.span if text is not None else fields.span, "C004", what, fix))
        return None


def _distinct(table: sa.TableClause, like: Population, columns: Mapping[str, Type]) -> Population:
    """Give the keys of the file, each once."""
    lines = stored_population(table, Population(relation=table, key=like.key, columns=columns))
    once = lines.select().distinct().subquery()
    return Population(relation=once, key=like.key, columns=columns, dimension=like.dimension, unique=True)


def _way(spec: WorkflowSpec, graph: Graph, end: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give the activities on the way to one by first inputs, which bring whom it keeps, nearest first; each with its sources."""
    order = {name: position for position, name in enumerate(graphs.order(graph))}
    way: dict[str, list[tuple[str, str]]] = {}
    waiting = [end]
    while waiting:
        name = waiting.pop()
        first = [port.name for port in spec.activities[name].activity.inputs[:1]]
        arrows = graph.in_edges(name, data=True)
        way[name] = [(source, data["source"]) for source, _, data in arrows if data["target"] in first]
        waiting.extend(source for source, _ in way[name] if source not in way)
    return sorted(way.items(), key=lambda item: -order[item[0]])


def _place(listed: Population, way: Sequence[tuple[str, list[tuple[str, str]]]], fired: Fired) -> sa.ColumnElement[Any]:
    """Say where a row was lost; see `list_difference`."""
    beginnings = ", ".join(sorted(name for name, sources in way if not sources))
    came = [
        (name, [rows for source in sources if (rows := fired.get(source)) and _is_alike(rows, listed)])
        for name, sources in way
    ]
    cases = [
        (sa.or_(*(listed.matches(rows) for rows in populations)), sa.literal(name, sa.String()))
        for name, populations in came
        if populations
    ]
    beginning = sa.literal(beginnings, sa.String())
    return sa.case(*cases, else_=beginning) if cases else beginning


def _is_alike(rows: Population, listed: Population) -> bool:
    """Say that a key means the same in both: a person's `id` is no shop's."""
    return (rows.dimension, rows.key) == (listed.dimension, listed.key)
