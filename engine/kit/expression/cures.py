"""What to type where values of two types meet that have nothing in common."""

from __future__ import annotations

import re
from typing import TypeAlias

from engine.kit.expression import tree
from engine.kit.expression.value import cure_of_carried
from engine.kit.types import DATE, TEXT, TIMESTAMP, Kind, Type

Side: TypeAlias = tuple[tree.Node, Type]
"""What an author wrote at one side of a comparison, and its type."""


def cure_of_pair(left: Side, right: Side) -> str:
    """Say what to type so that two sides can be compared, by what the author wrote of them."""
    for (node, type_), (other, others_type) in ((left, right), (right, left)):
        if others_type.is_carried or type_.is_carried or not others_type.is_numeric:
            continue
        if type_ == TEXT:
            return _cure_of_text(node, other)
        if type_ in (DATE, TIMESTAMP):
            part = node if isinstance(node, tree.Name) else "…"
            return (
                f"write a date, such as days_ago(30) or date '2026-11-23'; or compare year({part}) or years_old({part})"
            )
    return cure(left[1], right[1])


def cure(left: Type, right: Type) -> str:
    """Say what to type so that values of two types become values of one."""
    for side in (left, right):
        if side.is_carried:
            return cure_of_carried(side)
    kinds = {left.kind, right.kind}
    if Kind.TEXT in kinds and kinds & {Kind.DATE, Kind.TIMESTAMP}:
        return "write date '2026-11-23' or timestamp '2026-11-23T08:30:00Z'"
    if Kind.BOOLEAN in kinds:
        return "write true or false, without quotes"
    if Kind.TEXT in kinds and kinds & {Kind.INTEGER, Kind.DECIMAL}:
        return "write the number without quotes, or to_integer(…) or to_string(…) around one side"
    if Kind.INTERVAL in kinds:
        return "add the interval to a date or timestamp"
    return "write values of one type, or to_string(…) around each"


def _cure_of_text(text: tree.Node, number: tree.Node) -> str:
    """Say what to type where a text is compared with a number."""
    if isinstance(text, tree.Literal):
        written = str(text.value).strip()
        is_number = re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", written)
        return (
            f"write {written}, without quotes"
            if is_number
            else "write the number without quotes, or to_string(…) around the other side"
        )
    named = text if isinstance(text, tree.Name) else "…"
    if isinstance(number, tree.Literal):
        return f"write '{number.value}', in quotes, to compare texts; or to_integer({named}) to compare numbers"
    return f"write to_integer({named}) to compare numbers, or to_string(…) around the number to compare texts"
