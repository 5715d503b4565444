"""Texts. They count in characters (code points), and the first is 1."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.catalogue.signatures import (
    A_COUNT,
    A_TEXT,
    A_VALUE,
    DIGITS,
    EMPTY,
    ONE,
    ZERO,
    Build,
    at_least,
)
from engine.kit.expression.functions import ANY, INTEGERS, TEXTS, Function, Parameter, Written
from engine.kit.expression.value import Value, literal
from engine.kit.types import BOOLEAN, INTEGER, TEXT, Kind, Type

_PART = Parameter("part", TEXTS)
_FILL = Parameter("fill", TEXTS, optional=True)
_BUCKETS = Written("a number above 0", lambda value: isinstance(value, int) and value > 0)
_EXACT = ANY - {Kind.FLOAT}


def _left(dialect: Dialect, text: Value, length: Value) -> Sql:
    return dialect.substring(text.sql, ONE, at_least(length, 0))


def _right(dialect: Dialect, text: Value, length: Value) -> Sql:
    return _end(dialect, text, at_least(length, 0))


def _end(dialect: Dialect, text: Value, wanted: Sql) -> Sql:
    start = dialect.length(text.sql) - wanted + ONE
    return dialect.substring(text.sql, sa.case((start < ONE, ONE), else_=start), wanted)


def _substring(dialect: Dialect, text: Value, start: Value, length: Value | None = None) -> Sql:
    wanted = dialect.length(text.sql) if length is None else at_least(length, 0)
    return dialect.substring(text.sql, at_least(start, 1), wanted)


def _contains(dialect: Dialect, text: Value, part: Value) -> Any:
    return dialect.position(text.sql, part.sql) > ZERO


def _starts_with(dialect: Dialect, text: Value, part: Value) -> Any:
    return dialect.substring(text.sql, ONE, dialect.length(part.sql)) == part.sql


def _ends_with(dialect: Dialect, text: Value, part: Value) -> Any:
    return _end(dialect, text, dialect.length(part.sql)) == part.sql


def _padded(side: Literal["left", "right"]) -> Build:
    def build(dialect: Dialect, text: Value, length: Value, fill: Value | None = None) -> Sql:
        filling = literal(" ").sql if fill is None else sa.func.nullif(fill.sql, "", type_=sa.String())
        return dialect.pad(text.sql, at_least(length, 0), filling, side)

    return build


def _line(dialect: Dialect, text: Value, number: Value) -> Sql:
    feed = literal("\n").sql
    lines = _replaced(text.sql, literal("\r\n").sql, feed)
    count = dialect.length(lines) - dialect.length(_replaced(lines, feed, EMPTY)) + ONE
    there = sa.case(((number.sql >= ONE) & (number.sql <= count), number.sql))
    return sa.case((there.is_not(None), dialect.line(lines, sa.func.coalesce(there, ONE))))


def _replace(dialect: Dialect, text: Value, old: Value, new: Value) -> Sql:  # noqa: ARG001
    replaced = _replaced(text.sql, old.sql, new.sql)  # SQLite looks at `new` only where `old` is not ''
    return replaced if new.known else sa.case((new.sql.is_not(None), replaced))


def _replaced(text: Sql, old: Sql, new: Sql) -> Sql:
    return sa.func.replace(text, old, new, type_=sa.String())


def _juxt_words(dialect: Dialect, *words: Value) -> Sql:  # noqa: ARG001
    joined: Any = sa.func.coalesce(words[0].sql, EMPTY)
    for word in words[1:]:
        present = sa.func.coalesce(word.sql, EMPTY)
        joined = sa.case((joined == "", present), (present == "", joined), else_=joined + literal(" ").sql + present)
    return joined  # type: ignore[no-any-return]


def _all_non_null(dialect: Dialect, *values: Value) -> Any:  # noqa: ARG001
    return sa.and_(
        *((sa.func.coalesce(each.sql, EMPTY) != "") if each.type == TEXT else each.sql.is_not(None) for each in values)
    )


def _email_domain(dialect: Dialect, email: Value) -> Sql:
    at = dialect.position(email.sql, literal("@").sql)
    return sa.case((at > ZERO, dialect.substring(email.sql, at + ONE, dialect.length(email.sql))))


def _character(dialect: Dialect, code: Value) -> Sql:
    is_one = sa.or_(code.sql.between(1, 0xD7FF), code.sql.between(0xE000, 0x10FFFF))
    return dialect.character(sa.case((is_one, code.sql)))


def _to_string(dialect: Dialect, value: Value, digits: Value | None = None) -> Sql:
    if digits is None or not value.type.is_numeric:
        return dialect.text(value.sql, value.type)
    rounded = dialect.round(value.sql, value.type, digits.known)
    return dialect.text(rounded, INTEGER if digits.known == 0 else Type(Kind.DECIMAL, digits.known))


def _bucket(dialect: Dialect, key: Value, seed: Value, count: Value) -> Sql:
    text = seed.sql + literal(":").sql + dialect.text(key.sql, key.type)
    return dialect.bucket(text, count.known)


STRINGS = (
    Function(name="lower", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.lower(text.sql),
             doc="The text in lower case; one character for one, so İ gives i.",
             example=("lower('ÉCOLE')", "école")),
    Function(name="upper", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.upper(text.sql),
             doc="The text in upper case; one character for one, so ß gives ẞ.",
             example=("upper('école')", "ÉCOLE")),
    Function(name="smart", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.capitals(text.sql),
             doc="The first letter of each word in upper case, the others in lower; words are parted by spaces.",
             example=("smart('jean-luc DUPONT')", "Jean-luc Dupont")),
    Function(name="trim", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.trim(text.sql),
             doc="The text without white space at its ends: Unicode's, so tabs, line ends and no-break spaces too.",
             example=("trim(' Ann ')", "Ann")),
    Function(name="ltrim", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.trim(text.sql, "left"),
             doc="The text without white space at its beginning.",
             example=("ltrim(' Ann ') || '.'", "Ann .")),
    Function(name="rtrim", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.trim(text.sql, "right"),
             doc="The text without white space at its end.",
             example=("'.' || rtrim(' Ann ')", ". Ann")),
    Function(name="length", parameters=(A_TEXT,), result=INTEGER, build=lambda dialect, text: dialect.length(text.sql),
             doc="How many characters (code points).",
             example=("length('Zoë')", "3")),
    Function(name="data_length", parameters=(A_TEXT,), result=INTEGER, build=lambda dialect, text: dialect.size(text.sql),
             doc="How many bytes the text takes in UTF-8.",
             example=("data_length('Zoë')", "4")),
    Function(name="left", parameters=(A_TEXT, A_COUNT), result=TEXT, build=_left,
             doc="The first n characters; all of them where there are fewer, none where n is below 1.",
             example=("left('héllo', 2)", "hé")),
    Function(name="right", parameters=(A_TEXT, A_COUNT), result=TEXT, build=_right,
             doc="The last n characters; all of them where there are fewer, none where n is below 1.",
             example=("right('héllo', 4)", "éllo")),
    Function(name="substring", parameters=(A_TEXT, Parameter("start", INTEGERS), Parameter("length", INTEGERS, optional=True)),
             result=TEXT, build=_substring, doc="Characters from a place on; the first is 1, and what is less counts as 1.",
             example=("substring('abcdef', 2, 3)", "bcd")),
    Function(name="lpad", parameters=(A_TEXT, A_COUNT, _FILL), result=TEXT, build=_padded("left"),
             doc="The text with `fill` (a space) before it, up to n characters. A longer text is cut to its first n, as the "
                 "databases under Campaign do. Null where `fill` is ''.",
             example=("lpad('42', 5, '0')", "00042")),
    Function(name="rpad", parameters=(A_TEXT, A_COUNT, _FILL), result=TEXT, build=_padded("right"),
             doc="The text with `fill` (a space) behind it, up to n characters. A longer text is cut to its first n, as the "
                 "databases under Campaign do. Null where `fill` is ''.",
             example=("rpad('ab', 5, '.')", "ab...")),
    Function(name="replace", parameters=(A_TEXT, Parameter("old", TEXTS), Parameter("new", TEXTS)), result=TEXT,
             build=_replace,
             doc="The text with every `old` replaced; where `old` is '', the text as it is.",
             example=("replace('06 12 34', ' ', '')", "061234")),
    Function(name="charindex", parameters=(A_TEXT, _PART), result=INTEGER,
             build=lambda dialect, text, part: dialect.position(text.sql, part.sql),
             doc="Where `part` first begins, from 1; 0 where it is not. '' begins at 1.",
             example=("charindex('a@b.org', '@')", "2")),
    Function(name="contains", parameters=(A_TEXT, _PART), result=BOOLEAN, build=_contains,
             doc="Whether `part` is in the text. Case counts, and % and _ mean themselves; every text contains ''. It is the "
                 "condition `contains` of Campaign's query editor, and MemoContains.",
             example=("contains('gmail.com', 'mail')", "true")),
    Function(name="starts_with", parameters=(A_TEXT, _PART), result=BOOLEAN, build=_starts_with,
             doc="Whether the text begins with `part`. Case counts, and % and _ mean themselves.",
             example=("starts_with('75011', '75')", "true")),
    Function(name="ends_with", parameters=(A_TEXT, _PART), result=BOOLEAN, build=_ends_with,
             doc="Whether the text ends with `part`. Case counts, and % and _ mean themselves.",
             example=("ends_with('ann@example.org', '.org')", "true")),
    Function(name="get_line", parameters=(A_TEXT, A_COUNT), result=TEXT, build=_line,
             doc="The n-th line, from 1, without its end (a line feed, or a carriage return and one). Null where there is no "
                 "such line; '' has one line, which is ''.",
             example=("get_line('1 rue Foy\n75011 Paris', 2)", "75011 Paris")),
    Function(name="juxt_words", parameters=(A_TEXT, A_TEXT), result=TEXT, repeated=True, build=_juxt_words,
             doc="The texts with a space between; null and '' are left out. Never null. It takes any number, so it is JuxtWords3 too.",
             example=("juxt_words('Ann', null, 'Lee')", "Ann Lee")),
    Function(name="all_non_null", parameters=(A_VALUE, A_VALUE), result=BOOLEAN, repeated=True, build=_all_non_null,
             doc="Whether no value is null, and no text is ''. Never null. It takes any number, so it is AllNonNull2 and AllNonNull3.",
             example=("all_non_null('Ann', '')", "false")),
    Function(name="get_email_domain", parameters=(A_TEXT,), result=TEXT, build=_email_domain,
             doc="What stands after the first @; null where there is none.",
             example=("get_email_domain('ann@example.org')", "example.org")),
    Function(name="ascii", parameters=(A_TEXT,), result=INTEGER, build=lambda dialect, text: dialect.code(text.sql),
             doc="The code point of the first character; null of ''.",
             example=("ascii('A')", "65")),
    Function(name="char", parameters=(Parameter("code", INTEGERS),), result=TEXT, build=_character,
             doc="The character of a code point; null where there is none, and for 0, which no text may hold.",
             example=("char(233)", "é")),
    Function(name="to_string", parameters=(Parameter("value", _EXACT), Parameter("digits", INTEGERS, True, DIGITS)),
             result=TEXT, build=_to_string,
             doc="The canonical text of a value: 1234, 1.50, true, 2026-11-23, 2026-11-23 08:30:00.000000. A number is rounded "
                 "to so many digits when told. A float has no one text: round it first. It is ToIntlString too.",
             example=("to_string(2.345, 2)", "2.35")),
    Function(name="md5_digest", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.md5(text.sql),
             doc="The md5 of the UTF-8 text, 32 hex digits in lower case.",
             example=("md5_digest('a')", "0cc175b9c0f1b6a831c399e269772661")),
    Function(name="sha256_digest", parameters=(A_TEXT,), result=TEXT, build=lambda dialect, text: dialect.sha256(text.sql),
             doc="The sha256 of the UTF-8 text, 64 hex digits in lower case.",
             example=("sha256_digest('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    Function(name="bucket", result=INTEGER, build=_bucket,
             parameters=(Parameter("key", _EXACT), Parameter("seed", TEXTS), Parameter("n", INTEGERS, written=_BUCKETS)),
             doc="A number from 0 to n-1: the first 8 hex digits of the md5 of 'seed:key', modulo n. Even, and the same for the "
                 "same key and seed on every database and day, which is why there is no Random.",
             example=("bucket('a', 's', 10000)", "4368")),
)  # fmt: skip
