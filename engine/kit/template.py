"""Text options: Jinja templates in a sandbox. A template never makes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from engine.kit.errors import AuthorError, Span
from engine.kit.expression.reading import ANY_TEXT, allow, author_checked


@dataclass(frozen=True)
class Template:
    """A text in which `{{ vars.x }}` and `{{ run.date }}` are filled in; an unknown name is an error, never empty."""

    source: str
    span: Span | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.is_literal:
            return
        from engine.kit import template_language  # jinja2 is heavy, and most texts are literal

        if found := template_language.problem(self.source):
            wrong, fix, at = found
            span = self.span and self.span.shifted(at)
            raise AuthorError.at(span, "T001", f"the template cannot be read: {wrong}", fix)

    @property
    def is_literal(self) -> bool:
        return _is_literal(self.source)

    def render(self, names: Mapping[str, Any]) -> str:
        """Fill the template in; AuthorError when a name in it is not known, DataError when what it computes goes wrong."""
        if self.is_literal:
            return self.source
        from engine.kit import template_language

        return template_language.render(self.source, self.span, names)

    def __str__(self) -> str:
        return self.source

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        return ANY_TEXT


def _read(value: Any, info: ValidationInfo) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise ValueError("a text is wanted here")
    if not _is_literal(value):
        allow(value, info)
    return author_checked(lambda: Template(str(value), getattr(value, "span", None)))


def _is_literal(source: str) -> bool:
    return not any(mark in source for mark in ("{{", "{%", "{#"))
