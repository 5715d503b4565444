"""How an option that is read from text reports its problems through pydantic, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from engine.kit.errors import AuthorError

T = TypeVar("T")

ANY_TEXT: dict[str, Any] = {
    "anyOf": [{"type": ["string", "number"]}, {"not": {"type": ["string", "number", "null", "array", "object"]}}]
}
"""The JSON Schema of a scalar that is read as text, whatever YAML takes it for. An editor proposes `true` and `false` where a
type says `boolean`, which is why the second part says it by all that it is not."""


def author_checked(read: Callable[[], T]) -> T:
    """Call `read` inside a validator, so that its problems are collected beside those of other options."""
    try:
        return read()
    except AuthorError as problem:
        raise PydanticCustomError(
            "author", "{message}", {"message": str(problem), "diagnostics": problem.diagnostics}
        ) from None
