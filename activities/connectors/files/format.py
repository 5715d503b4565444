"""What an author says of a file of rows: its format, its columns, and how many wrong lines are bearable."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Literal, Self

from pydantic import model_validator

from engine.kit.option import Allowance, AtMost, ColumnType, Flag, Integer, Name, Options, option, wrong
from engine.kit.types import INTEGER, TEXT, Type

Kind = Literal["csv", "fixed_width", "json_lines", "parquet"]

_ENDINGS: Mapping[str, Kind] = {
    ".json": "json_lines",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".parquet": "parquet",
}
_TABBED = (".tsv", ".tab")
_PACKED = (".gz", ".zip")
_OF_CSV = ("separator", "quote", "header")
_OF_TEXT = ("encoding", "skip_lines", "decimal_separator")


class FileFormat(Options):
    """How a file is written. What is packed with gzip or zip is unpacked, whatever its name."""

    type: Kind | None = option(
        "csv, fixed_width, json_lines or parquet; when not written, the file's name says it (.jsonl, .ndjson, .json, .parquet, else csv).",
        default=None,
        example="csv",
    )
    encoding: Name | None = option(
        "A character set such as cp1252; when not written, what a byte order mark says, else UTF-8.",
        default=None,
        example="cp1252",
    )
    separator: Name | None = option(
        "What stands between the values of a csv; a tab in .tsv and .tab, else a comma.", default=None, example=";"
    )
    quote: Name = option(
        "What stands around a value of a csv that holds separators or line ends, itself doubled inside; none: nothing does.",
        default='"',
    )
    header: Flag = option(
        "The first line of a csv names its columns; else `columns` names them in order.", default=True
    )
    skip_lines: Integer = option("Lines before the header, or before the first row, that say nothing.", default=0, ge=0)
    decimal_separator: Literal[".", ","] = option("What stands before the digits after the point.", default=".")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise wrong(f"there is no encoding '{self.encoding}'", "write utf-8, utf-16, latin-1, cp1252 …", "encoding")
        if self.separator == "" or set(self.separator or ",") & {"\n", "\r", "\0", self.quote}:
            what = "values are separated by neither line ends nor quotes"
            raise wrong(what, "write ';', '|' …", "separator", "quote")
        if self.quote != "none" and (len(self.quote) != 1 or not "!" <= self.quote <= "~"):
            raise wrong(f"'{self.quote}' is no quote", "write one character, or none", "quote")
        if self.type is not None:
            foreign = {"csv": (), "parquet": (*_OF_CSV, *_OF_TEXT)}.get(self.type, _OF_CSV)
            for name in foreign:
                if name in self.model_fields_set:
                    raise wrong(f"a file of type {self.type} has no '{name}'", f"remove '{name}'", name)
        return self

    def kind(self, file: PurePath) -> Kind:
        """Give the type of a file, from its name where it is not written."""
        return self.type or _ENDINGS.get(_ending(file), "csv")

    def separator_of(self, file: PurePath) -> str:
        return self.separator or ("\t" if _ending(file) in _TABBED else ",")


class FileColumn(Options):
    """A column of a file, and what is made of its values. An empty value is null, but for a text in quotes."""

    type: ColumnType = option(
        "integer, decimal(2), float, text, boolean (true, false, 1, 0), date or timestamp; blanks around what is no text do not count.",
        default=TEXT,
        example="integer",
    )
    format: Name | None = option(
        "How a date or timestamp is written, as strptime says it; when not written, ISO 8601.",
        default=None,
        example="%d/%m/%Y",
    )
    width: Integer | None = option(
        "How many characters a column of a fixed_width file takes.", default=None, example="10", ge=1
    )
    length: Integer | None = option("The most characters a text may have.", default=None, example="80", ge=1)
    trim: Flag = option("Blanks around a text are cut off.", default=False)
    case: Literal["lower", "upper", "capitals"] | None = option(
        "The case texts are brought to; capitals: the first letter of each word is raised.",
        default=None,
        example="lower",
    )
    required: Flag = option("An empty value is an error.", default=False)
    remap: dict[str, Name] = option(
        "What stands in the file: what is meant. Looked up after trim and case, before the type is read.",
        default={},
        example={"n/a": ""},
    )
    on_error: Literal["reject", "ignore", "default"] = option(
        "What becomes of a value that is not of the type, too long, or empty and required. reject: its line is rejected; "
        "ignore: the value is null; default: it is `default`. Ignored and defaulted values are counted.",
        default="reject",
    )
    default: Name | None = option(
        "What takes the place of a wrong value with `on_error: default`; `format` and `remap` are not for it.",
        default=None,
        example="0",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.on_error == "default") != (self.default is not None):
            raise wrong(
                "a default is for 'on_error: default', which needs one", "write both or neither", "default", "on_error"
            )
        if self.type != TEXT:
            for name in ("length", "trim", "case"):
                if name in self.model_fields_set:
                    raise wrong(f"'{name}' is for texts", f"remove '{name}', or write 'type: text'", name)
        if self.default is not None:
            from activities.connectors.files.values import default_of  # Arrow is heavy, and few columns have a default

            if default_of(self) is None:
                fix = "write a default that needs none itself, a date or time as ISO 8601 has it"
                raise wrong(f"'{self.default}' is no {self.type} that this column takes", fix, "default")
        if self.format is not None and self.type.kind not in ("date", "timestamp"):
            raise wrong("'format' is for dates and timestamps", "remove 'format', or write 'type: date'", "format")
        if self.format is not None and not _says_a_day(self.format):
            raise wrong(
                f"'{self.format}' does not say which day it is", "write day, month and year: '%d/%m/%Y'", "format"
            )
        return self


class Errors(Options):
    """How many wrong lines are bearable."""

    at_most: AtMost = option(
        "The most rejected lines, as a number or as a percentage of the lines read; one more fails the task.",
        default=Allowance(Decimal(0)),
        example="1%",
    )


REJECTS: Mapping[str, Type] = {"line": INTEGER, "column": TEXT, "value": TEXT, "reason": TEXT}
"""The columns of rejected lines. The line is the one a record begins on; the column is null where the whole line is wrong."""


def number_of(columns: Iterable[str]) -> str:
    """Name the column of line numbers: `line`, or with underscores behind it where a column is called so."""
    taken = {name.lower() for name in columns}
    name = "line"
    while name in taken:
        name += "_"
    return name


def _ending(file: PurePath) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _says_a_day(format: str) -> bool:
    day = datetime(2026, 11, 23, tzinfo=UTC)
    try:
        return datetime.strptime(day.strftime(format), format).date() == day.date()  # noqa: DTZ007  (only the day is looked at)
    except ValueError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        return "".encode(name) is not None and codecs.getincrementaldecoder(name)("surrogateescape").decode(b"") == ""
    except (LookupError, UnicodeError):  # unknown, or no encoding of text
        return False
