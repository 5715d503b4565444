"""Expressions and sort keys as values: parsed, never pasted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, Self

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from engine.kit.errors import AuthorError, Span
from engine.kit.expression import tree
from engine.kit.expression.parser import Unreadable, parse
from engine.kit.expression.reading import ANY_TEXT, allow, author_checked
from engine.kit.expression.tree import Node
from engine.kit.types import Type

NameKind = Literal["column", "value", "link", "function"]


@dataclass(frozen=True)
class Bound:
    """A value that is known before the SQL runs, with its type."""

    value: object
    type: Type


Values = Mapping[str, Bound]
"""Known values by dotted name: `vars.days`, `run.time`, `run.date`, `run.id`, `inputs.from.count`."""

VALUE_ROOTS = ("vars", "run", "inputs")

_parse = lru_cache(maxsize=4096)(parse)


@dataclass(frozen=True)
class Mention:
    """A name an expression mentions, and where. Aggregates are functions; a path's last part may be its column."""

    kind: NameKind
    name: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Text:
    """What Expr and SortKey share: a text, its place, its tree, and the values bound to it. Equal texts are equal."""

    text: str
    span: Span | None = field(default=None, compare=False)
    values: Values = field(default_factory=dict, compare=False, repr=False)
    tree: tree.Node = field(init=False, compare=False, repr=False)

    def _parse(self, start: Literal["expression", "sort_key"]) -> None:
        object.__setattr__(self, "text", str(self.text))
        try:
            object.__setattr__(self, "tree", _parse(self.text, start))
        except Unreadable as problem:
            raise self.error(problem.at, problem.code, problem.message, problem.fix) from None

    def error(self, at: int, code: str, message: str, fix: str) -> AuthorError:
        """Build the error of a problem `at` so many characters into the text."""
        return AuthorError.at(self.span and self.span.shifted(at), code, message, fix)

    def bound(self, values: Values) -> Self:
        """Give the same with these values for `vars`, `run` and `inputs`, over those it has."""
        same = object.__new__(type(self))
        same.__dict__.update(self.__dict__, values={**self.values, **values} if self.values else values)
        return same

    def conjuncts(self) -> list[Self]:
        """Give the conditions that must all be true, each with its place; one alone is itself."""
        if not (isinstance(self.tree, tree.Logic) and self.tree.operator == "and"):
            return [self]
        parts = [object.__new__(type(self)) for _ in self.tree.operands]
        for part, operand in zip(parts, self.tree.operands, strict=True):
            part.__dict__.update(self.__dict__, tree=operand)
            part.__dict__.pop("nodes", None)
        return parts

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every part of the tree, the whole first."""
        return tuple(node for node, _ in tree.walk(self.tree))

    def names(self) -> Iterator[Mention]:
        """Give every name that is mentioned."""
        links = {id(node.link) for node in self.nodes if isinstance(node, tree.Collection)}
        for node in self.nodes:
            if id(node) in links:
                continue
            span = self.span and self.span.shifted(node.at)
            match node:
                case tree.Name(parts=parts) if parts[0] in VALUE_ROOTS and len(parts) > 1:
                    yield Mention("value", str(node), span)
                case tree.Name():
                    yield Mention("column", str(node), span)
                case tree.Collection(function=function, link=link):
                    yield Mention("function", function, span)
                    yield Mention("link", str(link), self.span and self.span.shifted(link.at))
                case tree.Call(function=function):
                    yield Mention("function", function, span)

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        return ANY_TEXT

    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("an expression is wanted here")
        allow(value, info)
        return author_checked(lambda: cls(str(value), getattr(value, "span", None)))


@dataclass(frozen=True, eq=True)
class Expr(_Text):
    """A condition or a value, as the author wrote it; AuthorError when it cannot be read.

    `span` is the place of the text's first character.
    """

    __hash__ = _Text.__hash__

    def __post_init__(self) -> None:
        self._parse("expression")


@dataclass(frozen=True, eq=True)
class SortKey(_Text):
    """`expression [asc | desc] [nulls first | last]`; `-name` and `-call(…)` are sugar for `desc`.

    Nulls come last in both directions unless told otherwise. A bare number or text sorts nothing and is an error.
    """

    __hash__ = _Text.__hash__

    def __post_init__(self) -> None:
        self._parse("sort_key")

    @property
    def sort(self) -> tree.Sort:
        """Give the tree: the operand, its direction, and where nulls go."""
        assert isinstance(self.tree, tree.Sort)  # noqa: S101 - the parser's start rule says so
        return self.tree
