"""The portable column types: what a value means on every database."""

from __future__ import annotations

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
    """A kind, and for decimals the digits after the point. Timestamps are UTC."""

    kind: Kind
    scale: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}({self.scale})" if self.scale is not None else str(self.kind)

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)

    @classmethod
    def parse(cls, text: str) -> Type:
        """Read `integer`, `decimal(2)`, …; ValueError for anything else."""
        kind, _, rest = text.partition("(")
        scale = int(rest.removesuffix(")")) if rest else None
        return cls(Kind(kind), DECIMAL.scale if scale is None and kind == Kind.DECIMAL else scale)


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
    """Give the portable type of a reflected column; NUMERIC without a scale counts as scale 0."""
    match column_type:
        case sa.Boolean():
            return BOOLEAN
        case sa.Integer():
            return INTEGER
        case sa.Float():
            return FLOAT
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
            return sa.Numeric(38 if (portable.scale or 0) > 6 else 18, portable.scale)
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
