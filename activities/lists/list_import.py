"""List import: a list filled from a file, or from a shared audience."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import model_validator

from activities.connectors import experience_cloud
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.files.format import REJECTS, Errors, FileColumn, FileFormat, number_of
from activities.connectors.identity import has_many, identifier, identifier_name, same_dimension
from activities.connectors.identity import identifiers as all_identifiers
from activities.connectors.judgement import opted_out
from activities.connectors.lists import check
from activities.connectors.members import Patience, members
from engine.kit.activity import RESULT, Effect, EffectPlan, Port
from engine.kit.catalog import Catalog, Dimension
from engine.kit.context import Context
from engine.kit.errors import AuthorError
from engine.kit.frame import Frame
from engine.kit.option import Duration, Name, option, wrong
from engine.kit.population import Inputs, Population
from engine.kit.template import Template
from engine.kit.types import INTEGER, TEXT, Type

Keep = Callable[[str, Population], Population]

MORE = "if the file has it, say so in the list_import: 'columns: {{name}: {type: text}}'"
OF_A_FILE = ("key", "format", "columns", "errors")
OF_AN_AUDIENCE = ("when_no_file", "stale_after")


class ListImport(Effect):
    """Fill a list from exactly one source, a file or a shared audience, and reconcile it with a dimension.

    From a file, the columns named like the dimension's key find the row: an integer however it is written, anything else in its
    canonical text, blanks at the ends of both aside; a null finds nobody. A key that stands on several lines counts once. From an
    audience, the identifier of its data source finds the row, and `replace` is always meant. The list and `result` hold rows of
    the dimension. `unmatched` are lines or identifiers that find no row, `ambiguous` are identifiers that find more than one; neither
    gets into the list. A row with several identifiers is found by any of them that finds no other row. With `key: line` nothing is
    reconciled: the list and `result` hold the file, a row a line with its number and all its columns, of no dimension.

    A line is rejected when it has too few or too many values, a quote that opens and does not close or closes too early, bytes that are
    not of the encoding, a NUL, or a value its column rejects; a row of Parquet, when it has an infinite number, an integer of more than
    64 bits or a time outside of the years 1 to 9999. `rejects` says which line, which column, what stands there and why. More rejects
    than `errors` allows, which is none when it is not written, fail the import, and nothing is changed. Lines without anything are no
    rows. Without `columns` every column is taken, as text where the file has no types; an empty value is null, but for one in quotes.

    Of an audience, each transfer is taken once, when all its files are there: the newest full one, where it is newer than all taken
    before, then the increments after it, or after those taken before, in their order. The identifiers stay in a list of their own,
    `NAME (identifiers)`, which increments change, and every run looks the rows up anew. An increment waits for the one before it; one
    that comes late makes the run begin anew from the newest full transfer, and fail where none is there. Without any full transfer the
    oldest increment is taken for everybody, and fails the run when it takes somebody out. A later file has the last word on an
    identifier; of two lines of one increment, the one by which it leaves. `identifiers` counts who is in the audience: `matched` find
    one row, `unmatched` none, `ambiguous` several. `duplicate` counts lines of a full transfer that name one again, `opted_out` rows
    of `result` that may not be shared for the audience's purpose, where the project says what is asked.
    (Adobe Audience Manager: outbound data transfers. Campaign: importing a list, Data loading (file); shared audience import, which
    drops what it does not know in silence.)
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
        "A file of rows; a relative path starts at the workflow's folder.", default=None, example="do_not_share.csv"
    )
    audience: Name | None = option("A shared audience of project.yaml.", default=None, example="loyal_vip")
    dimension: Name | None = option(
        "The dimension of the list; the workflow's when not written.", default=None, example="household"
    )
    key: Literal["dimension", "line"] = option(
        "dimension: the file's columns of that name find the dimension's rows; line: the list holds the lines themselves.",
        default="dimension",
        example="line",
    )
    mode: Literal["append", "replace"] = option(
        "append: add; replace: the list becomes what the source holds.", default="replace", example="replace"
    )
    format: FileFormat | None = option("How the file is written, where its name does not say it.", default=None)
    columns: dict[str, FileColumn] = option(
        "The columns to take, and what is made of their values; all, as they are, when not written.",
        default={},
        example={"household_id": {"type": "integer"}},
    )
    errors: Errors | None = option("How many lines may be rejected; none when not written.", default=None)
    when_no_file: Literal["keep", "fail", "wait"] = option(
        "Without a new transfer of the audience, keep: the members stay who they are; wait: the run waits for one, and looks again every half hour.",
        default="keep",
        example="wait",
    )
    stale_after: Duration | None = option(
        "How old the newest transfer of the audience may be; the run fails when it is older.",
        default=None,
        example="36h",
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> ListImport:
        if (self.file is None) == (self.audience is None):
            fix = "write one of them" if self.file is None else "take one of them out"
            raise wrong("a list is imported from either 'file' or 'audience'", fix, "audience")
        if self.mode == "append" and self.audience is not None:
            raise wrong("an audience always replaces the list", "remove 'mode: append'", "mode")
        if self.mode == "append" and self.key == "line":
            raise wrong("lines cannot be appended: their numbers are others in every file", "remove 'mode'", "mode")
        for name in OF_A_FILE:
            if self.audience is not None and name in self.model_fields_set:
                raise wrong(f"'{name}' is for files", f"remove '{name}'", name)
        for name in OF_AN_AUDIENCE:
            if self.file is not None and name in self.model_fields_set:
                raise wrong(f"'{name}' is for audiences", f"remove '{name}'", name)
        return self

    @property
    def files(self) -> tuple[Template, ...]:
        return (self.file,) if self.file else ()

    def outputs(self) -> tuple[Port, ...]:
        unmatched = Port(name="unmatched", doc="Lines or identifiers that find no row of the dimension.")
        is_by_key = self.file is not None
        ambiguous = Port(name="ambiguous", doc="Identifiers that find more than one row.", stays_empty=is_by_key)
        rejects = Port(name="rejects", doc="Lines that cannot be used: line, column, value and reason.")
        reconciled = (RESULT, unmatched, ambiguous) if self.key == "dimension" else (RESULT,)
        return (*reconciled, rejects) if self.file is not None else reconciled

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        if self.audience is not None:
            dimension = self._dimension(catalog)
            _, source = self._declared(dimension, catalog)
            outside = _shape({"identifier": TEXT}, "identifier")
            outputs = _by_identifier(outside, dimension, source, catalog, lambda _name, population: population)
        elif self.key == "line":
            outputs = {"result": self._lines(()), "rejects": _shape(REJECTS, "line")}
        else:
            dimension = self._dimension(catalog)
            outputs = {**_by_key(self._lines(dimension.key), dimension, catalog), "rejects": _shape(REJECTS, "line")}
        check(self.list.source, outputs["result"], catalog, self.list.span)
        what = f"the file '{self.file}'" if self.file else f"the audience '{self.audience}'"
        verb = "replace" if self.mode == "replace" else "add to"
        return EffectPlan(outputs=outputs, sentences=(f"{verb} the list '{self.list}' by what {what} holds",))

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        return self._from_file(ctx) if self.file is not None else self._from_audience(ctx)

    def _dimension(self, catalog: Catalog) -> Dimension:
        dimension = catalog.dimension(self.dimension or "", getattr(self.dimension, "span", None))
        missing = [name for name in dimension.key if self.columns and name not in self.columns]
        if missing:
            raise AuthorError.at(
                self.list.span,
                "L001",
                f"'columns' does not take '{missing[0]}', the key of {dimension.name}",
                f"write '{missing[0]}: {{type: {dimension.columns[missing[0]]}}}' among them, or 'key: line'",
            )
        return dimension

    def _lines(self, known: Iterable[str]) -> Population:
        """Give the columns of lines that are not read yet; where none are declared, those known to be there."""
        columns = {name: column.type for name, column in self.columns.items()} or dict.fromkeys(known, TEXT)
        number = number_of(columns)
        return replace(_shape({number: INTEGER, **columns}, number), more=MORE)

    def _from_file(self, ctx: Context) -> Mapping[str, Population]:
        from activities.connectors.files.reading import read  # Arrow is heavy, and a plan reads no file

        dimension = self._dimension(ctx.catalog) if self.key == "dimension" else None
        needed = dict.fromkeys(dimension.key, f"the key of {dimension.name}") if dimension else {}
        format, errors = self.format or FileFormat(), self.errors or Errors()
        with closing(read(ctx.folder / str(self.file), format, self.columns, errors, needed)) as file:
            lines = ctx.load("lines" if dimension else "result", file.columns, (file.number,), file.rows())
            rejects = ctx.load("rejects", REJECTS, ("line",), file.rejects())
        outputs = _by_key(lines, dimension, ctx.catalog) if dimension else {"result": lines}
        kept = self._kept({**outputs, "rejects": rejects}, ctx)
        ctx.write_list(self.list.source, kept["result"], self.mode, said=file.counts)
        return kept

    def _from_audience(self, ctx: Context) -> Mapping[str, Population]:
        dimension = self._dimension(ctx.catalog)
        declared, source = self._declared(dimension, ctx.catalog)
        patience = Patience(when_no_file=self.when_no_file, stale_after=self.stale_after)
        found = members(self.list.source, declared, source, patience, ctx)
        kept = self._kept(_by_identifier(found.rows, dimension, source, ctx.catalog, ctx.keep), ctx)
        counts = {port: kept[port].count or 0 for port in ("unmatched", "ambiguous")}
        refused = opted_out(kept["result"], declared, ctx.catalog)
        said = {
            **found.said, "matched": (found.rows.count or 0) - sum(counts.values()), **counts,
            **({"opted_out": ctx.keep("opted_out", refused).count} if refused is not None else {}),
        }  # fmt: skip
        ctx.write_list(self.list.source, kept["result"], self.mode, beside=found.remembered, said=said)
        return kept

    def _kept(self, outputs: Mapping[str, Population], ctx: Context) -> Mapping[str, Population]:
        """Keep the rows of every port, and hold what is about to be written against declarations and the guard."""
        kept = {port: ctx.keep(port, population) for port, population in outputs.items()}
        check(self.list.source, kept["result"], ctx.catalog, self.list.span)
        ctx.guard(kept["result"], replaces=self.mode == "replace")
        return kept

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
        [_written(rows[name], lines.columns[name], type_, catalog) for name, type_ in types.items()]
        for rows in (theirs.c, lines.relation.c)
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


def _written(value: Any, type_: Type, wanted: Type, catalog: Catalog) -> sa.ColumnElement[Any]:
    """Give what a value of the file means: `007` and `+7` are the integer 7; other types are written canonically."""
    if type_ == wanted == INTEGER:
        return value  # type: ignore[no-any-return]
    text = catalog.dialect.text(value, type_)
    if wanted == INTEGER:
        return catalog.dialect.parse_integer(text)
    return catalog.dialect.trim(text) if type_ == TEXT else text


def _by_identifier(
    identifiers: Population, dimension: Dimension, source: DataSourceSettings, catalog: Catalog, keep: Keep
) -> Mapping[str, Population]:
    """Reconcile identifiers, each of which stands once, with the rows that have them; an ambiguous one finds none.

    The rows found, and how many each identifier found, are kept on the way, so that identifiers are computed once.
    """
    everyone = dimension.population()
    frame = Frame(everyone, catalog)
    name = identifier_name(dimension.key)
    if has_many(frame, source):
        known = all_identifiers(frame, source, name, *everyone.key_columns).distinct().subquery()
    else:
        known = frame.select(*everyone.key_columns, identifier(frame, source).label(name)).subquery()
    wanted = sa.select(identifiers.column("identifier"))
    pairs = sa.select(known).where(known.c[name].in_(wanted))
    types = {**{key: everyone.columns[key] for key in dimension.key}, name: TEXT}
    rows = keep("found", Population(relation=pairs.subquery(), key=tuple(types), columns=types, unique=True))
    tally = sa.select(rows.column(name).label("identifier"), sa.func.count().label("rows")).group_by(rows.column(name))
    columns = {"identifier": TEXT, "rows": INTEGER}
    counted = keep("tally", Population(relation=tally.subquery(), key=("identifier",), columns=columns, unique=True))
    is_single = sa.exists().where(counted.column("identifier") == rows.column(name), counted.column("rows") == 1)
    is_found = sa.exists().where(counted.column("identifier") == identifiers.column("identifier"))
    is_ambiguous = sa.exists().where(
        counted.column("identifier") == identifiers.column("identifier"), counted.column("rows") > 1
    )
    found = rows.select(dimension.key).where(is_single)
    return {
        "result": everyone.only(()).of(found.distinct() if has_many(frame, source) else found),
        "unmatched": identifiers.where(~is_found),
        "ambiguous": identifiers.where(is_ambiguous),
    }
