"""How an option that is read from text reports its problems through pydantic, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from engine.kit.errors import AuthorError
from engine.kit.expression.parser import LONGEST

T = TypeVar("T")

ANY_TEXT: dict[str, Any] = {
    "anyOf": [{"type": ["string", "number"]}, {"not": {"type": ["string", "number", "null", "array", "object"]}}]
}
"""The JSON Schema of a scalar that is read as text, whatever YAML takes it for. An editor proposes `true` and `false` where a
type says `boolean`, which is why the second part says it by all that it is not."""


EACH = 20
"""To begin with an expression takes as long as to read so many characters of it."""


class Allowance:
    """How many characters of expressions and templates may still be read: the `context` of the validations of one file."""

    def __init__(self, characters: int) -> None:
        self.most = self._left = characters

    def take(self, text: str) -> None:
        """Raises AuthorError, which ends the validation at once, at the text that is too much."""
        self._left -= EACH + min(len(text), LONGEST)
        if self._left < 0:
            what = f"the expressions and templates of this file have more than {self.most:,} characters, each counted as {EACH} more"
            raise AuthorError.at(getattr(text, "span", None), "Y006", what, "split the file")


def allow(text: str, info: ValidationInfo) -> None:
    """Count an expression or a template where there is an allowance for them."""
    if isinstance(info.context, Allowance):
        info.context.take(text)


def author_checked(read: Callable[[], T]) -> T:
    """Call `read` inside a validator, so that its problems are collected beside those of other options."""
    try:
        return read()
    except AuthorError as problem:
        raise PydanticCustomError(
            "author", "{message}", {"message": str(problem), "diagnostics": problem.diagnostics}
        ) from None
