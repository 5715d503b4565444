"""How an option that is read from text reports its problems through pydantic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic_core import PydanticCustomError

from engine.kit.errors import AuthorError

T = TypeVar("T")


def author_checked(read: Callable[[], T]) -> T:
    """Call `read` inside a validator, so that its problems are collected beside those of other options."""
    try:
        return read()
    except AuthorError as problem:
        raise PydanticCustomError(
            "author", "{message}", {"message": str(problem), "diagnostics": problem.diagnostics}
        ) from None
