"""Text to tree."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from lark import Lark
from lark.exceptions import UnexpectedInput
from platformdirs import user_cache_path

from engine.kit.expression import tree
from engine.kit.expression.builder import Builder, Unreadable
from engine.kit.expression.mistakes import explained

LONGEST = 20_000
DEEPEST = 100
"""SQLAlchemy's compiler breaks on deeper nesting (reference/databases.md, rule 1)."""


def parse(text: str, start: Literal["expression", "sort_key"] = "expression") -> tree.Node:
    """Give the tree of an expression or a sort key; Unreadable when it is neither."""
    if not text.strip():
        raise Unreadable(0, "X001", "an expression is wanted here, not an empty text", "write a condition or a value")
    if len(text) > LONGEST:
        raise Unreadable(
            0, "X008", f"the expression has {len(text)} characters, more than {LONGEST}", "split it over activities"
        )
    try:
        node = cast("tree.Node", _parser().parse(text, start=start))
    except UnexpectedInput as problem:
        raise explained(text, problem) from None
    for part, depth in tree.walk(node) if len(text) > DEEPEST else ():  # a level takes a character at least
        if depth > DEEPEST:
            raise Unreadable(
                part.at, "X008", f"the expression nests deeper than {DEEPEST} levels", "split it over columns"
            )
    return node


@cache
def _parser() -> Lark:
    """Build the parser. Its table takes a tenth of a second, so lark keeps it among the user's caches until the grammar changes."""
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    folder = user_cache_path("audienceflow")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return Lark(
        grammar, parser="lalr", start=["expression", "sort_key"], transformer=Builder(), maybe_placeholders=True,
        cache=str(folder / "expression-grammar"),
    )  # fmt: skip


__all__ = ["DEEPEST", "LONGEST", "Unreadable", "parse"]
