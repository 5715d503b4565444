"""Choices, and what stands for nothing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.catalogue.signatures import A_TEXT, A_VALUE, EMPTY, alike_all, common, first
from engine.kit.expression.functions import CONDITIONS, NUMBERS, TEXTS, Function, Parameter
from engine.kit.expression.value import Value, alike, compared, literal
from engine.kit.types import TEXT, Type


def _choice(dialect: Dialect, condition: Any, *values: Value) -> Sql:
    (yes, no), _ = alike_all(dialect, values)
    return sa.case((condition, yes), else_=no)


def _if_equals(dialect: Dialect, a: Value, b: Value, yes: Value, no: Value) -> Sql:
    return _choice(dialect, compared(dialect, "=", a, b), yes, no)


def _is_empty_string(dialect: Dialect, text: Value, yes: Value, no: Value) -> Sql:
    return _choice(dialect, sa.func.coalesce(text.sql, EMPTY) == "", yes, no)


def _virtual_link(dialect: Dialect, key: Value, a: Value, b: Value) -> Sql:
    return sa.case((compared(dialect, "=", a, b), key.sql))


def _coalesce(dialect: Dialect, *values: Value) -> Sql:
    sqls, _ = alike_all(dialect, values)
    return sa.func.coalesce(*sqls) if len(sqls) > 1 else sqls[0]


def _no_null(dialect: Dialect, value: Value) -> Sql:
    nothing = literal("" if value.type == TEXT else 0)
    return sa.func.coalesce(*alike(dialect, (value, nothing), value.type))


def _after_condition(values: tuple[Value, ...]) -> Type | None:
    """the type that holds both values"""
    return common(values[1:])


def _after_pair(values: tuple[Value, ...]) -> Type | None:
    """the type that holds the third and fourth"""
    return common(values[2:]) if common(values[:2]) is not None else None


def _linked(values: tuple[Value, ...]) -> Type | None:
    """the type of the first"""
    return first(values) if common(values[1:]) is not None else None


CHOICES = (
    Function(name="iif", parameters=(Parameter("condition", CONDITIONS), A_VALUE, A_VALUE), result=_after_condition,
             build=lambda dialect, condition, yes, no: _choice(dialect, condition.sql, yes, no),
             doc="The first value where the condition is true, else the second: a condition that is null is not true.",
             example=("iif(1 < 2, 'yes', 'no')", "yes")),
    Function(name="if_equals", parameters=(A_VALUE, A_VALUE, A_VALUE, A_VALUE), result=_after_pair, build=_if_equals,
             doc="The third value where the first two are equal, else the fourth. Null equals nothing, not even null. It is Decode too.",
             example=("if_equals('FR', 'FR', 'national', 'abroad')", "national")),
    Function(name="is_empty_string", parameters=(A_TEXT, A_VALUE, A_VALUE), result=_after_condition, build=_is_empty_string,
             doc="The first value where the text is null or '', else the second. White space is not empty.",
             example=("is_empty_string('', 'none', 'some')", "none")),
    Function(name="virtual_link", parameters=(A_VALUE, A_VALUE, A_VALUE), result=_linked, build=_virtual_link,
             doc="The first value, a key, where the other two are equal, else null: a link that finds nobody is null here, where Campaign "
                 "keeps a record 0. The key may be a text, so it is VirtualLinkStr too.",
             example=("virtual_link(42, 'shop', 'shop')", "42")),
    Function(name="coalesce", parameters=(A_VALUE,), result=common, repeated=True, build=_coalesce,
             doc="The first value that is not null. Campaign's also passes over 0; ours is SQL's, because 0 is a value: an amount of 0 "
                 "is known. Write `iif(x = 0, null, x)` where it is not.",
             example=("coalesce(0, 1)", "0")),
    Function(name="no_null", parameters=(Parameter("value", TEXTS | NUMBERS),), result=first, build=_no_null,
             doc="The value, or where it is null '' for a text and 0 for a number. Campaign's gives '' of everything.",
             example=("no_null(vars.nothing)", "")),
)  # fmt: skip
