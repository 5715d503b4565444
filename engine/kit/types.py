"""The portable column types: what a value means on every database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa


class Kind(StrEnum):
    """The kinds of value the language knows. `null` is the type of a bare null; `other` is carried, never computed with."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    NULL = "null"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Type:
    """A kind, and for decimals the digits after the point; without them a decimal is only carried. Timestamps are UTC."""

    kind: Kind
    scale: int | None = None

    def __str__(self) -> str:
        if self.scale is None:
            return f"{self.kind}(?)" if self.kind == Kind.DECIMAL else str(self.kind)
        return f"{self.kind}({self.scale})"

    @property
    def in_words(self) -> str:
        """Name it to whoever wrote a value of it."""
        return "a value that is only carried" if self.kind == Kind.OTHER else str(self)

    @property
    def is_carried(self) -> bool:
        """Say that values are only carried: computed with, they would not be the same on every database."""
        return self.kind == Kind.OTHER or (self.kind == Kind.DECIMAL and self.scale is None)

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT) and not self.is_carried

    @classmethod
    def parse(cls, text: str) -> Type:
        """Read `integer`, `decimal(2)`, `decimal` (which has two digits), `decimal(?)`, …; ValueError for anything else."""
        if match := re.fullmatch(r"decimal\((\?|[0-9]{1,4})\)", text):
            return cls(Kind.DECIMAL, None if match[1] == "?" else int(match[1]))
        return cls(Kind(text), DECIMAL.scale if text == Kind.DECIMAL else None)


INTEGER = Type(Kind.INTEGER)
DECIMAL = Type(Kind.DECIMAL, 2)
FLOAT = Type(Kind.FLOAT)
TEXT = Type(Kind.TEXT)
BOOLEAN = Type(Kind.BOOLEAN)
DATE = Type(Kind.DATE)
TIMESTAMP = Type(Kind.TIMESTAMP)
INTERVAL = Type(Kind.INTERVAL)
NULL = Type(Kind.NULL)
OTHER = Type(Kind.OTHER)


class Stored(sa.types.TypeEngine[Any]):
    """Mixed into the type of a column that is kept otherwise than the language means it."""

    def meant(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Give the column as the language means it."""
        raise NotImplementedError


def from_sqlalchemy(column_type: sa.types.TypeEngine[Any]) -> Type:
    """Give the portable type of a reflected column. NUMERIC alone may have any number of digits; NUMERIC(10) has none after the point."""
    match column_type:
        case sa.Boolean():
            return BOOLEAN
        case sa.Integer():
            return INTEGER
        case sa.Float():
            return FLOAT
        case sa.Numeric(precision=None, scale=None):
            return Type(Kind.DECIMAL)
        case sa.Numeric(scale=scale):
            return Type(Kind.DECIMAL, scale or 0)
        case sa.DateTime():
            return TIMESTAMP
        case sa.Date():
            return DATE
        case sa.Interval():
            return INTERVAL
        case sa.String() | sa.Uuid():
            return TEXT
        case _:
            return OTHER


def to_sqlalchemy(portable: Type) -> sa.types.TypeEngine[Any]:
    """Give the SQLAlchemy type that stores a portable one."""
    match portable.kind:
        case Kind.INTEGER:
            return sa.BigInteger()
        case Kind.DECIMAL:
            scale = portable.scale
            return sa.Numeric() if scale is None else sa.Numeric(38 if scale > 6 else 18, scale)
        case Kind.FLOAT:
            return sa.Double()
        case Kind.BOOLEAN:
            return sa.Boolean()
        case Kind.DATE:
            return sa.Date()
        case Kind.TIMESTAMP:
            return sa.DateTime()
        case Kind.INTERVAL:
            return sa.Interval()
        case Kind.TEXT | Kind.NULL:
            return sa.String()
        case _:
            return sa.types.NullType()
