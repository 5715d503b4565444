"""What the parser makes of each rule of the grammar."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from lark import Token, Transformer, v_args

from engine.kit.errors import suggestion
from engine.kit.expression import tree
from engine.kit.expression.elsewhere import AGGREGATES_OF_OTHERS, squeezed

COLLECTIONS = ("avg", "count", "count_distinct", "exists", "max", "min", "std_dev", "string_agg", "sum")


class Unreadable(Exception):
    """The text is no expression: where (characters from its start), a code, what is wrong, what to type."""

    def __init__(self, at: int, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.at, self.code, self.message, self.fix = at, code, message, fix


def quoted(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"


def _string(token: Token) -> str:
    text = str(token)
    quoted = text[text.index("'") + 1 : -1]
    return quoted.replace("''", "'")


def _at(token: Token) -> int:
    return token.start_pos or 0


_UNITS = {
    "second": (0, 0, 1), "minute": (0, 0, 60), "hour": (0, 0, 3600),
    "day": (0, 1, 0), "week": (0, 7, 0), "month": (1, 0, 0), "year": (12, 0, 0),
}  # fmt: skip


def _interval(text: str) -> tree.Interval:
    if not re.fullmatch(r"\s*(-?[0-9]{1,9}\s+[a-z]+\s*)+", text):
        raise ValueError(text)
    total = (0, 0, 0)
    for count, unit in re.findall(r"(-?[0-9]+)\s+([a-z]+)", text):
        if unit.removesuffix("s") not in _UNITS:
            raise ValueError(text)
        months, days, seconds = (int(count) * each for each in _UNITS[unit.removesuffix("s")])
        total = (total[0] + months, total[1] + days, total[2] + seconds)
    return tree.Interval(*total)


def _timestamp(text: str) -> datetime:
    """Read ISO 8601; without an offset it is UTC. The value is UTC, without a zone."""
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)


def _date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


@v_args(inline=True)
class Builder(Transformer[Token, tree.Node]):
    """One method a rule of the grammar; called while lark reads, so depth costs no stack."""

    def expression(self, node: tree.Node) -> tree.Node:
        return node

    def sort_key(self, operand: tree.Node, direction: Token | None, nulls: Token | None) -> tree.Sort:
        descending = direction is not None and direction.type == "DESC"
        if direction is None and isinstance(operand, tree.Negative):
            inner = operand.operand
            if isinstance(inner, tree.Name | tree.Call | tree.Collection | tree.Window):
                operand, descending = inner, True
        nulls_first = nulls is not None and nulls.type == "NULLS_FIRST"
        return tree.Sort(at=operand.at, operand=operand, descending=descending, nulls_first=nulls_first)

    def either(self, *operands: tree.Node) -> tree.Node:
        return _joined("or", operands)

    def both(self, *operands: tree.Node) -> tree.Node:
        return _joined("and", operands)

    def negate(self, word: Token, operand: tree.Node) -> tree.Node:
        return tree.Not(at=_at(word), operand=operand)

    def binary(self, left: tree.Node, operator: Token, right: tree.Node) -> tree.Node:
        symbol = "!=" if operator == "<>" else str(operator)
        return tree.Binary(at=_at(operator), operator=symbol, left=left, right=right)

    def within(self, operand: tree.Node, word: Token, options: tuple[tree.Node, ...]) -> tree.Node:
        return tree.In(at=_at(word), operand=operand, options=options)

    def not_within(self, operand: tree.Node, no: Token, word: Token, options: tuple[tree.Node, ...]) -> tree.Node:
        return tree.Not(at=_at(no), operand=self.within(operand, word, options))

    def between(self, operand: tree.Node, word: Token, low: tree.Node, high: tree.Node) -> tree.Node:
        return tree.Between(at=_at(word), operand=operand, low=low, high=high)

    def not_between(self, operand: tree.Node, no: Token, word: Token, low: tree.Node, high: tree.Node) -> tree.Node:
        return tree.Not(at=_at(no), operand=self.between(operand, word, low, high))

    def like(self, operand: tree.Node, word: Token, pattern: tree.Node) -> tree.Node:
        return tree.Like(at=_at(word), operand=operand, pattern=pattern, minds_case=word.type == "LIKE")

    def not_like(self, operand: tree.Node, no: Token, word: Token, pattern: tree.Node) -> tree.Node:
        return tree.Not(at=_at(no), operand=self.like(operand, word, pattern))

    def is_null(self, operand: tree.Node, word: Token) -> tree.Node:
        return tree.IsNull(at=_at(word), operand=operand)

    def is_not_null(self, operand: tree.Node, word: Token) -> tree.Node:
        return tree.Not(at=_at(word), operand=self.is_null(operand, word))

    def distinct(self, left: tree.Node, word: Token, right: tree.Node) -> tree.Node:
        return tree.Distinct(at=_at(word), left=left, right=right)

    def not_distinct(self, left: tree.Node, word: Token, right: tree.Node) -> tree.Node:
        return tree.Not(at=_at(word), operand=self.distinct(left, word, right))

    def negative(self, sign: Token, operand: tree.Node) -> tree.Node:
        if (
            isinstance(operand, tree.Literal)
            and isinstance(operand.value, int | Decimal)
            and operand.at == _at(sign) + 1
        ):
            return tree.Literal(at=_at(sign), value=-operand.value)
        return tree.Negative(at=_at(sign), operand=operand)

    def number(self, token: Token) -> tree.Node:
        if "." not in token and len(token) > 18:
            raise Unreadable(
                _at(token), "X007", f"the number {quoted(token)} has more than 18 digits", "quote it if it is a text"
            )
        if len(token) > 31:
            raise Unreadable(_at(token), "X007", f"the number {quoted(token)} has more than 30 digits", "round it")
        return tree.Literal(at=_at(token), value=Decimal(token) if "." in token else int(token))

    def string(self, token: Token) -> tree.Node:
        if "\0" in token:
            raise Unreadable(_at(token), "X002", "a text cannot hold the character NUL", "take it out")
        return tree.Literal(at=_at(token), value=_string(token))

    def true(self, token: Token) -> tree.Node:
        return tree.Literal(at=_at(token), value=True)

    def false(self, token: Token) -> tree.Node:
        return tree.Literal(at=_at(token), value=False)

    def null(self, token: Token) -> tree.Node:
        return tree.Literal(at=_at(token), value=None)

    def date(self, token: Token) -> tree.Node:
        return _read(token, _date, "X005", "is no date", "write date '2026-11-23'")

    def timestamp(self, token: Token) -> tree.Node:
        return _read(token, _timestamp, "X005", "is no time", "write timestamp '2026-11-23T08:30:00Z'")

    def interval(self, token: Token) -> tree.Node:
        fix = "write interval '3 days'; units are seconds, minutes, hours, days, weeks, months, years"
        return _read(token, _interval, "X006", "is no interval", fix)

    def name(self, token: Token) -> Token:
        if token.type == "QUOTED":
            return token.update(value=str(token)[1:-1].replace('""', '"'))
        return token

    def path(self, *names: Token) -> tree.Node:
        return tree.Name(at=_at(names[0]), parts=tuple(map(str, names)))

    def arguments(self, *nodes: tree.Node) -> tuple[tree.Node, ...]:
        return nodes

    def call(self, function: Token, arguments: tuple[tree.Node, ...] = ()) -> tree.Node:
        name = function.lower()
        if name == "exists":
            return self.collection(function, arguments, None)
        return tree.Call(at=_at(function), function=name, arguments=arguments)

    def call_all(self, function: Token, star: Token) -> tree.Node:
        if function.lower() != "count":
            fix = "write count(*), or a value of the rows in place of '*'"
            raise Unreadable(_at(star), "X007", f"'*' cannot stand in {function}(…)", fix)
        return tree.Call(at=_at(function), function="count", arguments=())

    def collection_of(
        self, function: Token, arguments: tuple[tree.Node, ...], _word: Token, link: tree.Name, where: tree.Node | None
    ) -> tree.Node:
        name = _known_collection(function)
        if name == "exists":
            raise Unreadable(arguments[0].at, "X007", "exists takes a link only", f"write exists({link} where …)")
        if len(arguments) > (2 if name == "string_agg" else 1):
            raise Unreadable(
                arguments[-1].at, "X007", f"{name}(… of {link}) has too many values", f"write {name}(value of {link})"
            )
        return tree.Collection(at=_at(function), function=name, arguments=arguments, link=link, where=where)

    def collection(self, function: Token, arguments: tuple[tree.Node, ...], where: tree.Node | None) -> tree.Node:
        name = _known_collection(function)
        link = arguments[0] if len(arguments) == 1 else None
        if name not in ("exists", "count"):
            raise Unreadable(
                _at(function),
                "X007",
                f"{name} needs a value of the link's rows",
                f"write {name}(value of link where …)",
            )
        if not isinstance(link, tree.Name):
            at = arguments[0].at if arguments else _at(function)
            raise Unreadable(
                at, "X007", f"{name} is told a link here, by its name", f"write {name}(link where condition)"
            )
        return tree.Collection(at=_at(function), function=name, arguments=(), link=link, where=where)

    def collection_of_groups(
        self,
        function: Token,
        arguments: tuple[tree.Node, ...],
        where: tree.Node | None,
        group_by: tuple[tree.Node, ...],
        having: tree.Node,
    ) -> tree.Node:
        if function.lower() != "exists":
            fix = f"write exists({arguments[0]} group by … having …)" if len(arguments) == 1 else "use exists"
            raise Unreadable(_at(function), "X007", f"{function} makes no groups, exists does", fix)
        collection = self.collection(function, arguments, where)
        assert isinstance(collection, tree.Collection)  # noqa: S101 - it gives nothing else
        return replace(collection, group_by=group_by, having=having)

    def window(
        self, call: tree.Node, word: Token, partition: tuple[tree.Node, ...] | None, order: tuple[tree.Sort, ...] | None
    ) -> tree.Node:
        if not isinstance(call, tree.Call):
            raise Unreadable(
                _at(word), "X007", "'over' cannot follow an aggregate of a link", "take 'of …' out, or 'over'"
            )
        return tree.Window(at=call.at, call=call, partition=partition or (), order=order or ())

    def partition(self, _word: Token, *nodes: tree.Node) -> tuple[tree.Node, ...]:
        return nodes

    def order(self, _word: Token, *keys: tree.Sort) -> tuple[tree.Sort, ...]:
        return keys

    def when(self, word: Token, condition: tree.Node, value: tree.Node) -> tree.When:
        return tree.When(at=_at(word), condition=condition, value=value)

    def case(self, word: Token, subject: tree.Node | None, *rest: Any) -> tree.Node:
        *whens, otherwise, _end = rest
        return tree.Case(at=_at(word), subject=subject, whens=tuple(whens), otherwise=otherwise)


def _joined(operator: str, operands: tuple[tree.Node, ...]) -> tree.Node:
    """Give the operands joined; a single one is itself."""
    return operands[0] if len(operands) == 1 else tree.Logic(at=operands[0].at, operator=operator, operands=operands)


def _known_collection(function: Token) -> str:
    name = function.lower()
    if name not in COLLECTIONS:
        meant = AGGREGATES_OF_OTHERS.get(squeezed(name))
        fix = f"write {meant}" if meant else suggestion(name, COLLECTIONS, "aggregates of a link")
        raise Unreadable(_at(function), "X007", f"{function} does not work on a link", fix)
    return name


def _read(token: Token, read: Callable[[str], Any], code: str, what: str, fix: str) -> tree.Node:
    text = _string(token)
    try:
        return tree.Literal(at=_at(token), value=read(text))
    except (ValueError, OverflowError):
        raise Unreadable(_at(token), code, f"'{text}' {what}", fix) from None
