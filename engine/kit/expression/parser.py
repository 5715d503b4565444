"""Text to tree, and what is wrong with a text that is none."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
from platformdirs import user_cache_path

from engine.kit.expression import tree
from engine.kit.expression.builder import Builder, Unreadable, quoted

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
        raise _explained(text, problem) from None
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


_MISTAKES = {
    "==": ("'==' is no operator", "write '='"),
    "&&": ("'&&' is no operator", "write 'and'"),
    "!": ("'!' is no operator", "write 'not' or '!='"),
    "|": ("'|' is no operator", "write 'or', or '||' to join texts"),
    "'": ("the quote is never closed", "close it with ', and double a quote inside: 'it''s'"),
    '"': ("the quote is never closed, or nothing is in it", "close it with \"; a text is written 'in single quotes'"),
    "`": ("'`' quotes nothing", 'quote a name "like this"'),
    "{": ("braces are not part of an expression", "write vars.name, not {{ vars.name }}"),
    "$": ("'$' is not part of an expression", "write vars.name"),
    ";": ("';' ends nothing here", "write one expression"),
    "=": ("nothing can be compared here", "comparisons do not chain: join two of them with 'and'"),
}


def _explained(text: str, problem: UnexpectedInput) -> Unreadable:
    """Put a problem of lark's into words."""
    at = min(problem.pos_in_stream if problem.pos_in_stream is not None else len(text), len(text))
    if isinstance(problem, UnexpectedEOF) or (isinstance(problem, UnexpectedToken) and problem.token.type == "$END"):
        return Unreadable(
            len(text.rstrip()), "X003", f"the expression ends too early: '{quoted(text.strip())}'", _missing(text)
        )
    rest = text[at:]
    word = str(problem.token) if isinstance(problem, UnexpectedToken) else rest[:1]
    before = text[at - 1 : at] + rest[:1]
    for mark, (message, fix) in _MISTAKES.items():
        if rest.startswith(mark) or before == mark:
            return Unreadable(at, "X004" if mark in "'\"" else "X002", message, fix)
    if isinstance(problem, UnexpectedCharacters) and not re.match(r"[\w.,()+*/%<>-]", rest):
        return Unreadable(
            at, "X002", f"'{word}' (U+{ord(word):04X}) is not part of an expression", "take it out, or quote it"
        )
    fix = "check what stands before it: an operator, a comma or a quote is missing, or a bracket too many"
    return Unreadable(at, "X002", f"'{quoted(word)}' cannot stand here", fix)


def _missing(text: str) -> str:
    """Say what the end of the text lacks."""
    outside = re.sub(r"'([^']|'')*'|\"([^\"]|\"\")*\"", "", text)
    if outside.count("(") > outside.count(")"):
        return "close the bracket with ')'"
    if re.search(r"\bcase\b", outside, re.IGNORECASE) and not re.search(r"\bend\s*$", outside, re.IGNORECASE):
        return "close 'case' with 'end'"
    return "write what follows, or take the last word out"


__all__ = ["DEEPEST", "LONGEST", "Unreadable", "parse"]
