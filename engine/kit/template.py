"""Text options: Jinja templates in a sandbox. A template never makes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from engine.kit.errors import AuthorError, DataError, Span
from engine.kit.expression.reading import author_checked

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


_GONE_WRONG = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
"""What the author's own expressions raise while they are computed; `include` has no loader, which is a TypeError."""


@dataclass(frozen=True)
class Template:
    """A text in which `{{ vars.x }}` and `{{ run.date }}` are filled in; an unknown name is an error, never empty."""

    source: str
    span: Span | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.is_literal:
            try:
                _ENVIRONMENT.parse(self.source)
            except TemplateSyntaxError as problem:
                raise AuthorError.at(
                    self.span,
                    "T001",
                    f"the template cannot be read: {problem.message}",
                    "write {{ vars.name }} or {{ run.date }}",
                ) from None

    @property
    def is_literal(self) -> bool:
        return not any(mark in self.source for mark in ("{{", "{%", "{#"))

    def render(self, names: Mapping[str, Any]) -> str:
        """Fill the template in; AuthorError when a name in it is not known, DataError when what it computes goes wrong."""
        if self.is_literal:
            return self.source
        try:
            return _ENVIRONMENT.from_string(self.source).render(names)
        except UndefinedError as problem:
            raise AuthorError.at(
                self.span,
                "T002",
                f"the template '{self.source}' asks for what is not there: {problem.message}",
                "declare it under 'variables'",
            ) from None
        except _GONE_WRONG as problem:
            raise DataError(
                f"the template '{self.source}' cannot be rendered: {problem}", "write a text with {{ vars.name }} in it"
            ) from None

    def __str__(self) -> str:
        return self.source

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _read(value: Any) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise ValueError("a text is wanted here")
    return author_checked(lambda: Template(str(value), getattr(value, "span", None)))
