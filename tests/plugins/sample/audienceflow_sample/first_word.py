"""The function `first_word`."""

from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect
from engine.kit.expression.functions import TEXTS, Function, Parameter
from engine.kit.expression.value import Value
from engine.kit.types import TEXT


def _first_word(dialect: Dialect, text: Value) -> Any:
    trimmed = dialect.trim(text.sql)
    blank = dialect.position(trimmed, sa.literal(" ", sa.String()))
    one = sa.literal(1, sa.Integer())
    return sa.case((blank > 0, dialect.substring(trimmed, one, blank - one)), else_=trimmed)


FIRST_WORD = Function(
    name="first_word",
    parameters=(Parameter("text", TEXTS),),
    result=TEXT,
    build=_first_word,
    doc="What stands before the first blank, white space at the ends left out.",
    example=("first_word(' Ann Lee')", "Ann"),
)
