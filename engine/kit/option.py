"""Options: declared once, read strictly from text, each problem with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError, PydanticUndefined

from engine.kit.errors import DataError, Span
from engine.kit.expression import Expr
from engine.kit.expression.reading import ANY_TEXT, allow, author_checked
from engine.kit.types import Kind, Type

T = TypeVar("T")


class Scalar(str):
    """A text of a YAML file that knows its place, and whether it stands in quotes there."""

    __slots__ = ("is_quoted", "span")
    span: Span
    is_quoted: bool

    @classmethod
    def at(cls, text: str, span: Span, *, is_quoted: bool = False) -> Scalar:
        """Give the text with its place."""
        scalar = cls(text)
        scalar.span = span
        scalar.is_quoted = is_quoted
        return scalar


def option(
    doc: str, *, default: Any = PydanticUndefined, example: Any = None, ge: int | None = None, secret: bool = False
) -> Any:
    """Declare an option of an activity: what it says, its default (none: it is required), an example, its least value.

    A `secret` is of the type `Secret`; no representation of the options shows it.
    """
    extra = {"example": example, "secret": secret or None, "minimum": ge}
    shown = {name: value for name, value in extra.items() if value is not None}
    return Field(default, description=doc, json_schema_extra=shown, repr=not secret)


class Options(BaseModel):
    """A mapping with fixed keys, read strictly; the base of activities, and of what stands inside their options."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _is_within_bounds(cls, value: Any, info: ValidationInfo) -> Any:
        extra = cls.model_fields[info.field_name or ""].json_schema_extra
        minimum = extra.get("minimum") if isinstance(extra, dict) else None
        if isinstance(minimum, int) and isinstance(value, int | Decimal) and value < minimum:
            raise wrong(f"{value} is less than {minimum}")
        return value


def wrong(message: str, fix: str = "", *at: str) -> PydanticCustomError:
    """Give the error of options that are wrong together, for a validator to raise; without a fix, one is told from the option's example.

    `at`: the options inside that it may stand at, of which the first one that is written is taken.
    """
    return PydanticCustomError("option", "{message}", {"message": message, "fix": fix, "at": at})


@dataclass(frozen=True)
class Deferred:
    """A number, date or boolean written as an expression of `vars` and `run`; the task puts its value in its place."""

    expression: Expr
    read: Callable[[str], Any] = field(compare=False)

    def __str__(self) -> str:
        return str(self.expression)


def _reader(read: Callable[[str], T], wanted: str) -> Callable[[Any, ValidationInfo], Any]:
    """Read a scalar by `read`; what it cannot read, but mentions `vars` or `run`, is an expression."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Deferred) or not isinstance(value, str):
            if isinstance(value, list | dict):
                raise wrong(f"{wanted} is wanted here")
            return value
        try:
            return read(value)
        except (ValueError, ArithmeticError):
            if re.search(r"\b(vars|run)\.", value):
                allow(value, info)
                return Deferred(author_checked(lambda: Expr(str(value), getattr(value, "span", None))), read)
            told = {"wanted": wanted, "value": str(value)}  # by which the loader knows what was meant
            raise PydanticCustomError("option", "{wanted} is wanted here, not '{value}'", told) from None

    return validate


BOOLEAN = "true or false"
"""What is wanted of a flag."""
_WHOLE = r"-?(0|[1-9][0-9]{0,17})"
_DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"


def read_integer(text: str) -> int:
    """Read a whole number of at most 18 digits, strictly; ValueError for anything else."""
    if not re.fullmatch(_WHOLE, text):
        raise ValueError(text)
    return int(text)


def read_number(text: str) -> Decimal:
    """Read a number of at most 30 digits, strictly; ValueError for anything else."""
    if len(text) > 32 or not re.fullmatch(_DECIMAL, text):
        raise ValueError(text)
    return Decimal(text)


def read_boolean(text: str) -> bool:
    """Read true or false; ValueError for anything else."""
    return {"true": True, "false": False}[text] if text in ("true", "false") else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)


_DURATION = r"([0-9]{1,9})([smhd])"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(text: str) -> timedelta:
    match = re.fullmatch(_DURATION, text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else _refuse(text)


def _percentage(text: str) -> Decimal:
    return read_number(text.removesuffix("%"))


@dataclass(frozen=True)
class Allowance:
    """How many of a whole may be wrong: so many, or a share of them in percent."""

    most: Decimal
    is_share: bool = False

    def permits(self, wrong: int, whole: int) -> bool:
        """Say that so many of the whole may be wrong."""
        return wrong * 100 <= self.most * whole if self.is_share else wrong <= self.most

    def __str__(self) -> str:
        return f"{self.most}%" if self.is_share else f"{self.most:,}"


def _allowance(text: str) -> Allowance:
    allowed = Allowance(_percentage(text), True) if text.endswith("%") else Allowance(Decimal(read_integer(text)))
    return allowed if allowed.most >= 0 else _refuse(text)


_KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP)


MOST_DIGITS = 30
"""So many digits after the point a declared column may have."""


def _column_type(text: str) -> Type:
    type_ = Type.parse(text)
    is_known = type_.kind in _KINDS and not type_.is_carried and (type_.scale or 0) <= MOST_DIGITS
    return type_ if is_known else _refuse(text)


def _scalar_type(read: Callable[[str], Any], wanted: str, types: list[str], pattern: str) -> tuple[Any, ...]:
    """Give how a scalar is read; an editor knows it by the types YAML may take it for, and a pattern where it is a text."""
    schema = {
        "type": types,
        "pattern": rf"^({pattern})$|\b(vars|run)\.",
        "patternErrorMessage": f"{wanted} is wanted here, or an expression of vars and run",
    }
    return PlainValidator(_reader(read, wanted)), PlainSerializer(as_written), WithJsonSchema(schema)


def as_written(value: Any) -> Any:
    """Give the text that would be read as this value."""
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{int(value.total_seconds())}s"
        case None:
            return None
        case _:
            return str(value)


class _OrOne:
    """Let the JSON Schema of a list take one of its items, too."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Integer = Annotated[int, *_scalar_type(read_integer, "a whole number", ["integer", "string"], _WHOLE)]
Number = Annotated[Decimal, *_scalar_type(read_number, "a number", ["number", "string"], _DECIMAL)]
Flag = Annotated[bool, *_scalar_type(read_boolean, BOOLEAN, ["boolean", "string"], "true|false")]
Duration = Annotated[
    timedelta, *_scalar_type(_duration, "a duration such as 90s, 15m, 2h or 3d", ["string"], _DURATION)
]
Percentage = Annotated[
    Decimal, *_scalar_type(_percentage, "a percentage such as 10%", ["number", "string"], rf"{_DECIMAL}%?")
]
AtMost = Annotated[
    Allowance,
    *_scalar_type(
        _allowance, "a number such as 100, or a percentage such as 1%,", ["integer", "string"], rf"{_WHOLE}|{_DECIMAL}%"
    ),
]
ColumnType = Annotated[
    Type,
    *_scalar_type(
        _column_type,
        "a type (integer, decimal(2), float, text, boolean, date or timestamp)",
        ["string"],
        r"integer|decimal(\([0-9]{1,2}\))?|float|text|boolean|date|timestamp",
    ),
]
Name = Annotated[
    str,
    PlainValidator(lambda value: value if isinstance(value, str) else _wanted_name()),
    WithJsonSchema(ANY_TEXT),
]
LONGEST_COLUMN = 63
"""So many bytes of a name PostgreSQL keeps; two that begin alike would be one column there."""


def columns_named(columns: dict[str, T]) -> dict[str, T]:
    """Refuse a name that not every database takes for a column's."""
    for name in columns:
        _hold_column_name(name, (name,))
    return columns


def _column_name(name: str) -> str:
    _hold_column_name(name, ())
    return name


def _hold_column_name(name: str, at: tuple[str, ...]) -> None:
    if not name.strip():
        raise PydanticCustomError("option", "a column has no name here", {"at": at, "fix": "write one"})
    if len(name.encode()) > LONGEST_COLUMN:
        what = "the column's name has more than {most} bytes, which not every database keeps apart"
        raise PydanticCustomError("option", what, {"most": LONGEST_COLUMN, "at": at, "fix": "shorten it"})


ColumnName = Annotated[Name, AfterValidator(_column_name)]
"""The name of a column that is made."""
Many = Annotated[
    tuple[T, ...], BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value]), _OrOne()
]
"""One or many: a single value stands for a list of one."""


def some(value: T) -> T:
    """Refuse nothing where something is wanted."""
    if not value:
        raise wrong("at least one is wanted here")
    return value


Some = Annotated[Many[T], AfterValidator(some)]
"""One or more: nothing is not enough."""
Pairs = Annotated[dict[str, Name], AfterValidator(some)]
"""Names by name, one or more."""


def _wanted_name() -> Any:
    raise wrong("a name is wanted here")


@dataclass(frozen=True)
class _Secret:
    """Where a secret is kept: an environment variable, or a file. It holds no value, and shows itself as `***`."""

    place: str
    name: str

    def reveal(self, environment: Mapping[str, str], folder: Path) -> str:
        """Read the value; a relative file starts at `folder`, and its last line end is not part of it.

        Raises DataError when it is not there or empty.
        """
        if self.place == "env":
            value = environment.get(self.name, "")
        else:
            path = folder / self.name
            value = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r") if path.is_file() else ""
        if not value:
            what = "environment variable" if self.place == "env" else "file"
            raise DataError(f"the {what} {self.name}, which holds a secret, is missing or empty", f"fill the {what}")
        return value

    def __repr__(self) -> str:
        return "***"


def _secret(value: Any) -> Any:
    if isinstance(value, _Secret):
        return value
    if not isinstance(value, dict):
        raise wrong("a secret is never written out; write {env: NAME} or {file: path}")
    place, name = next(iter(value.items()), ("", None))
    if len(value) != 1 or place not in ("env", "file") or not isinstance(name, str) or not name:
        raise wrong("a secret is kept in one place; write {env: NAME} or {file: path}")
    return _Secret(str(place), str(name))


Secret = Annotated[
    _Secret,
    PlainValidator(_secret),
    PlainSerializer(lambda secret: {secret.place: secret.name}),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "env": {**ANY_TEXT, "description": "The environment variable that holds it."},
                "file": {**ANY_TEXT, "description": "The file that holds it; a relative path starts at project.yaml."},
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
    ),
]
"""A value that stands in no file and no message: `{env: NAME}` or `{file: path}`."""
