"""Identifiers: the text by which a row is known outside, computed in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from activities.connectors.experience_cloud import DataSourceSettings
from engine.kit.context import Context
from engine.kit.dialect import Dialect, Sql
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, tree
from engine.kit.expression.rows import equal
from engine.kit.frame import Frame, Value
from engine.kit.population import Population
from engine.kit.types import INTEGER, TEXT, Kind

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

PLAIN, CODE, PLACE = "plain", "code", "place"


def identifier(frame: Frame, source: DataSourceSettings) -> sa.ColumnElement[Any]:
    """Give the identifier of a row as the data source exchanges it; null where the row has none.

    A visitor id is the key as it is. A declared id is the key normalised in the order written, then hashed to lower-case hex, or
    encrypted. The empty text, before or after normalising, is no identifier. Of several, with `keep: 1`, it is the first by `order` that
    is not null. As no database encrypts, a data source without `coded` gives the SHA-256 in the place of what is encrypted: a plan has
    the counts of a run, and shows nobody.
    Raises AuthorError when the key has no text of its own: a float has not.
    """
    split = path_to_many(frame, source.key) if source.keep == "1" else None
    if split is None:
        return _exchanged(frame, frame.value(source.key), source)
    link, rest = split
    ((first,),) = frame.lines(link, Expr(f"{rest} is not null", rest.span), source.order, [rest], 1)
    return _exchanged(frame, first, source)


def has_many(frame: Frame, source: DataSourceSettings) -> bool:
    """Say that a row may have several identifiers."""
    return source.keep == "all" and path_to_many(frame, source.key) is not None


def identifiers(frame: Frame, source: DataSourceSettings, name: str, *columns: Any) -> sa.Select[Any]:
    """Select these columns of each row beside every identifier it has, called `name`; a row without any is left out.

    Two that are equal after normalising stand there twice.
    """
    split = path_to_many(frame, source.key)
    assert split is not None  # noqa: S101  (has_many)
    to, rest = split
    assert isinstance(to.tree, tree.Name)  # noqa: S101
    link = frame.links[to.tree.parts[0]]
    behind = frame.catalog.behind(link)
    table = behind.table.alias()
    linked = Population(
        relation=table,
        key=behind.key or tuple(their for _, their in link.on),
        columns=behind.columns,
        dimension=behind.name if behind.name in frame.catalog.dimensions else None,
    )
    inner = Frame(linked, frame.catalog)
    value = _exchanged(inner, inner.value(rest), source)
    theirs = [table.c[their].label(f"{name}_of_{place}") for place, (_, their) in enumerate(link.on)]
    found = inner.select(*theirs, value.label(name)).subquery()
    ours = frame.row.ours(link)
    pairs = equal(ours, [found.c[their.name] for their in theirs])
    return frame.select(*columns, found.c[name]).where(*pairs, found.c[name].is_not(None))


def path_to_many(frame: Frame, key: Expr) -> tuple[Expr, Expr] | None:
    """Part a path whose first link is to many into the link and what stands behind it; absent for any other expression."""
    match key.tree:
        case tree.Name(parts=(first, *others)) if others and first in frame.links and frame.links[first].many:
            return Expr(_quoted(first), key.span), Expr(".".join(map(_quoted, others)), key.span)
    return None


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _exchanged(frame: Frame, value: Value, source: DataSourceSettings) -> sa.ColumnElement[Any]:
    dialect = frame.catalog.dialect
    if value.type.is_carried or value.type.kind == Kind.FLOAT:
        raise AuthorError.at(
            source.key.span,
            "A010",
            f"an identifier is a text, and '{source.key}' is of type {value.type}, which is not written alike everywhere",
            "name a text or a whole number, or write to_string(round(…)) around it",
        )
    exchanged = steps(dialect, dialect.text(value.sql, value.type), source)[-1][1]
    if source.encrypt is None:
        return exchanged
    if source.codes is None:
        return dialect.sha256(exchanged)
    codes = source.codes.alias()
    frame.join(codes, codes.c[PLAIN] == exchanged)
    code: sa.ColumnElement[Any] = codes.c[CODE]
    return code


def steps(dialect: Dialect, text: Sql, source: DataSourceSettings) -> tuple[tuple[str, Sql], ...]:
    """Give what becomes of the text of a key: what is done to it, in order, and the value then. The last one is what is exchanged."""
    done: list[tuple[str, Any]] = [("key", text)]
    for step in source.normalise or ():
        last = done[-1][1]
        done.append((step, dialect.trim(last) if step == "trim" else dialect.lower(last)))
    word, last = done[-1]
    last = sa.func.nullif(last, sa.literal("", sa.String()))
    match source.hash:
        case "sha256":
            return (*done, ("sha256", dialect.sha256(last)))
        case "md5":
            return (*done, ("md5", dialect.md5(last)))
        case _:
            return (*done[:-1], (word, last))


def coded(source: DataSourceSettings, population: Population, name: str, ctx: Context) -> DataSourceSettings:
    """Give the data source able to give the identifiers of these rows, and no others, as they travel: encrypts what it must encrypt.

    AES with a fixed key and vector gives each text its own: whoever shares an identifier still shares it, so what comes after stays
    SQL over a table of codes, on every database. `name` begins the names of the tables on the way, which are dropped when all is done;
    the plain identifiers stand in no other place.
    """
    if source.encrypt is None:
        return source
    frame = Frame(population.target(), ctx.catalog)
    bare = source.model_copy(update={"encrypt": None})
    if has_many(frame, bare):
        found = identifiers(frame, bare, PLAIN).subquery()
    else:
        value = identifier(frame, bare)
        found = frame.select(value.label(PLAIN)).subquery()
    distinct = sa.select(found.c[PLAIN]).where(found.c[PLAIN].is_not(None)).distinct().subquery()
    numbered = sa.select(distinct.c[PLAIN], sa.func.row_number().over().label(PLACE)).subquery()
    columns = {PLACE: INTEGER, PLAIN: TEXT}
    plain = ctx.keep(f"{name}_plain", Population(relation=numbered, key=(PLACE,), columns=columns, unique=True))
    path = ctx.staging / f"{name}_codes.arrow"
    _encrypt(plain, source, path, ctx)
    codes = ctx.load(f"{name}_codes", {PLACE: INTEGER, CODE: TEXT}, (PLACE,), _batches(path))
    path.unlink()
    pairs = sa.select(plain.column(PLAIN).label(PLAIN), codes.column(CODE).label(CODE))
    return source.with_codes(pairs.where(plain.column(PLACE) == codes.column(PLACE)).subquery())


def _encrypt(plain: Population, source: DataSourceSettings, path: Path, ctx: Context) -> None:
    """Write the codes to a file: no database reads and takes in at once. No plain identifier stands in it."""
    import pyarrow as pa

    encrypt = ctx.connect("encryption")(source.encrypt)
    schema = pa.schema([(PLACE, pa.int64()), (CODE, pa.string())])
    with pa.ipc.new_file(path, schema) as file:
        for batch in ctx.batches(plain.select((PLACE, PLAIN))):
            place, text = (batch.column(column) for column in (PLACE, PLAIN))
            file.write_batch(pa.record_batch([place.cast(pa.int64()), encrypt(text).cast(pa.string())], schema=schema))


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with pa.ipc.open_file(path) as read:
        yield from (read.get_batch(number) for number in range(read.num_record_batches))


def identifier_name(key: Sequence[str]) -> str:
    """Name the column that holds the identifier: `identifier`, unless the key bears that name."""
    name = "identifier"
    while name in {column.lower() for column in key}:
        name += "_"
    return name


def same_dimension(population: Population, name: str, source: DataSourceSettings) -> None:
    """Check that a data source identifies the rows of a population; AuthorError when its dimension is another."""
    if population.dimension != source.dimension:
        raise AuthorError.at(
            None,
            "A004",
            f"the data source '{name}' identifies {source.dimension}, the population is of {population.dimension or 'no dimension'}",
            "share a population of that dimension, or by another data source",
        )
