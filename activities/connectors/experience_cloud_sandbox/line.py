"""The grammar of one line of an inbound file (§A2): a user id, one TAB, items between commas.

Faults are told in words that hold nothing of the line: it may be all identifier.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

IdentifierKind = Literal["visitor_id", "declared_id"]
FindFault = Callable[[str], str | None]
"""Tells what is wrong with an identifier, or None."""

_DEVICE_ID = r"[0-9{0}]{{8}}-(?:[0-9{0}]{{4}}-){{3}}[0-9{0}]{{12}}"
_LOWER, _UPPER = _DEVICE_ID.format("a-f"), _DEVICE_ID.format("A-F")

GLOBAL_DATA_SOURCES: Mapping[str, str] = {
    "20914": _LOWER,  # GAID
    "20915": _UPPER,  # IDFA
    "121963": _LOWER,  # RIDA
    "488258": _LOWER,  # Amazon Fire TV
    "1171485": _LOWER,  # LGUDID
    "389146": r"[0-9A-Za-z]+",  # MAID
    "963906": r"[0-9A-Za-z]+",  # TIFA
    "1171489": r"[0-9A-Za-z]+",  # Vizio IFA
}
"""Data sources that exist for everybody, with the shape of their device ids (§B4)."""

_SOUND_DECLARED_ID = re.compile(r"[^\x00-\x1f\x7f:@%]*[^\x00-\x1f\x7f:@%\s]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]+")
_REMOVED = re.compile(r"([0-9]+):(?:0|-1)")
_PAIR = re.compile(
    r"""
    (?: "(?P<quoted_key>[^"\x00-\x1f\x7f]+)" | (?P<key>[^"=,\x00-\x20\x7f]+(?:[ ]+[^"=,\x00-\x20\x7f]+)*) )
    [ ]*=[ ]*
    (?: "(?P<quoted_value>[^"\x00-\x1f\x7f]+)" | (?P<value>[^",\x00-\x20\x7f]+(?:[ ]+[^",\x00-\x20\x7f]+)*) )
    """,
    re.VERBOSE,
)


class MalformedError(Exception):
    """The line breaks the grammar; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item: a trait by its id, or a signal that trait rules are matched against.

    `code` is the trait's id, or the value of the key `ic`; None for every other signal.
    """

    verb: Literal["add", "remove", "unset", "signal"]
    code: str | None


def split_line(raw: bytes) -> tuple[str, str]:
    """Split a line, without its end, into the user id and the text of the items."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8") from None
    if text.startswith("\ufeff"):
        raise MalformedError("begins with a byte order mark")
    columns = text.split("\t")
    if len(columns) != 2:
        raise MalformedError(f"{len(columns) - 1} TABs where the grammar has one")
    return columns[0], columns[1]


def find_identifier_fault(data_source: str, kind: IdentifierKind) -> FindFault:
    """Choose the judge of the identifiers of a data source."""
    shape = GLOBAL_DATA_SOURCES.get(data_source)
    if shape is not None:
        return _judge_shape(shape, f"not of the shape of device ids of data source {data_source}")
    match kind:
        case "visitor_id":
            return _judge_shape(r"[0-9]{38}", "a visitor id is 38 digits")
        case "declared_id":
            return _judge_declared_id


def read_items(text: str) -> tuple[Item, ...]:
    """Read what stands after the TAB; empty items are skipped."""
    if text.startswith(" "):
        raise MalformedError("a blank before the first item")
    items = []
    for number, written in enumerate(_split_outside_quotes(text), start=1):
        stripped = written.lstrip(" ")
        if stripped.endswith(" "):
            raise MalformedError(f"item {number} ends in a blank")
        if stripped:
            items.append(_read_item(number, stripped))
    return tuple(items)


def _judge_shape(shape: str, fault: str) -> FindFault:
    sound = re.compile(shape)
    return lambda identifier: None if sound.fullmatch(identifier) else fault


def _judge_declared_id(identifier: str) -> str | None:
    if _SOUND_DECLARED_ID.fullmatch(identifier):
        return None
    if not identifier:
        return "the user id is empty"
    if "@" in identifier:
        return "an @: a raw e-mail address must never be sent"
    if ":" in identifier or "%3a" in identifier.lower():
        return "a declared id holds neither ':' nor '%3A'"
    if _CONTROL.search(identifier):
        return "a control character"
    if identifier[-1].isspace():
        return "the user id ends in a blank"
    return None  # a `%` that begins no %3A


def _split_outside_quotes(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    parts = text.split('"')
    if len(parts) % 2 == 0:
        raise MalformedError("a quotation mark is not closed")
    parts[::2] = [outside.replace(",", "\t") for outside in parts[::2]]  # there is no other TAB left
    return '"'.join(parts).split("\t")


def _read_item(number: int, written: str) -> Item:
    if _DIGITS.fullmatch(written):
        return Item(verb="signal", code=written)
    if removed := _REMOVED.fullmatch(written):
        return Item(verb="remove", code=removed[1])
    pair = _PAIR.fullmatch(written)
    if pair is None:
        raise MalformedError(f"item {number} is neither a number nor key=value")
    key = (pair["quoted_key"] or pair["key"]).removeprefix("-").lower()
    match key:
        case "d_sid" | "d_unsid":
            if pair["quoted_key"] or not _DIGITS.fullmatch(pair["value"] or ""):
                raise MalformedError(f"item {number}: {key} takes digits, without quotation marks")
            return Item(verb="add" if key == "d_sid" else "unset", code=pair["value"])
        case "ic":
            return Item(verb="signal", code=pair["quoted_value"] or pair["value"])
        case _:
            return Item(verb="signal", code=None)
