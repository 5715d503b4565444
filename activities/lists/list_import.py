"""List import: a list filled from a file, or from a shared audience."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

import sqlalchemy as sa
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from activities.connectors import audience_manager, experience_cloud
from activities.connectors.audience_manager import OutboundName
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.identity import identifier, identifier_name, same_dimension
from engine.kit.activity import RESULT, Effect, EffectPlan, Port
from engine.kit.catalog import Catalog, Dimension
from engine.kit.context import Context
from engine.kit.errors import AuthorError, DataError, suggestion
from engine.kit.frame import Frame
from engine.kit.option import Name, option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template
from engine.kit.types import INTEGER, TEXT, Type

if TYPE_CHECKING:  # Arrow is heavy, and a plan reads no file
    import pyarrow as pa

Keep = Callable[[str, Population], Population]

BATCH_ROWS = 50_000
MOST_PROBLEMS = 5
MOST_COLUMNS = 1_000
LONGEST_LINE = 1_000_000


class ListImport(Effect):
    """Fill a list from exactly one source: a CSV file with a header, or a shared audience; and reconcile it with a dimension.

    From a file, the columns named like the dimension's key find the row: an integer however it is written, anything else in its
    canonical text, blanks at the ends of both aside. A key that stands on several lines counts once. From an audience, the
    identifier of its data source finds the row, and `replace` is always meant. The list and `result` hold rows of the dimension.
    `unmatched` are lines or identifiers that find no row, `ambiguous` are identifiers that find more than one; neither gets into
    the list.
    A line with too few or too many values fails the whole import, and names the line. (Campaign: importing a list; shared audience
    import, which drops what it does not know in silence.)
    """

    type: ClassVar[str] = "list_import"
    inputs: ClassVar[tuple[Port, ...]] = ()
    example: ClassVar[Mapping[str, object]] = {
        "list": "do_not_share",
        "file": "do_not_share.csv",
        "dimension": "household",
    }

    list: Template = option("The list's name.", example="do_not_share")
    file: Template | None = option(
        "A CSV file; a relative path starts at the workflow's folder.", default=None, example="do_not_share.csv"
    )
    audience: Name | None = option("A shared audience of project.yaml.", default=None, example="loyal_vip")
    dimension: Name | None = option(
        "The dimension of the list; the workflow's when not written.", default=None, example="household"
    )
    mode: Literal["append", "replace"] = option(
        "append: add; replace: the list becomes what the source holds.", default="replace", example="replace"
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> ListImport:
        if (self.file is None) == (self.audience is None):
            twice = {"fix": "take one of them out", "at": ("audience",)}
            raise PydanticCustomError(
                "option",
                "a list is imported from either 'file' or 'audience'",
                twice if self.audience is not None else {"fix": "write one of them"},
            )
        if self.audience is not None and self.mode == "append":
            raise PydanticCustomError(
                "option", "an audience always replaces the list", {"fix": "remove 'mode: append'", "at": ("mode",)}
            )
        return self

    def outputs(self) -> tuple[Port, ...]:
        return (
            RESULT,
            Port(name="unmatched", doc="Lines or identifiers that find no row of the dimension."),
            Port(name="ambiguous", doc="Identifiers that find more than one row."),
        )

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        dimension = self._dimension(catalog)
        if self.audience is not None:
            _, source = self._declared(dimension, catalog)
            outside = _shape({"identifier": TEXT}, "identifier")
            outputs = _by_identifier(outside, dimension, source, catalog, lambda _name, population: population)
        else:
            number = _number_of(dimension.key)
            outside = _shape({number: INTEGER, **dict.fromkeys(dimension.key, TEXT)}, number)
            outputs = _by_key(outside, dimension, catalog)
        what = f"the file '{self.file}'" if self.file else f"the audience '{self.audience}'"
        verb = "replace" if self.mode == "replace" else "add to"
        return EffectPlan(outputs=outputs, sentences=(f"{verb} the list '{self.list}' by what {what} holds",))

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        dimension = self._dimension(ctx.catalog)
        outputs = self._from_audience(dimension, ctx) if self.audience is not None else self._from_file(dimension, ctx)
        kept = {port: ctx.keep(port, population) for port, population in outputs.items()}
        ctx.guard(kept["result"], replaces=self.mode == "replace")
        ctx.write_list(self.list.source, kept["result"], self.mode)
        return kept

    def _dimension(self, catalog: Catalog) -> Dimension:
        return catalog.dimension(self.dimension or "", getattr(self.dimension, "span", None))

    def _from_file(self, dimension: Dimension, ctx: Context) -> Mapping[str, Population]:
        path = ctx.folder / str(self.file)
        if not path.is_file():
            beside = sorted(item.name for item in path.parent.glob("*.csv")) if path.parent.is_dir() else []
            raise DataError(f"there is no file {path}", suggestion(path.name, beside, "files there"))
        header = _header(path, dimension)
        number = _number_of(header)
        columns: dict[str, Type] = {number: INTEGER, **dict.fromkeys(header, TEXT)}
        lines = ctx.load("lines", columns, (number,), _read_csv(path, list(columns)))
        return _by_key(lines, dimension, ctx.catalog)

    def _from_audience(self, dimension: Dimension, ctx: Context) -> Mapping[str, Population]:
        declared, source = self._declared(dimension, ctx.catalog)
        segment = str(declared.segment)
        cloud = ctx.connect("experience_cloud")
        prepared = ctx.step("prepared", lambda: {"files": list(cloud.newest(segment, source))})
        paths = [cloud.import_store.fetch(key, ctx.staging / key) for key in prepared["files"]]
        identifiers = ctx.load("identifiers", {"identifier": TEXT}, ("identifier",), _batches(paths, segment))
        return _by_identifier(identifiers, dimension, source, ctx.catalog, ctx.keep)

    def _declared(self, dimension: Dimension, catalog: Catalog) -> tuple[AudienceSettings, DataSourceSettings]:
        span = getattr(self.audience, "span", None)
        declared, source = experience_cloud.audience(catalog, str(self.audience), span)
        same_dimension(dimension.population(), declared.data_source, source)
        if declared.segment is None or source.destination is None:
            raise AuthorError.at(
                span,
                "A007",
                f"the audience '{self.audience}' cannot be read: its 'segment', or the 'destination' of {declared.data_source}, is not declared",
                "write both into project.yaml",
            )
        return declared, source


def _number_of(header: Iterable[str]) -> str:
    """Name the column of line numbers: `line`, or with underscores behind it where the file has such a column."""
    taken = {name.lower() for name in header}
    name = "line"
    while name in taken:
        name += "_"
    return name


def _shape(columns: Mapping[str, Type], key: str) -> Population:
    """Give the columns of rows that are not there yet."""
    relation = sa.table("rows_from_outside", *(sa.column(name) for name in columns))
    return Population(relation=relation, key=(key,), columns=columns)


def _by_key(lines: Population, dimension: Dimension, catalog: Catalog) -> Mapping[str, Population]:
    """Reconcile lines by the dimension's key, both as canonical text; nothing is ambiguous.

    A key finds one row, or, of a text, all that differ in nothing but blanks at the ends.
    """
    everyone = dimension.population()
    others, theirs = everyone.only(()).relation.alias(), lines.relation.alias()
    types = {name: everyone.columns[name] for name in dimension.key}
    held = [
        [_held(rows[name], type_, catalog) for name, type_ in types.items()] for rows in (everyone.relation.c, others.c)
    ]
    written = [
        [_written(rows[name], type_, catalog) for name, type_ in types.items()] for rows in (theirs.c, lines.relation.c)
    ]
    is_listed = _is_among(held[0], written[0], catalog)
    is_known = _is_among(written[1], held[1], catalog)
    return {
        "result": everyone.of(everyone.select(dimension.key).where(is_listed)),
        "unmatched": lines.where(~is_known),
        "ambiguous": lines.where(sa.false()),
    }


def _is_among(values: Sequence[Any], others: Sequence[Any], catalog: Catalog) -> sa.ColumnElement[bool]:
    """Say that some row of another table has these values; a null is among nothing."""
    if catalog.dialect.capabilities.looks_rows_up:
        return sa.exists().where(*(value == other for value, other in zip(values, others, strict=True)))
    value = values[0] if len(values) == 1 else sa.tuple_(*values)
    return sa.func.coalesce(value.in_(sa.select(*others)), sa.false())


def _held(value: Any, type_: Type, catalog: Catalog) -> sa.ColumnElement[Any]:
    """Give a value of the dimension as `_written` gives what the file means by it.

    Blanks at the ends of a text count on neither side: whether a database keeps them depends on the column's type.
    """
    if type_ == INTEGER:
        return value  # type: ignore[no-any-return]
    text = catalog.dialect.text(value, type_)
    return catalog.dialect.trim(text) if type_ == TEXT else text


def _written(text: Any, type_: Type, catalog: Catalog) -> sa.ColumnElement[Any]:
    """Give what a text of the file means: `007` and `+7` are the integer 7; other types are written canonically."""
    return catalog.dialect.parse_integer(text) if type_ == INTEGER else catalog.dialect.trim(text)


def _by_identifier(
    identifiers: Population, dimension: Dimension, source: DataSourceSettings, catalog: Catalog, keep: Keep
) -> Mapping[str, Population]:
    """Reconcile identifiers with the rows that have them; a row with an ambiguous identifier is not found by it.

    The rows found, and how many each identifier found, are kept on the way, so that identifiers are computed once.
    """
    everyone = dimension.population()
    frame = Frame(everyone, catalog)
    name = identifier_name(dimension.key)
    known = frame.select(*everyone.key_columns, identifier(frame, source).label(name)).subquery()
    wanted = sa.select(identifiers.column("identifier"))
    rows = keep("found", everyone.of(sa.select(known).where(known.c[name].in_(wanted)), {name: TEXT}))
    tally = sa.select(rows.column(name).label("identifier"), sa.func.count().label("rows")).group_by(rows.column(name))
    columns = {"identifier": TEXT, "rows": INTEGER}
    counted = keep("tally", Population(relation=tally.subquery(), key=("identifier",), columns=columns, unique=True))
    distinct = identifiers.select(("identifier",)).distinct().subquery()
    outside = Population(relation=distinct, key=("identifier",), columns={"identifier": TEXT}, unique=True)
    is_single = sa.exists().where(counted.column("identifier") == rows.column(name), counted.column("rows") == 1)
    is_found = sa.exists().where(counted.column("identifier") == outside.column("identifier"))
    is_ambiguous = sa.exists().where(
        counted.column("identifier") == outside.column("identifier"), counted.column("rows") > 1
    )
    return {
        "result": rows.only(()).of(rows.select(dimension.key).where(is_single)),
        "unmatched": outside.where(~is_found),
        "ambiguous": outside.where(is_ambiguous),
    }


def _batches(paths: Any, segment: str) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for path in paths:
        name = audience_manager.read_outbound_name(path.name)
        assert isinstance(name, OutboundName)  # noqa: S101  (chosen by its name)
        rows: list[str] = []
        for found in audience_manager.read_outbound(path, name, segment):
            rows.append(found)
            if len(rows) == BATCH_ROWS:
                yield pa.record_batch({"identifier": rows})
                rows = []
        yield pa.record_batch({"identifier": pa.array(rows, pa.string())})


def _header(path: Path, dimension: Dimension) -> list[str]:
    try:
        with path.open("rb") as file:
            header = [name.strip() for name in next(csv.reader(_lines(path, file), strict=True), [])]
    except csv.Error as problem:
        raise DataError(f"{path}:1: {problem}", "write the names of the columns, with a comma between them") from None
    if len(header) > MOST_COLUMNS:
        raise DataError(f"{path}:1: the header has {len(header):,} columns", f"keep {MOST_COLUMNS:,} at most")
    missing = [name for name in dimension.key if name not in header]
    if missing:
        raise DataError(
            f"{path}:1: the header has no column '{missing[0]}', the key of {dimension.name}",
            f"name it in the first line (there: {', '.join(header) or 'nothing'})",
        )
    first = {_told_apart(name): place for place, name in reversed(list(enumerate(header)))}
    repeated = [name for place, name in enumerate(header) if not name or first[_told_apart(name)] < place]
    if repeated:
        what = f"names the column '{repeated[0]}' twice" if repeated[0] else "has a column without a name"
        raise DataError(f"{path}:1: the header {what}", "give every column a name of its own")
    return header


def _told_apart(name: str) -> bytes:
    """Give what databases tell columns apart by: no case, and in PostgreSQL the first 63 bytes."""
    return name.lower().encode()[:63]


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """Decode line by line, so that a byte that is not UTF-8 is told with its line."""
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"{path}:{number}: the line has more than {LONGEST_LINE:,} bytes", "end lines with a line feed"
            )
        if b"\0" in line:
            raise DataError(f"{path}:{number}: the line holds the character NUL", "save the file as UTF-8")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as problem:
            raise DataError(f"{path}:{number}: the line is not UTF-8: {problem}", "save the file as UTF-8") from None


def _read_csv(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read a CSV file in batches of text, each row with the number of the line it ends on; all bad lines are named, up to a few."""
    problems: list[str] = []
    wrong = 0
    names = columns[1:]
    with path.open("rb") as file:
        reader = csv.reader(_lines(path, file), strict=True)
        next(reader, None)
        rows: list[tuple[object, ...]] = []
        try:
            for row in reader:
                if row and len(row) != len(names):
                    wrong += 1
                    if wrong <= MOST_PROBLEMS:
                        problems.append(f"{path}:{reader.line_num}: {len(row)} values instead of {len(names)}")
                elif row and not wrong:
                    rows.append((reader.line_num, *row))
                if len(rows) == BATCH_ROWS:
                    yield _batch(rows, columns)
                    rows = []
        except csv.Error as problem:
            wrong += 1
            problems.append(f"{path}:{reader.line_num}: {problem}")
    if problems:
        more = f"\n… and {wrong - MOST_PROBLEMS:,} more lines" if wrong > MOST_PROBLEMS else ""
        raise DataError(
            "\n".join(problems[:MOST_PROBLEMS]) + more, f"write {len(names)} values on each line: {', '.join(names)}"
        )
    yield _batch(rows, columns)


def _batch(rows: list[tuple[object, ...]], names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    types = [pa.int64(), *(pa.string() for _ in names[1:])]
    return pa.record_batch([pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)], names=names)
