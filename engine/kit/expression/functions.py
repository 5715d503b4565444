"""What a function is, and the table of those the language has. The catalogue is Campaign's, in snake_case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.kit.dialect import Dialect
from engine.kit.expression.value import Value
from engine.kit.types import Kind, Type

TEXTS = frozenset({Kind.TEXT})
INTEGERS = frozenset({Kind.INTEGER})
NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})
EXACT = frozenset({Kind.INTEGER, Kind.DECIMAL})
TIMES = frozenset({Kind.DATE, Kind.TIMESTAMP})
CONDITIONS = frozenset({Kind.BOOLEAN})
ANY = frozenset(Kind) - {Kind.INTERVAL, Kind.OTHER}


@dataclass(frozen=True)
class Written:
    """What a value has to be that is written in the expression, or bound: never a column."""

    what: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Parameter:
    """What a function takes: the kinds of value, and whether it may be left out, or must be written out."""

    name: str
    kinds: frozenset[Kind]
    optional: bool = False
    written: Written | None = None

    def __str__(self) -> str:
        """Name it with its kinds: `number: integer | decimal | float`."""
        kinds = " | ".join(kind for kind in Kind if kind in self.kinds and kind != Kind.NULL)
        return f"{self.name}: {'any' if self.kinds == ANY else kinds}"


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of the language: one SQLAlchemy expression of its arguments.

    `result` is the type, or gives it from the arguments (nothing: they do not go together). `build` gets the
    dialect, the values named by `needs` (`run.date`, `run.time`), then the arguments; of a null it gives null unless `doc` says otherwise.
    The last parameter may be `repeated`. An `example` is an expression and its answer, as `audienceflow eval` would print it; null is None.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Type | Callable[[tuple[Value, ...]], Type | None]
    build: Callable[..., Any]
    doc: str
    example: tuple[str, str | None] = ("", None)
    needs: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(not parameter.optional for parameter in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments it takes; nothing when any number."""
        return None if self.repeated else len(self.parameters)

    @property
    def signature(self) -> str:
        """Show how it is called: `left(text, length)`."""
        names = ", ".join(f"[{each.name}]" if each.optional else each.name for each in self.parameters)
        return f"{self.name}({names}{', …' if self.repeated else ''})"

    @property
    def gives(self) -> str:
        """Say of what type its answer is, in words."""
        if isinstance(self.result, Type):
            return str(self.result)
        return (self.result.__doc__ or "").removesuffix(".")

    def parameter(self, index: int) -> Parameter:
        return self.parameters[min(index, len(self.parameters) - 1)]

    def call(self, dialect: Dialect, needed: tuple[Value, ...], arguments: tuple[Value, ...]) -> Any:
        return self.build(dialect, *needed, *arguments)
